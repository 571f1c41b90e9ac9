//! The records: some made by the store, the others copies of their rows.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use ocelli_core::{
    Description, Image, ImageId, ImagePrediction, ImageTag, IterationId, Metadata, Name, Origin, Prediction,
    PredictionId, Project, ProjectId, ProjectSettings, RetentionPolicy, RetentionRule, Salt,
    StoredPrediction, Tag, TagId, TagType, Timestamp, limits,
};
use ocelli_store::{Applied, Change, ContentKey, FeatureKey, NewImage, Store};
use rusqlite::types::Value;
use rusqlite::{Connection, Statement, ToSql};

use crate::{Outcome, now};

/// Things that are due: photos, a tenth, and kept predictions.
pub(crate) const DUE: u64 = 100_000;
/// Days that photos are kept.
const PHOTO_DAYS: i64 = 365;
/// Milliseconds between things that are due, or that the plain deletion takes.
const STEP: i64 = 500;
/// Bytes of each file.
const FILE: usize = 4_096;
/// Values of a photo's features.
const FEATURES: usize = 1_280;
/// Tables whose indexes are made anew once all rows are there.
const TABLES: [&str; 4] = ["images", "image_tags", "features", "predictions"];

/// A photo and a kept prediction as the store writes them, for the others to be copies of.
struct Models {
    project: ProjectId,
    image: ImageId,
    prediction: PredictionId,
}

/// Makes a project of so many records, of which [`DUE`] are due now.
pub(crate) fn make(store: impl Store, directory: &Path, records: u64) -> Outcome<ProjectId> {
    let models = models(&store)?;
    // So that nobody else has the database open.
    drop(store);
    let mut database = Connection::open(directory.join("ocelli.sqlite"))?;
    database.execute_batch(
        "PRAGMA journal_mode = OFF; PRAGMA synchronous = OFF; PRAGMA cache_size = -1000000;
         PRAGMA foreign_keys = OFF",
    )?;
    let rows = database.transaction()?;
    let indexes = drop_indexes(&rows)?;
    images(&rows, &models, records / 10)?;
    predictions(&rows, &models, records - records / 10)?;
    rows.commit()?;
    for index in indexes {
        database.execute_batch(&index)?;
    }
    database.execute_batch("PRAGMA journal_mode = WAL")?;
    files(directory, models.project, DUE / 10, Kind::Image)?;
    files(directory, models.project, DUE - DUE / 10, Kind::Prediction)?;
    // On the medium before anything is timed.
    if !Command::new("sync").status()?.success() {
        return Err("the files could not be synced".into());
    }
    Ok(models.project)
}

/// Refuses a directory that has a file still of what was due.
pub(crate) fn check_gone(directory: &Path, project: ProjectId) -> Outcome<()> {
    for (kind, count) in [(Kind::Image, DUE / 10), (Kind::Prediction, DUE - DUE / 10)] {
        for number in 0..count {
            let file = blob(directory, project, &content(kind, number));
            if file.exists() {
                return Err(format!("{} is there still", file.display()).into());
            }
        }
    }
    Ok(())
}

/// Where the file of a content lies.
pub(crate) fn blob(directory: &Path, project: ProjectId, content: &[u8; 32]) -> PathBuf {
    let hex: String = content.iter().map(|byte| format!("{byte:02x}")).collect();
    let folder = hex.get(..2).unwrap_or_default();
    directory.join("blobs").join(project.to_string()).join(folder).join(&hex)
}

#[derive(Clone, Copy)]
enum Kind {
    Image,
    Prediction,
}

/// A content that no other has, and that looks as a hash does.
fn content(kind: Kind, number: u64) -> [u8; 32] {
    let mut state = number * 2 + kind as u64;
    let mut content = [0; 32];
    for part in content.chunks_exact_mut(8) {
        // SplitMix64 (Steele, Lea and Flood, 2014).
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        part.copy_from_slice(&(mixed ^ (mixed >> 31)).to_le_bytes());
    }
    content
}

/// The random part of the id of a content's owner.
fn random(content: &[u8; 32]) -> [u8; 10] {
    let mut random = [0; 10];
    random.copy_from_slice(&content[..10]);
    random
}

fn models(store: &impl Store) -> Outcome<Models> {
    let project = Project {
        id: ProjectId::new(now(), [1; 10]),
        name: Name::new("bench")?,
        description: Description::default(),
        settings: ProjectSettings::default(),
        created: now(),
        last_modified: now(),
        deleted: None,
    };
    let project_id = project.id;
    store.apply(Change::CreateProject { project, key: ContentKey::new([7; 32]) })?;
    let policy =
        RetentionPolicy { training_photos: RetentionRule::days(PHOTO_DAYS), ..RetentionPolicy::default() };
    store.apply(Change::SetRetention { project: project_id, policy, at: now() })?;
    let mut tags = Vec::new();
    for (number, name) in (1..).zip(["oak", "beech", "maple", "birch"]) {
        let tag = Tag {
            id: TagId::new(now(), [number; 10]),
            name: Name::new(name)?,
            description: Description::default(),
            tag_type: TagType::Regular,
            image_count: 0,
        };
        tags.push((tag.id, tag.name.clone()));
        store.apply(Change::CreateTag { project: project_id, tag })?;
    }
    let image = Image {
        id: ImageId::new(now(), [1; 10]),
        created: now(),
        width: 640,
        height: 480,
        tags: tags.iter().take(1).map(|(tag_id, _)| ImageTag { tag_id: *tag_id, created: now() }).collect(),
        regions: Vec::new(),
        metadata: Metadata::default(),
        origin: Origin::Upload { name: Some("IMG_4711.jpg".to_owned()) },
    };
    let image_id = image.id;
    let salt = Salt::from_bytes([7; 32]);
    let images = vec![NewImage { image, bytes: vec![1; FILE], salt }];
    match store.apply(Change::AddImages { project: project_id, images })? {
        Applied::Images(added) if added.iter().all(Result::is_ok) => {}
        other => return Err(format!("{other:?}").into()),
    }
    let key = FeatureKey::f32("0123456789abcdef");
    let features = vec![(image_id, vec![0.125; FEATURES])];
    store.apply(Change::CacheFeatures { project: project_id, key, features })?;
    let prediction_id = PredictionId::new(now(), [1; 10]);
    let prediction = StoredPrediction {
        prediction: ImagePrediction {
            id: prediction_id,
            project_id,
            iteration_id: IterationId::new(now(), [1; 10]),
            created: now(),
            predictions: tags.into_iter().map(|(id, name)| result(id, name)).collect(),
        },
        publish_name: Some(Name::new("trees")?),
        application: Some(Name::new("forester")?),
        width: 640,
        height: 480,
        metadata: Metadata::default(),
        photo_kept: true,
        expires: None,
    };
    store.apply(Change::KeepPrediction { prediction: Box::new(prediction), bytes: vec![2; FILE], salt })?;
    Ok(Models { project: project_id, image: image_id, prediction: prediction_id })
}

fn result(tag_id: TagId, tag_name: Name) -> Prediction {
    Prediction { probability: 0.123_456_78, tag_id, tag_name, tag_type: TagType::Regular, bounding_box: None }
}

/// Takes away what only makes the rows slow to bring in, and says how to make it again.
fn drop_indexes(rows: &Connection) -> Outcome<Vec<String>> {
    let mut indexes = Vec::new();
    for table in TABLES {
        let sql =
            "SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND tbl_name = ?1 AND sql IS NOT NULL";
        let mut found = rows.prepare(sql)?;
        let found = found.query_map([table], |row| Ok((row.get::<_, String>(0)?, row.get(1)?)))?;
        for (name, sql) in found.collect::<Result<Vec<_>, _>>()? {
            rows.execute_batch(&format!("DROP INDEX {name}"))?;
            indexes.push(sql);
        }
    }
    Ok(indexes)
}

/// When each of so many happened, if [`DUE`] or fewer of them are due after so many days: as many again follow as closely,
/// and the others fill the time until now.
fn moments(count: u64, due: u64, days: i64) -> impl Iterator<Item = Timestamp> {
    let cutoff = now().as_millis() - days * 24 * 60 * 60 * 1000;
    let first = cutoff - (due as i64 - 1) * STEP;
    let dense = first + 2 * due as i64 * STEP;
    let (sparse, time) = (count - 2 * due, now().as_millis() - dense);
    (0..count).map(move |number| {
        Timestamp::from_millis(match number.checked_sub(2 * due) {
            None => first + number as i64 * STEP,
            Some(later) => dense + (i128::from(time) * i128::from(later) / i128::from(sparse)) as i64,
        })
    })
}

fn images(rows: &Connection, models: &Models, count: u64) -> Outcome<()> {
    let id = models.image.to_string();
    let mut images = Copies::of(rows, "images", "id", &id)?;
    let mut tags = Copies::of(rows, "image_tags", "image", &id)?;
    let mut features = Copies::of(rows, "features", "image", &id)?;
    for (number, at) in (0..).zip(moments(count, DUE / 10, PHOTO_DAYS)) {
        let content = content(Kind::Image, number);
        let (id, millis) = (ImageId::new(at, random(&content)).to_string(), at.as_millis());
        images.add(&[("id", &id), ("created", &millis), ("content", &content), ("commitment", &content)])?;
        tags.add(&[("image", &id)])?;
        if number < 2 * DUE / 10 {
            features.add(&[("image", &id)])?;
        }
    }
    Ok(())
}

fn predictions(rows: &Connection, models: &Models, count: u64) -> Outcome<()> {
    let mut predictions = Copies::of(rows, "predictions", "id", &models.prediction.to_string())?;
    for (number, at) in (0..).zip(moments(count, DUE - DUE / 10, limits::KEPT_PREDICTION_DAYS)) {
        let content = content(Kind::Prediction, number);
        let (id, millis) = (PredictionId::new(at, random(&content)).to_string(), at.as_millis());
        predictions.add(&[
            ("id", &id),
            ("created", &millis),
            ("content", &content),
            ("commitment", &content),
        ])?;
    }
    Ok(())
}

/// Files of what is due and of as many that follow.
fn files(directory: &Path, project: ProjectId, due: u64, kind: Kind) -> Outcome<()> {
    for number in 0..2 * due {
        let content = content(kind, number);
        let file = blob(directory, project, &content);
        if let Some(folder) = file.parent() {
            fs::create_dir_all(folder)?;
        }
        fs::write(file, content.repeat(FILE / content.len()))?;
    }
    Ok(())
}

/// Adds copies of a row that differ in some columns.
struct Copies<'c> {
    insert: Statement<'c>,
    columns: Vec<String>,
}

impl<'c> Copies<'c> {
    fn of(rows: &'c Connection, table: &str, key: &str, id: &str) -> Outcome<Self> {
        let mut found = rows.prepare(&format!("SELECT * FROM {table} WHERE {key} = ?1"))?;
        let columns: Vec<String> = found.column_names().map(str::to_owned).collect();
        let values = found.query_row([id], |row| {
            (0..columns.len()).map(|index| row.get(index)).collect::<Result<Vec<Value>, _>>()
        })?;
        let names: Vec<String> = columns.iter().map(|column| format!("\"{column}\"")).collect();
        let places = vec!["?"; columns.len()].join(", ");
        let mut insert =
            rows.prepare(&format!("INSERT INTO {table} ({}) VALUES ({places})", names.join(", ")))?;
        for ((column, value), index) in columns.iter().zip(values).zip(1..) {
            // Numbers itself.
            let value = if column == "position" { Value::Null } else { value };
            insert.raw_bind_parameter(index, value)?;
        }
        Ok(Self { insert, columns })
    }

    fn add(&mut self, changed: &[(&str, &dyn ToSql)]) -> Outcome<()> {
        for (name, value) in changed {
            let index =
                self.columns.iter().position(|column| column == name).ok_or("there is no such column")?;
            self.insert.raw_bind_parameter(index + 1, value)?;
        }
        self.insert.raw_execute()?;
        Ok(())
    }
}
