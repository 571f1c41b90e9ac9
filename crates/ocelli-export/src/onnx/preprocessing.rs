use ocelli_model::{Preprocessing, View};
use onnx_rs::ast::{Node, OpType};

use super::element::{Constant, integer, integers, node, text};
use super::names::PHOTO;

const CENTRE_AXES: &str = "photo.axes";
const TWO: &str = "photo.two";
const SIZES: &str = "photo.sizes";
const MEAN: &str = "photo.mean";
const STD: &str = "photo.std";
const SIDES: &str = "photo.sides";
const SIDE: &str = "photo.side";
const MARGIN: &str = "photo.margin";
const START: &str = "photo.start";
const END: &str = "photo.end";
const CENTRE: &str = "photo.centre";
const CHANNELS: &str = "photo.channels";
const LEVELS: &str = "photo.levels";
const RESIZED: &str = "photo.resized";
const CENTRED: &str = "photo.centred";

/// Every name that preprocessing uses.
pub(super) const NAMES: &[&str] = &[
    CENTRE_AXES,
    TWO,
    SIZES,
    MEAN,
    STD,
    SIDES,
    SIDE,
    MARGIN,
    START,
    END,
    CENTRE,
    CHANNELS,
    LEVELS,
    RESIZED,
    CENTRED,
];

/// The constants that [`nodes`] read.
pub(super) fn constants(preprocessing: &Preprocessing) -> Vec<Constant> {
    let Preprocessing { width, height, view, mean, std } = *preprocessing;
    let mut constants = vec![
        Constant::integers(SIZES, &[1, 3, i64::from(height), i64::from(width)]),
        Constant::floats(MEAN, &[1, 3, 1, 1], &mean),
        Constant::floats(STD, &[1, 3, 1, 1], &std),
    ];
    if view == View::Centre {
        constants.extend([Constant::integers(CENTRE_AXES, &[1, 2]), Constant::integers(TWO, &[2])]);
    }
    constants
}

/// What happens to a photo of `[1, height, width, 3]` bytes until it is `output`, the network's input.
pub(super) fn nodes<'a>(preprocessing: &Preprocessing, output: &'a str) -> Vec<Node<'a>> {
    let mut nodes = Vec::new();
    let seen = match preprocessing.view {
        View::Whole => PHOTO,
        View::Centre => {
            // The largest square; where the margin is odd, the left or upper one is a pixel smaller.
            nodes.extend([
                node(OpType::Shape, &[PHOTO], SIDES, vec![integer("start", 1), integer("end", 3)]),
                node(OpType::ReduceMin, &[SIDES], SIDE, vec![integer("keepdims", 1)]),
                node(OpType::Sub, &[SIDES, SIDE], MARGIN, vec![]),
                node(OpType::Div, &[MARGIN, TWO], START, vec![]),
                node(OpType::Add, &[START, SIDE], END, vec![]),
                node(OpType::Slice, &[PHOTO, START, END, CENTRE_AXES], CENTRE, vec![]),
            ]);
            CENTRE
        }
    };
    let resize = vec![
        text("mode", "linear"),
        text("coordinate_transformation_mode", "half_pixel"),
        integer("antialias", 1),
        integer("exclude_outside", 1),
    ];
    nodes.extend([
        node(OpType::Transpose, &[seen], CHANNELS, vec![integers("perm", &[0, 3, 1, 2])]),
        node(OpType::Cast, &[CHANNELS], LEVELS, vec![integer("to", 1)]),
        // Neither a region nor scales: the target's size decides.
        node(OpType::Resize, &[LEVELS, "", "", SIZES], RESIZED, resize),
        node(OpType::Sub, &[RESIZED, MEAN], CENTRED, vec![]),
        node(OpType::Div, &[CENTRED, STD], output, vec![]),
    ]);
    nodes
}
