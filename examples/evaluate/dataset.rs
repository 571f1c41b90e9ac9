//! The photos that an experiment reads, and their tags.

use std::collections::BTreeMap;
use std::error::Error;
use std::path::{Path, PathBuf};

/// A photo on disk and what it shows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Photo {
    /// Where it lies.
    pub(crate) path: PathBuf,
    /// The names of its tags.
    pub(crate) tags: Vec<String>,
}

/// Photos to train on and to test with.
#[derive(Debug, Default)]
pub(crate) struct Dataset {
    /// To train on.
    pub(crate) train: Vec<Photo>,
    /// To test with.
    pub(crate) test: Vec<Photo>,
}

#[derive(serde::Deserialize)]
struct Row {
    file: PathBuf,
    split: String,
    labels: String,
}

impl Dataset {
    /// Reads `labels.csv` with `images/`, or the folders `train/<tag>/` and `test/<tag>/`.
    pub(crate) fn read(folder: &Path) -> Result<Self, Box<dyn Error>> {
        let labels = folder.join("labels.csv");
        let dataset =
            if labels.is_file() { Self::from_csv(folder, &labels)? } else { Self::from_folders(folder)? };
        if dataset.train.is_empty() {
            return Err(format!(
                "{} has no photos to train on; it needs train/<tag>/ and test/<tag>/, or images/ with labels.csv",
                folder.display()
            )
            .into());
        }
        Ok(dataset)
    }

    fn from_folders(folder: &Path) -> Result<Self, Box<dyn Error>> {
        Ok(Self { train: tag_folders(&folder.join("train"))?, test: tag_folders(&folder.join("test"))? })
    }

    fn from_csv(folder: &Path, labels: &Path) -> Result<Self, Box<dyn Error>> {
        let mut dataset = Self::default();
        for row in csv::ReaderBuilder::new().trim(csv::Trim::All).from_path(labels)?.deserialize() {
            let Row { file, split, labels } = row?;
            let tags = labels.split(';').map(str::trim).filter(|tag| !tag.is_empty()).map(str::to_owned);
            let photo = Photo { path: folder.join("images").join(file), tags: tags.collect() };
            match split.as_str() {
                "train" => dataset.train.push(photo),
                "test" => dataset.test.push(photo),
                other => return Err(format!("split is {other:?}; it must be train or test").into()),
            }
        }
        Ok(dataset)
    }

    /// The names of all tags of the photos to train on, in order.
    pub(crate) fn tags(&self) -> Vec<&str> {
        let mut tags: Vec<&str> =
            self.train.iter().flat_map(|photo| photo.tags.iter().map(String::as_str)).collect();
        tags.sort_unstable();
        tags.dedup();
        tags
    }

    /// At most `shots` photos to train on of each tag, drawn by the seed.
    pub(crate) fn shots(&self, shots: usize, seed: u64) -> Vec<Photo> {
        let mut order: Vec<&Photo> = self.train.iter().collect();
        shuffle(&mut order, seed);
        let mut drawn = BTreeMap::<&str, usize>::new();
        let mut photos: Vec<&Photo> = Vec::new();
        for photo in order {
            let wanted =
                photo.tags.iter().any(|tag| drawn.get(tag.as_str()).is_none_or(|count| *count < shots));
            if wanted {
                photo.tags.iter().for_each(|tag| *drawn.entry(tag).or_default() += 1);
                photos.push(photo);
            }
        }
        photos.into_iter().cloned().collect()
    }
}

/// Fisher and Yates's shuffle with the generator `SplitMix64` (Steele, Lea and Flood, 2014).
fn shuffle<T>(items: &mut [T], seed: u64) {
    let mut state = seed;
    for last in (1..items.len()).rev() {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^= mixed >> 31;
        items.swap(last, (mixed % (last as u64 + 1)) as usize);
    }
}

fn tag_folders(folder: &Path) -> Result<Vec<Photo>, Box<dyn Error>> {
    let mut photos = Vec::new();
    if !folder.is_dir() {
        return Ok(photos);
    }
    for tag_folder in entries(folder)?.into_iter().filter(|path| path.is_dir()) {
        let tag = tag_folder.file_name().unwrap_or_default().to_string_lossy().into_owned();
        for path in entries(&tag_folder)?.into_iter().filter(|path| path.is_file()) {
            photos.push(Photo { path, tags: vec![tag.clone()] });
        }
    }
    Ok(photos)
}

fn entries(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let entries = std::fs::read_dir(folder)?.map(|entry| Ok(entry?.path()));
    let mut paths = entries.collect::<std::io::Result<Vec<PathBuf>>>()?;
    paths.retain(|path| !path.file_name().unwrap_or_default().as_encoded_bytes().starts_with(b"."));
    paths.sort();
    Ok(paths)
}
