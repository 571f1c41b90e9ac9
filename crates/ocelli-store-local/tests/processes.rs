//! Several processes, one directory. The other process is this test program, called again with a part to play.

#![allow(clippy::unwrap_used, clippy::panic, reason = "a panic is how a test reports")]

mod moment;

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use ocelli_core::{Limits, ProjectId};
use ocelli_store::conformance::scene::{Scene, at, name};
use ocelli_store::{ImageFilter, ImageQuery, StoreError};
use ocelli_store_local::LocalStore;
use tempfile::TempDir;

use moment::options;

const PART: &str = "OCELLI_TEST_PART";
const DIRECTORY: &str = "OCELLI_TEST_DIRECTORY";

fn scene(directory: &Path, first_id: u32) -> Scene {
    let store = Arc::new(LocalStore::open(directory, options(Limits::default())).unwrap());
    Scene::over(store, ProjectId::new(at(0), [0; 10]), first_id)
}

fn stage() -> (TempDir, Scene) {
    let directory = tempfile::tempdir().unwrap();
    let scene = scene(directory.path(), 1);
    scene.apply(scene.creation(scene.project, 0));
    (directory, scene)
}

/// Starts another process, which plays a part and, at the point that matters, says so.
fn start(part: &str, directory: &TempDir) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "other_process", "--nocapture"])
        .env(PART, part)
        .env(DIRECTORY, directory.path())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

fn wait_until_ready(child: &mut Child) {
    let lines = BufReader::new(child.stdout.as_mut().unwrap()).lines();
    let ready = lines.map_while(Result::ok).any(|line| line.ends_with("ready"));
    assert!(ready, "the other process ended early");
}

fn wait_for_success(mut child: Child) {
    drop(child.stdin.take());
    assert!(child.wait().unwrap().success());
}

/// What the other process does; nothing where this is not it.
#[test]
fn other_process() {
    let (Ok(part), Some(directory)) = (std::env::var(PART), std::env::var_os(DIRECTORY)) else {
        return;
    };
    let scene = scene(Path::new(&directory), 1_000_000);
    let wait = || {
        println!("ready");
        std::io::stdin().read_line(&mut String::new()).unwrap();
    };
    match part.as_str() {
        "train" => {
            let _lock = scene.store.lock_training(scene.project).unwrap();
            scene.begin(Some("theirs"));
            wait();
        }
        "publish" => {
            let iteration = scene.complete(1);
            scene.apply(scene.publication(iteration, "live", true));
        }
        "add" => {
            for number in 0..20u8 {
                scene.image(&[number; 100], &[]);
                scene.image(&[number, 1], &[]);
            }
        }
        "add for ever" => {
            println!("ready");
            for number in 0..u32::MAX {
                let batch =
                    (0..8u8).map(|i| scene.new_image(&[&number.to_le_bytes()[..], &[i]].concat(), &[]));
                scene.add(batch.collect());
            }
        }
        "stay" => wait(),
        other => panic!("no such part: {other}"),
    }
}

#[test]
fn a_training_elsewhere_holds_the_lock_until_it_ends() {
    let (directory, scene) = stage();
    let mut child = start("train", &directory);
    wait_until_ready(&mut child);
    assert!(matches!(scene.store.lock_training(scene.project), Err(StoreError::TrainingInProgress)));
    assert_eq!(scene.store.iterations(scene.project).unwrap()[0].name, "theirs");
    wait_for_success(child);
    drop(scene.store.lock_training(scene.project).unwrap());
}

#[test]
fn a_training_whose_process_was_killed_lets_go() {
    let (directory, scene) = stage();
    let mut child = start("train", &directory);
    wait_until_ready(&mut child);
    child.kill().unwrap();
    child.wait().unwrap();
    let _lock = scene.store.lock_training(scene.project).unwrap();
}

#[test]
fn what_another_process_publishes_is_seen_at_the_next_call() {
    let (directory, scene) = stage();
    assert!(scene.store.published(scene.project, &name("live")).is_err());
    wait_for_success(start("publish", &directory));
    let published = scene.store.published(scene.project, &name("live")).unwrap();
    assert_eq!(scene.store.model(scene.project, published.id).unwrap(), Scene::trained(1).model);
}

#[test]
fn processes_that_add_at_once_share_what_they_have_in_common() {
    let (directory, scene) = stage();
    let child = start("add", &directory);
    for number in 0..20u8 {
        scene.image(&[number; 100], &[]);
        scene.image(&[number, 2], &[]);
    }
    wait_for_success(child);
    assert_eq!(scene.store.image_count(scene.project, &ImageFilter::default()).unwrap(), 60);
    for image in
        scene.store.images(scene.project, &ImageQuery { take: 256, ..ImageQuery::default() }).unwrap()
    {
        scene.store.image_bytes(scene.project, image.id).unwrap();
    }
}

#[test]
fn a_process_killed_while_adding_leaves_whole_photos_only() {
    for delay in [5, 17, 40] {
        let (directory, scene) = stage();
        let mut child = start("add for ever", &directory);
        wait_until_ready(&mut child);
        std::thread::sleep(std::time::Duration::from_millis(delay));
        child.kill().unwrap();
        child.wait().unwrap();
        drop(scene);
        let scene = self::scene(directory.path(), 1);
        let count = scene.store.image_count(scene.project, &ImageFilter::default()).unwrap();
        assert_eq!(count % 8, 0, "a batch is taken whole");
        let mut skip = 0;
        while skip < count {
            let query =
                ImageQuery { skip: usize::try_from(skip).unwrap(), take: 256, ..ImageQuery::default() };
            for image in scene.store.images(scene.project, &query).unwrap() {
                scene.store.image_bytes(scene.project, image.id).unwrap();
                skip += 1;
            }
        }
        assert_eq!(files(&directory.path().join("blobs")), count, "no file without its photo");
        assert_eq!(
            files(&directory.path().join("staging")),
            1,
            "this handle's lock, and nothing of the other's"
        );
    }
}

#[test]
fn what_a_living_process_stages_is_left_alone() {
    let (directory, scene) = stage();
    let mut child = start("stay", &directory);
    wait_until_ready(&mut child);
    assert_eq!(files(&directory.path().join("staging")), 2, "a lock each");
    let _third = self::scene(directory.path(), 5);
    assert_eq!(files(&directory.path().join("staging")), 3);
    wait_for_success(child);
    assert_eq!(files(&directory.path().join("staging")), 2);
    drop(scene);
}

/// How many files there are below a folder.
fn files(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| if path.is_dir() { files(&path) } else { 1 }).sum()
}
