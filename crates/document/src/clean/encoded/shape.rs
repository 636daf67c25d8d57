//! Tells encoded bytes from long names by how their characters change.

/// Hashes are searched for, so up to the longest usual one (SHA-512) hexadecimal digits are words.
const MAX_HASH_DIGITS: usize = 128;
/// Shorter runs may be names or the keys of a service, which people search for.
const MIN_LEN: usize = 120;
/// From this length on no name, path or address is left that could be meant.
const LONG_LEN: usize = 1024;

/// What a run of ASCII letters, digits and a few signs is made of.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Shape {
    pub(super) len: usize,
    n_upper: usize,
    n_lower: usize,
    n_digits: usize,
    n_signs: usize,
    n_hex: usize,
    /// How often a character is of another class than the one before.
    n_changes: usize,
    last: Option<Class>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Class {
    Upper,
    Lower,
    Digit,
    Sign,
}

impl Shape {
    pub(super) fn of(run: &[u8]) -> Self {
        let mut shape = Self::default();
        shape.extend(run);
        shape
    }

    pub(super) fn extend(&mut self, run: &[u8]) {
        for &byte in run {
            let (class, n) = match byte {
                b'A'..=b'Z' => (Class::Upper, &mut self.n_upper),
                b'a'..=b'z' => (Class::Lower, &mut self.n_lower),
                b'0'..=b'9' => (Class::Digit, &mut self.n_digits),
                _ => (Class::Sign, &mut self.n_signs),
            };
            *n += 1;
            self.n_changes += usize::from(self.last != Some(class));
            self.n_hex += usize::from(byte.is_ascii_hexdigit());
            self.last = Some(class);
        }
        self.len += run.len();
    }

    /// Whether these are encoded bytes.
    pub(super) fn is_encoded(&self) -> bool {
        if self.is_hex() {
            self.len > MAX_HASH_DIGITS
        } else {
            self.len >= MIN_LEN && self.is_mixed()
        }
    }

    /// Whether these are hexadecimal digits, neither all of them letters nor all of them digits.
    pub(super) fn is_hex(&self) -> bool {
        self.n_hex == self.len && self.n_digits > 0 && self.n_digits < self.len
    }

    /// Whether capitals, small letters and digits are mixed as in base64. In 120 characters of it at
    /// least 25 in a hundred are capitals and at most 54 small letters, and 34 times one kind follows
    /// another; names in camel case have 27 capitals at most and 56 small letters at least. Long runs
    /// may hold stretches of one letter, which are zeros.
    fn is_mixed(&self) -> bool {
        let has = |n: usize, least, most| (self.len * least..=self.len * most).contains(&(n * 100));
        let is_base64 = has(self.n_upper, 20, 100) && self.has_all();
        let is_even = has(self.n_lower, 10, 55) && has(self.n_digits, 2, 60);
        let is_long = self.len >= LONG_LEN && has(self.n_lower, 0, 55) && has(self.n_signs, 0, 40);
        let changes = has(self.n_changes, 33, 100) && has(self.n_signs, 0, 16);
        is_base64 && (is_long || is_even && changes)
    }

    /// Whether capitals, small letters and digits all occur.
    pub(super) fn has_all(&self) -> bool {
        self.n_upper > 0 && self.n_lower > 0 && self.n_digits > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn is_encoded(run: &str) -> bool {
        Shape::of(run.as_bytes()).is_encoded()
    }

    #[test]
    fn base64_and_long_hexadecimal_runs_are_encoded() {
        let certificate = "MIIDdzCCAl+gAwIBAgIEAgAAuTANBgkqhkiG9w0BAQUFADBaMQswCQYDVQQGEwJJRTES\
            MBAGA1UEChMJQmFsdGltb3JlMRMwEQYDVQQLEwpDeWJlclRydXN0MSIwIAYDVQQDExlCYWx0aW1vcmUg";
        assert!(is_encoded(certificate));
        assert!(is_encoded(
            &"VGhpcyBpcyBhIHNlbnRlbmNlIGFuZCBub3RoaW5nIGVsc2UuIAo1".repeat(3)
        ));
        assert!(is_encoded(&"d41d8cd98f00b204e9800998ecf8427e".repeat(5)));
        let with_zeros = format!("iVBORw0KGgo{}c29tZQ8xYz", "AAAAAAAA".repeat(3)).repeat(30);
        assert!(is_encoded(&with_zeros));
        let mostly_zeros = format!("AAECAw0{}z8", "A".repeat(400)).repeat(4);
        assert!(is_encoded(&mostly_zeros));
    }

    #[test]
    fn names_hashes_and_sequences_are_not() {
        for run in [
            &"d41d8cd98f00b204e9800998ecf8427e".repeat(4),
            &"ACGTTGCA".repeat(100),
            &"acgtACGTnN".repeat(30),
            &"MKTAYIAKQRQISFVKSHFSRQ".repeat(20),
            &"31415926535897932384626433832795".repeat(50),
            &"Donaudampfschifffahrtsgesellschaft".repeat(5),
            &"org/example/project/module2/SomeFactoryBean".repeat(4),
            &"AbstractSingletonProxyFactoryBean2".repeat(5),
            &"MAX_CONNECTIONS_PER_HOST_2".repeat(6),
            &"=".repeat(200),
            &"x".repeat(5000),
        ] {
            assert!(!is_encoded(run), "{run}");
        }
    }
}
