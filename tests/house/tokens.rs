//! Reads Rust source as far as the tests of the house need it: words, texts and signs, each with its line.
//! Comments, lifetimes and single characters are left out.

/// A piece of source and the line where it begins, from 1.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Token {
    pub(crate) line: usize,
    pub(crate) piece: Piece,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Piece {
    /// A keyword, a name or a number.
    Word(String),
    /// What a text literal says, without its quotes and escapes.
    Text(String),
    /// Any other character.
    Sign(char),
}

impl Token {
    pub(crate) fn is_sign(&self, sign: char) -> bool {
        self.piece == Piece::Sign(sign)
    }

    pub(crate) fn is_word(&self, word: &str) -> bool {
        self.word() == Some(word)
    }

    pub(crate) fn word(&self) -> Option<&str> {
        match &self.piece {
            Piece::Word(word) => Some(word),
            _ => None,
        }
    }
}

/// All tokens of a source.
pub(crate) fn tokens(source: &str) -> Vec<Token> {
    let mut reader = Reader {
        chars: source.chars().collect(),
        at: 0,
        line: 1,
    };
    let mut tokens = Vec::new();
    while reader.peek(0).is_some() {
        let line = reader.line;
        if let Some(piece) = reader.piece() {
            tokens.push(Token { line, piece });
        }
    }
    tokens
}

/// The position after the group that opens at `at`; `at + 1` where none does.
pub(crate) fn after_group(tokens: &[Token], at: usize) -> usize {
    let mut depth = 0_i32;
    for (pos, token) in tokens.iter().enumerate().skip(at) {
        match token.piece {
            Piece::Sign('(' | '[' | '{') => depth += 1,
            Piece::Sign(')' | ']' | '}') => depth -= 1,
            _ => {}
        }
        if depth <= 0 {
            return pos + 1;
        }
    }
    tokens.len()
}

struct Reader {
    chars: Vec<char>,
    at: usize,
    line: usize,
}

impl Reader {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).copied()
    }

    fn next(&mut self) -> Option<char> {
        let next = self.peek(0)?;
        self.at += 1;
        self.line += usize::from(next == '\n');
        Some(next)
    }

    /// Reads one token, or something that is none.
    fn piece(&mut self) -> Option<Piece> {
        let first = self.next()?;
        match (first, self.peek(0)) {
            ('/', Some('/')) => self.line_comment(),
            ('/', Some('*')) => self.block_comment(),
            ('"', _) => return Some(Piece::Text(self.text())),
            ('\'', _) => self.character_or_lifetime(),
            (c, _) if c.is_whitespace() => {}
            (c, _) if is_in_word(c) => return Some(self.word(c)),
            (c, _) => return Some(Piece::Sign(c)),
        }
        None
    }

    fn line_comment(&mut self) {
        while self.peek(0).is_some_and(|c| c != '\n') {
            self.next();
        }
    }

    fn block_comment(&mut self) {
        let mut depth = 0;
        self.at -= 1;
        loop {
            match (self.next(), self.peek(0)) {
                (Some('/'), Some('*')) => depth += 1,
                (Some('*'), Some('/')) => depth -= 1,
                (None, _) => return,
                _ => continue,
            }
            self.next();
            if depth == 0 {
                return;
            }
        }
    }

    /// Reads a word, or the text that a word of one or two letters begins.
    fn word(&mut self, first: char) -> Piece {
        let mut word = String::from(first);
        while let Some(c) = self.peek(0).filter(|c| is_in_word(*c)) {
            word.push(c);
            self.next();
        }
        let rest = self.chars[self.at..].iter();
        let n_hashes = rest.take_while(|c| **c == '#').count();
        if self.peek(n_hashes) == Some('"') {
            match (word.as_str(), n_hashes) {
                ("r" | "br" | "cr", _) => return Piece::Text(self.raw_text(n_hashes)),
                ("b" | "c", 0) => {
                    self.next();
                    return Piece::Text(self.text());
                }
                _ => {}
            }
        }
        Piece::Word(word)
    }

    /// Reads to the end of a text whose first quote has been read.
    fn text(&mut self) -> String {
        let mut text = String::new();
        while let Some(c) = self.next().filter(|c| *c != '"') {
            if c != '\\' {
                text.push(c);
                continue;
            }
            match self.next() {
                Some('\n') => {
                    while self.peek(0).is_some_and(char::is_whitespace) {
                        self.next();
                    }
                }
                Some('n') => text.push('\n'),
                Some('t') => text.push('\t'),
                other => text.extend(other),
            }
        }
        text
    }

    fn raw_text(&mut self, n_hashes: usize) -> String {
        for _ in 0..=n_hashes {
            self.next();
        }
        let mut text = String::new();
        while let Some(c) = self.next() {
            let ends = c == '"' && (0..n_hashes).all(|ahead| self.peek(ahead) == Some('#'));
            if ends {
                for _ in 0..n_hashes {
                    self.next();
                }
                break;
            }
            text.push(c);
        }
        text
    }

    /// Reads on after a single quote.
    fn character_or_lifetime(&mut self) {
        if self.peek(0) == Some('\\') {
            self.next();
            self.next();
            while self.next().is_some_and(|c| c != '\'') {}
        } else if self.peek(1) == Some('\'') {
            self.next();
            self.next();
        } else {
            while self.peek(0).is_some_and(is_in_word) {
                self.next();
            }
        }
    }
}

fn is_in_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}
