//! `annotations.json`: COCO's form for object detection (<https://cocodataset.org/#format-data>), with what it has no
//! place for under `ocelli`, so that reading gives back exactly what was written.

use ocelli_core::{
    BoundingBox, Commitment, Image, ImageId, ImageTag, Metadata, Origin, Region, RegionId, Salt, Tag,
    Timestamp,
};
use serde::{Deserialize, Serialize};

use crate::ImageRecord;
use crate::record_list::RecordList;

/// A photo. Its sides and boxes are those of the upright photo: a tool that leaves the orientation in a photo's EXIF
/// aside sees the pixels turned, and must turn them first.
#[derive(Serialize, Deserialize)]
pub(crate) struct CocoImage {
    /// 1, 2, 3 ... in the order of the file.
    pub(crate) id: u64,
    /// Its name within `photos/`.
    pub(crate) file_name: String,
    width: u32,
    height: u32,
    date_captured: String,
    ocelli: CocoImageExtra,
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct CocoImageExtra {
    id: ImageId,
    created: Timestamp,
    /// The tags of the whole photo: COCO has none, and tools stumble over an annotation without a box.
    tags: Vec<ImageTag>,
    metadata: Metadata,
    origin: Origin,
    salt: Option<Salt>,
    commitment: Option<Commitment>,
}

/// A tag.
#[derive(Serialize, Deserialize)]
pub(crate) struct CocoCategory {
    /// 1, 2, 3 ... in the order of the project's tags.
    pub(crate) id: u64,
    name: String,
    supercategory: String,
    pub(crate) ocelli: Tag,
}

/// A region.
#[derive(Serialize, Deserialize)]
pub(crate) struct CocoAnnotation {
    id: u64,
    pub(crate) image_id: u64,
    pub(crate) category_id: u64,
    /// Left, top, width and height in pixels.
    bbox: [f64; 4],
    /// Of the box, in square pixels.
    area: f64,
    /// None: regions are boxes.
    segmentation: [(); 0],
    iscrowd: u8,
    pub(crate) ocelli: CocoAnnotationExtra,
}

/// The exact region: `bbox` is in pixels, and dividing by the photo's sides would not give the fractions back.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CocoAnnotationExtra {
    pub(crate) id: RegionId,
    created: Timestamp,
    bounds: BoundingBox,
}

/// What is read of the file.
#[derive(Deserialize)]
pub(crate) struct CocoFile {
    pub(crate) categories: RecordList<CocoCategory>,
    pub(crate) images: RecordList<CocoImage>,
    pub(crate) annotations: RecordList<CocoAnnotation>,
}

/// What stands before the photos.
#[derive(Serialize)]
pub(crate) struct CocoInfo {
    description: String,
    version: &'static str,
    year: u16,
    contributor: &'static str,
    date_created: String,
}

impl CocoInfo {
    pub(crate) fn new(project_name: &str, created: Timestamp) -> Self {
        let date = created.to_string();
        Self {
            description: project_name.to_owned(),
            version: "1.0",
            year: date.get(..4).and_then(|year| year.parse().ok()).unwrap_or_default(),
            contributor: "",
            date_created: date.get(..10).unwrap_or_default().replace('-', "/"),
        }
    }
}

impl CocoImage {
    pub(crate) fn new(id: u64, file_name: String, record: &ImageRecord) -> Self {
        let ImageRecord { image, salt, commitment } = record;
        Self {
            id,
            file_name,
            width: image.width,
            height: image.height,
            date_captured: coco_date(image.created),
            ocelli: CocoImageExtra {
                id: image.id,
                created: image.created,
                tags: image.tags.clone(),
                metadata: image.metadata.clone(),
                origin: image.origin.clone(),
                salt: *salt,
                commitment: *commitment,
            },
        }
    }

    /// The photo, without its regions.
    pub(crate) fn into_record(self) -> ImageRecord {
        let CocoImageExtra { id, created, tags, metadata, origin, salt, commitment } = self.ocelli;
        let (width, height) = (self.width, self.height);
        let image = Image { id, created, width, height, tags, regions: Vec::new(), metadata, origin };
        ImageRecord { image, salt, commitment }
    }
}

impl CocoCategory {
    pub(crate) fn new(id: u64, tag: &Tag) -> Self {
        Self { id, name: tag.name.as_str().to_owned(), supercategory: String::new(), ocelli: tag.clone() }
    }
}

impl CocoAnnotation {
    pub(crate) fn new(id: u64, image_id: u64, category_id: u64, image: &Image, region: &Region) -> Self {
        let (width, height) = (f64::from(image.width), f64::from(image.height));
        let bounds = region.bounds;
        let bbox = [
            f64::from(bounds.left()) * width,
            f64::from(bounds.top()) * height,
            f64::from(bounds.width()) * width,
            f64::from(bounds.height()) * height,
        ];
        Self {
            id,
            image_id,
            category_id,
            bbox,
            area: bbox[2] * bbox[3],
            segmentation: [],
            iscrowd: 0,
            ocelli: CocoAnnotationExtra { id: region.id, created: region.created, bounds },
        }
    }

    pub(crate) fn into_region(self, tag: &Tag) -> Region {
        let CocoAnnotationExtra { id, created, bounds } = self.ocelli;
        Region { id, tag_id: tag.id, created, bounds }
    }
}

/// `2020-11-06 16:37:26`, as COCO writes moments.
fn coco_date(at: Timestamp) -> String {
    at.to_string().get(..19).unwrap_or_default().replace('T', " ")
}
