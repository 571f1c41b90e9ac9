//! Photos, as small pictures with what is said of them.

use maud::{Markup, html};
use ocelli_core::ImageId;

use crate::{IterationReport, Picture};

/// A row of photos, and how many more there are.
pub(super) fn row(photos: impl IntoIterator<Item = Markup>, more: usize) -> Markup {
    html! {
        ul .photos { @for photo in photos { li { (photo) } } }
        @if more > 0 { p .soft.more { "and " (crate::number::count(more)) " more" } }
    }
}

/// One photo. `note` says why it is shown, and stands under it; `alt` describes it to those who do not see it.
pub(super) fn photo(report: &IterationReport, id: ImageId, alt: &str, note: &Markup) -> Markup {
    let known = report.photo(id);
    let name = known.and_then(|photo| photo.name.as_deref());
    html! {
        figure data-photo=(id) {
            @match known.map_or(&Picture::NotShown, |photo| &photo.picture) {
                Picture::Thumbnail(picture) => {
                    img src=(picture.address()) alt=(alt);
                }
                Picture::NotShown => {}
                Picture::Erased => { p .gone { "erased since" } }
                Picture::Unreadable => { p .gone { "cannot be read" } }
            }
            figcaption {
                (note)
                span .name title=(id) {
                    @match name { Some(name) => { bdi { (name) } } None => { (short(id)) } }
                }
            }
        }
    }
}

/// Enough of an id to tell it from the others on the page.
fn short(id: ImageId) -> String {
    let text = id.to_string();
    text.get(text.len().saturating_sub(12)..).unwrap_or_default().to_owned()
}
