use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Identifies the bytes of a file, whatever it is named.
pub(super) type FileId = u64;

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Node {
    Folder,
    File(FileId),
}

/// One thing that happens to a disk. Paths are relative to its root.
#[derive(Clone, Debug)]
pub(super) enum Step {
    MakeFolder {
        path: PathBuf,
    },
    Create {
        path: PathBuf,
        file: FileId,
    },
    Rename {
        from: PathBuf,
        to: PathBuf,
        file: FileId,
    },
    Unlink {
        path: PathBuf,
    },
    Write {
        file: FileId,
        offset: usize,
        bytes: Arc<[u8]>,
    },
    SetLength {
        file: FileId,
        length: usize,
    },
    SyncFile {
        file: FileId,
    },
    /// A sync that failed: as on Linux, what it was to write is not tried again by the next.
    FailedSync {
        file: FileId,
    },
    SyncFolder {
        path: PathBuf,
    },
}

impl Step {
    /// The file whose bytes the step changes.
    pub(super) fn data_of(&self) -> Option<FileId> {
        match self {
            Self::Write { file, .. } | Self::SetLength { file, .. } => Some(*file),
            _ => None,
        }
    }

    /// The names that the step changes.
    pub(super) fn names(&self) -> [Option<&Path>; 2] {
        match self {
            Self::MakeFolder { path } | Self::Create { path, .. } | Self::Unlink { path } => {
                [Some(path), None]
            }
            Self::Rename { from, to, .. } => [Some(from), Some(to)],
            _ => [None, None],
        }
    }
}

/// Folders, files and bytes.
#[derive(Clone, Debug, Default)]
pub(super) struct Tree {
    names: BTreeMap<PathBuf, Node>,
    contents: HashMap<FileId, Arc<Vec<u8>>>,
}

impl Tree {
    /// Does what the step says, as far as that makes sense here: the steps before it may have been lost.
    pub(super) fn apply(&mut self, step: &Step) {
        match step {
            Step::MakeFolder { path } => {
                self.names.insert(path.clone(), Node::Folder);
            }
            Step::Create { path, file } => {
                self.names.insert(path.clone(), Node::File(*file));
                self.contents.entry(*file).or_default();
            }
            Step::Rename { from, to, file } => {
                if self.names.get(from) == Some(&Node::File(*file)) {
                    self.names.remove(from);
                }
                self.names.insert(to.clone(), Node::File(*file));
                self.contents.entry(*file).or_default();
            }
            Step::Unlink { path } => self.names.retain(|name, _| !name.starts_with(path)),
            Step::Write { file, offset, bytes } => {
                let content = Arc::make_mut(self.contents.entry(*file).or_default());
                let end = offset + bytes.len();
                if content.len() < end {
                    content.resize(end, 0);
                }
                content[*offset..end].copy_from_slice(bytes);
            }
            Step::SetLength { file, length } => {
                Arc::make_mut(self.contents.entry(*file).or_default()).resize(*length, 0);
            }
            Step::SyncFile { .. } | Step::FailedSync { .. } | Step::SyncFolder { .. } => {}
        }
    }

    pub(super) fn node(&self, path: &Path) -> Option<Node> {
        if path.as_os_str().is_empty() { Some(Node::Folder) } else { self.names.get(path).copied() }
    }

    /// The bytes of a file that has or had a name.
    pub(super) fn content(&self, file: FileId) -> &[u8] {
        self.contents.get(&file).map_or(&[], |content| content.as_slice())
    }

    /// What lies below a folder, each before what lies below it.
    pub(super) fn below(&self, folder: &Path) -> impl DoubleEndedIterator<Item = (&Path, Node)> {
        let inside = move |name: &Path| name != folder && name.starts_with(folder);
        self.names.iter().filter(move |(name, _)| inside(name)).map(|(name, node)| (name.as_path(), *node))
    }

    /// All files, each with its bytes.
    pub(super) fn files(&self) -> impl Iterator<Item = (&Path, &[u8])> {
        self.names.iter().filter_map(|(name, node)| match node {
            Node::Folder => None,
            Node::File(file) => Some((name.as_path(), self.content(*file))),
        })
    }

    /// Drops what cannot be reached: names in folders that are not there, and bytes without a name.
    pub(super) fn prune(&mut self) {
        // Names are ordered, so that a folder is decided on before what it holds.
        let mut reachable: BTreeMap<PathBuf, Node> = BTreeMap::new();
        for (name, node) in std::mem::take(&mut self.names) {
            let folder = name.parent().unwrap_or(Path::new(""));
            if folder.as_os_str().is_empty() || reachable.get(folder) == Some(&Node::Folder) {
                reachable.insert(name, node);
            }
        }
        let named = |file: &FileId| reachable.values().any(|node| *node == Node::File(*file));
        self.contents.retain(|file, _| named(file));
        self.names = reachable;
    }
}
