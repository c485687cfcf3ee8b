//! Reads the vectors of this folder: programs in the format of bpf_conformance, each with the result it has on every engine.
//!
//! Sections: `-- asm` (this project's notation) or `-- raw` (eight hexadecimal bytes a line), `-- mem` (hexadecimal bytes; R1 = its
//! address, R2 = its length), `-- result` (R0) or `-- error` (part of the message with which the program is refused).
use axbpf_isa::{RawInsn, asm};
use std::path::Path;

pub struct Vector {
    pub name: String,
    pub slots: Vec<RawInsn>,
    pub mem: Vec<u8>,
    /// R0, or part of the message.
    pub expected: Result<u64, String>,
}

/// All vectors, by name.
pub fn vectors() -> Vec<Vector> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/data");
    let files = std::fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut paths: Vec<_> =
        files.map(|entry| entry.unwrap().path()).filter(|path| path.extension().is_some_and(|ext| ext == "data")).collect();
    paths.sort();
    assert!(paths.len() >= 240, "only {} vectors in {}", paths.len(), folder.display());
    paths.iter().map(|path| read(path)).collect()
}

fn read(path: &Path) -> Vector {
    let name = path.file_stem().unwrap().to_str().unwrap().to_owned();
    let text = std::fs::read_to_string(path).unwrap();
    let section = |wanted: &str| {
        text.split("-- ").skip(1).find_map(|part| part.split_once('\n').filter(|(title, _)| title.trim() == wanted).map(|(_, body)| body))
    };
    let bytes = |text: &str| -> Vec<u8> { text.split_whitespace().map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect() };
    let slots = match (section("asm"), section("raw")) {
        (Some(source), None) => asm::assemble(source).unwrap_or_else(|error| panic!("{name}: {error}")),
        (None, Some(raw)) => bytes(raw).chunks_exact(8).map(|slot| RawInsn::from_bytes(slot.try_into().unwrap())).collect(),
        _ => panic!("{name}: one of `-- asm` and `-- raw` is needed"),
    };
    let expected = match (section("result"), section("error")) {
        (Some(value), None) => Ok(u64::from_str_radix(value.trim().strip_prefix("0x").unwrap(), 16).unwrap()),
        (None, Some(message)) => Err(message.trim().to_owned()),
        _ => panic!("{name}: one of `-- result` and `-- error` is needed"),
    };
    Vector { name, slots, mem: section("mem").map(bytes).unwrap_or_default(), expected }
}
