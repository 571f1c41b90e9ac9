//! The minimum of a function of one number.

/// Where a function that first falls and then rises is lowest between two bounds, by golden-section search (Kiefer, 1953). Each
/// step narrows the bounds to 62 %.
pub(crate) fn lowest([mut low, mut high]: [f64; 2], steps: usize, of: impl Fn(f64) -> f64) -> f64 {
    let golden = (5.0f64.sqrt() - 1.0) / 2.0;
    for _ in 0..steps {
        let (left, right) = (high - golden * (high - low), low + golden * (high - low));
        if of(left) <= of(right) {
            high = right;
        } else {
            low = left;
        }
    }
    (low + high) / 2.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_place_is_found_inside_and_at_a_bound() {
        for place in [-2.9, 0.0, 1.3] {
            let found = lowest([-3.0, 3.0], 40, |at| (at - place).powi(4) + (at - place).abs());
            assert!((found - place).abs() < 1e-6, "{place}: {found}");
        }
        assert!((lowest([-3.0, 3.0], 40, |at| at) + 3.0).abs() < 1e-6);
    }
}
