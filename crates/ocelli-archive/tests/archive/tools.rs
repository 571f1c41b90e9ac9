//! What other tools see.

use std::io::{Cursor, Read};

use serde_json::Value;

use crate::sample::{account, write};

fn entry(end: &str) -> Vec<u8> {
    let mut zip = zip::ZipArchive::new(Cursor::new(write(&account()).unwrap().0)).unwrap();
    let position = (0..zip.len()).position(|index| {
        let name = zip.name_for_index(index).unwrap().unwrap();
        name.ends_with(end)
    });
    let mut bytes = Vec::new();
    zip.by_index(position.unwrap()).unwrap().read_to_end(&mut bytes).unwrap();
    bytes
}

/// What pycocotools and torchvision index by, and what detectors are trained on.
#[test]
fn annotations_are_coco() {
    let coco: Value = serde_json::from_slice(&entry("annotations.json")).unwrap();
    let list = |name: &str| coco[name].as_array().unwrap().clone();
    assert!(coco["info"].is_object() && coco["licenses"].is_array());
    let ids = |name: &str| list(name).iter().map(|item| item["id"].as_u64().unwrap()).collect::<Vec<_>>();
    assert_eq!(
        (ids("images"), ids("categories"), ids("annotations")),
        (vec![1, 2, 3, 4], vec![1, 2, 3], vec![1, 2])
    );
    for image in list("images") {
        assert!(image["file_name"].as_str().unwrap().starts_with(image["ocelli"]["id"].as_str().unwrap()));
        assert_eq!((&image["width"], &image["height"]), (&640.into(), &427.into()));
        assert_eq!(image["date_captured"].as_str().unwrap().len(), "2013-11-14 17:02:52".len());
    }
    for annotation in list("annotations") {
        let bbox: Vec<f64> =
            annotation["bbox"].as_array().unwrap().iter().map(|v| v.as_f64().unwrap()).collect();
        let [left, top, width, height] = bbox[..] else { panic!("{bbox:?}") };
        assert!(left >= 0.0 && top >= 0.0 && left + width <= 640.001 && top + height <= 427.001, "{bbox:?}");
        assert_eq!(annotation["area"].as_f64().unwrap(), width * height);
        assert_eq!((&annotation["iscrowd"], &annotation["segmentation"]), (&0.into(), &Value::Array(vec![])));
        assert!(ids("images").contains(&annotation["image_id"].as_u64().unwrap()));
        assert!(ids("categories").contains(&annotation["category_id"].as_u64().unwrap()));
    }
}

#[test]
fn tables_read_back_exactly() {
    let account = account();
    let project = &account.projects[0];
    let mut rows = Vec::new();
    let table = entry("tags.csv");
    let mut tags = csv::Reader::from_reader(table.as_slice());
    assert_eq!(
        tags.headers().unwrap().iter().collect::<Vec<_>>().join(","),
        "image_id,file_name,tag_id,tag_name,created"
    );
    for row in tags.records() {
        rows.push(row.unwrap());
    }
    let mut expected = Vec::new();
    for (record, _) in &project.images {
        for tag in &record.image.tags {
            let named = project.record.tags.iter().find(|known| known.id == tag.tag_id).unwrap();
            expected.push((record.image.id.to_string(), named.name.to_string(), tag.created.to_string()));
        }
    }
    let found: Vec<_> =
        rows.iter().map(|row| (row[0].to_owned(), row[3].to_owned(), row[4].to_owned())).collect();
    assert_eq!(found, expected);

    let table = entry("predictions.csv");
    let rows: Vec<_> =
        csv::Reader::from_reader(table.as_slice()).into_records().map(Result::unwrap).collect();
    let answers =
        project.predictions.iter().flat_map(|(record, _)| &record.prediction.prediction.predictions);
    let found: Vec<u32> = rows
        .iter()
        .filter(|row| !row[8].is_empty())
        .map(|row| row[8].parse::<f32>().unwrap().to_bits())
        .collect();
    let expected: Vec<u32> = answers.clone().map(|answer| answer.probability.to_bits()).collect();
    assert_eq!(found, expected);
    let lefts: Vec<u32> = rows
        .iter()
        .filter(|row| !row[9].is_empty())
        .map(|row| row[9].parse::<f32>().unwrap().to_bits())
        .collect();
    let expected: Vec<u32> =
        answers.filter_map(|answer| Some(answer.bounding_box?.left().to_bits())).collect();
    assert_eq!(lefts, expected);
    assert_eq!(rows.last().unwrap()[0], project.predictions[2].0.prediction.prediction.id.to_string());
}
