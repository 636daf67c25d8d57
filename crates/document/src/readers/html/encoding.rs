//! What a page says about its own encoding.

use encoding_rs::Encoding;

/// How far into the file its own word about its encoding is looked for.
const DECLARATION_BYTES: usize = 4 << 10;

/// The encoding that the page names, in a `<meta>` tag or the XML declaration.
pub(super) fn declared_encoding(bytes: &[u8]) -> Option<&'static Encoding> {
    let start = &bytes[..bytes.len().min(DECLARATION_BYTES)];
    let start = String::from_utf8_lossy(start).to_ascii_lowercase();
    let label_in = |tag: &str, key: &str| {
        let value = tag.split('>').next()?.split_once(key)?.1.trim_start();
        let value = value
            .strip_prefix('=')?
            .trim_start_matches(['"', '\'', ' ']);
        let label = value.split(['"', '\'', ' ', ';', '/', '?']).next()?;
        Encoding::for_label_no_replacement(label.as_bytes())
    };
    let in_xml = || label_in(start.strip_prefix("<?xml")?, "encoding");
    let encoding = start
        .split("<meta")
        .skip(1)
        .find_map(|tag| label_in(tag, "charset"));
    // What could be read this far is no UTF-16.
    encoding
        .or_else(in_xml)
        .filter(|encoding| encoding.is_ascii_compatible())
}
