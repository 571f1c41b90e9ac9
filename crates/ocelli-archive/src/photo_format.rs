/// The usual extension of a photo's file, by how its bytes begin; `bin` for anything else.
pub(crate) fn extension(bytes: &[u8]) -> &'static str {
    match bytes {
        [0xff, 0xd8, 0xff, ..] => "jpg",
        [0x89, b'P', b'N', b'G', b'\r', b'\n', 0x1a, b'\n', ..] => "png",
        [b'G', b'I', b'F', b'8', b'7' | b'9', b'a', ..] => "gif",
        [b'B', b'M', ..] => "bmp",
        [b'R', b'I', b'F', b'F', _, _, _, _, b'W', b'E', b'B', b'P', ..] => "webp",
        _ => "bin",
    }
}

/// Every extension that [`extension`] gives.
pub(crate) const EXTENSIONS: [&str; 6] = ["jpg", "png", "gif", "bmp", "webp", "bin"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_extension_follows_the_content() {
        let cases: [(&[u8], &str); 7] = [
            (b"\xff\xd8\xff\xe0rest", "jpg"),
            (b"\x89PNG\r\n\x1a\nrest", "png"),
            (b"GIF89a", "gif"),
            (b"BM1234", "bmp"),
            (b"RIFF\x10\0\0\0WEBPVP8 ", "webp"),
            (b"RIFF\x10\0\0\0WAVE", "bin"),
            (b"", "bin"),
        ];
        for (bytes, expected) in cases {
            assert_eq!(extension(bytes), expected, "{bytes:?}");
            assert!(EXTENSIONS.contains(&expected));
        }
    }
}
