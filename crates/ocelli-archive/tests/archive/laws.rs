use ocelli_core::{BoundingBox, Metadata, Name, Region, RegionId};
use proptest::prelude::*;

use crate::sample::{Account, account, at, project, read, write};

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn every_text_and_number_comes_back_as_the_same_bits(
        probabilities in proptest::collection::vec(0.0_f32..=1.0, 3),
        tiny in proptest::num::f32::POSITIVE | proptest::num::f32::SUBNORMAL,
        [left, top, width, height] in [0.0_f32..0.999, 0.0_f32..0.999, 1e-6_f32..1.0, 1e-6_f32..1.0],
        tag in "\\PC{1,30}",
        value in any::<String>(),
        strength in proptest::num::f64::NORMAL,
        photo in proptest::collection::vec(any::<u8>(), 0..50),
    ) {
        let mut content = project(1);
        if let Ok(name) = Name::new(&tag) {
            content.record.tags[0].name = name;
        }
        let record = &mut content.images[0].0.image;
        if let Ok(bounds) = BoundingBox::new(left, top, width.min(1.0 - left), height.min(1.0 - top)) {
            let id = RegionId::new(at(5), [5; 10]);
            record.regions.push(Region { id, tag_id: content.record.tags[0].id, created: at(5), bounds });
        }
        if let Ok(metadata) = Metadata::new([("key".to_owned(), value)].into()) {
            record.metadata = metadata;
        }
        content.images[0].1 = photo;
        let answers = &mut content.predictions[0].0.prediction.prediction.predictions;
        for (answer, probability) in answers.iter_mut().zip(probabilities) {
            answer.probability = probability;
        }
        answers[0].probability = tiny.min(1.0);
        if let Some(manifest) = &mut content.iterations[0].record.manifest {
            manifest.strength = strength;
            manifest.evaluation.photos[0].probabilities[0] = tiny.min(1.0);
        }
        let account = Account { projects: vec![content], ..account() };
        prop_assert_eq!(read(&write(&account).unwrap().0).unwrap(), account);
    }
}
