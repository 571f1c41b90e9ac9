//! Changes that follow from a seed: whoever knows how many were made knows what the store holds.

use std::collections::BTreeMap;
use std::sync::Arc;

use ocelli_core::*;
use ocelli_store::conformance::scene::{Scene, at, name};
use ocelli_store::*;

use crate::marks::mark;
use crate::telling;

/// What one program does to a store, each change in a project of its own, and what then is there.
pub(crate) struct Script {
    seed: u64,
    /// Tells the scripts that act on one directory apart.
    lane: u8,
    /// How many changes have been made.
    pub(crate) step: u32,
    /// How many projects there were before this one.
    erased: u32,
    /// What the store should hold.
    model: MemoryStore,
}

/// Draws numbers from a seed (splitmix64, Steele et al. 2014).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    /// A number below this one.
    pub(crate) fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) % bound as u64).unwrap()
    }

    fn pick<T: Clone>(&mut self, of: &[T]) -> Option<T> {
        if of.is_empty() { None } else { Some(of[self.below(of.len())].clone()) }
    }

    fn some<T: Clone>(&mut self, of: &[T], most: usize) -> Vec<T> {
        let start = self.below(of.len().max(1));
        let count = self.below(most + 1);
        of.iter().skip(start).take(count).cloned().collect()
    }
}

/// Of a store whose clock stands still, wherever the script has got to.
pub(crate) fn options() -> StoreOptions {
    let limits = Limits { tags_per_project: 5000, iterations_per_project: 500, ..Limits::default() };
    StoreOptions { clock: Arc::new(ManualClock::new(at(0))), ..limits.into() }
}

/// In few words what came of a change, the same for both stores.
pub(crate) fn outcome(applied: &Result<Applied, StoreError>) -> &'static str {
    match applied {
        Ok(Applied::Erased(erasure)) if erasure.status.is_complete() => "erased",
        Ok(Applied::Erased(_)) => "pending",
        Ok(_) => "done",
        Err(StoreError::Corrupt { .. } | StoreError::Backend { .. }) => "failed",
        Err(_) => "refused",
    }
}

/// What questions tell of a project, and the holds in it.
pub(crate) fn everything(store: &dyn Store, project: ProjectId) -> Vec<String> {
    let mut told = telling::everything(store, project);
    let holds = store.holds().unwrap().into_iter().filter(|hold| hold.target.concerns(project));
    told.extend(holds.map(|hold| format!("{hold:?}")));
    told
}

impl Script {
    pub(crate) fn new(seed: u64, lane: u8) -> Self {
        Self { seed, lane, step: 0, erased: 0, model: MemoryStore::new(options()) }
    }

    /// The project that there is, or will be.
    pub(crate) fn project(&self) -> ProjectId {
        ProjectId::new(at(0), self.random(self.erased, 255))
    }

    /// Makes the next change in memory.
    pub(crate) fn advance(&mut self) -> Result<Applied, StoreError> {
        let change = self.next();
        let erases = matches!(change, Change::EraseProject { .. });
        let applied = self.model.apply(change);
        self.step += 1;
        self.erased += u32::from(erases && applied.is_ok());
        applied
    }

    /// What questions should tell.
    pub(crate) fn everything(&self) -> Vec<String> {
        everything(&self.model, self.project())
    }

    /// The projects that there should be.
    pub(crate) fn projects(&self) -> Vec<ProjectId> {
        self.model.projects(ProjectState::Live).unwrap().iter().map(|project| project.id).collect()
    }

    fn random(&self, step: u32, item: u8) -> [u8; 10] {
        let [a, b, c, d] = step.to_be_bytes();
        [0, 0, 0, 0, self.lane, a, b, c, d, item]
    }

    /// A text that is nowhere else, of the next change's so manieth item.
    fn mark(&self, item: usize) -> String {
        mark(u32::from(self.lane) * 100_000_000 + self.step * 100 + u32::try_from(item).unwrap())
    }

    fn salt(&self, item: usize) -> Salt {
        let mark = self.mark(item).into_bytes();
        Salt::from_bytes(std::array::from_fn(|place| mark.get(place).copied().unwrap_or_default()))
    }

    /// Whether a marker is of this script's first so many changes.
    pub(crate) fn is_before(&self, mark: u32, step: u32) -> bool {
        mark / 100_000_000 == u32::from(self.lane) && mark % 100_000_000 / 100 < step
    }

    /// The next change.
    pub(crate) fn next(&self) -> Change {
        let mut random = Random(self.seed ^ u64::from(self.step) << 32 ^ u64::from(self.lane) << 24);
        let project = self.project();
        let Ok(tags) = self.model.tags(project) else { return self.creation() };
        let images = ImageQuery { take: 256, ..ImageQuery::default() };
        let images = self.model.images(project, &images).unwrap();
        if images.len() > 150 {
            return self.deletion_of(&images, &mut random, 60);
        }
        let iterations = self.model.iterations(project).unwrap();
        let kept = PredictionQuery { take: 256, ..PredictionQuery::default() };
        let kept = self.model.predictions(project, &kept).unwrap().results;
        let choices = [
            Self::tag_change,
            Self::image_change,
            Self::image_change,
            Self::label_change,
            Self::calculation,
            Self::iteration_change,
            Self::iteration_change,
            Self::prediction_change,
            Self::control,
        ];
        let here = Here { project, now: at(i64::from(self.step)), tags, images, iterations, kept };
        let choice = if random.below(150) == 0 {
            Some(Change::EraseProject { project, at: here.now })
        } else {
            random.pick(&choices).and_then(|choice| choice(self, &here, &mut random))
        };
        choice.unwrap_or_else(|| self.addition(&here, &mut random))
    }

    /// Holds, and steps of an erasure of many things.
    fn control(&self, here: &Here, random: &mut Random) -> Option<Change> {
        let Here { project, now, .. } = *here;
        let holds = self.model.holds().unwrap();
        Some(match random.below(5) {
            0 => {
                let target =
                    HoldTarget::Image { project_id: project, image_id: random.pick(&here.images)?.id };
                let (id, reason) = (HoldId::new(at(0), self.random(self.step, 0)), Description::default());
                Change::PlaceHold { hold: Hold { id, target, reason, placed: now } }
            }
            1 | 2 => Change::ReleaseHold { hold: random.pick(&holds)?.id, at: now },
            // Another script's may have the number by now, which is as good.
            _ if self.model.operations(0, 1).unwrap().is_empty() => {
                Change::BeginErasure { plan: None, at: now }
            }
            _ => {
                let images = random.some(&here.images, 20).into_iter();
                let images = images.map(|image| match image.id.to_string().ends_with('3') {
                    true => Erased::Features(image.id),
                    false => Erased::Image(image.id),
                });
                let kept = random.some(&here.kept, 9).into_iter().map(|kept| kept.prediction.id);
                let kept = kept.zip(
                    [Erased::Prediction, Erased::PredictionPhoto, Erased::PredictionResult].iter().cycle(),
                );
                let items = images.chain(kept.map(|(id, part)| part(id)));
                let reason = ErasureReason::Requested;
                let items = items.map(|item| ItemToErase { project_id: project, item, reason }).collect();
                Change::EraseItems { operation: 1, items, affected: self.affected(random), at: now }
            }
        })
    }

    fn creation(&self) -> Change {
        let created = at(i64::from(self.step));
        let project = Project {
            id: self.project(),
            name: name(&self.mark(0)),
            description: Description::new(self.mark(1)).unwrap(),
            settings: ProjectSettings::default(),
            created,
            last_modified: created,
            deleted: None,
        };
        Change::CreateProject { project, key: ContentKey::new([self.lane; 32]) }
    }

    fn tag_change(&self, here: &Here, random: &mut Random) -> Option<Change> {
        let Here { project, now, .. } = *here;
        Some(match random.below(6) {
            0..=2 => {
                let tag = Tag {
                    id: TagId::new(at(0), self.random(self.step, 0)),
                    name: name(&self.mark(0)),
                    description: Description::new(self.mark(1) + &"-".repeat(random.below(2000))).unwrap(),
                    tag_type: TagType::Regular,
                    image_count: 0,
                };
                Change::CreateTag { project, tag }
            }
            3 => {
                let description = Some(Description::new(self.mark(2)).unwrap());
                let update =
                    TagUpdate { name: Some(name(&self.mark(0))), description, ..TagUpdate::default() };
                Change::UpdateTag { project, tag: random.pick(&here.tags)?.id, update }
            }
            _ => {
                let (tag, affected) = (random.pick(&here.tags)?.id, self.affected(random));
                Change::DeleteTag { project, tag, affected, at: now }
            }
        })
    }

    fn affected(&self, random: &mut Random) -> Affected {
        [Affected::Keep, Affected::Unpublish, Affected::Delete][random.below(3)]
    }

    fn image_change(&self, here: &Here, random: &mut Random) -> Option<Change> {
        match random.below(5) {
            0..=2 => Some(self.addition(here, random)),
            _ if here.images.is_empty() => None,
            _ => Some(self.deletion_of(&here.images, random, 9)),
        }
    }

    fn deletion_of(&self, images: &[Image], random: &mut Random, most: usize) -> Change {
        let mut images: Vec<_> = random.some(images, most).iter().map(|image| image.id).collect();
        images.sort_unstable();
        let affected = self.affected(random);
        Change::DeleteImages { project: self.project(), images, affected, at: at(i64::from(self.step)) }
    }

    /// Photos, some of which the project may have already.
    fn addition(&self, here: &Here, random: &mut Random) -> Change {
        let count = [1, 3, 24][random.below(3)];
        let new = |item: usize| {
            let number = u8::try_from(item).unwrap();
            let tags = random.some(&here.tags, 3);
            let regions = (0..random.below(3) * tags.len().min(1)).map(|place| Region {
                id: RegionId::new(at(0), self.random(self.step, number * 4 + u8::try_from(place).unwrap())),
                tag_id: tags[0].id,
                created: here.now,
                bounds: BoundingBox::new(0.1, 0.2, 0.3, 0.4).unwrap(),
            });
            let image = Image {
                id: ImageId::new(here.now, self.random(self.step, number)),
                created: here.now,
                width: 640,
                height: 480,
                regions: regions.collect(),
                tags: tags.iter().map(|tag| ImageTag { tag_id: tag.id, created: here.now }).collect(),
                metadata: self.metadata(item, random),
                origin: Origin::Upload { name: Some(self.mark(item)) },
            };
            let known = random.pick(&here.images).filter(|_| item % 8 == 7);
            let known = known.and_then(|known| self.model.image_bytes(here.project, known.id).ok());
            let length = [200, 3000, 30_000][random.below(3)];
            let bytes = known.unwrap_or_else(|| (self.mark(item) + &"-".repeat(length)).into_bytes());
            NewImage { image, bytes, salt: self.salt(item) }
        };
        Change::AddImages { project: here.project, images: (0..count).map(new).collect() }
    }

    fn metadata(&self, item: usize, random: &mut Random) -> Metadata {
        let entry = (self.mark(item), self.mark(item) + &"-".repeat(random.below(400)));
        Metadata::new(BTreeMap::from([entry])).unwrap()
    }

    fn label_change(&self, here: &Here, random: &mut Random) -> Option<Change> {
        let Here { project, now, .. } = *here;
        let images: Vec<ImageId> = random.some(&here.images, 9).iter().map(|image| image.id).collect();
        let tags: Vec<TagId> = random.some(&here.tags, 2).iter().map(|tag| tag.id).collect();
        let regions: Vec<RegionId> =
            here.images.iter().flat_map(|image| &image.regions).map(|region| region.id).collect();
        Some(match random.below(5) {
            0 => {
                let tag = *tags.first()?;
                let tags = images.iter().map(|image| (*image, tag)).collect();
                Change::TagImages { project, tags, at: now }
            }
            1 => Change::UntagImages { project, images, tags },
            2 => {
                let region = Region {
                    id: RegionId::new(at(0), self.random(self.step, 0)),
                    tag_id: *tags.first()?,
                    created: now,
                    bounds: BoundingBox::new(0.5, 0.25, 0.125, 0.5).unwrap(),
                };
                Change::AddRegions { project, regions: vec![(*images.first()?, region)] }
            }
            3 => Change::DeleteRegions { project, regions: random.some(&regions, 3), at: now },
            _ => {
                let metadata = self.metadata(0, random);
                Change::SetMetadata { project, image: *images.first()?, metadata, at: now }
            }
        })
    }

    fn calculation(&self, here: &Here, random: &mut Random) -> Option<Change> {
        let project = here.project;
        let calibration = self.model.calibration(project, "base").unwrap();
        if random.below(4) == 0 {
            let images = random.some(&here.images, 9).iter().map(|image| image.id).collect();
            let number = u8::try_from(random.below(3)).unwrap();
            let calibration =
                StoredCalibration { images, data: self.mark(0).into_bytes(), ..Scene::calibration(number) };
            return Some(Change::KeepCalibration { project, base: "base".to_owned(), calibration });
        }
        let key = match calibration {
            Some(calibration) if random.below(2) == 0 => FeatureKey::int8("base", calibration.fingerprint),
            _ => FeatureKey::f32("base"),
        };
        let values = |(item, image): (usize, Image)| {
            // The bytes of a marker, as numbers that are kept as bytes.
            let text = self.mark(item) + &"-".repeat(302);
            let numbers = text.as_bytes().as_chunks::<4>().0.iter();
            (image.id, numbers.map(|bytes| f32::from_le_bytes(*bytes)).collect())
        };
        let features = random.some(&here.images, 30).into_iter().enumerate().map(values).collect();
        Some(Change::CacheFeatures { project, key, features })
    }

    fn iteration_change(&self, here: &Here, random: &mut Random) -> Option<Change> {
        let Here { project, now, .. } = *here;
        if let Some(training) = here.iterations.iter().find(|it| it.status == IterationStatus::Training) {
            let trained = Box::new(self.trained(here, random));
            let iteration = training.id;
            return Some(Change::CompleteTraining {
                project,
                iteration,
                trained,
                at: now,
                training_millis: 5,
            });
        }
        let picked = random.pick(&here.iterations).map(|iteration| iteration.id);
        let exports = picked.map(|iteration| self.model.exports(project, iteration).unwrap());
        Some(match (random.below(10), picked) {
            (0..=3, _) | (_, None) => Change::BeginTraining {
                iteration: NewIteration {
                    id: IterationId::new(at(0), self.random(self.step, 0)),
                    project_id: project,
                    name: Some(name(&self.mark(0))),
                    created: now,
                    domain_id: Domain::GENERAL_COMPACT.id,
                    classification_type: ClassificationType::Multiclass,
                    training_type: TrainingType::Regular,
                    reserved_budget_millis: 0,
                    custom_base: None,
                },
            },
            (4, Some(iteration)) => {
                let publication = Publication { name: name(&self.mark(0)), precision: Precision::F32 };
                Change::Publish { project, iteration, publication, overwrite: true, at: now }
            }
            (5, Some(iteration)) => Change::Unpublish { project, iteration, at: now },
            (6, Some(iteration)) => Change::DeleteIteration { project, iteration, at: now },
            (7, _) => {
                let export = random.pick(&exports?)?.id;
                Change::DeleteExport { project, export, at: now }
            }
            (_, Some(iteration_id)) => {
                let export = Export {
                    id: ExportId::new(at(0), self.random(self.step, 0)),
                    iteration_id,
                    platform: ExportPlatform::Onnx,
                    flavor: Some(name(&self.mark(0))),
                    created: now,
                    files: Vec::new(),
                };
                let file = |item| NewExportFile {
                    name: name(&self.mark(item)),
                    bytes: (self.mark(item + 3) + &"-".repeat(20_000)).into_bytes(),
                };
                Change::KeepExport { project, export, files: (0..2).map(file).collect() }
            }
        })
    }

    /// What came of a training on photos that have a tag.
    fn trained(&self, here: &Here, random: &mut Random) -> Trained {
        let photos = here.images.iter().filter_map(|image| Some((image.id, image.tags.first()?.tag_id)));
        let photos: Vec<_> = photos.collect();
        let mut trained = Scene::trained_on(u64::from(self.step), &random.some(&photos, 80));
        for trained_tag in &mut trained.manifest.evaluation.tags {
            let tag = here.tags.iter().find(|tag| tag.id == trained_tag.id).unwrap();
            trained_tag.name = tag.name.clone();
        }
        let left_out = here.images.iter().filter(|image| image.tags.is_empty()).take(5);
        trained.manifest.left_out = left_out.map(|image| (image.id, LeftOut::SeveralTags)).collect();
        trained.looked_at = random.some(&here.images, 9).iter().map(|image| image.id).collect();
        // Twice, since one may lie across two pages.
        trained.model = (self.mark(0) + &"-".repeat(random.below(20_000)) + &self.mark(0)).into_bytes();
        trained
    }

    fn prediction_change(&self, here: &Here, random: &mut Random) -> Option<Change> {
        let Here { project, now, .. } = *here;
        let ids: Vec<_> = random.some(&here.kept, 4).iter().map(|kept| kept.prediction.id).collect();
        Some(match random.below(6) {
            0 if !ids.is_empty() => Change::DeletePredictions { project, predictions: ids, at: now },
            1 if !ids.is_empty() => {
                let used = |(item, prediction): (u8, &PredictionId)| UsedPrediction {
                    prediction: *prediction,
                    image: ImageId::new(now, self.random(self.step, item)),
                    tags: here.tags.iter().take(1).map(|tag| tag.id).collect(),
                    regions: Vec::new(),
                };
                let predictions = (0..).zip(&ids).map(used).collect();
                Change::UsePredictions { project, predictions, at: now }
            }
            _ => {
                let answer = |tag: Tag| Prediction {
                    probability: 0.5,
                    tag_id: tag.id,
                    tag_name: tag.name,
                    tag_type: tag.tag_type,
                    bounding_box: None,
                };
                let prediction = ImagePrediction {
                    id: PredictionId::new(now, self.random(self.step, 0)),
                    project_id: project,
                    iteration_id: IterationId::new(at(0), [1; 10]),
                    created: now,
                    predictions: random.some(&here.tags, 4).into_iter().map(answer).collect(),
                };
                let prediction = Box::new(StoredPrediction {
                    prediction,
                    publish_name: Some(name("live")),
                    application: Some(name(&self.mark(0))),
                    width: 320,
                    height: 200,
                    metadata: self.metadata(2, random),
                    photo_kept: true,
                    expires: None,
                });
                let bytes = (self.mark(1) + &"-".repeat(random.below(9000))).into_bytes();
                Change::KeepPrediction { prediction, bytes, salt: self.salt(1) }
            }
        })
    }
}

/// What there is to change.
struct Here {
    project: ProjectId,
    now: Timestamp,
    tags: Vec<Tag>,
    images: Vec<Image>,
    iterations: Vec<Iteration>,
    kept: Vec<StoredPrediction>,
}
