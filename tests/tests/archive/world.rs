//! Projects with something of everything, their way out and in, and the comparison of two.

use std::io::Cursor;

use ocelli::{
    BoundingBox, Description, Erased, ExportOptions, ExportSummary, ImageQuery, ImportOptions, ImportSummary,
    ImportedProject, Keep, Metadata, Name, NewProject, Ocelli, OnnxInput, Order, Origin, Precision,
    PredictionQuery, ProjectHandle, RetentionPolicy, RetentionRule, StopToken, TagType, TrainOptions, Upload,
    UsePrediction,
};
use ocelli_tests::{Scene, drawn, label, real, trainable, unseen};

pub(crate) fn facts(entries: &[(&str, &str)]) -> Metadata {
    Metadata::new(entries.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect())
        .unwrap()
}

/// A multiclass project, trained and published, with kept predictions, a kept export, a policy, an iteration that lost a
/// photo and a tag, and one that failed.
pub(crate) fn stripes(scene: &Scene) -> ProjectHandle {
    let project = trainable(&scene.ocelli);
    let policy = RetentionPolicy {
        prediction_results: RetentionRule::days(100),
        exports: RetentionRule::days(365),
        ..RetentionPolicy::default()
    };
    project.set_retention(policy).unwrap();
    let spare = label(&project, "spare", 20..26);
    scene.pass_millis(5);
    let first = project.train(&TrainOptions { int8: false, ..TrainOptions::default() }).unwrap();
    let lost = first.manifest().unwrap().evaluation.photos[0].photo;
    assert!(project.delete_images(vec![lost]).unwrap().status.is_complete());
    assert!(project.delete_tag(spare).unwrap().status.is_complete());
    scene.pass_days(1);
    let second =
        project.train(&TrainOptions { name: Some(Name::new("best").unwrap()), ..TrainOptions::default() });
    let second = second.unwrap();
    assert!(second.manifest().unwrap().int8.is_some());
    scene.pass_days(1);
    second.publish("live").unwrap();
    second.keep_export(OnnxInput::Tensor).unwrap();
    let asker = Keep::by(Name::new("gate").unwrap());
    for number in [40, 41, 42] {
        scene.pass_millis(7);
        let keep = asker.clone().with_metadata(facts(&[("camera", &number.to_string())]));
        project.predict_with("live", &drawn(number), keep).unwrap();
    }
    let used = second.quick_test_with(&drawn(43), Keep::both()).unwrap().id;
    let tags = vec![project.tags().unwrap()[0].id];
    let used = project.use_predictions(vec![UsePrediction { prediction: used, tags, regions: Vec::new() }]);
    assert!(used.unwrap().is_batch_successful());
    scene.pass_millis(9);
    let (stop, again) = (StopToken::new(), TrainOptions { force: true, ..TrainOptions::default() });
    stop.stop();
    assert!(project.train_watched(&again, &stop, &|_| {}).is_err());
    project
}

/// A multilabel project of real photos with a negative tag, regions, metadata, descriptions and a photo of 30 tags.
pub(crate) fn objects(scene: &Scene) -> ProjectHandle {
    let new =
        NewProject::new("objects").multilabel().description("what lies on the table\n= and more, \"quoted\"");
    let project = scene.ocelli.create_project(new).unwrap();
    let meaning = Description::new("a fish, whole").unwrap();
    let fish = project.create_tag_with("fish", meaning, TagType::Regular).unwrap().id;
    let tool = project.create_tag("hand tool").unwrap().id;
    let none = project.create_negative_tag("nothing").unwrap().id;
    let many: Vec<_> = (0..30).map(|n| project.create_tag(format!("tag {n}")).unwrap().id).collect();
    let corner = BoundingBox::new(0.1, 0.2, 1.0 / 3.0, 0.7).unwrap();
    let uploads = real("fish", 5).into_iter().enumerate().map(|(n, bytes)| {
        let upload = Upload::bytes(bytes).named(format!("fish {n}.jpg")).tag(fish).region(fish, corner);
        let upload = if n == 1 {
            upload.tag(tool).region(tool, BoundingBox::new(0.5, 0.5, 0.1, 0.1).unwrap())
        } else {
            upload
        };
        upload.metadata(facts(&[
            ("person", if n < 2 { "O'Neill" } else { "Smith" }),
            ("shelf", &n.to_string()),
        ]))
    });
    assert!(project.add_files(uploads).unwrap().is_batch_successful());
    scene.pass_millis(3);
    let tools = real("hand_tool", 5).into_iter().map(|bytes| Upload::bytes(bytes).tag(tool));
    assert!(project.add_files(tools).unwrap().is_batch_successful());
    let nothing = real("monument", 5).into_iter().map(|bytes| Upload::bytes(bytes).tag(none));
    assert!(project.add_files(nothing).unwrap().is_batch_successful());
    let laden = project.add_image(drawn(77), &many[..18]).unwrap().image.id;
    scene.pass_millis(3);
    project.tag_images(many[18..].iter().map(|tag| (laden, *tag)).collect()).unwrap();
    let boxes = many.iter().map(|tag| (laden, ocelli::NewRegion { tag_id: *tag, bounds: corner }));
    project.add_regions(boxes.collect()).unwrap();
    project.add_image(drawn(78), &[]).unwrap();
    project
}

pub(crate) fn exported(ocelli: &Ocelli) -> (Vec<u8>, ExportSummary) {
    let mut out = Cursor::new(Vec::new());
    let summary = ocelli.export_all(&mut out, ExportOptions::default()).unwrap();
    (out.into_inner(), summary)
}

pub(crate) fn project_exported(project: &ProjectHandle) -> Vec<u8> {
    let mut out = Cursor::new(Vec::new());
    project.export_archive(&mut out, ExportOptions { models: false }).unwrap();
    out.into_inner()
}

pub(crate) fn imported(ocelli: &Ocelli, archive: &[u8]) -> ImportSummary {
    ocelli.import(Cursor::new(archive), &ImportOptions::default()).unwrap()
}

pub(crate) fn images(project: &ProjectHandle) -> Vec<ocelli::Image> {
    let query = ImageQuery { order: Order::Oldest, take: 256, ..ImageQuery::default() };
    project.images(&query).unwrap()
}

pub(crate) fn predictions(project: &ProjectHandle) -> Vec<ocelli::StoredPrediction> {
    let query = PredictionQuery { order: Order::Oldest, take: 256, ..PredictionQuery::default() };
    project.predictions(&query).unwrap().results
}

/// Compares everything that two projects hold, with the ids of the one translated into those of the other.
pub(crate) fn assert_same(one: &Ocelli, other: &Ocelli, imported: &ImportedProject) {
    let ids = &imported.ids;
    let (source, copy) = (one.project(imported.source_id).unwrap(), other.project(imported.id).unwrap());
    let (was, is) = (source.details().unwrap(), copy.details().unwrap());
    assert_eq!((&is.description, is.settings, is.created), (&was.description, was.settings, was.created));
    assert_eq!((is.last_modified, &is.name), (was.last_modified, &imported.name));
    assert_eq!(copy.retention().unwrap().policy(), source.retention().unwrap().policy());

    let mut tags = source.tags().unwrap();
    tags.iter_mut().for_each(|tag| tag.id = ids.tags[&tag.id]);
    assert_eq!(copy.tags().unwrap(), tags);

    let (was, is) = (images(&source), images(&copy));
    assert_eq!(was.len(), is.len());
    assert_eq!(imported.images, is.len() as u64);
    for (mut was, is) in was.into_iter().zip(is) {
        let source_id = was.id;
        was.id = ids.images[&was.id];
        was.tags.iter_mut().for_each(|tag| tag.tag_id = ids.tags[&tag.tag_id]);
        for (was, is) in was.regions.iter_mut().zip(&is.regions) {
            assert_ne!(was.id, is.id);
            (was.id, was.tag_id) = (is.id, ids.tags[&was.tag_id]);
        }
        if let (Origin::Prediction { prediction_id: was }, Origin::Prediction { prediction_id: is }) =
            (&mut was.origin, &is.origin)
        {
            assert_ne!(was, is);
            *was = *is;
        }
        assert_eq!(was, is);
        assert!(source.image_bytes(source_id).unwrap() == copy.image_bytes(is.id).unwrap());
    }

    assert_eq!(imported.iterations.len(), source.iterations().unwrap().len());
    let was = source.iterations().unwrap();
    for (mut was, is) in was.into_iter().zip(copy.iterations().unwrap()) {
        let source_id = was.id;
        (was.id, was.project_id, was.publication) = (ids.iterations[&was.id], imported.id, None);
        assert_eq!(was, is);
        let (one, other) = (source.iteration(source_id).unwrap(), copy.iteration(is.id).unwrap());
        if !was.is_completed() {
            assert!(other.manifest().is_err());
            continue;
        }
        let (mut was, is) = (one.manifest().unwrap(), other.manifest().unwrap());
        was.evaluation.photos.iter_mut().for_each(|photo| photo.photo = ids.images[&photo.photo]);
        was.left_out.iter_mut().for_each(|(image, _)| *image = ids.images[image]);
        for (was, is) in was.evaluation.tags.iter_mut().zip(&is.evaluation.tags) {
            assert_eq!(ids.tags.get(&was.id).copied().unwrap_or(is.id), is.id);
            was.id = is.id;
        }
        assert_eq!(was, is);
        for tag in ["fish", "windmill"] {
            for precision in
                if was.int8.is_some() { &[Precision::F32, Precision::Int8][..] } else { &[Precision::F32] }
            {
                let ask = |iteration: &ocelli::IterationHandle| {
                    let answer = iteration.quick_test_in(*precision, &unseen(tag), Keep::No).unwrap();
                    let bits = answer.predictions.into_iter().map(|p| (p.tag_name, p.probability.to_bits()));
                    bits.collect::<Vec<_>>()
                };
                assert_eq!(ask(&one), ask(&other), "{precision:?}");
            }
        }
        let (was, is) = (one.exports().unwrap(), other.exports().unwrap());
        assert_eq!(was.len(), is.len());
        for (mut was, is) in was.into_iter().zip(is) {
            for file in &was.files {
                let before = source.export_file(was.id, &file.name).unwrap();
                assert!(before == copy.export_file(is.id, &file.name).unwrap());
            }
            (was.id, was.iteration_id) = (ids.exports[&was.id], ids.iterations[&was.iteration_id]);
            assert_eq!(was, is);
        }
    }

    let (was, is) = (predictions(&source), predictions(&copy));
    assert_eq!(was.len(), is.len());
    for (mut was, is) in was.into_iter().zip(is) {
        let source_id = was.prediction.id;
        was.prediction.id = ids.predictions[&source_id];
        was.prediction.project_id = imported.id;
        was.prediction.iteration_id = ids.iterations[&was.prediction.iteration_id];
        was.prediction.predictions.iter_mut().for_each(|result| result.tag_id = ids.tags[&result.tag_id]);
        assert_eq!(was, is);
        if was.photo_kept {
            let before = source.prediction_bytes(source_id).unwrap();
            assert!(before == copy.prediction_bytes(is.prediction.id).unwrap());
        }
    }
}

pub(crate) fn assert_same_commitments(one: &Ocelli, other: &Ocelli, imported: &ImportedProject) {
    for (was, is) in &imported.ids.images {
        let before = one.commitment(imported.source_id, Erased::Image(*was)).unwrap();
        assert_eq!(other.commitment(imported.id, Erased::Image(*is)).unwrap(), before);
    }
    for (was, is) in &imported.ids.predictions {
        let before = one.commitment(imported.source_id, Erased::Prediction(*was)).unwrap();
        assert_eq!(other.commitment(imported.id, Erased::Prediction(*is)).unwrap(), before);
    }
}

/// Where the bytes of an entry lie in an archive that stores it as it is.
pub(crate) fn place_of(archive: &[u8], bytes: &[u8]) -> usize {
    archive.windows(bytes.len()).position(|window| window == bytes).unwrap()
}
