//! The marks of list items: bullets, numbers, letters.

/// An open list.
#[derive(Debug, Clone)]
pub(super) struct List {
    /// `None` where items have bullets.
    numbers: Option<Numbers>,
}

/// How the items of a list are numbered.
#[derive(Debug, Clone)]
struct Numbers {
    next: i32,
    step: i32,
    style: Style,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Style {
    Decimal,
    Letters { upper: bool },
    Roman { upper: bool },
}

impl List {
    pub(super) fn with_bullets() -> Self {
        Self { numbers: None }
    }

    /// A list that counts from `start`; `style` is the value of `type`, or of `list-style-type`.
    pub(super) fn with_numbers(start: i32, is_reversed: bool, style: &str) -> Self {
        let style = match style {
            "a" | "lower-alpha" | "lower-latin" => Style::Letters { upper: false },
            "A" | "upper-alpha" | "upper-latin" => Style::Letters { upper: true },
            "i" | "lower-roman" => Style::Roman { upper: false },
            "I" | "upper-roman" => Style::Roman { upper: true },
            _ => Style::Decimal,
        };
        Self {
            numbers: Some(Numbers {
                next: start,
                step: if is_reversed { -1 } else { 1 },
                style,
            }),
        }
    }

    /// The mark of the next item, which may bring its own number, and a space.
    pub(super) fn next_mark(&mut self, own: Option<i32>) -> String {
        let Some(numbers) = &mut self.numbers else {
            return "- ".to_owned();
        };
        let number = own.unwrap_or(numbers.next);
        numbers.next = number.saturating_add(numbers.step);
        format!("{}. ", numbers.style.written(number))
    }
}

impl Style {
    fn written(self, number: i32) -> String {
        let (word, upper) = match self {
            Self::Decimal => return number.to_string(),
            Self::Letters { upper } => (letters(number), upper),
            Self::Roman { upper } => (roman(number), upper),
        };
        match word {
            Some(word) if upper => word.to_ascii_uppercase(),
            Some(word) => word,
            None => number.to_string(),
        }
    }
}

/// `a` to `z`, then `aa`; nothing below 1.
fn letters(number: i32) -> Option<String> {
    let mut rest = u32::try_from(number).ok().filter(|&number| number > 0)?;
    let mut letters = Vec::new();
    while rest > 0 {
        rest -= 1;
        letters.push(b'a' + (rest % 26) as u8);
        rest /= 26;
    }
    Some(letters.into_iter().rev().map(char::from).collect())
}

/// Roman numerals go from 1 to 3999.
fn roman(number: i32) -> Option<String> {
    const SIGNS: [(i32, &str); 13] = [
        (1000, "m"),
        (900, "cm"),
        (500, "d"),
        (400, "cd"),
        (100, "c"),
        (90, "xc"),
        (50, "l"),
        (40, "xl"),
        (10, "x"),
        (9, "ix"),
        (5, "v"),
        (4, "iv"),
        (1, "i"),
    ];
    if !(1..4000).contains(&number) {
        return None;
    }
    let mut rest = number;
    let mut word = String::new();
    for (value, sign) in SIGNS {
        while rest >= value {
            word.push_str(sign);
            rest -= value;
        }
    }
    Some(word)
}

/// A whole number as HTML reads it: what stands behind the digits does not matter.
pub(super) fn integer(text: &str) -> Option<i32> {
    let text = text.trim_start();
    let unsigned = text.strip_prefix(['-', '+']).unwrap_or(text);
    let n_digits = unsigned.bytes().take_while(u8::is_ascii_digit).count();
    let n_signs = text.len() - unsigned.len();
    text[..n_signs + n_digits].parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_in_their_style() {
        for (number, style, written) in [
            (27, "a", "aa. "),
            (26, "A", "Z. "),
            (0, "a", "0. "),
            (1994, "I", "MCMXCIV. "),
            (4000, "i", "4000. "),
            (-3, "1", "-3. "),
        ] {
            let mut list = List::with_numbers(number, false, style);
            assert_eq!(list.next_mark(None), written);
        }
    }

    #[test]
    fn an_item_with_a_number_of_its_own_moves_those_after_it() {
        let mut list = List::with_numbers(5, true, "");
        let marks = [None, None, Some(9), None].map(|own| list.next_mark(own));
        assert_eq!(marks.concat(), "5. 4. 9. 8. ");
        assert_eq!(List::with_bullets().next_mark(Some(3)), "- ");
        let mut longest = List::with_numbers(i32::MAX, false, "");
        assert_eq!(longest.next_mark(None), longest.next_mark(None));
    }

    #[test]
    fn integers_are_read_as_far_as_they_go() {
        for (text, number) in [
            (" 7x", Some(7)),
            ("-2", Some(-2)),
            ("x", None),
            ("99999999999", None),
        ] {
            assert_eq!(integer(text), number);
        }
    }
}
