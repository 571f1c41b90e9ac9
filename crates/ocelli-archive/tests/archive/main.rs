//! Archives: what is written comes back, and what was changed is refused.

mod hostile;
mod round_trip;
mod sample;
mod tools;
