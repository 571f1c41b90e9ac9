//! A full and a read-only file system: a real one, small, in memory, that this test program mounts where nobody else
//! sees it. Where it may not, the tests say that they were skipped.

#![cfg(unix)]
#![allow(clippy::unwrap_used, clippy::panic, clippy::print_stderr, reason = "how a test reports")]

mod marks;
mod moment;

use std::collections::BTreeSet;
use std::fs::{self, File, Permissions};
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use ocelli_core::*;
use ocelli_keys::Keys;
use ocelli_retention::{SweepOptions, receipt, sweep};
use ocelli_store::conformance::scene::{Scene, at};
use ocelli_store::*;
use ocelli_store_local::LocalStore;

use marks::{files, held, mark};
use moment::options;

const PART: &str = "OCELLI_TEST_PART";
const DIRECTORY: &str = "OCELLI_TEST_DIRECTORY";
/// Bytes of the file system.
const SIZE: u64 = 32 << 20;

fn open(path: &Path, first_id: u32) -> Result<Scene, StoreError> {
    let store = Arc::new(LocalStore::open(path, options(Limits::default()))?);
    Ok(Scene::over(store, ProjectId::new(at(0), [0; 10]), first_id))
}

fn create(path: &Path) -> Scene {
    let scene = open(path, 1).unwrap();
    scene.apply(scene.creation(scene.project, 0));
    scene
}

/// Plays a part in a process of its own, in which the folder is a small file system.
fn on_a_small_disk(part: &str) {
    let directory = tempfile::tempdir().unwrap();
    let mut command = Command::new("unshare");
    command.args(["--map-root-user", "--mount"]).arg(std::env::current_exe().unwrap());
    command.args(["--exact", "other_process", "--nocapture"]);
    let played = command.env(PART, part).env(DIRECTORY, directory.path()).output();
    let said = match &played {
        Ok(output) => String::from_utf8_lossy(&[&output.stdout[..], &output.stderr].concat()).into_owned(),
        Err(error) => error.to_string(),
    };
    if said.contains("@played") {
        assert!(played.unwrap().status.success(), "{said}");
    } else {
        assert!(!said.contains("@mounted"), "{said}");
        eprintln!("skipped: no file system can be mounted here: {said}");
    }
}

fn mount(options: &str, directory: &Path) -> bool {
    let mounted = Command::new("mount").args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(directory).status();
    mounted.is_ok_and(|status| status.success())
}

/// What happens on the small file system; nothing where this is not the process that has it.
#[test]
fn other_process() {
    let (Ok(part), Some(directory)) = (std::env::var(PART), std::env::var_os(DIRECTORY)) else { return };
    let disk = Path::new(&directory);
    if !mount(&format!("size={SIZE}"), disk) {
        return;
    }
    println!("@mounted");
    match part.as_str() {
        "fill" => fill(disk),
        "fill while opening" => open_on_a_full_disk(disk),
        "fill before a sweep" => sweep_on_a_full_disk(disk),
        "forbid" => forbid(disk),
        other => panic!("no such part: {other}"),
    }
    println!("@played");
}

/// Photos whose bytes begin with a marker.
fn photos(scene: &Scene, first: u32) -> Change {
    let photo = |number| scene.new_image((mark(number) + &"-".repeat(40_000)).as_bytes(), &[]);
    Change::AddImages { project: scene.project, images: (first..first + 8).map(photo).collect() }
}

/// Uploads until there is no room left, and gives the photos that were taken.
fn upload_until_full(scene: &Scene) -> Vec<ImageId> {
    let mut taken = Vec::new();
    loop {
        match scene.store.apply(photos(scene, u32::try_from(taken.len()).unwrap())) {
            Ok(Applied::Images(added)) => taken.extend(added.into_iter().map(|it| it.unwrap().image.id)),
            Err(StoreError::Full { .. }) => return taken,
            other => panic!("{other:?}"),
        }
        assert!(taken.len() < 10_000, "the disk is never full");
    }
}

/// Takes what room is left.
fn fill_up(disk: &Path) {
    let mut filler = File::options().create(true).append(true).open(disk.join("filler")).unwrap();
    for size in [1 << 20, 4096, 1] {
        while filler.write_all(&vec![0; size]).is_ok() {}
    }
}

/// Takes that of the log too, which may have room for a few records.
fn fill_log(disk: &Path, scene: &Scene) {
    let tags = (0..).map(|_| scene.new_tag(&format!("oak {:?}", scene.random()), TagType::Regular));
    let mut refusals = tags.take(100).filter_map(|tag| {
        fill_up(disk);
        scene.store.apply(Change::CreateTag { project: scene.project, tag }).err()
    });
    let refused = refusals.next().unwrap();
    assert!(matches!(refused, StoreError::Full { .. }), "{refused}");
}

fn assert_there(scene: &Scene, photos: &[ImageId]) {
    assert_eq!(scene.store.image_count(scene.project, &ImageFilter::default()).unwrap(), photos.len() as u64);
    for id in photos {
        let bytes = scene.store.image_bytes(scene.project, *id).unwrap();
        assert_eq!(bytes.len(), mark(0).len() + 40_000);
    }
}

fn fill(disk: &Path) {
    let data = disk.join("data");
    let scene = create(&data);
    let mut taken = upload_until_full(&scene);
    assert!(taken.len() > 300, "{}", taken.len());
    let reserve = data.join("reserve");
    assert!(reserve.exists(), "an upload does not take what is kept for erasing");
    let error = scene.refuse(photos(&scene, 5000));
    assert_eq!(error.code(), ErrorCode::ErrorUnknown);
    assert!(matches!(error, StoreError::Full { .. }), "{error}");
    assert_there(&scene, &taken);
    assert_eq!(files(&data.join("staging")).len(), 1, "nothing is left of what was refused");

    fill_log(disk, &scene);
    assert_there(&scene, &taken);

    for count in [1, 8, 64] {
        let erased: Vec<ImageId> = taken.drain(..count).collect();
        let erasure = scene.erase(scene.deletion_of_images(&erased));
        assert!(erasure.status.is_complete(), "{count}");
        assert_there(&scene, &taken);
    }
    let expected: BTreeSet<u32> = (73..73 + u32::try_from(taken.len()).unwrap()).collect();
    assert_eq!(held(&data).into_keys().collect::<BTreeSet<_>>(), expected);
    fs::remove_file(disk.join("filler")).unwrap();
    scene.apply(photos(&scene, 9000));
    let _ = scene.erase(scene.deletion_of_images(&taken[..1]));
    assert_eq!(fs::metadata(&reserve).unwrap().len(), 8 << 20, "there is room for it again");
    let report = scene.store.check(&CheckOptions::default()).unwrap();
    assert!(report.is_sound() && report.unowned == 0, "{report:?}");
}

fn open_on_a_full_disk(disk: &Path) {
    let data = disk.join("data");
    let scene = create(&data);
    let mut taken = upload_until_full(&scene);
    drop(scene);
    fill_up(disk);
    let scene = open(&data, 100_000).unwrap();
    assert_there(&scene, &taken);
    let erased = taken.remove(0);
    assert!(scene.erase(scene.deletion_of_images(&[erased])).status.is_complete());
    assert!(!held(&data).contains_key(&0));
    fs::remove_file(data.join("reserve")).ok();
    fill_up(&disk.join("data"));
    drop(scene);
    let scene = open(&data, 200_000).unwrap();
    assert_there(&scene, &taken);
}

/// With all that comes with it: what was due is latched, the erasure begins and ends, its receipt is kept, and the audit log
/// expires.
fn sweep_on_a_full_disk(disk: &Path) {
    let data = disk.join("data");
    let scene = create(&data);
    let policy = RetentionPolicy { training_photos: RetentionRule::days(10), ..RetentionPolicy::default() };
    scene.apply(Change::SetRetention { project: scene.project, policy, at: at(1) });
    let policy = AccountPolicy { audit_entries: RetentionRule::days(10), ..AccountPolicy::default() };
    scene.apply(Change::SetAccountPolicy { policy, at: at(1) });
    let held = scene.image(b"held", &[]);
    let hold = Hold {
        id: HoldId::new(at(2), [1; 10]),
        target: HoldTarget::Image { project_id: scene.project, image_id: held },
        reason: Description::default(),
        placed: at(2),
    };
    scene.apply(Change::PlaceHold { hold: hold.clone() });
    let taken = upload_until_full(&scene);
    fill_up(disk);
    let refused = scene.refuse(scene.deletion_of_images(&[held]));
    assert!(matches!(refused, StoreError::Held { .. }), "{refused}");
    drop(scene);

    let later = at(0).plus_days(20);
    let options = StoreOptions { clock: Arc::new(ManualClock::new(later)), ..StoreOptions::default() };
    let store = Arc::new(LocalStore::open(&data, options).unwrap());
    let scene = Scene::over(store, ProjectId::new(at(0), [0; 10]), 200_000);
    let store: &dyn Store = &*scene.store;
    // What a sweep does besides erasing takes no more room than what is refused.
    fill_log(disk, &scene);
    store.apply(Change::LatchDue { at: later }).unwrap();
    fill_log(disk, &scene);
    store.apply(Change::BeginErasure { plan: None, at: later }).unwrap();
    fill_log(disk, &scene);
    let operations = store.incomplete_operations().unwrap();
    assert_eq!(operations.len(), 1);
    store.apply(Change::CompleteErasures { operations, at: later }).unwrap();
    fill_log(disk, &scene);
    let keys = Keys::from_random([1; 64]);
    let all = || sweep(store, Some(&keys), later, &SweepOptions::default(), &|| later).unwrap();
    let swept = all();
    assert_eq!((swept.erased, swept.held), (taken.len() as u64, 0), "{swept:?}");
    assert!(swept.status.is_complete() && swept.audit_failure.is_none(), "{swept:?}");
    assert!(swept.audit_entries > 0, "{swept:?}");
    fill_log(disk, &scene);
    store.apply(Change::ReleaseHold { hold: hold.id, at: later }).unwrap();
    let swept = all();
    assert_eq!(swept.erased, 1);
    fill_log(disk, &scene);
    receipt(store, Some(&keys), swept.operations[0], &|| later).unwrap();
    assert!(files(&data.join("blobs")).is_empty());
    assert!(marks::held(&data).is_empty());
}

fn forbid(disk: &Path) {
    let data = disk.join("data");
    let scene = create(&data);
    let image = scene.image(b"a photo", &[]);
    drop(scene);
    assert!(mount("remount,ro", disk));
    let refused = open(&data, 1000).map(|_| ()).unwrap_err();
    assert!(matches!(refused, StoreError::ReadOnly { .. }), "{refused}");
    assert!(mount("remount,rw", disk));
    let scene = open(&data, 1000).unwrap();
    assert_eq!(scene.store.image_bytes(scene.project, image).unwrap(), b"a photo");
}

#[test]
fn a_full_disk_refuses_uploads_loses_nothing_and_lets_erase() {
    on_a_small_disk("fill");
}

#[test]
fn what_is_due_is_swept_from_a_full_disk() {
    on_a_small_disk("fill before a sweep");
}

#[test]
fn a_directory_on_a_full_disk_can_be_opened() {
    on_a_small_disk("fill while opening");
}

#[test]
fn a_read_only_file_system_is_refused_as_such() {
    on_a_small_disk("forbid");
}

#[test]
fn a_folder_that_may_not_be_written_is_refused_as_such() {
    let directory = tempfile::tempdir().unwrap();
    let scene = create(directory.path());
    let image = scene.image(b"a photo", &[]);
    let folder = directory.path().join("blobs").join(scene.project.to_string());
    let allow = |mode| {
        fs::set_permissions(&folder, Permissions::from_mode(mode)).unwrap();
        fs::set_permissions(directory.path(), Permissions::from_mode(mode)).unwrap();
    };
    allow(0o500);
    if File::create(folder.join("probe")).is_ok() {
        allow(0o700);
        eprintln!("skipped: who runs this may write anywhere");
        return;
    }
    // Photos whose identities begin with other digits need another folder.
    let refused = scene.refuse(photos(&scene, 0));
    assert!(matches!(refused, StoreError::ReadOnly { .. }), "{refused}");
    assert_eq!(scene.store.image_bytes(scene.project, image).unwrap(), b"a photo");
    allow(0o700);
    scene.apply(photos(&scene, 0));
    let report = scene.store.check(&CheckOptions::default()).unwrap();
    assert!(report.is_sound() && report.unowned == 0 && report.files == 9, "{report:?}");
}
