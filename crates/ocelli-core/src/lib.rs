//! The data model of Ocelli.

mod code;
pub mod limits;

pub use code::ErrorCode;
pub use limits::Limits;
