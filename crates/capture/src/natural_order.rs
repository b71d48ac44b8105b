use std::cmp::Ordering;

/// Compares names as people number them: runs of digits by their value, so `file2` comes before `file10`; the rest
/// by character. Names that differ only in leading zeros are ordered by their text, so the order is total.
pub fn compare_naturally(left: &str, right: &str) -> Ordering {
    let (mut l, mut r) = (left, right);
    loop {
        let (l_digits, l_rest) = split_digits(l);
        let (r_digits, r_rest) = split_digits(r);
        if !l_digits.is_empty() && !r_digits.is_empty() {
            match compare_numbers(l_digits, r_digits) {
                Ordering::Equal => (l, r) = (l_rest, r_rest),
                unequal => return unequal,
            }
            continue;
        }
        let (mut l_chars, mut r_chars) = (l.chars(), r.chars());
        match (l_chars.next(), r_chars.next()) {
            (None, None) => return left.cmp(right),
            (l_char, r_char) if l_char == r_char => (l, r) = (l_chars.as_str(), r_chars.as_str()),
            (l_char, r_char) => return l_char.cmp(&r_char),
        }
    }
}

fn split_digits(text: &str) -> (&str, &str) {
    text.split_at(text.bytes().take_while(u8::is_ascii_digit).count())
}

/// By value without parsing: camera names hold more digits than any integer type.
fn compare_numbers(left: &str, right: &str) -> Ordering {
    let (left, right) = (left.trim_start_matches('0'), right.trim_start_matches('0'));
    left.len().cmp(&right.len()).then_with(|| left.cmp(right))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_count_by_value() {
        let mut names = ["img10.png", "img2.png", "img.png", "img02.png", "a100b2", "a100b10", "img1.png"];
        names.sort_by(|l, r| compare_naturally(l, r));
        assert_eq!(names, ["a100b2", "a100b10", "img.png", "img1.png", "img02.png", "img2.png", "img10.png"]);
        let big = ["20260101123456789012345678901", "20260101123456789012345678902"];
        assert_eq!(compare_naturally(big[0], big[1]), Ordering::Less);
    }

    proptest! {
        #[test]
        fn the_order_is_total(mut names in proptest::collection::vec("[ab0-2]{0,5}", 3)) {
            names.sort_by(|l, r| compare_naturally(l, r));
            for pair in names.windows(2) {
                prop_assert_ne!(compare_naturally(&pair[0], &pair[1]), Ordering::Greater);
                prop_assert_eq!(compare_naturally(&pair[0], &pair[1]), compare_naturally(&pair[1], &pair[0]).reverse());
            }
            prop_assert_ne!(compare_naturally(&names[0], &names[2]), Ordering::Greater);
        }
    }
}
