//! Markers are planted in every kind of data, among many neighbours that come and go, and erased one kind at a time; then
//! every byte of every file in the directory is searched, while two handles have it open. All of it once more where the
//! directory is encrypted: then no marker may be in any file at any time, and what is erased must go in its sealed form.

#![allow(clippy::unwrap_used, reason = "a test that cannot unwrap fails")]
#![allow(clippy::print_stderr, reason = "the figures are part of the report")]

mod cases;
mod processes;
mod sealed;
mod trained;
mod world;

use ocelli::CheckOptions;
use sealed::Sealed;
use world::World;

/// Photos that come around the markers, on either side of them.
const NEIGHBOURS: usize = 150;

fn erased_one_kind_at_a_time(seed: u64, mut world: World) {
    world.churn(NEIGHBOURS, 50);
    let mut cases = cases::plant(&mut world);
    world.churn(NEIGHBOURS, 100);
    // What is added by the handle that has just erased is written over pages that it has in memory.
    world.churn(60, 0);
    world.check("before anything but neighbours was erased");
    let (mut searches, mut sealed_and_gone) = (3, 0);
    while !cases.is_empty() {
        let case = cases.swap_remove(world.markers.below(cases.len()));
        let erased = format!("after {:?} were erased", case.markers);
        (case.erase)(&world);
        world.expected.retain(|what| !case.markers.contains(what));
        let sealed = world.check(&erased);
        let was_sealed = case.markers.iter().any(|what| !world.is_in_the_clear(what));
        assert!(sealed > 0 || !was_sealed, "nothing that was sealed is gone {erased}");
        sealed_and_gone += sealed;
        world.add();
        world.check("after others were added by the same handle");
        world.churn(6, 5);
        searches += 2;
    }
    world.churn(NEIGHBOURS, NEIGHBOURS);
    world.churn(60, 0);
    world.check("after neighbours have come and gone");
    let again = world.open_again();
    world.check("after the directory was opened again");
    assert!(again.check(&CheckOptions::default()).unwrap().is_sound());
    let (planted, left) = (world.markers.count(), world.expected.len());
    eprintln!(
        "seed {seed}: {planted} markers, of which {left} were not erased, and {sealed_and_gone} sealed values that were, \
         searched for {searches} times"
    );
}

#[test]
fn nothing_of_what_is_erased_is_left_in_any_file() {
    for seed in 0..3 {
        erased_one_kind_at_a_time(seed, World::new(seed));
    }
}

/// The same markers, all of which the test above finds in a directory that is not encrypted.
#[test]
fn in_an_encrypted_directory_nothing_is_in_the_clear_and_what_is_erased_goes_in_its_sealed_form() {
    for seed in 0..2 {
        erased_one_kind_at_a_time(seed, World::encrypted(seed));
    }
}

/// The search of the test above can find something.
#[test]
#[should_panic(expected = "there are left")]
fn a_plain_directory_would_not_pass_for_an_encrypted_one() {
    let mut world = World::new(3).taken_for_encrypted();
    cases::plant(&mut world);
    world.check("in the clear");
}

/// So can its search for what was sealed.
#[test]
#[should_panic(expected = "of what was sealed there are left")]
fn what_is_sealed_and_still_there_is_found() {
    let mut world = World::encrypted(4);
    world.churn(10, 0);
    let sealed = Sealed::of(world.directory.path());
    Sealed::default().check_gone(&sealed, world.directory.path(), "before anything was erased");
}
