//! Markers are planted in every kind of data, among many neighbours that come and go, and erased one kind at a time; then
//! every byte of every file in the directory is searched, while two handles have it open.

#![allow(clippy::unwrap_used, reason = "a test that cannot unwrap fails")]
#![allow(clippy::print_stderr, reason = "the figures are part of the report")]

mod cases;
mod processes;
mod trained;
mod world;

use ocelli::{CheckOptions, Ocelli};
use world::World;

/// Photos that come around the markers, on either side of them.
const NEIGHBOURS: usize = 150;

fn erased_one_kind_at_a_time(seed: u64) {
    let mut world = World::new(seed);
    world.churn(NEIGHBOURS, 50);
    let mut cases = cases::plant(&mut world);
    world.churn(NEIGHBOURS, 100);
    // What is added by the handle that has just erased is written over pages that it has in memory.
    world.churn(60, 0);
    world.check("before anything but neighbours was erased");
    let mut searches = 3;
    while !cases.is_empty() {
        let case = cases.swap_remove(world.markers.below(cases.len()));
        let erased = format!("after {:?} were erased", case.markers);
        (case.erase)(&world);
        world.expected.retain(|what| !case.markers.contains(what));
        world.check(&erased);
        world.add();
        world.check("after others were added by the same handle");
        world.churn(6, 5);
        searches += 2;
    }
    world.churn(NEIGHBOURS, NEIGHBOURS);
    world.churn(60, 0);
    world.check("after neighbours have come and gone");
    let again = Ocelli::open(world.directory.path()).unwrap();
    world.check("after the directory was opened again");
    assert!(again.check(&CheckOptions::default()).unwrap().is_sound());
    let (planted, left) = (world.markers.count(), world.expected.len());
    eprintln!(
        "seed {seed}: {planted} markers, of which {left} were not erased, searched for {searches} times"
    );
}

#[test]
fn nothing_of_what_is_erased_is_left_in_any_file() {
    for seed in 0..3 {
        erased_one_kind_at_a_time(seed);
    }
}
