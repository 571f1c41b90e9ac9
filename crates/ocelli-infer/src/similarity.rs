/// The dot product of two vectors of the same length, for example of two photos' features; what one has more of than the
/// other counts as 0. Of vectors of length 1 it is the cosine of the angle between them.
pub fn dot_product(a: &[f32], b: &[f32]) -> f32 {
    // Eight lanes, which a compiler can keep in one register.
    let mut lanes = [0.0_f32; 8];
    let whole = a.len().min(b.len()) / 8 * 8;
    for (a, b) in a.chunks_exact(8).zip(b.chunks_exact(8)) {
        for (lane, (a, b)) in lanes.iter_mut().zip(a.iter().zip(b)) {
            *lane += a * b;
        }
    }
    let rest = a[whole..].iter().zip(&b[whole..]);
    lanes.iter().sum::<f32>() + rest.map(|(a, b)| a * b).sum::<f32>()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_the_sum_of_products(
            a in prop::collection::vec(-10.0..10.0_f32, 0..40), b in prop::collection::vec(-10.0..10.0_f32, 0..40),
        ) {
            let plain: f64 = a.iter().zip(&b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
            prop_assert!((f64::from(dot_product(&a, &b)) - plain).abs() < 1e-2);
        }
    }
}
