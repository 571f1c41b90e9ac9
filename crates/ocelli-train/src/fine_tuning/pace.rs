//! How long answers take on a machine that is not always equally fast.

use std::time::{Duration, Instant};

/// The part of the time that trying takes, at most.
const TRIED: f64 = 0.03;

/// When to try how long answers take.
#[derive(Debug)]
pub(super) struct Pace {
    /// Photos in all, and those that are tried at once.
    photos: usize,
    at_once: usize,
    next: usize,
    tried: Option<(Instant, Duration)>,
}

impl Pace {
    pub(super) fn new(photos: usize, at_once: usize) -> Self {
        Self { photos, at_once: at_once.min(photos), next: 0, tried: None }
    }

    /// Whether trying once more takes little of the time since it was last tried.
    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.tried.is_none_or(|(last, took)| took < now.saturating_duration_since(last).mul_f64(TRIED))
    }

    /// The photos to try with: each time others, so that what is kept of them changes the result as little as in a real
    /// answer.
    pub(super) fn photos(&mut self) -> Vec<usize> {
        let first = self.next;
        self.next = (first + self.at_once) % self.photos.max(1);
        (first..first + self.at_once).map(|photo| photo % self.photos).collect()
    }

    /// How long an answer to all photos takes, by what was believed before and what the last try took.
    pub(super) fn tried(&mut self, began: Instant, now: Instant, believed: Duration) -> Duration {
        let took = now.saturating_duration_since(began);
        let is_first = self.tried.is_none();
        self.tried = Some((now, took));
        let all = took.mul_f64(self.photos as f64 / self.at_once.max(1) as f64);
        // One try is a small sample.
        if is_first { all } else { (all + believed) / 2 }
    }

    /// All photos have been answered, which took so long.
    pub(super) fn answered(&mut self, now: Instant, all: Duration) {
        self.tried = Some((now, all.mul_f64(self.at_once as f64 / self.photos.max(1) as f64)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trying_takes_little_of_the_time() {
        let began = Instant::now();
        let at = |millis| began + Duration::from_millis(millis);
        let mut pace = Pace::new(100, 32);
        assert!(pace.is_due(began));
        assert_eq!(pace.tried(began, at(320), Duration::ZERO), Duration::from_secs(1));
        assert!(!pace.is_due(at(10_900)));
        assert!(pace.is_due(at(11_100)));
        pace.answered(at(20_000), Duration::from_secs(2));
        assert!(!pace.is_due(at(41_000)));
        assert!(pace.is_due(at(42_000)));
    }

    #[test]
    fn a_machine_that_becomes_slower_is_believed_by_and_by() {
        let began = Instant::now();
        let mut pace = Pace::new(64, 32);
        let mut believed = Duration::ZERO;
        for (took, expected) in [(1_000, 2_000), (3_000, 4_000), (3_000, 5_000)] {
            let now = began + Duration::from_millis(took);
            believed = pace.tried(began, now, believed);
            assert_eq!(believed, Duration::from_millis(expected));
        }
    }

    #[test]
    fn each_try_asks_about_other_photos() {
        let mut pace = Pace::new(5, 2);
        let tried: Vec<Vec<usize>> = (0..4).map(|_| pace.photos()).collect();
        assert_eq!(tried, [[0, 1], [2, 3], [4, 0], [1, 2]]);
        assert_eq!(Pace::new(3, 32).photos(), [0, 1, 2]);
        assert!(Pace::new(0, 32).photos().is_empty());
    }
}
