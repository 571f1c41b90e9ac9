//! What is planted, and how it is erased: one function for each kind of data.

use std::collections::BTreeSet;

use ocelli::{
    Affected, Description, ErrorCode, HoldTarget, ImageId, IterationId, Metadata, NewProject, Precision,
    ProjectHandle, ProjectUpdate, Publication, Region, StoredPrediction, TagId, TagType, TagUpdate,
    TrainingFailure, Upload, UsePrediction,
};
use ocelli_store::conformance::scene::{Scene, at};
use ocelli_store::{Change, FeatureKey, StoredCalibration, Trained};

use crate::world::{Case, Planting, World, complete};

/// Plants everything, with neighbours between.
pub(crate) fn plant(world: &mut World) -> Vec<Case> {
    let plantings: [fn(&mut World) -> Case; 25] = [
        photo,
        metadata,
        region,
        tag,
        renamed_tag,
        kept_prediction,
        used_prediction,
        result_of_a_tag,
        calibration,
        replaced_calibration,
        iteration,
        publication,
        renamed_iteration,
        failed_training,
        message_that_names_a_tag,
        export,
        iteration_with_its_photo,
        iteration_with_its_tag,
        photo_of_a_kept_iteration,
        updated_project,
        project,
        deleted_project,
        hold,
        hold_on_all_projects,
        refused_photo,
    ];
    let mut cases = Vec::new();
    for planting in plantings {
        let case = planting(world);
        world.expected.extend(case.markers.clone());
        cases.push(case);
        world.churn(10, 8);
    }
    cases
}

fn upload(planting: &mut Planting<'_>, project: &ProjectHandle, tag: TagId) -> ImageId {
    let photo = Upload::bytes(planting.photo("bytes"));
    let upload = photo.named(planting.text("name")).metadata(planting.metadata()).tag(tag);
    let added = project.add_images(vec![upload]).unwrap();
    added.added().next().unwrap().image.id
}

fn cache(planting: &mut Planting<'_>, below: &Scene, image: ImageId, key: FeatureKey, what: &str) {
    let features = vec![(image, planting.floats(what, 1280))];
    below.apply(Change::CacheFeatures { project: below.project, key, features });
}

/// An answer of which everything but the probability is marked.
fn answer(planting: &mut Planting<'_>, below: &Scene, tag: TagId) -> StoredPrediction {
    let mut answer = below.answer(planting.markers.below(1_000_000) as i64, &[(tag, 0.75), (tag, 0.25)]);
    answer.application = Some(planting.name("application"));
    answer.publish_name = Some(planting.name("publish name"));
    for (number, result) in answer.prediction.predictions.iter_mut().enumerate() {
        result.tag_name = planting.name(&format!("tag name of result {number}"));
    }
    answer
}

/// Keeps a calibration of this base that looked at a photo, and features that it gave another.
fn calibrate(planting: &mut Planting<'_>, below: &Scene, base: &str, images: [ImageId; 2]) {
    let fingerprint = planting.text("fingerprint");
    let calibration = StoredCalibration {
        fingerprint: fingerprint.clone(),
        images: vec![images[0]],
        training_photos: 2,
        data: planting.bytes("calibration", 9_000),
    };
    below.apply(Change::KeepCalibration { project: below.project, base: base.to_owned(), calibration });
    cache(planting, below, images[1], FeatureKey::int8(base, fingerprint), "features of another photo");
}

/// An iteration that was trained on these photos, with a model and an export, all of it marked.
fn train(planting: &mut Planting<'_>, below: &Scene, photos: &[(ImageId, TagId)]) -> IterationId {
    let Trained { mut manifest, looked_at, .. } = Scene::trained_on(1, photos);
    for (number, photo) in manifest.evaluation.photos.iter_mut().enumerate() {
        photo.probabilities = planting.floats(&format!("probabilities of photo {number}"), 8);
    }
    for (number, tag) in manifest.evaluation.tags.iter_mut().enumerate() {
        tag.name = planting.name(&format!("name of trained tag {number}"));
    }
    let model = planting.bytes("model", 12_000);
    let iteration = below.begin(Some(&planting.text("iteration"))).id;
    below.apply(below.completion_with(iteration, Trained { manifest, model, looked_at }));
    keep_export(planting, below, iteration);
    iteration
}

fn keep_export(planting: &mut Planting<'_>, below: &Scene, iteration: IterationId) -> ocelli::ExportId {
    let mut export = below.new_export(iteration);
    export.flavor = Some(planting.name("flavor"));
    let (model, labels) = (planting.bytes("exported model", 5_000), planting.bytes("exported labels", 100));
    let names = [planting.text("name of the model's file"), planting.text("name of the labels' file")];
    below.apply(below.keeping(&export, &[(&names[0], &model), (&names[1], &labels)]));
    export.id
}

fn publish(planting: &mut Planting<'_>, below: &Scene, iteration: IterationId) {
    let publication = Publication { name: planting.name("publication"), precision: Precision::F32 };
    let (project, at) = (below.project, at(30));
    below.apply(Change::Publish { project, iteration, publication, overwrite: false, at });
}

fn photo(world: &mut World) -> Case {
    let tag = world.tags[0];
    let (mut planting, below, project) = world.plant("photo");
    let image = upload(&mut planting, project, tag);
    let region = Region { bounds: planting.bounds("region"), ..below.region(tag, 1) };
    below.apply(Change::AddRegions { project: below.project, regions: vec![(image, region)] });
    cache(&mut planting, below, image, FeatureKey::f32("base"), "features");
    below.apply(below.calibrating("base", 1));
    let int8 = FeatureKey::int8("base", Scene::calibration(1).fingerprint);
    cache(&mut planting, below, image, int8, "features in int8");
    planting.case(move |world| complete(world.project.delete_images(vec![image]).unwrap()))
}

fn metadata(world: &mut World) -> Case {
    let (mut planting, below, project) = world.plant("metadata");
    let image = below.image(b"a photo that stays", &[]);
    complete(project.set_metadata(image, planting.metadata()).unwrap());
    planting.case(move |world| complete(world.project.set_metadata(image, Metadata::default()).unwrap()))
}

fn region(world: &mut World) -> Case {
    let tag = world.tags[1];
    let (mut planting, below, _) = world.plant("region");
    let image = below.image(b"a photo with regions", &[]);
    let region = Region { bounds: planting.bounds("bounds"), ..below.region(tag, 1) };
    let (project, id) = (below.project, region.id);
    below
        .apply(Change::AddRegions { project, regions: vec![(image, region), (image, below.region(tag, 2))] });
    planting.case(move |world| complete(world.project.delete_regions(vec![id]).unwrap()))
}

/// A tag that photos, regions and kept answers have.
fn used_tag(
    planting: &mut Planting<'_>,
    below: &Scene,
    project: &ProjectHandle,
    images: &[ImageId],
) -> TagId {
    let description = Description::new(planting.text("description")).unwrap();
    let tag = project.create_tag_with(planting.text("name"), description, TagType::Regular).unwrap().id;
    below.give(&images.iter().map(|image| (*image, tag)).collect::<Vec<_>>());
    tag
}

fn tag(world: &mut World) -> Case {
    let images = world.neighbours(20);
    let (mut planting, below, project) = world.plant("tag");
    let tag = used_tag(&mut planting, below, project, &images);
    let image = below.image(b"a photo with a region", &[]);
    let region = Region { bounds: planting.bounds("region"), ..below.region(tag, 1) };
    below.apply(Change::AddRegions { project: below.project, regions: vec![(image, region)] });
    planting.case(move |world| complete(world.project.delete_tag(tag).unwrap()))
}

fn renamed_tag(world: &mut World) -> Case {
    let images = world.neighbours(5);
    let (mut planting, below, project) = world.plant("renamed tag");
    let tag = used_tag(&mut planting, below, project, &images);
    planting.case(move |world| {
        let name = Some(ocelli::Name::new("another name").unwrap());
        let update = TagUpdate { name, description: Some(Description::default()), ..TagUpdate::default() };
        world.project.update_tag(tag, update).unwrap();
    })
}

fn kept_prediction(world: &mut World) -> Case {
    let tag = world.tags[2];
    let (mut planting, below, _) = world.plant("kept prediction");
    let mut answer = answer(&mut planting, below, tag);
    answer.metadata = planting.metadata();
    let id = below.keep(&answer, &planting.photo("bytes"));
    planting.case(move |world| complete(world.project.delete_predictions(vec![id]).unwrap()))
}

/// Its photo moves and stays.
fn used_prediction(world: &mut World) -> Case {
    let tag = world.tags[2];
    let (mut planting, below, _) = world.plant("used prediction");
    let answer = answer(&mut planting, below, tag);
    let prediction = below.keep(&answer, b"a photo that moves");
    planting.case(move |world| {
        let used = UsePrediction { prediction, tags: Vec::new(), regions: Vec::new() };
        assert!(world.project.use_predictions(vec![used]).unwrap().is_batch_successful());
    })
}

/// The tag goes, the answer stays without it.
fn result_of_a_tag(world: &mut World) -> Case {
    let (mut planting, below, _) = world.plant("result");
    let tag = below.tag("a tag that goes");
    for number in 0..5 {
        let mut answer = below.answer(number, &[(tag, 0.5)]);
        answer.prediction.predictions[0].tag_name = planting.name(&format!("tag name {number}"));
        below.keep(&answer, &planting.markers.random(64));
    }
    planting.case(move |world| complete(world.project.delete_tag(tag).unwrap()))
}

fn calibration(world: &mut World) -> Case {
    let (mut planting, below, _) = world.plant("calibration");
    let images = [below.image(b"a photo that was looked at", &[]), below.image(b"another photo", &[])];
    calibrate(&mut planting, below, "base that was calibrated", images);
    planting.case(move |world| complete(world.project.delete_images(vec![images[0]]).unwrap()))
}

fn replaced_calibration(world: &mut World) -> Case {
    let (mut planting, below, _) = world.plant("replaced calibration");
    let images = [below.image(b"one photo", &[]), below.image(b"one more photo", &[])];
    calibrate(&mut planting, below, "base that was calibrated again", images);
    planting.case(move |world| {
        world.below.apply(world.below.calibrating("base that was calibrated again", 2));
    })
}

fn iteration(world: &mut World) -> Case {
    let tag = world.tags[3];
    let (mut planting, below, _) = world.plant("iteration");
    let image = below.image(b"a photo to train on", &[tag]);
    let iteration = train(&mut planting, below, &[(image, tag)]);
    planting.case(move |world| complete(world.project.iteration(iteration).unwrap().delete().unwrap()))
}

fn publication(world: &mut World) -> Case {
    let (mut planting, below, _) = world.plant("publication");
    let iteration = below.complete(1);
    publish(&mut planting, below, iteration);
    planting.case(move |world| world.project.iteration(iteration).unwrap().unpublish().unwrap())
}

fn renamed_iteration(world: &mut World) -> Case {
    let (mut planting, below, _) = world.plant("renamed iteration");
    let iteration = below.begin(Some(&planting.text("name"))).id;
    below.apply(below.completion(iteration, 1));
    planting.case(move |world| world.project.iteration(iteration).unwrap().rename("renamed").unwrap())
}

fn failed_training(world: &mut World) -> Case {
    let (mut planting, below, _) = world.plant("failed training");
    let iteration = below.begin(Some(&planting.text("name"))).id;
    let failure = TrainingFailure::Error { code: ErrorCode::ErrorUnknown, message: planting.text("message") };
    below.apply(Change::FailTraining { project: below.project, iteration, failure, at: at(21) });
    planting.case(move |world| complete(world.project.iteration(iteration).unwrap().delete().unwrap()))
}

/// The tag goes, the failed iteration stays with another message.
fn message_that_names_a_tag(world: &mut World) -> Case {
    let (mut planting, below, project) = world.plant("message that names a tag");
    let name = planting.text("name");
    let tag = project.create_tag(&name).unwrap().id;
    let iteration = below.begin(None).id;
    let message = format!("some tags have too few photos: {name:?} has 4 of 5 photos");
    let failure = TrainingFailure::Error { code: ErrorCode::ErrorUnknown, message };
    below.apply(Change::FailTraining { project: below.project, iteration, failure, at: at(21) });
    planting.case(move |world| complete(world.project.delete_tag(tag).unwrap()))
}

fn export(world: &mut World) -> Case {
    let (mut planting, below, _) = world.plant("export");
    let iteration = below.complete(1);
    let export = keep_export(&mut planting, below, iteration);
    planting.case(move |world| complete(world.project.delete_export(export).unwrap()))
}

fn iteration_with_its_photo(world: &mut World) -> Case {
    let tag = world.tags[4];
    let (mut planting, below, project) = world.plant("iteration with its photo");
    let image = upload(&mut planting, project, tag);
    let iteration = train(&mut planting, below, &[(image, tag)]);
    publish(&mut planting, below, iteration);
    planting.case(move |world| {
        complete(world.project.delete_images_with(vec![image], Affected::Delete).unwrap());
    })
}

fn iteration_with_its_tag(world: &mut World) -> Case {
    let mut images = world.neighbours(10);
    let (mut planting, below, project) = world.plant("iteration with its tag");
    images.insert(0, below.image(b"a photo that keeps another tag", &[]));
    let tag = used_tag(&mut planting, below, project, &images);
    let iteration = train(&mut planting, below, &[(images[0], tag)]);
    publish(&mut planting, below, iteration);
    planting.case(move |world| complete(world.project.delete_tag_with(tag, Affected::Delete).unwrap()))
}

/// What the iteration answered to it goes; what it answered to others stays.
fn photo_of_a_kept_iteration(world: &mut World) -> Case {
    let tag = world.tags[5];
    let (mut planting, below, project) = world.plant("photo of a kept iteration");
    let [image, other] = [upload(&mut planting, project, tag), below.image(b"the other photo", &[tag])];
    let mut trained = Scene::trained_on(1, &[(image, tag), (other, tag)]);
    trained.manifest.evaluation.photos[0].probabilities = planting.floats("probabilities", 8);
    below.complete_with(trained);
    planting.case(move |world| complete(world.project.delete_images(vec![image]).unwrap()))
}

fn updated_project(world: &mut World) -> Case {
    let ocelli = world.ocelli.clone();
    let (mut planting, ..) = world.plant("updated project");
    let new = NewProject::new(planting.text("name")).description(planting.text("description"));
    let project = ocelli.create_project(new).unwrap();
    planting.case(move |_| {
        let name = Some(ocelli::Name::new("updated").unwrap());
        let update = ProjectUpdate { name, description: Some(Description::default()), ..Default::default() };
        project.update(update).unwrap();
    })
}

/// A project with one of everything, all of it marked.
fn whole_project(world: &mut World, kind: &'static str, deleted: bool) -> Case {
    let ocelli = world.ocelli.clone();
    let first_id = 1_000_000 + u32::from(deleted) * 1_000_000;
    let (mut planting, below, _) = world.plant(kind);
    let new = NewProject::new(planting.text("project")).description(planting.text("about the project"));
    let project = ocelli.create_project(new).unwrap();
    let within = Scene::over(below.store.clone(), project.id(), first_id);
    let stays = within.image(b"a photo without a mark", &[]);
    let tag = used_tag(&mut planting, &within, &project, &[stays]);
    let mut images = Vec::new();
    for number in 0..60 {
        images.push(within.image(&planting.bytes(&format!("bytes of photo {number}"), 32), &[tag]));
    }
    cache(&mut planting, &within, images[0], FeatureKey::f32("base"), "features");
    calibrate(&mut planting, &within, "base", [images[0], images[1]]);
    let mut answer = answer(&mut planting, &within, tag);
    answer.metadata = planting.metadata();
    within.keep(&answer, &planting.photo("bytes of a kept photo"));
    let iteration = train(&mut planting, &within, &[(images[0], tag), (images[1], tag)]);
    if deleted {
        project.delete().unwrap();
    } else {
        publish(&mut planting, &within, iteration);
    }
    planting.case(move |_| complete(ocelli.erase_project(project.id()).unwrap()))
}

fn project(world: &mut World) -> Case {
    whole_project(world, "project", false)
}

fn deleted_project(world: &mut World) -> Case {
    whole_project(world, "deleted project", true)
}

/// An expression that selects nothing, and why it holds; both go when the hold is released.
fn holding(world: &mut World, kind: &'static str, everywhere: bool) -> Case {
    let ocelli = world.ocelli.clone();
    let (mut planting, _, project) = world.plant(kind);
    let filter = format!("{} eq '{}'", planting.text("key"), planting.text("value")).parse().unwrap();
    let target = HoldTarget::Metadata { project_id: (!everywhere).then(|| project.id()), filter };
    let hold = ocelli.place_hold(target, planting.text("reason")).unwrap().id;
    planting.case(move |world| world.ocelli.release_hold(hold).unwrap())
}

fn hold(world: &mut World) -> Case {
    holding(world, "hold", false)
}

fn hold_on_all_projects(world: &mut World) -> Case {
    holding(world, "hold on all projects", true)
}

/// It is never to be found: nothing of it goes by this case.
fn refused_photo(world: &mut World) -> Case {
    let (mut planting, _, project) = world.plant("refused photo");
    let photo = Upload::bytes(planting.photo("bytes")).named(planting.text("name"));
    let unknown = TagId::new(at(0), [0xff; 10]);
    let added = project.add_images(vec![photo.metadata(planting.metadata()).tag(unknown)]).unwrap();
    assert!(!added.is_batch_successful());
    Case { markers: BTreeSet::new(), erase: Box::new(|_| {}) }
}
