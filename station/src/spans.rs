//! Spans of time as people write them: `90s`, `15m`, `8h`, `2d`, `1h30m`. A day is 24 hours here.

/// Digits of a number.
const DIGITS_MAX: usize = 9;
/// The units, the largest first, with their seconds.
const UNITS: [(char, u64); 4] = [('d', 86_400), ('h', 3_600), ('m', 60), ('s', 1)];

/// The seconds of a span; `None` if it is none.
pub fn seconds(text: &str) -> Option<u64> {
    let mut rest = Some(text).filter(|rest| !rest.is_empty())?;
    let mut seconds: u64 = 0;
    while !rest.is_empty() {
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = (rest.get(..digits)?, rest.get(digits..)?);
        let number: u64 = number.parse().ok().filter(|_| digits <= DIGITS_MAX)?;
        let unit = unit.chars().next()?;
        let (_, each) = UNITS.iter().find(|(letter, _)| *letter == unit)?;
        seconds = seconds.saturating_add(number * each);
        rest = rest.get(digits + unit.len_utf8()..)?;
    }
    Some(seconds)
}

/// The span of so many seconds, as [`seconds`] reads it.
pub fn written(seconds: u64) -> String {
    let parts = parts(seconds).into_iter().zip(UNITS).filter(|(count, _)| *count > 0);
    let written: String = parts.map(|(count, (letter, _))| format!("{count}{letter}")).collect();
    if written.is_empty() { "0s".into() } else { written }
}

/// The days of so many seconds, and the hours, minutes and seconds beyond.
pub fn parts(seconds: u64) -> [u64; 4] {
    let mut rest = seconds;
    UNITS.map(|(_, each)| {
        let count = rest / each;
        rest %= each;
        count
    })
}

/// The minute of the day of a time such as `09:00`; `None` if it is none.
pub fn minute_of_day(text: &str) -> Option<u64> {
    let (hour, minute) = text.split_once(':')?;
    let two = |digits: &str| {
        let plain = digits.len() == 2 && digits.bytes().all(|b| b.is_ascii_digit());
        plain.then(|| digits.parse::<u64>().ok()).flatten()
    };
    let (hour, minute) = (two(hour)?, two(minute)?);
    (hour < 24 && minute < 60).then_some(hour * 60 + minute)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_is_read_as_it_is_written() {
        for (text, read) in [("90s", 90), ("15m", 900), ("8h", 28_800), ("2d", 172_800), ("1h30m", 5_400), ("0s", 0)] {
            assert_eq!(seconds(text), Some(read), "{text}");
            assert_eq!(seconds(&written(read)), Some(read), "{text}");
        }
        assert_eq!([written(90), written(93_784), written(0)], ["1m30s", "1d2h3m4s", "0s"]);
    }

    #[test]
    fn what_is_no_span_is_none() {
        for text in ["", "15", "m", "1.5h", "-1h", "+1h", "1 h", "9999999999s", "1\u{447}", "soon"] {
            assert_eq!(seconds(text), None, "{text}");
        }
    }
}
