//! Tables of data, tables for the layout, and numbered lists.

use super::text;

#[test]
fn tables_with_a_header_say_so_in_their_second_line() {
    let head = "<table><caption>C</caption><thead><tr><th>Model<th>Watts</thead><tbody><tr><td>A|B<td>50</table>";
    assert_eq!(
        text(head),
        "C\n| Model | Watts |\n| --- | --- |\n| A\\|B | 50 |"
    );
    let th = "x<table><tr><th>a</th><th>b</th></tr><tr><th>1</th><td>2</td></tr></table>y";
    assert_eq!(text(th), "x\n\n| a | b |\n| --- | --- |\n| 1 | 2 |\n\ny");
    let corner = "<table><tr><td></td><th>b</th></tr><tr><th>1</th><td><ul><li>2<li>3</ul></td></tr></table>";
    assert_eq!(text(corner), "| | b |\n| --- | --- |\n| 1 | 2; 3 |");
}

#[test]
fn spans_keep_columns_below_their_headers() {
    let source = "<table><thead><tr><th rowspan=2>Name<th colspan=2>2023<tr><th>Q1<th>Q2</thead>\
                  <tr><td rowspan=2>Ada<td>1<td>2<tr><td colspan=2>none</table>";
    assert_eq!(
        text(source),
        "| Name | 2023 Q1 | 2023 Q2 |\n| --- | --- | --- |\n| Ada | 1 | 2 |\n| Ada | none | |"
    );
}

#[test]
fn tables_without_a_header_and_those_for_the_layout_stay_as_they_are() {
    for (source, expected) in [
        (
            "<table><tr><td>1<td>2<tr><td>3<td>4</table>",
            "1 | 2\n3 | 4",
        ),
        (
            "<table><tr><th>Born<td>1815<tr><th>Died<td>1852</table>",
            "Born | 1815\nDied | 1852",
        ),
        (
            "<table><tr><th colspan=2>Ada<tr><th>Born<td>1815</table>",
            "Ada\nBorn | 1815",
        ),
        ("<table><tr><th>a<th>b</table>", "a | b"),
        (
            "<table><tr><th>a<th>b<tr><td><table><tr><td>1</table><td>2</table>",
            "a | b\n1\n\n2",
        ),
        (
            "<table role=presentation><tr><th>a<th>b<tr><td>1<td>2</table>",
            "a | b\n1 | 2",
        ),
    ] {
        assert_eq!(text(source), expected, "{source}");
    }
}

#[test]
fn lists_are_numbered_as_a_page_shows_them() {
    for (source, expected) in [
        ("<ol start=7><li>a<li>b</ol>", "7. a\n8. b"),
        ("<ol start=3 reversed><li>a<li>b</ol>", "3. a\n2. b"),
        (
            "<ol reversed><li>a<li><p>b<ul><li>x</ul><li>c</ol>",
            "3. a\n2. b\n\n  - x\n1. c",
        ),
        ("<ol><li>a<li value=10>b<li>c</ol>", "1. a\n10. b\n11. c"),
        ("<ol type=a><li>x<li>y</ol>", "a. x\nb. y"),
        ("<ol type=I start=4><li>x<li>y</ol>", "IV. x\nV. y"),
        (
            "<ol style='list-style-type: lower-roman'><li>x<li>y</ol>",
            "i. x\nii. y",
        ),
        ("<ol start=x><li>a</ol><menu><li>b</menu>", "1. a\n\n- b"),
        ("<ol start=-1><li>a<li>b</ol>", "-1. a\n0. b"),
    ] {
        assert_eq!(text(source), expected, "{source}");
    }
    let document = super::page("<ol reversed><li>a<li><h3>Head</h3>b</ol><h4>End</h4>");
    let heads = document
        .headings
        .iter()
        .map(|h| &document.text[h.range.clone()]);
    assert_eq!(heads.collect::<Vec<_>>(), ["Head\n", "End\n"]);
}
