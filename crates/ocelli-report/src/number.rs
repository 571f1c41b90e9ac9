//! How numbers are written on the page.

/// A fraction as a percentage with one decimal: `91.2 %`.
pub(crate) fn percent(fraction: f64) -> String {
    format!("{}\u{a0}%", tenths(100.0 * fraction))
}

/// A fraction as a whole percentage: `91 %`.
pub(crate) fn whole_percent(fraction: f64) -> String {
    format!("{:.0}\u{a0}%", finite(100.0 * fraction))
}

/// Two ends of an interval of fractions as percentages: `89.4 to 92.7 %`.
pub(crate) fn percent_range(low: f64, high: f64) -> String {
    format!("{} to\u{a0}{}\u{a0}%", tenths(100.0 * low), tenths(100.0 * high))
}

/// A fraction with two decimals: `0.91`.
pub(crate) fn hundredths(fraction: f64) -> String {
    format!("{:.2}", finite(fraction))
}

/// A small figure with three decimals: `0.031`.
pub(crate) fn thousandths(figure: f64) -> String {
    format!("{:.3}", finite(figure))
}

/// A difference of fractions in percentage points, with its sign: `+1.3`.
pub(crate) fn points(difference: f64) -> String {
    let rounded = (finite(difference) * 1000.0).round() / 10.0;
    if rounded == 0.0 { "0.0".to_owned() } else { format!("{rounded:+.1}").replace('-', "\u{2212}") }
}

/// A count with its thousands apart: `12,480`.
pub(crate) fn count(count: usize) -> String {
    let digits = count.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (place, digit) in digits.chars().enumerate() {
        if place > 0 && (digits.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// So many of a thing: `1 photo`, `12 photos`.
pub(crate) fn counted(number: usize, one: &str, many: &str) -> String {
    format!("{}\u{a0}{}", count(number), if number == 1 { one } else { many })
}

/// So many photos.
pub(crate) fn photos(number: usize) -> String {
    counted(number, "photo", "photos")
}

/// A duration: `0.8 s`, `42 s`, `3 min 5 s`, `1 h 20 min`.
pub(crate) fn duration(millis: u64) -> String {
    let seconds = millis.saturating_add(500) / 1000;
    match seconds {
        _ if millis < 10_000 => format!("{:.1}\u{a0}s", millis as f64 / 1000.0),
        0..60 => format!("{seconds}\u{a0}s"),
        60..3600 => format!("{}\u{a0}min {}\u{a0}s", seconds / 60, seconds % 60),
        _ => format!("{}\u{a0}h {}\u{a0}min", seconds / 3600, seconds / 60 % 60),
    }
}

fn tenths(value: f64) -> String {
    format!("{:.1}", finite(value))
}

/// What is no number is shown as 0: a report that was read from a file may hold anything.
fn finite(value: f64) -> f64 {
    if value.is_finite() { value } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_people_write_them() {
        assert_eq!(percent(0.9123), "91.2\u{a0}%");
        assert_eq!(percent_range(0.5, 0.75), "50.0 to\u{a0}75.0\u{a0}%");
        assert_eq!((count(7), count(999), count(1_000)), ("7".into(), "999".into(), "1,000".into()));
        assert_eq!(count(12_345_678), "12,345,678");
        assert_eq!((photos(1), photos(1_200)), ("1\u{a0}photo".into(), "1,200\u{a0}photos".into()));
        assert_eq!((points(0.0131), points(-0.02)), ("+1.3".into(), "\u{2212}2.0".into()));
        assert_eq!((points(0.0001), points(-0.0001)), ("0.0".into(), "0.0".into()));
        assert_eq!(percent(f64::NAN), "0.0\u{a0}%");
    }

    #[test]
    fn durations_have_two_units_at_most() {
        let cases = [
            (840, "0.8 s"),
            (9_999, "10.0 s"),
            (42_400, "42 s"),
            (59_900, "1 min 0 s"),
            (185_000, "3 min 5 s"),
            (4_800_000, "1 h 20 min"),
        ];
        for (millis, text) in cases {
            assert_eq!(duration(millis).replace('\u{a0}', " "), text, "{millis}");
        }
    }
}
