//! What is part of a page's text and what is not.

use super::{page, text};

#[test]
fn headers_asides_and_footers_are_text() {
    let source = "<header id=title-block-header><h1>Tides</h1><p class=author>Ada</p>\
                  <div class=abstract>About water.</div></header><p>Body</p><aside>Note well.</aside>\
                  <footer><section id=footnotes role=doc-endnotes><ol><li id=fn1>A note.\
                  <a href='#fnref1' class=footnote-back role=doc-backlink>↩︎</a></ol></section>\
                  <p>Licensed under <a href=x>Creative Commons Attribution 4.0</a></p></footer>";
    assert_eq!(
        text(source),
        "Tides\n\nAda\n\nAbout water.\n\nBody\n\nNote well.\n\n1. A note.\n\nLicensed under Creative Commons Attribution 4.0"
    );
}

#[test]
fn navigation_is_told_by_what_it_is() {
    for around in [
        "<nav><ul><li><a href=a>Home</a></ul></nav>",
        "<div role=navigation>Menu</div>",
        "<form role=search>Search <button>Go</button></form>",
        "<ul class=breadcrumb><li><a href=a>Home</a><li><a href=b>Docs</a></ul>",
        "<div class='site-menu'><a href=a>Home</a> <a href=b>Docs</a></div>",
        "<div id=toc><h2>Contents</h2><ul><li>1 <a href=#a>One chapter</a><li>2 <a href=#b>Two</a></ul></div>",
        "<ul class='tableOfContents_x1 thin'><li><a href=#a>One</a></ul>",
        "<header><a href=/>Acme</a><a href=d>Docs</a><a href=p>Pricing</a></header>",
        "<footer><ul><li><a href=a>Privacy</a><li><a href=b>Terms</a><li><a href=c>Jobs</a></ul></footer>",
        "<div aria-label=Pagination><a href=1>Previous</a><a href=2>Next</a></div>",
        "<section id=table_of_contents><h2>Table of contents</h2><div class=toc><a href=#a>One</a></div></section>",
        "<header><ul><li><a href=a>Home</a><li><a href=b>Docs</a><li><a href=c>Blog</a></ul></header>",
        "<a class=sr-only href='#main'>Skip to content</a>",
        "<div id=cookie-banner><p>We use cookies to please you.</p><button>Accept</button></div>",
        "<button class=copy>Copy</button>",
        "<button type=submit>Send</button>",
        "<select><option>One<option>Two</select>",
    ] {
        assert_eq!(text(&format!("{around}<p>Body</p>")), "Body", "{around}");
        assert_eq!(
            text(&format!("<main><p>Body</p></main>{around}")),
            "Body",
            "{around}"
        );
    }
}

#[test]
fn names_of_navigation_do_not_hide_text() {
    for source in [
        "<div class=page-with-sidebar><h1>Words</h1><a href=a>One</a><a href=b>Two</a></div>",
        "<div class=sidebar><p>A tale with <a href=a>one</a> link in it, and many words.</p></div>",
        "<div class=menu><p>Soup, fish and cake</p></div>",
        "<div class=cookie-recipe><p>Butter</p></div>",
        "<ul><li><a href=a>First paper</a><li><a href=b>Second paper</a></ul>",
    ] {
        let n_words = text(source).split_whitespace().count();
        assert!(n_words > 0, "{source}");
        assert_eq!(
            text(&format!("{source}<p>Body")).split_whitespace().count(),
            n_words + 1,
            "{source}"
        );
    }
}

#[test]
fn one_rule_holds_for_all_that_is_hidden() {
    for hidden in [
        "hidden",
        "hidden=''",
        "aria-hidden=true",
        "style='color: red; DISPLAY:none !important'",
        "style='visibility: hidden'",
    ] {
        for (start, end) in [
            ("<p", "</p>"),
            ("<div", "</div>"),
            ("<article", "</article>"),
            ("<span", "</span>"),
            ("<h2", "</h2>"),
            ("<custom-box", "</custom-box>"),
            ("<pre", "</pre>"),
            ("<dl", "</dl>"),
            ("<img alt=gone", ""),
        ] {
            let source = format!("<p>a</p>{start} {hidden}>gone <b>gone</b>{end}<p>b</p>");
            let source = if end.is_empty() {
                format!("<p>a</p>{start} {hidden}><p>b</p>")
            } else {
                source
            };
            assert_eq!(text(&source), "a\n\nb", "{source}");
        }
        // Without end tags, too.
        let list = format!("<ul><li>a<li {hidden}>gone<li>b</ul>c");
        assert_eq!(text(&list), "- a\n- b\n\nc");
        let table =
            format!("<table><tr><td>a<td {hidden}>gone<td>b<tr {hidden}><td>gone<tr><td>c</table>");
        assert_eq!(text(&table), "a | b\nc");
        let paragraphs = format!("<p>a<p {hidden}>gone<p>b<p {hidden}>gone<div>c</div>");
        assert_eq!(text(&paragraphs), "a\n\nb\n\nc");
    }
    assert_eq!(
        text("<p hidden=until-found>a<p hidden='Until-Found'>b"),
        "a\n\nb"
    );
    assert_eq!(text("<body style='display:none'><p>a"), "a");
    assert_eq!(text("<p aria-hidden=false>a"), "a");
    // The page behind a window.
    let behind =
        "<div id=root aria-hidden=true><h1>T</h1><p>a</p></div><div role=dialog>Log in</div>";
    assert_eq!(text(behind), "T\n\na\n\nLog in");
}

#[test]
fn what_the_page_itself_opens_is_not_hidden() {
    let source = "<h3><button aria-expanded=false aria-controls=a1>Why?</button></h3><div id=a1 hidden>Because.</div>";
    assert_eq!(text(source), "Why?\n\nBecause.");
    let source = "<button data-bs-toggle=collapse data-bs-target='#x'>How</button><div id=x aria-hidden=true>So.</div>";
    assert_eq!(text(source), "How\nSo.");
}

#[test]
fn buttons_are_text_where_they_are_headings() {
    for source in [
        "<h2><button>Costs</button></h2>",
        "<button aria-expanded=false>Costs</button>",
        "<button class=accordion>Costs</button>",
        "<details><summary><button>Costs</button></summary></details>",
        "<button role=tab>Costs</button>",
        "<p>Then press <button>Costs</button></p>",
    ] {
        assert!(
            text(&format!("{source}<p>Much.")).contains("Costs"),
            "{source}"
        );
    }
    assert_eq!(
        text("<button>What does it cost?</button><p>Much."),
        "What does it cost?\n\nMuch."
    );
    assert_eq!(
        text("<button aria-expanded=false class=menu-toggle>Menu</button><p>Much."),
        "Much."
    );
    assert_eq!(
        text("<h2>Costs <a class=headerlink href='#c'>¶</a></h2><p>Much."),
        "Costs\n\nMuch."
    );
    assert_eq!(
        text("<h1>Costs<button class=copy-path>Copy path</button></h1><p>Much."),
        "Costs\n\nMuch."
    );
    assert_eq!(
        page("<h2><button>Costs</button></h2>x").headings[0].text,
        "Costs"
    );
}

#[test]
fn pictures_are_their_words() {
    for (source, expected) in [
        ("<p>A<img alt='red kite' src=x>B", "A red kite B"),
        ("<p>A<img alt='' src=x>B<img src=y>", "AB"),
        (
            "<p>A <img alt=logo><img alt='IMG_12.jpg'><img alt=x role=presentation>B",
            "A B",
        ),
        ("<p>Hi<img class=emoji alt=🚀>", "Hi🚀"),
        (
            "<figure><img alt='A red kite'><figcaption>A red kite.</figcaption></figure>",
            "A red kite.",
        ),
        (
            "<figure><img alt='Kite over a field'><figcaption>Fig. 1: Kite</figcaption></figure>x",
            "Fig. 1: Kite\nKite over a field\n\nx",
        ),
        ("<figure><img alt='Kite'></figure>", "Kite"),
        (
            "a<svg role=img aria-label='A kite in the sky'><path/></svg>b",
            "a A kite in the sky b",
        ),
        ("<map><area alt=Europe><area alt=Asia></map>", "Europe Asia"),
        ("<span role=img aria-label=kite></span> flies", "kite flies"),
        (
            "<abbr title='World Health Organization'>WHO</abbr>, <abbr title='World Health Organization'>WHO</abbr>",
            "WHO (World Health Organization), WHO",
        ),
    ] {
        assert_eq!(text(source), expected, "{source}");
    }
}

#[test]
fn other_elements_of_text_are_kept() {
    for (source, expected) in [
        ("<details><summary>Q</summary>A</details>", "Q\nA"),
        ("<div id=footnotes><p>1. A note.</div>", "1. A note."),
        (
            "<footer><p>© 2024 Ada. <a href=l>MIT</a></p></footer>",
            "© 2024 Ada. MIT",
        ),
        (
            "<aside><h3>Tip</h3><p>Bring <a href=x>boots</a>.</aside>",
            "Tip\n\nBring boots.",
        ),
        (
            "<p class=byline>By <a rel=author href=a>Ada</a></p>",
            "By Ada",
        ),
        ("<ul class=nav-notes><li>Plain words", "- Plain words"),
        ("<template shadowrootmode=open><p>a</template>", "a"),
        ("<noscript><p>a</noscript>", "a"),
        ("<noscript>Please enable JavaScript.</noscript>", ""),
        ("<dl><dt>a<dd>b<dt>c<dd>d</dl>", "a\nb\nc\nd"),
        ("<object><p>a</object>", "a"),
        ("<dialog>a</dialog>", "a"),
    ] {
        assert_eq!(text(source), expected, "{source}");
    }
}

#[test]
fn a_page_without_text_keeps_its_title() {
    let shell = "<!doctype html><html><head><title>Ada Lovelace</title></head><body><div id=root></div>\
                 <noscript>You need to enable JavaScript to run this app.</noscript><script>x</script></body></html>";
    let document = page(shell);
    assert_eq!(
        (document.title.as_str(), document.text.as_str()),
        ("Ada Lovelace", "")
    );
    let source = "<title>Ada | Site</title><meta property=og:title content=Ada><meta name=dc.title content=Countess>";
    let ada = page(source);
    assert_eq!((ada.title.as_str(), ada.metadata.len()), ("Ada | Site", 1));
    assert_eq!(ada.metadata["dc.title"], "Countess".into());
    assert_eq!(
        page("<meta property=og:title content=' Ada  L '><h1>x</h1>").title,
        "Ada L"
    );
}

#[test]
fn what_meta_tags_say_is_taken_under_every_name() {
    let source = "<meta name='Description ' content=d><meta name=keywords content='a, b'>\
                  <meta property=og:description content=o><meta name=DC.creator content=c>\
                  <meta name=dcterms.subject content=s><meta itemprop=author content=i>\
                  <meta name='' property=article:tag content=t><meta name=twitter:title content=T>x";
    let metadata = page(source).metadata;
    let names: Vec<_> = metadata.keys().map(String::as_str).collect();
    assert_eq!(
        names,
        [
            "article:tag",
            "author",
            "dc.creator",
            "dcterms.subject",
            "description",
            "keywords",
            "og:description"
        ]
    );
}
