//! A small network is adapted to photos that its features do not tell apart.

#![allow(clippy::unwrap_used, reason = "a test that cannot unwrap fails")]

use std::sync::Mutex;
use std::time::{Duration, Instant};

use burn::tensor::{Device, Tensor, TensorData};
use ocelli_core::{
    ClassificationType, FineTuningOptions, ImageId, Name, TagId, TagType, Timestamp, TrainedTag,
};
use ocelli_model::{
    BatchNorm, Conv2d, Network, NetworkBuilder, NodeId, Op, Padding, Preprocessing, Tensor as Weights, View,
};
use ocelli_train::{
    Activations, Checkpoints, FineTuned, FineTuning, HeadOptions, LabelledPhoto, Labels, StopToken, Tail,
    TimeLimit, TrainError, TrainedHead, TrainingDevice, TrainingEvent, TrainingSet, cuts, fine_tune,
    train_head,
};

const SIDE: usize = 6;
const PHOTOS: u16 = 40;

/// A number between -1 and 1 that looks random and is not.
fn noise(n: usize) -> f32 {
    let mixed =
        (n as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(23).wrapping_mul(0xff51_afd7_ed55_8ccd);
    (mixed >> 40) as f32 / (1u64 << 23) as f32 - 1.0
}

/// Two blocks, each a convolution with batch normalisation and ReLU6, and the mean of their maps.
fn base() -> Network {
    let mut builder = NetworkBuilder::new(Preprocessing {
        width: SIDE as u32,
        height: SIDE as u32,
        view: View::Whole,
        mean: [127.0; 3],
        std: [128.0; 3],
    });
    let mut last = builder.input();
    for (block, [inputs, outputs], kernel) in [("block00", [3, 4], 1), ("block01", [4, 8], 1)] {
        let named = |part: &str| format!("{block}.{part}");
        let conv =
            Conv2d { weight: named("weight"), bias: None, stride: [1, 1], padding: Padding::Same, groups: 1 };
        let count = outputs * inputs * kernel * kernel;
        let values: Vec<f32> = (0..count).map(|n| 0.3 * noise(n + 100 * outputs)).collect();
        builder.tensor(named("weight"), Weights::f32(&[outputs, inputs, kernel, kernel], values).unwrap());
        last = builder.node(named("conv"), Op::Conv2d(conv), &[last]);
        let norm = BatchNorm {
            scale: named("scale"),
            shift: named("shift"),
            mean: named("mean"),
            variance: named("variance"),
            epsilon: 1e-3,
        };
        for (part, value) in [("scale", 1.0), ("shift", 0.5), ("mean", 0.0), ("variance", 1.0)] {
            builder.tensor(named(part), Weights::f32(&[outputs], vec![value; outputs]).unwrap());
        }
        last = builder.node(named("norm"), Op::BatchNorm(norm), &[last]);
        last = builder.node(block, Op::Relu6, &[last]);
    }
    let features = builder.node("features", Op::GlobalAveragePool, &[last]);
    builder.build(features).unwrap()
}

fn after_first_block(base: &Network) -> NodeId {
    cuts(base).into_iter().find(|cut| cut.name == "block00").unwrap().node
}

/// Photos of two tags after the first block: in those of one, the first two channels rise and fall together, in those of the
/// other against each other. The mean over the photo does not tell.
struct Patterns {
    gone: Option<usize>,
}

impl Patterns {
    fn photo(photo: usize, view: u64) -> Vec<f32> {
        let sign = if photo.is_multiple_of(2) { 1.0 } else { -1.0 };
        let draw = |place: usize, what: usize| noise(photo * 7919 + place * 64 + what * 16 + view as usize);
        let values = |place: usize| {
            let first = draw(place, 0);
            [first, sign * first, draw(place, 1), draw(place, 2)].map(|value| value + 0.7 * draw(place, 3))
        };
        (0..SIDE * SIDE).flat_map(values).collect()
    }
}

impl Activations for Patterns {
    type Error = TrainError;

    fn write(&self, photos: &[(usize, u64)], out: &mut Vec<f32>) -> Result<Vec<bool>, TrainError> {
        *out = photos.iter().flat_map(|(photo, view)| Self::photo(number(*photo), *view)).collect();
        Ok(photos.iter().map(|(photo, _)| Some(*photo) != self.gone).collect())
    }
}

/// The trainer numbers photos as the head's evaluation does; the pattern goes by the photo's own number.
fn number(photo: usize) -> usize {
    ORDER.lock().unwrap()[photo]
}

static ORDER: Mutex<Vec<usize>> = Mutex::new(Vec::new());

fn image(n: u16) -> ImageId {
    let [high, low] = n.to_be_bytes();
    ImageId::new(Timestamp::from_millis(0), [0, 0, 0, 0, 0, 0, 0, 0, high, low])
}

/// A head on the features as they are; every test makes the same, and with it the order.
fn head(base: &Network) -> TrainedHead {
    let tail = Tail::new(base, after_first_block(base), &Device::flex()).unwrap();
    let all: Vec<f32> = (0..usize::from(PHOTOS)).flat_map(|photo| Patterns::photo(photo, 0)).collect();
    let shape = [usize::from(PHOTOS), SIDE, SIDE, 4];
    let features = tail.forward(Tensor::from_data(TensorData::new(all, shape), &Device::flex()));
    let tag = |n: u8| TrainedTag {
        id: TagId::new(Timestamp::from_millis(0), [n; 10]),
        name: Name::new(format!("{n}")).unwrap(),
        tag_type: TagType::Regular,
    };
    let photo = |n: u16| LabelledPhoto { image: image(n), tags: vec![n % 2] };
    let labels =
        Labels::new(ClassificationType::Multiclass, vec![tag(0), tag(1)], (0..PHOTOS).map(photo).collect());
    let set = TrainingSet::new(labels.unwrap(), features.into_data().iter::<f32>().collect()).unwrap();
    let head = train_head(&set, &HeadOptions::default(), &StopToken::new(), &|_| {}).unwrap();
    let place = |photo: &ocelli_core::EvaluatedPhoto| {
        (0..PHOTOS).find(|n| image(*n) == photo.photo).map(usize::from).unwrap()
    };
    *ORDER.lock().unwrap() = head.evaluation.photos.iter().map(place).collect();
    head
}

fn options() -> FineTuningOptions {
    FineTuningOptions {
        rounds: Some(8),
        batch: 8,
        learning_rate: Some(0.05),
        patience: 40,
        label_smoothing: Some(0.0),
        ..FineTuningOptions::default()
    }
}

fn tune(how: &FineTuning<'_>, gone: Option<usize>, stop: &StopToken) -> FineTuned {
    tune_watched(how, gone, stop, &|_| {}).unwrap()
}

fn tune_watched(
    how: &FineTuning<'_>,
    gone: Option<usize>,
    stop: &StopToken,
    watch: &(dyn Fn(TrainingEvent) + Sync),
) -> Result<FineTuned, TrainError> {
    let base = base();
    let head = head(&base);
    let cut = after_first_block(&base);
    fine_tune((&base, cut), &head, &Patterns { gone }, how, TrainingDevice::Cpu, stop, watch)
}

fn how<'a>(options: &'a FineTuningOptions, head: &'a HeadOptions) -> FineTuning<'a> {
    FineTuning { options, head, time: None, checkpoints: None }
}

#[test]
fn what_features_do_not_tell_is_learned() {
    let (options, head_options) =
        (FineTuningOptions { rounds: Some(40), ..options() }, HeadOptions::default());
    let tuned = tune(&how(&options, &head_options), None, &StopToken::new());
    let adapted = tuned.adapted.expect("the pattern can be learned");
    let last = tuned.rounds[tuned.kept.unwrap() - 1];
    assert!(last.held_out_loss < 0.7 * tuned.head_loss, "{last:?}, {}", tuned.head_loss);
    assert_eq!(adapted.evaluation.top1(), Some(last.held_out_top1));
    // What comes of it fits the network.
    let base = base();
    let network = base.with_tensors(adapted.tensors).unwrap();
    assert_ne!(network.fingerprint(), base.fingerprint());
}

#[test]
fn the_same_seed_gives_the_same_bits() {
    let (options, head_options) =
        (FineTuningOptions { rounds: Some(2), ..options() }, HeadOptions::default());
    let run = || tune(&how(&options, &head_options), None, &StopToken::new());
    let (one, other) = (run(), run());
    assert_eq!(one.rounds, other.rounds);
    assert_eq!(one.adapted.map(|layers| layers.head), other.adapted.map(|layers| layers.head));
    let other_seed = HeadOptions { seed: 1, ..HeadOptions::default() };
    assert_ne!(tune(&how(&options, &other_seed), None, &StopToken::new()).rounds, one.rounds);
}

#[test]
fn a_stop_keeps_the_best_so_far() {
    let (options, head_options) = (options(), HeadOptions::default());
    let stop = StopToken::new();
    stop.stop();
    let nothing = tune(&how(&options, &head_options), None, &stop);
    assert!(nothing.adapted.is_none() && nothing.rounds.is_empty());

    let stop = StopToken::new();
    let after_four = |event: TrainingEvent| {
        if matches!(event, TrainingEvent::RoundEnded { round: 4, .. }) {
            stop.stop();
        }
    };
    let stopped = tune_watched(&how(&options, &head_options), None, &stop, &after_four).unwrap();
    assert_eq!(stopped.rounds.len(), 4);
    let best = stopped.rounds.iter().map(|round| round.held_out_loss).fold(f64::INFINITY, f64::min);
    let kept = stopped.kept.map(|kept| stopped.rounds[kept - 1].held_out_loss);
    assert_eq!(kept, (best < stopped.head_loss).then_some(best));
}

#[test]
fn time_that_is_over_ends_it() {
    let (options, head_options) = (options(), HeadOptions::default());
    let time = Some(TimeLimit { from: Instant::now(), limit: Duration::ZERO, answers_after: 0 });
    let tuned = tune(&FineTuning { time, ..how(&options, &head_options) }, None, &StopToken::new());
    assert!(tuned.rounds.len() <= 1, "{:?}", tuned.rounds);
}

#[test]
fn it_goes_on_from_a_checkpoint() {
    let (options, head_options) = (options(), HeadOptions::default());
    let kept = Mutex::new(Vec::new());
    let keep = |bytes| kept.lock().unwrap().push(bytes);
    let checkpoints = Some(Checkpoints { from: None, every: Duration::ZERO, keep: &keep });
    let whole = tune(&FineTuning { checkpoints, ..how(&options, &head_options) }, None, &StopToken::new());
    let third = kept.lock().unwrap()[2].clone();
    let keep = |_| {};
    let from = Some(third.as_slice());
    let checkpoints = Some(Checkpoints { from, every: Duration::MAX, keep: &keep });
    let resumed = tune(&FineTuning { checkpoints, ..how(&options, &head_options) }, None, &StopToken::new());
    let known =
        |of: &FineTuned| -> Vec<f64> { of.rounds[..3].iter().map(|round| round.held_out_top1).collect() };
    assert_eq!(known(&resumed), known(&whole));
    assert_eq!(resumed.rounds.len(), whole.rounds.len());
}

#[test]
fn a_checkpoint_of_something_else_is_refused() {
    let (options, head_options) =
        (FineTuningOptions { rounds: Some(2), ..options() }, HeadOptions::default());
    let kept = Mutex::new(Vec::new());
    let keep = |bytes| kept.lock().unwrap().push(bytes);
    let checkpoints = Some(Checkpoints { from: None, every: Duration::ZERO, keep: &keep });
    tune(&FineTuning { checkpoints, ..how(&options, &head_options) }, None, &StopToken::new());
    let bytes = kept.lock().unwrap()[0].clone();

    let base = base();
    let mut other = head(&base);
    other.evaluation.photos.swap_remove(0);
    let keep = |_| {};
    for from in [&bytes[..], &bytes[..40]] {
        let checkpoints = Some(Checkpoints { from: Some(from), every: Duration::MAX, keep: &keep });
        let how = FineTuning { checkpoints, ..how(&options, &head_options) };
        let cut = after_first_block(&base);
        let refused = fine_tune(
            (&base, cut),
            &other,
            &Patterns { gone: None },
            &how,
            TrainingDevice::Cpu,
            &StopToken::new(),
            &|_| {},
        );
        assert!(matches!(refused, Err(TrainError::Checkpoint { .. })), "{refused:?}");
    }
}

#[test]
fn a_photo_that_goes_meanwhile_is_passed_over() {
    let (options, head_options) =
        (FineTuningOptions { rounds: Some(2), ..options() }, HeadOptions::default());
    let tuned = tune(&how(&options, &head_options), Some(3), &StopToken::new());
    assert!(tuned.rounds.iter().all(|round| round.held_out_loss.is_finite()));
}

#[test]
fn options_out_of_range_are_refused() {
    let head_options = HeadOptions::default();
    let wrong = [
        FineTuningOptions { rounds: Some(0), ..options() },
        FineTuningOptions { batch: 0, ..options() },
        FineTuningOptions { learning_rate: Some(f64::NAN), ..options() },
        FineTuningOptions { weight_decay: -1.0, ..options() },
        FineTuningOptions { label_smoothing: Some(2.0), ..options() },
        FineTuningOptions { patience: 0, ..options() },
    ];
    for options in wrong {
        let refused = tune_watched(&how(&options, &head_options), None, &StopToken::new(), &|_| {});
        assert!(matches!(refused, Err(TrainError::Option { .. })), "{options:?}");
    }
}
