//! Joins the records of several pages, and takes out what contradicts.

use std::collections::{HashMap, HashSet};
use std::fmt::Display;

use ocelli_core::{
    BoundingBox, Description, Image, ImageId, ImageTag, IterationId, Metadata, Name, Origin, Region,
    RegionId, Tag, TagId, TagType, Timestamp, limits,
};
use serde_json::Value;

use super::folder::{Files, FolderLimits};
use super::json;
use super::problem::Problem;
use super::wire::{Kind, WireImage, WireImageTag, WireIteration, WireRegion, WireTag};
use super::{CustomVisionImage, CustomVisionIteration, CustomVisionProject};

/// Where a record stands: its file, and its place in it with its id.
#[derive(Clone)]
struct Place {
    file: String,
    record: String,
}

/// A photo whose file is not looked for yet.
struct PendingImage {
    image: Image,
    uri: Option<String>,
    place: Place,
}

/// What was read so far.
pub(super) struct Merge {
    now: Timestamp,
    tags: Vec<(Tag, Place)>,
    tag_places: HashMap<TagId, usize>,
    /// What photos call the tags that they have.
    names: HashMap<TagId, String>,
    images: Vec<PendingImage>,
    image_places: HashMap<ImageId, usize>,
    iterations: Vec<CustomVisionIteration>,
    iteration_ids: HashSet<IterationId>,
    problems: Vec<Problem>,
}

impl Merge {
    pub(super) fn new(now: Timestamp) -> Self {
        Self {
            now,
            tags: Vec::new(),
            tag_places: HashMap::new(),
            names: HashMap::new(),
            images: Vec::new(),
            image_places: HashMap::new(),
            iterations: Vec::new(),
            iteration_ids: HashSet::new(),
            problems: Vec::new(),
        }
    }

    pub(super) fn add_problem(&mut self, problem: Problem) {
        self.problems.push(problem);
    }

    pub(super) fn add_file(&mut self, file: &str, text: &str) {
        let of_file = Kind::of_file(file);
        let (records, damage) = json::records(text);
        for (number, record) in (1..).zip(&records) {
            let mut place = Place { file: file.to_owned(), record: format!("record {number}") };
            let record = record.get();
            if let Some(id) = id_of(record) {
                place.record = format!("record {number} ({id})");
            }
            match of_file.or_else(|| Kind::of_record(record)) {
                Some(Kind::Tag) => self.add_tag(record, place),
                Some(Kind::Image) => self.add_image(record, place),
                Some(Kind::Iteration) => self.add_iteration(record, place),
                None => self.problem(
                    &place,
                    "is neither a tag nor a photo nor an iteration",
                    "name the file by the operation, like GetTags.json",
                ),
            }
        }
        if let Some(damage) = damage {
            let remedy =
                format!("the {} records before it were taken over; save the response again", records.len());
            self.problems.push(Problem::new(file, "", format!("is damaged JSON: {damage}"), remedy));
        }
    }

    fn problem(&mut self, place: &Place, what: impl Display, remedy: &str) {
        let problem = Problem::new(&place.file, &place.record, what.to_string(), remedy);
        self.problems.push(problem);
    }

    /// Understands a record or one of its parts, or says why not.
    fn understand<T: serde::de::DeserializeOwned>(
        &mut self,
        record: &str,
        place: &Place,
        what: &str,
    ) -> Option<T> {
        serde_json::from_str(record)
            .map_err(|error| {
                let remedy = format!("a {what} as the service writes it would be right; it was left out");
                self.problem(place, format!("cannot be understood: {error}"), &remedy);
            })
            .ok()
    }

    fn id<T: std::str::FromStr>(&mut self, text: &str, what: &str, place: &Place) -> Option<T> {
        text.parse()
            .map_err(|_| {
                let text: String = text.chars().take(64).collect();
                let wrong = format!("the id {text:?} of the {what} is no UUID");
                self.problem(place, wrong, "the service's own id would be right; it was left out");
            })
            .ok()
    }

    fn add_tag(&mut self, record: &str, place: Place) {
        let Some(wire) = self.understand::<WireTag>(record, &place, "tag") else { return };
        let Some(id) = self.id(&wire.id, "tag", &place) else { return };
        if self.tag_places.contains_key(&id) {
            return;
        }
        let Some(name) = self.name(wire.name.as_deref().unwrap_or_default(), &place) else { return };
        let description = Description::new(wire.description.unwrap_or_default()).unwrap_or_else(|error| {
            self.problem(&place, error, "the tag was taken over without its description");
            Description::default()
        });
        let tag_type = match wire.tag_type.as_deref() {
            None => TagType::Regular,
            Some(text) if text.eq_ignore_ascii_case("Regular") => TagType::Regular,
            Some(text) if text.eq_ignore_ascii_case("Negative") => TagType::Negative,
            Some(text) => {
                let text: String = text.chars().take(64).collect();
                let wrong = format!("the tag's type is {text:?}");
                self.problem(
                    &place,
                    wrong,
                    "only Regular and Negative are known; it was taken over as Regular",
                );
                TagType::Regular
            }
        };
        let image_count = wire.image_count.as_ref().and_then(Value::as_u64).unwrap_or_default();
        self.tag_places.insert(id, self.tags.len());
        self.tags.push((Tag { id, name, description, tag_type, image_count }, place));
    }

    /// The text as a name; what no name may hold is taken out.
    fn name(&mut self, text: &str, place: &Place) -> Option<Name> {
        if let Ok(name) = Name::new(text) {
            return Some(name);
        }
        let usable: String = text.chars().filter(|c| !c.is_control()).take(limits::MAX_NAME).collect();
        let name = Name::new(&usable).ok();
        let remedy = match &name {
            Some(name) => format!("it was taken over as {:?}", name.as_str()),
            None => "a tag with a name would be right; it was left out".to_owned(),
        };
        let limit = limits::MAX_NAME;
        let wrong =
            format!("the tag's name is empty, over {limit} characters long or holds control characters");
        self.problem(place, wrong, &remedy);
        name
    }

    fn add_image(&mut self, record: &str, place: Place) {
        let Some(wire) = self.understand::<WireImage>(record, &place, "photo") else { return };
        let Some(id) = self.id(&wire.id, "photo", &place) else { return };
        let created = wire.created.as_deref();
        let created = created.and_then(|text| self.moment(text, &place)).unwrap_or(self.now);
        let mut tags = Vec::new();
        for tag in wire.tags.into_iter().flatten() {
            let tag = self.understand::<WireImageTag>(&tag.to_string(), &place, "tag of a photo");
            let Some(WireImageTag { tag_id, tag_name, created: tagged }) = tag else { continue };
            let Some(tag_id) = self.id::<TagId>(&tag_id, "tag", &place) else { continue };
            let tagged = tagged.and_then(|text| self.moment(&text, &place)).unwrap_or(created);
            self.remember_name(tag_id, tag_name);
            tags.push(ImageTag { tag_id, created: tagged });
        }
        let mut regions = Vec::new();
        for region in wire.regions.into_iter().flatten() {
            let region = self.understand::<WireRegion>(&region.to_string(), &place, "region of a photo");
            regions.extend(region.and_then(|region| self.region(region, created, &place)));
        }
        let metadata = self.metadata(wire.metadata.unwrap_or_default(), &place);
        let side = |side: Option<Value>| {
            side.as_ref()
                .and_then(Value::as_u64)
                .and_then(|side| u32::try_from(side).ok())
                .unwrap_or_default()
        };
        let (width, height) = (side(wire.width), side(wire.height));
        let origin = Origin::Upload { name: None };
        let image = Image { id, created, width, height, tags, regions, metadata, origin };
        match self.image_places.get(&id).and_then(|place| self.images.get_mut(*place)) {
            Some(earlier) => join(&mut earlier.image, image),
            None => {
                self.image_places.insert(id, self.images.len());
                self.images.push(PendingImage { image, uri: wire.original_image_uri, place });
            }
        }
    }

    fn region(&mut self, wire: WireRegion, created: Timestamp, place: &Place) -> Option<Region> {
        let WireRegion { region_id, tag_id, tag_name, created: drawn, left, top, width, height } = wire;
        let id: RegionId = self.id(&region_id, "region", place)?;
        let tag_id = self.id(&tag_id, "tag", place)?;
        let bounds = BoundingBox::new(left, top, width, height)
            .map_err(|error| {
                self.problem(place, format!("the region {id} is not usable: {error}"), "it was left out");
            })
            .ok()?;
        let created = drawn.and_then(|text| self.moment(&text, place)).unwrap_or(created);
        self.remember_name(tag_id, tag_name);
        Some(Region { id, tag_id, created, bounds })
    }

    fn metadata(&mut self, wire: std::collections::BTreeMap<String, Value>, place: &Place) -> Metadata {
        let mut kept = std::collections::BTreeMap::new();
        for (key, value) in wire {
            let value = match value {
                Value::String(text) => text,
                Value::Number(number) => number.to_string(),
                Value::Bool(value) => value.to_string(),
                Value::Null | Value::Array(_) | Value::Object(_) => {
                    let key: String = key.chars().take(limits::MAX_METADATA_KEY).collect();
                    let wrong = format!("the value of the metadata key {key:?} is no text");
                    self.problem(place, wrong, "metadata are texts; it was left out");
                    continue;
                }
            };
            let mut next = kept.clone();
            next.insert(key, value);
            match Metadata::new(next.clone()) {
                Ok(_) => kept = next,
                Err(error) => self.problem(place, error, "the entry was left out"),
            }
        }
        Metadata::new(kept).unwrap_or_default()
    }

    fn moment(&mut self, text: &str, place: &Place) -> Option<Timestamp> {
        // Some clients leave the offset out; the service's moments are in UTC.
        let read = text.parse().or_else(|_| format!("{text}Z").parse());
        read.map_err(|_| {
            let text: String = text.chars().take(64).collect();
            let wrong = format!("{text:?} is no date");
            self.problem(
                place,
                wrong,
                "one like 2020-11-06T16:37:26.266Z would be right; it was passed over",
            );
        })
        .ok()
    }

    fn remember_name(&mut self, tag: TagId, name: Option<String>) {
        if let Some(name) = name {
            self.names.entry(tag).or_insert(name);
        }
    }

    fn add_iteration(&mut self, record: &str, place: Place) {
        let Some(wire) = self.understand::<WireIteration>(record, &place, "iteration") else { return };
        let Some(id) = self.id(&wire.id, "iteration", &place) else { return };
        if !self.iteration_ids.insert(id) {
            return;
        }
        let mut moment = |text: Option<String>| text.and_then(|text| self.moment(&text, &place));
        let (created, last_modified, trained_at) =
            (moment(wire.created), moment(wire.last_modified), moment(wire.trained_at));
        self.iterations.push(CustomVisionIteration {
            id,
            name: wire.name.unwrap_or_default(),
            status: wire.status.unwrap_or_default(),
            created,
            last_modified,
            trained_at,
            domain_id: wire.domain_id,
            classification_type: wire.classification_type,
            training_type: wire.training_type,
            training_time_in_minutes: wire.training_time_in_minutes,
            publish_name: wire.publish_name,
        });
    }

    /// Everything that was read, without contradictions, with the photos' files.
    pub(super) fn finish(mut self, files: &Files, limits: &FolderLimits) -> CustomVisionProject {
        self.add_tags_that_only_photos_name();
        let same_tag = self.unite_tags_of_one_name();
        self.leave_one_negative_tag();
        let negative =
            self.tags.iter().find(|(tag, _)| tag.tag_type == TagType::Negative).map(|(tag, _)| tag.id);

        let mut region_ids = HashSet::new();
        let mut images = Vec::new();
        for PendingImage { mut image, uri, place } in std::mem::take(&mut self.images) {
            self.settle_tags(&mut image, &same_tag, negative, &place);
            image.regions.retain(|region| region_ids.insert(region.id));
            let file = self.file_of(&mut image, uri.as_deref(), files, limits, &place);
            images.push(CustomVisionImage { image, file });
        }
        images.sort_by_key(|image| (image.image.created, image.image.id));

        let mut counts = HashMap::<TagId, u64>::new();
        for CustomVisionImage { image, .. } in &images {
            let tags = image.tags.iter().map(|tag| tag.tag_id).chain(image.regions.iter().map(|r| r.tag_id));
            for tag in tags.collect::<HashSet<_>>() {
                *counts.entry(tag).or_default() += 1;
            }
        }
        let tags = std::mem::take(&mut self.tags).into_iter().map(|(mut tag, _)| {
            tag.image_count = counts.get(&tag.id).copied().unwrap_or_default();
            tag
        });
        CustomVisionProject {
            tags: tags.collect(),
            images,
            iterations: self.iterations,
            problems: self.problems,
            ..CustomVisionProject::default()
        }
    }

    /// A photo names the tags that it has; those that no list of tags holds are made from that.
    fn add_tags_that_only_photos_name(&mut self) {
        let mut missing: Vec<(TagId, Place)> = Vec::new();
        let mut seen = HashSet::new();
        for PendingImage { image, place, .. } in &self.images {
            let tags = image.tags.iter().map(|tag| tag.tag_id).chain(image.regions.iter().map(|r| r.tag_id));
            for tag in tags {
                if !self.tag_places.contains_key(&tag) && seen.insert(tag) {
                    missing.push((tag, place.clone()));
                }
            }
        }
        for (id, place) in missing {
            let name = self.names.get(&id).cloned().unwrap_or_default();
            let wrong = format!("the tag {id} is in no list of tags");
            let Some(name) = Name::new(&name).ok().or_else(|| self.name(&name, &place)) else {
                self.problem(&place, wrong, "save GetTags too; photos were taken over without this tag");
                continue;
            };
            let remedy =
                format!("save GetTags too; it was taken over as the regular tag {:?}", name.as_str());
            self.problem(&place, wrong, &remedy);
            self.tag_places.insert(id, self.tags.len());
            let (description, tag_type) = (Description::default(), TagType::Regular);
            self.tags.push((Tag { id, name, description, tag_type, image_count: 0 }, place));
        }
    }

    /// Gives for each tag the one that stands for it: the first of its name.
    fn unite_tags_of_one_name(&mut self) -> HashMap<TagId, TagId> {
        let mut by_name = HashMap::<Name, TagId>::new();
        let mut same = HashMap::new();
        let mut kept = Vec::new();
        for (tag, place) in std::mem::take(&mut self.tags) {
            let first = *by_name.entry(tag.name.clone()).or_insert(tag.id);
            same.insert(tag.id, first);
            if first == tag.id {
                kept.push((tag, place));
            } else {
                let wrong = format!("the tag {} has the name of {first}, {:?}", tag.id, tag.name.as_str());
                self.problem(&place, wrong, "names differ within a project; the two were taken over as one");
            }
        }
        self.tags = kept;
        same
    }

    fn leave_one_negative_tag(&mut self) {
        let mut wrong = Vec::new();
        let negatives = self.tags.iter_mut().filter(|(tag, _)| tag.tag_type == TagType::Negative);
        for (tag, place) in negatives.skip(1) {
            tag.tag_type = TagType::Regular;
            wrong.push((place.clone(), format!("the tag {:?} is a second negative one", tag.name.as_str())));
        }
        for (place, wrong) in wrong {
            self.problem(&place, wrong, "a project has at most one; it was taken over as a regular tag");
        }
    }

    fn settle_tags(
        &mut self,
        image: &mut Image,
        same_tag: &HashMap<TagId, TagId>,
        negative: Option<TagId>,
        place: &Place,
    ) {
        let mut seen = HashSet::new();
        image.tags.retain_mut(|tag| {
            same_tag.get(&tag.tag_id).is_some_and(|same| {
                tag.tag_id = *same;
                seen.insert(*same)
            })
        });
        image.regions.retain_mut(|region| {
            same_tag.get(&region.tag_id).is_some_and(|same| {
                region.tag_id = *same;
                true
            })
        });
        let is_negative = |tag: &ImageTag| Some(tag.tag_id) == negative;
        if image.tags.iter().any(is_negative) && image.tags.len() + image.regions.len() > 1 {
            image.tags.retain(|tag| !is_negative(tag));
            let wrong = "the photo has the negative tag and others";
            self.problem(place, wrong, "the negative tag stands alone; it was taken over without it");
        }
    }

    fn file_of(
        &mut self,
        image: &mut Image,
        uri: Option<&str>,
        files: &Files,
        limits: &FolderLimits,
        place: &Place,
    ) -> Option<std::path::PathBuf> {
        let last_part = uri.and_then(|uri| {
            let path = uri.split(['?', '#']).next().unwrap_or_default();
            path.rsplit('/').next().filter(|part| !part.is_empty())
        });
        let id = image.id.to_string();
        let found = files.photo(&id).or_else(|| last_part.and_then(|part| files.photo(part)));
        let Some(found) = found else {
            let remedy = match last_part {
                Some(part) => {
                    let part: String = part.chars().take(128).collect();
                    format!("save it in the folder under its id, like {id}.jpg, or as {part:?}")
                }
                None => format!("save it in the folder under its id, like {id}.jpg"),
            };
            self.problem(place, "the photo is not in the folder", &remedy);
            return None;
        };
        if found.bytes > limits.photo_bytes {
            let wrong = format!("{} has {} bytes", found.path.display(), found.bytes);
            let remedy = format!("at most {} are read; it was passed over", limits.photo_bytes);
            self.problem(place, wrong, &remedy);
            return None;
        }
        if found.others > 0 {
            let wrong = format!("{} files have the photo's name", found.others + 1);
            let remedy = format!("the largest was taken, {}", found.path.display());
            self.problem(place, wrong, &remedy);
        }
        let name = found.path.file_name().map(|name| name.to_string_lossy().into_owned());
        image.origin = Origin::Upload { name };
        Some(found.path.to_owned())
    }
}

/// Adds what another record of the same photo knows.
fn join(image: &mut Image, other: Image) {
    for tag in other.tags {
        if !image.tags.iter().any(|known| known.tag_id == tag.tag_id) {
            image.tags.push(tag);
        }
    }
    for region in other.regions {
        if !image.regions.iter().any(|known| known.id == region.id) {
            image.regions.push(region);
        }
    }
    let mut entries = other.metadata.entries().clone();
    entries.extend(image.metadata.entries().clone());
    if let Ok(joined) = Metadata::new(entries) {
        image.metadata = joined;
    }
    image.width = image.width.max(other.width);
    image.height = image.height.max(other.height);
}

/// The record's id as it is written, to name it by.
fn id_of(record: &str) -> Option<String> {
    #[derive(serde::Deserialize)]
    struct Id {
        id: String,
    }
    let Id { id } = serde_json::from_str(record).ok()?;
    Some(id.chars().take(64).collect())
}
