//! Erasing beside another process that reads, and in one that is killed.

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use ocelli::{ErasureStatus, ErrorCode, ImageId, Ocelli, ProjectHandle, ProjectId, Upload};
use rusqlite::{Connection, OpenFlags};

use crate::world::{Planting, World, complete};

const DIRECTORY: &str = "OCELLI_TEST_DIRECTORY";
const PROJECT: &str = "OCELLI_TEST_PROJECT";
const READY: &str = "ready";

/// Where the parent has its data, and the project that it named; none where this is not a child.
fn parents() -> Option<(String, ProjectId)> {
    let (directory, project) = (std::env::var(DIRECTORY).ok()?, std::env::var(PROJECT).ok()?);
    Some((directory, project.parse().unwrap()))
}

/// A child: reads one state of the database until its standard input ends.
#[test]
fn child_that_reads() {
    let Some((directory, _)) = parents() else { return };
    let database = Path::new(&directory).join("ocelli.sqlite");
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(database, flags).unwrap();
    connection.execute_batch("PRAGMA wal_autocheckpoint = 0; BEGIN").unwrap();
    let count =
        || connection.query_row("SELECT count(*) FROM images", (), |row| row.get::<_, i64>(0)).unwrap();
    let before = count();
    println!("\n{READY}");
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
    assert_eq!(count(), before, "one state is read from beginning to end");
}

/// A child: erases the project's photos, a few at a time, and says which are erased.
#[test]
fn child_that_erases_photos() {
    let Some((directory, project)) = parents() else { return };
    let project = Ocelli::open(directory).unwrap().project(project).unwrap();
    let query = ocelli::ImageQuery { take: 256, ..Default::default() };
    let images: Vec<ImageId> = project.images(&query).unwrap().iter().map(|image| image.id).collect();
    println!("\n{READY}");
    for batch in images.chunks(3) {
        complete(project.delete_images(batch.to_vec()).unwrap());
        batch.iter().for_each(|image| println!("{image}"));
    }
}

/// A child: erases the project.
#[test]
fn child_that_erases_the_project() {
    let Some((directory, project)) = parents() else { return };
    let ocelli = Ocelli::open(directory).unwrap();
    println!("\n{READY}");
    complete(ocelli.erase_project(project).unwrap());
    println!("{project}");
}

/// A child that has said that it is ready. It is killed if the test ends before it.
struct Other {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Other {
    fn start(test: &str, directory: &Path, project: ProjectId) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args([&format!("processes::{test}"), "--exact", "--nocapture"]);
        command.env(DIRECTORY, directory).env(PROJECT, project.to_string());
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let mut output = BufReader::new(child.stdout.take().unwrap());
        let mut line = String::new();
        while line.trim() != READY {
            line.clear();
            assert!(output.read_line(&mut line).unwrap() > 0, "the child ended before it was ready");
        }
        Self { child, output }
    }

    /// Lets it end by itself.
    fn finish(mut self) {
        drop(self.child.stdin.take());
        self.output.read_to_end(&mut Vec::new()).unwrap();
        assert!(self.child.wait().unwrap().success());
    }

    /// Kills it, and gives the whole lines that it had written.
    fn kill(mut self) -> Vec<String> {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
        let mut written = String::new();
        self.output.read_to_string(&mut written).unwrap();
        let whole = written.rsplit_once('\n').map(|(whole, _)| whole).unwrap_or_default();
        whole.lines().map(str::to_owned).collect()
    }
}

impl Drop for Other {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn upload(planting: &mut Planting<'_>, project: &ProjectHandle, what: &str) -> ImageId {
    let photo =
        Upload::bytes(planting.photo(&format!("bytes {what}"))).named(planting.text(&format!("name {what}")));
    project.add_images(vec![photo]).unwrap().added().next().unwrap().image.id
}

fn planted(world: &mut World) -> (ImageId, BTreeSet<String>) {
    let (mut planting, _, project) = world.plant("photo");
    let image = upload(&mut planting, project, "one");
    (image, planting.planted)
}

/// How a pending erasure is completed.
type Completing = fn(&mut World);

#[test]
fn what_another_process_reads_is_erased_when_it_has_ended() {
    let completing: [(&str, Completing); 4] = [
        ("asking", |world| assert!(world.ocelli.finish_erasures().unwrap().is_complete())),
        ("the next erasure", |world| {
            world.churn(0, 1);
        }),
        ("the next change", |world| drop(world.project.create_tag("another").unwrap())),
        ("the next opening", |world| drop(Ocelli::open(world.directory.path()).unwrap())),
    ];
    for (what, completing) in completing {
        let mut world = World::new(7);
        world.churn(60, 30);
        let (image, markers) = planted(&mut world);
        world.expected.extend(markers.clone());
        world.churn(60, 30);
        world.check("before");
        let reader = Other::start("child_that_reads", world.directory.path(), world.project.id());
        let erasure = world.project.delete_images(vec![image]).unwrap();
        assert_eq!(erasure.status, ErasureStatus::ErasurePending);
        let gone = world.project.image_bytes(image).unwrap_err();
        assert_eq!(gone.code(), ErrorCode::NotFoundImage, "what is pending is invisible");
        let began = Instant::now();
        assert_eq!(world.ocelli.finish_erasures().unwrap(), ErasureStatus::ErasurePending);
        assert!(
            began.elapsed() < Duration::from_secs(5),
            "whoever waits for a reader does not wait for long"
        );
        reader.finish();
        completing(&mut world);
        world.expected.retain(|what| !markers.contains(what));
        world.check(&format!("after {what}"));
    }
}

#[test]
fn photos_erased_by_a_process_that_is_killed_are_gone_or_whole() {
    const PHOTOS: usize = 90;
    let mut world = World::new(8);
    world.churn(100, 50);
    let project = world.ocelli.create_project(ocelli::NewProject::new("erased")).unwrap();
    let mut images = Vec::new();
    let (mut planting, ..) = world.plant("photo");
    for number in 0..PHOTOS {
        let id = upload(&mut planting, &project, &number.to_string());
        images.push((id, std::mem::take(&mut planting.planted)));
    }
    world.expected.extend(images.iter().flat_map(|(_, markers)| markers.clone()));
    world.churn(100, 50);
    let (mut kills, mut in_time) = (0, 0);
    while !images.is_empty() {
        let child = Other::start("child_that_erases_photos", world.directory.path(), project.id());
        std::thread::sleep(Duration::from_micros(world.markers.below(40_000) as u64));
        let told = child.kill();
        kills += 1;
        let again = Ocelli::open(world.directory.path()).unwrap().project(project.id()).unwrap();
        let query = ocelli::ImageQuery { take: 256, ..Default::default() };
        let left: BTreeSet<ImageId> = again.images(&query).unwrap().iter().map(|image| image.id).collect();
        for image in &left {
            again.image_bytes(*image).unwrap();
            assert!(!told.contains(&image.to_string()), "{image} was said to be erased");
        }
        let before = images.len();
        let mut gone = BTreeSet::new();
        images.retain(|(image, markers)| {
            let stays = left.contains(image);
            gone.extend(markers.iter().filter(|_| !stays).cloned());
            stays
        });
        in_time += usize::from(images.len() < before && !images.is_empty());
        world.expected.retain(|what| !gone.contains(what));
        world.check(&format!("after {kills} kills"));
    }
    eprintln!(
        "{PHOTOS} photos, {} markers: {kills} kills, {in_time} between erasures",
        world.markers.count()
    );
    assert!(in_time > 0, "no kill came while photos were erased");
}

#[test]
fn a_project_erased_by_a_process_that_is_killed_is_gone_or_whole() {
    let (mut gone, mut whole, mut told) = (0, 0, 0);
    for round in 0..12 {
        let mut world = World::new(100 + round);
        world.churn(30, 15);
        let project = world.ocelli.create_project(ocelli::NewProject::new("erased")).unwrap();
        let (mut planting, ..) = world.plant("project");
        let images: Vec<ImageId> =
            (0..50).map(|number| upload(&mut planting, &project, &number.to_string())).collect();
        let markers = planting.planted;
        let child = Other::start("child_that_erases_the_project", world.directory.path(), project.id());
        std::thread::sleep(Duration::from_micros(round * round * 500));
        let acknowledged = !child.kill().is_empty();
        let again = Ocelli::open(world.directory.path()).unwrap();
        match again.project(project.id()) {
            Ok(project) => {
                assert!(!acknowledged);
                images.iter().for_each(|image| drop(project.image_bytes(*image).unwrap()));
                world.expected.extend(markers);
                world.check("where the project was not erased");
                whole += 1;
            }
            Err(error) => {
                assert_eq!(error.code(), ErrorCode::NotFoundProject);
                world.check("where the project was erased");
                gone += 1;
            }
        }
        told += usize::from(acknowledged);
    }
    eprintln!("12 kills: {whole} projects whole, {gone} gone, of which {told} were acknowledged");
}
