/// The weights of one axis of a resize: for each target position a run of source positions and what each counts.
///
/// The filter is a triangle of support `max(1, source / target)` with half-pixel centres; weights are computed in
/// f64, divided by their sum (so that a run cut off by the border counts as much as any other) and rounded to f32.
/// [`Resizer`](crate::Resizer) says what it equals elsewhere. A two-dimensional resize is one filter for the
/// columns and one for the rows, in either order.
///
/// ```
/// use ocelli_imaging::ResizeFilter;
///
/// let filter = ResizeFilter::new(4, 2);
/// let taps: Vec<_> = filter.taps().collect();
/// assert_eq!((taps[0].start, taps[0].weights), (0, [3.0 / 7.0, 3.0 / 7.0, 1.0 / 7.0].as_slice()));
/// assert_eq!((taps[1].start, taps[1].weights), (1, [1.0 / 7.0, 3.0 / 7.0, 3.0 / 7.0].as_slice()));
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResizeFilter {
    source: u32,
    target: u32,
    /// Where the part that is resized begins, and how long it is, in source positions.
    part: (f64, f64),
    runs: Vec<Run>,
    weights: Vec<f32>,
}

/// The source positions from `start` on that one target position reads: `start..start + weights.len()`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Taps<'a> {
    /// The first source position.
    pub start: usize,
    /// The weight of each source position, between 0 and 1; they sum to 1 up to rounding.
    pub weights: &'a [f32],
}

#[derive(Clone, Copy, Debug, PartialEq)]
struct Run {
    start: usize,
    /// Where in the filter's weights the run's weights begin and end.
    from: usize,
    to: usize,
}

impl ResizeFilter {
    /// The filter that resizes `source` positions to `target` positions.
    ///
    /// Without a target position there are no taps, and without a source position each position's taps are empty.
    pub fn new(source: u32, target: u32) -> Self {
        let mut filter = Self::default();
        filter.prepare(source, target);
        filter
    }

    /// Becomes the filter from `source` to `target` positions. Nothing is computed where it is that already, and
    /// nothing allocated where an earlier filter had at least as many taps.
    pub fn prepare(&mut self, source: u32, target: u32) {
        self.prepare_part(source, target, (0.0, f64::from(source)));
    }

    /// Becomes the filter from a part of `source` positions, given by its start and length in fractions of a
    /// position, to `target` positions. Where the part reaches over the border, the border's values go on.
    pub(crate) fn prepare_part(&mut self, source: u32, target: u32, part: (f64, f64)) {
        if (self.source, self.target, self.part) == (source, target, part) {
            return;
        }
        (self.source, self.target, self.part) = (source, target, part);
        self.runs.clear();
        self.weights.clear();
        let scale = part.1 / f64::from(target);
        let support = scale.max(1.0);
        for position in 0..target {
            let centre = (part.0 + (f64::from(position) + 0.5) * scale).clamp(0.0, f64::from(source));
            let first = (centre - support).floor().max(0.0) as u32;
            let end = ((centre + support).ceil() as u32).min(source);
            let weight_of = |at: u32| (1.0 - ((f64::from(at) + 0.5 - centre) / support).abs()).max(0.0);
            // The outermost positions can lie exactly where the triangle ends.
            let start = first + u32::from(first < end && weight_of(first) == 0.0);
            let end = end - u32::from(start < end && weight_of(end - 1) == 0.0);
            let total: f64 = (start..end).map(weight_of).sum();
            let from = self.weights.len();
            self.weights.extend((start..end).map(|at| (weight_of(at) / total) as f32));
            self.runs.push(Run { start: start as usize, from, to: self.weights.len() });
        }
    }

    /// Source positions.
    pub fn source(&self) -> u32 {
        self.source
    }

    /// Target positions.
    pub fn target(&self) -> u32 {
        self.target
    }

    /// The taps of the target position `position`; none where there is no such position.
    pub fn at(&self, position: usize) -> Option<Taps<'_>> {
        self.runs.get(position).map(|run| self.taps_of(run))
    }

    /// The taps of each target position, in order.
    pub fn taps(&self) -> impl DoubleEndedIterator<Item = Taps<'_>> + ExactSizeIterator + Clone {
        self.runs.iter().map(|run| self.taps_of(run))
    }

    /// The number of taps of the target position that has most: at most `2 * max(1, source / target) + 2`.
    pub fn most_taps(&self) -> usize {
        self.taps().map(|taps| taps.weights.len()).max().unwrap_or(0)
    }

    fn taps_of(&self, run: &Run) -> Taps<'_> {
        Taps { start: run.start, weights: self.weights.get(run.from..run.to).unwrap_or_default() }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_filter_without_positions_has_no_taps() {
        assert_eq!(ResizeFilter::new(5, 0).taps().len(), 0);
        assert_eq!(ResizeFilter::new(0, 2).taps().map(|taps| taps.weights.len()).sum::<usize>(), 0);
        assert_eq!(ResizeFilter::default().most_taps(), 0);
        assert_eq!(ResizeFilter::new(4, 2).at(2), None);
    }

    #[test]
    fn a_prepared_filter_equals_a_new_one_and_allocates_nothing_when_warm() {
        let mut filter = ResizeFilter::new(640, 224);
        let capacity = (filter.runs.capacity(), filter.weights.capacity());
        for (source, target) in [(480, 224), (224, 224), (640, 224)] {
            filter.prepare(source, target);
            assert_eq!(filter, ResizeFilter::new(source, target));
            assert_eq!((filter.source(), filter.target()), (source, target));
        }
        assert_eq!((filter.runs.capacity(), filter.weights.capacity()), capacity);
    }

    proptest! {
        #[test]
        fn taps_lie_inside_and_sum_to_one(source in 1..3000_u32, target in 1..600_u32) {
            let filter = ResizeFilter::new(source, target);
            let bound = 2.0 * (f64::from(source) / f64::from(target)).max(1.0) + 2.0;
            prop_assert_eq!(filter.taps().len(), target as usize);
            prop_assert!(filter.most_taps() as f64 <= bound);
            let mut last = 0;
            for (position, taps) in filter.taps().enumerate() {
                prop_assert_eq!(filter.at(position), Some(taps));
                prop_assert!(!taps.weights.is_empty() && taps.start + taps.weights.len() <= source as usize);
                prop_assert!(taps.start >= last);
                last = taps.start;
                prop_assert!(taps.weights.iter().all(|weight| (0.0..=1.0).contains(weight)));
                let sum: f64 = taps.weights.iter().copied().map(f64::from).sum();
                prop_assert!((sum - 1.0).abs() < 1e-5, "{sum}");
            }
        }

        #[test]
        fn a_filter_is_symmetric(source in 1..2000_u32, target in 1..400_u32) {
            let filter = ResizeFilter::new(source, target);
            let taps: Vec<_> = filter.taps().collect();
            for (left, right) in taps.iter().zip(taps.iter().rev()) {
                // Rounding decides whether a position at the very end of the triangle is a tap.
                let weight = |taps: &Taps<'_>, at: usize| {
                    at.checked_sub(taps.start).and_then(|at| taps.weights.get(at)).copied().unwrap_or(0.0)
                };
                for at in 0..source as usize {
                    let mirrored = source as usize - 1 - at;
                    prop_assert!((weight(left, at) - weight(right, mirrored)).abs() < 1e-5);
                }
            }
        }
    }
}
