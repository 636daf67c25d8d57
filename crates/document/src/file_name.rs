//! Parts of a path with `/` between its parts.

/// The last part of a path.
pub(crate) fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// The last part of a path without its extension.
pub(crate) fn file_stem(path: &str) -> &str {
    let name = file_name(path);
    match name.rsplit_once('.') {
        Some((stem, _)) if !stem.is_empty() => stem,
        _ => name,
    }
}

/// What stands behind the last dot of a path's last part, in lower case; empty without one.
pub(crate) fn extension(path: &str) -> String {
    let (_, extension) = file_name(path).rsplit_once('.').unwrap_or_default();
    extension.to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stem_is_never_empty() {
        assert_eq!(file_stem("a/b.tar.gz"), "b.tar");
        assert_eq!(file_stem("a/.profile"), ".profile");
        assert_eq!(file_stem("a/README"), "README");
        assert_eq!(extension("a.b/C.MDX"), "mdx");
        assert_eq!(extension("a.b/README"), "");
    }
}
