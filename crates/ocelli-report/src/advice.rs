//! What to do next, derived from the numbers of a report.

use crate::{IterationReport, NextStep};

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
    pub fn advice(&self) -> Vec<NextStep> {
        let mut advice = Vec::new();
        self.labels(&mut advice);
        self.regressions(&mut advice);
        self.confused(&mut advice);
        self.few_photos(&mut advice);
        self.weak_tags(&mut advice);
        self.photo_quality(&mut advice);
        self.trust(&mut advice);
        if advice.is_empty() {
            advice.push(NextStep::GoOn);
        }
        advice
    }

    fn labels(&self, advice: &mut Vec<NextStep>) {
        if let Some(findings) = &self.findings
            && !findings.label_issues.is_empty()
        {
            advice.push(NextStep::CheckLabels { photos: findings.label_issues.len() });
        }
        if self.provenance.left_out.several_tags > 0 {
            advice.push(NextStep::OneTagAPhoto { photos: self.provenance.left_out.several_tags });
        }
    }

    /// Better on some photos and worse on others is what two trainings do; named is what is worse on balance.
    fn regressions(&self, advice: &mut Vec<NextStep>) {
        if let Some(compared) = &self.comparison
            && compared.worsened_count > compared.improved_count
        {
            let (worsened, improved) = (compared.worsened_count, compared.improved_count);
            advice.push(NextStep::LookAtWorsened { worsened, improved });
        }
    }

    fn confused(&self, advice: &mut Vec<NextStep>) {
        let mut pairs = std::collections::BTreeMap::<(u16, u16), (usize, usize)>::new();
        for cell in self.confusion.iter().filter(|cell| !cell.is_right()) {
            if let (Some(actual), Some(given)) = (cell.actual, cell.given) {
                let (total, most) = pairs.entry((actual.min(given), actual.max(given))).or_default();
                *total += cell.count;
                *most = (*most).max(if actual < given { cell.count } else { 0 });
            }
        }
        let mut named: Vec<NextStep> = pairs
            .into_iter()
            .map(|((first, second), (photos, forward))| {
                // Named first is the tag whose photos are mistaken more often.
                let (actual, given) = if 2 * forward >= photos { (first, second) } else { (second, first) };
                let of = self.photos_of(first) + self.photos_of(second);
                NextStep::TellApart { actual, given, photos, of }
            })
            .filter(|pair| match pair {
                NextStep::TellApart { photos, of, .. } => {
                    *photos >= MIN_CONFUSED.0 && *photos as f64 >= MIN_CONFUSED.1 * *of as f64
                }
                _ => false,
            })
            .collect();
        named.sort_by_key(|pair| match pair {
            NextStep::TellApart { photos, .. } => std::cmp::Reverse(*photos),
            _ => std::cmp::Reverse(0),
        });
        advice.extend(named.into_iter().take(MAX_PAIRS));
    }

    fn few_photos(&self, advice: &mut Vec<NextStep>) {
        let mut poor: Vec<u16> = (0u16..)
            .zip(&self.tags)
            .filter(|(_, tag)| tag.trained_photos < WANTED_PHOTOS)
            .map(|(index, _)| index)
            .collect();
        poor.sort_by_key(|tag| self.trained_photos_of(*tag));
        let indices = || (0u16..).take(self.tags.len());
        let most = indices().max_by_key(|tag| (self.trained_photos_of(*tag), std::cmp::Reverse(*tag)));
        let fewest = indices().min_by_key(|tag| self.trained_photos_of(*tag));
        if let (Some(most), Some(fewest)) = (most, fewest)
            && poor.is_empty()
            && self.trained_photos_of(most) > MAX_IMBALANCE * self.trained_photos_of(fewest)
        {
            advice.push(NextStep::Balance { most, fewest });
        }
        if !poor.is_empty() {
            advice.push(NextStep::AddPhotos { tags: poor, wanted: WANTED_PHOTOS });
        }
    }

    fn weak_tags(&self, advice: &mut Vec<NextStep>) {
        let named: Vec<u16> = advice
            .iter()
            .flat_map(|step| match step {
                NextStep::TellApart { actual, given, .. } => vec![*actual, *given],
                NextStep::AddPhotos { tags, .. } => tags.clone(),
                _ => Vec::new(),
            })
            .collect();
        let mut weak: Vec<(f64, NextStep)> = (0u16..)
            .zip(&self.tags)
            .filter(|(index, _)| !named.contains(index))
            .filter_map(|(index, tag)| {
                let f1 = tag.f1.filter(|f1| *f1 < WEAK)?;
                let (recall, precision) = (tag.recall?.value, tag.precision.map_or(0.0, |p| p.value));
                Some((f1, NextStep::Strengthen { tag: index, recall, precision }))
            })
            .collect();
        weak.sort_by(|a, b| a.0.total_cmp(&b.0));
        advice.extend(weak.into_iter().take(MAX_WEAK).map(|(_, step)| step));
    }

    fn photo_quality(&self, advice: &mut Vec<NextStep>) {
        let Some(findings) = &self.findings else {
            if self.provenance.left_out.unreadable > 0 {
                advice.push(NextStep::ReplaceUnreadable { photos: self.provenance.left_out.unreadable });
            }
            return;
        };
        let groups = || findings.duplicates.iter().chain(&findings.near_duplicates);
        let photos: usize = groups().map(|group| group.len().saturating_sub(1)).sum();
        if photos > 0 {
            advice.push(NextStep::RemoveDuplicates { photos, groups: groups().count() });
        }
        if !findings.unreadable.is_empty() {
            advice.push(NextStep::ReplaceUnreadable { photos: findings.unreadable.len() });
        }
        if !findings.poor.is_empty() {
            advice.push(NextStep::CheckPoorPhotos { photos: findings.poor.len() });
        }
    }

    fn trust(&self, advice: &mut Vec<NextStep>) {
        if let Some(calibration) = &self.calibration
            && calibration.after.expected_calibration_error >= MAX_CALIBRATION_ERROR
        {
            let error = calibration.after.expected_calibration_error;
            advice.push(NextStep::DistrustProbabilities { error });
        }
        if let Some(interval) = self.headline.value.and_then(|value| value.interval) {
            let width = interval.high - interval.low;
            if width >= WIDE {
                advice.push(NextStep::MeasureOnMore { width });
            }
        }
    }

    fn trained_photos_of(&self, tag: u16) -> usize {
        self.tags.get(usize::from(tag)).map_or(0, |tag| tag.trained_photos)
    }

    fn photos_of(&self, tag: u16) -> usize {
        self.tags.get(usize::from(tag)).map_or(0, |tag| tag.photos)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::PhotoFindings;
    use crate::testing::{evaluation, image, manifest, report};

    fn advice(tags: u16, answers: &[(u16, u16, usize)]) -> Vec<NextStep> {
        report(&manifest(evaluation(tags, answers)), None).next_steps
    }

    #[test]
    fn where_nothing_stands_out_it_says_to_go_on() {
        let mut report = report(&manifest(evaluation(2, &[(0, 0, 60), (1, 1, 60)])), None);
        report.calibration = None;
        assert_eq!(report.advice(), [NextStep::GoOn]);
    }

    #[test]
    fn tags_with_few_photos_are_named_the_poorest_first() {
        let given = advice(3, &[(0, 0, 49), (1, 1, 50), (2, 2, 7)]);
        assert!(given.contains(&NextStep::AddPhotos { tags: vec![2, 0], wanted: 50 }), "{given:?}");
        assert!(
            !given.iter().any(|it| matches!(it, NextStep::Balance { .. })),
            "more photos even it out too"
        );
    }

    #[test]
    fn tags_with_enough_photos_are_to_be_even() {
        let is_balance = |it: &NextStep| matches!(it, NextStep::Balance { most: 1, fewest: 0 });
        assert!(advice(2, &[(0, 0, 60), (1, 1, 121)]).iter().any(is_balance));
        assert!(!advice(2, &[(0, 0, 60), (1, 1, 120)]).iter().any(is_balance));
    }

    #[test]
    fn tags_taken_for_each_other_are_named_the_one_that_is_mistaken_more_first() {
        let answers = [(0, 0, 90), (0, 1, 1), (1, 0, 4), (1, 1, 90), (2, 2, 90), (2, 0, 2)];
        let apart = NextStep::TellApart { actual: 1, given: 0, photos: 5, of: 185 };
        let given = advice(3, &answers);
        assert!(given.contains(&apart), "{given:?}");
        assert_eq!(given.iter().filter(|it| matches!(it, NextStep::TellApart { .. })).count(), 1);
    }

    #[test]
    fn a_weak_tag_is_named_where_no_other_tag_is_to_blame() {
        let mut report = report(&manifest(evaluation(2, &[(0, 0, 60), (1, 1, 60)])), None);
        report.tags[1].f1 = Some(0.6);
        let given = report.advice();
        assert!(matches!(given[0], NextStep::Strengthen { tag: 1, .. }), "{given:?}");
    }

    #[test]
    fn what_is_wrong_with_photos_is_counted() {
        let mut report = report(&manifest(evaluation(2, &[(0, 0, 60), (1, 1, 60)])), None);
        report.findings = Some(PhotoFindings {
            duplicates: vec![vec![image(0), image(1)]],
            near_duplicates: vec![vec![image(2), image(3), image(4)]],
            unreadable: vec![image(9)],
            ..PhotoFindings::default()
        });
        let given = report.advice();
        assert!(given.contains(&NextStep::RemoveDuplicates { photos: 3, groups: 2 }), "{given:?}");
        assert!(given.contains(&NextStep::ReplaceUnreadable { photos: 1 }), "{given:?}");
    }

    #[test]
    fn getting_worse_is_told() {
        let now = manifest(evaluation(2, &[(0, 0, 50), (0, 1, 10), (1, 1, 60)]));
        let then = manifest(evaluation(2, &[(0, 0, 60), (1, 1, 60)]));
        let worse = NextStep::LookAtWorsened { worsened: 10, improved: 0 };
        assert!(report(&now, Some(&then)).next_steps.contains(&worse));
        assert!(!report(&then, Some(&now)).next_steps.contains(&worse));
    }

    #[test]
    fn every_step_can_be_said() {
        let now = manifest(evaluation(3, &[(0, 0, 20), (0, 1, 10), (1, 1, 10), (2, 2, 60), (2, 1, 30)]));
        let report = report(&now, None);
        assert!(report.next_steps.len() > 2, "{:?}", report.next_steps);
        for step in &report.next_steps {
            let (title, text) = (step.title(&report), step.text(&report));
            assert!(!title.is_empty() && text.ends_with('.'), "{title}: {text}");
        }
    }
}
