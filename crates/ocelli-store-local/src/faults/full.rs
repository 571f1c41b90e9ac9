//! Disks without room, and disks that cannot be written.

use std::sync::Arc;

use ocelli_core::ProjectId;
use ocelli_store::conformance::scene::at;
use ocelli_store::{Change, Store, StoreError};

use super::answers::everything;
use super::disk::SimulatedDisk;
use super::marker::search;
use super::scenario::{describe, is_pending};
use super::stage::{Check, open, recording, rounds};

/// What is left free, in bytes: a name takes 512, a page of the log 4,120, a batch of photos some 10,000.
const FREE: [usize; 7] = [0, 600, 1_500, 5_000, 12_000, 30_000, 80_000];

/// Erases the scenario's first project, which must leave nothing of it.
fn erase_project(check: &Check<'_>, store: &dyn Store, moment: usize) {
    let (scenario, context) = (check.scenario, check.context);
    let project: ProjectId = scenario.world.projects[0];
    let change = Change::EraseProject { project, at: at(80) };
    let erased = store.apply(change.clone());
    assert!(erased.as_ref().is_ok_and(|erased| !is_pending(erased)), "{context}: erasing: {erased:?}");
    assert!(
        everything(store, &scenario.world) == scenario.answers_after(moment, &change),
        "{context}: after erasing"
    );
    let mut others = scenario.moments[moment].stored.clone();
    others.retain(|subject| ["other", "elsewhere", "content1"].contains(&subject.as_str()));
    let left = search(&check.disk.tree(), &scenario.traces).beyond(&others);
    assert!(left.is_empty(), "{context}: {left:#?}");
}

#[test]
fn a_full_disk_is_told_loses_nothing_and_lets_itself_be_erased_from() {
    let recording = recording();
    let scenario = &recording.scenario;
    let (mut full, mut made) = (0, 0);
    for (number, act) in scenario.acts.iter().enumerate() {
        for free in FREE.into_iter().flat_map(|free| (0..rounds()).map(move |round| free + 700 * round)) {
            let context = format!("act {number}, {free} bytes free");
            let disk = SimulatedDisk::new(recording.trees[number].clone());
            let check = Check { scenario, disk: &disk, context: &context };
            let store = open(&disk).unwrap();
            disk.set_free(Some(free));
            let answer = store.apply(act.change.clone());
            let moment = if describe(&answer) == act.answer {
                made += 1;
                assert!(!answer.as_ref().is_ok_and(is_pending), "{context} is pending");
                number + 1
            } else {
                full += 1;
                assert!(matches!(answer, Err(StoreError::Full { .. })), "{context}: {answer:?}");
                assert!(!act.change.is_of_erasing(), "{context}: erasing has a reserve");
                number
            };
            check.answers(&store, &[moment]);
            check.is_sound(&store);
            // Two projects are made first.
            if moment >= 2 {
                erase_project(&check, &store, moment);
                continue;
            }
            drop(store);
            disk.set_free(None);
            let store: Arc<dyn Store> = Arc::new(open(&disk).unwrap());
            check.everything(store.as_ref(), &[moment]);
            check.is_usable(store);
        }
    }
    eprintln!("on a full disk {full} changes were refused and {made} made");
    assert!(full > 50 && made > 50);
}

#[test]
fn what_a_full_disk_refused_can_be_done_once_there_is_room() {
    let recording = recording();
    let scenario = &recording.scenario;
    for (number, act) in scenario.acts.iter().enumerate() {
        let context = format!("act {number}");
        let disk = SimulatedDisk::new(recording.trees[number].clone());
        let check = Check { scenario, disk: &disk, context: &context };
        let store = open(&disk).unwrap();
        disk.set_free(Some(0));
        let refused = store.apply(act.change.clone());
        disk.set_free(None);
        if matches!(refused, Err(StoreError::Full { .. })) {
            assert_eq!(describe(&store.apply(act.change.clone())), act.answer, "{context}");
        }
        check.everything(&store, &[number + 1]);
    }
}

#[test]
fn a_full_disk_can_be_opened_and_erased_from() {
    let recording = recording();
    for moment in (2..recording.trees.len()).step_by((8 / rounds()).max(1)) {
        let context = format!("moment {moment}");
        let disk = SimulatedDisk::new(recording.trees[moment].clone());
        let check = Check { scenario: &recording.scenario, disk: &disk, context: &context };
        disk.set_free(Some(0));
        let store = open(&disk).unwrap_or_else(|error| panic!("{context}: {error}"));
        check.answers(&store, &[moment]);
        erase_project(&check, &store, moment);
    }
}

#[test]
fn a_read_only_disk_is_told_and_loses_nothing() {
    let recording = recording();
    let scenario = &recording.scenario;
    for (number, act) in scenario.acts.iter().enumerate() {
        let context = format!("act {number}");
        let disk = SimulatedDisk::new(recording.trees[number].clone());
        let check = Check { scenario, disk: &disk, context: &context };
        let store = open(&disk).unwrap();
        disk.set_read_only(true);
        let answer = store.apply(act.change.clone());
        assert!(matches!(answer, Err(StoreError::ReadOnly { .. })), "{context}: {answer:?}");
        // Questions are answered all the same.
        check.answers(&store, &[number]);
        drop(store);
        let opened = open(&disk);
        assert!(matches!(opened, Err(StoreError::ReadOnly { .. })), "{context}: {opened:?}");
        disk.set_read_only(false);
        let store = open(&disk).unwrap();
        check.everything(&store, &[number]);
        assert_eq!(describe(&store.apply(act.change.clone())), act.answer, "{context}");
    }
}
