//! Dates, and how people write them.

use std::fmt;

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
/// Days of the months in a year that is not a leap year.
const DAYS: [u32; 12] = [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
const ORDINALS: [&str; 19] = [
    "first",
    "second",
    "third",
    "fourth",
    "fifth",
    "sixth",
    "seventh",
    "eighth",
    "ninth",
    "tenth",
    "eleventh",
    "twelfth",
    "thirteenth",
    "fourteenth",
    "fifteenth",
    "sixteenth",
    "seventeenth",
    "eighteenth",
    "nineteenth",
];
const FIRST_YEAR: u32 = 1900;
const YEARS: u32 = 200;

/// Numbers that look random and are the same on every run. Source: Steele, Lea, Flood 2014,
/// `splitmix64`.
pub(crate) struct Random(u64);

impl Random {
    /// The numbers of this seed.
    pub(crate) fn new(seed: u64) -> Self {
        Random(seed)
    }

    /// A number in `0..end`.
    fn below(&mut self, end: u32) -> u32 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (((z ^ (z >> 31)) >> 32) % u64::from(end)) as u32
    }
}

/// A day of the years 1900 to 2099; `Display` is ISO 8601.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Date {
    pub(crate) year: u32,
    /// From 1.
    pub(crate) month: u32,
    /// From 1.
    pub(crate) day: u32,
}

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Date { year, month, day } = self;
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

impl Date {
    /// A random date.
    pub(crate) fn draw(random: &mut Random) -> Self {
        let year = FIRST_YEAR + random.below(YEARS);
        let month = 1 + random.below(MONTHS.len() as u32);
        // Of the years that end in 00, 2000 alone is a leap year.
        let is_leap = year.is_multiple_of(4) && year != 1900;
        let leap = u32::from(is_leap && month == 2);
        let day = 1 + random.below(DAYS[month as usize - 1] + leap);
        Date { year, month, day }
    }

    /// The date in one of five ways.
    pub(crate) fn in_words(self, random: &mut Random) -> String {
        let Date { year, day, .. } = self;
        let month = MONTHS[self.month as usize - 1];
        let short = &month[..3];
        match random.below(5) {
            0 => format!("{day} {month} {year}"),
            1 => format!("{month} {day}, {year}"),
            2 => format!("the {} of {month} {year}", ordinal(day)),
            3 => format!("{short} {day}{}, {year}", ending(day)),
            _ => format!("{day}-{short}-{year}"),
        }
    }
}

/// `21` is `twenty-first`.
fn ordinal(day: u32) -> String {
    let word = |number: u32| ORDINALS[number as usize - 1];
    match day {
        1..20 => word(day).to_string(),
        20 => "twentieth".to_string(),
        21..30 => format!("twenty-{}", word(day - 20)),
        30 => "thirtieth".to_string(),
        _ => format!("thirty-{}", word(day - 30)),
    }
}

/// What follows the digits of an ordinal number: `21st`.
fn ending(day: u32) -> &'static str {
    match (day / 10, day % 10) {
        (1, _) => "th",
        (_, 1) => "st",
        (_, 2) => "nd",
        (_, 3) => "rd",
        _ => "th",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_counted() {
        let days = [1, 12, 13, 20, 21, 30, 31].map(|day| ordinal(day) + " " + ending(day));
        let expected = "first st, twelfth th, thirteenth th, twentieth th, twenty-first st, \
                        thirtieth th, thirty-first st";
        assert_eq!(days.join(", "), expected);
    }

    #[test]
    fn dates_are_written_in_five_ways_that_fit() {
        let mut random = Random::new(5);
        let date = Date { year: 2087, month: 9, day: 27 };
        let mut ways: Vec<String> = (0..50).map(|_| date.in_words(&mut random)).collect();
        ways.sort_unstable();
        ways.dedup();
        let expected = [
            "27 september 2087",
            "27-sep-2087",
            "sep 27th, 2087",
            "september 27, 2087",
            "the twenty-seventh of september 2087",
        ];
        assert_eq!(ways, expected);
        assert!(ways.iter().all(|words| words.len() <= crate::Translator::WORDS));
        assert_eq!(date.to_string(), "2087-09-27");
    }

    #[test]
    fn days_exist() {
        let mut random = Random::new(6);
        let mut last_of_february = 0;
        for _ in 0..40_000 {
            let Date { year, month, day } = Date::draw(&mut random);
            let leap = u32::from(month == 2 && year.is_multiple_of(4) && year > 1900);
            assert!(day >= 1 && day <= DAYS[month as usize - 1] + leap);
            last_of_february += u32::from(month == 2 && day == 29);
        }
        assert!(last_of_february > 0);
    }
}
