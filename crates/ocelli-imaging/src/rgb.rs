use crate::ImagingError;

/// A decoded photo: RGB, 8 bits a channel, upright, at least one pixel.
#[derive(Clone, PartialEq, Eq)]
pub struct RgbImage {
    width: u32,
    height: u32,
    pixels: Vec<u8>,
}

impl RgbImage {
    /// A photo from `pixels` of shape `[height, width, 3]`, row by row from the upper left.
    ///
    /// # Errors
    /// [`ImagingError::ZeroSize`] and [`ImagingError::PixelCount`].
    pub fn new(width: u32, height: u32, pixels: Vec<u8>) -> Result<Self, ImagingError> {
        RgbView::new(width, height, &pixels)?;
        Ok(Self { width, height, pixels })
    }

    /// Width in pixels.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Height in pixels.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// The pixels, shape `[height, width, 3]`.
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }

    /// The photo, borrowed.
    pub fn view(&self) -> RgbView<'_> {
        RgbView { width: self.width, height: self.height, pixels: &self.pixels }
    }

    /// The pixels, shape `[height, width, 3]`.
    pub fn into_pixels(self) -> Vec<u8> {
        self.pixels
    }
}

impl std::fmt::Debug for RgbImage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.view().fmt(f)
    }
}

/// A borrowed photo: RGB, 8 bits a channel, at least one pixel, from any source (a decoded file, a camera).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct RgbView<'a> {
    width: u32,
    height: u32,
    pixels: &'a [u8],
}

impl<'a> RgbView<'a> {
    /// A view of `pixels` of shape `[height, width, 3]`, row by row from the upper left.
    ///
    /// # Errors
    /// [`ImagingError::ZeroSize`] and [`ImagingError::PixelCount`].
    pub fn new(width: u32, height: u32, pixels: &'a [u8]) -> Result<Self, ImagingError> {
        if width == 0 || height == 0 {
            return Err(ImagingError::ZeroSize { width, height });
        }
        let expected = u128::from(width) * u128::from(height) * 3;
        if expected != pixels.len() as u128 {
            return Err(ImagingError::PixelCount {
                width,
                height,
                expected: u64::try_from(expected).unwrap_or(u64::MAX),
                found: pixels.len() as u64,
            });
        }
        Ok(Self { width, height, pixels })
    }

    /// Width in pixels.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Height in pixels.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// The pixels, shape `[height, width, 3]`.
    pub fn pixels(&self) -> &'a [u8] {
        self.pixels
    }
}

impl std::fmt::Debug for RgbView<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RGB {} x {}", self.width, self.height)
    }
}

impl<'a> From<&'a RgbImage> for RgbView<'a> {
    fn from(image: &'a RgbImage) -> Self {
        image.view()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pixels_must_fit_the_size() {
        assert!(RgbImage::new(2, 3, vec![0; 18]).is_ok());
        assert_eq!(
            RgbImage::new(2, 3, vec![0; 17]),
            Err(ImagingError::PixelCount { width: 2, height: 3, expected: 18, found: 17 })
        );
        assert_eq!(RgbImage::new(0, 3, vec![]), Err(ImagingError::ZeroSize { width: 0, height: 3 }));
        assert!(RgbView::new(u32::MAX, u32::MAX, &[]).is_err());
    }
}
