//! Copies of a directory that is in use, and what was erased since.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a panic is how a test reports")]

mod marks;
mod moment;
mod telling;

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Instant;

use ocelli_core::*;
use ocelli_store::conformance::scene::{Scene, at, name};
use ocelli_store::*;
use ocelli_store_local::LocalStore;
use tempfile::TempDir;

use marks::{files, held, mark};
use moment::options;
use telling::everything;

fn open(path: &Path, first_id: u32) -> Scene {
    let store = Arc::new(LocalStore::open(path, options(Limits::default())).unwrap());
    Scene::over(store, ProjectId::new(at(0), [0; 10]), first_id)
}

/// A directory with a project, in a folder that has room for copies beside it.
fn scene() -> (TempDir, Scene) {
    let folder = tempfile::tempdir().unwrap();
    let scene = open(&folder.path().join("live"), 1);
    scene.apply(scene.creation(scene.project, 0));
    (folder, scene)
}

/// Adds a photo that has a marker in its bytes, its name and its metadata.
fn add(scene: &Scene, number: u32, tags: &[TagId]) -> ImageId {
    let mut new = scene.new_image((mark(number) + &"-".repeat(500)).as_bytes(), tags);
    new.image.origin = Origin::Upload { name: Some(mark(number)) };
    let entry = (mark(number), mark(number));
    new.image.metadata = Metadata::new(BTreeMap::from([entry])).unwrap();
    scene.add(vec![new]).remove(0).unwrap().image.id
}

fn marks_in(folder: &Path) -> BTreeSet<u32> {
    held(folder).into_keys().collect()
}

fn assert_sound(store: &dyn Store) {
    let report = store.check(&CheckOptions::default()).unwrap();
    assert!(report.is_sound() && report.unowned == 0, "{report:?}");
}

#[test]
fn a_copy_of_a_directory_in_use_has_what_was_there_and_not_what_is_erased() {
    let (folder, scene) = scene();
    let (copy, partial) = (folder.path().join("copy"), folder.path().join(".copy.partial"));
    let before: Vec<ImageId> = (0..200).map(|number| add(&scene, number, &[])).collect();
    let _ = scene.erase(scene.deletion_of_images(&before[..10]));
    let done = AtomicBool::new(false);
    let (added, erased, in_between) = thread::scope(|threads| {
        let (before, done) = (&before, &done);
        let (store, partial) = (Arc::clone(&scene.store), &partial);
        let other = threads.spawn(move || {
            let scene = Scene::over(store, ProjectId::new(at(0), [0; 10]), 10_000);
            let (mut added, mut erased, mut in_between) = (0, 10, BTreeSet::new());
            while !done.load(Ordering::Relaxed) && erased < 150 {
                add(&scene, 1000 + added, &[]);
                added += 1;
                let copying = partial.join("blobs").join(scene.project.to_string()).exists();
                let _ = scene.erase(scene.deletion_of_images(&before[erased..=erased]));
                if copying && partial.exists() {
                    // Erased after the records had been copied, before the copy was complete.
                    in_between.insert(u32::try_from(erased).unwrap());
                }
                erased += 1;
            }
            (added, erased, in_between)
        });
        let began = Instant::now();
        scene.store.snapshot(&copy).unwrap();
        eprintln!("copied in {:?}", began.elapsed());
        done.store(true, Ordering::Relaxed);
        other.join().unwrap()
    });
    assert!(!partial.exists());
    eprintln!("{added} photos added, {} erased, {} while bytes were copied", erased - 10, in_between.len());
    let restored = open(&copy, 20_000);
    assert_sound(restored.store.as_ref());
    let found = marks_in(&copy);
    for (kept, id) in before.into_iter().enumerate().skip(erased) {
        assert!(found.contains(&u32::try_from(kept).unwrap()), "{kept}");
        assert_eq!(restored.look(id), scene.look(id));
        let bytes = restored.store.image_bytes(scene.project, id).unwrap();
        assert_eq!(bytes, scene.store.image_bytes(scene.project, id).unwrap());
    }
    // What it knows to be erased is a beginning of what was, and all of that is gone.
    let (known, all) = (restored.store.erasures(at(0)).unwrap(), scene.store.erasures(at(0)).unwrap());
    assert!(known.len() >= 10 && all.starts_with(&known), "{} of {}", known.len(), all.len());
    let gone = (0..u32::try_from(known.len()).unwrap()).chain(in_between);
    let remains: Vec<u32> = gone.filter(|number| found.contains(number)).collect();
    assert!(remains.is_empty(), "{remains:?}");
}

/// A hold that was released while bytes were copied does not keep what was erased then, nor does one that came later: the
/// copy has the holds of its end.
#[test]
fn a_copy_has_the_holds_of_its_end() {
    let (folder, scene) = scene();
    let (copy, partial) = (folder.path().join("copy"), folder.path().join(".copy.partial"));
    let images: Vec<ImageId> = (0..150).map(|number| add(&scene, number, &[])).collect();
    let place = |scene: &Scene, number: usize, target| {
        let id = HoldId::new(at(i64::try_from(number).unwrap()), [number as u8; 10]);
        let reason = Description::new("a case").unwrap();
        scene.apply(Change::PlaceHold { hold: Hold { id, target, reason, placed: at(3) } });
        id
    };
    let project_id = scene.project;
    let holds: Vec<HoldId> = (0..100)
        .map(|number| place(&scene, number, HoldTarget::Image { project_id, image_id: images[number] }))
        .collect();
    let done = AtomicBool::new(false);
    let in_between = thread::scope(|threads| {
        let (images, holds, done, partial) = (&images, &holds, &done, &partial);
        let store = Arc::clone(&scene.store);
        let other = threads.spawn(move || {
            let scene = Scene::over(store, project_id, 10_000);
            let mut erased = 0;
            while !done.load(Ordering::Relaxed) && erased < 40 {
                if partial.join("blobs").join(project_id.to_string()).exists() {
                    scene.apply(Change::ReleaseHold { hold: holds[erased], at: at(4) });
                    let _ = scene.erase(scene.deletion_of_images(&[images[erased]]));
                    let filter = MetadataFilter::eq(mark(erased as u32), mark(erased as u32)).unwrap();
                    place(&scene, 200 + erased, HoldTarget::Metadata { project_id: None, filter });
                    erased += 1;
                }
            }
            erased
        });
        scene.store.snapshot(&copy).unwrap();
        done.store(true, Ordering::Relaxed);
        other.join().unwrap()
    });
    eprintln!("{in_between} holds released while bytes were copied");
    let restored = open(&copy, 20_000);
    assert_sound(restored.store.as_ref());
    let known = restored.store.erasures(at(0)).unwrap();
    assert!(scene.store.erasures(at(0)).unwrap().starts_with(&known));
    let found = marks_in(&copy);
    // Of the last, the hold may have been released or placed as the copy was complete.
    let holding: Vec<HoldId> = restored.store.holds().unwrap().into_iter().map(|hold| hold.id).collect();
    for (number, hold) in holds.iter().enumerate() {
        let gone = known.iter().any(|record| record.erased == Erased::Image(images[number]));
        assert_eq!(restored.store.images_by_id(project_id, &[images[number]]).is_err(), gone, "{number}");
        assert!(!(gone && holding.contains(hold)), "{number}");
        if number > known.len() {
            assert!(holding.contains(hold) && found.contains(&u32::try_from(number).unwrap()), "{number}");
        }
    }
    assert!(holding.len() >= 100 - 1 && holding.len() <= 101, "{}", holding.len());
}

#[test]
fn a_copy_tells_what_the_directory_told() {
    let (folder, scene) = scene();
    let (oak, elm) = (scene.tag("oak"), scene.tag("elm"));
    let images: Vec<ImageId> = (0..20).map(|number| add(&scene, number, &[oak])).collect();
    scene.apply(scene.calibrating_on("base", 1, &images[..3]));
    let features = vec![(images[0], vec![0.1; 4])];
    let key = FeatureKey::f32("base");
    scene.apply(Change::CacheFeatures { project: scene.project, key, features });
    let iteration = scene.complete_on(1, &[(images[0], oak), (images[1], elm)]);
    scene.apply(scene.publication(iteration, "live", false));
    scene.export(iteration, &[("model.onnx", b"network")]);
    scene.keep(&scene.answer(1, &[(oak, 0.7)]), b"kept");
    let told = everything(scene.store.as_ref(), scene.project);
    // An empty folder is as good as none.
    let copies = [folder.path().join("one"), folder.path().join("two/three")];
    fs::create_dir(&copies[0]).unwrap();
    for copy in copies {
        scene.store.snapshot(&copy).unwrap();
        let restored = open(&copy, 1000);
        assert_eq!(everything(restored.store.as_ref(), scene.project), told);
        assert_sound(restored.store.as_ref());
        let bytes = |folder: &Path| files(&folder.join("blobs")).len();
        assert_eq!(bytes(&copy), bytes(&folder.path().join("live")));
        // It is a directory like any other, and none of the first's.
        let _ = restored.erase(Change::EraseProject { project: scene.project, at: at(50) });
        assert_eq!(marks_in(&copy), BTreeSet::new());
    }
    assert_eq!(everything(scene.store.as_ref(), scene.project), told);
}

#[test]
fn a_folder_that_holds_something_is_not_copied_into() {
    let (folder, scene) = scene();
    let copy = folder.path().join("copy");
    scene.store.snapshot(&copy).unwrap();
    let before = files(&copy);
    assert!(scene.store.snapshot(&copy).unwrap_err().to_string().contains("copying"));
    assert_eq!(files(&copy), before);
    let file = folder.path().join("file");
    fs::write(&file, "theirs").unwrap();
    scene.store.snapshot(&file).unwrap_err();
    assert_eq!(fs::read(&file).unwrap(), b"theirs");
}

#[test]
fn a_copy_that_fails_leaves_nothing() {
    let (folder, scene) = scene();
    for number in 0..5 {
        add(&scene, number, &[]);
    }
    // A folder where bytes should be cannot be read, whoever tries.
    let place = files(&folder.path().join("live/blobs")).remove(3);
    let bytes = fs::read(&place).unwrap();
    fs::remove_file(&place).unwrap();
    fs::create_dir(&place).unwrap();
    let beside = || fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name());
    let copy = folder.path().join("copy");
    scene.store.snapshot(&copy).unwrap_err();
    assert_eq!(beside().collect::<Vec<_>>(), ["live"]);
    fs::remove_dir(&place).unwrap();
    fs::write(&place, bytes).unwrap();
    scene.store.snapshot(&copy).unwrap();
    assert_sound(open(&copy, 1000).store.as_ref());
}

#[test]
fn what_a_copy_left_that_broke_off_is_made_anew() {
    let (folder, scene) = scene();
    add(&scene, 1, &[]);
    let partial = folder.path().join(".copy.partial");
    fs::create_dir_all(partial.join("blobs/old")).unwrap();
    fs::write(partial.join("ocelli.sqlite"), "half").unwrap();
    let copy = folder.path().join("copy");
    scene.store.snapshot(&copy).unwrap();
    assert!(!partial.exists() && !copy.join("blobs/old").exists());
    assert_sound(open(&copy, 1000).store.as_ref());
}

#[test]
fn a_copy_lacks_what_was_damaged_and_a_check_of_it_says_so() {
    let (folder, scene) = scene();
    let image = add(&scene, 1, &[]);
    fs::write(files(&folder.path().join("live/blobs")).remove(0), "damaged").unwrap();
    scene.store.snapshot(&folder.path().join("copy")).unwrap();
    let restored = open(&folder.path().join("copy"), 1000);
    let report = restored.store.check(&CheckOptions::default()).unwrap();
    assert_eq!(report.missing, [Owner::Image { project_id: scene.project, id: image }]);
}

#[test]
fn what_was_erased_since_a_copy_is_erased_there_too() {
    let (folder, scene) = scene();
    let (oak, elm) = (scene.tag(&mark(1)), scene.tag("elm"));
    let (first, second) = (add(&scene, 2, &[oak]), add(&scene, 3, &[elm]));
    let stays = add(&scene, 4, &[oak, elm]);
    let region = scene.region(elm, 1);
    scene.apply(Change::AddRegions { project: scene.project, regions: vec![(stays, region.clone())] });
    let trained = |number: u64| {
        let photos = [(first, oak), (second, elm), (stays, elm)];
        let mut trained = Scene::trained_on(number, &photos);
        trained.model = mark(u32::try_from(number).unwrap()).into_bytes();
        trained
    };
    let iterations = [10, 11].map(|number| scene.complete_with(trained(number)));
    let exports: Vec<ExportId> = (20..22)
        .map(|number| scene.export(iterations[1], &[("model.onnx", mark(number).as_bytes())]))
        .collect();
    let predictions: Vec<PredictionId> = (30_u32..32)
        .map(|number| {
            let mut kept = scene.answer(i64::from(number), &[(elm, 0.5), (oak, 0.25)]);
            kept.application = Some(name(&mark(number)));
            scene.keep(&kept, mark(number + 10).as_bytes())
        })
        .collect();
    let another = Scene::over(Arc::clone(&scene.store), ProjectId::new(at(0), [9; 10]), 500);
    another.apply(another.creation(another.project, 1));
    add(&another, 50, &[another.tag(&mark(51))]);

    let copy = folder.path().join("copy");
    scene.store.snapshot(&copy).unwrap();
    assert_eq!(marks_in(&copy), marks_in(&folder.path().join("live")));
    let since = scene.store.erasures(at(0)).unwrap().len();

    let project = scene.project;
    for change in [
        scene.deletion_of_images(&[first]),
        scene.deletion_of_tag(oak),
        scene.deletion_of_regions(&[region.id]),
        Change::SetMetadata { project, image: stays, metadata: Metadata::default(), at: at(45) },
        scene.deletion_of_iteration(iterations[0]),
        scene.deletion_of_export(exports[0]),
        Change::DeletePredictions { project, predictions: vec![predictions[0]], at: at(46) },
        Change::EraseProject { project: another.project, at: at(47) },
    ] {
        assert!(scene.erase(change).status.is_complete());
    }
    let erased = scene.store.erasures(at(40)).unwrap();
    assert_eq!(erased.len() - since, 8);

    let restored = open(&copy, 1000);
    assert!(marks_in(&copy).contains(&2), "it is as old as it is");
    for _ in 0..2 {
        let erasure =
            restored.erase(Change::ReapplyErasures { erasures: erased.clone(), affected: Affected::Keep });
        assert!(erasure.status.is_complete());
        let expected = BTreeSet::from([3, 4, 11, 21, 31, 41]);
        assert_eq!(marks_in(&copy), expected, "what was not erased, and the photo's name and bytes");
        for project in [project, another.project] {
            let expected = everything(scene.store.as_ref(), project);
            assert_eq!(everything(restored.store.as_ref(), project), expected);
        }
    }
    let projects = |scene: &Scene| scene.store.projects(ProjectState::Live).unwrap();
    assert_eq!(projects(&restored), projects(&scene));
    assert_eq!(restored.store.erasures(at(0)).unwrap(), scene.store.erasures(at(0)).unwrap());
    assert_sound(restored.store.as_ref());
    assert_eq!(files(&copy.join("damaged")), [] as [PathBuf; 0]);
}

/// A training goes on where it is, and its copy fails cleanly.
#[test]
fn a_copy_has_no_checkpoint() {
    let (folder, scene) = scene();
    let copy = folder.path().join("copy");
    let image = add(&scene, 1, &[]);
    let iteration = scene.begin(None).id;
    scene.apply(scene.checkpoint(iteration, mark(2).as_bytes(), &[image]));
    scene.store.snapshot(&copy).unwrap();
    assert_eq!(marks_in(&copy), BTreeSet::from([1]));
    let restored = open(&copy, 20_000);
    assert_sound(restored.store.as_ref());
    assert_eq!(restored.store.checkpoint(scene.project, iteration).unwrap(), None);
    assert!(matches!(restored.refuse(restored.resumption(iteration)), StoreError::NoCheckpoint(_)));
    let kept = scene.store.checkpoint(scene.project, iteration).unwrap();
    assert_eq!(kept.as_deref(), Some(mark(2).as_bytes()));
}
