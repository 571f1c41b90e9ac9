//! The photos that an experiment reads, and their tags.

use std::collections::{BTreeMap, BTreeSet};
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

/// What `labels.csv` must have.
const COLUMNS: [&str; 3] = ["file", "split", "labels"];

#[derive(serde::Deserialize)]
struct Row {
    file: PathBuf,
    split: String,
    labels: String,
}

impl Dataset {
    /// Reads `labels.csv` with `images/`, or the folders `train/<tag>/` and `test/<tag>/`.
    pub(crate) fn read(folder: &Path) -> Result<Self, Box<dyn Error>> {
        if !folder.is_dir() {
            return Err(format!("{} is not a folder", folder.display()).into());
        }
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
        let wrong = |what: String| format!("{}: {what}", labels.display());
        let unreadable = |error: csv::Error| wrong(error.to_string());
        let mut reader =
            csv::ReaderBuilder::new().trim(csv::Trim::All).from_path(labels).map_err(unreadable)?;
        let columns = reader.headers().map_err(unreadable)?.clone();
        if let Some(lacking) = COLUMNS.iter().find(|name| columns.iter().all(|column| column != **name)) {
            let what = format!("the first line names no column {lacking:?}; it must be file,split,labels");
            return Err(wrong(what).into());
        }
        let mut dataset = Self::default();
        for record in reader.records() {
            let record = record.map_err(unreadable)?;
            let Row { file, split, labels } = record.deserialize(Some(&columns)).map_err(unreadable)?;
            let tags = labels.split(';').map(str::trim).filter(|tag| !tag.is_empty()).map(str::to_owned);
            let photo = Photo { path: folder.join("images").join(file), tags: tags.collect() };
            match split.as_str() {
                "train" => dataset.train.push(photo),
                "test" => dataset.test.push(photo),
                other => {
                    let line = record.position().map_or(0, csv::Position::line);
                    let what = format!("in line {line}, split is {other:?}; it must be train or test");
                    return Err(wrong(what).into());
                }
            }
        }
        Ok(dataset)
    }

    /// The names of all tags of the photos to train on, in order.
    pub(crate) fn tags(&self) -> BTreeSet<&str> {
        names(&self.train)
    }

    /// The names of tags that only photos to test with have, in order.
    pub(crate) fn untrained_tags(&self) -> Vec<&str> {
        names(&self.test).difference(&names(&self.train)).copied().collect()
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

fn names(photos: &[Photo]) -> BTreeSet<&str> {
    photos.iter().flat_map(|photo| photo.tags.iter().map(String::as_str)).collect()
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
        let tag = tag_folder.file_name().unwrap_or_default().to_string_lossy().trim().to_owned();
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

#[cfg(test)]
mod tests {
    use super::*;

    fn read(labels: &[u8]) -> Result<Dataset, String> {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::write(folder.path().join("labels.csv"), labels).expect("labels");
        Dataset::read(folder.path()).map_err(|error| error.to_string())
    }

    #[test]
    fn labels_are_read_as_spreadsheets_write_them() {
        let plain = b"file,split,labels\na.jpg,train,oak;elm\nb.jpg,test,\n".as_slice();
        let mark = [b"\xef\xbb\xbf".as_slice(), plain].concat();
        let crlf = b"file,split,labels\r\na.jpg,train,oak;elm\r\nb.jpg,test,\r\n";
        let moved = b"note,labels,split,file\n,\" oak ; elm;\",train, a.jpg\n\"x,y\",,test,b.jpg\n";
        for labels in [plain, &mark, crlf, moved] {
            let dataset = read(labels).expect("labels");
            assert_eq!(dataset.train.len(), 1);
            assert_eq!(dataset.train[0].tags, ["oak", "elm"]);
            assert!(dataset.train[0].path.ends_with("images/a.jpg"));
            assert_eq!(dataset.test.len(), 1);
            assert_eq!(dataset.test[0].tags, [""; 0]);
        }
    }

    #[test]
    fn what_is_wrong_in_the_labels_is_named_with_its_place() {
        let cases: [(&[u8], &str); 5] = [
            (b"a.jpg,train,oak\n", "names no column \"file\"; it must be file,split,labels"),
            (b"file;split;labels\na.jpg;train;oak\n", "names no column \"file\""),
            (b"file,split,labels\na.jpg,train,oak\nb.jpg,val,elm\n", "in line 3, split is \"val\""),
            (b"file,split,labels\na.jpg,train\n", "line: 2"),
            (b"file,split,labels\na.jpg,train,\xe9\n", "invalid utf-8"),
        ];
        for (labels, expected) in cases {
            let error = read(labels).expect_err(expected);
            assert!(error.contains(expected) && error.contains("labels.csv: "), "{error}");
        }
    }

    #[test]
    fn folders_are_tags() {
        let folder = tempfile::tempdir().expect("a folder");
        for file in
            ["train/oak/1.jpg", "train/oak /2.jpg", "train/.git/3.jpg", "test/oak/4.jpg", "test/fir/5.jpg"]
        {
            let path = folder.path().join(file);
            std::fs::create_dir_all(path.parent().expect("a tag")).expect("a tag's folder");
            std::fs::write(path, b"").expect("a photo");
        }
        let dataset = Dataset::read(folder.path()).expect("photos");
        assert_eq!((dataset.train.len(), dataset.test.len()), (2, 2));
        assert_eq!(dataset.tags(), BTreeSet::from(["oak"]));
        assert_eq!(dataset.untrained_tags(), ["fir"]);
        assert!(Dataset::read(&folder.path().join("none")).is_err());
        assert!(Dataset::read(&folder.path().join("train")).is_err());
    }

    #[test]
    fn shots_are_as_many_of_each_tag_as_there_are() {
        let photo = |number: usize| Photo {
            path: number.to_string().into(),
            tags: vec![if number < 20 { "many" } else { "few" }.to_owned()],
        };
        let dataset = Dataset { train: (0..23).map(photo).collect(), test: Vec::new() };
        let drawn = dataset.shots(5, 1);
        assert_eq!(drawn.iter().filter(|photo| photo.tags == ["many"]).count(), 5);
        assert_eq!(drawn.iter().filter(|photo| photo.tags == ["few"]).count(), 3);
        assert_eq!(drawn, dataset.shots(5, 1));
        assert_ne!(drawn, dataset.shots(5, 2));
        assert_eq!(dataset.shots(1000, 1).len(), 23);
    }
}
