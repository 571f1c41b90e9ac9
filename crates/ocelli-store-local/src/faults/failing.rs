//! Operations that fail, one at a time or from some moment on.

use std::sync::Arc;

use ocelli_store::{Store, StoreError};

use super::disk::{Fault, SimulatedDisk};
use super::scenario::{describe, is_complete};
use super::stage::{Check, open, recording, rounds};
use super::tree::Tree;

/// What was tried.
#[derive(Debug, Default)]
struct Tally {
    operations: u64,
    refused: u32,
    marks: usize,
}

/// Plays an act on what the disk held before it, with a fault at its operation of this number; none once the act is
/// over before it gets there.
fn play(number: usize, operation: u64, fault: fn(u64) -> Fault, tally: &mut Tally) -> Option<()> {
    let recording = recording();
    let scenario = &recording.scenario;
    let disk = SimulatedDisk::new(recording.trees[number].clone());
    let store = open(&disk).unwrap();
    let fault = fault(disk.operations() + operation);
    let context = format!("act {number}, operation {operation}, {fault:?}");
    let check = Check { scenario, disk: &disk, context: &context };
    disk.set_fault(fault);
    let answer = store.apply(scenario.acts[number].change.clone());
    let healed = matches!(fault, Fault::Once(_));
    if healed {
        disk.set_fault(Fault::None);
    }
    if disk.failed() == 0 {
        return None;
    }
    tally.operations += 1;
    let made = describe(&answer) == scenario.acts[number].answer;
    match &answer {
        Ok(applied) => {
            assert!(made, "{context}: {answer:?}");
            // Only an erasure says whether anything is left.
            if healed && is_complete(applied) {
                tally.marks += check.marks(number + 1);
            }
        }
        // What the scenario has refused too.
        Err(_) if made => {}
        Err(error) => {
            tally.refused += 1;
            assert!(is_failure(error), "{context}: {error:?}");
        }
    }
    if healed {
        let (_, marks) = check.everything(&store, &[if made { number + 1 } else { number }]);
        tally.marks += marks;
    }
    drop(store);
    disk.set_fault(Fault::None);
    let store: Arc<dyn Store> = Arc::new(open(&disk).unwrap());
    // A commit that failed may have reached the disk all the same.
    let moments = if made { vec![number + 1] } else { vec![number, number + 1] };
    let (_, marks) = check.everything(store.as_ref(), &moments);
    tally.marks += marks;
    check.is_usable(store);
    Some(())
}

/// An error that says that the medium failed, and does not blame the data.
fn is_failure(error: &StoreError) -> bool {
    matches!(error, StoreError::Backend { .. })
}

fn play_all(fault: fn(u64) -> Fault) -> Tally {
    let mut tally = Tally::default();
    for number in 0..recording().scenario.acts.len() {
        let mut operation = 1;
        while play(number, operation, fault, &mut tally).is_some() {
            operation += 1;
        }
    }
    assert!(tally.operations > 500, "{tally:?}");
    tally
}

#[test]
fn every_failed_operation_is_told_and_loses_nothing() {
    let tally = play_all(Fault::Once);
    eprintln!("one operation failing at a time: {tally:?}");
}

#[test]
fn a_disk_that_fails_for_good_loses_nothing() {
    let tally = play_all(Fault::From);
    eprintln!("all operations failing from one on: {tally:?}");
}

/// Opens what a killed process left, with a fault at this operation; none where opening does not get there.
fn opening(tree: &Tree, moment: usize, operation: u64, fault: fn(u64) -> Fault) -> Option<()> {
    let disk = SimulatedDisk::new(tree.clone());
    let fault = fault(operation);
    let context = format!("opening at moment {moment}, {fault:?}");
    let check = Check { scenario: &recording().scenario, disk: &disk, context: &context };
    disk.set_fault(fault);
    let opened = open(&disk);
    if disk.failed() == 0 {
        return None;
    }
    match opened {
        Ok(store) => {
            if matches!(fault, Fault::Once(_)) {
                disk.set_fault(Fault::None);
                check.everything(&store, &[moment]);
            }
        }
        Err(error) => assert!(is_failure(&error), "{context}: {error:?}"),
    }
    disk.set_fault(Fault::None);
    let store: Arc<dyn Store> = Arc::new(open(&disk).unwrap_or_else(|error| panic!("{context}: {error}")));
    check.everything(store.as_ref(), &[moment]);
    check.is_usable(store);
    Some(())
}

#[test]
fn every_operation_that_fails_at_opening_is_told_and_loses_nothing() {
    let recording = recording();
    let mut operations = 0;
    let stride = (24 / rounds()).max(1);
    let moments = (0..recording.trees.len()).step_by(stride);
    let trees = moments.map(|moment| (recording.trees[moment].clone(), moment));
    for (tree, moment) in std::iter::once((Tree::default(), 0)).chain(trees) {
        for fault in [Fault::Once, Fault::From] {
            operations +=
                (1..).take_while(|operation| opening(&tree, moment, *operation, fault).is_some()).count();
        }
    }
    eprintln!("{operations} operations failed at opening");
    assert!(operations > 100);
}
