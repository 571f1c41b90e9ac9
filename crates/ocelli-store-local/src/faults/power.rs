//! Power failures after every step, with any subset of what had not been synced.

use std::collections::BTreeSet;
use std::num::NonZero;
use std::sync::Arc;

use ocelli_store::Store;

use super::disk::{Fault, SimulatedDisk};
use super::marker::search;
use super::platter::{Platter, Survivors};
use super::scenario::{describe, is_complete};
use super::stage::{Check, open, recording, rounds};
use super::tree::{Step, Tree};

/// What was tried.
#[derive(Debug, Default)]
struct Tally {
    images: usize,
    marks: usize,
}

/// What may be left of the steps that were not synced: none, all, the first ones, and others by seed.
fn survivors(platter: &Platter, seed: usize, count: usize) -> Vec<Survivors> {
    match platter.unsynced() {
        0 => vec![Survivors::None],
        unsynced => {
            let seeds = (0..count).map(|number| Survivors::Random((seed * 1_000 + number) as u64));
            let prefix = fastrand::Rng::with_seed(seed as u64).usize(..unsynced);
            [Survivors::None, Survivors::All, Survivors::Prefix(prefix)].into_iter().chain(seeds).collect()
        }
    }
}

/// Opens what a power failure left. It must be at one of these moments, and what had been erased at the moment `erased`
/// must be gone. Gives what opening did to the disk.
fn opens(image: Tree, moments: &[usize], erased: usize, context: &str, tally: &mut Tally) -> Vec<Step> {
    let scenario = &recording().scenario;
    let disk = SimulatedDisk::new(image);
    let check = Check { scenario, disk: &disk, context };
    let stored = |moment: usize| &scenario.moments[moment].stored;
    let found = search(&disk.tree(), &[]);
    // Not even until the store is opened is anything back.
    let known = |subject: &&String| {
        std::iter::once(&erased).chain(moments).any(|moment| stored(*moment).contains(*subject))
    };
    let back = (0..erased).flat_map(stored).filter(|subject| !known(subject));
    let back: BTreeSet<_> = back.filter(|subject| found.subjects.contains(*subject)).collect();
    assert!(back.is_empty(), "{context}: {back:?} is back before the store is opened");
    disk.record();
    let store: Arc<dyn Store> = Arc::new(open(&disk).unwrap_or_else(|error| panic!("{context}: {error}")));
    let opening = disk.steps();
    let (_, marks) = check.settled(store.as_ref(), moments);
    if tally.images.is_multiple_of(8) {
        check.is_usable(store);
    }
    tally.images += 1;
    tally.marks += marks;
    opening
}

/// The moments at which the scenario may be when so many steps have happened.
fn moments(steps: usize) -> [usize; 2] {
    let acknowledged = recording().acknowledged.iter().filter(|&&at| at <= steps).count();
    [acknowledged, recording().scenario.acts.len().min(acknowledged + 1)]
}

#[test]
fn every_power_failure_leaves_what_was_acknowledged_and_nothing_that_was_erased() {
    const STRIDE: usize = 4;
    let stride = STRIDE.div_ceil(rounds());
    let recording = recording();
    let workers = std::thread::available_parallelism().map_or(1, NonZero::get);
    let share = |worker: usize| {
        let mut tally = Tally::default();
        let mut platter = Platter::new(Tree::default());
        for number in 0..=recording.steps.len() {
            if number > 0 {
                platter.take(&recording.steps[number - 1]);
            }
            if number.is_multiple_of(stride) && number / stride % workers == worker {
                for survivors in survivors(&platter, number, 2 * rounds()) {
                    let context = format!("step {number}, {survivors:?}");
                    let moments = moments(number);
                    opens(platter.image(survivors), &moments, moments[0], &context, &mut tally);
                }
            }
        }
        tally
    };
    let tallies: Vec<Tally> = std::thread::scope(|scope| {
        let started: Vec<_> = (0..workers).map(|worker| scope.spawn(move || share(worker))).collect();
        started.into_iter().map(|worker| worker.join().unwrap()).collect()
    });
    eprintln!("power failures in {} steps: {tallies:?}", recording.steps.len());
    let images: usize = tallies.iter().map(|tally| tally.images).sum();
    assert!(images > 3 * recording.steps.len() / STRIDE);
}

#[test]
fn a_power_failure_while_what_one_left_is_opened_leaves_the_same() {
    const STRIDE: usize = 97;
    let recording = recording();
    let mut tally = Tally::default();
    let mut platter = Platter::new(Tree::default());
    for (number, step) in recording.steps.iter().enumerate() {
        platter.take(step);
        if !number.is_multiple_of((STRIDE / rounds()).max(1)) {
            continue;
        }
        let moments = moments(number + 1);
        let first = platter.image(Survivors::Random(number as u64));
        let opened = opens(first.clone(), &moments, moments[0], &format!("step {number}"), &mut tally);
        let mut second = Platter::new(first);
        for (again, step) in opened.iter().enumerate() {
            second.take(step);
            let survivors = Survivors::Random((number + again) as u64);
            let context = format!("step {number}, then {again} at opening, {survivors:?}");
            opens(second.image(survivors), &moments, moments[0], &context, &mut tally);
        }
    }
    eprintln!("power failures at opening: {tally:?}");
    assert!(tally.images > 500);
}

#[test]
fn a_power_failure_after_a_failed_operation_leaves_the_same() {
    const STRIDE: usize = 5;
    let recording = recording();
    let scenario = &recording.scenario;
    let mut tally = Tally::default();
    let stride = STRIDE.div_ceil(rounds());
    for (number, act) in scenario.acts.iter().enumerate() {
        let tree = &recording.trees[number];
        for operation in (1 + number % stride..).step_by(stride) {
            let disk = SimulatedDisk::new(tree.clone());
            disk.record();
            let store = open(&disk).unwrap();
            disk.set_fault(Fault::Once(disk.operations() + operation as u64));
            let answer = store.apply(act.change.clone());
            disk.set_fault(Fault::None);
            if disk.failed() == 0 {
                break;
            }
            let context = format!("act {number}, operation {operation} failed");
            let made = describe(&answer) == act.answer;
            let moments = if made { vec![number + 1] } else { vec![number, number + 1] };
            let answered = disk.recorded();
            store.finish_erasures().unwrap_or_else(|error| panic!("{context}: {error}"));
            let mut platter = Platter::new(tree.clone());
            for (step, taken) in disk.steps().iter().enumerate() {
                platter.take(taken);
                // Right after the answer, and after what it left to do has been finished.
                if step + 1 == answered || step + 1 == disk.recorded() {
                    for survivors in [Survivors::None, Survivors::Random(operation as u64)] {
                        let context = format!("{context}, {survivors:?} after step {step} of {answered}");
                        let finished = step + 1 > answered || answer.as_ref().is_ok_and(is_complete);
                        let erased = if finished { moments[0] } else { number };
                        opens(platter.image(survivors), &moments, erased, &context, &mut tally);
                    }
                }
            }
        }
    }
    eprintln!("power failures after failed operations: {tally:?}");
    assert!(tally.images > 500);
}
