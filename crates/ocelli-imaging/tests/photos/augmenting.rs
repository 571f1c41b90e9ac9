//! What augmentations do to photos, and the laws that they keep.

use ocelli_core::Augmentations;
use ocelli_imaging::{
    Area, Augmentation, AugmentationPolicy, Augmenter, ImagingError, RgbImage, RgbView, resize_into,
};
use proptest::prelude::*;

use crate::resizing::noise;

fn image(width: u32, height: u32, pixel: impl Fn(u32, u32) -> [u8; 3]) -> RgbImage {
    let positions = (0..height).flat_map(|y| (0..width).map(move |x| (x, y)));
    RgbImage::new(width, height, positions.flat_map(|(x, y)| pixel(x, y)).collect()).unwrap()
}

fn noisy(width: u32, height: u32) -> RgbImage {
    RgbImage::new(width, height, noise(width, height, 5)).unwrap()
}

fn apply(photo: &RgbImage, augmentation: &Augmentation, width: u32, height: u32) -> RgbImage {
    let area = Area::whole(&photo.view());
    Augmenter::new().apply(photo.view(), area, augmentation, width, height).unwrap()
}

fn rounded_resize(view: RgbView<'_>, area: Area, width: u32, height: u32) -> Vec<u8> {
    let mut values = vec![0.0; (width * height * 3) as usize];
    resize_into(view, area, width, height, &mut values).unwrap();
    values.into_iter().map(|value| (value + 0.5) as u8).collect()
}

/// The standard deviation of all values: how much of a noise a resampling has left.
fn contrast(image: &RgbImage) -> f64 {
    let count = image.pixels().len() as f64;
    let mean = image.pixels().iter().map(|&value| f64::from(value)).sum::<f64>() / count;
    let squares: f64 = image.pixels().iter().map(|&value| (f64::from(value) - mean).powi(2)).sum();
    (squares / count).sqrt()
}

#[test]
fn an_augmentation_that_alters_nothing_is_a_resize() {
    let none = Augmentation::default();
    let mut augmenter = Augmenter::new();
    for (size, target) in [((61, 40), (224, 224)), ((300, 200), (64, 48)), ((9, 9), (9, 9)), ((1, 7), (3, 2))]
    {
        let photo = noisy(size.0, size.1);
        for area in [Area::whole(&photo.view()), Area::centre_square(&photo.view())] {
            let made = augmenter.apply(photo.view(), area, &none, target.0, target.1).unwrap();
            assert_eq!(made.pixels(), rounded_resize(photo.view(), area, target.0, target.1), "{size:?}");
        }
    }
}

/// Red tells the column and green the row of a photo of 200 x 100: what an output pixel shows is where it looked.
#[test]
fn the_window_is_where_it_should_be() {
    let photo = image(200, 100, |x, y| [x as u8, 2 * y as u8, 0]);
    let cases = [
        // Rotation, width, height, right, down; and where the output's pixel (48, 16) of 64 x 32 looks.
        ([0.0, 0.5, 0.5, 0.0, 0.0], (100.0 + 16.5 / 64.0 * 100.0, 50.0 + 0.5 / 32.0 * 50.0)),
        ([0.0, 0.5, 0.8, 0.1, -0.1], (120.0 + 16.5 / 64.0 * 100.0, 40.0 + 0.5 / 32.0 * 80.0)),
        // A quarter clockwise: what stands above the centre is now to its right.
        ([90.0, 0.4, 0.4, 0.0, 0.0], (100.0 + 0.5 / 32.0 * 40.0, 50.0 - 16.5 / 64.0 * 80.0)),
        ([-90.0, 0.4, 0.4, 0.0, 0.0], (100.0 - 0.5 / 32.0 * 40.0, 50.0 + 16.5 / 64.0 * 80.0)),
        ([180.0, 0.5, 0.5, 0.0, 0.0], (100.0 - 16.5 / 64.0 * 100.0, 50.0 - 0.5 / 32.0 * 50.0)),
    ];
    for ([rotation, width, height, right, down], (x, y)) in cases {
        let augmentation = Augmentation { rotation, width, height, right, down, ..Default::default() };
        let made = apply(&photo, &augmentation, 64, 32);
        let pixel = &made.pixels()[(16 * 64 + 48) * 3..][..2];
        let (column, row) = (f64::from(pixel[0]) + 0.5, f64::from(pixel[1]) / 2.0 + 0.5);
        assert!(
            (column - x).abs() < 1.0 && (row - y).abs() < 1.0,
            "{augmentation:?}: {column} {row}, not {x} {y}"
        );
    }
}

#[test]
fn a_turned_photo_is_as_sharp_as_an_upright_one() {
    let photo = noisy(640, 480);
    let upright = contrast(&apply(&photo, &Augmentation::default(), 224, 224));
    for rotation in [-14.0, -5.0, 0.01, 3.0, 15.0] {
        let turned = contrast(&apply(&photo, &Augmentation { rotation, ..Default::default() }, 224, 224));
        assert!((0.85..1.15).contains(&(turned / upright)), "{rotation}: {turned} and {upright}");
    }
}

#[test]
fn a_slight_turn_is_close_to_none() {
    let photo = image(300, 200, |x, y| [(x * 255 / 300) as u8, (y * 255 / 200) as u8, ((x + y) / 2) as u8]);
    let upright = apply(&photo, &Augmentation::default(), 100, 100);
    let turned = apply(&photo, &Augmentation { rotation: 0.01, ..Default::default() }, 100, 100);
    let differences = upright.pixels().iter().zip(turned.pixels()).map(|(a, b)| a.abs_diff(*b));
    assert!(differences.max().unwrap() <= 2);
}

#[test]
fn what_lies_beyond_the_photo_repeats_its_border() {
    let photo = image(100, 100, |x, _| if x == 99 { [200, 0, 0] } else { [0, 90, 0] });
    for rotation in [0.0, 0.001] {
        let moved = apply(&photo, &Augmentation { right: 0.5, rotation, ..Default::default() }, 100, 100);
        let row = &moved.pixels()[50 * 300..51 * 300];
        assert_eq!(
            (&row[..3], &row[3 * 60..3 * 61], &row[297..]),
            ([0, 90, 0].as_slice(), [200, 0, 0].as_slice(), [200, 0, 0].as_slice())
        );
    }
}

#[test]
fn padding_is_grey_and_keeps_the_shape() {
    let photo = image(200, 100, |_, _| [255, 0, 0]);
    for (rotation, horizontal_flip) in [(0.0, false), (0.001, false), (0.0, true)] {
        let augmentation =
            Augmentation { pad_to_square: true, rotation, horizontal_flip, ..Default::default() };
        let made = apply(&photo, &augmentation, 40, 40);
        for (row, pixels) in made.pixels().chunks_exact(120).enumerate() {
            let expected = if (10..30).contains(&row) { [255, 0, 0] } else { [127; 3] };
            assert!(pixels.chunks_exact(3).all(|pixel| pixel == expected), "row {row}: {pixels:?}");
        }
    }
    let tall = image(10, 30, |_, _| [255, 0, 0]);
    let made = apply(&tall, &Augmentation { pad_to_square: true, ..Default::default() }, 3, 3);
    assert_eq!(made.pixels()[..9], [127, 127, 127, 255, 0, 0, 127, 127, 127]);
}

#[test]
fn tones_change_last() {
    let photo = noisy(50, 40);
    let plain = apply(&photo, &Augmentation::default(), 20, 20);
    let solarised = apply(&photo, &Augmentation { solarize: Some(128), ..Default::default() }, 20, 20);
    let expected: Vec<u8> = plain.pixels().iter().map(|&value| value.min(255 - value)).collect();
    assert_eq!(solarised.pixels(), expected);
    let equalised = apply(&photo, &Augmentation { equalize: true, ..Default::default() }, 20, 20);
    assert!(contrast(&equalised) > contrast(&plain));
}

#[test]
fn what_makes_no_sense_is_refused() {
    let photo = noisy(4, 4);
    let mut augmenter = Augmenter::new();
    let none = Augmentation::default();
    let whole = Area::whole(&photo.view());
    let outside = Area { left: 3, width: 2, ..whole };
    assert!(matches!(
        augmenter.apply(photo.view(), outside, &none, 2, 2),
        Err(ImagingError::AreaOutside { .. })
    ));
    assert!(matches!(augmenter.apply(photo.view(), whole, &none, 0, 2), Err(ImagingError::ZeroSize { .. })));
}

fn augmentation() -> impl Strategy<Value = Augmentation> {
    let any_number = prop_oneof![4 => -2.0..3.0_f32, 1 => any::<f32>()];
    let numbers = prop::array::uniform4(any_number);
    (prop_oneof![-30.0..30.0_f32, Just(0.0), any::<f32>()], numbers, any::<[bool; 3]>(), any::<Option<u8>>())
        .prop_map(|(rotation, [width, height, right, down], [pad, flip, equalize], solarize)| Augmentation {
            rotation,
            width,
            height,
            right,
            down,
            pad_to_square: pad,
            horizontal_flip: flip,
            equalize,
            solarize,
        })
}

proptest! {
    #[test]
    fn any_augmentation_gives_the_size_asked_for(
        augmentation in augmentation(),
        (width, height) in (1..80_u32, 1..80_u32),
        (across, down) in (1..40_u32, 1..40_u32),
        centre in any::<bool>(),
    ) {
        let photo = noisy(width, height);
        let view = photo.view();
        let area = if centre { Area::centre_square(&view) } else { Area::whole(&view) };
        let mut augmenter = Augmenter::new();
        let made = augmenter.apply(view, area, &augmentation, across, down).unwrap();
        prop_assert_eq!((made.width(), made.height()), (across, down));
        // A warm augmenter gives the same bits.
        augmenter.apply(view, area, &Augmentation { rotation: 1.0, ..augmentation }, down, across).unwrap();
        prop_assert_eq!(augmenter.apply(view, area, &augmentation, across, down).unwrap(), made);
    }

    #[test]
    fn mirroring_twice_is_nothing(seed in any::<u64>(), (width, height) in (1..60_u32, 1..60_u32)) {
        let photo = noisy(width, height);
        let drawn = AugmentationPolicy::new(Augmentations::default()).draw_seeded(seed);
        let [plain, mirrored] = [false, true]
            .map(|horizontal_flip| apply(&photo, &Augmentation { horizontal_flip, ..drawn }, 24, 16));
        let mirror = Augmentation { horizontal_flip: true, ..Default::default() };
        prop_assert_eq!(apply(&mirrored, &mirror, 24, 16), plain);
    }

    #[test]
    fn an_augmentation_survives_json(seed in any::<u64>()) {
        let drawn = AugmentationPolicy::default().draw_seeded(seed);
        let json = serde_json::to_string(&drawn).unwrap();
        prop_assert_eq!(serde_json::from_str::<Augmentation>(&json).unwrap(), drawn);
    }
}
