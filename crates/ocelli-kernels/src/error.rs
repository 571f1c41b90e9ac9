use crate::Level;

/// A call reads or writes outside the slices that it was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OutOfBounds;

impl std::fmt::Display for OutOfBounds {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("the layout of a kernel's call does not fit the slices that it was given")
    }
}

impl std::error::Error for OutOfBounds {}

/// A level that this machine does not have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct UnavailableLevel(pub Level);

impl std::fmt::Display for UnavailableLevel {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "this processor does not have the level {}; the best it has is {}", self.0, Level::best())
    }
}

impl std::error::Error for UnavailableLevel {}
