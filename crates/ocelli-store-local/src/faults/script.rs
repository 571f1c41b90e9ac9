//! The changes of the scenario: every kind, most of them where they take something away.

use std::collections::BTreeMap;

use ocelli_core::{
    Affected, BoundingBox, Description, Erased, ErasureRecord, EvaluatedPhoto, Export, ExportId,
    ExportPlatform, ImageId, IterationId, Metadata, Origin, Project, ProjectId, ProjectSettings,
    ProjectUpdate, Region, StoredPrediction, Tag, TagId, TagType, TagUpdate, TrainedTag, TrainingFailure,
};
use ocelli_store::conformance::scene::{Scene, at, name};
use ocelli_store::{
    Change, ContentKey, FeatureKey, NewExportFile, NewImage, StoredCalibration, UsedPrediction,
};

use super::marker::{fill, floats, mark};
use super::scenario::{Author, Scenario};

const KEY: ContentKey = ContentKey::new([7; 32]);
const OTHER_KEY: ContentKey = ContentKey::new([8; 32]);
/// Longer than a page of the database.
const LONG: usize = 6_000;

/// The base model whose features are kept.
const BASE: &str = "base";

pub(super) fn scenario() -> Scenario {
    let project = ProjectId::new(at(0), [1; 10]);
    let other = ProjectId::new(at(1), [2; 10]);
    let mut author = Author::new(project);
    author.world.projects = vec![project, other];
    author.world.bases = vec![BASE.to_owned()];
    let tags = labels(&mut author, other);
    let photos = photos(&mut author, &tags, other);
    let regions = details(&mut author, &tags, &photos);
    let iterations = trainings(&mut author, &tags, &photos);
    let kept = predictions(&mut author, &tags, &photos, iterations[0]);
    erasures(&mut author, &tags, &photos, &regions, &iterations, &kept);
    crowd(&mut author);
    projects(&mut author, other);
    author.finish()
}

struct Tags {
    oak: TagId,
    birch: TagId,
    elm: TagId,
    negative: TagId,
}

fn creation(id: ProjectId, subject: &str, key: ContentKey) -> Change {
    let project = Project {
        id,
        name: name(&mark(subject, "name")),
        description: Description::new(fill(subject, "description", 200)).unwrap(),
        settings: ProjectSettings::default(),
        created: at(1),
        last_modified: at(1),
        deleted: None,
    };
    Change::CreateProject { project, key }
}

fn labels(author: &mut Author, other: ProjectId) -> Tags {
    let project = author.scene.project;
    author.act(creation(project, "project", KEY), &["project"], &[]);
    author.act(creation(other, "other", OTHER_KEY), &["other"], &[]);
    let mut tag = |subject: &str, tag_type| {
        let description = Description::new(fill(subject, "description", 100)).unwrap();
        let tag = Tag { description, ..author.scene.new_tag(&mark(subject, "name"), tag_type) };
        let id = tag.id;
        author.act(Change::CreateTag { project, tag }, &[subject], &[]);
        id
    };
    Tags {
        oak: tag("oak", TagType::Regular),
        birch: tag("birch", TagType::Regular),
        elm: tag("elm", TagType::Regular),
        negative: tag("none", TagType::Negative),
    }
}

/// A photo whose bytes tell of one subject and whose record tells of another.
fn photo(author: &mut Author, content: &str, record: &str, tags: &[TagId]) -> NewImage {
    let mut new = author.scene.new_image(fill(content, "bytes", 900).as_bytes(), tags);
    let entries = (0..2 + author.world.images.len() % 5)
        .map(|entry| (mark(record, &format!("key{entry}")), fill(record, &format!("value{entry}"), 150)));
    new.image.metadata = Metadata::new(entries.collect()).unwrap();
    new.image.origin = Origin::Upload { name: Some(mark(record, "origin")) };
    // In no order, so that records are moved about in the database.
    let number = author.world.images.len() as u8;
    new.image.id = ImageId::new(at(0), [number.wrapping_mul(151); 10]);
    author.world.images.push(new.image.id);
    new
}

fn photos(author: &mut Author, tags: &Tags, other: ProjectId) -> Vec<ImageId> {
    let project = author.scene.project;
    let mut ids = Vec::new();
    for batch in 0..3 {
        let (mut images, mut brings) = (Vec::new(), Vec::new());
        for number in batch * 6..batch * 6 + 6 {
            let (content, record) = (format!("content{number}"), format!("record{number}"));
            let tag = [tags.oak, tags.birch, tags.elm][number % 3];
            let new = photo(author, &content, &record, &[tag]);
            author.trace_content(&KEY, &content, &new.bytes);
            ids.push(new.image.id);
            images.push(new);
            brings.extend([content, record]);
        }
        if batch == 1 {
            // The bytes of another, which it joins, and one that is refused; neither leaves anything of its own.
            images.insert(2, photo(author, "content0", "joined", &[tags.birch]));
            images.push(photo(author, "refused", "refused", &[tags.oak, tags.negative]));
        }
        let brings: Vec<&str> = brings.iter().map(String::as_str).collect();
        author.act(Change::AddImages { project, images }, &brings, &[]);
    }
    let images = vec![photo(author, "content1", "elsewhere", &[])];
    author.act(Change::AddImages { project: other, images }, &["elsewhere"], &[]);
    ids
}

/// Tags, regions, metadata and features of the photos.
fn details(author: &mut Author, tags: &Tags, photos: &[ImageId]) -> Vec<Region> {
    let project = author.scene.project;
    author.act(author.scene.tagging(&[(photos[1], tags.elm), (photos[4], tags.elm)]), &[], &[]);
    let untag = Change::UntagImages { project, images: vec![photos[4]], tags: vec![tags.elm] };
    author.act(untag, &[], &[]);
    let regions: Vec<Region> = (0..6_u8)
        .map(|number| {
            let left = f32::from(number + 1) / 97.0;
            let bounds = BoundingBox::new(left, 0.1, 0.05, 0.25).unwrap();
            author.trace(&format!("region{number}"), f64::from(left).to_be_bytes().to_vec());
            Region { bounds, ..author.scene.region(tags.oak, number) }
        })
        .collect();
    let placed =
        regions.iter().enumerate().map(|(number, region)| (photos[3 * (number % 3)], region.clone()));
    let brings = ["region0", "region1", "region2", "region3", "region4", "region5"];
    author.act(Change::AddRegions { project, regions: placed.collect() }, &brings, &[]);
    author.act(author.scene.deletion_of_regions(&[regions[1].id]), &[], &["region1"]);

    let metadata = |subject: &str| {
        Metadata::new(BTreeMap::from([(mark(subject, "key"), fill(subject, "value", 300))])).unwrap()
    };
    for (before, after) in [(None, "metadata0"), (Some("metadata0"), "metadata1")] {
        let image = photos[2];
        let change = Change::SetMetadata { project, image, metadata: metadata(after), at: at(12) };
        author.act(change, &[after], before.as_slice());
    }
    for (number, calibrated) in [(0, Some("calibration0")), (1, Some("calibration1")), (2, None)] {
        let key = match calibrated {
            Some(subject) => {
                let fingerprint = mark(subject, "fingerprint");
                let calibration = StoredCalibration {
                    fingerprint: fingerprint.clone(),
                    images: vec![photos[3], photos[4]],
                    training_photos: 10,
                    data: fill(subject, "data", 500).into_bytes(),
                };
                let keep = Change::KeepCalibration { project, base: BASE.to_owned(), calibration };
                let takes: &[&str] = if number == 1 { &["calibration0"] } else { &[] };
                author.act(keep, &[subject], takes);
                FeatureKey::int8(BASE, fingerprint)
            }
            None => FeatureKey::f32(BASE),
        };
        author.world.keys.push(key.clone());
        // Features of a calibration go with it, others with their photo.
        let subject = |photo: usize| calibrated.map_or(format!("record{photo}"), str::to_owned);
        let features =
            photos.iter().enumerate().map(|(photo, id)| (*id, floats(&subject(photo), "features", 150)));
        author.act(Change::CacheFeatures { project, key, features: features.collect() }, &[], &[]);
    }
    regions
}

/// Trains on some photos; each leaves its probabilities in the manifest.
fn completion(
    author: &mut Author,
    iteration: IterationId,
    subject: &str,
    tags: &[(TagId, &str)],
    photos: &[(ImageId, usize)],
) -> Change {
    let mut trained = Scene::trained(5);
    trained.model = fill(subject, "model", LONG).into_bytes();
    trained.manifest.base = mark(subject, "base");
    trained.manifest.evaluation.tags = tags
        .iter()
        .map(|(id, tag)| TrainedTag { id: *id, name: name(&mark(tag, "name")), tag_type: TagType::Regular })
        .collect();
    let mut photo = |(id, number): &(ImageId, usize)| {
        let first = 0.1 + (*number as f32) * 0.012_345 + (subject.len() as f32) * 0.000_17;
        let probabilities = vec![first, 1.0 - first];
        let bytes = probabilities.iter().flat_map(|each: &f32| each.to_le_bytes()).collect();
        let evaluated = format!("evaluated{number}{subject}");
        author.trace(&evaluated, bytes);
        author.trace(&evaluated, format!("{first},{}", probabilities[1]).into_bytes());
        EvaluatedPhoto { photo: *id, tags: vec![0], fold: 1, probabilities }
    };
    trained.manifest.evaluation.photos = photos.iter().map(&mut photo).collect();
    Change::CompleteTraining {
        project: author.scene.project,
        iteration,
        trained: Box::new(trained),
        at: at(20),
        training_millis: 9,
    }
}

/// The first is published, the second failed, the third has exports.
fn trainings(author: &mut Author, tags: &Tags, photos: &[ImageId]) -> [IterationId; 3] {
    let project = author.scene.project;
    let begin = |author: &mut Author, subject: &str, called: &str| {
        let beginning = author.scene.beginning(Some(&mark(subject, called)));
        let Change::BeginTraining { iteration } = &beginning else { unreachable!() };
        let id = iteration.id;
        author.world.iterations.push(id);
        author.act(beginning, &[subject], &[]);
        id
    };
    let first = begin(author, "first", "name");
    let on: Vec<_> = [0, 3, 6].map(|number| (photos[number], number)).to_vec();
    let change = completion(author, first, "first", &[(tags.oak, "oak"), (tags.elm, "elm")], &on);
    author.act(change, &["first", "evaluated0first", "evaluated3first", "evaluated6first"], &[]);
    author.act(author.scene.publication(first, &mark("live", "name"), false), &["live"], &[]);

    let second = begin(author, "second", "name");
    // The keyed hash of a checkpoint that another replaced may stay in the log until something is erased; its bytes may not.
    let keep = |author: &mut Author, subject: &str, takes: &[&str]| {
        let bytes = fill(subject, "weights", LONG).into_bytes();
        author.act(author.scene.checkpoint(second, &bytes, &photos[..3]), &[subject], takes);
    };
    keep(author, "checkpoint0", &[]);
    keep(author, "checkpoint1", &["checkpoint0"]);
    let failure = TrainingFailure::Interrupted;
    author.act(Change::FailTraining { project, iteration: second, failure, at: at(21) }, &[], &[]);
    author.act(author.scene.resumption(second), &[], &[]);
    let failure = TrainingFailure::Stopped;
    author.act(
        Change::FailTraining { project, iteration: second, failure, at: at(21) },
        &[],
        &["checkpoint1"],
    );

    let third = begin(author, "formerly", "name");
    let on: Vec<_> = [4, 7].map(|number| (photos[number], number)).to_vec();
    let change = completion(author, third, "third", &[(tags.birch, "birch"), (tags.elm, "elm")], &on);
    author.act(change, &["third", "evaluated4third", "evaluated7third"], &[]);
    let rename =
        Change::RenameIteration { project, iteration: third, name: name(&mark("third", "name")), at: at(22) };
    author.act(rename, &[], &["formerly"]);
    for (number, subject) in ["export0", "export1"].into_iter().enumerate() {
        let id = ExportId::new(at(23), [number as u8; 10]);
        let export = Export {
            id,
            iteration_id: third,
            platform: ExportPlatform::Onnx,
            flavor: Some(name(&mark(subject, "flavor"))),
            created: at(23),
            files: Vec::new(),
        };
        let file = |kind: &str, length| NewExportFile {
            name: name(&mark(subject, kind)),
            bytes: fill(subject, kind, length).into_bytes(),
        };
        let files = vec![file("model", LONG), file("labels", 80)];
        for file in &files {
            author.trace_content(&KEY, subject, &file.bytes);
            author.world.exports.push((id, file.name.clone()));
        }
        author.act(Change::KeepExport { project, export, files }, &[subject], &[]);
    }
    [first, second, third]
}

/// Five with photos of their own, and one with the photo number 5.
fn predictions(
    author: &mut Author,
    tags: &Tags,
    photos: &[ImageId],
    iteration: IterationId,
) -> Vec<StoredPrediction> {
    let project = author.scene.project;
    let mut kept = Vec::new();
    for number in 0..6_u16 {
        let subject = format!("prediction{number}");
        let mut answer = author.scene.answer(30, &[(tags.elm, 0.75), (tags.oak, 0.25)]);
        answer.application = Some(name(&mark(&subject, "application")));
        answer.publish_name = Some(name(&mark(&subject, "published")));
        answer.prediction.iteration_id = iteration;
        for (result, tag) in answer.prediction.predictions.iter_mut().zip(["elm", "oak"]) {
            result.tag_name = name(&mark(tag, "name"));
        }
        author.world.predictions.push(answer.prediction.id);
        let content = if number == 5 { "content5".to_owned() } else { format!("asked{number}") };
        let bytes = fill(&content, "bytes", 900).into_bytes();
        if number != 5 {
            author.trace_content(&KEY, &content, &bytes);
        }
        let change = author.scene.keeping_prediction(&answer, &bytes);
        author.act(change, &[&subject, &content], &[]);
        kept.push(answer);
    }
    let delete = |number: usize| Change::DeletePredictions {
        project,
        predictions: vec![kept[number].prediction.id],
        at: at(31),
    };
    author.act(delete(0), &[], &["prediction0", "asked0"]);
    let image = ImageId::new(at(32), [9; 10]);
    author.world.images.push(image);
    let used = |number: usize, image| UsedPrediction {
        prediction: kept[number].prediction.id,
        image,
        tags: vec![tags.elm],
        regions: Vec::new(),
    };
    // The second one's photo is there already, so that the record only goes.
    let predictions = vec![used(1, image), used(5, photos[5])];
    let change = Change::UsePredictions { project, predictions, at: at(33) };
    author.act(change, &[], &["prediction1", "prediction5"]);
    author.act(delete(1), &[], &[]);
    kept
}

fn erasures(
    author: &mut Author,
    tags: &Tags,
    photos: &[ImageId],
    regions: &[Region],
    iterations: &[IterationId; 3],
    kept: &[StoredPrediction],
) {
    let project = author.scene.project;
    let delete = |author: &Author, photos: &[ImageId], affected| {
        author.scene.deletion_of_images_with(photos, affected)
    };
    let takes = ["content0", "record0", "region0", "region3", "evaluated0first", "content5", "record5"];
    author.act(delete(author, &[photos[0], photos[5]], Affected::Keep), &[], &takes);
    let takes = ["content3", "record3", "region4", "evaluated3first", "calibration1", "live"];
    author.act(delete(author, &[photos[3]], Affected::Unpublish), &[], &takes);
    // Neither is there any more.
    author.act(author.scene.deletion_of_regions(&[regions[0].id]), &[], &[]);
    author.act(delete(author, &[photos[3]], Affected::Keep), &[], &[]);

    // The bytes come back and go again.
    let again = photo(author, "content0", "again", &[tags.oak]);
    let id = again.image.id;
    author.act(Change::AddImages { project, images: vec![again] }, &["content0", "again"], &[]);
    author.act(delete(author, &[id], Affected::Keep), &[], &["content0", "again"]);

    let first = iterations[0];
    author.act(author.scene.publication(first, &mark("secondlive", "name"), false), &["secondlive"], &[]);
    author.act(author.scene.deletion_of_iteration(first), &[], &[]);
    author.act(Change::Unpublish { project, iteration: first, at: at(41) }, &[], &["secondlive"]);

    let update = TagUpdate { name: Some(name(&mark("ash", "name"))), ..TagUpdate::default() };
    author.act(Change::UpdateTag { project, tag: tags.birch, update }, &["ash"], &[]);
    let export = author.world.exports[0].0;
    author.act(Change::DeleteExport { project, export, at: at(42) }, &[], &["export0"]);
    let change = Change::DeleteTag { project, tag: tags.birch, affected: Affected::Delete, at: at(43) };
    let takes = ["birch", "ash", "third", "evaluated4third", "evaluated7third", "export1"];
    author.act(change, &[], &takes);
    author.act(author.scene.deletion_of_iteration(iterations[1]), &[], &["second"]);
    author.act(author.scene.deletion_of_iteration(first), &[], &["first", "evaluated6first"]);

    let many: Vec<usize> = vec![1, 4, 6, 9, 10, 12, 15, 17];
    let ids: Vec<ImageId> = many.iter().map(|number| photos[*number]).collect();
    let mut takes: Vec<String> =
        many.iter().flat_map(|number| [format!("content{number}"), format!("record{number}")]).collect();
    takes.extend(["region2".to_owned(), "region5".to_owned()]);
    // The other project has the same bytes as number 1 in a file of its own.
    takes.retain(|subject| subject != "content1");
    let takes: Vec<&str> = takes.iter().map(String::as_str).collect();
    author.act(delete(author, &ids, Affected::Keep), &[], &takes);
    let predictions = vec![kept[2].prediction.id, kept[4].prediction.id];
    let change = Change::DeletePredictions { project, predictions, at: at(45) };
    author.act(change, &[], &["prediction2", "prediction4", "asked2", "asked4"]);
    let change = author.scene.deletion_of_tag(tags.elm);
    author.act(change, &[], &["elm"]);
    let erasures = [Erased::Image(photos[7]), Erased::Image(photos[0]), Erased::Metadata(photos[8])];
    let record = |erased| ErasureRecord { at: at(46), project_id: project, erased };
    let change =
        Change::ReapplyErasures { erasures: erasures.map(record).to_vec(), affected: Affected::Keep };
    author.act(change, &[], &["content7", "record7"]);
}

/// So many names, in no order, that the database moves them about in its pages; then they go one by one.
fn crowd(author: &mut Author) {
    const TAGS: usize = 48;
    let project = author.scene.project;
    let shuffled = |step: usize| (0..TAGS).map(move |number| (number * step) % TAGS);
    let mut tags = vec![None; TAGS];
    for number in shuffled(7) {
        let subject = format!("crowd{number:02}");
        let tag = author.scene.new_tag(&fill(&subject, "name", 40 + number * 37 % 180), TagType::Regular);
        tags[number] = Some(tag.id);
        author.act(Change::CreateTag { project, tag }, &[&subject], &[]);
    }
    for number in shuffled(5).take(24) {
        let change = author.scene.deletion_of_tag(tags[number].unwrap());
        author.act(change, &[], &[&format!("crowd{number:02}")]);
    }
}

fn projects(author: &mut Author, other: ProjectId) {
    let project = author.scene.project;
    let update = ProjectUpdate {
        name: Some(name(&mark("renamed", "name"))),
        description: Some(Description::new(fill("renamed", "description", 100)).unwrap()),
        settings: None,
    };
    author.act(Change::UpdateProject { project, update, at: at(50) }, &["renamed"], &["project"]);
    author.act(author.scene.deletion(), &[], &[]);
    author.act(Change::RestoreProject { project, at: at(51) }, &[], &[]);
    author.act(Change::DeleteProject { project: other, at: at(52) }, &[], &[]);
    author.act(Change::EraseProject { project: other, at: at(53) }, &[], &["other", "elsewhere", "content1"]);
    let images = vec![photo(author, "last", "last", &[])];
    author.act(Change::AddImages { project, images }, &["last"], &[]);
}
