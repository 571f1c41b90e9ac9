//! Rows of a database that cannot be read: everything else leaves, and what does not is named.

use std::io::Cursor;

use ocelli::{
    Erased, ImportedProject, Keep, MetadataFilter, NewProject, Ocelli, OnnxInput, ProjectHandle,
    TransferProblem, Upload,
};
use ocelli_tests::{Scene, drawn, trained};

use crate::world::{exported, facts, images, imported};

fn damage(scene: &Scene, sql: &str) {
    let database = rusqlite::Connection::open(scene.path().join("ocelli.sqlite")).unwrap();
    assert!(database.execute(sql, ()).unwrap() >= 1, "{sql}");
}

/// A trained project with an export, three kept predictions, and ids of which one of each is to be damaged.
fn world(scene: &Scene) -> (ProjectHandle, [Erased; 3]) {
    let (project, iteration) = trained(&scene.ocelli);
    iteration.keep_export(OnnxInput::Tensor).unwrap();
    let asked =
        [90, 91, 92].map(|number| iteration.quick_test_with(&drawn(number), Keep::both()).unwrap().id);
    let image = images(&project)[4].id;
    let ids = [Erased::Image(image), Erased::Prediction(asked[1]), Erased::Iteration(iteration.id())];
    (project, ids)
}

/// What came of it elsewhere, and what the export said.
fn taken(scene: &Scene) -> (ImportedProject, Vec<TransferProblem>) {
    let (archive, summary) = exported(&scene.ocelli);
    let there = Scene::in_memory();
    let import = imported(&there.ocelli, &archive).projects.remove(0);
    // A copy meets the same.
    let copy = Ocelli::copy_project(&scene.ocelli, summary.projects[0].id, &Scene::in_memory().ocelli, None);
    let copy = copy.unwrap();
    assert_eq!(
        (copy.images, copy.predictions, copy.iterations.len(), copy.exports),
        (import.images, import.predictions, import.iterations.len(), import.exports)
    );
    (import, summary.projects.into_iter().flat_map(|project| project.problems).collect())
}

#[test]
fn an_export_gives_everything_but_what_is_damaged() {
    let scene = Scene::in_directory();
    let (project, [image, prediction, iteration]) = world(&scene);
    let id = |item: Erased| match item {
        Erased::Image(id) => id.to_string(),
        Erased::Prediction(id) => id.to_string(),
        Erased::Iteration(id) => id.to_string(),
        item => panic!("{item:?}"),
    };
    let (import, problems) = taken(&scene);
    assert_eq!((import.images, import.predictions, import.iterations.len(), import.exports), (12, 3, 1, 1));
    assert_eq!(problems, []);
    let mut expected = Vec::new();
    let mut check = |item: Erased, sql: String, counts: (u64, u64, usize, u64)| {
        damage(&scene, &sql);
        if !expected.contains(&Some(item)) {
            expected.push(Some(item));
        }
        let (import, problems) = taken(&scene);
        assert_eq!(
            (import.images, import.predictions, import.iterations.len(), import.exports),
            counts,
            "{sql}"
        );
        let mut named: Vec<_> = problems.iter().map(|problem| problem.item).collect();
        named.sort();
        expected.sort();
        assert_eq!(named, expected, "{sql}: {problems:?}");
    };
    let of =
        |table: &str, column: &str, item| format!("UPDATE {table} SET {column} WHERE id = '{}'", id(item));
    // A photo whose salt cannot be read comes without.
    check(image, of("images", "salt = x'00'", image), (12, 3, 1, 1));
    check(image, of("images", "metadata = 'no JSON'", image), (11, 3, 1, 1));
    check(prediction, of("predictions", "results = 'no JSON'", prediction), (11, 2, 1, 1));
    // Without its manifest, an iteration cannot be taken over.
    let manifest = "UPDATE trained SET manifest = 'no JSON'".to_owned();
    check(iteration, manifest, (11, 2, 0, 0));
    check(iteration, of("iterations", "name = x'00'", iteration), (11, 2, 0, 0));
    drop(project);
}

/// Nobody can tell whether it is hers.
#[test]
fn a_person_does_not_get_what_may_be_about_another() {
    let scene = Scene::in_directory();
    let (_, iteration) = trained(&scene.ocelli);
    let [_, prediction, _] = [(90, "anna"), (91, "bert"), (92, "anna")].map(|(number, person)| {
        let keep = Keep::both().with_metadata(facts(&[("person", person)]));
        iteration.quick_test_with(&drawn(number), keep).unwrap().id
    });
    // Projects come in the order of their making.
    scene.pass_millis(1);
    let project = scene.ocelli.create_project(NewProject::new("visitors")).unwrap();
    let upload = |number, person| Upload::bytes(drawn(number)).metadata(facts(&[("person", person)]));
    for (number, person) in [(1, "anna"), (2, "bert"), (3, "anna"), (4, "anna")] {
        scene.pass_millis(1);
        let upload = upload(number, person);
        assert!(project.add_images(vec![upload]).unwrap().is_batch_successful());
    }
    let [_, his, damaged, hers] = &images(&project)[..] else { panic!("four were stored") };
    damage(
        &scene,
        &format!("UPDATE images SET metadata = 'no JSON' WHERE id IN ('{}', '{}')", his.id, damaged.id),
    );
    damage(&scene, &format!("UPDATE images SET origin = 'no JSON' WHERE id = '{}'", hers.id));
    damage(&scene, &format!("UPDATE predictions SET metadata = 'no JSON' WHERE id = '{prediction}'"));

    let filter: MetadataFilter = "person eq 'anna'".parse().unwrap();
    let summary = scene.ocelli.export_person(&filter, Cursor::new(Vec::new())).unwrap();
    let given: Vec<_> = summary.projects.iter().map(|each| (each.images, each.predictions)).collect();
    assert_eq!(given, [(0, 2), (1, 0)]);
    // That one is hers, and cannot be read.
    let problems: Vec<_> =
        summary.projects.iter().flat_map(|each| &each.problems).map(|each| each.item).collect();
    assert_eq!((problems, summary.left_behind), (vec![Some(Erased::Image(hers.id))], 1));
    let mut named: Vec<_> = summary.damaged.iter().map(|(_, item)| *item).collect();
    named.sort();
    assert_eq!(named, [Erased::Image(his.id), Erased::Image(damaged.id), Erased::Prediction(prediction)]);
    let (_, all) = exported(&scene.ocelli);
    assert_eq!(
        (all.damaged.len(), all.projects.iter().map(|each| each.problems.len()).sum::<usize>()),
        (0, 4)
    );
}
