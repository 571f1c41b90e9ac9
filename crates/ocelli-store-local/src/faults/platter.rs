use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::tree::{Step, Tree};

/// A medium writes this many bytes in one step.
const SECTOR: usize = 512;

/// What a power failure leaves of the steps that had not been synced.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Survivors {
    None,
    All,
    /// The first ones.
    Prefix(usize),
    /// Any, and one write in part, by seed.
    Random(u64),
}

/// What the medium surely holds, and what it may hold since nothing has synced it.
///
/// Assumed of the medium: a synced file has its bytes, a synced folder has its names; what is not synced may arrive in
/// any order or not at all, a write also by whole sectors; a rename arrives in one step; the steps on one name arrive in
/// their order.
#[derive(Clone, Debug, Default)]
pub(super) struct Platter {
    durable: Tree,
    unsynced: Vec<Unsynced>,
}

/// A step that may be lost.
#[derive(Clone, Debug)]
struct Unsynced {
    step: Step,
    /// A sync of it has failed, and no other will try again.
    given_up: bool,
}

impl Platter {
    /// A medium that surely holds this.
    pub(super) fn new(durable: Tree) -> Self {
        Self { durable, unsynced: Vec::new() }
    }

    pub(super) fn take(&mut self, step: &Step) {
        match step {
            Step::SyncFile { file } => {
                self.settle(|each| each.step.data_of() == Some(*file) && !each.given_up);
            }
            Step::FailedSync { file } => {
                let of_it = self.unsynced.iter_mut().filter(|each| each.step.data_of() == Some(*file));
                of_it.for_each(|each| each.given_up = true);
            }
            Step::SyncFolder { path } => self.sync_folder(path),
            step => self.unsynced.push(Unsynced { step: step.clone(), given_up: false }),
        }
    }

    /// The steps on names in this folder become durable, and so do earlier steps on the same names elsewhere.
    fn sync_folder(&mut self, folder: &Path) {
        let mut wanted: HashSet<PathBuf> = HashSet::new();
        let mut chosen = vec![false; self.unsynced.len()];
        for (index, each) in self.unsynced.iter().enumerate().rev() {
            let names = || each.step.names().into_iter().flatten();
            if names().any(|name| name.parent() == Some(folder) || wanted.contains(name)) {
                chosen[index] = true;
                wanted.extend(names().map(Path::to_owned));
            }
        }
        let mut chosen = chosen.into_iter();
        self.settle(|_| chosen.next() == Some(true));
    }

    /// Makes the steps durable that a condition picks.
    fn settle(&mut self, mut pick: impl FnMut(&Unsynced) -> bool) {
        let durable = &mut self.durable;
        self.unsynced.retain(|each| {
            let picked = pick(each);
            if picked {
                durable.apply(&each.step);
            }
            !picked
        });
    }

    /// How many steps nothing has synced yet.
    pub(super) fn unsynced(&self) -> usize {
        self.unsynced.len()
    }

    /// What the medium holds after a power failure.
    pub(super) fn image(&self, survivors: Survivors) -> Tree {
        let mut image = self.durable.clone();
        let steps = self.unsynced.iter().map(|each| &each.step);
        match survivors {
            Survivors::None => {}
            Survivors::All => steps.for_each(|step| image.apply(step)),
            Survivors::Prefix(count) => steps.take(count).for_each(|step| image.apply(step)),
            Survivors::Random(seed) => {
                let mut random = fastrand::Rng::with_seed(seed);
                let (kept, torn) = ([0.1, 0.5, 0.9][random.usize(..3)], random.usize(..=self.unsynced.len()));
                for (index, step) in steps.enumerate() {
                    if index == torn {
                        image.apply(&tear(step, &mut random));
                    } else if random.f64() < kept {
                        image.apply(step);
                    }
                }
            }
        }
        image.prune();
        image
    }
}

/// A write of which only the sectors before or after some point arrive; anything else arrives whole.
fn tear(step: &Step, random: &mut fastrand::Rng) -> Step {
    let Step::Write { file, offset, bytes } = step else { return step.clone() };
    // Sectors are those of the file.
    let first = (offset / SECTOR + 1) * SECTOR - offset;
    let cuts: Vec<usize> = (first..bytes.len()).step_by(SECTOR).collect();
    let Some(cut) = random.choice(cuts) else { return step.clone() };
    let (offset, bytes) =
        if random.bool() { (*offset, &bytes[..cut]) } else { (offset + cut, &bytes[cut..]) };
    Step::Write { file: *file, offset, bytes: Arc::from(bytes) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write(file: u64, offset: usize, bytes: &[u8]) -> Step {
        Step::Write { file, offset, bytes: Arc::from(bytes) }
    }

    fn create(path: &str, file: u64) -> Step {
        Step::Create { path: path.into(), file }
    }

    fn rename(from: &str, to: &str, file: u64) -> Step {
        Step::Rename { from: from.into(), to: to.into(), file }
    }

    fn platter(steps: impl IntoIterator<Item = Step>) -> Platter {
        let mut platter = Platter::default();
        steps.into_iter().for_each(|step| platter.take(&step));
        platter
    }

    fn files(tree: &Tree) -> Vec<(&str, &[u8])> {
        tree.files().map(|(name, bytes)| (name.to_str().unwrap(), bytes)).collect()
    }

    #[test]
    fn a_synced_file_without_a_synced_name_is_not_found() {
        let platter = platter([create("a", 1), write(1, 0, b"text"), Step::SyncFile { file: 1 }]);
        assert_eq!(files(&platter.image(Survivors::None)), []);
        assert_eq!(files(&platter.image(Survivors::All)), [("a", b"text".as_slice())]);
    }

    #[test]
    fn a_synced_name_without_synced_bytes_is_empty() {
        let synced = Step::SyncFolder { path: "".into() };
        let platter = platter([create("a", 1), write(1, 0, b"text"), synced]);
        assert_eq!(files(&platter.image(Survivors::None)), [("a", b"".as_slice())]);
    }

    #[test]
    fn a_file_in_a_folder_that_was_lost_is_lost() {
        let folder = || "folder".into();
        let mut platter = platter([
            Step::MakeFolder { path: folder() },
            create("folder/a", 1),
            Step::SyncFolder { path: folder() },
        ]);
        assert_eq!(files(&platter.image(Survivors::None)), []);
        platter.take(&Step::SyncFolder { path: "".into() });
        assert_eq!(files(&platter.image(Survivors::None)), [("folder/a", b"".as_slice())]);
    }

    #[test]
    fn a_rename_arrives_in_one_step_with_what_was_done_to_its_names() {
        let folder = |path: &str| Step::MakeFolder { path: path.into() };
        let sync = |path: &str| Step::SyncFolder { path: path.into() };
        let steps = [folder("a"), folder("b"), sync(""), create("a/x", 1), rename("a/x", "b/y", 1)];
        let mut platter = platter(steps);
        assert_eq!(files(&platter.image(Survivors::None)), []);
        assert_eq!(files(&platter.image(Survivors::Prefix(1))), [("a/x", b"".as_slice())]);
        platter.take(&sync("b"));
        assert_eq!(files(&platter.image(Survivors::None)), [("b/y", b"".as_slice())]);
    }

    #[test]
    fn what_a_sync_failed_to_write_is_not_written_by_the_next() {
        let steps = [create("a", 1), Step::SyncFolder { path: "".into() }, write(1, 0, b"lost")];
        let rest = [Step::FailedSync { file: 1 }, write(1, 4, b"kept"), Step::SyncFile { file: 1 }];
        let platter = platter(steps.into_iter().chain(rest));
        assert_eq!(files(&platter.image(Survivors::None)), [("a", b"\0\0\0\0kept".as_slice())]);
        assert_eq!(files(&platter.image(Survivors::All)), [("a", b"lostkept".as_slice())]);
    }

    #[test]
    fn random_survivors_cover_every_subset_and_torn_writes() {
        let new = [7; SECTOR * 2];
        let steps = [create("a", 1), Step::SyncFolder { path: "".into() }];
        let steps = steps.into_iter().chain([write(1, 0, &new), write(1, SECTOR * 2, &new)]);
        let platter = platter(steps);
        let found: HashSet<Vec<u8>> = (0..500)
            .map(|seed| platter.image(Survivors::Random(seed)).files().next().unwrap().1.to_vec())
            .collect();
        // Each write arrives not at all, by its first or second half, or whole; at most one in part.
        assert_eq!(found.len(), 2 * 2 + 2 * 2 + 2 * 2);
    }
}
