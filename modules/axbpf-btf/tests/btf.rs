//! Sections that clang-19 writes, judged by the compiler's own asserts (types.c) and by aya-obj; then the same sections broken.
use std::{fs, path::PathBuf, process::Command, sync::OnceLock};

use axbpf_btf::{Btf, BtfError, BtfExt, Cause, CoreReloKind, Encoding, Kind, Linkage, MAX_DEPTH, TypeDef, TypeId};

/// What clang makes of types.c.
struct Sections {
    object: Vec<u8>,
    btf: Vec<u8>,
    ext: Vec<u8>,
}

fn sections() -> &'static Sections {
    static SECTIONS: OnceLock<Sections> = OnceLock::new();
    SECTIONS.get_or_init(|| {
        let dir = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
        let object = dir.join("types.o");
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/types.c");
        run(Command::new("clang-19").args(["-target", "bpf", "-mcpu=v3", "-g", "-O2", "-c", source, "-o"]).arg(&object));
        let dump = |section: &str, file: &str| {
            let out = dir.join(file);
            run(Command::new("llvm-objcopy-19").arg(format!("--dump-section={section}={}", out.display())).arg(&object).arg("/dev/null"));
            fs::read(out).expect("the dumped section")
        };
        Sections { btf: dump(".BTF", "types.btf"), ext: dump(".BTF.ext", "types.btf.ext"), object: fs::read(&object).expect("the object") }
    })
}

fn run(command: &mut Command) {
    let out = command.output().unwrap_or_else(|e| panic!("{command:?}: {e}; scripts/setup.sh installs it"));
    assert!(out.status.success(), "{command:?}: {}", String::from_utf8_lossy(&out.stderr));
}

fn parsed() -> Btf<'static> {
    Btf::parse(sections().btf.as_slice()).expect("clang's BTF")
}

fn id(btf: &Btf<'_>, name: &str, kind: Kind) -> TypeId {
    btf.find(name, kind).unwrap_or_else(|| panic!("no {kind} {name}"))
}

#[test]
fn sizes_are_the_compilers() {
    let btf = parsed();
    let outer = id(&btf, "outer", Kind::Struct);
    assert_eq!(btf.size_of(outer), Ok(200));
    assert_eq!(btf.align_of(outer), Ok(8));
    assert_eq!(btf.size_of(id(&btf, "quiet", Kind::Typedef)), Ok(4));
    assert_eq!(btf.size_of(id(&btf, "global", Kind::Var)), Ok(200));
    let table = btf.member(outer, "table").unwrap().unwrap();
    assert_eq!(btf.size_of(table.ty), Ok(120));
    let proto = btf.types().find(|(_, t)| t.def.kind() == Kind::FuncProto).unwrap().0;
    assert_eq!(btf.size_of(proto).unwrap_err().cause, Cause::NoSize(Kind::FuncProto));
}

#[test]
fn members_are_where_the_compiler_puts_them() {
    let btf = parsed();
    let outer = id(&btf, "outer", Kind::Struct);
    let place = |name| btf.member(outer, name).unwrap().map(|m| (m.bit_offset, m.bit_size));
    assert_eq!(place("head"), Some((0, 0)));
    assert_eq!(place("bits"), Some((8, 3)));
    assert_eq!(place("more"), Some((11, 17)));
    assert_eq!(place("in"), Some((8 * 8, 0)));
    assert_eq!(place("x"), Some((24 * 8, 0)), "member of an anonymous struct");
    assert_eq!(place("y"), Some((28 * 8, 0)));
    assert_eq!(place("real"), Some((152 * 8, 0)));
    assert_eq!(place("tagged"), Some((192 * 8, 0)));
    assert_eq!(place("deep"), None, "member of a named member");
    assert_eq!(place(""), None);
    let inner = id(&btf, "inner", Kind::Struct);
    assert_eq!(btf.member(inner, "high").unwrap().unwrap().bit_offset, 10 * 8, "two anonymous levels");
}

#[test]
fn every_kind_of_the_source_is_seen() {
    let btf = parsed();
    for (kind, least) in [
        (Kind::Int, 5),
        (Kind::Ptr, 4),
        (Kind::Array, 2),
        (Kind::Struct, 2),
        (Kind::Union, 1),
        (Kind::Enum, 1),
        (Kind::Fwd, 1),
        (Kind::Typedef, 3),
        (Kind::Volatile, 1),
        (Kind::Const, 1),
        (Kind::Restrict, 1),
        (Kind::Func, 3),
        (Kind::FuncProto, 3),
        (Kind::Var, 4),
        (Kind::Datasec, 4),
        (Kind::Float, 1),
        (Kind::DeclTag, 2),
        (Kind::TypeTag, 1),
        (Kind::Enum64, 1),
    ] {
        assert!(btf.types().filter(|(_, t)| t.def.kind() == kind).count() >= least, "{kind}");
    }
    let def = |name, kind| btf.ty(id(&btf, name, kind)).unwrap().def;
    let TypeDef::Enum(color) = def("color", Kind::Enum) else { panic!() };
    assert_eq!(color.values().collect::<Vec<_>>(), [("RED", u64::MAX), ("GREEN", 7)]);
    let TypeDef::Enum(big) = def("big", Kind::Enum64) else { panic!() };
    assert_eq!(big.values().collect::<Vec<_>>(), [("HUGE_ONE", 0x0123_4567_89ab_cdef)]);
    assert!(matches!(def("helper", Kind::Func), TypeDef::Func { linkage: Linkage::Static, .. }));
    assert!(matches!(def("first", Kind::Func), TypeDef::Func { linkage: Linkage::Global, .. }));
    assert!(matches!(def("elsewhere", Kind::Var), TypeDef::Var { linkage: Linkage::Extern, .. }));
    assert!(matches!(def("_Bool", Kind::Int), TypeDef::Int { size: 1, encoding: Encoding::Bool, bits: 8, offset: 0 }));
    assert!(matches!(def("int", Kind::Int), TypeDef::Int { encoding: Encoding::Signed, .. }));
    assert!(matches!(def("double", Kind::Float), TypeDef::Float { size: 8 }));
    assert!(matches!(def("forward", Kind::Fwd), TypeDef::Fwd { is_union: false }));
    assert!(matches!(def("struct-tag", Kind::DeclTag), TypeDef::DeclTag { component: None, .. }));
    assert!(matches!(def("arg-tag", Kind::DeclTag), TypeDef::DeclTag { component: Some(0), .. }));
    let TypeDef::Func { proto, .. } = def("helper", Kind::Func) else { panic!() };
    let TypeDef::FuncProto(proto) = btf.ty(proto).unwrap().def else { panic!() };
    assert_eq!(proto.params().map(|p| p.0).collect::<Vec<_>>(), ["o", "n"]);
    let TypeDef::Datasec(hidden) = def(".data.hidden", Kind::Datasec) else { panic!() };
    assert_eq!(hidden.vars().map(|v| (btf.ty(v.ty).unwrap().name, v.size)).collect::<Vec<_>>(), [("hidden", 4)]);
    let (resolved, int) = btf.resolve(id(&btf, "quiet", Kind::Typedef)).unwrap();
    assert_eq!((int.name, int.def.kind()), ("unsigned int", Kind::Int));
    assert_eq!(btf.resolve(resolved).unwrap().0, resolved);
}

#[test]
fn ids_are_those_of_aya_obj() {
    use aya_obj::btf::BtfKind;
    let btf = parsed();
    let theirs = aya_obj::Object::parse(&sections().object).unwrap().btf.unwrap();
    let kinds = [
        (Kind::Int, BtfKind::Int),
        (Kind::Struct, BtfKind::Struct),
        (Kind::Func, BtfKind::Func),
        (Kind::Typedef, BtfKind::Typedef),
        (Kind::Var, BtfKind::Var),
        (Kind::Datasec, BtfKind::DataSec),
        (Kind::Enum64, BtfKind::Enum64),
    ];
    let mut compared = 0;
    for (_, ty) in btf.types().filter(|(_, t)| !t.name.is_empty()) {
        let Some((kind, theirs_kind)) = kinds.iter().find(|k| k.0 == ty.def.kind()) else { continue };
        assert_eq!(btf.find(ty.name, *kind).map(|id| id.0), theirs.id_by_type_name_kind(ty.name, *theirs_kind).ok(), "{}", ty.name);
        compared += 1;
    }
    assert!(compared > 15, "{compared}");
}

#[test]
fn ext_tells_functions_lines_and_relocations() {
    let Sections { btf, ext, .. } = sections();
    let btf = Btf::parse(btf.as_slice()).unwrap();
    let ext = BtfExt::parse(ext, &btf).unwrap();
    let functions: Vec<(String, Vec<String>)> = ext
        .func_info()
        .map(|(sec, infos)| (btf.str(sec).unwrap().into(), infos.map(|f| btf.ty(f.type_id).unwrap().name.into()).collect()))
        .collect();
    let expected = [("kprobe/first", "first"), (".text", "helper"), ("kprobe/second", "second")];
    assert_eq!(functions, expected.map(|(sec, f)| (sec.to_string(), vec![f.to_string()])));

    let source = include_str!("types.c");
    let mut lines = 0;
    for line in ext.line_info().flat_map(|(_, infos)| infos).filter(|l| l.line() != 0) {
        assert!(btf.str(line.file_name_off).unwrap().ends_with("types.c"));
        assert_eq!(btf.str(line.line_off), source.lines().nth(line.line() as usize - 1), "line {}", line.line());
        lines += 1;
    }
    assert!(lines >= 8, "{lines}");

    let relos: Vec<_> = ext
        .core_relo()
        .flat_map(|(sec, relos)| relos.map(move |r| (sec, r)))
        .map(|(sec, r)| (btf.str(sec).unwrap(), btf.ty(r.type_id).unwrap().name, btf.str(r.access_str_off).unwrap(), r.kind))
        .collect();
    let kinds = [("0:3:1:0", CoreReloKind::FieldByteOffset), ("0", CoreReloKind::TypeExists)];
    assert_eq!(relos, kinds.map(|(path, kind)| ("kprobe/second", "outer", path, kind)));
}

/// Walks everything that a section holds: nothing may panic, whatever the answer.
fn walk(bytes: &[u8]) -> Result<(), BtfError> {
    let btf = Btf::parse(bytes)?;
    for (id, ty) in btf.types() {
        let _ = (btf.size_of(id), btf.resolve(id), btf.align_of(id), btf.member(id, "deep"), btf.find(ty.name, ty.def.kind()));
        match ty.def {
            TypeDef::Struct(s) | TypeDef::Union(s) => assert!(s.members().all(|m| m.ty.0 < btf.type_count())),
            TypeDef::Enum(e) => assert!(e.values().count() < 1 << 16),
            TypeDef::FuncProto(p) => assert!(p.params().all(|(_, t)| t.0 < btf.type_count())),
            TypeDef::Datasec(d) => assert!(d.vars().all(|v| v.ty.0 < btf.type_count())),
            _ => {}
        }
    }
    Ok(())
}

fn walk_ext(bytes: &[u8], btf: &Btf<'_>) -> Result<(), BtfError> {
    let ext = BtfExt::parse(bytes, btf)?;
    assert!(ext.func_info().flat_map(|(_, i)| i).all(|f| btf.ty(f.type_id).is_some()));
    assert!(ext.line_info().flat_map(|(_, i)| i).all(|l| btf.str_bytes(l.line_off).is_some()));
    assert!(ext.core_relo().flat_map(|(_, i)| i).all(|r| btf.str(r.access_str_off).is_some()));
    Ok(())
}

#[test]
fn any_prefix_is_refused() {
    let Sections { btf, ext, .. } = sections();
    for len in 0..btf.len() {
        assert!(walk(&btf[..len]).is_err(), "{len} bytes");
    }
    let types = parsed();
    for len in 0..ext.len() {
        assert!(walk_ext(&ext[..len], &types).is_err(), "{len} bytes");
    }
}

#[test]
fn any_flipped_bit_is_survived() {
    let Sections { btf, ext, .. } = sections();
    let types = parsed();
    let mut refused = 0;
    for at in 0..btf.len() {
        for bit in 0..8 {
            let mut broken = btf.clone();
            broken[at] ^= 1 << bit;
            refused += u32::from(walk(&broken).is_err());
        }
    }
    assert!(refused > 1000, "{refused}");
    for at in 0..ext.len() {
        for bit in 0..8 {
            let mut broken = ext.clone();
            broken[at] ^= 1 << bit;
            let _ = walk_ext(&broken, &types);
        }
    }
}

const STRINGS: &[u8] = b"\0a\0b\0\xff\0";
const A: u32 = 1;
const NOT_UTF8: u32 = 5;

/// A section of these words and [`STRINGS`].
fn section(types: &[u32]) -> Vec<u8> {
    let mut out = vec![0x9f, 0xeb, 1, 0];
    let len = 4 * types.len() as u32;
    for word in [24, 0, len, len, STRINGS.len() as u32].iter().chain(types) {
        out.extend(word.to_le_bytes());
    }
    out.extend(STRINGS);
    out
}

const fn info(kind: Kind, vlen: u32) -> u32 {
    (kind as u32) << 24 | vlen
}

const INT: [u32; 4] = [A, info(Kind::Int, 0), 4, 32];

/// The error of a section of these words.
fn refused(types: &[u32]) -> (u32, Cause) {
    let e = Btf::parse(section(types)).expect_err("a broken section");
    assert!(!e.to_string().is_empty() && !e.to_string().ends_with('.'));
    (e.offset - 24, e.cause)
}

#[test]
fn each_broken_type_has_its_cause() {
    use Kind::*;
    let field = |kind, field, value| Cause::Field { kind, field, value };
    Btf::parse(section(&INT)).expect("the model");
    assert_eq!(refused(&[0, info(Void, 0), 0]), (0, Cause::Kind(0)));
    assert_eq!(refused(&[0, 20 << 24, 0]), (0, Cause::Kind(20)));
    assert_eq!(refused(&[0, info(Int, 0), 4, 32]), (0, Cause::NamePresence(Int)));
    assert_eq!(refused(&[A, info(Ptr, 0), 0]), (0, Cause::NamePresence(Ptr)));
    assert_eq!(refused(&[99, info(Int, 0), 4, 32]), (0, Cause::Name(99)));
    assert_eq!(refused(&[NOT_UTF8, info(Int, 0), 4, 32]), (0, Cause::Name(NOT_UTF8)));
    assert_eq!(refused(&[A, info(Int, 1), 4, 32]), (4, field(Int, "info", info(Int, 1))));
    assert_eq!(refused(&[A, info(Int, 0), 17, 32]), (8, field(Int, "size", 17)));
    assert_eq!(refused(&[A, info(Int, 0), 4, 33]), (12, field(Int, "int_data", 33)));
    assert_eq!(refused(&[A, info(Int, 0), 4, 3 << 24 | 32]), (12, field(Int, "int_data", 3 << 24 | 32)));
    assert_eq!(refused(&[A, info(Int, 0), 4]), (0, Cause::Truncated { what: "int" }));
    assert_eq!(refused(&[A, info(Int, 0)]), (0, Cause::Truncated { what: "type" }));
    assert_eq!(refused(&[A, info(Float, 0), 3]), (8, field(Float, "size", 3)));
    assert_eq!(refused(&[A, info(Enum, 0), 3]), (8, field(Enum, "size", 3)));
    assert_eq!(refused(&[0, info(Enum, 1), 4, 99, 0]), (12, Cause::Name(99)));
    assert_eq!(refused(&[A, info(Fwd, 0), 1]), (8, field(Fwd, "size", 1)));
    assert_eq!(refused(&[A, info(Func, 3), 0]), (4, field(Func, "vlen", 3)));
    assert_eq!(refused(&[A, info(Var, 0), 0, 3]), (12, field(Var, "linkage", 3)));
    assert_eq!(refused(&[A, info(DeclTag, 0), 0, u32::MAX - 1]), (12, field(DeclTag, "component_idx", u32::MAX - 1)));
    assert_eq!(refused(&[0, info(Ptr, 0), 9]), (0, Cause::TypeId(9)));
    let after_int = |rest: &[u32]| refused(&[&INT, rest].concat());
    assert_eq!(after_int(&[0, info(Struct, 1), 4, A, 1, 40]), (36, field(Struct, "offset", 40)));
    assert_eq!(after_int(&[0, info(Union, 1), 4, A, 1, 8]), (36, field(Union, "offset", 8)));
    assert_eq!(after_int(&[0, info(Struct, 1), 4, A, 0, 0]), (16, Cause::Refers { from: Struct, to: Void }));
    assert_eq!(after_int(&[A, info(Func, 0), 1]), (16, Cause::Refers { from: Func, to: Int }));
    assert_eq!(after_int(&[A, info(Datasec, 1), 4, 1, 0, 4]), (16, Cause::Refers { from: Datasec, to: Int }));
    assert_eq!(after_int(&[0, info(Array, 0), 0, 0, 1, 3]), (16, Cause::Refers { from: Array, to: Void }));
}

#[test]
fn each_broken_header_has_its_cause() {
    let with = |at: usize, bytes: &[u8]| {
        let mut out = section(&INT);
        out[at..at + bytes.len()].copy_from_slice(bytes);
        let e = Btf::parse(out).unwrap_err();
        (e.offset, e.cause)
    };
    assert_eq!(with(0, &[0xeb, 0x9f]), (0, Cause::BigEndian));
    assert_eq!(with(0, b"\x7fE"), (0, Cause::Magic(0x457f)));
    assert_eq!(with(2, &[2]), (2, Cause::Version(2)));
    assert_eq!(with(3, &[1]), (3, Cause::Flags(1)));
    assert_eq!(with(4, &[20]), (4, Cause::HeaderLen(20)));
    assert_eq!(with(8, &[2]), (8, Cause::Unaligned { what: "types" }));
    assert_eq!(with(12, &[0xff, 0xff]), (8, Cause::OutOfSection { what: "types" }));
    assert_eq!(with(16, &[0xff, 0xff, 0xff, 0xff]), (16, Cause::OutOfSection { what: "strings" }));
    assert_eq!(with(24 + 16, b"x"), (40, Cause::Strings));
    assert_eq!(with(24 + 16 + STRINGS.len() - 1, b"x"), (40, Cause::Strings));
}

#[test]
fn circles_and_sums_end() {
    use Kind::*;
    let typedef_of_itself = Btf::parse(section(&[A, info(Typedef, 0), 1])).unwrap();
    assert_eq!(typedef_of_itself.resolve(TypeId(1)).unwrap_err().cause, Cause::TooDeep);
    assert_eq!(typedef_of_itself.size_of(TypeId(1)).unwrap_err().cause, Cause::TooDeep);
    let array_of_itself = Btf::parse(section(&[&INT[..], &[0, info(Array, 0), 0, 2, 1, 1]].concat())).unwrap();
    assert_eq!(array_of_itself.size_of(TypeId(2)).unwrap_err().cause, Cause::TooDeep);
    let huge = Btf::parse(section(&[&INT[..], &[0, info(Array, 0), 0, 1, 1, 0x4000_0000]].concat())).unwrap();
    assert_eq!(huge.size_of(TypeId(2)).unwrap_err().cause, Cause::TooLarge);
    // Two anonymous members of the next struct in each: a search has 2^n paths, and the last struct holds the first again.
    let mut words = INT.to_vec();
    let levels = MAX_DEPTH as u32 - 2;
    for i in 0..levels {
        let next = if i + 1 == levels { 2 } else { i + 3 };
        words.extend([0, info(Struct, 2), 4, 0, next, 0, 0, next, 0]);
    }
    let bush = Btf::parse(section(&words)).unwrap();
    assert_eq!(bush.member(TypeId(2), "a").unwrap_err().cause, Cause::TooDeep);
    assert_eq!(bush.align_of(TypeId(2)).unwrap_err().cause, Cause::TooDeep);
}

#[test]
fn owned_and_borrowed_agree() {
    let owned = { Btf::parse(sections().btf.as_slice()).unwrap().into_owned() };
    assert_eq!(owned.bytes(), parsed().bytes());
    assert_eq!(owned.find("outer", Kind::Struct), parsed().find("outer", Kind::Struct));
    assert_eq!(owned.type_count(), 1 + owned.types().count() as u32);
}
