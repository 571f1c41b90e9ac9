//! Every block of the base models agrees with PyTorch on the published checkpoints (see golden/README.md).
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test fails by panicking and reports its figures"
)]

use std::collections::BTreeMap;

use ocelli_infer::reference::{Plan, TracedNode};
use ocelli_model::{Shape, file};
use safetensors::SafeTensors;

/// The largest L2 error of a block's output, relative to its norm.
const TOLERANCE: f64 = 1e-2;

#[test]
fn lite0_agrees_at_every_block() {
    agrees(ocelli_weights_lite0::MODEL, include_bytes!("golden/efficientnet-lite0.safetensors"), 16);
}

#[test]
fn lite2_agrees_at_every_block() {
    agrees(ocelli_weights_lite2::MODEL, include_bytes!("golden/efficientnet-lite2.safetensors"), 21);
}

fn agrees(model: &[u8], golden: &[u8], blocks: usize) {
    let network = file::read(model).unwrap();
    let plan = Plan::compile(&network).unwrap();
    let (_, header) = SafeTensors::read_metadata(golden).unwrap();
    let steps: BTreeMap<String, usize> =
        serde_json::from_str(&header.metadata().as_ref().unwrap()["steps"]).unwrap();
    let golden = SafeTensors::deserialize(golden).unwrap();
    let input: Vec<f32> = golden
        .tensor("input")
        .unwrap()
        .data()
        .iter()
        .map(|value| (f32::from(*value) - 127.0) / 128.0)
        .collect();
    let trace = plan.trace(input).unwrap();

    let mut names = vec!["stem".to_owned()];
    names.extend((0..blocks).map(|block| format!("block{block:02}")));
    names.push("features".to_owned());
    assert_eq!(golden.len(), names.len() + 1, "golden outputs, the input included");
    for name in names {
        let node = trace.iter().find(|node| node.name == name).expect(&name);
        let expected = golden.tensor(&name).unwrap();
        let expected = expected.data().as_chunks::<4>().0.iter().map(|four| f32::from_le_bytes(*four));
        let found = subsampled(node, steps.get(&name).copied().unwrap_or(1));
        assert_eq!(found.len(), expected.len(), "{name}");
        let (mut difference, mut norm) = (0.0, 0.0);
        for (found, expected) in found.into_iter().zip(expected) {
            difference += f64::from(found - expected).powi(2);
            norm += f64::from(expected).powi(2);
        }
        let error = (difference / norm).sqrt();
        println!("{name} {error:.1e}");
        assert!(error < TOLERANCE, "{name}: {error:.1e}");
    }
}

/// The values at every `step`-th row and column.
fn subsampled(node: &TracedNode, step: usize) -> Vec<f32> {
    let Shape::Map { height, width, .. } = node.shape else {
        return node.values.clone();
    };
    let rows = node.values.chunks_exact(width).enumerate().filter(|(row, _)| row % height % step == 0);
    rows.flat_map(|(_, row)| row.iter().copied().step_by(step)).collect()
}
