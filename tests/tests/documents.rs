//! What the pages beside parity.md name exists, and docs/data-control.md has every row of Custom Vision's own table.

#![allow(clippy::unwrap_used, reason = "a test that cannot unwrap fails")]

use std::collections::BTreeSet;
use std::fs::File;

use ocelli::{
    AuditAction, AuditLog, ExportOptions, ExportSummary, ExportedProject, Findings, HoldTarget,
    ImportOptions, IterationHandle, Keys, ManualClock, MetadataFilter, Ocelli, OpenOptions, Plan,
    ProjectHandle, ProjectId, PublishOptions, Receipt, StoreError, SweepOptions, Swept, Timestamp,
    TrainOptions,
};

const DATA_CONTROL: &str = include_str!("../../docs/data-control.md");
const PAGES: [(&str, &str); 4] = [
    ("data-control.md", DATA_CONTROL),
    ("security.md", include_str!("../../docs/security.md")),
    ("durability.md", include_str!("../../docs/durability.md")),
    ("README.md", include_str!("../../README.md")),
];

/// Names calls, fields and variants; one that does not exist does not compile. The arguments of generic calls follow in
/// brackets.
macro_rules! names {
    (@exists call $owner:ident::$name:ident) => {
        let _ = $owner::$name;
    };
    (@exists call $owner:ident::$name:ident ($($argument:expr),*)) => {
        let _ = |owner: $owner| drop(owner.$name($($argument),*));
    };
    (@exists field $owner:ident::$name:ident) => {
        let _ = |owner: $owner| owner.$name;
    };
    ($($kind:ident $owner:ident::$name:ident $(($($argument:expr),*))?),* $(,)?) => {{
        $(names!(@exists $kind $owner::$name $(($($argument),*))?);)*
        [$(concat!(stringify!($owner), "::", stringify!($name))),*]
    }};
}

fn names() -> BTreeSet<&'static str> {
    let _ = |ocelli: &Ocelli, file: File, filter: &MetadataFilter| {
        drop(ocelli.export_all(&file, ExportOptions::default()));
        drop(ocelli.export_person(filter, &file));
        drop(ocelli.import(file, &ImportOptions::default()));
    };
    let _ =
        |project: &ProjectHandle, file: File| drop(project.export_archive(file, ExportOptions::default()));
    let _ = |error: StoreError| {
        matches!(error, StoreError::Key { .. } | StoreError::AccountKey(_) | StoreError::Corrupt { .. })
            || ocelli::ErasureStatus::ErasurePending.is_complete()
    };
    let _ = |path: &str| ocelli::Model::open(path);
    let generic = [
        "Ocelli::export_all",
        "Ocelli::export_person",
        "Ocelli::import",
        "ProjectHandle::export_archive",
        "StoreError::Key",
        "StoreError::AccountKey",
        "StoreError::Corrupt",
        "ErasureStatus::ErasurePending",
        "ocelli::Model::open",
    ];
    let (id, at) = (ProjectId::new(Timestamp::from_millis(0), [0; 10]), Timestamp::from_millis(0));
    let target = || HoldTarget::Project { project_id: id };
    let names = names![
        call Ocelli::account,
        call Ocelli::audit_head,
        call Ocelli::audit_log,
        call Ocelli::check,
        call Ocelli::close_account,
        call Ocelli::copy_project,
        call Ocelli::erase_person,
        call Ocelli::erase_project,
        call Ocelli::execute(&Plan::from_json(b"").unwrap(), SweepOptions::default()),
        call Ocelli::find_person,
        call Ocelli::held,
        call Ocelli::held_bytes,
        call Ocelli::hold_person("a eq 'b'".parse().unwrap(), ""),
        call Ocelli::import_custom_vision("", &Default::default()),
        call Ocelli::place_hold(target(), ""),
        call Ocelli::plan,
        call Ocelli::projects,
        call Ocelli::public_key,
        call Ocelli::reapply_erasures,
        call Ocelli::receipt,
        call Ocelli::release_hold,
        call Ocelli::set_account_policy,
        call Ocelli::snapshot(""),
        call Ocelli::sweep(at, SweepOptions::default()),
        call Ocelli::why,
        call OpenOptions::clock(ManualClock::new(at)),
        call OpenOptions::encrypted,
        call OpenOptions::keys(Keys::from_random([0; 64])),
        call ProjectHandle::delete,
        call ProjectHandle::delete_export,
        call ProjectHandle::delete_images,
        call ProjectHandle::delete_images_with,
        call ProjectHandle::delete_predictions,
        call ProjectHandle::delete_regions,
        call ProjectHandle::delete_tag,
        call ProjectHandle::details,
        call ProjectHandle::export_file(ocelli::ExportId::new(at, [0; 10]), ""),
        call ProjectHandle::image_bytes,
        call ProjectHandle::images,
        call ProjectHandle::iterations,
        call ProjectHandle::prediction_bytes,
        call ProjectHandle::predictions,
        call ProjectHandle::retrain_without,
        call ProjectHandle::set_metadata,
        call ProjectHandle::set_retention,
        call ProjectHandle::tag,
        call ProjectHandle::tags,
        call ProjectHandle::train_watched,
        call ProjectHandle::with_views,
        call IterationHandle::confusion(None),
        call IterationHandle::delete,
        call IterationHandle::details,
        call IterationHandle::evaluation,
        call IterationHandle::exports,
        call IterationHandle::report,
        call IterationHandle::manifest,
        call IterationHandle::performance(None),
        call IterationHandle::publish_with("", &PublishOptions::default()),
        call IterationHandle::quick_test,
        call Plan::locked,
        call Receipt::prove(Vec::<ocelli::ErasedItem>::new(), 0),
        call AuditLog::verify,
        call AuditAction::Imported,
        call AuditAction::ProjectCreated,
        field ExportSummary::damaged,
        field ExportSummary::left_behind,
        field ExportSummary::locked,
        field ExportedProject::problems,
        field Findings::damaged,
        field Findings::locked,
        field ImportOptions::erased,
        field Swept::audit_failure,
        field Swept::audit_needs_keys,
        field Swept::damaged,
        field Swept::locked,
        field TrainOptions::view,
    ];
    names.into_iter().chain(generic).collect()
}

/// What a page says in backquotes.
fn quoted(page: &'static str) -> impl Iterator<Item = &'static str> {
    page.lines().flat_map(|line| line.split('`').skip(1).step_by(2))
}

#[test]
fn what_the_pages_name_exists() {
    let exist = names();
    let mut named = BTreeSet::new();
    for (page, text) in PAGES {
        for name in quoted(text).filter(|name| name.contains("::")) {
            assert!(exist.contains(name), "{page} names {name}");
            named.insert(name);
        }
    }
    assert_eq!(named, exist, "what no page names need not be listed here");
}

#[test]
fn every_row_of_custom_visions_own_table_has_its_calls_here() {
    let rows = DATA_CONTROL.lines().skip_while(|line| !line.starts_with("| data |")).skip(2);
    let rows: Vec<Vec<&str>> = rows
        .take_while(|line| line.starts_with('|'))
        .map(|line| line.trim_matches('|').split('|').map(str::trim).collect())
        .collect();
    let theirs: BTreeSet<(&str, &str)> = rows.iter().map(|cells| (cells[1], cells[2])).collect();
    for row in [
        ("GetAccountInfo", "in the portal"),
        ("GetIteration", "DeleteIteration"),
        ("GetIterationPerformance", "DeleteIteration"),
        ("GetIterations", "DeleteIteration"),
        ("GetProject, GetProjects", "DeleteProject"),
        ("GetTag, GetTags", "DeleteTag"),
        ("GetTaggedImages, GetUntaggedImages", "DeleteImages"),
        ("GetExports", "none: \"deleted upon account deletion\""),
        ("QueryPredictions", "DeletePrediction"),
        ("GetImagePerformances", "with the iteration"),
        ("with the photo", "DeleteImageRegions, UpdateImageMetadata"),
        ("ExportProject, ImportProject", "DeleteProject"),
    ] {
        assert!(theirs.contains(&row), "{row:?} is missing");
    }
    for cells in rows {
        let [data, _, _, view, delete] = cells[..] else { panic!("{cells:?} are not five cells") };
        assert!(view.starts_with('`'), "{data} cannot be viewed by {view}");
        assert!(delete.starts_with('`') || delete == "with the photo, or the iteration", "{data}: {delete}");
    }
}
