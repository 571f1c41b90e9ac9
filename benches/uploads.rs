//! What durability costs: photos stored a second in batches, beside writing and syncing the same bytes to plain files
//! in turn; what encryption adds to storing and reading them; and how long a data directory of a million photos takes to
//! open and to erase from.
//!
//! ```text
//! cargo bench -p ocelli-benches --bench uploads
//! ```
//!
//! The files lie where the build does: a temporary directory may be in memory, where waiting for the medium costs nothing.

#![allow(missing_docs, clippy::print_stdout, reason = "a bench reports on the terminal and has no caller")]

use std::error::Error;
use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use ocelli_core::{
    Affected, Description, Image, ImageId, ImageTag, Limits, Metadata, Name, Origin, Project, ProjectId,
    ProjectSettings, Salt, Tag, TagId, TagType, Timestamp, limits,
};
use ocelli_keys::{KeyProvider, Keys};
use ocelli_store::{Applied, Change, ContentKey, ImageQuery, NewImage, Store, StoreOptions};
use ocelli_store_local::LocalStore;

type Outcome<T> = Result<T, Box<dyn Error>>;

/// Batches of each kind that are timed, in turn.
const ROUNDS: u32 = 25;
/// Bytes of a photo: a small one of a telephone, and what Custom Vision's own samples have.
const SIZES: [usize; 2] = [20_000, 200_000];
/// Bytes of a photo in a plain and in an encrypted project.
const ENCRYPTED: usize = 100_000;
/// Photos in the large directory.
const MANY: u32 = 1_000_000;
/// Photos that are erased from it, one at a time.
const ERASURES: u32 = 15;
/// How often it is opened.
const OPENINGS: u32 = 7;

fn now() -> Timestamp {
    Timestamp::from_millis(1_780_000_000_000)
}

fn random(number: u32) -> [u8; 10] {
    let mut random = [0; 10];
    random[6..].copy_from_slice(&number.to_be_bytes());
    random
}

/// A store with a project and a tag in it.
fn create(directory: &Path, options: StoreOptions) -> Outcome<(LocalStore, ProjectId, TagId)> {
    let limits = Limits { images_per_project: usize::MAX, ..Limits::default() };
    let store = LocalStore::open(directory, StoreOptions { limits, ..options })?;
    let id = ProjectId::new(now(), random(0));
    let project = Project {
        id,
        name: Name::new("bench")?,
        description: Description::default(),
        settings: ProjectSettings::default(),
        created: now(),
        last_modified: now(),
        deleted: None,
    };
    store.apply(Change::CreateProject { project, key: ContentKey::new([7; 32]) })?;
    let tag = Tag {
        id: TagId::new(now(), random(0)),
        name: Name::new("oak")?,
        description: Description::default(),
        tag_type: TagType::Regular,
        image_count: 0,
    };
    let tag_id = tag.id;
    store.apply(Change::CreateTag { project: id, tag })?;
    Ok((store, id, tag_id))
}

/// Bytes that no other number has, so that no file system and no store can share them.
fn bytes(number: u32, size: usize) -> Vec<u8> {
    let mut state = u64::from(number) + 1;
    let mut next = || {
        // Xorshift (Marsaglia, 2003).
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    };
    (0..size.div_ceil(8)).flat_map(|_| next()).take(size).collect()
}

fn photo(number: u32, tag_id: TagId, bytes: Vec<u8>) -> NewImage {
    let created = now();
    let image = Image {
        id: ImageId::new(created, random(number)),
        created,
        width: 640,
        height: 480,
        tags: vec![ImageTag { tag_id, created }],
        regions: Vec::new(),
        metadata: Metadata::default(),
        origin: Origin::Upload { name: Some(format!("photo {number}.jpg")) },
    };
    NewImage { image, bytes, salt: Salt::from_bytes([7; 32]) }
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

fn uploads(size: usize) -> Outcome<()> {
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let (store, project, tag) = create(&directory.path().join("store"), StoreOptions::default())?;
    let plain = directory.path().join("plain");
    fs::create_dir(&plain)?;
    let batch = limits::MAX_BATCH as u32;
    let (mut stored, mut written) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        let numbers = round * batch..(round + 1) * batch;
        let photos: Vec<Vec<u8>> = numbers.clone().map(|number| bytes(number, size)).collect();

        let began = Instant::now();
        for (number, bytes) in numbers.clone().zip(&photos) {
            let mut file = File::create_new(plain.join(number.to_string()))?;
            file.write_all(bytes)?;
            file.sync_all()?;
        }
        File::open(&plain)?.sync_all()?;
        written.push(began.elapsed());

        let images = numbers.zip(photos).map(|(number, bytes)| photo(number, tag, bytes)).collect();
        let began = Instant::now();
        match store.apply(Change::AddImages { project, images })? {
            Applied::Images(added) if added.iter().all(Result::is_ok) => {}
            other => return Err(format!("{other:?}").into()),
        }
        stored.push(began.elapsed());
    }
    let (stored, written) = (median(stored), median(written));
    let rate = |time: Duration| f64::from(batch) / time.as_secs_f64();
    println!(
        "{batch} photos of {size} bytes: {:.0} a second stored, {:.0} written and synced plainly, ratio {:.2}",
        rate(stored),
        rate(written),
        rate(stored) / rate(written),
    );
    Ok(())
}

/// The same batches, stored and read in a plain and in an encrypted project in turn.
fn encryption() -> Outcome<()> {
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let keys: Arc<dyn KeyProvider> = Arc::new(Keys::from_random([7; 64]));
    let encrypting = StoreOptions { keys: Some(keys), encrypt: true, ..StoreOptions::default() };
    let stores = [
        ("plain", create(&directory.path().join("plain"), StoreOptions::default())?),
        ("encrypted", create(&directory.path().join("encrypted"), encrypting)?),
    ];
    let batch = limits::MAX_BATCH as u32;
    let mut times = [(); 2].map(|()| (Vec::new(), Vec::new()));
    for round in 0..ROUNDS {
        for ((_, (store, project, tag)), (stored, read)) in stores.iter().zip(&mut times) {
            let numbers = round * batch..(round + 1) * batch;
            let images: Vec<NewImage> =
                numbers.map(|number| photo(number, *tag, bytes(number, ENCRYPTED))).collect();
            let ids: Vec<ImageId> = images.iter().map(|new| new.image.id).collect();
            let began = Instant::now();
            match store.apply(Change::AddImages { project: *project, images })? {
                Applied::Images(added) if added.iter().all(Result::is_ok) => {}
                other => return Err(format!("{other:?}").into()),
            }
            stored.push(began.elapsed());
            let began = Instant::now();
            for id in &ids {
                store.image_bytes(*project, *id)?;
            }
            read.push(began.elapsed());
        }
    }
    for ((name, _), (stored, read)) in stores.iter().zip(times) {
        println!(
            "{batch} photos of {ENCRYPTED} bytes, {name}: {:.1} ms to store, {:.1} ms to read",
            median(stored).as_secs_f64() * 1e3,
            median(read).as_secs_f64() * 1e3,
        );
    }
    Ok(())
}

/// A directory of so many photos, as far as records go: opening does not look at their bytes.
fn many(directory: &Path) -> Outcome<ProjectId> {
    let (store, project, tag) = create(directory, StoreOptions::default())?;
    drop(store);
    let mut database = rusqlite::Connection::open(directory.join("ocelli.sqlite"))?;
    database.execute_batch("PRAGMA synchronous = OFF; PRAGMA cache_size = -400000")?;
    let rows = database.transaction()?;
    {
        let mut image = rows.prepare(
            "INSERT INTO images (project, id, content, created, width, height, metadata, origin, bytes, salt,
                                 commitment)
             VALUES (?1, ?2, ?3, ?4, 640, 480, '{}', '{\"kind\":\"upload\",\"name\":\"photo.jpg\"}', 20000,
                     zeroblob(32), zeroblob(32))",
        )?;
        let mut tagged =
            rows.prepare("INSERT INTO image_tags (project, image, tag, created) VALUES (?1, ?2, ?3, ?4)")?;
        let (project, tag) = (project.to_string(), tag.to_string());
        for number in 1..=MANY {
            let id = ImageId::new(now(), random(number)).to_string();
            let content = bytes(number, 32);
            image.execute((&project, &id, content, now().as_millis() + i64::from(number)))?;
            tagged.execute((&project, &id, &tag, now().as_millis()))?;
        }
    }
    rows.commit()?;
    // On the medium before anything is timed.
    database.execute_batch("PRAGMA synchronous = FULL; PRAGMA wal_checkpoint(TRUNCATE)")?;
    Ok(project)
}

fn openings() -> Outcome<()> {
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let project = many(directory.path())?;
    let mut times = Vec::new();
    let mut pages = Vec::new();
    for _ in 0..OPENINGS {
        let began = Instant::now();
        let store = LocalStore::open(directory.path(), Limits::default())?;
        times.push(began.elapsed());
        let began = Instant::now();
        store.images(project, &ImageQuery::default())?;
        pages.push(began.elapsed());
    }
    let bytes = fs::metadata(directory.path().join("ocelli.sqlite"))?.len();
    println!(
        "{MANY} photos, {} MB of records: {:.1} ms to open, {:.1} ms to the first page",
        bytes / 1_000_000,
        median(times).as_secs_f64() * 1e3,
        median(pages).as_secs_f64() * 1e3,
    );
    let store = LocalStore::open(directory.path(), Limits::default())?;
    let mut erasures = Vec::new();
    for number in 1..=ERASURES {
        let images = vec![ImageId::new(now(), random(number * (MANY / (ERASURES + 1))))];
        let began = Instant::now();
        let erased =
            store.apply(Change::DeleteImages { project, images, affected: Affected::Keep, at: now() })?;
        erasures.push(began.elapsed());
        if !matches!(&erased, Applied::Erased(erasure) if erasure.status.is_complete()) {
            return Err(format!("{erased:?}").into());
        }
    }
    println!("{:.1} ms to erase one of them", median(erasures).as_secs_f64() * 1e3);
    Ok(())
}

fn main() -> Outcome<()> {
    for size in SIZES {
        uploads(size)?;
    }
    encryption()?;
    openings()
}
