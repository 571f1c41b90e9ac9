//! What to do next, derived from the numbers of a report.

use crate::{IterationReport, Suggestion};

/// Photos that a tag should have: what Custom Vision recommends.
const WANTED_PHOTOS: usize = 50;
/// The rarest tag should have at least one photo for so many of the commonest: likewise.
const MAX_IMBALANCE: usize = 2;
/// Pairs of tags that are named at once.
const MAX_PAIRS: usize = 3;
/// Photos that must have been confused for a pair of tags to be named, and the part of both tags' photos.
const MIN_CONFUSED: (usize, f64) = (3, 0.02);
/// Below this F1 a tag is named.
const WEAK: f64 = 0.7;
/// Tags that are named for their F1.
const MAX_WEAK: usize = 2;
/// From this expected calibration error on, probabilities are not to be taken at their word.
const MAX_CALIBRATION_ERROR: f64 = 0.05;
/// From this width on an interval is called wide.
const WIDE: f64 = 0.1;

impl IterationReport {
    /// What to do next, the most useful first: never empty.
    pub fn advice(&self) -> Vec<Suggestion> {
        let mut advice = Vec::new();
        self.labels(&mut advice);
        self.regressions(&mut advice);
        self.confused(&mut advice);
        self.few_photos(&mut advice);
        self.weak_tags(&mut advice);
        self.photo_quality(&mut advice);
        self.trust(&mut advice);
        if advice.is_empty() {
            advice.push(Suggestion::GoOn);
        }
        advice
    }

    fn labels(&self, advice: &mut Vec<Suggestion>) {
        if let Some(findings) = &self.findings
            && !findings.label_issues.is_empty()
        {
            advice.push(Suggestion::CheckLabels { photos: findings.label_issues.len() });
        }
        if self.provenance.left_out.several_tags > 0 {
            advice.push(Suggestion::OneTagAPhoto { photos: self.provenance.left_out.several_tags });
        }
    }

    /// Better on some photos and worse on others is what two trainings do; named is what is worse on balance.
    fn regressions(&self, advice: &mut Vec<Suggestion>) {
        if let Some(compared) = &self.comparison
            && compared.worsened_count > compared.improved_count
        {
            let (worsened, improved) = (compared.worsened_count, compared.improved_count);
            advice.push(Suggestion::LookAtWorsened { worsened, improved });
        }
    }

    fn confused(&self, advice: &mut Vec<Suggestion>) {
        let mut pairs = std::collections::BTreeMap::<(u16, u16), (usize, usize)>::new();
        for cell in self.confusion.iter().filter(|cell| !cell.is_right()) {
            if let (Some(actual), Some(given)) = (cell.actual, cell.given) {
                let (total, most) = pairs.entry((actual.min(given), actual.max(given))).or_default();
                *total += cell.count;
                *most = (*most).max(if actual < given { cell.count } else { 0 });
            }
        }
        let mut named: Vec<Suggestion> = pairs
            .into_iter()
            .map(|((first, second), (photos, forward))| {
                // Named first is the tag whose photos are mistaken more often.
                let (actual, given) = if 2 * forward >= photos { (first, second) } else { (second, first) };
                let of = self.photos_of(first) + self.photos_of(second);
                Suggestion::TellApart { actual, given, photos, of }
            })
            .filter(|pair| match pair {
                Suggestion::TellApart { photos, of, .. } => {
                    *photos >= MIN_CONFUSED.0 && *photos as f64 >= MIN_CONFUSED.1 * *of as f64
                }
                _ => false,
            })
            .collect();
        named.sort_by_key(|pair| match pair {
            Suggestion::TellApart { photos, .. } => std::cmp::Reverse(*photos),
            _ => std::cmp::Reverse(0),
        });
        advice.extend(named.into_iter().take(MAX_PAIRS));
    }

    fn few_photos(&self, advice: &mut Vec<Suggestion>) {
        let mut poor: Vec<u16> = (0u16..)
            .zip(&self.tags)
            .filter(|(_, tag)| tag.photos < WANTED_PHOTOS)
            .map(|(index, _)| index)
            .collect();
        poor.sort_by_key(|tag| self.photos_of(*tag));
        let indices = || (0u16..).take(self.tags.len());
        let most = indices().max_by_key(|tag| (self.photos_of(*tag), std::cmp::Reverse(*tag)));
        let fewest = indices().min_by_key(|tag| self.photos_of(*tag));
        if let (Some(most), Some(fewest)) = (most, fewest)
            && poor.is_empty()
            && self.photos_of(most) > MAX_IMBALANCE * self.photos_of(fewest)
        {
            advice.push(Suggestion::Balance { most, fewest });
        }
        if !poor.is_empty() {
            advice.push(Suggestion::AddPhotos { tags: poor, wanted: WANTED_PHOTOS });
        }
    }

    fn weak_tags(&self, advice: &mut Vec<Suggestion>) {
        let named: Vec<u16> = advice
            .iter()
            .flat_map(|suggestion| match suggestion {
                Suggestion::TellApart { actual, given, .. } => vec![*actual, *given],
                Suggestion::AddPhotos { tags, .. } => tags.clone(),
                _ => Vec::new(),
            })
            .collect();
        let mut weak: Vec<(f64, Suggestion)> = (0u16..)
            .zip(&self.tags)
            .filter(|(index, _)| !named.contains(index))
            .filter_map(|(index, tag)| {
                let f1 = tag.f1.filter(|f1| *f1 < WEAK)?;
                let (recall, precision) = (tag.recall?.value, tag.precision.map_or(0.0, |p| p.value));
                Some((f1, Suggestion::Strengthen { tag: index, recall, precision }))
            })
            .collect();
        weak.sort_by(|a, b| a.0.total_cmp(&b.0));
        advice.extend(weak.into_iter().take(MAX_WEAK).map(|(_, suggestion)| suggestion));
    }

    fn photo_quality(&self, advice: &mut Vec<Suggestion>) {
        let Some(findings) = &self.findings else {
            if self.provenance.left_out.unreadable > 0 {
                advice.push(Suggestion::ReplaceUnreadable { photos: self.provenance.left_out.unreadable });
            }
            return;
        };
        let groups = || findings.duplicates.iter().chain(&findings.near_duplicates);
        let photos: usize = groups().map(|group| group.len().saturating_sub(1)).sum();
        if photos > 0 {
            advice.push(Suggestion::RemoveDuplicates { photos, groups: groups().count() });
        }
        if !findings.unreadable.is_empty() {
            advice.push(Suggestion::ReplaceUnreadable { photos: findings.unreadable.len() });
        }
        if !findings.poor.is_empty() {
            advice.push(Suggestion::CheckPoorPhotos { photos: findings.poor.len() });
        }
    }

    fn trust(&self, advice: &mut Vec<Suggestion>) {
        if let Some(calibration) = &self.calibration
            && calibration.after.expected_calibration_error >= MAX_CALIBRATION_ERROR
        {
            let error = calibration.after.expected_calibration_error;
            advice.push(Suggestion::DistrustProbabilities { error });
        }
        if let Some(interval) = self.headline.value.and_then(|value| value.interval) {
            let width = interval.high - interval.low;
            if width >= WIDE {
                advice.push(Suggestion::MeasureOnMore { width });
            }
        }
    }

    fn photos_of(&self, tag: u16) -> usize {
        self.tags.get(usize::from(tag)).map_or(0, |tag| tag.photos)
    }
}
