//! Why an index does not hold a file.

/// Why an index holds no passage of a file. Its `Display` is meant for people, after the file's
/// name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LeftOut {
    /// There is no such file.
    #[error("there is no such file")]
    NoSuchFile,
    /// The index has no folder, and the application has added no document of this name.
    #[error("no document of this name was added")]
    NoSuchDocument,
    /// The file holds no text.
    #[error("it is of a kind that is not read: it has no text")]
    NoText,
    /// The file or the record was read, and has neither a title of its own nor a text with a word in it.
    #[error("it has neither a title of its own nor a text")]
    Empty,
    /// The file could not be read; this is what the index or the walk says.
    #[error("it {0}")]
    Failed(String),
    /// The file is larger than the limit.
    #[error("it is too large: {len_bytes} bytes, but the limit is {limit_bytes}")]
    TooLarge {
        /// The file's size.
        len_bytes: u64,
        /// The limit in force.
        limit_bytes: u64,
    },
    /// It is a symbolic link, or lies behind one; these are not followed.
    #[error("it is a symbolic link or lies behind one, and these are not followed")]
    Link,
    /// It is a pipe, a socket or a device.
    #[error("it is not a regular file")]
    Special,
    /// Its name or a folder's begins with a dot.
    #[error("it is hidden: its name, or a folder's, begins with a dot")]
    Hidden,
    /// A `.gitignore`, `.ignore` or `.rereadignore` names it.
    #[error("a .gitignore, .ignore or .rereadignore leaves it out")]
    Ignored,
    /// It is part of an index or of a store of version control.
    #[error("it is part of an index or of version control")]
    Store,
    /// It could be indexed, and was not there or was different when the index was last brought up
    /// to date.
    #[error("the index has not been brought up to date since it was added or changed")]
    NotYet,
    /// No record of the JSON Lines file stands on this line.
    #[error("there is no usable record on this line")]
    NoRecord,
    /// The line of the JSON Lines file cannot be used; this is what its reader says.
    #[error("the line cannot be used: {0}")]
    BadLine(String),
    /// The lines hold nothing but signs and blanks, and so does all that stands below them.
    #[error("there is no word on these lines or below them, so no passage holds them")]
    NoWord,
}
