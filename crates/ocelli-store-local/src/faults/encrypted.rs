//! Power failures while an encrypted project is stored and erased: its key goes before anything else does.

use std::sync::Arc;

use ocelli_keys::Keys;
use ocelli_store::conformance::scene::{Scene, at};
use ocelli_store::{Change, Store, StoreOptions};

use super::disk::SimulatedDisk;
use super::platter::{Platter, Survivors};
use super::scenario::options;
use super::stage::rounds;
use super::tree::Tree;
use crate::LocalStore;
use crate::records::keys;

const PHOTOS: [&[u8]; 3] = [b"the first photo", b"the second photo", b"the third photo"];

fn open(disk: &SimulatedDisk) -> LocalStore {
    let keys = Arc::new(Keys::from_random([1; 64]));
    let options = StoreOptions { keys: Some(keys), encrypt: true, ..options() };
    LocalStore::open_on(Arc::new(disk.clone()), &disk.root().join("data"), options).unwrap()
}

/// Whether any part of a secret is in any file.
fn holds(tree: &Tree, secret: &[u8]) -> bool {
    let parts: Vec<_> = secret.as_chunks::<16>().0.iter().map(memchr::memmem::Finder::new).collect();
    tree.files().any(|(_, bytes)| parts.iter().any(|part| part.find(bytes).is_some()))
}

/// How many photos and other bytes of projects there are.
fn blobs(tree: &Tree) -> usize {
    tree.files().filter(|(path, _)| path.components().any(|part| part.as_os_str() == "blobs")).count()
}

#[test]
fn a_key_is_gone_before_the_first_photo_of_its_project() {
    let disk = SimulatedDisk::new(Tree::default());
    let store = Arc::new(open(&disk));
    let scene =
        Scene::over(Arc::clone(&store) as Arc<dyn Store>, ocelli_core::ProjectId::new(at(0), [7; 10]), 1);
    scene.apply(scene.creation(scene.project, 0));
    let images = PHOTOS.map(|photo| scene.image(photo, &[]));
    let project = crate::keyring::KeyOwner::Project(scene.project);
    let wrapped = store.ask(|rows| keys::get(rows, project)).unwrap().unwrap();
    let before = disk.tree();
    assert!(holds(&before, &wrapped));
    assert_eq!(blobs(&before), PHOTOS.len());

    disk.record();
    let erasure = Change::EraseProject { project: scene.project, at: at(50) };
    assert!(scene.erase(erasure).status.is_complete());
    let steps = disk.steps();
    let (mut there, mut begun, mut gone) = (0, 0, 0);
    let mut platter = Platter::new(before);
    for number in 0..=steps.len() {
        if number > 0 {
            platter.take(&steps[number - 1]);
        }
        let random = (0..4 * rounds()).map(|seed| Survivors::Random((1000 * number + seed) as u64));
        for survivors in [Survivors::None, Survivors::All].into_iter().chain(random) {
            let context = format!("step {number}, {survivors:?}");
            let image = platter.image(survivors);
            let (left, key_is_left) = (blobs(&image), holds(&image, &wrapped));
            // What has lost a photo has lost the key, whatever of it was not synced.
            assert!(left == PHOTOS.len() || !key_is_left, "{context}");
            let disk = SimulatedDisk::new(image);
            let store = open(&disk);
            match store.project(scene.project) {
                Ok(_) => {
                    there += 1;
                    for (image, photo) in images.iter().zip(PHOTOS) {
                        assert_eq!(store.image_bytes(scene.project, *image).unwrap(), photo, "{context}");
                    }
                }
                Err(_) => {
                    begun += usize::from(left > 0);
                    gone += 1;
                    assert!(store.finish().unwrap().is_complete(), "{context}");
                    assert!(!holds(&disk.tree(), &wrapped), "{context}");
                    assert_eq!(blobs(&disk.tree()), 0, "{context}");
                }
            }
        }
    }
    assert!(there > 0 && begun > 0 && gone > begun, "{there} {begun} {gone}");
}
