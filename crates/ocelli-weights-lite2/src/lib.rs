#![doc = include_str!("../README.md")]

/// The base model as a model file.
pub const MODEL: &[u8] = include_bytes!("../efficientnet-lite2.safetensors");
