use serde::{Deserialize, Deserializer, Serialize, Serializer};
use time::OffsetDateTime;
use time::format_description::well_known::Rfc3339;

const MILLIS_PER_DAY: i64 = 24 * 60 * 60 * 1000;
/// 9999-12-31T23:59:59.999Z, the last moment that RFC 3339 can write.
const MAX_MILLIS: i64 = 253_402_300_799_999;
/// 0000-01-01T00:00:00.000Z, the first.
const MIN_MILLIS: i64 = -62_167_219_200_000;

/// A moment: milliseconds since 1970-01-01T00:00:00Z, written as `2020-11-06T16:37:26.266Z`.
///
/// Always between the years 0 and 9999; what lies outside is moved to the nearer end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The moment this many milliseconds after the Unix epoch.
    pub const fn from_millis(millis: i64) -> Self {
        Self(if millis > MAX_MILLIS {
            MAX_MILLIS
        } else if millis < MIN_MILLIS {
            MIN_MILLIS
        } else {
            millis
        })
    }

    /// Milliseconds since the Unix epoch.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// The moment this many days of 24 hours later.
    pub const fn plus_days(self, days: i64) -> Self {
        Self::from_millis(self.0.saturating_add(days.saturating_mul(MILLIS_PER_DAY)))
    }
}

impl From<std::time::SystemTime> for Timestamp {
    fn from(time: std::time::SystemTime) -> Self {
        Self::from_millis(match time.duration_since(std::time::UNIX_EPOCH) {
            Ok(after) => i64::try_from(after.as_millis()).unwrap_or(MAX_MILLIS),
            // Rounded down, as after the epoch.
            Err(before) => i64::try_from(before.duration().as_nanos().div_ceil(1_000_000))
                .map_or(MIN_MILLIS, |millis| -millis),
        })
    }
}

impl std::fmt::Display for Timestamp {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (days, millis) = (self.0.div_euclid(MILLIS_PER_DAY), self.0.rem_euclid(MILLIS_PER_DAY));
        let date = OffsetDateTime::from_unix_timestamp(days * (MILLIS_PER_DAY / 1000))
            .map_err(|_| std::fmt::Error)?
            .date();
        let (seconds, millis) = (millis / 1000, millis % 1000);
        write!(
            f,
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{millis:03}Z",
            date.year(),
            u8::from(date.month()),
            date.day(),
            seconds / 3600,
            seconds / 60 % 60,
            seconds % 60,
        )
    }
}

impl std::str::FromStr for Timestamp {
    type Err = time::error::Parse;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let nanos = OffsetDateTime::parse(text, &Rfc3339)?.unix_timestamp_nanos();
        Ok(Self::from_millis(i64::try_from(nanos.div_euclid(1_000_000)).unwrap_or(MAX_MILLIS)))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_timestamp_is_written_with_three_digits_and_a_z() {
        assert_eq!(Timestamp::from_millis(1_604_680_646_266).to_string(), "2020-11-06T16:37:26.266Z");
    }

    #[test]
    fn custom_visions_seven_digits_are_read_too() {
        let read: Timestamp = "2020-11-06T16:37:26.2661234Z".parse().unwrap();
        assert_eq!(read, Timestamp::from_millis(1_604_680_646_266));
    }

    #[test]
    fn any_time_of_the_system_is_a_timestamp() {
        use std::time::{Duration, UNIX_EPOCH};

        let far = UNIX_EPOCH.checked_add(Duration::from_secs(1 << 60)).unwrap();
        assert_eq!(Timestamp::from(far), Timestamp::from_millis(i64::MAX));
        let long_ago = UNIX_EPOCH.checked_sub(Duration::from_secs(1 << 60)).unwrap();
        assert_eq!(Timestamp::from(long_ago), Timestamp::from_millis(i64::MIN));
        let before = UNIX_EPOCH - Duration::from_micros(1_500);
        assert_eq!(Timestamp::from(before), Timestamp::from_millis(-2));
        let after = UNIX_EPOCH + Duration::from_micros(1_500);
        assert_eq!(Timestamp::from(after), Timestamp::from_millis(1));
    }

    proptest! {
        #[test]
        fn what_is_written_is_read_back(millis in any::<i64>()) {
            let timestamp = Timestamp::from_millis(millis);
            prop_assert_eq!(timestamp.to_string().parse::<Timestamp>().unwrap(), timestamp);
        }
    }
}
