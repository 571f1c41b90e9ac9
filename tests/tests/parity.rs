//! docs/parity.md names each of Custom Vision's operations once, and only calls that exist.

#![allow(clippy::unwrap_used, reason = "a test that cannot unwrap fails")]

use std::collections::BTreeSet;
use std::fs::File;

use ocelli::{
    Domain, ExportId, ExportOptions, ImageFilter, ImportOptions, IterationHandle, Keep, Metadata, Model,
    Name, NewProject, Ocelli, OpenOptions, ProjectHandle, PublishOptions, TaggingStatus, Timestamp, Upload,
    limits,
};

const DOCUMENT: &str = include_str!("../../docs/parity.md");

/// Names calls; one that does not exist does not compile. Calls with `impl` arguments take theirs in brackets.
macro_rules! calls {
    (@exists $owner:ident::$call:ident) => {
        let _ = $owner::$call;
    };
    (@exists $owner:ident::$call:ident ($($argument:expr),*)) => {
        let _ = |owner: &$owner| drop(owner.$call($($argument),*));
    };
    ($($owner:ident::$call:ident $(($($argument:expr),*))?),* $(,)?) => {{
        $(calls!(@exists $owner::$call $(($($argument),*))?);)*
        [$(concat!(stringify!($owner), "::", stringify!($call))),*]
    }};
}

fn calls() -> BTreeSet<&'static str> {
    let associated = [
        {
            let _ = |path: &str| Model::open(path);
            "Model::open"
        },
        {
            let _ = |bytes: &[u8]| Upload::bytes(bytes);
            "Upload::bytes"
        },
        {
            let _ = |path: &str| Upload::file(path);
            "Upload::file"
        },
        {
            let _ = |application: Option<Name>, metadata: Metadata| Keep::For { application, metadata };
            "Keep::For"
        },
        {
            let _ = |filter: ImageFilter| filter.metadata;
            "ImageFilter::metadata"
        },
        {
            let _ = |ocelli: &Ocelli, file: File| drop(ocelli.import(file, &ImportOptions::default()));
            "Ocelli::import"
        },
        {
            let _ = |project: &ProjectHandle, file: File| {
                drop(project.export_archive(file, ExportOptions::default()));
            };
            "ProjectHandle::export_archive"
        },
        {
            let _ = |later: &IterationHandle, earlier| drop(later.compare(earlier, None));
            "IterationHandle::compare"
        },
    ];
    let calls = calls![
        Ocelli::domains,
        Ocelli::projects,
        Ocelli::create_project,
        Ocelli::project,
        Ocelli::restore_project,
        Ocelli::deleted_projects,
        Ocelli::erase_project,
        Ocelli::finish_erasures,
        Ocelli::erasures,
        Ocelli::reapply_erasures,
        Ocelli::check,
        Ocelli::snapshot(""),
        Ocelli::copy_project,
        Ocelli::import_custom_vision("", &Default::default()),
        Domain::from_id,
        NewProject::settings,
        OpenOptions::limits,
        Keep::No,
        TaggingStatus::Tagged,
        TaggingStatus::Untagged,
        ProjectHandle::details,
        ProjectHandle::update,
        ProjectHandle::delete,
        ProjectHandle::image_bytes,
        ProjectHandle::prediction_bytes,
        ProjectHandle::images,
        ProjectHandle::image_count,
        ProjectHandle::images_by_id,
        ProjectHandle::add_images,
        ProjectHandle::add_image(Vec::new(), &[]),
        ProjectHandle::add_files(Vec::new()),
        ProjectHandle::add_folder(""),
        ProjectHandle::use_predictions,
        ProjectHandle::delete_images,
        ProjectHandle::delete_images_with,
        ProjectHandle::retrain_without,
        ProjectHandle::export_file(ExportId::new(Timestamp::from_millis(0), [0; 10]), ""),
        ProjectHandle::delete_export,
        ProjectHandle::set_metadata,
        ProjectHandle::add_regions,
        ProjectHandle::delete_regions,
        ProjectHandle::tag_images,
        ProjectHandle::untag_images,
        ProjectHandle::tags,
        ProjectHandle::tag,
        ProjectHandle::create_tag(""),
        ProjectHandle::create_negative_tag(""),
        ProjectHandle::create_tag_with("", Default::default(), Default::default()),
        ProjectHandle::update_tag,
        ProjectHandle::delete_tag,
        ProjectHandle::delete_tag_with,
        ProjectHandle::train,
        ProjectHandle::train_watched,
        ProjectHandle::iterations,
        ProjectHandle::iteration,
        ProjectHandle::published(""),
        ProjectHandle::predictions,
        ProjectHandle::prediction,
        ProjectHandle::delete_predictions,
        ProjectHandle::predict("", &[]),
        ProjectHandle::predict_with("", &[], Keep::No),
        IterationHandle::details,
        IterationHandle::manifest,
        IterationHandle::evaluation,
        IterationHandle::performance(None),
        IterationHandle::confusion(None),
        IterationHandle::rename(""),
        IterationHandle::delete,
        IterationHandle::publish(""),
        IterationHandle::publish_over(""),
        IterationHandle::publish_with("", &PublishOptions::default()),
        IterationHandle::unpublish,
        IterationHandle::model_file,
        IterationHandle::export_onnx,
        IterationHandle::keep_export,
        IterationHandle::exports,
        IterationHandle::quick_test,
        IterationHandle::quick_test_with,
        IterationHandle::quick_test_in,
        IterationHandle::suggest,
        IterationHandle::suggestions,
        IterationHandle::suggestion_counts,
    ];
    calls.into_iter().chain(associated).collect()
}

/// What the document says in backquotes.
fn quoted() -> impl Iterator<Item = &'static str> {
    DOCUMENT.split('`').skip(1).step_by(2)
}

/// The cells of the rows of all tables under these headings.
fn rows(header: &str) -> Vec<Vec<&'static str>> {
    let mut rows = Vec::new();
    let mut inside = false;
    for line in DOCUMENT.lines() {
        if !line.starts_with('|') {
            inside = false;
        } else if line.starts_with(header) {
            inside = true;
        } else if inside && !line.starts_with("|---") {
            rows.push(line.trim_matches('|').split('|').map(str::trim).collect());
        }
    }
    rows
}

const OPERATIONS: [&str; 60] = [
    "GetDomains",
    "GetDomain",
    "GetProjects",
    "CreateProject",
    "GetProject",
    "UpdateProject",
    "DeleteProject",
    "GetArtifact",
    "ExportProject",
    "ImportProject",
    "GetImages",
    "GetImageCount",
    "GetTaggedImages",
    "GetTaggedImageCount",
    "GetUntaggedImages",
    "GetUntaggedImageCount",
    "GetImagesByIds",
    "CreateImagesFromData",
    "CreateImagesFromFiles",
    "CreateImagesFromUrls",
    "CreateImagesFromPredictions",
    "DeleteImages",
    "UpdateImageMetadata",
    "GetImageRegionProposals",
    "CreateImageRegions",
    "DeleteImageRegions",
    "CreateImageTags",
    "DeleteImageTags",
    "QuerySuggestedImages",
    "QuerySuggestedImageCount",
    "TrainProject",
    "GetIterations",
    "GetIteration",
    "UpdateIteration",
    "DeleteIteration",
    "GetIterationPerformance",
    "GetImagePerformances",
    "GetImagePerformanceCount",
    "PublishIteration",
    "UnpublishIteration",
    "ExportIteration",
    "GetExports",
    "QueryPredictions",
    "DeletePrediction",
    "QuickTestImage",
    "QuickTestImageUrl",
    "GetTags",
    "GetTag",
    "CreateTag",
    "UpdateTag",
    "DeleteTag",
    "SuggestTagsAndRegions",
    "ClassifyImage",
    "ClassifyImageWithNoStore",
    "ClassifyImageUrl",
    "ClassifyImageUrlWithNoStore",
    "DetectImage",
    "DetectImageWithNoStore",
    "DetectImageUrl",
    "DetectImageUrlWithNoStore",
];

#[test]
fn every_operation_is_there_once() {
    let mut found: Vec<&str> = rows("| operation |").iter().map(|cells| cells[0]).collect();
    let mut expected = OPERATIONS.to_vec();
    found.sort_unstable();
    expected.sort_unstable();
    assert_eq!(found, expected);
}

#[test]
fn every_operation_has_a_call_or_says_why_not() {
    for cells in rows("| operation |") {
        let [operation, here, notes] = cells[..] else { panic!("{cells:?} are not three cells") };
        let explained = matches!(here, "*later*" | "*not applicable*") && !notes.is_empty();
        assert!(here.starts_with('`') || explained, "{operation}: {here}");
    }
}

#[test]
fn the_calls_named_are_those_that_exist() {
    let named: BTreeSet<&str> =
        quoted().filter(|quoted| quoted.contains("::") && *quoted != "ocelli::limits").collect();
    assert_eq!(named, calls());
}

#[test]
fn limits_have_the_values_of_their_constants() {
    macro_rules! values {
        ($($constant:ident),* $(,)?) => { [$((stringify!($constant), limits::$constant.to_string())),*] };
    }
    let expected: BTreeSet<(&str, String)> = values![
        MAX_PROJECTS,
        MAX_IMAGES_PER_PROJECT,
        MAX_TAGS_PER_PROJECT,
        MAX_ITERATIONS_PER_PROJECT,
        MAX_TAGS_PER_IMAGE,
        MAX_REGIONS_PER_IMAGE,
        MAX_BATCH,
        MAX_TAGS_PER_BATCH,
        MAX_PAGE,
        DEFAULT_PAGE,
        MAX_PREDICTIONS_PER_DELETION,
        MAX_TAGS_PER_PREDICTION_QUERY,
        MAX_SUGGESTED,
        MAX_AUGMENTATION_PREVIEWS,
        MAX_METADATA_ENTRIES,
        MAX_METADATA_KEY,
        MAX_METADATA_VALUE,
        MAX_METADATA_FILTER,
        MAX_METADATA_FILTER_DEPTH,
        MAX_NAME,
        MAX_DESCRIPTION,
        MIN_IMAGES_PER_TAG,
        MIN_TAGS,
        MAX_TRAIN_BYTES,
        MAX_PREDICT_BYTES,
        MAX_SIDE,
        MAX_ASPECT_RATIO,
        MAX_PIXELS,
        DEFAULT_THRESHOLD,
        KEPT_PREDICTION_DAYS,
        DELETED_PROJECT_DAYS,
        CLOSED_ACCOUNT_DAYS,
    ]
    .into_iter()
    .collect();
    let rows = rows("| limit |");
    let found = rows.iter().map(|cells| (cells[2].trim_matches('`'), cells[1].replace(',', "")));
    assert_eq!(found.collect::<BTreeSet<_>>(), expected);
}
