use std::collections::{BTreeSet, HashMap};

use ocelli_core::{
    CalibrationFigures, ClassificationType, CurvePoint, Domain, EvaluatedOn, EvaluatedPhoto, Evaluation,
    ImageId, Interval, Iteration, LeftOut, Manifest, ProbabilityCalibration, Project, TagComparison,
    Thresholds, Timestamp,
};

use crate::{
    AnsweredPhoto, Calibrated, Compared, ComparedTag, Estimate, Headline, IterationReport, LeftOutCounts,
    MAX_CELL_PHOTOS, MAX_CURVE_POINTS, MAX_LISTED_PHOTOS, Measure, Overall, PhotoFindings, Picture,
    Provenance, ReportedCell, ReportedPhoto, ReportedProject, ReportedTag,
};

/// What a report is made from.
#[derive(Clone, Debug)]
pub struct ReportSource<'a> {
    /// When the report is made.
    pub made: Timestamp,
    /// The version of Ocelli that makes it.
    pub version: &'a str,
    /// The project.
    pub project: &'a Project,
    /// The iteration.
    pub iteration: &'a Iteration,
    /// What the iteration was trained on and answered.
    pub manifest: &'a Manifest,
    /// Photos that deserve a look, where somebody looked for them.
    pub findings: Option<PhotoFindings>,
    /// The iteration to compare with, and what it was trained on and answered.
    pub earlier: Option<(&'a Iteration, &'a Manifest)>,
}

impl IterationReport {
    /// The report. Its photos are without pictures and names: [`photos`](Self::photos) lists those that it names, for
    /// the caller to fill in.
    pub fn new(source: ReportSource<'_>) -> Self {
        let ReportSource { made, version, project, iteration, manifest, findings, earlier } = source;
        let evaluation = manifest.judged_by();
        let thresholds = &manifest.own_thresholds();
        let performance = evaluation.performance(thresholds);
        let mut report = Self {
            made,
            project: ReportedProject {
                id: project.id,
                name: project.name.clone(),
                description: project.description.clone(),
            },
            iteration: iteration.clone(),
            headline: headline(iteration, manifest),
            next_steps: Vec::new(),
            tags: tags(manifest, thresholds),
            overall: Overall {
                precision: performance.precision,
                recall: performance.recall,
                f1: performance.f1,
                average_precision: performance.average_precision,
            },
            confusion: confusion(evaluation, thresholds),
            calibration: calibrated(manifest),
            fine_tuning: manifest.fine_tuning.clone(),
            findings,
            comparison: earlier.map(|(earlier, before)| compared(manifest, thresholds, earlier, before)),
            provenance: provenance(version, iteration, manifest),
            photos: Vec::new(),
        };
        report.next_steps = report.advice();
        report.photos = report.named_photos(manifest, thresholds);
        report
    }

    /// The photos that the report shows, by id.
    fn named_photos(&self, manifest: &Manifest, thresholds: &Thresholds) -> Vec<ReportedPhoto> {
        let mut named = BTreeSet::<ImageId>::new();
        named.extend(self.confusion.iter().flat_map(|cell| &cell.photos).map(|answered| answered.photo));
        named.extend(self.findings.iter().flat_map(PhotoFindings::shown));
        named.extend(self.comparison.iter().flat_map(|it| it.improved.iter().chain(&it.worsened)));
        let classification_type = manifest.evaluation.classification_type;
        let evaluated = manifest.test.iter().flat_map(|test| &test.photos).chain(&manifest.evaluation.photos);
        let answers: HashMap<ImageId, &EvaluatedPhoto> =
            evaluated.map(|photo| (photo.photo, photo)).collect();
        let photo = |id: ImageId| {
            let answer = answers.get(&id);
            ReportedPhoto {
                id,
                name: None,
                tags: answer.map(|answer| answer.tags.clone()).unwrap_or_default(),
                given: answer.map(|answer| answer.given(classification_type, thresholds)).unwrap_or_default(),
                picture: Picture::NotShown,
            }
        };
        named.into_iter().map(photo).collect()
    }
}

fn probability(photo: &EvaluatedPhoto, tag: u16) -> f32 {
    photo.probabilities.get(usize::from(tag)).copied().unwrap_or(0.0)
}

/// Draws of the bootstrap: the usual 1,000, fewer where there are very many photos and tags, so that it takes a second.
fn resamples(evaluation: &Evaluation) -> usize {
    const USUAL: usize = 1_000;
    const RANKED: usize = 100_000_000;
    let ranked = evaluation.photos.len().saturating_mul(evaluation.tags.len()).max(1);
    (RANKED / ranked).clamp(USUAL / 10, USUAL)
}

fn headline(iteration: &Iteration, manifest: &Manifest) -> Headline {
    let evaluation = manifest.judged_by();
    let (measure, value) = match evaluation.classification_type {
        ClassificationType::Multiclass => (Measure::Top1, evaluation.top1()),
        ClassificationType::Multilabel => {
            (Measure::MeanAveragePrecision, evaluation.mean_average_precision())
        }
    };
    let interval = match measure {
        Measure::Top1 => Some(evaluation.top1_interval()),
        Measure::MeanAveragePrecision => {
            evaluation.mean_average_precision_interval(manifest.seed, resamples(evaluation))
        }
    };
    let base = Domain::from_id(iteration.domain_id).and_then(|domain| domain.base);
    Headline {
        measure,
        value: value.map(|value| Estimate { value, interval }),
        evaluated_on: manifest.evaluated_on(),
        trained_photos: manifest.evaluation.photos.len(),
        photos: evaluation.photos.len(),
        classification_type: evaluation.classification_type,
        base_model: base.map_or_else(|| "unknown".to_owned(), |base| base.to_string()),
    }
}

fn tags(manifest: &Manifest, thresholds: &Thresholds) -> Vec<ReportedTag> {
    let evaluation = manifest.judged_by();
    let trained = |tag: u16| {
        let photos = manifest.evaluation.photos.iter();
        photos.filter(|photo| photo.tags.contains(&tag)).count()
    };
    let performance = evaluation.performance(thresholds);
    let each = (0u16..).zip(evaluation.tags.iter().zip(performance.per_tag_performance));
    // Where no photo was given a tag, or has it, its interval says that nothing is known.
    let estimate = |value: f64, interval: Interval| {
        (interval != Interval::default()).then_some(Estimate { value, interval: Some(interval) })
    };
    each.map(|(index, (tag, figures))| {
        let precision = estimate(figures.precision, figures.precision_interval);
        let recall = estimate(figures.recall, figures.recall_interval);
        ReportedTag {
            id: tag.id,
            name: tag.name.clone(),
            tag_type: tag.tag_type,
            photos: figures.photos,
            trained_photos: trained(index),
            threshold: thresholds.of(index),
            f1: precision.or(recall).map(|_| figures.f1),
            precision,
            recall,
            average_precision: figures.average_precision,
            curve: CurvePoint::thinned(&evaluation.precision_recall_curve(index), MAX_CURVE_POINTS),
        }
    })
    .collect()
}

fn confusion(evaluation: &Evaluation, thresholds: &Thresholds) -> Vec<ReportedCell> {
    let answers: HashMap<ImageId, &EvaluatedPhoto> =
        evaluation.photos.iter().map(|photo| (photo.photo, photo)).collect();
    let cells = evaluation.confusion(thresholds).cells;
    cells
        .into_iter()
        .map(|cell| {
            let about = cell.given.or(cell.actual);
            let mut photos: Vec<AnsweredPhoto> = Vec::new();
            if cell.actual != cell.given {
                photos.extend(cell.photos.iter().map(|photo| AnsweredPhoto {
                    photo: *photo,
                    probability:
                        answers.get(photo).zip(about).map_or(0.0, |(answer, tag)| probability(answer, tag)),
                }));
                photos.sort_by(|a, b| b.probability.total_cmp(&a.probability).then(a.photo.cmp(&b.photo)));
                photos.truncate(MAX_CELL_PHOTOS);
            }
            ReportedCell { actual: cell.actual, given: cell.given, count: cell.photos.len(), photos }
        })
        .collect()
}

/// On the tests of both where both have one, else on what their folds answered.
fn compared(
    manifest: &Manifest,
    thresholds: &Thresholds,
    earlier: &Iteration,
    before: &Manifest,
) -> Compared {
    let (evaluation, then) = match (&manifest.test, &before.test) {
        (Some(now), Some(then)) => (now, then),
        _ => (&manifest.evaluation, &before.evaluation),
    };
    let comparison = evaluation.compare_at(thresholds, then, before.own_thresholds());
    let tag = |tag: TagComparison| ComparedTag {
        id: tag.id,
        name: tag.name,
        earlier: tag.earlier,
        later: tag.later,
        improved: tag.improved.len(),
        worsened: tag.worsened.len(),
    };
    Compared {
        earlier: earlier.id,
        earlier_name: earlier.name.clone(),
        shared: comparison.shared,
        tags: comparison.tags.into_iter().map(tag).collect(),
        p_value: comparison.p_value,
        improved_count: comparison.improved.len(),
        improved: of_all_tags(evaluation, &comparison.improved),
        worsened_count: comparison.worsened.len(),
        worsened: of_all_tags(evaluation, &comparison.worsened),
    }
}

/// At most [`MAX_LISTED_PHOTOS`] of these photos, one of each tag in turn.
fn of_all_tags(evaluation: &Evaluation, photos: &[ImageId]) -> Vec<ImageId> {
    let tags: HashMap<ImageId, Option<u16>> =
        evaluation.photos.iter().map(|photo| (photo.photo, photo.tags.first().copied())).collect();
    let mut seen = HashMap::<Option<u16>, usize>::new();
    let mut ranked: Vec<(usize, ImageId)> = photos
        .iter()
        .map(|photo| {
            let rank = seen.entry(tags.get(photo).copied().flatten()).or_default();
            *rank += 1;
            (*rank, *photo)
        })
        .collect();
    ranked.sort_by_key(|(rank, _)| *rank);
    ranked.into_iter().take(MAX_LISTED_PHOTOS).map(|(_, photo)| photo).collect()
}

/// How far probabilities can be trusted. Undoing the calibration gives back what a test would have been answered without
/// it; of folds it gives what the calibration was learned from, but for what each fold's own correction differs from
/// it, so that their figures are the recorded ones.
fn calibrated(manifest: &Manifest) -> Option<Calibrated> {
    let evaluation = manifest.judged_by();
    if evaluation.photos.is_empty() {
        return None;
    }
    let reliability = evaluation.reliability();
    let record = manifest.calibration.as_ref().filter(|record| !record.method.is_identity());
    let undone =
        record.and_then(|record| undone(&record.method)).map(|undo| undo.applied(evaluation).reliability());
    let (before, after) = match record {
        Some(record) if manifest.evaluated_on() == EvaluatedOn::Folds => (Some(record.before), record.after),
        _ => (undone.as_ref().map(CalibrationFigures::from), CalibrationFigures::from(&reliability)),
    };
    let bins_before = undone.map(|undone| undone.bins).unwrap_or_default();
    Some(Calibrated { after, bins: reliability.bins, before, bins_before })
}

/// The calibration that takes another back; none where that has no inverse.
fn undone(method: &ProbabilityCalibration) -> Option<ProbabilityCalibration> {
    let undo = match method {
        ProbabilityCalibration::Temperature { temperature } => {
            ProbabilityCalibration::Temperature { temperature: 1.0 / temperature }
        }
        ProbabilityCalibration::Platt { slopes, offsets } => ProbabilityCalibration::Platt {
            slopes: slopes.iter().map(|slope| 1.0 / slope).collect(),
            offsets: slopes.iter().zip(offsets).map(|(slope, offset)| -offset / slope).collect(),
        },
        _ => return None,
    };
    undo.is_valid().then_some(undo)
}

fn provenance(version: &str, iteration: &Iteration, manifest: &Manifest) -> Provenance {
    let left_out = |reason: LeftOut| manifest.left_out.iter().filter(|(_, why)| *why == reason).count();
    Provenance {
        version: version.to_owned(),
        domain: Domain::from_id(iteration.domain_id)
            .map_or_else(|| iteration.domain_id.to_string(), |domain| domain.name.to_owned()),
        seed: manifest.seed,
        base: manifest.base.clone(),
        folds: manifest.folds,
        strength: manifest.strength,
        balance: manifest.balance,
        erased: manifest.erased,
        test_erased: manifest.test_erased,
        left_out: LeftOutCounts {
            several_tags: left_out(LeftOut::SeveralTags),
            negative_set: left_out(LeftOut::NegativeSet),
            unreadable: left_out(LeftOut::Unreadable),
        },
        int8: manifest.int8.clone(),
    }
}

#[cfg(test)]
mod tests {
    use ocelli_core::{CalibrationFigures, CalibrationRecord};

    use super::*;
    use crate::testing::{evaluation, image, manifest, report};

    #[test]
    fn an_iteration_with_a_test_is_judged_by_it() {
        let mut manifest = manifest(evaluation(2, &[(0, 0, 10), (1, 1, 10)]));
        manifest.test = Some(evaluation(2, &[(0, 1, 3), (1, 1, 1)]));
        let report = report(&manifest, None);
        assert_eq!(report.headline.evaluated_on, EvaluatedOn::TestSet);
        assert_eq!((report.headline.photos, report.headline.trained_photos), (4, 20));
        assert_eq!(report.headline.value.map(|value| value.value), Some(0.25));
        assert_eq!(report.tags.iter().map(|tag| tag.photos).collect::<Vec<_>>(), [3, 1]);
        assert_eq!(report.tags.iter().map(|tag| tag.trained_photos).collect::<Vec<_>>(), [10, 10]);
        assert_eq!(report.confusion.iter().map(|cell| cell.count).sum::<usize>(), 4);
    }

    #[test]
    fn the_photos_of_wrong_cells_are_named_and_those_of_right_ones_are_not() {
        let report = report(&manifest(evaluation(2, &[(0, 0, 10), (0, 1, 20), (1, 1, 10)])), None);
        let wrong: Vec<_> = report.confusion.iter().filter(|cell| !cell.photos.is_empty()).collect();
        let [cell] = wrong.as_slice() else { unreachable!("{wrong:?}") };
        assert_eq!(
            (cell.actual, cell.given, cell.count, cell.photos.len()),
            (Some(0), Some(1), 20, MAX_CELL_PHOTOS)
        );
        assert_eq!(report.photos.len(), MAX_CELL_PHOTOS);
        for answered in &cell.photos {
            let photo = report.photo(answered.photo).unwrap();
            assert_eq!((photo.tags.as_slice(), photo.given.as_slice()), (&[0][..], &[1][..]));
        }
        assert!(report.photo(image(0)).is_none());
    }

    #[test]
    fn a_tag_that_no_photo_was_given_has_no_precision() {
        let report = report(&manifest(evaluation(3, &[(0, 0, 5), (1, 0, 5)])), None);
        assert_eq!(report.tags[1].precision, None);
        assert_eq!(report.tags[1].recall.map(|recall| recall.value), Some(0.0));
        assert_eq!((report.tags[2].recall, report.tags[2].f1), (None, None));
    }

    #[test]
    fn calibration_is_undone_for_the_diagram_and_told_as_recorded() {
        let plain = evaluation(2, &[(0, 0, 8), (0, 1, 2), (1, 1, 10)]);
        let method = ProbabilityCalibration::Temperature { temperature: 2.0 };
        let mut manifest = manifest(method.applied(&plain));
        let before = CalibrationFigures { expected_calibration_error: 0.2, brier_score: 0.3 };
        let after = CalibrationFigures { expected_calibration_error: 0.1, brier_score: 0.2 };
        manifest.calibration = Some(CalibrationRecord { method, before, after });
        let found = report(&manifest, None).calibration.unwrap();
        assert_eq!((found.before, found.after), (Some(before), after));
        for (undone, plain) in found.bins_before.iter().zip(plain.reliability().bins) {
            assert_eq!(undone.answers, plain.answers);
            assert!((undone.mean_probability - plain.mean_probability).abs() < 1e-6);
        }
    }

    #[test]
    fn photos_that_changed_are_shown_of_all_tags_in_turn() {
        let evaluation = evaluation(2, &[(0, 0, 30), (1, 1, 2)]);
        let photos: Vec<ImageId> = evaluation.photos.iter().map(|photo| photo.photo).collect();
        let shown = of_all_tags(&evaluation, &photos);
        assert_eq!(shown.len(), MAX_LISTED_PHOTOS);
        assert_eq!(shown[..4], [image(0), image(30), image(1), image(31)]);
    }
}
