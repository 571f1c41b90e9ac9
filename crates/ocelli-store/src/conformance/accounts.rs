//! The account: how long it keeps deleted projects, and what closing it does.

use ocelli_core::{RetentionRule, Timestamp, limits};

use super::Make;
use super::control::{CLASSES, TEN_DAYS, day, on};
use super::scene::{Scene, at, name};
use crate::{Change, ImageQuery, Missing, ProjectState, StoreError};

fn restoring(scene: &Scene) -> Change {
    Change::RestoreProject { project: scene.project, at: at(80) }
}

fn closing(millis: i64) -> Change {
    Change::CloseAccount { at: at(millis) }
}

fn reopening() -> Change {
    Change::ReopenAccount { at: at(81) }
}

fn is_gone<T: std::fmt::Debug>(scene: &Scene, answer: Result<T, StoreError>) {
    match answer {
        Err(StoreError::NotFound(Missing::Project(id))) if id == scene.project => {}
        other => panic!("{other:?}"),
    }
}

fn listed(scene: &Scene) -> (usize, usize) {
    let count = |state| scene.store.projects(state).unwrap().len();
    (count(ProjectState::Live), count(ProjectState::DeletedSince(Timestamp::from_millis(0))))
}

/// That of the account, whatever a longer one says later.
pub fn a_deleted_project_is_restored_until_its_policy_ends(make: Make) {
    let scene = Scene::new(make);
    scene.set_account_policy(|policy| policy.deleted_projects = TEN_DAYS);
    let one = scene.one(0, "ann");
    scene.apply(Change::DeleteProject { project: scene.project, at: day(1) });
    scene.set_clock(on(11, -1));
    assert_eq!(listed(&scene), (0, 1));
    scene.apply(restoring(&scene));
    assert_eq!(scene.seen(&one), CLASSES);
    scene.apply(Change::DeleteProject { project: scene.project, at: day(1) });
    scene.go_to(11);
    for policy in [TEN_DAYS, RetentionRule::Forever, RetentionRule::days(100)] {
        scene.set_account_policy(|account| account.deleted_projects = policy);
        assert_eq!(listed(&scene), (0, 0));
        assert!(
            matches!(scene.refuse(restoring(&scene)), StoreError::RestoreExpired(id) if id == scene.project)
        );
        is_gone(&scene, scene.store.apply(scene.erasure_of_project()));
        is_gone(&scene, scene.store.project(scene.project));
    }
    assert!(matches!(scene.refuse(scene.creation(scene.project, 1)), StoreError::IdTaken(_)));
}

/// Deleting is for good then.
pub fn a_deleted_project_may_not_be_kept_at_all(make: Make) {
    let scene = Scene::new(make);
    scene.set_account_policy(|policy| policy.deleted_projects = RetentionRule::NotAtAll);
    scene.apply(scene.deletion());
    assert_eq!(listed(&scene), (0, 0));
    assert!(matches!(scene.refuse(restoring(&scene)), StoreError::RestoreExpired(_)));
}

/// As if deleted; nothing new comes, and opening it again brings all back.
pub fn a_closed_account_hides_its_projects(make: Make) {
    let scene = Scene::new(make);
    let one = scene.one(0, "ann");
    assert_eq!(scene.store.account().unwrap().closed, None);
    scene.apply(closing(82));
    assert_eq!(scene.store.account().unwrap().closed, Some(at(82)));
    assert_eq!(listed(&scene), (0, 0));
    is_gone(&scene, scene.store.project(scene.project));
    is_gone(&scene, scene.store.images(scene.project, &ImageQuery::default()));
    is_gone(&scene, scene.store.image_bytes(scene.project, one.image));
    is_gone(&scene, scene.store.prediction(scene.project, one.prediction));
    is_gone(&scene, scene.store.model(scene.project, one.iteration));
    is_gone(&scene, scene.store.lock_training(scene.project));
    is_gone(&scene, scene.store.apply(scene.deletion_of_images(&[one.image])));
    let new = scene.new_image(b"new", &[]);
    let adding = Change::AddImages { project: scene.project, images: vec![new] };
    is_gone(&scene, scene.store.apply(adding));
    let another = scene.creation(scene.new_project(), 1);
    assert!(matches!(scene.refuse(another), StoreError::AccountClosed(closed) if closed == at(82)));
    assert!(matches!(scene.refuse(restoring(&scene)), StoreError::AccountClosed(_)));
    scene.apply(reopening());
    assert_eq!(scene.store.account().unwrap().closed, None);
    assert_eq!(scene.seen(&one), CLASSES);
}

/// The moment at which it was closed first counts.
pub fn closing_a_closed_account_changes_nothing(make: Make) {
    let scene = Scene::new(make);
    scene.apply(reopening());
    scene.apply(closing(82));
    let before = (scene.store.account().unwrap(), scene.store.audit_head().unwrap());
    scene.apply(closing(83));
    assert_eq!((scene.store.account().unwrap(), scene.store.audit_head().unwrap()), before);
    scene.apply(reopening());
    let head = scene.store.audit_head().unwrap();
    scene.apply(reopening());
    assert_eq!(scene.store.audit_head().unwrap(), head);
}

/// Until it is unpublished.
pub fn an_account_with_a_published_iteration_stays_open(make: Make) {
    let scene = Scene::new(make);
    let iteration = scene.complete(1);
    scene.apply(scene.publication(iteration, "live", false));
    assert!(matches!(scene.refuse(closing(82)), StoreError::Published(id) if id == iteration));
    assert_eq!(scene.store.published(scene.project, &name("live")).unwrap().id, iteration);
    scene.apply(Change::Unpublish { project: scene.project, iteration, at: at(83) });
    scene.apply(closing(84));
}

/// And then it does not open again, whatever a longer policy says.
pub fn a_closed_account_is_kept_for_ninety_days(make: Make) {
    let scene = Scene::new(make);
    let end = at(82).plus_days(limits::CLOSED_ACCOUNT_DAYS);
    scene.apply(closing(82));
    scene.set_clock(Timestamp::from_millis(end.as_millis() - 1));
    scene.apply(reopening());
    scene.apply(closing(82));
    scene.set_clock(end);
    for rule in [RetentionRule::days(90), RetentionRule::Forever] {
        scene.set_account_policy(|policy| policy.closed_account = rule);
        assert!(matches!(scene.refuse(reopening()), StoreError::AccountDue(closed) if closed == at(82)));
    }
    assert!(scene.store.account().unwrap().closed.is_some());
}

/// And keeps its id.
pub fn an_account_policy_comes_back_as_it_was_set(make: Make) {
    let scene = Scene::new(make);
    let before = scene.store.account().unwrap();
    assert_eq!(before.retention, ocelli_core::Retention::default());
    scene.set_account_policy(|policy| policy.audit_entries = TEN_DAYS);
    let after = scene.store.account().unwrap();
    assert_eq!((after.id, after.retention.policy().audit_entries), (before.id, TEN_DAYS));
}
