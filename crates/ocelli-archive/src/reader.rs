use std::collections::HashMap;
use std::io::{Read, Seek};

use ocelli_core::ProjectId;
use serde_json::Value;

use crate::entry::{Entry, IterationEntry, ProjectEntry};
use crate::project_reader::Iterations;
use crate::vault::{self, Vault};
use crate::{ArchiveError, Contents, ProjectReader, ReadLimits};

/// Reads an archive that need not be trusted.
///
/// Nothing is written anywhere, and no name in the archive is used as a path. Every entry is read only if
/// the manifest lists it, and what comes out is given back only if its size and SHA-256 are the manifest's; whether the
/// manifest is the one that was written, [`Written::manifest_sha256`](crate::Written::manifest_sha256) tells who kept it.
pub struct ArchiveReader<R> {
    pub(crate) vault: Vault<R>,
    contents: Contents,
    ignored: Vec<String>,
    /// What each project has by the names of the entries: sorted once, however many projects and iterations there are.
    iterations: HashMap<ProjectId, Iterations>,
}

impl<R: Read + Seek> ArchiveReader<R> {
    /// Opens an archive: reads its list of entries and its manifest, and compares the two with each other and
    /// with the limits. `input` benefits from being buffered.
    pub fn open(input: R, limits: ReadLimits) -> Result<Self, ArchiveError> {
        let (vault, contents, mut ignored) = vault::open(input, limits)?;
        let mut iterations = HashMap::new();
        for id in &contents.projects {
            if iterations.insert(*id, Iterations::new()).is_some() {
                let entry = Entry::Manifest.to_string();
                return Err(ArchiveError::RepeatedId { entry, what: "project", id: id.to_string() });
            }
            for part in [ProjectEntry::Record, ProjectEntry::Annotations, ProjectEntry::Predictions] {
                let entry = Entry::Project(*id, part);
                if !vault.has(&entry) {
                    let needed_by = format!("the project {id}");
                    return Err(ArchiveError::MissingEntry { entry: entry.to_string(), needed_by });
                }
            }
        }
        for entry in vault.entries() {
            let Entry::Project(project, part) = entry else { continue };
            let Some(iterations) = iterations.get_mut(project) else {
                ignored.push(entry.to_string());
                continue;
            };
            if let ProjectEntry::Iteration(iteration, part) = part {
                let exports = iterations.entry(*iteration).or_default();
                if let IterationEntry::Export(export) = part {
                    exports.insert(*export);
                }
            }
        }
        ignored.sort_unstable();
        Ok(Self { vault, contents, ignored, iterations })
    }

    /// The manifest.
    pub fn contents(&self) -> &Contents {
        &self.contents
    }

    /// Entries that are passed over: those that the manifest does not list, and those that are listed under names that
    /// this version does not know.
    pub fn ignored(&self) -> &[String] {
        &self.ignored
    }

    /// The projects, in the order in which they were written.
    pub fn projects(&self) -> &[ProjectId] {
        &self.contents.projects
    }

    /// What belongs to no project, if the archive says anything of it.
    pub fn account(&mut self) -> Result<Option<Value>, ArchiveError> {
        self.optional(&Entry::Account, Vault::json)
    }

    /// The holds, if the archive says anything of them.
    pub fn holds(&mut self) -> Result<Option<Value>, ArchiveError> {
        self.optional(&Entry::Holds, Vault::json)
    }

    /// The audit log, byte for byte, if the archive holds it.
    pub fn audit(&mut self) -> Result<Option<Vec<u8>>, ArchiveError> {
        self.optional(&Entry::Audit, Vault::bytes)
    }

    /// The names of the receipts, sorted.
    pub fn receipts(&self) -> Vec<String> {
        let receipt = |entry: &Entry| match entry {
            Entry::Receipt(name) => Some(name.clone()),
            _ => None,
        };
        let mut names: Vec<String> = self.vault.entries().filter_map(receipt).collect();
        names.sort_unstable();
        names
    }

    /// A receipt, byte for byte.
    pub fn receipt(&mut self, name: &str) -> Result<Vec<u8>, ArchiveError> {
        let entry = Entry::Receipt(name.to_owned());
        if !self.vault.has(&entry) {
            return Err(ArchiveError::NotFound { what: "receipt", id: name.chars().take(64).collect() });
        }
        self.vault.bytes(&entry)
    }

    /// Reads the records of a project and of its photos, and checks that they agree with each other.
    pub fn project(&mut self, id: ProjectId) -> Result<ProjectReader<'_, R>, ArchiveError> {
        match self.iterations.get(&id) {
            Some(iterations) => ProjectReader::open(&mut self.vault, id, iterations),
            None => Err(ArchiveError::NotFound { what: "project", id: id.to_string() }),
        }
    }

    /// Reads everything and keeps nothing: whoever takes an archive over only after this came out well takes over all
    /// of it.
    pub fn verify(&mut self) -> Result<(), ArchiveError> {
        for entry in self.vault.in_order() {
            self.vault.check(&entry)?;
        }
        self.account()?;
        self.holds()?;
        for id in self.contents.projects.clone() {
            self.project(id)?.verify()?;
        }
        Ok(())
    }

    fn optional<T>(
        &mut self,
        entry: &Entry,
        read: impl FnOnce(&mut Vault<R>, &Entry) -> Result<T, ArchiveError>,
    ) -> Result<Option<T>, ArchiveError> {
        self.vault.has(entry).then(|| read(&mut self.vault, entry)).transpose()
    }
}
