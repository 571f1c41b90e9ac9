/// The frozen part of a network, and the photos before it: where a fine-tuning gets what it learns from.
///
/// Photos are numbered as in the evaluation of the head that the fine-tuning starts from. View 0 of a photo is the one that
/// predictions see; every other number is a view to learn from.
pub trait Activations: Sync {
    /// Why activations cannot be had.
    type Error: From<crate::TrainError> + Send;

    /// Writes the activations at the cut, `[photos, height, width, channels]`, one photo and view after the other, and says
    /// which could be had: photos may be erased while the training goes on, and what is written of those plays no part. The
    /// same photo and view give the same values.
    ///
    /// # Errors
    ///
    /// If where photos come from, or the frozen part of the network, fails altogether.
    fn write(&self, photos: &[(usize, u64)], out: &mut Vec<f32>) -> Result<Vec<bool>, Self::Error>;
}
