//! Raised and lowered text, formulas, and words with markup inside.

use super::text;

#[test]
fn marks_of_notes_leave_their_words_alone() {
    for (source, expected) in [
        ("sank<sup>1</sup>", "sank 1"),
        ("sank<sup>1</sup>.", "sank 1."),
        ("sank.<sup>1</sup> Then", "sank. 1 Then"),
        ("sank<sup>[12]</sup> then", "sank [12] then"),
        ("sank<sup>1,2</sup>", "sank 1,2"),
        ("sank<sup>a</sup>", "sank a"),
        ("sank<sup>1</sup>and", "sank 1 and"),
        ("sank<sup> 1 </sup>and", "sank 1 and"),
        ("sank<sup>1</sup><sup>,</sup><sup>2</sup>", "sank 1, 2"),
        ("sank<sup>1</sup><sup>2</sup>", "sank 1 2"),
        ("sank<a href='#fn1'><sup>1</sup></a>", "sank 1"),
        ("sank<sup><a href='#fn1'>1</a></sup>", "sank 1"),
        ("10<sup><a href='n.html#fn1'>6</a></sup>", "10 6"),
        ("10<sup class=reference>6</sup>", "10 6"),
        ("sank<a href='#fn1' role=doc-noteref>1</a>.", "sank 1."),
        ("sank<a href='#_ftn1'>1</a>", "sank 1"),
        ("sank<a href='#fn1'>[1]</a>on", "sank [1] on"),
        ("sank<a href='#fn1'></a>", "sank"),
        ("sank<span class=MsoFootnoteReference>1</span>", "sank 1"),
        ("sank<span style='vertical-align: super'>1</span>", "sank 1"),
        ("sank<sup>citation needed</sup>", "sank citation needed"),
        ("<sup>1</sup>See Smith", "1 See Smith"),
        (
            "<ol><li><sup>1</sup>See <sup>a</sup>Smith",
            "1. 1 See a Smith",
        ),
        ("<h2>Fate<sup>2</sup></h2>x", "Fate 2\n\nx"),
        ("see <a href='#s2'>2</a>nd", "see 2nd"),
        ("[<a href='#r2'>2</a>]", "[2]"),
    ] {
        assert_eq!(text(source), expected, "{source}");
    }
}

#[test]
fn powers_indices_and_endings_stay_with_what_they_belong_to() {
    for (source, expected) in [
        ("10<sup>6</sup> m", "10^6 m"),
        ("10<sup>−6</sup>", "10^-6"),
        ("x<sup>n</sup>", "x^n"),
        ("<i>x</i><sup>2</sup>", "x²"),
        ("2<sup>n+1</sup>", "2^(n+1)"),
        ("5 m<sup>2</sup>.", "5 m²."),
        ("the 1<sup>st</sup> of", "the 1st of"),
        ("<i>E</i> = <i>mc</i><sup>2</sup>", "E = mc²"),
        ("H<sub>2</sub>O", "H₂O"),
        ("C<sub>6</sub>H<sub>12</sub>O<sub>6</sub>", "C₆H₁₂O₆"),
        ("CO<sub>2</sub>-free", "CO₂-free"),
        ("x<sub>i</sub>", "x_i"),
        ("Ca<sup>2+</sup>", "Ca²⁺"),
        ("<pre>a <sup>1&nbsp;</sup>C</pre>", "a 1\u{a0}C"),
        ("the <sup>14</sup>C date", "the ¹⁴C date"),
        ("H<span style='vertical-align:sub'>2</span>O", "H₂O"),
        ("Acme<sup>®</sup>", "Acme®"),
        ("<sup>1</sup>/<sub>2</sub> cup", "1/2 cup"),
    ] {
        assert_eq!(text(source), expected, "{source}");
    }
}

#[test]
fn formulas_are_one_line() {
    for (source, expected) in [
        (
            "<math><mi>E</mi>\n<mo>=</mo>\n<mi>m</mi>\n<msup>\n<mi>c</mi>\n<mn>2</mn>\n</msup></math>",
            "E=mc^2",
        ),
        (
            "<math><mfrac><mrow><mi>a</mi><mo>+</mo><mi>b</mi></mrow><mn>2</mn></mfrac></math>",
            "(a+b)/2",
        ),
        (
            "<math><msubsup><mi>x</mi><mi>i</mi><mn>2</mn></msubsup></math>",
            "x_i^2",
        ),
        (
            "<math><semantics><mi>x</mi><annotation>\\TeX</annotation></semantics></math>",
            "x",
        ),
        (
            "<ol><li><math><msup><mrow><mi>a</mi><mo>-</mo><mi>b</mi></mrow><mn>2</mn></msup></math></ol>",
            "1. (a-b)^2",
        ),
        (
            "<math><mi>sin</mi><mo>&#x2061;</mo><mi>x</mi></math>",
            "sin x",
        ),
        (
            "<span class='mwe-math-mathml-a11y' style='display: none;'><math><mi>x</mi></math></span>\
             <img aria-hidden=true alt='{\\displaystyle x}'>",
            "x",
        ),
        (
            "<span class=katex><math><mi>y</mi></math><span class=katex-html aria-hidden=true>y</span></span>",
            "y",
        ),
    ] {
        assert_eq!(text(source), expected, "{source}");
    }
}

#[test]
fn markup_and_signs_that_nobody_sees_do_not_break_words() {
    for (source, expected) in [
        (
            "<b>bo</b>ld, Donau<wbr>dampf&shy;schiff",
            "bold, Donaudampfschiff",
        ),
        ("a&#8203;b&NoBreak;c&#xFEFF;d", "abcd"),
        ("cr&egrave;me br&ucirc;l&eacute;e&nbsp;x", "crème brûlée x"),
        ("a &#8203; b", "a b"),
        ("<title>Schiff&shy;fahrt</title>", ""),
        (
            "<ruby>東<rp>(</rp><rt>とう</rt><rp>)</rp>京<rt>きょう</rt></ruby>都",
            "東京(とうきょう)都",
        ),
        ("<my-title>A</my-title><my-text>B</my-text>", "A B"),
        ("he said <q>no</q>.", "he said “no”."),
    ] {
        assert_eq!(text(source), expected, "{source}");
    }
    assert_eq!(
        super::page("<title>Schiff&shy;fahrt</title>").title,
        "Schifffahrt"
    );
}
