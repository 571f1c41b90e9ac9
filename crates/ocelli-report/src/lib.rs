//! What an iteration is worth: as data ([`IterationReport`]), and as one HTML page that shows them ([`render`]).
//!
//! The page is one file. It asks for nothing: styles, charts and thumbnails lie within it, and its content security
//! policy forbids every address but those. It is readable without scripts, on a phone, in the dark and on paper.
//! Whatever people wrote (names of tags, photos, projects) is shown as text.
//!
//! A report with thumbnails holds copies of photos. Wherever it is kept, no retention policy and no erasure of the
//! project reaches it.

mod advice;
mod compose;
mod estimate;
mod figures;
mod finding;
mod next_step;
mod number;
mod page;
mod photo;
mod provenance;
mod report;
#[cfg(test)]
mod testing;

pub use compose::ReportSource;
pub use estimate::Estimate;
pub use figures::{Calibrated, Compared, ComparedTag};
pub use finding::{Flaw, PhotoFindings, PoorPhoto};
pub use next_step::NextStep;
pub use page::render;
pub use photo::{Picture, ReportedPhoto, Thumbnail};
pub use provenance::{LeftOutCounts, Provenance};
pub use report::{
    AnsweredPhoto, Headline, IterationReport, Measure, Overall, ReportedCell, ReportedProject, ReportedTag,
};

/// Points of a tag's precision-recall curve that a report keeps.
pub const MAX_CURVE_POINTS: usize = 100;
/// Photos that a report names for each cell of the confusion matrix.
pub const MAX_CELL_PHOTOS: usize = 12;
/// Photos of each other list, or of each group of duplicates, that a report shows.
pub const MAX_LISTED_PHOTOS: usize = 24;
/// Groups of duplicates that a report shows.
pub const MAX_LISTED_GROUPS: usize = 12;
