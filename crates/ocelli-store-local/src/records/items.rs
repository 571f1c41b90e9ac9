//! What is kept, by class and in the order of the events that its time counts from: due or not, held or not.
//!
//! Each class has an index that begins with the project and the event and has what a plan needs, so that a page reads
//! what it returns and nothing else.

use ocelli_core::{Commitment, DataClass, Erased, Metadata, ProjectId, Timestamp};
use ocelli_store::{Item, ItemQuery, Missing, StoreError};
use rusqlite::types::{Type, Value};
use rusqlite::{Result as SqlResult, Row, params_from_iter};

use super::{account, all, erasures, projects};
use crate::columns::{id, moment};
use crate::rows::Rows;

/// Items that a page with a filter reads at once, at least.
const READ_AT_ONCE: usize = 500;

/// Where the items of a class are.
struct Source {
    /// The columns of the id, the event and the bytes; what to read them from, and the condition.
    columns: [&'static str; 3],
    from: &'static str,
    condition: &'static str,
    /// The table that its metadata is sealed as, and the column.
    metadata: Option<(&'static str, &'static str)>,
    /// Whether there is the column `commitment`.
    commitment: bool,
}

/// The metadata of the photo that features are of.
const OF_PHOTO: &str = "(SELECT i.metadata FROM images AS i WHERE i.project = f.project AND i.id = f.image)";

const PLAIN: Source =
    Source { columns: ["id", "created", "0"], from: "", condition: "", metadata: None, commitment: false };

fn source(class: DataClass) -> Option<Source> {
    Some(match class {
        DataClass::TrainingPhoto => Source {
            columns: ["id", "created", "bytes"],
            from: "images",
            metadata: Some(("images", "metadata")),
            commitment: true,
            ..PLAIN
        },
        DataClass::PredictionPhoto => Source {
            columns: ["id", "created", "bytes"],
            from: "predictions",
            condition: "AND photo_kept = 1",
            metadata: Some(("predictions", "metadata")),
            commitment: true,
        },
        DataClass::PredictionResult => Source {
            from: "predictions",
            condition: "AND results_kept = 1",
            metadata: Some(("predictions", "metadata")),
            ..PLAIN
        },
        // One item for each photo and moment, with the photo's metadata.
        DataClass::Features => Source {
            columns: ["DISTINCT image", "created", "0"],
            metadata: Some(("images", OF_PHOTO)),
            from: "features AS f",
            condition: "AND NOT EXISTS (SELECT 1 FROM removed_features AS r
                                        WHERE r.feature_key = f.feature_key AND r.project = f.project)",
            ..PLAIN
        },
        DataClass::Iteration => Source { from: "iterations", ..PLAIN },
        DataClass::Export => Source {
            columns: [
                "id",
                "created",
                "(SELECT coalesce(sum(size), 0) FROM export_files AS x
                  WHERE x.project = exports.project AND x.export = exports.id)",
            ],
            from: "exports",
            ..PLAIN
        },
        _ => return None,
    })
}

/// A page of items.
pub(crate) fn list(rows: &Rows<'_>, query: &ItemQuery) -> Result<Vec<Item>, StoreError> {
    match (query.class, query.project_id) {
        (DataClass::DeletedProject, _) => deleted(rows, query),
        (DataClass::ClosedAccount, _) => closed(rows, query),
        (class, Some(project)) => {
            projects::retention(rows, project)?.ok_or(StoreError::NotFound(Missing::Project(project)))?;
            match source(class) {
                Some(source) => of_project(rows, query, project, &source),
                None => Ok(Vec::new()),
            }
        }
        (_, None) => Err(StoreError::Unsupported("list items of this class of all projects; name one")),
    }
}

fn of_project(
    rows: &Rows<'_>,
    query: &ItemQuery,
    project: ProjectId,
    source: &Source,
) -> Result<Vec<Item>, StoreError> {
    // Features are not selected by it, though their photo's is told.
    if query.metadata.is_some() && (source.metadata.is_none() || query.class == DataClass::Features) {
        return Ok(Vec::new());
    }
    let mut found = Vec::new();
    let mut after = query.after;
    while found.len() < query.take {
        let chunk = match query.metadata {
            Some(_) => query.take.max(READ_AT_ONCE),
            None => query.take,
        };
        let page = page(rows, query, project, source, after, chunk)?;
        let (read, last) = (page.len(), page.last().map(|last| (last.event, last.item)));
        let chosen = page.into_iter().filter_map(|mut item| {
            let metadata = item.metadata.as_ref();
            // One whose metadata is damaged may be what is asked for.
            let chosen =
                query.metadata.as_ref().is_none_or(|filter| metadata.is_none_or(|it| filter.matches(it)));
            if !query.with_metadata {
                (item.metadata, item.commitment) = (None, None);
            }
            // The id may be that of something of another kind.
            let chosen = chosen && query.item.is_none_or(|only| only == item.item);
            chosen.then_some(item)
        });
        found.extend(chosen.take(query.take - found.len()));
        if read < chunk {
            break;
        }
        after = last;
    }
    Ok(found)
}

fn page(
    rows: &Rows<'_>,
    query: &ItemQuery,
    project: ProjectId,
    source: &Source,
    after: Option<(Timestamp, Erased)>,
    take: usize,
) -> Result<Vec<Item>, StoreError> {
    // What is sealed is opened only where it is asked for.
    let metadata = source.metadata.filter(|_| query.with_metadata || query.metadata.is_some());
    let sealed = match metadata {
        Some((table, _)) => Some((rows.seal(project)?, table)),
        None => None,
    };
    let [column, event, bytes] = source.columns;
    let id = column.trim_start_matches("DISTINCT ");
    let (from, condition) = (source.from, source.condition);
    let also = match (metadata, source.commitment) {
        (Some((_, metadata)), true) => format!(", {metadata}, commitment"),
        (Some((_, metadata)), false) => format!(", {metadata}, NULL"),
        (None, _) => String::new(),
    };
    let mut sql =
        format!("SELECT {column}, {event}, {bytes}{also} FROM {from} WHERE project = ?1 {condition}");
    let mut values: Vec<Value> = vec![project.to_string().into()];
    if let Some(item) = &query.item {
        sql += &format!(" AND {id} = ?");
        values.push(erasures::columns(item)?.1.into());
    }
    if let Some(through) = query.through {
        sql += &format!(" AND {event} <= ?");
        values.push(through.as_millis().into());
    }
    if let Some((moment, item)) = after {
        sql += &format!(" AND ({event}, {id}) > (?, ?)");
        values.extend([moment.as_millis().into(), erasures::columns(&item)?.1.into()]);
    }
    sql += &format!(" ORDER BY {event}, {id} LIMIT ?");
    values.push(i64::try_from(take).unwrap_or(i64::MAX).into());
    all(rows, &sql, params_from_iter(values), |row| {
        let item = read_id(query.class, row)?;
        let (mut metadata, mut commitment) = (None, None);
        if let Some((seal, table)) = &sealed {
            let id = row.get_ref(0)?.as_str()?;
            metadata = seal.row(table, &id).read_json::<Metadata>("metadata", row, 3).ok();
            commitment = row.get::<_, Option<_>>(4)?.map(Commitment::from_bytes);
        }
        let bytes = if row.get_ref(2)?.data_type() == Type::Null { 0 } else { row.get(2)? };
        Ok(Item { project_id: project, item, event: moment(row, 1)?, bytes, metadata, commitment })
    })
}

fn read_id(class: DataClass, row: &Row<'_>) -> SqlResult<Erased> {
    Ok(match class {
        DataClass::TrainingPhoto => Erased::Image(id(row, 0)?),
        DataClass::PredictionPhoto => Erased::PredictionPhoto(id(row, 0)?),
        DataClass::PredictionResult => Erased::PredictionResult(id(row, 0)?),
        DataClass::Features => Erased::Features(id(row, 0)?),
        DataClass::Iteration => Erased::Iteration(id(row, 0)?),
        DataClass::Export => Erased::Export(id(row, 0)?),
        _ => Erased::Project(id(row, 0)?),
    })
}

/// Projects that were deleted.
fn deleted(rows: &Rows<'_>, query: &ItemQuery) -> Result<Vec<Item>, StoreError> {
    let sql =
        "SELECT id, deleted FROM projects WHERE erased = 0 AND deleted IS NOT NULL ORDER BY deleted, id";
    let found = all(rows, sql, (), |row| Ok((id(row, 0)?, moment(row, 1)?)))?;
    Ok(whole_projects(query, found))
}

/// All projects, if the account is closed.
fn closed(rows: &Rows<'_>, query: &ItemQuery) -> Result<Vec<Item>, StoreError> {
    let Some(closed) = account::get(rows)?.closed else { return Ok(Vec::new()) };
    let sql = "SELECT id FROM projects WHERE erased = 0 ORDER BY id";
    let found = all(rows, sql, (), |row| Ok((id(row, 0)?, closed)))?;
    Ok(whole_projects(query, found))
}

/// Those of the projects that the question is about. There are few.
fn whole_projects(query: &ItemQuery, found: Vec<(ProjectId, Timestamp)>) -> Vec<Item> {
    let item = |(project_id, event)| Item {
        project_id,
        item: Erased::Project(project_id),
        event,
        bytes: 0,
        metadata: None,
        commitment: None,
    };
    let asked = |item: &Item| {
        query.project_id.is_none_or(|project| item.project_id == project)
            && query.item.is_none_or(|one| item.item == one)
            && query.through.is_none_or(|through| item.event <= through)
            && query.after.is_none_or(|after| (item.event, item.item) > after)
    };
    found.into_iter().map(item).filter(asked).take(query.take).collect()
}
