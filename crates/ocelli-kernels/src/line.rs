//! Memory in whole cache lines, seen as the values of whichever type lies in them.

/// 64 bytes, aligned as a cache line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[repr(C, align(64))]
pub struct Line([u32; 16]);

impl Line {
    /// Bytes of a line.
    pub const BYTES: usize = 64;
}

macro_rules! views {
    ($($type:ty, $view:ident, $view_mut:ident;)*) => {$(
        #[doc = concat!("The lines' values as `", stringify!($type), "`.")]
        pub fn $view(lines: &[Line]) -> &[$type] {
            let len = lines.len() * (Line::BYTES / size_of::<$type>());
            // SAFETY: a line is plain bytes without padding, aligned for every one of these types, of which any bits
            // are a value; the length is that of the lines.
            unsafe { std::slice::from_raw_parts(lines.as_ptr().cast(), len) }
        }

        #[doc = concat!("The lines' values as `", stringify!($type), "`, to be written.")]
        pub fn $view_mut(lines: &mut [Line]) -> &mut [$type] {
            let len = lines.len() * (Line::BYTES / size_of::<$type>());
            // SAFETY: as above, and the lines are borrowed mutably.
            unsafe { std::slice::from_raw_parts_mut(lines.as_mut_ptr().cast(), len) }
        }
    )*};
}

views! {
    f32, as_f32, as_f32_mut;
    u8, as_u8, as_u8_mut;
}

/// The lines' values as `i8`, to be written.
pub(crate) fn as_i8_mut(lines: &mut [Line]) -> &mut [i8] {
    let bytes = as_u8_mut(lines);
    // SAFETY: signed and unsigned bytes are laid out alike, and any bits are a value of both.
    unsafe { std::slice::from_raw_parts_mut(bytes.as_mut_ptr().cast(), bytes.len()) }
}
