use std::sync::Arc;

use ocelli_core::{
    Affected, ClassificationType, Description, Domain, Erasure, Name, Project, ProjectId, ProjectSettings,
    ProjectUpdate, Retention, RetentionPolicy, Tag, TagId, TagType, TagUpdate,
};
use ocelli_infer::Views;
use ocelli_store::{Applied, Change};
use serde::{Deserialize, Serialize};

use crate::Error;
use crate::ocelli::Shared;

/// A project to make: a name, and what differs from the defaults.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct NewProject {
    pub(crate) name: String,
    pub(crate) description: String,
    pub(crate) settings: ProjectSettings,
}

impl NewProject {
    /// A project in the domain General (compact), multilabel, with every other setting at its default.
    pub fn new(name: impl Into<String>) -> Self {
        Self { name: name.into(), description: String::new(), settings: ProjectSettings::default() }
    }

    /// What it is about.
    pub fn description(mut self, description: impl Into<String>) -> Self {
        self.description = description.into();
        self
    }

    /// The domain, which chooses the base model.
    pub fn domain(mut self, domain: Domain) -> Self {
        self.settings.domain_id = domain.id;
        self
    }

    /// One tag a photo; probabilities sum to 1.
    pub fn multiclass(mut self) -> Self {
        self.settings.classification_type = ClassificationType::Multiclass;
        self
    }

    /// Any number of tags a photo; each probability stands for itself.
    pub fn multilabel(mut self) -> Self {
        self.settings.classification_type = ClassificationType::Multilabel;
        self
    }

    /// All settings at once.
    pub fn settings(mut self, settings: ProjectSettings) -> Self {
        self.settings = settings;
        self
    }
}

/// A project of an open data directory. Cloning shares it; any thread may use any clone.
///
/// Each call sees what any handle in any process changed before it. A call to a project that has been deleted is
/// refused with `NotFoundProject`.
#[derive(Clone, Debug)]
pub struct ProjectHandle {
    pub(crate) shared: Arc<Shared>,
    id: ProjectId,
    pub(crate) views: Views,
}

impl ProjectHandle {
    pub(crate) fn new(shared: Arc<Shared>, id: ProjectId) -> Self {
        Self { shared, id, views: Views::default() }
    }

    /// A handle whose predictions, and those of the iterations that it gives, ask about so many views of each photo. Where
    /// nothing is said the network runs once.
    pub fn with_views(mut self, views: Views) -> Self {
        self.views = views;
        self
    }

    pub(crate) fn apply(&self, change: Change) -> Result<Applied, Error> {
        Ok(self.shared.store.apply(change)?)
    }

    /// Identifies the project.
    pub fn id(&self) -> ProjectId {
        self.id
    }

    /// The project as it is now.
    pub fn details(&self) -> Result<Project, Error> {
        Ok(self.shared.store.project(self.id)?)
    }

    /// Gives the project new values.
    ///
    /// What was there before is erased, which may be pending: [`Ocelli::finish_erasures`](crate::Ocelli::finish_erasures) tells.
    pub fn update(&self, update: ProjectUpdate) -> Result<Project, Error> {
        self.apply(Change::UpdateProject { project: self.id, update, at: self.shared.now() })?;
        self.details()
    }

    /// Hides the project and all it owns at once. It can be restored
    /// ([`Ocelli::restore_project`](crate::Ocelli::restore_project)) as long as the account's policy says,
    /// [`DELETED_PROJECT_DAYS`](ocelli_core::limits::DELETED_PROJECT_DAYS) days by default. Nothing of it is erased until
    /// [`Ocelli::erase_project`](crate::Ocelli::erase_project) does, or a sweep once it is due.
    ///
    /// # Errors
    ///
    /// If an iteration of it is published: unpublish it first.
    pub fn delete(&self) -> Result<(), Error> {
        self.apply(Change::DeleteProject { project: self.id, at: self.shared.now() })?;
        Ok(())
    }

    /// Makes a tag.
    ///
    /// # Errors
    ///
    /// If the project has a tag of this name, or as many tags as it may have.
    pub fn create_tag(&self, name: impl AsRef<str>) -> Result<Tag, Error> {
        self.create_tag_with(name, Description::default(), TagType::Regular)
    }

    /// Makes the project's negative tag, for photos that show none of the others.
    ///
    /// # Errors
    ///
    /// As [`create_tag`](Self::create_tag), and if the project has a negative tag.
    pub fn create_negative_tag(&self, name: impl AsRef<str>) -> Result<Tag, Error> {
        self.create_tag_with(name, Description::default(), TagType::Negative)
    }

    /// Makes a tag with a description.
    ///
    /// # Errors
    ///
    /// As [`create_tag`](Self::create_tag) and [`create_negative_tag`](Self::create_negative_tag).
    pub fn create_tag_with(
        &self,
        name: impl AsRef<str>,
        description: Description,
        tag_type: TagType,
    ) -> Result<Tag, Error> {
        let id = TagId::new(self.shared.now(), self.shared.random()?);
        let tag = Tag { id, name: Name::new(name)?, description, tag_type, image_count: 0 };
        self.apply(Change::CreateTag { project: self.id, tag: tag.clone() })?;
        Ok(tag)
    }

    /// How long the project keeps what it holds.
    pub fn retention(&self) -> Result<Retention<RetentionPolicy>, Error> {
        Ok(self.shared.store.retention(self.id)?)
    }

    /// Replaces the policy that says how long the project keeps what it holds.
    ///
    /// What is due by the new policy is invisible at once, and erased by the next sweep. What was due under the policy
    /// before stays due: no policy brings anything back.
    ///
    /// ```
    /// use ocelli::{NewProject, OpenOptions, RetentionPolicy, RetentionRule};
    ///
    /// # fn main() -> Result<(), ocelli::Error> {
    /// let project = OpenOptions::new().in_memory()?.create_project(NewProject::new("visitors"))?;
    /// let policy = RetentionPolicy {
    ///     training_photos: RetentionRule::days(365),
    ///     prediction_photos: RetentionRule::NotAtAll,
    ///     ..project.retention()?.policy().clone()
    /// };
    /// project.set_retention(policy)?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn set_retention(&self, policy: RetentionPolicy) -> Result<(), Error> {
        self.apply(Change::SetRetention { project: self.id, policy, at: self.shared.now() })?;
        Ok(())
    }

    /// The tags, in the order in which they were made, with their numbers of photos.
    pub fn tags(&self) -> Result<Vec<Tag>, Error> {
        Ok(self.shared.store.tags(self.id)?)
    }

    /// A tag.
    pub fn tag(&self, id: TagId) -> Result<Tag, Error> {
        let missing = || ocelli_store::StoreError::NotFound(ocelli_store::Missing::Tag(id));
        Ok(self.tags()?.into_iter().find(|tag| tag.id == id).ok_or_else(missing)?)
    }

    /// Gives a tag new values.
    ///
    /// What was there before is erased, which may be pending: [`Ocelli::finish_erasures`](crate::Ocelli::finish_erasures) tells.
    pub fn update_tag(&self, id: TagId, update: TagUpdate) -> Result<Tag, Error> {
        self.apply(Change::UpdateTag { project: self.id, tag: id, update })?;
        self.tag(id)
    }

    /// Erases a tag. Iterations that were trained on it stay, and the answer tells which.
    pub fn delete_tag(&self, id: TagId) -> Result<Erasure, Error> {
        self.delete_tag_with(id, Affected::Keep)
    }

    /// Erases a tag, and does as chosen with the iterations that were trained on it.
    ///
    /// What goes: its name and description, the tag on photos, its regions, its results in kept predictions, and its
    /// name in what is said of trainings that failed. The photos stay. A training under way fails, since its model would
    /// have the tag. An iteration that is kept goes on giving the tag, so its model, manifest and exports keep the
    /// name.
    pub fn delete_tag_with(&self, id: TagId, affected: Affected) -> Result<Erasure, Error> {
        self.shared.erase(Change::DeleteTag { project: self.id, tag: id, affected, at: self.shared.now() })
    }
}
