//! The model file: complete, readable by others, and strict.
#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

mod sample;

use ocelli_model::{Activation, ModelError, Network, Provenance, Tensor, file};
use proptest::prelude::*;
use safetensors::SafeTensors;
use safetensors::tensor::Dtype;
use sample::{base, builder, calibration, head, values};

fn network() -> Network {
    let (mut builder, features) = builder();
    builder.provenance(Provenance {
        model: "Sample".into(),
        package: "sample".into(),
        version: "1".into(),
        checkpoint: "sample.pth".into(),
        sha256: "0".repeat(64),
        license: "Apache-2.0".into(),
        copyright: "Copyright \"ocelli.checksum\":\"of nobody".into(),
        changes: "None.".into(),
    });
    let base = builder.build(features).unwrap();
    base.with_head(head(&["cherry \"quoted\"", "hemlock"], Activation::Sigmoid)).unwrap()
}

/// A file with the given texts in its header replaced, its length and checksum put right.
fn rewritten(bytes: &[u8], replacements: &[(&str, &str)]) -> Vec<u8> {
    let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let mut header = String::from_utf8(bytes[8..8 + length].to_vec()).unwrap();
    for (from, to) in replacements {
        assert!(header.contains(from), "{from} is not in the header");
        header = header.replace(from, to);
    }
    with_header(&header, &bytes[8 + length..])
}

fn with_header(header: &str, data: &[u8]) -> Vec<u8> {
    let mut bytes = (header.len() as u64).to_le_bytes().to_vec();
    bytes.extend_from_slice(header.as_bytes());
    bytes.extend_from_slice(data);
    let mark = "\"ocelli.checksum\":\"";
    if let Some(position) = header.find(mark) {
        let digits = 8 + position + mark.len();
        bytes[digits..digits + 64].fill(b'0');
        let checksum = blake3::hash(&bytes).to_hex();
        bytes[digits..digits + 64].copy_from_slice(checksum.as_bytes());
    }
    bytes
}

#[test]
fn what_is_written_is_read() {
    for network in [base(), network(), network().with_calibration(calibration()).unwrap()] {
        let bytes = file::write(&network).unwrap();
        assert_eq!(file::read(&bytes).unwrap(), network);
        assert_eq!(file::write(&network).unwrap(), bytes, "the same network gives the same bytes");
    }
}

#[test]
fn other_tools_read_the_weights() {
    let bytes = file::write(&network()).unwrap();
    let tensors = SafeTensors::deserialize(&bytes).unwrap();
    let stem = tensors.tensor("stem").unwrap();
    assert_eq!((stem.dtype(), stem.shape()), (Dtype::F16, &[4, 3, 3, 3][..]));
    let weights = tensors.tensor("head.weight").unwrap();
    assert_eq!((weights.dtype(), weights.shape()), (Dtype::F32, &[2, 4][..]));
    let values: Vec<u8> = values(8).iter().flat_map(|value| value.to_le_bytes()).collect();
    assert_eq!(weights.data(), values);
}

#[test]
fn every_altered_byte_is_noticed() {
    let bytes = file::write(&network()).unwrap();
    for position in 0..bytes.len() {
        for flip in [0x01, 0x20, 0x80, 0xff] {
            let mut altered = bytes.clone();
            altered[position] ^= flip;
            assert!(
                file::read(&altered).is_err(),
                "byte {position} ^ {flip:#x} of {} was not noticed",
                bytes.len()
            );
        }
    }
}

#[test]
fn every_missing_end_is_called_one() {
    let bytes = file::write(&network()).unwrap();
    for length in 0..bytes.len() {
        let error = file::read(&bytes[..length]).unwrap_err();
        assert!(
            matches!(error, ModelError::Truncated { found, .. } if found == length as u64),
            "{length}: {error}"
        );
    }
    let longer = [bytes, vec![0]].concat();
    assert!(matches!(file::read(&longer), Err(ModelError::TrailingBytes { .. })));
}

#[test]
fn damage_to_weights_is_a_checksum_error() {
    let mut bytes = file::write(&network()).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    let error = file::read(&bytes).unwrap_err();
    assert!(matches!(error, ModelError::Checksum), "{error}");
}

#[test]
fn other_files_are_not_model_files() {
    let header = r#"{"__metadata__":{"format":"pt"},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}"#;
    let cases: [(&str, &[u8]); 4] = [
        ("a JPEG photo", b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01"),
        ("text", b"This is a text, not a model file."),
        ("safetensors of another program", &with_header(header, &[0; 4])),
        ("nonsense in braces", &with_header("{nonsense}", &[])),
    ];
    for (name, bytes) in cases {
        let error = file::read(bytes).unwrap_err();
        assert!(matches!(error, ModelError::NotAModelFile { .. }), "{name}: {error}");
    }
}

#[test]
fn a_later_version_is_named() {
    let bytes = file::write(&network()).unwrap();
    let later = rewritten(&bytes, &[(r#""ocelli.version":"1""#, r#""ocelli.version":"7""#)]);
    let error = file::read(&later).unwrap_err();
    assert!(matches!(error, ModelError::NewerVersion { found: 7, supported: file::VERSION }), "{error}");
    let none = rewritten(&bytes, &[(r#""ocelli.version":"1""#, r#""ocelli.version":"0""#)]);
    assert!(matches!(file::read(&none), Err(ModelError::NotAModelFile { .. })));
}

type Refusal = fn(&ModelError) -> bool;

#[test]
fn a_checksum_does_not_excuse_a_wrong_content() {
    let bytes = file::write(&network()).unwrap();
    let cases: [(&str, &str, Refusal); 8] = [
        (r#"\"type\":\"relu6\""#, r#"\"type\":\"swish\""#, |e| matches!(e, ModelError::Description { .. })),
        (r#"\"groups\":4"#, r#"\"groups\":4,\"dilation\":2"#, |e| {
            matches!(e, ModelError::Description { .. })
        }),
        (r#"\"output\":8"#, r#"\"output\":9"#, |e| matches!(e, ModelError::UnknownOutput { .. })),
        (r#"\"width\":6"#, r#"\"width\":0"#, |e| matches!(e, ModelError::Preprocessing { .. })),
        (r#""shape":[4,3,3,3]"#, r#""shape":[4,9,3,1]"#, |e| matches!(e, ModelError::TensorShape { .. })),
        (r#""dtype":"F16""#, r#""dtype":"BF16""#, |e| matches!(e, ModelError::Description { .. })),
        ("ocelli.network", "ocelli.nothing", |e| matches!(e, ModelError::Description { .. })),
        (r#""ocelli.version":"1""#, r#""ocelli.version":"2""#, |e| {
            matches!(e, ModelError::Description { .. })
        }),
    ];
    for (from, to, refused) in cases {
        let error = file::read(&rewritten(&bytes, &[(from, to)])).unwrap_err();
        assert!(refused(&error), "{to}: {error}");
    }
}

#[test]
fn absurd_offsets_and_shapes_neither_panic_nor_allocate() {
    let metadata =
        format!(r#""__metadata__":{{"ocelli.checksum":"{}","ocelli.version":"1"}}"#, "0".repeat(64));
    let huge = u64::MAX;
    for tensor in [
        format!(r#"{{"dtype":"F32","shape":[{}],"data_offsets":[0,{}]}}"#, huge / 4, huge / 4 * 4),
        format!(r#"{{"dtype":"F32","shape":[{huge},{huge}],"data_offsets":[0,4]}}"#),
        r#"{"dtype":"F32","shape":[1],"data_offsets":[4,0]}"#.to_owned(),
        r#"{"dtype":"F32","shape":[-1],"data_offsets":[0,4]}"#.to_owned(),
    ] {
        let bytes = with_header(&format!(r#"{{{metadata},"a":{tensor}}}"#), &[0; 4]);
        assert!(file::read(&bytes).is_err(), "{tensor}");
    }
    let mut length_only = huge.to_le_bytes().to_vec();
    length_only.push(b'{');
    assert!(file::read(&length_only).is_err());
}

#[test]
fn only_a_calibration_asks_for_the_later_version() {
    let version = |network: &Network| {
        let bytes = file::write(network).unwrap();
        let (_, metadata) = SafeTensors::read_metadata(&bytes).unwrap();
        metadata.metadata().as_ref().unwrap()["ocelli.version"].clone()
    };
    assert_eq!(version(&network()), "1");
    assert_eq!(version(&network().with_calibration(calibration()).unwrap()), "2");
}

#[test]
fn a_calibration_that_does_not_add_up_is_refused() {
    let bytes = file::write(&network().with_calibration(calibration()).unwrap()).unwrap();
    let cases: [(&str, &str, Refusal); 8] = [
        (r#"\"photos\":3"#, r#"\"photos\":0"#, |e| matches!(e, ModelError::EmptyCalibration)),
        (r#"\"block\":4"#, r#"\"block\":9"#, |e| matches!(e, ModelError::Description { .. })),
        (r#"{\"block\":4,\"stem\":4}"#, r#"{\"block\":18446744073709551615,\"stem\":9}"#, |e| {
            matches!(e, ModelError::Description { .. })
        }),
        (r#"{\"block\":4,"#, r#"{\"neck\":4,"#, |e| matches!(e, ModelError::UnknownCalibratedNode { .. })),
        (r#""shape":[8,3]"#, r#""shape":[3,8]"#, |e| matches!(e, ModelError::Description { .. })),
        (
            r#""ocelli.version":"2""#,
            r#""ocelli.version":"1""#,
            |e| matches!(e, ModelError::Description { reason } if reason.contains("version 1")),
        ),
        (
            r#""dtype":"F32","shape":[8,3]"#,
            r#""dtype":"F16","shape":[8,6]"#,
            |e| matches!(e, ModelError::Description { reason } if reason.contains("f32")),
        ),
        (r#""ocelli.calibration":{"#, r#""ocelli.other":{"#, |e| matches!(e, ModelError::Description { .. })),
    ];
    for (from, to, refused) in cases {
        let error = file::read(&rewritten(&bytes, &[(from, to)])).unwrap_err();
        assert!(refused(&error), "{to}: {error}");
    }
}

#[test]
fn an_adapted_file_holds_only_what_differs() {
    let base = base();
    let adapted = Tensor::f32(&[4, 1, 3, 3], values(36)).unwrap();
    let network = base
        .with_tensors([("depthwise".to_owned(), adapted)])
        .and_then(|network| network.with_head(head(&["a", "b"], Activation::Softmax)))
        .unwrap();
    let bytes = file::write_adapted(&network, &base).unwrap();
    let mut held: Vec<_> =
        SafeTensors::deserialize(&bytes).unwrap().names().into_iter().map(String::from).collect();
    held.sort();
    assert_eq!(held, ["depthwise", "head.bias", "head.weight"]);
    assert_eq!(file::read_adapted(&bytes, &base).unwrap(), network);
    assert!(
        matches!(file::read(&bytes), Err(ModelError::NeedsBase { base: named }) if named == base.fingerprint())
    );
    let wrong = file::read_adapted(&bytes, &network);
    assert!(matches!(wrong, Err(ModelError::WrongBase { expected, .. }) if expected == base.fingerprint()));

    let calibrated = network.with_calibration(calibration()).unwrap();
    let bytes = file::write_adapted(&calibrated, &base).unwrap();
    assert_eq!(file::read_adapted(&bytes, &base).unwrap(), calibrated, "the base need not know of it");
}

#[test]
fn a_file_is_opened_by_path() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("sample.safetensors");
    assert!(matches!(file::open(&path), Err(ModelError::Io { .. })));
    std::fs::write(&path, file::write(&network()).unwrap()).unwrap();
    assert_eq!(file::open(&path).unwrap(), network());
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(file::read(&bytes).is_err());
    }

    #[test]
    fn any_description_is_read_or_refused(from in 0_usize..2_000, replacement in "[ -~]{0,12}") {
        let bytes = file::write(&network()).unwrap();
        let length = u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
        let mut header = String::from_utf8(bytes[8..8 + length].to_vec()).unwrap();
        let from = from.min(header.len() - replacement.len());
        header.replace_range(from..from + replacement.len(), &replacement);
        // Read or refused, but never a panic; where it is read it is a network that adds up.
        if let Ok(network) = file::read(&with_header(&header, &bytes[8 + length..])) {
            prop_assert!(network.output_len() > 0);
        }
    }
}
