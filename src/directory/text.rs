//! How the directory's text is compared, in one place. Pure.

use std::borrow::Cow;

use caseless::Caseless;
use unicode_normalization::UnicodeNormalization;

/// The form in which two texts are compared: without surrounding white space, and as [`fold_inner`] makes it.
pub fn fold(text: &str) -> Cow<'_, str> {
    fold_inner(text.trim())
}

/// Case-folded and composed (NFC), white space kept: for parts of a text.
///
/// This is Unicode's canonical caseless match (Unicode 16, D145), only composed at the end because that is shorter: "MÜLLER"
/// and "Müller", precomposed or with a combining diaeresis, become one text; "Muller" stays another.
pub fn fold_inner(text: &str) -> Cow<'_, str> {
    if !text.is_ascii() {
        Cow::Owned(text.chars().nfd().default_case_fold().nfc().collect())
    } else if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        Cow::Owned(text.to_ascii_lowercase())
    } else {
        Cow::Borrowed(text)
    }
}

/// Whether `text` has the folded form `folded`. Allocates nothing for ASCII, which is most of a directory.
pub fn folds_to(text: &str, folded: &str) -> bool {
    let text = text.trim();
    if text.is_ascii() {
        text.eq_ignore_ascii_case(folded)
    } else {
        fold_inner(text) == folded
    }
}

/// Adds a character as `\C3\BC`, the way that distinguished names and filters both escape what can't stand for itself.
pub(super) fn push_hexadecimal(text: &mut String, character: char) {
    for byte in character.encode_utf8(&mut [0; 4]).bytes() {
        text.push('\\');
        for digit in [byte >> 4, byte & 0x0f] {
            text.extend(char::from_digit(digit.into(), 16).map(|digit| digit.to_ascii_uppercase()));
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn spelling_variants_of_one_name_fold_to_one_text() {
        for (left, right) in [
            ("Jane Doe", "  jane DOE\t"),
            ("M\u{fc}ller", "MU\u{308}LLER"),
            ("Straße", "STRASSE"),
            ("ΣΊΣΥΦΟΣ", "Σίσυφος"),
            ("Пётр", "ПЕ\u{308}ТР"),
        ] {
            assert_eq!(fold(left), fold(right), "{left:?} and {right:?}");
        }
        assert_ne!(fold("Müller"), fold("Muller"));
        assert_ne!(fold("Jane Doe"), fold("Jane  Doe"));
    }

    proptest! {
        #[test]
        fn folding_twice_changes_nothing(text: String) {
            let once = fold(&text).into_owned();
            prop_assert_eq!(fold(&once), once.as_str());
        }

        #[test]
        fn the_allocation_free_comparison_agrees_with_folding(left: String, right: String) {
            prop_assert_eq!(folds_to(&left, &fold(&right)), fold(&left) == fold(&right));
            prop_assert!(folds_to(&left, &fold(&left)));
        }
    }
}
