//! Fine-tuning: the last stages of a base are adapted together with the head.

mod activations;
mod batches;
mod checkpoint;
mod members;
mod model;
mod optimiser;
mod options;
mod outcome;
mod pace;
mod schedule;
mod targets;

use std::time::{Duration, Instant};

use burn::tensor::Device;
use half::f16;
use ocelli_core::{Evaluation, FineTuningOptions};
use ocelli_model::{Network, NodeId, Shape};

pub use activations::Activations;
pub use options::{Checkpoints, FineTuning, TimeLimit, check_fine_tuning};
pub use outcome::{AdaptedLayers, FineTuned};

use crate::network::Tail;

use crate::{StopToken, TrainError, TrainedHead, TrainingDevice, TrainingEvent};
use checkpoint::Checkpoint;
use members::{Batch, Form, Member, answers};
use model::Adapted;
use optimiser::Step;
use outcome::Best;
use pace::Pace;
use schedule::Way;
use targets::Targets;

/// Photos whose answers are asked for at once.
const ASKED: usize = 32;
/// Kinds of weights that are asked: the averaged ones, and those half-way to them.
const KINDS: usize = 2;
/// Steps over which the averaged weights look back, at most.
const AVERAGED_STEPS: f64 = 100.0;

/// Fine-tunes what follows a cut of a base model, with the head, starting from a trained head (linear probing, then
/// fine-tuning; Kumar et al., 2022).
///
/// For each fold of the head there is a member, which starts from that fold's head and learns from the photos of the other
/// folds; what it answers to its own fold's is honest. All members take their steps in turn, so that they have come equally
/// far whenever it ends. After each round (a round shows each member each of its photos once) the members' averaged weights
/// answer to the photos that they were held out for, and so do the weights half-way between where the members began and those
/// (WiSE-FT, Wortsman et al., 2022), which know more of what the base knew. What comes of it is the mean of the members' weights
/// (model soups, Wortsman et al., 2022) whose answers had the lowest loss in any round. Where none is lower than the head's own,
/// nothing is adapted. A training that diverges ends with the best before.
///
/// Batch normalisation keeps its statistics. The learning rate rises, then falls with a cosine. It ends after the rounds of
/// the options, when the loss on the photos held out falls no longer, with the time limit, or when asked to stop; the best so
/// far is kept.
///
/// The photos are those of the head's evaluation, in its order; the base is the one that the head's features come from.
///
/// # Errors
///
/// If an option is out of range, the cut is not one, the head is not one of this base, or activations cannot be had.
pub fn fine_tune<A: Activations>(
    (base, cut): (&Network, NodeId),
    head: &TrainedHead,
    activations: &A,
    how: &FineTuning<'_>,
    device: TrainingDevice,
    stop: &StopToken,
    watch: &(dyn Fn(TrainingEvent) + Sync),
) -> Result<FineTuned, A::Error> {
    check_fine_tuning(how.options)?;
    let mut tuning = Tuning::new((base, cut), head, activations, how, device)?;
    let subject = checkpoint::subject(base, cut.index(), &head.evaluation);
    if let Some(from) = how.checkpoints.and_then(|checkpoints| checkpoints.from) {
        tuning.go_on(&Checkpoint::read(from)?, &subject)?;
    }
    tuning.run(how, &subject, stop, watch)?;
    Ok(tuning.best.into_outcome()?)
}

/// What one member learns from in one step.
struct Turn<'a> {
    step: usize,
    member: usize,
    photos: &'a [(usize, u64)],
}

struct Tuning<'a, A> {
    activations: &'a A,
    options: FineTuningOptions,
    rounds: usize,
    rate: f64,
    seed: u64,
    evaluation: &'a Evaluation,
    form: Form,
    members: Vec<Member>,
    /// Where the members began, without gradients.
    beginnings: Vec<Adapted>,
    /// The photos that each member learns from, and those that it is held out for.
    shares: Vec<[Vec<usize>; 2]>,
    targets: Vec<Targets>,
    best: Best,
    /// What it took before the checkpoint that it goes on from.
    millis_before: u64,
}

impl<'a, A: Activations> Tuning<'a, A> {
    fn new(
        (base, cut): (&Network, NodeId),
        head: &'a TrainedHead,
        activations: &'a A,
        how: &FineTuning<'a>,
        device: TrainingDevice,
    ) -> Result<Self, TrainError> {
        let evaluation = &head.evaluation;
        let device: Device = device.open()?.autodiff();
        let tail = Tail::new(base, cut, &device)?;
        let shape = match base.shape(cut) {
            Some(Shape::Map { channels, height, width }) => [height, width, channels],
            _ => [0; 3],
        };
        let form = Form {
            classification_type: evaluation.classification_type,
            shape,
            tags: evaluation.tags.len(),
            device: device.clone(),
        };
        let options = how.options.settled(evaluation.photos.len());
        let label_smoothing = options.label_smoothing.unwrap_or_default();
        let mut template = None;
        let mut members = Vec::with_capacity(head.fold_heads.len());
        let mut beginnings = Vec::with_capacity(head.fold_heads.len());
        let mut shares = Vec::with_capacity(head.fold_heads.len());
        let mut targets = Vec::with_capacity(head.fold_heads.len());
        for (fold, fold_head) in (0u16..).zip(&head.fold_heads) {
            let template = template.get_or_insert_with(|| Adapted::new(tail.clone(), fold_head, &device));
            let member = Member::new(template.clone().with_head(fold_head, &device));
            beginnings.push(member.averaged());
            members.push(member);
            let (held_out, learnt): (Vec<usize>, Vec<usize>) =
                (0..evaluation.photos.len()).partition(|photo| evaluation.photos[*photo].fold == fold);
            targets.push(Targets::new(evaluation, &learnt, how.head.balance, label_smoothing));
            shares.push([learnt, held_out]);
        }
        let best = Best::of_head(evaluation);
        let (rounds, rate) = (options.rounds.unwrap_or(1), options.learning_rate.unwrap_or_default());
        let seed = how.head.seed;
        Ok(Self {
            activations,
            options,
            rounds,
            rate,
            seed,
            evaluation,
            form,
            members,
            beginnings,
            shares,
            targets,
            best,
            millis_before: 0,
        })
    }

    /// Takes up where a checkpoint was made. The averages become the weights that are trained on, and the optimiser's
    /// moments begin anew.
    fn go_on(&mut self, checkpoint: &Checkpoint, subject: &str) -> Result<(), TrainError> {
        let unfit = |reason: &str| TrainError::Checkpoint { reason: reason.to_owned() };
        if checkpoint.state.subject != subject {
            return Err(unfit("photos, tags, folds or the base model have changed since"));
        }
        let other = || unfit("it is of another network");
        let Some(first) = self.members.first() else { return Ok(()) };
        self.best = Best::from_checkpoint(checkpoint, first.model(), self.evaluation).ok_or_else(other)?;
        if checkpoint.members.len() != self.members.len() {
            return Err(other());
        }
        for (member, weights) in self.members.iter_mut().zip(&checkpoint.members) {
            let weights: Vec<f32> = weights.iter().map(|weight| weight.to_f32()).collect();
            *member = Member::from_weights(member.model().clone(), &weights).ok_or_else(other)?;
        }
        self.millis_before = checkpoint.state.millis;
        Ok(())
    }

    fn checkpoint(&self, subject: &str, began: Instant) -> Result<Vec<u8>, TrainError> {
        let millis = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
        let members = self.members.iter().map(|member| {
            let weights = members::weights(&member.averaged());
            weights.into_iter().map(f16::from_f32).collect()
        });
        self.best.to_checkpoint(subject, self.millis_before.saturating_add(millis), members.collect()).write()
    }

    fn run(
        &mut self,
        how: &FineTuning<'_>,
        subject: &str,
        stop: &StopToken,
        watch: &(dyn Fn(TrainingEvent) + Sync),
    ) -> Result<(), A::Error> {
        let batch = self.options.batch;
        let steps_a_round =
            self.shares.iter().map(|[learnt, _]| learnt.len().div_ceil(batch)).max().unwrap_or(0);
        let steps = steps_a_round.saturating_mul(self.rounds);
        let began = Instant::now();
        let before = self.best.rounds();
        let mut done = before.saturating_mul(steps_a_round);
        let mut way = Way::new(began, [done, steps]);
        if let Some(TimeLimit { from, limit, answers_after }) = how.time {
            let spent = began.saturating_duration_since(from) + Duration::from_millis(self.millis_before);
            let after = answers_after as f64 / self.evaluation.photos.len().max(1) as f64;
            way = way.within(limit.saturating_sub(spent), after);
        }
        let mut pace = Pace::new(self.evaluation.photos.len(), ASKED);
        let mut kept: Option<Instant> = None;
        for round in before..self.rounds {
            if self.best.is_stale(self.options.patience) {
                break;
            }
            if let Some(member) = self.members.first() {
                try_answering(self.activations, &self.form, member, (&mut way, &mut pace))?;
            }
            if way.progress(done) >= 1.0 {
                break;
            }
            let (loss, ended) =
                self.round(round, steps_a_round, &mut done, (&mut way, &mut pace), stop, watch)?;
            if !loss.is_finite() {
                break;
            }
            let asked = Instant::now();
            // Maps of steps and maps of answers have other sizes; they are not to lie in memory beside each other.
            self.release_memory();
            if !self.evaluate(round, loss, way.last_answer(), stop, watch)? || ended {
                break;
            }
            self.release_memory();
            let answering = asked.elapsed();
            way.set_answering(answering);
            pace.answered(Instant::now(), answering);
            if let Some(Checkpoints { every, keep, .. }) = how.checkpoints
                && kept.is_none_or(|kept| kept.elapsed() >= every)
            {
                keep(self.checkpoint(subject, began)?);
                kept = Some(Instant::now());
            }
        }
        Ok(())
    }

    fn release_memory(&self) {
        self.members.iter().for_each(|member| member.model().tail.release_memory());
    }

    /// Lets every member see its photos once. Returns the mean loss, and whether the way has ended.
    fn round(
        &mut self,
        round: usize,
        steps: usize,
        done: &mut usize,
        (way, pace): (&mut Way, &mut Pace),
        stop: &StopToken,
        watch: &(dyn Fn(TrainingEvent) + Sync),
    ) -> Result<(f64, bool), A::Error> {
        let seed = self.seed;
        let orders: Vec<Vec<(usize, u64)>> = (0..self.members.len())
            .map(|member| batches::order(seed, round, &self.shares[member][0]))
            .collect();
        let batch = self.options.batch;
        let turns: Vec<Turn<'_>> = (0..steps)
            .flat_map(|step| {
                let members = orders.iter().enumerate();
                members.filter_map(move |(member, order)| {
                    Some(Turn { step, member, photos: order.chunks(batch).nth(step)? })
                })
            })
            .collect();
        let total: usize = turns.iter().map(|turn| turn.photos.len()).sum();
        let began = Instant::now();
        let (mut sum, mut seen) = (0.0, 0);
        let (activations, shape) = (self.activations, &self.form);
        let load = |photos: &[(usize, u64)]| loaded(activations, shape, photos);
        let mut next = match turns.first() {
            Some(turn) => load(turn.photos)?,
            None => Default::default(),
        };
        let (form, targets, members) = (&self.form, &self.targets, &mut self.members);
        for (number, Turn { step: at, member: index, photos }) in turns.iter().enumerate() {
            if stop.is_stopped() || way.progress(*done) >= 1.0 {
                return Ok((sum / seen.max(1) as f64, true));
            }
            let step = Step {
                rate: self.rate * schedule::rate(way.progress(*done)),
                weight_decay: self.options.weight_decay,
                average_decay: average_decay(*done),
            };
            let (values, there) = std::mem::take(&mut next);
            let (targets, weights) = targets[*index].of(photos, &there);
            let batch = Batch { activations: values, targets, weights };
            let member = &mut members[*index];
            try_answering(activations, form, member, (way, pace))?;
            // The other core reads what the next step needs.
            let (loss, loaded) = rayon::join(
                || member.learn(form, batch, step),
                || turns.get(number + 1).map_or(Ok(Default::default()), |turn| load(turn.photos)),
            );
            next = loaded?;
            if !loss.is_finite() {
                return Ok((loss, true));
            }
            sum += loss * photos.len() as f64;
            seen += photos.len();
            if turns.get(number + 1).is_none_or(|next| next.step != *at) {
                *done += 1;
                watch(TrainingEvent::FineTuning {
                    round: round + 1,
                    rounds: self.rounds,
                    done: seen,
                    total,
                    loss: sum / seen as f64,
                    photos_per_second: seen as f64 / began.elapsed().as_secs_f64().max(1e-9),
                    seconds_left: way.left(*done).as_secs_f64(),
                });
            }
        }
        Ok((sum / seen.max(1) as f64, way.progress(*done) >= 1.0))
    }

    /// Asks the members about the photos held out. Returns whether all could be asked before a stop and this moment, and gave
    /// answers.
    fn evaluate(
        &mut self,
        round: usize,
        training_loss: f64,
        until: Option<Instant>,
        stop: &StopToken,
        watch: &(dyn Fn(TrainingEvent) + Sync),
    ) -> Result<bool, A::Error> {
        let mut found =
            [(); KINDS].map(|()| (self.evaluation.clone(), Vec::with_capacity(self.members.len())));
        for ((member, beginning), [_, photos]) in self.members.iter().zip(&self.beginnings).zip(&self.shares)
        {
            let averaged = member.averaged();
            let half_way =
                members::mean(vec![beginning.clone(), averaged.clone()]).unwrap_or(averaged.clone());
            let both = [averaged, half_way];
            for asked in photos.chunks(ASKED) {
                if stop.is_stopped() || until.is_some_and(|until| Instant::now() >= until) {
                    return Ok(false);
                }
                let views: Vec<(usize, u64)> = asked.iter().map(|photo| (*photo, 0)).collect();
                let (values, there) = loaded(self.activations, &self.form, &views)?;
                for (model, (held_out, _)) in both.iter().zip(&mut found) {
                    let answers = answers(model, &self.form, values.clone());
                    let rows = answers.chunks_exact(self.form.tags).zip(&there);
                    for (photo, (row, _)) in asked.iter().zip(rows).filter(|(_, (_, there))| **there) {
                        held_out.photos[*photo].probabilities = row.to_vec();
                    }
                }
            }
            for (model, (_, models)) in both.into_iter().zip(&mut found) {
                models.push(model);
            }
        }
        let is_finite = |(answered, _): &(Evaluation, Vec<Adapted>)| {
            let mut probabilities = answered.photos.iter().flat_map(|photo| &photo.probabilities);
            probabilities.all(|probability| probability.is_finite())
        };
        if !found.iter().all(is_finite) {
            return Ok(false);
        }
        let result = self.best.offer(training_loss, found);
        watch(TrainingEvent::RoundEnded {
            round: round + 1,
            rounds: self.rounds,
            training_loss,
            held_out_loss: result.held_out_loss,
            held_out_top1: result.held_out_top1,
        });
        Ok(true)
    }
}

/// The average looks back over a tenth of the steps so far, up to its most.
fn average_decay(steps: usize) -> f64 {
    let window = (steps as f64 / 10.0).clamp(1.0, AVERAGED_STEPS);
    1.0 - 1.0 / (window + 1.0)
}

/// Lets a member answer to a few photos, where that is due, to know how long answering takes now.
fn try_answering<A: Activations>(
    activations: &A,
    form: &Form,
    member: &Member,
    (way, pace): (&mut Way, &mut Pace),
) -> Result<(), A::Error> {
    let began = Instant::now();
    let Some(believed) = way.answering().filter(|_| pace.is_due(began)) else { return Ok(()) };
    let views: Vec<(usize, u64)> = pace.photos().into_iter().map(|photo| (photo, 0)).collect();
    let model = member.averaged();
    model.tail.release_memory();
    let (values, _) = loaded(activations, form, &views)?;
    for _ in 0..KINDS {
        answers(&model, form, values.clone());
    }
    model.tail.release_memory();
    way.set_answering(pace.tried(began, Instant::now(), believed));
    Ok(())
}

/// Activations, and which of the photos they could be had of.
fn loaded<A: Activations>(
    activations: &A,
    form: &Form,
    photos: &[(usize, u64)],
) -> Result<(Vec<f32>, Vec<bool>), A::Error> {
    let mut values = Vec::new();
    let there = activations.write(photos, &mut values)?;
    let expected = photos.len() * form.shape.iter().product::<usize>();
    if values.len() != expected || there.len() != photos.len() {
        let found = values.len();
        return Err(TrainError::ActivationCount { found, photos: photos.len(), expected }.into());
    }
    Ok((values, there))
}
