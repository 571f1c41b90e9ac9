//! How fast is learned, and how long.

use std::f64::consts::PI;
use std::time::{Duration, Instant};

/// The part of the way over which the learning rate rises.
const WARM_UP: f64 = 0.08;

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
    time: Option<Duration>,
}

impl Way {
    pub(super) fn new(began: Instant, [before, steps]: [usize; 2], time: Option<Duration>) -> Self {
        Self { began, before, steps: steps.max(1), time }
    }

    /// 0 at the beginning, 1 at the end, after this many steps.
    pub(super) fn progress(&self, steps: usize) -> f64 {
        let by_steps = steps as f64 / self.steps as f64;
        let by_time = |time: Duration| self.began.elapsed().as_secs_f64() / time.as_secs_f64().max(1e-3);
        by_steps.max(self.time.map_or(0.0, by_time)).min(1.0)
    }

    /// How long it will still take after this many steps, if it goes on as it went.
    pub(super) fn left(&self, steps: usize) -> Duration {
        let elapsed = self.began.elapsed();
        let rest = self.steps.saturating_sub(steps) as f64 / steps.saturating_sub(self.before).max(1) as f64;
        let by_steps = Duration::try_from_secs_f64(elapsed.as_secs_f64() * rest).unwrap_or(Duration::MAX);
        self.time.map_or(by_steps, |time| by_steps.min(time.saturating_sub(elapsed)))
    }
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
        assert_eq!(Way::new(now, [0, 10], None).progress(5), 0.5);
        assert_eq!(Way::new(now, [0, 10], None).progress(20), 1.0);
        let Some(earlier) = now.checked_sub(Duration::from_secs(30)) else { return };
        assert!(Way::new(earlier, [0, 10], Some(Duration::from_secs(60))).progress(1) >= 0.5);
        assert_eq!(Way::new(earlier, [0, 10], Some(Duration::from_secs(10))).progress(1), 1.0);
        assert_eq!(Way::new(earlier, [0, 10], Some(Duration::from_secs(10))).left(1), Duration::ZERO);
    }
}
