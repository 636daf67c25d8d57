use super::*;

/// What is left of a text, with the same number of lines.
fn cleaned(text: &str) -> String {
    cleaned_as(text, false)
}

fn cleaned_as(text: &str, may_be_minified: bool) -> String {
    let mut out = String::new();
    let mut at = 0;
    for run in runs(text, may_be_minified) {
        out.push_str(&text[at..run.range.start]);
        out.push_str(&run.edit(text).with);
        at = run.range.end;
    }
    out.push_str(&text[at..]);
    assert_eq!(out.matches('\n').count(), text.matches('\n').count());
    out
}

/// Base64 of bytes that are as good as random, `len` characters long.
fn base64(len: usize) -> String {
    const LETTERS: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut state = 7_u64;
    let mut next = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        LETTERS[(state >> 58) as usize] as char
    };
    (0..len).map(|_| next()).collect()
}

/// The same in lines of `width`.
fn lines(len: usize, width: usize) -> String {
    let run = base64(len);
    let lines: Vec<_> = run
        .as_bytes()
        .chunks(width)
        .map(|line| str::from_utf8(line).unwrap())
        .collect();
    lines.join("\n")
}

#[test]
fn pictures_in_addresses_are_left_out() {
    let data = base64(60_000);
    for (before, after) in [
        ("![a](data:image/png;base64,", ") and text"),
        (
            "<img src=\"data:image/svg+xml;charset=utf-8,",
            "\" alt=\"x\">",
        ),
        ("url(data:font/woff2;base64,", ");"),
        ("[image1]: <data:image/png;base64,", ">"),
        ("See data:;base64,", " there"),
    ] {
        let text = format!("one\n{before}{data}{after}\ntwo\n");
        let cut = before.find("data:").unwrap();
        let expected = format!("one\n{}[encoded data, 60 KB]{after}\ntwo\n", &before[..cut]);
        assert_eq!(cleaned(&text), expected);
    }
    let svg = format!(
        "a {{ background: url(\"data:image/svg+xml;utf8,<svg>{}</svg>\") }}",
        "<g/>".repeat(40)
    );
    assert_eq!(
        cleaned(&svg),
        "a { background: url(\"[encoded data, 195 bytes]\") }"
    );
}

#[test]
fn keys_and_certificates_are_left_out_in_their_armour() {
    let key = lines(1600, 64);
    let text =
        format!("Use\n-----BEGIN PRIVATE KEY-----\n{key}\n-----END PRIVATE KEY-----\nor\nnot\n");
    let expected = format!(
        "Use\n-----BEGIN PRIVATE KEY-----\n[encoded data, 2 KB]{}\n-----END PRIVATE KEY-----\nor\nnot\n",
        "\n".repeat(24)
    );
    assert_eq!(cleaned(&text), expected);
    let short = "-----BEGIN PGP SIGNATURE-----\nVersion: X 1\n\niQEz\nBAEB=\n=5fXw\n-----END PGP SIGNATURE-----\n";
    assert_eq!(
        cleaned(short),
        "-----BEGIN PGP SIGNATURE-----\nVersion: X 1\n\n[encoded data, 16 bytes]\n\n\n-----END PGP SIGNATURE-----\n"
    );
    let signed = "-----BEGIN PGP SIGNED MESSAGE-----\nHash: SHA256\n\nHello\nWorld\n";
    assert_eq!(cleaned(signed), signed);
    let in_json = format!(
        "{{\"private_key\": \"-----BEGIN KEY-----\\n{}\\n\"}}",
        lines(640, 64).replace('\n', "\\n")
    );
    assert_eq!(
        cleaned(&in_json),
        "{\"private_key\": \"-----BEGIN [encoded data, 670 bytes]\"}"
    );
}

#[test]
fn runs_and_blocks_of_base64_are_left_out() {
    let run = base64(372);
    assert_eq!(
        cleaned(&format!("ssh-rsa {run} ada@host")),
        "ssh-rsa [encoded data, 372 bytes] ada@host"
    );
    let block = lines(1000, 76);
    assert_eq!(
        cleaned(&format!("Content:\n\n{block}\n\nThe end.\nbye\n")),
        format!(
            "Content:\n\n[encoded data, 1 KB]{}\n\nThe end.\nbye\n",
            "\n".repeat(13)
        )
    );
    let listed = lines(760, 76).replace('\n', "\",\n  \"");
    assert_eq!(
        cleaned(&format!("[\n  \"{listed}\"\n]\n")),
        format!("[\n  \"[encoded data, 814 bytes]{}\"\n]\n", "\n".repeat(9))
    );
    let bytecode = "608060405234801561010f".repeat(40);
    assert_eq!(
        cleaned(&format!("code = 0x{bytecode};")),
        "code = [encoded data, 882 bytes];"
    );
}

#[test]
fn drawings_and_lists_of_bytes_are_left_out() {
    let path = "M12.5 0c-3.3 0-6 2.7-6 6s2.7 6 6 6 6-2.7 6-6-2.7-6-6-6zm0 10L4 4 8 8a1 1 0 0 1 2e-5 3H2V4z";
    assert_eq!(
        cleaned(&format!(
            "<path class=\"Moon\" d=\"{path}\n  {path}\" fill=\"none\"/>"
        )),
        "<path class=\"Moon\" d=\"[encoded data, 183 bytes]\n\" fill=\"none\"/>"
    );
    let bytes = "0x89, 0x50, 0x4e, 0x47,\n".repeat(20);
    assert_eq!(
        cleaned(&format!("char icon[] = {{\n{bytes}}};\n")),
        format!(
            "char icon[] = {{\n[encoded data, 479 bytes]{}\n}};\n",
            "\n".repeat(19)
        )
    );
    assert_eq!(
        cleaned(&format!(
            "Modulus:\n    {}c1:99\nExponent\n",
            "00:c1:8f:3a:\n    ".repeat(20)
        )),
        format!(
            "Modulus:\n    [encoded data, 343 bytes]{}99\nExponent\n",
            "\n".repeat(20)
        )
    );
    assert_eq!(
        cleaned(&format!("s = \"{}\"", "\\x89\\x50".repeat(30))),
        "s = \"[encoded data, 240 bytes]\""
    );
}

#[test]
fn code_that_a_program_made_small_is_left_out() {
    let line = "function(a,b){var c=a.b(b);return c?d(e):f.g,h}".repeat(50);
    assert_eq!(
        cleaned_as(&format!("/* A licence. */\n{line}\n"), true),
        "/* A licence. */\n[minified code, 2 KB]\n"
    );
    assert!(runs(&line, false).is_empty());
    for kept in [
        "A sentence in one long line, as editors that wrap write them. ".repeat(40),
        "var words = {\"a\": \"Some words for people\", \"b\": \"More of them\"};".repeat(30),
        "消息通知中心设置页面标题".repeat(200),
    ] {
        assert!(runs(&kept, true).is_empty(), "{kept}");
    }
}

#[test]
fn what_people_read_and_search_for_is_kept() {
    let sha1 = "da39a3ee5e6b4b0d3255bfef95601890afd80709";
    let sha512 = "cf83e1357eefb8bd".repeat(8);
    let hashes = format!(
        "{}\n",
        "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n".repeat(9)
    );
    for text in [
        format!("commit {sha1}\nsha512 {sha512}\n"),
        hashes,
        "\"integrity\": \"sha512-v2kDEe57lecTulaDIuNTPy3Ry4gLGJ6Z1O3vE1krgXZNrsQ+LFTGHVxVjcXPs17LhbZVGedAJv8XZ1tvj5FvSg==\"".to_owned(),
        ">seq1\n".to_owned() + &format!("{}\n", "ACGTTGCAACGGTACCATGCATGCACGTTGCAACGGTACCATGCATGCACGTTGCA\n".repeat(20)),
        "MKTAYIAKQRQISFVKSHFSRQLEERLGLIEVQAPILSRVGDGTQDNLSGAEKAVQVKVKALPDAQFEVV\n".repeat(9),
        "https://example.org/oauth/authorize?token=".to_owned() + &base64(300) + " is the address",
        "/usr/share/java/org/apache/commons/lang3/builder/ReflectionToStringBuilder2Test/resources/META-INF/maven/org.apache/x\n".repeat(3),
        "kABPersonAlternateBirthdayCalendarIdentifierPropertyAndSomeMoreWordsOfItThatGoOn2AndOnAndOnForeverAndAnotherLine\n".repeat(4),
        "data:text/plain,hello and data: a word\n".to_owned(),
        format!("\"data:words, {}\"", "many of them, ".repeat(20)),
        "0x1F 0x20 0x21\n".to_owned(),
        "SHA256 ".to_owned() + &"AB:CD:".repeat(16) + " is it\n" + &"12 34 56 ".repeat(40),
        "to be or to be ad fe ".repeat(20),
        "0x428a2f98, 0x71374491, 0xb5c0fbcf,\n".repeat(30),
        "3.14159265358979323846264338327950288419716939937510".repeat(20),
        "Methionylthreonylthreonylglutaminylarginyltyrosylglutamyl".repeat(20),
        "\"M is the mass\" and 'm0 1 2'".to_owned(),
        "| a | b |\n|---|---|\n".to_owned() + &"-".repeat(300),
        "漢字".repeat(400),
    ] {
        assert_eq!(cleaned(&text), text);
    }
}

#[test]
fn hostile_text_takes_no_longer() {
    for unit in [
        "data:",
        "\"M0",
        "\"0 ",
        "0x1,\n",
        "\\n",
        "a/\"",
        "-----BEGIN A-----\n",
        "://a",
        "data:a/,",
    ] {
        let text = unit.repeat((2 << 20) / unit.len());
        let _ = cleaned(&text);
    }
}
