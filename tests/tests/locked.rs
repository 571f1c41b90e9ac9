//! Projects whose key is missing: nobody can tell what they hold, and everybody is told so.

#![allow(clippy::unwrap_used, reason = "a test that cannot unwrap fails")]

use std::io::Cursor;
use std::path::Path;

use ocelli::{
    Affected, Budget, Erased, ErasureRecord, ExportOptions, HoldTarget, Keys, Metadata, MetadataFilter,
    NewProject, Ocelli, OpenOptions, ProjectHandle, RetentionPolicy, RetentionRule, Upload,
};
use ocelli_tests::{Scene, drawn};

fn anna() -> MetadataFilter {
    "person eq 'anna'".parse().unwrap()
}

fn photo(project: &ProjectHandle, number: u8) -> Erased {
    let person = Metadata::new([("person".to_owned(), "anna".to_owned())].into()).unwrap();
    let added = project.add_images(vec![Upload::bytes(drawn(number)).metadata(person)]).unwrap();
    Erased::Image(added.added().next().unwrap().image.id)
}

/// A directory with a plain and an encrypted project, each with a photo of Anna, a handle with the keys and one without.
struct HalfLocked {
    scene: Scene,
    with_keys: Ocelli,
    plain: ProjectHandle,
    in_plain: Erased,
    locked: ProjectHandle,
    in_locked: Erased,
}

impl HalfLocked {
    fn new() -> Self {
        let scene = Scene::in_directory();
        let plain = scene.ocelli.create_project(NewProject::new("plain")).unwrap();
        let in_plain = photo(&plain, 1);
        let with_keys = open(&scene, scene.path());
        let locked = with_keys.create_project(NewProject::new("sealed")).unwrap();
        let in_locked = photo(&locked, 2);
        Self { scene, with_keys, plain, in_plain, locked, in_locked }
    }

    fn without_keys(&self) -> &Ocelli {
        &self.scene.ocelli
    }
}

/// With the keys.
fn open(scene: &Scene, path: &Path) -> Ocelli {
    let options = OpenOptions::new().keys(Keys::from_random([3; 64])).encrypted(true);
    options.clock(scene.clock.clone()).open(path).unwrap()
}

#[test]
fn a_request_about_a_person_names_the_projects_that_were_not_looked_into() {
    let half = HalfLocked::new();
    let (plain, locked) = (half.plain.id(), half.locked.id());
    let found = half.without_keys().find_person(&anna()).unwrap();
    let items: Vec<_> = found.items.iter().map(|item| (item.project_id, item.item)).collect();
    assert_eq!((items, found.locked), (vec![(plain, half.in_plain)], vec![locked]));
    let given = half.without_keys().export_person(&anna(), Cursor::new(Vec::new())).unwrap();
    assert_eq!((given.projects.len(), given.locked), (1, vec![locked]));
    let erased = half.without_keys().erase_person(&anna(), Affected::Keep).unwrap();
    assert_eq!((erased.erased, erased.locked), (vec![(plain, half.in_plain)], vec![locked]));
    assert!(erased.status.is_complete() && erased.more_operations.is_empty());
    // Who has the keys ends what was begun.
    let erased = half.with_keys.erase_person(&anna(), Affected::Keep).unwrap();
    assert_eq!((erased.erased, erased.locked), (vec![(locked, half.in_locked)], vec![]));
}

#[test]
fn plans_and_sweeps_name_the_projects_that_were_not_looked_into() {
    let half = HalfLocked::new();
    let policy = RetentionPolicy { training_photos: RetentionRule::days(7), ..RetentionPolicy::default() };
    for project in [&half.plain, &half.locked] {
        project.set_retention(policy.clone()).unwrap();
    }
    half.scene.pass_days(7);
    let now = ocelli::Clock::now(&half.scene.clock);
    let plan = half.without_keys().plan(now).unwrap();
    let planned: Vec<_> = plan.items().iter().map(|due| due.item).collect();
    assert_eq!((planned, plan.locked()), (vec![half.in_plain], &[half.locked.id()][..]));
    let swept = half.without_keys().sweep(now, Budget::default()).unwrap();
    assert_eq!((swept.erased, swept.locked, swept.more), (1, vec![half.locked.id()], false));
    let swept = half.with_keys.sweep(now, Budget::default()).unwrap();
    assert_eq!((swept.erased, swept.locked), (1, vec![]));
}

#[test]
fn an_export_of_everything_names_the_projects_that_it_lacks() {
    let half = HalfLocked::new();
    let out = || Cursor::new(Vec::new());
    let exported = half.without_keys().export_all(out(), ExportOptions::default()).unwrap();
    assert_eq!((exported.projects.len(), exported.locked), (1, vec![half.locked.id()]));
    let exported = half.with_keys.export_all(out(), ExportOptions::default()).unwrap();
    assert_eq!((exported.projects.len(), exported.locked.len()), (2, 0));
}

#[test]
fn a_restored_copy_tells_what_is_not_erased_again() {
    let half = HalfLocked::new();
    let copy = tempfile::tempdir().unwrap();
    half.with_keys.snapshot(copy.path()).unwrap();
    for project in [&half.plain, &half.locked] {
        let images = project.images(&Default::default()).unwrap().iter().map(|image| image.id).collect();
        assert!(project.delete_images(images).unwrap().status.is_complete());
    }
    let records = half.with_keys.erasures(ocelli::Timestamp::from_millis(0)).unwrap();
    let mut erased: Vec<_> = records.iter().map(|record| record.erased).collect();
    erased.sort();
    let mut both = [half.in_plain, half.in_locked];
    both.sort();
    assert_eq!(erased, both);

    let restored = open(&half.scene, copy.path());
    let Erased::Image(image_id) = half.in_plain else { panic!("a photo") };
    let target = HoldTarget::Image { project_id: half.plain.id(), image_id };
    let hold = restored.place_hold(target, "asked for").unwrap().id;
    let again = OpenOptions::new().clock(half.scene.clock.clone()).open(copy.path()).unwrap();
    let erasure = again.reapply_erasures(records.clone(), Affected::Keep).unwrap();
    let refused: Vec<_> = erasure.refused.iter().map(|record| record.erased).collect();
    assert_eq!(refused, erased_in(&records, &both), "one is held, the key of the other is missing");
    let erasure = restored.reapply_erasures(erasure.refused, Affected::Keep).unwrap();
    assert_eq!(erasure.refused.iter().map(|record| record.erased).collect::<Vec<_>>(), [half.in_plain]);
    restored.release_hold(hold).unwrap();
    let erasure = restored.reapply_erasures(erasure.refused, Affected::Keep).unwrap();
    assert_eq!((erasure.refused.len(), erasure.status.is_complete()), (0, true));
    assert!(restored.find_person(&anna()).unwrap().items.is_empty());
}

/// Those of these things that the records name, in the records' order.
fn erased_in(records: &[ErasureRecord], things: &[Erased]) -> Vec<Erased> {
    records.iter().map(|record| record.erased).filter(|erased| things.contains(erased)).collect()
}
