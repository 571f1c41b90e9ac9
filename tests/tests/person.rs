//! Requests about one person, by metadata, across projects.

#![allow(clippy::unwrap_used, reason = "a test that cannot unwrap fails")]

use ocelli::{
    Affected, AffectedOutcome, CheckOptions, Erased, ImageFilter, ImageId, ImageQuery, IterationHandle, Keep,
    Keys, Metadata, MetadataFilter, NewProject, Ocelli, OpenOptions, ProjectHandle, TrainOptions, Upload,
};
use ocelli_tests::{Scene, in_both, real, unseen};

fn about(person: &str) -> Metadata {
    Metadata::new([("person".to_owned(), person.to_owned())].into()).unwrap()
}

fn anna() -> MetadataFilter {
    "person eq 'anna'".parse().unwrap()
}

/// A project trained on real photos, the first fish and the first windmill of which are Anna's.
fn trained(ocelli: &Ocelli) -> (ProjectHandle, IterationHandle) {
    let project = ocelli.create_project(NewProject::new("visitors").multiclass()).unwrap();
    for kind in ["fish", "windmill"] {
        let tag = project.create_tag(kind).unwrap().id;
        for (bytes, person) in real(kind, 6).into_iter().zip(["anna", "b", "c", "d", "e", "f"]) {
            let upload = Upload::bytes(bytes).tag(tag).metadata(about(person));
            assert!(project.add_images(vec![upload]).unwrap().is_batch_successful());
        }
    }
    let iteration = project.train(&TrainOptions { int8: false, ..TrainOptions::default() }).unwrap();
    (project, iteration)
}

fn images(project: &ProjectHandle) -> Vec<ImageId> {
    project.images(&Default::default()).unwrap().iter().map(|image| image.id).collect()
}

#[test]
fn a_person_is_found_and_erased_across_projects_one_of_which_is_deleted() {
    in_both(|scene| {
        let (project, iteration) = trained(&scene.ocelli);
        let kept =
            iteration.quick_test_with(&unseen("fish"), Keep::both().with_metadata(about("anna"))).unwrap().id;
        let other = scene.ocelli.create_project(NewProject::new("last year")).unwrap();
        let upload = Upload::bytes(unseen("windmill")).metadata(about("anna"));
        let in_other = other.add_images(vec![upload]).unwrap().added().next().unwrap().image.id;
        other.delete().unwrap();

        let found = scene.ocelli.find_person(&anna()).unwrap();
        assert_eq!(found.items.len(), 4);
        assert!(found.items.iter().any(|item| item.item == Erased::Prediction(kept)));
        assert!(
            found
                .items
                .iter()
                .any(|item| (item.project_id, item.item) == (other.id(), Erased::Image(in_other)))
        );
        assert_eq!(found.iterations.keys().copied().collect::<Vec<_>>(), [project.id()]);

        let erased = scene.ocelli.erase_person(&anna(), Affected::Keep).unwrap();
        assert_eq!((erased.erased.len(), erased.held.len()), (4, 0));
        assert!(erased.status.is_complete());
        let told: Vec<_> = erased.iterations.iter().map(|each| (each.id, each.outcome)).collect();
        assert_eq!(told, [(iteration.id(), AffectedOutcome::Kept)]);
        assert_eq!(images(&project).len(), 10);
        assert_eq!(iteration.manifest().unwrap().erased, 2, "her photos left the manifest");
        assert!(project.prediction(kept).is_err());
        scene.ocelli.restore_project(other.id()).unwrap();
        assert!(images(&other).is_empty());
        assert!(scene.ocelli.find_person(&anna()).unwrap().items.is_empty());
        assert!(scene.ocelli.check(&CheckOptions::default()).unwrap().is_sound());
    });
}

#[test]
fn what_is_held_of_a_person_stays_and_is_told() {
    let scene = Scene::in_directory_with(OpenOptions::new().keys(Keys::from_random([5; 64])));
    let (project, _) = trained(&scene.ocelli);
    let first = scene.ocelli.find_person(&anna()).unwrap().items[0].item;
    let Erased::Image(image_id) = first else { panic!("{first:?}") };
    let target = ocelli::HoldTarget::Image { project_id: project.id(), image_id };
    let hold = scene.ocelli.place_hold(target, "a dispute").unwrap().id;
    let erased = scene.ocelli.erase_person(&anna(), Affected::Keep).unwrap();
    assert_eq!(erased.erased.len(), 1);
    assert_eq!(erased.held, [(project.id(), first, vec![hold])]);
    let receipt = scene.ocelli.receipt(erased.operation.unwrap()).unwrap();
    assert_eq!(receipt.body.items, scene.ocelli.erased_items(receipt.body.operation).unwrap().len() as u64);
    receipt.verify(&scene.ocelli.public_key().unwrap()).unwrap();
    assert!(images(&project).contains(&image_id));
}

#[test]
fn iterations_trained_on_a_person_can_be_erased_too() {
    in_both(|scene| {
        let (project, iteration) = trained(&scene.ocelli);
        iteration.publish("production").unwrap();
        let erased = scene.ocelli.erase_person(&anna(), Affected::Delete).unwrap();
        assert_eq!(erased.iterations[0].outcome, AffectedOutcome::Deleted);
        assert!(project.predict("production", &unseen("fish")).is_err());
        assert!(project.iterations().unwrap().is_empty());
    });
}

#[test]
fn photos_in_use_are_listed_and_counted_by_metadata() {
    in_both(|scene| {
        let (project, _) = trained(&scene.ocelli);
        let filter = ImageFilter { metadata: Some(anna()), ..ImageFilter::default() };
        assert_eq!(project.image_count(&filter).unwrap(), 2);
        let listed = project.images(&ImageQuery { filter, ..ImageQuery::default() }).unwrap();
        assert_eq!(listed.len(), 2);
        assert!(listed.iter().all(|image| image.metadata == about("anna")));
    });
}
