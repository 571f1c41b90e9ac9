use serde::{Deserialize, Serialize};

/// In which numbers a network computes.
///
/// Ordered from the more exact to the quicker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Precision {
    /// 32-bit floating point: the network's own answer.
    #[default]
    F32,
    /// 8-bit integers for weights and activations (Jacob et al., 2018), the head in f32: several times as fast, and a
    /// little off. It needs a calibration.
    Int8,
}

impl Precision {
    /// Every precision.
    pub const ALL: [Self; 2] = [Self::F32, Self::Int8];

    /// Its name: `f32` or `int8`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::F32 => "f32",
            Self::Int8 => "int8",
        }
    }
}

impl std::fmt::Display for Precision {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_precision_is_serialised_as_its_name() {
        for precision in Precision::ALL {
            let text = serde_json::to_string(&precision).unwrap();
            assert_eq!(text, format!("\"{precision}\""));
            assert_eq!(serde_json::from_str::<Precision>(&text).unwrap(), precision);
        }
    }
}
