use std::collections::{BTreeMap, HashSet};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::tree::{FileId, Node, Step, Tree};

/// What a name takes of the disk's space.
const NAME_BYTES: usize = 512;

/// Which operations fail. They are counted from 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Fault {
    #[default]
    None,
    /// This one.
    Once(u64),
    /// This one and all after it.
    From(u64),
}

/// A disk in memory, which can fail, fill up, become read-only, and tell what happened to it.
#[derive(Clone, Debug)]
pub(super) struct SimulatedDisk {
    root: PathBuf,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    tree: Tree,
    next_file: FileId,
    /// What happened since recording began.
    steps: Option<Vec<Step>>,
    operations: u64,
    fault: Fault,
    failed: u64,
    capacity: Option<usize>,
    read_only: bool,
    locked: HashSet<PathBuf>,
}

/// All disks of the process that are in use, by their root.
static DISKS: Mutex<BTreeMap<PathBuf, Weak<Shared>>> = Mutex::new(BTreeMap::new());
static NUMBER: AtomicU64 = AtomicU64::new(0);

impl SimulatedDisk {
    /// A disk that holds this, at a root of its own.
    pub(super) fn new(tree: Tree) -> Self {
        let root = PathBuf::from(format!("/disk-{}", NUMBER.fetch_add(1, Ordering::Relaxed)));
        let next_file = tree.below(Path::new("")).map(|(_, node)| match node {
            Node::Folder => 0,
            Node::File(file) => file + 1,
        });
        let next_file = next_file.max().unwrap_or(0);
        let state = Mutex::new(State { tree, next_file, ..State::default() });
        let shared = Arc::new(Shared { state });
        let mut disks = DISKS.lock().unwrap_or_else(PoisonError::into_inner);
        disks.retain(|_, disk| disk.strong_count() > 0);
        disks.insert(root.clone(), Arc::downgrade(&shared));
        Self { root, shared }
    }

    /// The disk that this path lies on.
    pub(super) fn of(path: &Path) -> Option<Self> {
        let root: PathBuf = path.components().take(2).collect();
        let shared = DISKS.lock().unwrap_or_else(PoisonError::into_inner).get(&root)?.upgrade()?;
        Some(Self { root, shared })
    }

    /// The absolute path of its root.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// What it holds now.
    pub(super) fn tree(&self) -> Tree {
        let mut tree = self.state().tree.clone();
        tree.prune();
        tree
    }

    /// From now on all steps are remembered.
    pub(super) fn record(&self) {
        self.state().steps.get_or_insert_default();
    }

    /// How many steps have been recorded.
    pub(super) fn recorded(&self) -> usize {
        self.state().steps.as_ref().map_or(0, Vec::len)
    }

    /// The recorded steps.
    pub(super) fn steps(&self) -> Vec<Step> {
        self.state().steps.clone().unwrap_or_default()
    }

    /// How many operations there have been, failed ones included.
    pub(super) fn operations(&self) -> u64 {
        self.state().operations
    }

    /// How many operations were made to fail.
    pub(super) fn failed(&self) -> u64 {
        self.state().failed
    }

    /// Decides which operations will fail.
    pub(super) fn set_fault(&self, fault: Fault) {
        self.state().fault = fault;
    }

    /// Leaves this many free bytes; as many as are wanted for none.
    pub(super) fn set_free(&self, free: Option<usize>) {
        let mut state = self.state();
        state.capacity = free.map(|free| state.used() + free);
    }

    /// Refuses changes from now on, or takes them again.
    pub(super) fn set_read_only(&self, read_only: bool) {
        self.state().read_only = read_only;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.shared.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn inside(&self, path: &Path) -> io::Result<PathBuf> {
        path.strip_prefix(&self.root).map(Path::to_owned).map_err(|_| {
            io::Error::new(ErrorKind::NotFound, format!("{} is not on this disk", path.display()))
        })
    }

    pub(super) fn exists(&self, path: &Path) -> io::Result<bool> {
        let path = self.inside(path)?;
        let mut state = self.state();
        state.begin()?;
        Ok(state.tree.node(&path).is_some())
    }

    /// A file; made where there is none, if that is asked for.
    pub(super) fn open(&self, path: &Path, create: bool, write: bool) -> io::Result<FileId> {
        let path = self.inside(path)?;
        let mut state = self.state();
        state.begin()?;
        if write {
            state.refuse_read_only()?;
        }
        match state.tree.node(&path) {
            Some(Node::File(file)) => Ok(file),
            Some(Node::Folder) => Err(ErrorKind::IsADirectory.into()),
            None if create => state.create(path),
            None => Err(ErrorKind::NotFound.into()),
        }
    }

    /// A file that is not there yet.
    pub(super) fn create_new(&self, path: &Path) -> io::Result<FileId> {
        let path = self.inside(path)?;
        let mut state = self.state();
        state.change()?;
        if state.tree.node(&path).is_some() {
            return Err(ErrorKind::AlreadyExists.into());
        }
        state.create(path)
    }

    pub(super) fn length(&self, file: FileId) -> io::Result<u64> {
        let mut state = self.state();
        state.begin()?;
        Ok(state.tree.content(file).len() as u64)
    }

    /// Reads as much as there is and gives how much that was.
    pub(super) fn read(&self, file: FileId, offset: u64, buffer: &mut [u8]) -> io::Result<usize> {
        let mut state = self.state();
        state.begin()?;
        let content = state.tree.content(file);
        let rest = usize::try_from(offset).ok().and_then(|offset| content.get(offset..)).unwrap_or_default();
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        Ok(count)
    }

    /// Writes. One that fails may have written a part.
    pub(super) fn write(&self, file: FileId, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let offset = usize::try_from(offset).map_err(io::Error::other)?;
        let write = |bytes: &[u8]| Step::Write { file, offset, bytes: Arc::from(bytes) };
        let mut state = self.state();
        if let Err(error) = state.begin() {
            if state.operations.is_multiple_of(2) && !state.read_only {
                state.take(write(&bytes[..bytes.len() / 2]));
            }
            return Err(error);
        }
        state.refuse_read_only()?;
        let (held, end) = (state.tree.content(file).len(), offset + bytes.len());
        if let Err(full) = state.find_space(end.saturating_sub(held)) {
            let fits = state.free().saturating_add(held.saturating_sub(offset)).min(bytes.len());
            state.take(write(&bytes[..fits]));
            return Err(full);
        }
        state.take(write(bytes));
        Ok(())
    }

    pub(super) fn set_length(&self, file: FileId, length: u64) -> io::Result<()> {
        let length = usize::try_from(length).map_err(io::Error::other)?;
        let mut state = self.state();
        state.change()?;
        let held = state.tree.content(file).len();
        state.find_space(length.saturating_sub(held))?;
        if length != held {
            state.take(Step::SetLength { file, length });
        }
        Ok(())
    }

    pub(super) fn sync(&self, file: FileId) -> io::Result<()> {
        let mut state = self.state();
        let begun = state.begin();
        state.take(if begun.is_ok() { Step::SyncFile { file } } else { Step::FailedSync { file } });
        begun
    }

    pub(super) fn sync_folder(&self, path: &Path) -> io::Result<()> {
        let path = self.inside(path)?;
        let mut state = self.state();
        state.begin()?;
        state.expect_folder(&path)?;
        state.take(Step::SyncFolder { path });
        Ok(())
    }

    /// Makes one folder; that it is there already is as good.
    pub(super) fn make_folder(&self, path: &Path) -> io::Result<()> {
        let path = self.inside(path)?;
        let mut state = self.state();
        match state.tree.node(&path) {
            Some(Node::Folder) => Ok(()),
            Some(Node::File(_)) => Err(ErrorKind::AlreadyExists.into()),
            None => {
                state.change()?;
                state.expect_parent(&path)?;
                state.find_space(NAME_BYTES)?;
                state.take(Step::MakeFolder { path });
                Ok(())
            }
        }
    }

    pub(super) fn rename(&self, from: &Path, to: &Path) -> io::Result<()> {
        let (from, to) = (self.inside(from)?, self.inside(to)?);
        let mut state = self.state();
        state.change()?;
        let Some(Node::File(file)) = state.tree.node(&from) else { return Err(ErrorKind::NotFound.into()) };
        state.expect_parent(&to)?;
        if state.tree.node(&to) == Some(Node::Folder) {
            return Err(ErrorKind::IsADirectory.into());
        }
        state.take(Step::Rename { from, to, file });
        Ok(())
    }

    /// Removes a file or an empty folder.
    pub(super) fn unlink(&self, path: &Path) -> io::Result<()> {
        let path = self.inside(path)?;
        let mut state = self.state();
        state.change()?;
        match state.tree.node(&path) {
            None => Err(ErrorKind::NotFound.into()),
            Some(Node::Folder) if state.tree.below(&path).next().is_some() => {
                Err(ErrorKind::DirectoryNotEmpty.into())
            }
            Some(_) => {
                state.take(Step::Unlink { path });
                Ok(())
            }
        }
    }

    /// What lies in a folder, by name.
    pub(super) fn list(&self, path: &Path) -> io::Result<Vec<(PathBuf, Node)>> {
        let path = self.inside(path)?;
        let mut state = self.state();
        state.begin()?;
        state.expect_folder(&path)?;
        let inside = state.tree.below(&path).filter(|(name, _)| name.parent() == Some(&path));
        Ok(inside.map(|(name, node)| (self.root.join(name), node)).collect())
    }

    /// Takes a lock if nobody has it. Makes its file where there is none.
    pub(super) fn try_lock(&self, path: &Path) -> io::Result<Option<DiskLock>> {
        self.open(path, true, true)?;
        Ok(self.state().locked.insert(path.to_owned()).then(|| self.held(path)))
    }

    fn held(&self, path: &Path) -> DiskLock {
        DiskLock { disk: self.clone(), path: path.to_owned() }
    }
}

impl State {
    /// Counts an operation and fails it where that is planned.
    fn begin(&mut self) -> io::Result<()> {
        self.operations += 1;
        let fails = match self.fault {
            Fault::None => false,
            Fault::Once(number) => self.operations == number,
            Fault::From(number) => self.operations >= number,
        };
        if fails {
            self.failed += 1;
            return Err(io::Error::other(format!("operation {} was made to fail", self.operations)));
        }
        Ok(())
    }

    /// The same for an operation that changes something.
    fn change(&mut self) -> io::Result<()> {
        self.begin()?;
        self.refuse_read_only()
    }

    fn refuse_read_only(&self) -> io::Result<()> {
        if self.read_only { Err(ErrorKind::PermissionDenied.into()) } else { Ok(()) }
    }

    fn take(&mut self, step: Step) {
        self.tree.apply(&step);
        if let Some(steps) = &mut self.steps {
            steps.push(step);
        }
    }

    fn create(&mut self, path: PathBuf) -> io::Result<FileId> {
        self.expect_parent(&path)?;
        self.find_space(NAME_BYTES)?;
        let file = self.next_file;
        self.next_file += 1;
        self.take(Step::Create { path, file });
        Ok(file)
    }

    fn expect_folder(&self, path: &Path) -> io::Result<()> {
        match self.tree.node(path) {
            Some(Node::Folder) => Ok(()),
            Some(Node::File(_)) => Err(ErrorKind::NotADirectory.into()),
            None => Err(ErrorKind::NotFound.into()),
        }
    }

    fn expect_parent(&self, path: &Path) -> io::Result<()> {
        self.expect_folder(path.parent().unwrap_or(Path::new("")))
    }

    fn used(&self) -> usize {
        let names = self.tree.below(Path::new("")).count();
        names * NAME_BYTES + self.tree.files().map(|(_, bytes)| bytes.len()).sum::<usize>()
    }

    fn free(&self) -> usize {
        self.capacity.map_or(usize::MAX, |capacity| capacity.saturating_sub(self.used()))
    }

    fn find_space(&self, bytes: usize) -> io::Result<()> {
        if bytes > 0 && bytes > self.free() { Err(ErrorKind::StorageFull.into()) } else { Ok(()) }
    }
}

/// A lock on a simulated disk, until it is dropped.
#[derive(Debug)]
pub(super) struct DiskLock {
    disk: SimulatedDisk,
    path: PathBuf,
}

impl Drop for DiskLock {
    fn drop(&mut self) {
        self.disk.state().locked.remove(&self.path);
    }
}
