//! Lines over two axes, as inline SVG.

use maud::{Markup, html};

/// The square or oblong that points are drawn in, in the units of the drawing.
#[derive(Clone, Copy)]
pub(super) struct Plot {
    pub(super) left: f64,
    pub(super) top: f64,
    pub(super) width: f64,
    pub(super) height: f64,
    /// What lies at the left and right edge.
    pub(super) x: (f64, f64),
    /// What lies at the bottom and top edge.
    pub(super) y: (f64, f64),
}

impl Plot {
    pub(super) fn across(&self, x: f64) -> f64 {
        self.left + self.width * part(x, self.x)
    }

    pub(super) fn down(&self, y: f64) -> f64 {
        self.top + self.height * (1.0 - part(y, self.y))
    }

    /// The `points` of a line.
    pub(super) fn points(&self, points: impl IntoIterator<Item = (f64, f64)>) -> String {
        let mut text = String::new();
        for (x, y) in points {
            if !text.is_empty() {
                text.push(' ');
            }
            text += &format!("{:.1},{:.1}", self.across(x), self.down(y));
        }
        text
    }

    /// Horizontal lines with their values beside them, and values along the bottom.
    pub(super) fn axes(&self, x: &[(f64, String)], y: &[(f64, String)]) -> Markup {
        let (right, bottom) = (self.left + self.width, self.top + self.height);
        html! {
            @for (value, label) in y {
                line .grid x1=(self.left) x2=(right) y1=(place(self.down(*value))) y2=(place(self.down(*value))) {}
                text .axis x=(self.left - 6.0) y=(place(self.down(*value) + 4.0)) text-anchor="end" { (label) }
            }
            @for (value, label) in x {
                text .axis x=(place(self.across(*value))) y=(bottom + 16.0) text-anchor="middle" { (label) }
            }
            line .base x1=(self.left) x2=(right) y1=(bottom) y2=(bottom) {}
        }
    }
}

/// A coordinate, short.
pub(super) fn place(value: f64) -> String {
    format!("{value:.1}")
}

/// Where a value lies between two ends, 0 to 1; in the middle where the ends are one.
fn part(value: f64, (low, high): (f64, f64)) -> f64 {
    let part = (value - low) / (high - low);
    if part.is_finite() { part.clamp(0.0, 1.0) } else { 0.5 }
}
