use std::collections::{BTreeSet, HashMap};

use ocelli_core::{
    ClassificationType, Domain, EvaluatedPhoto, Evaluation, ImageId, Iteration, LeftOut, Manifest, Project,
    Threshold, Timestamp,
};

use crate::{
    AnsweredPhoto, Compared, ComparedTag, CurvePoint, Estimate, Headline, Interval, IterationReport,
    LeftOutCounts, MAX_CELL_PHOTOS, MAX_CURVE_POINTS, MAX_LISTED_PHOTOS, Measure, MeasuredOn, Overall,
    PhotoFindings, Picture, Provenance, ReportedCell, ReportedPhoto, ReportedProject, ReportedTag,
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
    /// The iteration to compare with, and what it answered.
    pub earlier: Option<(&'a Iteration, &'a Evaluation)>,
}

impl IterationReport {
    /// The report. Its photos are without pictures and names: [`photos`](Self::photos) lists those that it names, for
    /// the caller to fill in.
    pub fn new(source: ReportSource<'_>) -> Self {
        let ReportSource { made, version, project, iteration, manifest, findings, earlier } = source;
        let evaluation = &manifest.evaluation;
        let threshold = Threshold::default();
        let performance = evaluation.performance(threshold);
        let mut report = Self {
            made,
            project: ReportedProject {
                id: project.id,
                name: project.name.clone(),
                description: project.description.clone(),
            },
            iteration: iteration.clone(),
            headline: headline(iteration, manifest),
            suggestions: Vec::new(),
            tags: tags(evaluation, threshold),
            overall: Overall {
                precision: performance.precision,
                recall: performance.recall,
                f1: f1(performance.precision, performance.recall),
                average_precision: performance.average_precision,
            },
            confusion: confusion(evaluation, threshold),
            calibration: None,
            learning: Vec::new(),
            findings,
            comparison: earlier.map(|(earlier, before)| compared(evaluation, earlier, before, threshold)),
            provenance: provenance(version, iteration, manifest),
            photos: Vec::new(),
        };
        report.suggestions = report.advice();
        report.photos = report.named_photos(evaluation, threshold);
        report
    }

    /// The photos that the report shows, by id.
    fn named_photos(&self, evaluation: &Evaluation, threshold: Threshold) -> Vec<ReportedPhoto> {
        let mut named = BTreeSet::<ImageId>::new();
        named.extend(self.confusion.iter().flat_map(|cell| &cell.photos).map(|answered| answered.photo));
        named.extend(self.findings.iter().flat_map(PhotoFindings::shown));
        named.extend(self.comparison.iter().flat_map(|it| it.improved.iter().chain(&it.worsened)));
        let answers: HashMap<ImageId, &EvaluatedPhoto> =
            evaluation.photos.iter().map(|photo| (photo.photo, photo)).collect();
        let photo = |id: ImageId| {
            let answer = answers.get(&id);
            ReportedPhoto {
                id,
                name: None,
                tags: answer.map(|answer| answer.tags.clone()).unwrap_or_default(),
                given: answer.map(|answer| given(evaluation, answer, threshold)).unwrap_or_default(),
                picture: Picture::NotShown,
            }
        };
        named.into_iter().map(photo).collect()
    }
}

fn given(evaluation: &Evaluation, photo: &EvaluatedPhoto, threshold: Threshold) -> Vec<u16> {
    let reaches = |tag: &u16| probability(photo, *tag) >= threshold.value();
    match evaluation.classification_type {
        ClassificationType::Multiclass => photo.best().filter(reaches).into_iter().collect(),
        ClassificationType::Multilabel => (0u16..).take(photo.probabilities.len()).filter(reaches).collect(),
    }
}

fn probability(photo: &EvaluatedPhoto, tag: u16) -> f32 {
    photo.probabilities.get(usize::from(tag)).copied().unwrap_or(0.0)
}

fn f1(precision: f64, recall: f64) -> f64 {
    if precision + recall > 0.0 { 2.0 * precision * recall / (precision + recall) } else { 0.0 }
}

fn headline(iteration: &Iteration, manifest: &Manifest) -> Headline {
    let evaluation = &manifest.evaluation;
    let (measure, value) = match evaluation.classification_type {
        ClassificationType::Multiclass => (Measure::Top1, evaluation.top1()),
        ClassificationType::Multilabel => {
            (Measure::MeanAveragePrecision, evaluation.mean_average_precision())
        }
    };
    let photos = evaluation.photos.len();
    let interval = match measure {
        Measure::Top1 => {
            value.map(|value| Interval::wilson((value * photos as f64).round() as usize, photos))
        }
        Measure::MeanAveragePrecision => None,
    };
    let base = Domain::from_id(iteration.domain_id).and_then(|domain| domain.base);
    Headline {
        measure,
        value: value.map(|value| Estimate { value, interval }),
        measured_on: MeasuredOn::Folds { folds: manifest.folds },
        photos,
        classification_type: evaluation.classification_type,
        base_model: base.map_or_else(|| "unknown".to_owned(), |base| base.to_string()),
    }
}

fn tags(evaluation: &Evaluation, threshold: Threshold) -> Vec<ReportedTag> {
    let performance = evaluation.performance(threshold);
    let each = (0u16..).zip(evaluation.tags.iter().zip(performance.per_tag_performance));
    each.map(|(index, (tag, figures))| {
        let given_it =
            evaluation.photos.iter().filter(|it| given(evaluation, it, threshold).contains(&index)).count();
        let both = (figures.recall * figures.photos as f64).round() as usize;
        let estimate = |part: usize, whole: usize| {
            (whole > 0).then(|| Estimate {
                value: part as f64 / whole as f64,
                interval: Some(Interval::wilson(part, whole)),
            })
        };
        ReportedTag {
            id: tag.id,
            name: tag.name.clone(),
            tag_type: tag.tag_type,
            photos: figures.photos,
            threshold,
            precision: estimate(both, given_it),
            recall: estimate(both, figures.photos),
            f1: (figures.photos + given_it > 0).then(|| f1(figures.precision, figures.recall)),
            average_precision: figures.average_precision,
            curve: curve(evaluation, index),
        }
    })
    .collect()
}

fn curve(evaluation: &Evaluation, tag: u16) -> Vec<CurvePoint> {
    let mut scored: Vec<(f32, bool)> =
        evaluation.photos.iter().map(|photo| (probability(photo, tag), photo.tags.contains(&tag))).collect();
    scored.sort_by(|a, b| b.0.total_cmp(&a.0));
    let positives = scored.iter().filter(|(_, has)| *has).count();
    if positives == 0 {
        return Vec::new();
    }
    let (mut seen, mut found) = (0usize, 0usize);
    let mut points = Vec::new();
    for group in scored.chunk_by(|a, b| a.0 == b.0) {
        seen += group.len();
        found += group.iter().filter(|(_, has)| *has).count();
        points.push(CurvePoint {
            threshold: group[0].0,
            precision: found as f64 / seen as f64,
            recall: found as f64 / positives as f64,
        });
    }
    thinned(points)
}

/// At most [`MAX_CURVE_POINTS`] of them, evenly chosen, the first and the last among them.
fn thinned(points: Vec<CurvePoint>) -> Vec<CurvePoint> {
    if points.len() <= MAX_CURVE_POINTS {
        return points;
    }
    let last = points.len() - 1;
    (0..MAX_CURVE_POINTS).filter_map(|i| points.get(i * last / (MAX_CURVE_POINTS - 1)).copied()).collect()
}

fn confusion(evaluation: &Evaluation, threshold: Threshold) -> Vec<ReportedCell> {
    let answers: HashMap<ImageId, &EvaluatedPhoto> =
        evaluation.photos.iter().map(|photo| (photo.photo, photo)).collect();
    let cells = evaluation.confusion(threshold).cells;
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

fn compared(
    evaluation: &Evaluation,
    earlier: &Iteration,
    before: &Evaluation,
    threshold: Threshold,
) -> Compared {
    let comparison = evaluation.compare(before, threshold);
    let figures: HashMap<_, _> =
        comparison.earlier.per_tag_performance.iter().map(|tag| (tag.id, tag)).collect();
    let tag = |tag: &ocelli_core::TrainedTag| {
        let figures = figures.get(&tag.id);
        ComparedTag {
            earlier_average_precision: figures.and_then(|it| it.average_precision),
            earlier_f1: figures.map(|it| f1(it.precision, it.recall)),
        }
    };
    let some = |photos: &[ImageId]| photos.iter().take(MAX_LISTED_PHOTOS).copied().collect();
    Compared {
        earlier: earlier.id,
        earlier_name: earlier.name.clone(),
        earlier_value: match evaluation.classification_type {
            ClassificationType::Multiclass => before.top1(),
            ClassificationType::Multilabel => before.mean_average_precision(),
        },
        tags: evaluation.tags.iter().map(tag).collect(),
        improved_count: comparison.improved.len(),
        improved: some(&comparison.improved),
        worsened_count: comparison.worsened.len(),
        worsened: some(&comparison.worsened),
    }
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
        left_out: LeftOutCounts {
            several_tags: left_out(LeftOut::SeveralTags),
            negative_set: left_out(LeftOut::NegativeSet),
            unreadable: left_out(LeftOut::Unreadable),
        },
        int8: manifest.int8.clone(),
    }
}
