use std::collections::HashSet;

use ocelli_core::ProjectId;

use super::State;
use super::records::Records;
use crate::{CheckReport, ContentHash, Owner};

impl State {
    /// Compares all bytes with their identities, and all records with the bytes.
    ///
    /// A change replaces the state as a whole, so that bytes and records cannot come apart and nothing is repaired.
    pub(super) fn check(&self) -> CheckReport {
        let mut report = CheckReport::default();
        for (project, records) in &self.projects {
            let mut damaged = HashSet::new();
            for (content, bytes) in &records.bytes {
                report.files += 1;
                report.bytes += bytes.len() as u64;
                if records.key.hash(bytes) != *content {
                    damaged.insert(*content);
                }
                if !records.refers_to(content) {
                    report.unowned += 1;
                }
            }
            for (owner, content) in records.owners(*project) {
                if !records.bytes.contains_key(&content) {
                    report.missing.push(owner);
                } else if damaged.contains(&content) {
                    report.damaged.push(owner);
                }
            }
        }
        report.missing.sort();
        report.damaged.sort();
        report
    }
}

impl Records {
    /// Every record that has bytes, with their identity.
    fn owners(&self, project_id: ProjectId) -> Vec<(Owner, ContentHash)> {
        let images = self
            .images
            .iter()
            .map(|(id, stored)| (Owner::Image { project_id, id: *id }, stored.bytes.content));
        let predictions = self
            .predictions
            .iter()
            .filter_map(|(id, kept)| Some((Owner::Prediction { project_id, id: *id }, kept.content()?)));
        let exports = self.exports.iter().flat_map(|stored| {
            let files = stored.export.files.iter().zip(&stored.contents);
            files.map(|(file, content)| {
                (Owner::Export { project_id, id: stored.export.id, file: file.name.clone() }, *content)
            })
        });
        let checkpoint = self.checkpoint.iter();
        let checkpoint =
            checkpoint.map(|kept| (Owner::Checkpoint { project_id, id: kept.iteration }, kept.content));
        images.chain(predictions).chain(exports).chain(checkpoint).collect()
    }
}
