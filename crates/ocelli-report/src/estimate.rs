use serde::{Deserialize, Serialize};

/// Where the true value of a fraction lies with 95 % confidence, 0 to 1.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Interval {
    /// The lower end.
    pub low: f64,
    /// The upper end.
    pub high: f64,
}

/// A fraction that was measured, and how surely it is known.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Estimate {
    /// What was measured, 0 to 1.
    pub value: f64,
    /// Where the true value lies; none where that is not known.
    pub interval: Option<Interval>,
}

impl Interval {
    /// The score interval (Wilson 1927).
    pub fn wilson(part: usize, whole: usize) -> Self {
        const Z: f64 = 1.959_963_984_540_054;
        let count = whole as f64;
        let fraction = part as f64 / count;
        let spread = Z * Z / count;
        let centre = (fraction + spread / 2.0) / (1.0 + spread);
        let half = Z / (1.0 + spread) * (fraction * (1.0 - fraction) / count + spread / (4.0 * count)).sqrt();
        Self { low: (centre - half).max(0.0), high: (centre + half).min(1.0) }
    }
}
