use serde::{Deserialize, Serialize};
use uuid::{Builder, Uuid};

use crate::Timestamp;

/// Declares an id: a UUID that cannot be mistaken for the id of another kind of thing.
macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident;)*) => {
        $(
            $(#[$doc])*
            #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
            #[serde(transparent)]
            pub struct $name(Uuid);

            impl $name {
                /// A fresh id: a UUID of version 7, so that ids sort by the time they were made (RFC 9562).
                pub fn new(at: Timestamp, random: [u8; 10]) -> Self {
                    let millis = u64::try_from(at.as_millis()).unwrap_or(0);
                    Self(Builder::from_unix_timestamp_millis(millis, &random).into_uuid())
                }

                /// An id that was made elsewhere.
                pub const fn from_uuid(uuid: Uuid) -> Self {
                    Self(uuid)
                }

                /// The UUID itself.
                pub const fn as_uuid(self) -> Uuid {
                    self.0
                }
            }

            impl std::fmt::Display for $name {
                fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    self.0.hyphenated().fmt(f)
                }
            }

            impl std::str::FromStr for $name {
                type Err = uuid::Error;

                fn from_str(text: &str) -> Result<Self, Self::Err> {
                    Uuid::parse_str(text).map(Self)
                }
            }
        )*
    };
}

ids! {
    /// Identifies a project.
    ProjectId;
    /// Identifies a tag within its project.
    TagId;
    /// Identifies a photo to train on.
    ImageId;
    /// Identifies a region of a photo.
    RegionId;
    /// Identifies an iteration.
    IterationId;
    /// Identifies an export of an iteration.
    ExportId;
    /// Identifies one answer to one photo, kept or not.
    PredictionId;
    /// Identifies a hold.
    HoldId;
    /// Identifies an account: a data directory, wherever it lies.
    AccountId;
    /// Identifies a domain; the values are Custom Vision's.
    DomainId;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_sort_by_the_time_they_were_made() {
        let earlier = ImageId::new(Timestamp::from_millis(1_000), [255; 10]);
        let later = ImageId::new(Timestamp::from_millis(1_001), [0; 10]);
        assert!(earlier < later);
    }

    #[test]
    fn ids_are_written_as_lower_case_hyphenated_uuids() {
        let id: ProjectId = "EE85A74C-405E-4ADC-BB47-FFA8CA0C9F31".parse().unwrap();
        assert_eq!(serde_json::to_string(&id).unwrap(), "\"ee85a74c-405e-4adc-bb47-ffa8ca0c9f31\"");
        assert_eq!(id.to_string(), "ee85a74c-405e-4adc-bb47-ffa8ca0c9f31");
    }
}
