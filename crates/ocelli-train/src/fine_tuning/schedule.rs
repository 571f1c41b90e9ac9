//! How fast is learned, and how long.

use std::f64::consts::PI;
use std::time::{Duration, Instant};

/// The part of the way over which the learning rate rises.
const WARM_UP: f64 = 0.08;
/// The part of its time by which a way may be longer, rather than that the last answers are of no use.
const GRACE: f64 = 0.03;

/// The learning rate as a fraction of the highest, at a point of the way, 0 to 1: a linear rise, then half a cosine down to
/// nothing (Loshchilov and Hutter, 2017).
pub(super) fn rate(progress: f64) -> f64 {
    let progress = progress.clamp(0.0, 1.0);
    if progress < WARM_UP {
        progress / WARM_UP
    } else {
        0.5 * (1.0 + (PI * (progress - WARM_UP) / (1.0 - WARM_UP)).cos())
    }
}

/// How far a fine-tuning has come: by its steps, or by its time where that is sooner at an end.
#[derive(Clone, Copy, Debug)]
pub(super) struct Way {
    began: Instant,
    /// Steps that had been made when it began.
    before: usize,
    steps: usize,
    time: Option<Time>,
}

/// The time of a way: of it is kept back what answering takes, as often as it is still to be done.
#[derive(Clone, Copy, Debug)]
struct Time {
    whole: Duration,
    /// Answering to all photos held out, as it goes now.
    answering: Duration,
    /// The same while nothing is cached, as it is for what is to be answered after it.
    cold: Duration,
    /// What is to be answered after it, in parts of all photos held out.
    after: f64,
}

impl Way {
    /// A way of so many steps, of which `before` have been made.
    pub(super) fn new(began: Instant, [before, steps]: [usize; 2]) -> Self {
        Self { began, before, steps: steps.max(1), time: None }
    }

    /// One that ends within this time too, an answer to the photos held out included, and what is answered after it, in
    /// parts of those photos.
    pub(super) fn within(self, whole: Duration, after: f64) -> Self {
        Self { time: Some(Time { whole, answering: Duration::ZERO, cold: Duration::ZERO, after }), ..self }
    }

    /// How long answering to the photos held out takes now, where there is a time to keep.
    pub(super) fn answering(&self) -> Option<Duration> {
        Some(self.time?.answering)
    }

    /// Sets it. The first is taken for an answer while nothing is cached.
    pub(super) fn set_answering(&mut self, answering: Duration) {
        if let Some(time) = &mut self.time {
            time.answering = answering;
            if time.cold.is_zero() {
                time.cold = answering;
            }
        }
    }

    /// When an answer to the photos held out must have been given, to be of use.
    pub(super) fn last_answer(&self) -> Option<Instant> {
        let time = self.time?;
        self.began.checked_add(times(time.whole, 1.0 + GRACE).saturating_sub(time.afterwards()))
    }

    /// 0 at the beginning, 1 at the end, after this many steps.
    pub(super) fn progress(&self, steps: usize) -> f64 {
        let by_steps = steps as f64 / self.steps as f64;
        let by_time = |time: Time| {
            let of_steps = time.of_steps();
            if of_steps.is_zero() { 1.0 } else { self.began.elapsed().as_secs_f64() / of_steps.as_secs_f64() }
        };
        by_steps.max(self.time.map_or(0.0, by_time)).min(1.0)
    }

    /// How long it will still take after this many steps, if it goes on as it went.
    pub(super) fn left(&self, steps: usize) -> Duration {
        let elapsed = self.began.elapsed();
        let rest = self.steps.saturating_sub(steps) as f64 / steps.saturating_sub(self.before).max(1) as f64;
        let by_steps = Duration::try_from_secs_f64(elapsed.as_secs_f64() * rest).unwrap_or(Duration::MAX);
        self.time.map_or(by_steps, |time| by_steps.min(time.of_steps().saturating_sub(elapsed)))
    }
}

impl Time {
    /// What is kept back for answers after the last round.
    fn afterwards(&self) -> Duration {
        times(self.cold.max(self.answering), self.after)
    }

    fn of_steps(&self) -> Duration {
        self.whole.saturating_sub(self.answering).saturating_sub(self.afterwards())
    }
}

/// A duration many times, or the longest there is.
fn times(duration: Duration, factor: f64) -> Duration {
    Duration::try_from_secs_f64(duration.as_secs_f64() * factor).unwrap_or(Duration::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_rises_and_falls_to_nothing() {
        assert_eq!(rate(0.0), 0.0);
        assert!((rate(WARM_UP) - 1.0).abs() < 1e-12);
        assert!((rate(1.0)).abs() < 1e-12);
        let falling = (0..=100).map(|n| WARM_UP + f64::from(n) / 100.0 * (1.0 - WARM_UP)).map(rate);
        assert!(falling.collect::<Vec<_>>().is_sorted_by(|a, b| a >= b));
    }

    #[test]
    fn a_way_ends_with_its_steps_or_its_time() {
        let now = Instant::now();
        assert_eq!(Way::new(now, [0, 10]).progress(5), 0.5);
        assert_eq!(Way::new(now, [0, 10]).progress(20), 1.0);
        let Some(earlier) = now.checked_sub(Duration::from_secs(30)) else { return };
        let within = |seconds| Way::new(earlier, [0, 10]).within(Duration::from_secs(seconds), 1.0);
        assert!(within(60).progress(1) >= 0.5);
        assert_eq!(within(10).progress(1), 1.0);
        assert_eq!(within(10).left(1), Duration::ZERO);
    }

    #[test]
    fn what_answering_takes_is_kept_back() {
        let now = Instant::now();
        let seconds = Duration::from_secs;
        let mut way = Way::new(now, [0, 1_000_000]).within(seconds(100), 0.5);
        let of_steps = |way: &Way| way.time.unwrap().of_steps();
        assert_eq!((of_steps(&way), way.last_answer()), (seconds(100), Some(now + seconds(103))));
        way.set_answering(seconds(20));
        assert_eq!(way.answering(), Some(seconds(20)));
        assert_eq!((of_steps(&way), way.last_answer()), (seconds(70), Some(now + seconds(93))));
        // What is cached by now is no help to what comes after.
        way.set_answering(seconds(4));
        assert_eq!((of_steps(&way), way.last_answer()), (seconds(86), Some(now + seconds(93))));
        way.set_answering(seconds(40));
        assert_eq!((of_steps(&way), way.last_answer()), (seconds(40), Some(now + seconds(83))));
        way.set_answering(seconds(400));
        assert_eq!(way.progress(1), 1.0);

        let mut without = Way::new(now, [0, 10]);
        without.set_answering(seconds(20));
        assert_eq!((without.answering(), without.last_answer()), (None, None));
    }

    #[test]
    fn no_time_is_too_long() {
        let mut way = Way::new(Instant::now(), [0, 10]).within(Duration::MAX, f64::MAX);
        way.set_answering(Duration::MAX);
        assert_eq!(way.progress(1), 1.0);
        assert!(way.last_answer().is_some());
        let way = Way::new(Instant::now(), [0, 10]).within(Duration::MAX, 0.0);
        assert_eq!((way.progress(5), way.last_answer()), (0.5, None));
    }
}
