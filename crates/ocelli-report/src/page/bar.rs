//! A fraction as a small bar, with the ends of its interval.

use maud::{Markup, html};
use ocelli_core::Interval;

const WIDTH: f64 = 100.0;

/// Drawn beside its number, so hidden from those who hear the page.
pub(super) fn bar(value: f64, interval: Option<Interval>) -> Markup {
    let at = |fraction: f64| format!("{:.1}", WIDTH * fraction.clamp(0.0, 1.0));
    html! {
        svg .bar viewBox="0 0 100 8" preserveAspectRatio="none" aria-hidden="true" focusable="false" {
            rect .track x="0" y="2" width="100" height="4" {}
            rect .fill x="0" y="2" width=(at(value)) height="4" {}
            @if let Some(Interval { low, high }) = interval {
                line .whisker x1=(at(low)) y1="4" x2=(at(high)) y2="4" {}
                line .whisker x1=(at(low)) y1="1" x2=(at(low)) y2="7" {}
                line .whisker x1=(at(high)) y1="1" x2=(at(high)) y2="7" {}
            }
        }
    }
}
