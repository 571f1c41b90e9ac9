//! GIF (GIF89a specification, CompuServe 1990): the first frame, composed on the logical screen.

use std::borrow::Cow;

use gif::{DecodeOptions, DecodingError, MemoryLimit};

use crate::cursor::Cursor;
use crate::limits::Claim;
use crate::photo::{Check, Container, Picture};
use crate::pixels::buffer;
use crate::{ImageFormat, ImagingError, Orientation};

const FORMAT: ImageFormat = ImageFormat::Gif;
const EXTENSION: u8 = 0x21;
const GRAPHIC_CONTROL: u8 = 0xf9;
const FRAME: u8 = 0x2c;
const TRAILER: u8 = 0x3b;

fn truncated(detail: &str) -> ImagingError {
    ImagingError::Truncated { format: FORMAT, detail: detail.to_owned() }
}

/// Keeps the logical screen, its colours and the first frame with its graphic control; closes the file after it.
pub(crate) fn walk<'a>(bytes: &'a [u8], check: Check<'_>) -> Result<Container<'a>, ImagingError> {
    let mut cursor = Cursor::new(bytes);
    let mut screen = cursor.array::<13>().ok_or_else(|| truncated("the logical screen is missing"))?;
    // A graphic control is a matter of version 89a, so the version is not free to differ.
    screen[..6].copy_from_slice(b"GIF89a");
    let width = u32::from(u16::from_le_bytes([screen[6], screen[7]]));
    let height = u32::from(u16::from_le_bytes([screen[8], screen[9]]));
    // The pixel aspect ratio is ignored by decoders.
    screen[12] = 0;
    let mut pieces: Vec<Cow<'a, [u8]>> = vec![Cow::Owned(screen.to_vec())];
    pieces.extend(colour_table(&mut cursor, screen[10])?);
    let mut control = None;
    loop {
        let start = cursor.position();
        match cursor.u8() {
            Some(EXTENSION) => {
                let label = cursor.u8().ok_or_else(|| truncated("it ends within an extension"))?;
                let blocks = sub_blocks(&mut cursor)?;
                if let (GRAPHIC_CONTROL, [4, flags, _, _, transparent, ..]) = (label, blocks) {
                    // Of the flags, only the one for transparency; no delay.
                    control = Some(vec![EXTENSION, GRAPHIC_CONTROL, 4, flags & 1, 0, 0, *transparent, 0]);
                }
            }
            Some(FRAME) => break,
            Some(TRAILER) => {
                return Err(ImagingError::Damaged { format: FORMAT, detail: "it holds no frame".to_owned() });
            }
            Some(_) => {
                return Err(ImagingError::UnwalkableContainer {
                    format: FORMAT,
                    detail: format!("no block begins at byte {start}"),
                });
            }
            None => return Err(truncated("it ends before its first frame")),
        }
    }
    pieces.extend(control.map(Cow::Owned));
    let descriptor = cursor.array::<9>().ok_or_else(|| truncated("it ends within its first frame"))?;
    let frame_width = u32::from(u16::from_le_bytes([descriptor[4], descriptor[5]]));
    let frame_height = u32::from(u16::from_le_bytes([descriptor[6], descriptor[7]]));
    // RGB of the screen and one byte a pixel of the frame, which may be larger than the screen.
    let memory = u64::from(width) * u64::from(height) * 3 + u64::from(frame_width) * u64::from(frame_height);
    check(Claim { width, height, memory })?;
    Claim { width: frame_width, height: frame_height, memory }.check_not_empty()?;
    pieces.push(Cow::Owned([&[FRAME], descriptor.as_slice()].concat()));
    pieces.extend(colour_table(&mut cursor, descriptor[8])?);
    let code_size = cursor.take(1).ok_or_else(|| truncated("it ends within its first frame"))?;
    pieces.push(Cow::Borrowed(code_size));
    pieces.push(cut_behind_end(code_size[0], sub_blocks(&mut cursor)?));
    pieces.push(Cow::Borrowed(&[TRAILER]));
    let orientation = Orientation::Upright;
    Ok(Container { format: FORMAT, width, height, orientation, pieces, picture: Picture::Gif })
}

fn colour_table<'a>(cursor: &mut Cursor<'a>, flags: u8) -> Result<Option<Cow<'a, [u8]>>, ImagingError> {
    if flags & 0x80 == 0 {
        return Ok(None);
    }
    let table =
        cursor.take(3 << ((flags & 7) + 1)).ok_or_else(|| truncated("it ends within a colour table"))?;
    Ok(Some(Cow::Borrowed(table)))
}

/// The sub-blocks up to and with the empty one that ends them.
fn sub_blocks<'a>(cursor: &mut Cursor<'a>) -> Result<&'a [u8], ImagingError> {
    let (rest, start) = (cursor.rest(), cursor.position());
    loop {
        let length = cursor.u8().ok_or_else(|| truncated("it ends within a block"))?;
        cursor.take(usize::from(length)).ok_or_else(|| truncated("it ends within a block"))?;
        if length == 0 {
            return Ok(rest.get(..cursor.position() - start).unwrap_or_default());
        }
    }
}

/// Leaves out what lies behind the end code of the picture data (LZW, GIF89a appendix F): decoders ignore it, so
/// anything could hide there. Of the codes only their lengths matter.
fn cut_behind_end(code_size: u8, blocks: &[u8]) -> Cow<'_, [u8]> {
    if !(1..=11).contains(&code_size) {
        return Cow::Borrowed(blocks);
    }
    let mut data = Vec::with_capacity(blocks.len());
    let mut rest = blocks;
    while let Some((&length, behind)) = rest.split_first() {
        let (block, behind) = behind.split_at_checked(length.into()).unwrap_or_default();
        data.extend(block);
        rest = behind;
    }
    let clear = 1_u32 << code_size;
    let (mut bits, mut next, mut is_first) = (u32::from(code_size) + 1, clear + 2, true);
    let (mut held, mut count, mut read) = (0_u32, 0, 0);
    loop {
        while count < bits {
            let Some(&byte) = data.get(read) else {
                return Cow::Borrowed(blocks);
            };
            held |= u32::from(byte) << count;
            count += 8;
            read += 1;
        }
        let code = held & ((1 << bits) - 1);
        held >>= bits;
        count -= bits;
        if code == clear + 1 {
            break;
        }
        if code == clear {
            (bits, next, is_first) = (u32::from(code_size) + 1, clear + 2, true);
            continue;
        }
        if !is_first && next < 4096 {
            next += 1;
            if next == 1 << bits && bits < 12 {
                bits += 1;
            }
        }
        is_first = false;
    }
    if read == data.len() {
        return Cow::Borrowed(blocks);
    }
    let blocks = data[..read].chunks(255).flat_map(|block| [&[block.len() as u8], block].concat());
    Cow::Owned(blocks.chain([0]).collect())
}

/// Decodes a stripped file to RGB8. What the frame leaves open or transparent is white.
pub(crate) fn decode(bytes: &[u8]) -> Result<Vec<u8>, ImagingError> {
    let mut options = DecodeOptions::new();
    // The frame's memory is part of the estimate that was checked.
    options.set_memory_limit(MemoryLimit::Unlimited);
    let mut decoder = options.read_info(bytes).map_err(refusal)?;
    let (width, height) = (decoder.width(), decoder.height());
    let global_palette = decoder.global_palette().map(<[u8]>::to_vec);
    let frame = decoder
        .read_next_frame()
        .map_err(refusal)?
        .ok_or_else(|| ImagingError::Damaged { format: FORMAT, detail: "it holds no frame".to_owned() })?;
    let palette = frame.palette.as_deref().or(global_palette.as_deref()).unwrap_or_default();
    let mut pixels = buffer(u32::from(width), u32::from(height), 3, 255)?;
    let visible = usize::from(width).saturating_sub(usize::from(frame.left)).min(usize::from(frame.width));
    let screen_rows = pixels.chunks_exact_mut(usize::from(width) * 3).skip(usize::from(frame.top));
    for (screen_row, row) in screen_rows.zip(frame.buffer.chunks_exact(usize::from(frame.width))) {
        let out = screen_row.chunks_exact_mut(3).skip(usize::from(frame.left));
        for (rgb, &index) in out.zip(&row[..visible]) {
            let at = usize::from(index) * 3;
            match palette.get(at..at + 3) {
                Some(colour) if frame.transparent != Some(index) => rgb.copy_from_slice(colour),
                _ => {}
            }
        }
    }
    Ok(pixels)
}

fn refusal(error: DecodingError) -> ImagingError {
    match error {
        DecodingError::UnexpectedEof => truncated("the picture data end too early"),
        error => ImagingError::Damaged { format: FORMAT, detail: error.to_string() },
    }
}
