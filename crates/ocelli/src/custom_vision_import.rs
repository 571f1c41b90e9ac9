//! Coming from Azure AI Custom Vision.

use std::collections::{BTreeMap, HashSet};
use std::path::Path;

use ocelli_archive::custom_vision::{
    CustomVisionImage, CustomVisionIteration, CustomVisionProject, FolderLimits, Problem,
};
use ocelli_archive::{ArchiveError, ImageRecord, ProjectRecord};
use ocelli_core::{
    ClassificationType, Description, Domain, DomainId, Erased, ErrorCode, Name, Project, ProjectId,
    ProjectSettings, limits,
};
use serde::{Deserialize, Serialize};

use crate::archive::{Destination, ErasedHere, Import, ImportedProject, NewIds, TransferProblem};
use crate::{Error, Ocelli};

/// What the name of a project is where neither the caller nor the folder has one.
const NAME: &str = "Custom Vision";

/// How a folder of saved responses is read, and what the project becomes.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub struct CustomVisionOptions {
    /// How much the folder may ask of this program.
    pub limits: FolderLimits,
    /// The project's name; the folder's where there is none.
    pub name: Option<String>,
    /// The project's domain; that of its last iteration where there is none, else General (compact).
    pub domain_id: Option<DomainId>,
    /// Whether a photo can have several tags; where there is none, it can if one has, else what its last iteration says.
    pub classification_type: Option<ClassificationType>,
}

/// What came of a folder of saved responses.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct CustomVisionImport {
    /// The project that was made. Its `source_id` is a new one too: the files do not always tell the project's.
    pub project: ImportedProject,
    /// What is known of the iterations there. Their models stay with the service: train anew.
    pub iterations: Vec<CustomVisionIteration>,
    /// What was damaged, missing or contradictory in the files.
    pub problems: Vec<Problem>,
}

impl Ocelli {
    /// Makes a project of what Custom Vision's training API answered and of the photos beside it: a folder with the JSON of
    /// `GetTags`, `GetTaggedImages`, `GetUntaggedImages` and `GetIterations`, as many pages as there are, and the photos
    /// under their ids. See [`custom_vision`](crate::custom_vision) for which files are read.
    ///
    /// Photos go the way of uploaded ones, in batches: checked, decoded, stripped. They come with their tags, regions and
    /// metadata, negative tags included, and with the moments at which they were uploaded, tagged and drawn on.
    ///
    /// **Tags, photos and regions keep the ids that they have there**, so that what else names them goes on doing so. Ids are
    /// a project's own here, and this one is new, so all of them are free. The project's id is new.
    ///
    /// ```no_run
    /// use ocelli::{CustomVisionOptions, Ocelli};
    ///
    /// # fn main() -> Result<(), ocelli::Error> {
    /// let ocelli = Ocelli::open("photos.ocelli")?;
    /// let import = ocelli.import_custom_vision("saved", &CustomVisionOptions::default())?;
    /// for problem in &import.problems {
    ///     eprintln!("{problem}");
    /// }
    /// println!("{} photos in {:?}", import.project.images, import.project.name.as_str());
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// If the folder cannot be listed or holds too much, the name is none, a tag is refused, or the store fails. Nothing of
    /// the project is left then. What is wrong with one record or one photo is a problem, and the others go on.
    pub fn import_custom_vision(
        &self,
        folder: impl AsRef<Path>,
        options: &CustomVisionOptions,
    ) -> Result<CustomVisionImport, Error> {
        let shared = &*self.shared;
        let now = shared.now();
        let saved = CustomVisionProject::read(folder.as_ref(), now, options.limits)?;
        let mut unknown_domains = Vec::new();
        let domain_id = options.domain_id.unwrap_or_else(|| domain(&saved, &mut unknown_domains));
        let settings = ProjectSettings {
            domain_id,
            classification_type: options.classification_type.unwrap_or_else(|| classification_type(&saved)),
            ..ProjectSettings::default()
        };
        let record = ProjectRecord {
            project: Project {
                // Replaced by a new one.
                id: ProjectId::new(now, shared.random()?),
                name: name(folder.as_ref(), options)?,
                description: Description::default(),
                settings,
                created: now,
                last_modified: now,
                deleted: None,
            },
            tags: saved.tags.clone(),
            extras: BTreeMap::new(),
        };
        let erased = ErasedHere::default();
        let import = Import { shared, name: None, ids: NewIds::Kept, new_salts: true, erased: &erased };
        let mut project = import.run(&record, |to| send(&saved, to))?;
        project.problems.extend(unknown_domains);
        let CustomVisionProject { iterations, problems, .. } = saved;
        Ok(CustomVisionImport { project, iterations, problems })
    }
}

/// Photos that are not there are among the problems of the folder already.
fn send(saved: &CustomVisionProject, to: &mut dyn Destination) -> Result<(), Error> {
    for image in saved.images.iter().filter(|image| image.file.is_some()) {
        match saved.photo_bytes(image) {
            Ok(bytes) => to.image(record(image), bytes)?,
            Err(
                error @ (ArchiveError::Photo { .. }
                | ArchiveError::Limit { .. }
                | ArchiveError::NotFound { .. }),
            ) => {
                let item = Erased::Image(image.image.id);
                to.problem(TransferProblem::new(item, &error.into(), "it was left out"));
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

fn record(image: &CustomVisionImage) -> ImageRecord {
    ImageRecord { image: image.image.clone(), salt: None, commitment: None }
}

fn name(folder: &Path, options: &CustomVisionOptions) -> Result<Name, Error> {
    if let Some(name) = &options.name {
        return Ok(Name::new(name)?);
    }
    let folder = folder.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    let usable: String = folder.chars().filter(|c| !c.is_control()).take(limits::MAX_NAME).collect();
    Ok(Name::new(usable).or_else(|_| Name::new(NAME))?)
}

/// The iterations, the one that was trained last first.
fn last_trained_first(saved: &CustomVisionProject) -> Vec<&CustomVisionIteration> {
    let mut iterations: Vec<&CustomVisionIteration> = saved.iterations.iter().collect();
    iterations.sort_by_key(|iteration| std::cmp::Reverse((iteration.trained_at, iteration.created)));
    iterations
}

/// The domain of the iteration that was trained last, of those whose domain is known here.
fn domain(saved: &CustomVisionProject, problems: &mut Vec<TransferProblem>) -> DomainId {
    let (mut unknown, mut known) = (Vec::new(), None);
    for iteration in last_trained_first(saved) {
        let Some(id) = iteration.domain_id.as_ref() else { continue };
        known = id.parse().ok().and_then(Domain::from_id);
        if known.is_some() {
            break;
        }
        unknown.push((iteration.id, id.chars().take(64).collect::<String>()));
    }
    let taken = known.unwrap_or(Domain::GENERAL_COMPACT);
    problems.extend(unknown.into_iter().map(|(iteration, domain)| {
        let message = format!(
            "the domain {domain:?} of the iteration {iteration} is not known here; the project was given {} ({:?})",
            taken.name, taken.domain_type
        );
        TransferProblem::because(None, ErrorCode::BadRequestUnsupportedDomain, message)
    }));
    taken.id
}

fn classification_type(saved: &CustomVisionProject) -> ClassificationType {
    let several = |image: &CustomVisionImage| {
        let tags: HashSet<_> = image.image.tags.iter().map(|tag| tag.tag_id).collect();
        tags.len() > 1
    };
    if saved.images.iter().any(several) {
        return ClassificationType::Multilabel;
    }
    let iterations = last_trained_first(saved);
    match iterations.into_iter().find_map(|iteration| iteration.classification_type.as_deref()) {
        Some(text) if text.eq_ignore_ascii_case("Multilabel") => ClassificationType::Multilabel,
        _ => ClassificationType::Multiclass,
    }
}
