use serde::{Deserialize, Serialize};

use crate::IterationReport;
use crate::number::{counted, percent, photos, whole_percent};

/// Something to do next that would make an iteration better or its figures truer, with the numbers that say so. Tags
/// are indices into the report's tags.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", tag = "kind")]
#[non_exhaustive]
pub enum NextStep {
    /// Photos whose tag looks wrong should be looked at.
    #[serde(rename_all = "camelCase")]
    CheckLabels {
        /// How many.
        photos: usize,
    },
    /// Two tags are taken for each other.
    #[serde(rename_all = "camelCase")]
    TellApart {
        /// The tag that photos have.
        actual: u16,
        /// The tag that they are given.
        given: u16,
        /// How many photos of either were given the other.
        photos: usize,
        /// How many photos have either.
        of: usize,
    },
    /// Tags have too few photos to learn from.
    #[serde(rename_all = "camelCase")]
    AddPhotos {
        /// The tags, the poorest first.
        tags: Vec<u16>,
        /// How many photos a tag should have.
        wanted: usize,
    },
    /// One tag has many more photos than another.
    #[serde(rename_all = "camelCase")]
    Balance {
        /// The tag with the most photos.
        most: u16,
        /// The tag with the fewest.
        fewest: u16,
    },
    /// A tag is often missed or often given wrongly, without another tag to blame.
    #[serde(rename_all = "camelCase")]
    Strengthen {
        /// The tag.
        tag: u16,
        /// Its recall, 0 to 1.
        recall: f64,
        /// Its precision, 0 to 1.
        precision: f64,
    },
    /// Photos that show the same should be there once.
    #[serde(rename_all = "camelCase")]
    RemoveDuplicates {
        /// How many photos could go.
        photos: usize,
        /// How many groups of the same, or nearly the same, there are.
        groups: usize,
    },
    /// Photos cannot be read.
    #[serde(rename_all = "camelCase")]
    ReplaceUnreadable {
        /// How many.
        photos: usize,
    },
    /// Photos are dark, overexposed, blurred or tiny.
    #[serde(rename_all = "camelCase")]
    CheckPoorPhotos {
        /// How many.
        photos: usize,
    },
    /// Photos have several tags where one is allowed.
    #[serde(rename_all = "camelCase")]
    OneTagAPhoto {
        /// How many.
        photos: usize,
    },
    /// Probabilities say something else than how often they are right.
    #[serde(rename_all = "camelCase")]
    DistrustProbabilities {
        /// The expected calibration error, 0 to 1.
        error: f64,
    },
    /// There are so few photos that the headline figure is not known well.
    #[serde(rename_all = "camelCase")]
    MeasureOnMore {
        /// How far apart the ends of its interval are, 0 to 1.
        width: f64,
    },
    /// It does worse than the earlier iteration that it is compared with.
    #[serde(rename_all = "camelCase")]
    LookAtWorsened {
        /// How many photos were answered right before and are not now.
        worsened: usize,
        /// How many it is the other way round.
        improved: usize,
    },
    /// Nothing stands out.
    #[serde(rename_all = "camelCase")]
    GoOn,
}

impl NextStep {
    /// What to do, in a few words.
    pub fn title(&self, report: &IterationReport) -> String {
        let name = |tag: u16| format!("“{}”", isolated(report.tag_name(tag)));
        match self {
            Self::CheckLabels { photos: n } => {
                format!("Check the tags of {}", photos(*n))
            }
            Self::TellApart { actual, given, .. } => {
                format!("Tell {} and {} apart", name(*actual), name(*given))
            }
            Self::AddPhotos { tags, .. } => match tags.as_slice() {
                [tag] => format!("Add photos of {}", name(*tag)),
                tags => format!("Add photos of {}", counted(tags.len(), "tag", "tags")),
            },
            Self::Balance { fewest, .. } => format!("Even out: {} is rare", name(*fewest)),
            Self::Strengthen { tag, .. } => format!("Help {}", name(*tag)),
            Self::RemoveDuplicates { photos: n, .. } => {
                format!("Look through {} that repeat others", photos(*n))
            }
            Self::ReplaceUnreadable { photos: n } => format!("Replace {}", photos(*n)),
            Self::CheckPoorPhotos { photos: n } => format!("Look at {} that show little", photos(*n)),
            Self::OneTagAPhoto { photos: n } => format!("Choose one tag for {}", photos(*n)),
            Self::DistrustProbabilities { .. } => "Take probabilities with care".to_owned(),
            Self::MeasureOnMore { .. } => "Measure on more photos".to_owned(),
            Self::LookAtWorsened { .. } => "Look at what got worse".to_owned(),
            Self::GoOn => "Try it on photos it has never met".to_owned(),
        }
    }

    /// Why, and how: one or two sentences.
    pub fn text(&self, report: &IterationReport) -> String {
        let name = |tag: u16| format!("“{}”", isolated(report.tag_name(tag)));
        let count_of = |tag: u16| report.tags.get(usize::from(tag)).map_or(0, |tag| tag.trained_photos);
        match self {
            Self::CheckLabels { photos: n } => format!(
                "Models that had not seen {} are sure of another tag. Each corrected tag helps twice: the model learns \
                 from it, and it is measured against it.",
                if *n == 1 { "this photo" } else { "these photos" },
            ),
            Self::TellApart { photos: n, of, .. } => format!(
                "Of {} with either tag {} {} given the other. Add photos that show the difference, and check \
                 whether some were tagged by mistake.",
                photos(*of),
                crate::number::count(*n),
                if *n == 1 { "was" } else { "were" },
            ),
            Self::AddPhotos { tags, wanted } => {
                const NAMED: usize = 6;
                let mut named: Vec<String> = tags
                    .iter()
                    .take(NAMED)
                    .map(|tag| format!("{} ({})", name(*tag), count_of(*tag)))
                    .collect();
                if tags.len() > NAMED {
                    named.push(format!("{} more", tags.len() - NAMED));
                }
                format!(
                    "Fewer than {wanted} photos: {}. More photos, taken in different places, in different light and \
                     from different sides, help most.",
                    named.join(", "),
                )
            }
            Self::Balance { most, fewest } => format!(
                "{} has {}, {} has {}. Rare tags are missed more often; the rarest should have at least half as many \
                 photos as the commonest.",
                name(*most),
                photos(count_of(*most)),
                name(*fewest),
                photos(count_of(*fewest)),
            ),
            Self::Strengthen { tag, recall, precision } => format!(
                "{} of the photos that have {} are found, and {} of those that are given it have it. Add photos that \
                 look unlike the ones it has.",
                whole_percent(*recall),
                name(*tag),
                whole_percent(*precision),
            ),
            Self::RemoveDuplicates { groups, .. } => format!(
                "{} of photos show the same or nearly the same. They teach nothing new, and a photo of the \
                 test that repeats one to train on makes the figures flatter.",
                counted(*groups, "group", "groups"),
            ),
            Self::ReplaceUnreadable { photos: n } => format!(
                "{} damaged and took no part in the training.",
                if *n == 1 { "It is" } else { "They are" },
            ),
            Self::CheckPoorPhotos { photos: n } => format!(
                "{} dark, overexposed, blurred or very small. Keep what the model will meet when it is used, and remove the rest.",
                if *n == 1 { "It is" } else { "They are" },
            ),
            Self::OneTagAPhoto { photos: n } => format!(
                "The project allows one tag a photo, so {} took no part in the training.",
                if *n == 1 { "a photo with several" } else { "photos with several" },
            ),
            Self::DistrustProbabilities { error } => format!(
                "They are {} away from how often they are right, on average. Compare them with each other rather than \
                 with a fixed limit.",
                percent(*error),
            ),
            Self::MeasureOnMore { width } => format!(
                "With so few photos the headline figure is known to about ±{:.0} percentage points. Smaller \
                 differences mean nothing yet.",
                50.0 * width,
            ),
            Self::LookAtWorsened { worsened, improved } => format!(
                "Of the photos that both iterations answered, {} right before and wrong now, {} the other way round. \
                 They are shown below.",
                were(*worsened),
                were(*improved),
            ),
            Self::GoOn => {
                "Nothing in the figures stands out. Photos from where the model will be used, which no \
                           training has seen, have the final word."
                    .to_owned()
            }
        }
    }
}

fn were(number: usize) -> String {
    format!("{} {}", crate::number::count(number), if number == 1 { "was" } else { "were" })
}

/// A name within a sentence: characters that turn the direction of writing end with it (Unicode UAX 9).
fn isolated(name: &str) -> String {
    format!("\u{2068}{name}\u{2069}")
}
