//! What a data protection officer wants to see: a photo stored, held, planned, refused, released and erased, with a receipt
//! that anyone can verify; and everything taken elsewhere.
//!
//! ```text
//! cargo run --release --example data_control
//! ```
//!
//! Everything lies under `target/data_control`, which each run makes anew. The clock is one that the example moves.

#![allow(clippy::print_stdout, reason = "it talks to a person at a terminal")]

use std::collections::{BTreeMap, BTreeSet};
use std::error::Error;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use ocelli::{
    Affected, AuditLog, Budget, Digest, Erased, ExportOptions, HoldTarget, ImageId, ImportOptions, KeyFile,
    ManualClock, Metadata, MetadataFilter, NewProject, Ocelli, OpenOptions, Random, Receipt, RetentionPolicy,
    RetentionRule, StoreError, SystemRandom, Timestamp, TrainOptions, Upload, verify_photo,
};

fn main() -> Result<(), Box<dyn Error>> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = here.join("../target/data_control");
    if folder.exists() {
        std::fs::remove_dir_all(&folder)?;
    }
    std::fs::create_dir_all(&folder)?;

    let clock = Arc::new(ManualClock::new("2026-01-01T09:00:00.000Z".parse()?));
    let mut random = [0; 64];
    SystemRandom.fill(&mut random)?;
    let keys = KeyFile::create(folder.join("keys"), random)?;
    let ocelli =
        OpenOptions::new().clock(clock.clone()).keys(keys).encrypted(true).open(folder.join("data"))?;

    println!("1. Photos are stored, encrypted, under a policy: photos to train on stay for 90 days.");
    let project = ocelli.create_project(NewProject::new("doors").multiclass())?;
    let policy = RetentionPolicy { training_photos: RetentionRule::days(90), ..RetentionPolicy::default() };
    project.set_retention(policy)?;
    let photos = here.join("photos/train");
    let images = store_photos(&project, &photos.join("monument"))?;
    clock.set(now(&clock).plus_days(60));
    let later = store_photos(&project, &photos.join("windmill"))?;
    let iteration = project.train(&TrainOptions { seed: 1, ..TrainOptions::default() })?;
    iteration.publish("production")?;
    let (photo, bytes) = (images[0], project.image_bytes(images[0])?);
    let item = Erased::Image(photo);
    println!(
        "   {} photos on the first day, {} sixty days later. Of one person: {photo}.",
        images.len(),
        later.len()
    );
    println!("   {}", tell_why(&ocelli, project.id(), item)?);

    println!("2. A court wants what there is about p-1078 kept.");
    let person: MetadataFilter = "person eq 'p-1078'".parse()?;
    let target = HoldTarget::Metadata { project_id: None, filter: person.clone() };
    let hold = ocelli.place_hold(target, "case 4711")?;
    println!("   Hold {} keeps {} item(s).", hold.id, ocelli.held(hold.id)?.len());

    println!("3. p-1078 asks for an export, and for erasure.");
    let found = ocelli.find_person(&person)?;
    println!("   Found {} item(s), used by {} iteration(s).", found.items.len(), found.iterations.len());
    let (salt, commitment) = ocelli.commitment(project.id(), item)?;
    ocelli.export_person(&person, File::create(folder.join("p-1078.zip"))?)?;
    match project.delete_images(vec![photo]) {
        Err(ocelli::Error::Store(error @ StoreError::Held { .. })) => println!("   Refused: {error}"),
        other => return Err(format!("the hold should have refused it: {other:?}").into()),
    }

    println!(
        "4. After 90 days the first photos are due, and nobody sees them any more. The held one goes on being held."
    );
    clock.set(now(&clock).plus_days(30));
    println!("   Photos to be seen: {}.", project.image_count(&Default::default())?);
    let plan = ocelli.plan(now(&clock))?;
    println!(
        "   The plan {} lists {} item(s), {} bytes; {} more are held.",
        short(&plan.hash()),
        plan.items().len(),
        plan.bytes(),
        plan.held()
    );
    let swept = ocelli.execute(&plan, Budget::default())?;
    println!("   Erased {} item(s).", swept.erased);
    println!("   {}", tell_why(&ocelli, project.id(), item)?);

    println!("5. The case is closed. The hold is released, and the person's request is carried out.");
    ocelli.release_hold(hold.id)?;
    let erased = ocelli.erase_person(&person, Affected::Unpublish)?;
    println!("   Erased {} item(s): {:?}.", erased.erased.len(), erased.status);
    for iteration in &erased.iterations {
        println!("   {} was trained on it: {:?}.", iteration.name, iteration.outcome);
    }

    println!("6. The receipt, verified by somebody who has nothing but the public key.");
    let operation = erased.operation.ok_or("something should have been erased")?;
    let receipt = ocelli.receipt(operation)?;
    let public_key = ocelli.public_key()?;
    std::fs::write(folder.join("receipt.json"), receipt.to_json()?)?;
    let read = Receipt::from_json(&std::fs::read(folder.join("receipt.json"))?)?;
    read.verify(&public_key)?;
    let items = ocelli.erased_items(operation)?;
    let index =
        items.iter().position(|erased| erased.commitment == Some(commitment)).ok_or("not in the receipt")?;
    let proof = read.prove(&items, index as u64)?;
    read.verify_member(&items[index], &proof)?;
    verify_photo(&items[index], &salt, &bytes)?;
    println!(
        "   {} item(s), Merkle root {}; the photo was one.",
        read.body.items,
        short(&read.body.merkle_root)
    );
    let head = ocelli.audit_head()?;
    let log = AuditLog::from_text(ocelli.audit_log()?.to_text()?.as_bytes())?;
    log.verify(Some(&public_key), Some(&head))?;
    println!("   The audit log has {} entries, chained up to {}.", log.entries.len(), short(&head.hash));

    println!("7. What is left is taken elsewhere.");
    let archive = folder.join("all.zip");
    ocelli.export_all(File::create(&archive)?, ExportOptions::default())?;
    let elsewhere = OpenOptions::new().clock(clock).open(folder.join("elsewhere"))?;
    for imported in elsewhere.import(File::open(&archive)?, &ImportOptions::default())?.projects {
        println!(
            "   {}: {} photo(s), {} iteration(s).",
            imported.name,
            imported.images,
            imported.iterations.len()
        );
    }
    println!("\nEverything lies in {}.", folder.canonicalize()?.display());
    Ok(())
}

/// Stores the photos of a folder under a tag of its name; the metadata of the first names a person.
fn store_photos(project: &ocelli::ProjectHandle, folder: &Path) -> Result<Vec<ImageId>, Box<dyn Error>> {
    let tag = project.create_tag(folder.file_name().ok_or("not a folder")?.to_string_lossy())?.id;
    let files: Result<BTreeSet<PathBuf>, std::io::Error> =
        std::fs::read_dir(folder)?.map(|file| Ok(file?.path())).collect();
    let mut people = ["p-1078"].into_iter().filter(|_| folder.ends_with("monument"));
    let mut uploads = Vec::new();
    for file in files? {
        let person = people.next().unwrap_or("nobody");
        let metadata = BTreeMap::from([("person".to_owned(), person.to_owned())]);
        uploads.push(Upload::file(file).tag(tag).metadata(Metadata::new(metadata)?));
    }
    Ok(project.add_images(uploads)?.added().map(|added| added.image.id).collect())
}

/// Says in a line why something is still here.
fn tell_why(ocelli: &Ocelli, project: ocelli::ProjectId, item: Erased) -> Result<String, Box<dyn Error>> {
    let why = ocelli.why(project, item)?;
    let due = why.due().map_or_else(|| "never".to_owned(), |due| due.to_string());
    Ok(format!("It is due: {due}; holds that keep it: {}.", why.holds.len()))
}

fn now(clock: &ManualClock) -> Timestamp {
    ocelli::Clock::now(clock)
}

/// The beginning of a hash.
fn short(digest: &Digest) -> String {
    digest.to_string().chars().take(12).collect()
}
