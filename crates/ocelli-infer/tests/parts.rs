//! A part of a network puts out the node at which it ends, maps as `[channels, height, width]`.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;

use ocelli_imaging::RgbView;
use ocelli_infer::CompiledNetwork;
use ocelli_infer::reference::{Plan, preprocess};
use ocelli_model::{NodeId, file};

#[test]
fn every_block_of_lite0_as_the_output() {
    let base = file::read(ocelli_weights_lite0::MODEL).unwrap();
    let bytes: Vec<u8> =
        (0..224_u32 * 224 * 3).map(|index| (index.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    let photo = RgbView::new(224, 224, &bytes).unwrap();
    let input = preprocess(base.preprocessing(), photo).unwrap();
    let trace = Plan::compile(&base).unwrap().trace(input.clone()).unwrap();
    let mut expected: BTreeMap<_, _> =
        trace.into_iter().map(|node| (node.name, (node.shape, node.values))).collect();
    expected.insert("input".to_owned(), (base.shapes()[0], input));

    let ids = (0..u32::try_from(base.nodes().len()).unwrap())
        .map(|id| serde_json::from_value::<NodeId>(id.into()).unwrap());
    let mut seen = 0;
    // By convention the last node of a block has the block's own name.
    for (id, node) in ids.zip(base.nodes()).filter(|(_, node)| !node.name.contains('.')) {
        let (shape, expected) = &expected[&node.name];
        let part = base.up_to(id).unwrap();
        assert_eq!(part.output_shape(), *shape, "{}", node.name);
        let compiled = CompiledNetwork::compile(&part).unwrap();
        let mut found = vec![0.0; compiled.output_len()];
        compiled.predict_into(photo, &mut found).unwrap();
        let largest = found.iter().zip(expected).map(|(a, b)| (a - b).abs()).fold(0.0, f32::max);
        assert!(largest < 1e-3, "{}: {largest}", node.name);
        seen += 1;
    }
    assert!(seen >= 19, "{seen} outputs: the input, the stem, 16 blocks and the features");
}
