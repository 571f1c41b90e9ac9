use ocelli_core::Interval;
use serde::{Deserialize, Serialize};

/// A fraction that was measured, and how surely it is known.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Estimate {
    /// What was measured, 0 to 1.
    pub value: f64,
    /// Where the true value lies with 95 % confidence; none where that is not known.
    pub interval: Option<Interval>,
}
