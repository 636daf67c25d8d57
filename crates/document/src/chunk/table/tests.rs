use super::*;

fn rows(text: &str, table: &Table) -> Vec<String> {
    let ends = table.rows.iter().skip(1).copied().chain([table.end]);
    let rows = table.rows.iter().zip(ends);
    rows.map(|(&start, end)| text[start..end].trim_end().to_owned())
        .collect()
}

fn names(text: &str, table: &Table) -> String {
    header_text(text, table, &[]).unwrap_or_default()
}

fn only(text: &str, spans_blanks: bool) -> Table {
    let mut tables = pipes::tables(text, spans_blanks);
    assert_eq!(tables.len(), 1, "{text}");
    tables.remove(0)
}

#[test]
fn bars_and_a_row_of_dashes_make_a_table() {
    let text = "Intro | no table\n\n| Name | Price |\n|:--|--:|\n| Oak | 4 |\n  | Elm | 5 |\n\nOutro | no row\n";
    let table = only(text, false);
    assert_eq!(names(text, &table), "Name | Price");
    assert_eq!(
        rows(text, &table),
        [
            "| Name | Price |",
            "|:--|--:|",
            "| Oak | 4 |",
            "| Elm | 5 |"
        ]
    );
    let bare = "Name | Price\n--- | ---\nOak | 4\nand so on";
    let table = only(bare, false);
    assert_eq!(names(bare, &table), "Name | Price");
    assert_eq!(rows(bare, &table).len(), 3);
    let quoted = "> | A \\| B | C |\r\n> | - | - |\r\n> | 1 | 2 |\r\n";
    assert_eq!(names(quoted, &only(quoted, false)), "A | B | C");
    let single = "| Name |\n| --- |\n| Oak |";
    assert_eq!(names(single, &only(single, false)), "Name");
}

#[test]
fn other_bars_and_dashes_make_none() {
    for text in [
        "",
        "---|---",
        "a | b\n---\nc | d",
        "a | b | c\n--- | ---\n1 | 2 | 3",
        "\n| --- | --- |\n| 1 | 2 |",
        "a | b\n\n--- | ---\n",
        "x = a || b\n| c |",
    ] {
        assert_eq!(pipes::tables(text, false), [], "{text}");
    }
}

#[test]
fn tables_follow_each_other_and_rows_of_pages_take_several_lines() {
    let text = "|A|B|\n|-|-|\n|1|2|\n|C|D|\n|-|-|\n|3|4|\n";
    let tables = pipes::tables(text, false);
    assert_eq!(tables.len(), 2);
    assert_eq!(rows(text, &tables[0]), ["|A|B|", "|-|-|", "|1|2|"]);
    assert_eq!(names(text, &tables[1]), "C | D");
    assert!(tables[0].end <= tables[1].header.start);

    let page = "| A | B |\n| --- | --- |\n\n| 1 | one\nmore |\n\n| 2 | two |\n\nAfter.\n";
    let table = only(page, true);
    assert_eq!(
        rows(page, &table)[2..],
        ["| 1 | one\nmore |", "| 2 | two |"]
    );
    assert_eq!(only(page, false).rows.len(), 2);
}

#[test]
fn separators_and_names_of_values_are_told_by_the_first_records() {
    for (text, usual, expected) in [
        ("name,price\noak,4\n", b',', Some("name | price")),
        ("name;price\noak;4,5\nelm;3,2\n", b',', Some("name | price")),
        ("name\tprice\noak\t4\n", b'\t', Some("name | price")),
        ("name|price\noak|4\n", b',', Some("name | price")),
        ("name,price\toak\nelm,4\n", b'\t', Some("name | price oak")),
        (
            "\"last, first\",\"a \"\"b\"\"\nc\"\nx,y\n",
            b',',
            Some("last, first | a \"b\" c"),
        ),
        (
            "country,2019,2020\nNorway,3,4\n",
            b',',
            Some("country | 2019 | 2020"),
        ),
        ("id,,name\n1,2,x\n", b',', Some("id | name")),
        // No names: numbers alone, or a first record of the second one's kind.
        ("1,2\n3,4\n", b',', None),
        ("2024-01-05,12:30\n2024-01-06,12:45\n", b',', None),
        ("Anna,Berlin,34\nBob,Paris,41\n", b',', None),
        // One column, one record, nothing.
        ("name\noak\n", b',', None),
        ("name,price\n", b',', None),
        ("", b',', None),
        ("\n\n", b',', None),
    ] {
        let found = csv::table(text, usual).map(|table| names(text, &table));
        assert_eq!(found.as_deref(), expected, "{text:?}");
    }
}

#[test]
fn line_ends_inside_quotes_end_no_row() {
    for line_end in ["\n", "\r\n"] {
        let text = "name,note\noak,\"strong,\nand old\"\n\nelm,soft\n".replace('\n', line_end);
        let table = csv::table(&text, b',').unwrap();
        let quoted = "oak,\"strong,\nand old\"".replace('\n', line_end);
        assert_eq!(
            rows(&text, &table),
            ["name,note", quoted.as_str(), "elm,soft"]
        );
    }
    // A quote that never ends takes the rest of the file.
    let text = "a,b\n1,\"2\n3,4\n5,6\n";
    assert_eq!(csv::table(text, b',').unwrap().rows.len(), 2);
}

#[test]
fn a_long_header_is_cut_between_tokens() {
    let header: Vec<String> = (10..99).map(|column| format!("c{column}")).collect();
    let text = format!("| {} |\n|{}\n| 1 |", header.join(" | "), "-|".repeat(89));
    let table = only(&text, false);
    let starts: Vec<usize> = text.match_indices('c').map(|(at, _)| at).collect();
    let names = header_text(&text, &table, &starts).unwrap();
    assert_eq!(names, header[..MAX_HEADER_TOKENS].join(" | "));
}

#[test]
fn kinds_and_names_of_files_decide_which_tables_are_looked_for() {
    let pipes = "|A|B|\n|-|-|\n|1|2|\n";
    let of = |id: &str, kind, text: &str| Tables::of(&Document::new(id, text).with_kind(kind)).0;
    assert_eq!(of("a.txt", DocumentKind::Text, pipes).len(), 1);
    assert_eq!(of("7", DocumentKind::JsonLines, pipes).len(), 1);
    assert_eq!(of("a.rs", DocumentKind::Code, pipes), []);
    let values = "name,price\noak,4\n";
    assert_eq!(of("d/A.CSV", DocumentKind::Text, values).len(), 1);
    assert_eq!(of("a.txt", DocumentKind::Text, values), []);
    assert_eq!(of("a.csv", DocumentKind::JsonLines, values), []);
}

#[test]
fn hostile_tables_take_linear_time() {
    let started = std::time::Instant::now();
    let n = 1 << 19;
    for text in [
        "|-|-|\n".repeat(n),
        "|a|b|\n|-|-|\n".repeat(n / 2),
        format!("a,b\n{}", " \n".repeat(n * 2)),
        format!("a,b\n{}", "\n".repeat(n * 4)),
        "\",".repeat(n),
        "\\|".repeat(n),
    ] {
        pipes::tables(&text, false);
        pipes::tables(&text, true);
        csv::table(&text, b',');
    }
    assert!(started.elapsed().as_secs() < 10, "{:?}", started.elapsed());
}
