//! How large a network may be. The limits are far above what image classification and detection need; they
//! keep a hostile model file from asking for absurd amounts of memory or time.

/// Nodes in one network.
pub const MAX_NODES: usize = 10_000;
/// Pixels on a side of the network's input.
pub const MAX_INPUT_SIDE: u32 = 4_096;
/// Values that one node may put out (256 MiB in f32).
pub const MAX_NODE_VALUES: usize = 1 << 26;
/// Values that must be held at once during one forward pass (512 MiB in f32).
pub const MAX_VALUES_HELD: u64 = 1 << 27;
/// Multiply-adds of one forward pass.
pub const MAX_MULTIPLY_ADDS: u64 = 1 << 38;
/// Rows and columns of a convolution's kernel and stride.
pub const MAX_KERNEL_SIDE: usize = 64;
/// What a calibrated range reaches at most, on either side of zero.
pub const MAX_CALIBRATED_VALUE: f32 = 1e30;
/// Bytes of one model file (1 GiB).
pub const MAX_FILE_BYTES: u64 = 1 << 30;
