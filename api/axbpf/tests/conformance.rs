//! What every type of map answers to every command with every flag: docs/maps.md is the table, each of its cells is asked here, and the
//! machine's own Linux wrote it (`cargo test ... --test conformance -- --ignored`, as root; with WRITE=1 it writes it anew).
#![cfg(all(feature = "axbpf-maps", feature = "prog"))]

use axbpf_abi::attr::{Attr, MapBatch, MapCreate, MapElem, ProgLoad};
use axbpf_abi::flags::*;
use axbpf_abi::{Cmd, Errno, MapType, MapType::*, ProgType};
use std::collections::BTreeMap;
use std::ffi::c_long;
use std::fmt::Write;
use std::path::{Path, PathBuf};

unsafe extern "C" {
    fn syscall(number: c_long, ...) -> c_long;
    fn close(fd: i32) -> i32;
}

/// Something that has bpf(2).
#[derive(Clone, Copy, PartialEq)]
enum Kernel {
    Here,
    Linux,
}

type Answer = Result<i64, u16>;

impl Kernel {
    fn bpf(self, cmd: Cmd, attr: &mut [u8]) -> Answer {
        let (cmd, at, len) = (cmd as u32, attr.as_mut_ptr(), attr.len() as u32);
        let result = match self {
            // SAFETY: the attributes hold addresses of buffers that are large enough for the maps used here.
            Kernel::Here => unsafe { axbpf::bpf(cmd, at.cast(), len) },
            Kernel::Linux => {
                const SYS_BPF: c_long = if cfg!(target_arch = "x86_64") { 321 } else { 280 };
                // SAFETY: as above.
                let result = unsafe { syscall(SYS_BPF, cmd as i32, at, len) };
                if result < 0 { -i64::from(std::io::Error::last_os_error().raw_os_error().unwrap()) } else { result }
            }
        };
        if result < 0 { Err(-result as u16) } else { Ok(result) }
    }

    fn close(self, fd: u32) {
        match self {
            Kernel::Here => axbpf::cmd::close(fd).unwrap(),
            // SAFETY: a descriptor of this test.
            Kernel::Linux => assert_eq!(unsafe { close(fd as i32) }, 0),
        }
    }

    fn create(self, case: &Case, flags: u32) -> Answer {
        let inner = match case.map_type {
            ArrayOfMaps | HashOfMaps => Some(self.create(&INNER, 0)?),
            _ => None,
        };
        let attr = MapCreate {
            map_type: case.map_type as u32,
            key_size: case.key_size,
            value_size: case.value_size,
            max_entries: case.max_entries,
            map_flags: case.flags ^ flags,
            inner_map_fd: inner.unwrap_or(0) as u32,
            ..MapCreate::default()
        };
        let fd = self.bpf(Cmd::MapCreate, &mut attr.to_attr()[..MapCreate::SIZE]);
        inner.inspect(|&inner| self.close(inner as u32));
        fd
    }

    /// What takes the events of a CPU: here a ring buffer, on Linux a perf event for output.
    fn events(self) -> Answer {
        const SYS_PERF_EVENT_OPEN: c_long = if cfg!(target_arch = "x86_64") { 298 } else { 241 };
        const SOFTWARE: u32 = 1;
        const BPF_OUTPUT: u64 = 10;
        const RAW: u64 = 1 << 10;
        if self == Kernel::Here {
            return self.create(&case(Ringbuf, 0, 0, 4096, 0), 0);
        }
        let attr = PerfEventAttr { event_type: SOFTWARE, size: 64, config: BPF_OUTPUT, period: 1, sample_type: RAW, ..Default::default() };
        // SAFETY: perf_event_open(attr, pid -1, cpu 0, group -1, flags 0) reads the attr.
        let fd = unsafe { syscall(SYS_PERF_EVENT_OPEN, &raw const attr, -1i32, 0i32, -1i32, 0u64) };
        if fd < 0 { Err(std::io::Error::last_os_error().raw_os_error().unwrap() as u16) } else { Ok(fd) }
    }

    /// A program that does nothing.
    fn program(self) -> Answer {
        let insns: [u64; 2] = [0xb7, 0x95];
        let attr = ProgLoad {
            prog_type: ProgType::SocketFilter as u32,
            insn_cnt: 2,
            insns: insns.as_ptr().expose_provenance() as u64,
            license: c"GPL".as_ptr().expose_provenance() as u64,
            ..ProgLoad::default()
        };
        self.bpf(Cmd::ProgLoad, &mut attr.to_attr()[..ProgLoad::SIZE])
    }
}

/// `struct perf_event_attr`, its oldest size.
#[repr(C)]
#[derive(Default)]
struct PerfEventAttr {
    event_type: u32,
    size: u32,
    config: u64,
    period: u64,
    sample_type: u64,
    rest: [u64; 4],
}

/// A type, and the map that is made of it.
struct Case {
    map_type: MapType,
    key_size: u32,
    value_size: u32,
    max_entries: u32,
    flags: u32,
}

const fn case(map_type: MapType, key_size: u32, value_size: u32, max_entries: u32, flags: u32) -> Case {
    Case { map_type, key_size, value_size, max_entries, flags }
}

const INNER: Case = case(Array, 4, 8, 1, 0);

/// In the order of the table's columns.
const CASES: &[Case] = &[
    case(Array, 4, 8, 4, 0),
    case(PercpuArray, 4, 8, 4, 0),
    case(Hash, 4, 8, 4, 0),
    case(PercpuHash, 4, 8, 4, 0),
    case(LruHash, 4, 8, 256, 0),
    case(LruPercpuHash, 4, 8, 256, 0),
    case(Ringbuf, 0, 0, 4096, 0),
    case(ProgArray, 4, 4, 4, 0),
    case(ArrayOfMaps, 4, 4, 4, 0),
    case(HashOfMaps, 4, 4, 4, 0),
    case(Queue, 0, 8, 4, 0),
    case(Stack, 0, 8, 4, 0),
    case(BloomFilter, 0, 8, 4, 0),
    case(LpmTrie, 8, 8, 4, BPF_F_NO_PREALLOC),
    case(StackTrace, 4, 8, 4, 0),
    case(PerfEventArray, 4, 4, 4, 0),
    case(UserRingbuf, 0, 0, 4096, 0),
];

/// Room for values of all of Linux's CPUs, and for batches of them.
const ROOM: usize = 1 << 16;
/// Keys that stand in a map that is not empty, and one that does not.
const THERE: [u32; 3] = [0, 1, 2];
const MISSING: u32 = 3;
/// For arrays: past the end.
const BEYOND: u32 = 77;

/// A map, as one of the two made it, and what values for it are.
struct Subject<'a> {
    kernel: Kernel,
    case: &'a Case,
    fd: u32,
    /// What stands for a value: a program's or map's descriptor, or nothing special.
    value: u64,
}

impl<'a> Subject<'a> {
    fn new(kernel: Kernel, case: &'a Case, flags: u32) -> Result<Subject<'a>, u16> {
        let fd = kernel.create(case, flags)? as u32;
        let value = match case.map_type {
            ProgArray => kernel.program()?,
            ArrayOfMaps | HashOfMaps => kernel.create(&INNER, 0)?,
            PerfEventArray => kernel.events()?,
            _ => 7,
        };
        Ok(Subject { kernel, case, fd, value: value as u64 })
    }

    fn key(&self, key: u32) -> Vec<u8> {
        let mut bytes = key.to_le_bytes().to_vec();
        if self.case.map_type == LpmTrie {
            // A prefix of 32 bits.
            bytes = [32u32.to_le_bytes(), key.to_le_bytes()].concat();
        }
        bytes.truncate(self.case.key_size as usize);
        bytes
    }

    fn values(&self) -> Vec<u8> {
        let mut values = Vec::new();
        // As many as a batch needs, each as long as a value of all CPUs may be.
        for _ in 0..ROOM / 8 {
            values.extend(self.value.to_le_bytes());
        }
        if self.case.value_size == 4 {
            values = (self.value as u32).to_le_bytes().repeat(ROOM / 4);
        }
        values
    }

    fn element(&self, cmd: Cmd, key: Option<u32>, flags: u64) -> Answer {
        let (key, mut value) = (key.map(|key| self.key(key)), self.values());
        let attr = MapElem {
            map_fd: self.fd,
            key: key.as_ref().filter(|key| !key.is_empty()).map_or(0, |key| key.as_ptr().expose_provenance() as u64),
            value: if cmd == Cmd::MapDeleteElem { 0 } else { value.as_mut_ptr().expose_provenance() as u64 },
            flags,
        };
        self.kernel.bpf(cmd, &mut attr.to_attr()[..MapElem::SIZE])
    }

    /// A batch of `count`, after which so many were done.
    fn batch(&self, cmd: Cmd, count: u32, keys: &[u32], elem_flags: u64, flags: u64) -> (Answer, u32) {
        let mut keys: Vec<u8> = keys.iter().flat_map(|&key| self.key(key)).collect();
        keys.resize(ROOM, 0);
        let (mut values, mut place) = (self.values(), [0u8; 64]);
        let takes_values = cmd != Cmd::MapDeleteBatch;
        let looks_up = matches!(cmd, Cmd::MapLookupBatch | Cmd::MapLookupAndDeleteBatch);
        let attr = MapBatch {
            out_batch: if looks_up { place.as_mut_ptr().expose_provenance() as u64 } else { 0 },
            keys: keys.as_mut_ptr().expose_provenance() as u64,
            values: if takes_values { values.as_mut_ptr().expose_provenance() as u64 } else { 0 },
            count,
            map_fd: self.fd,
            elem_flags,
            flags,
            ..MapBatch::default()
        };
        let mut attr = attr.to_attr();
        let answer = self.kernel.bpf(cmd, &mut attr[..MapBatch::SIZE]);
        (answer, u32::from_le_bytes(attr[32..36].try_into().unwrap()))
    }

    fn freeze(&self) -> Answer {
        let attr = MapElem { map_fd: self.fd, ..MapElem::default() };
        self.kernel.bpf(Cmd::MapFreeze, &mut attr.to_attr()[..4])
    }

    /// Puts some elements in.
    fn fill(&self) {
        for key in THERE {
            let _ = self.element(Cmd::MapUpdateElem, self.some_key(key), BPF_ANY);
        }
    }

    fn some_key(&self, key: u32) -> Option<u32> {
        (self.case.key_size != 0).then_some(key)
    }
}

impl Drop for Subject<'_> {
    fn drop(&mut self) {
        self.kernel.close(self.fd);
        if matches!(self.case.map_type, ProgArray | ArrayOfMaps | HashOfMaps | PerfEventArray) {
            self.kernel.close(self.value as u32);
        }
    }
}

fn text(answer: Answer) -> String {
    match answer {
        Ok(_) => "ok".into(),
        Err(number) => Errno(number).text().0.into(),
    }
}

fn with_count((answer, count): (Answer, u32)) -> String {
    if matches!(answer, Err(number) if number != Errno::ENOENT.0 && number != Errno::ENOSPC.0) && count != 0 {
        return format!("{}, {count} done", text(answer));
    }
    match answer {
        // Refused before anything was looked at: the count stays as it was.
        Err(number) if ![Errno::ENOENT.0, Errno::ENOSPC.0, Errno::EEXIST.0, Errno::E2BIG.0].contains(&number) => text(answer),
        answer => format!("{}, {count} done", text(answer)),
    }
}

/// Flags as the table names them.
const ELEMENT_FLAGS: [(&str, u64); 6] =
    [("ANY", BPF_ANY), ("NOEXIST", BPF_NOEXIST), ("EXIST", BPF_EXIST), ("3", 3), ("F_LOCK", BPF_F_LOCK), ("1 << 40", 1 << 40)];
const CREATE_FLAGS: [(&str, u32); 16] = [
    ("none", 0),
    ("NO_PREALLOC", BPF_F_NO_PREALLOC),
    ("NO_COMMON_LRU", BPF_F_NO_COMMON_LRU),
    ("NUMA_NODE", BPF_F_NUMA_NODE),
    ("RDONLY", BPF_F_RDONLY),
    ("WRONLY", BPF_F_WRONLY),
    ("RDONLY and WRONLY", BPF_F_RDONLY | BPF_F_WRONLY),
    ("STACK_BUILD_ID", BPF_F_STACK_BUILD_ID),
    ("ZERO_SEED", BPF_F_ZERO_SEED),
    ("RDONLY_PROG", BPF_F_RDONLY_PROG),
    ("WRONLY_PROG", BPF_F_WRONLY_PROG),
    ("CLONE", BPF_F_CLONE),
    ("MMAPABLE", BPF_F_MMAPABLE),
    ("PRESERVE_ELEMS", BPF_F_PRESERVE_ELEMS),
    ("INNER_MAP", BPF_F_INNER_MAP),
    ("LINK", BPF_F_LINK),
];

/// Every question to a type, and its answer: rows of the table.
fn answers(kernel: Kernel, case: &Case) -> Vec<(String, String)> {
    let mut rows = Vec::new();
    let filled = || {
        let subject = Subject::new(kernel, case, 0).unwrap_or_else(|e| panic!("{}: {}", case.map_type, Errno(e)));
        subject.fill();
        subject
    };
    let empty = || Subject::new(kernel, case, 0).unwrap();
    for (name, flag) in CREATE_FLAGS {
        let answer = kernel.create(case, flag);
        if let Ok(fd) = answer {
            kernel.close(fd as u32);
        }
        rows.push((format!("CREATE {name}"), text(answer)));
    }
    for (what, key) in [("present", THERE[1]), ("missing", MISSING), ("beyond", BEYOND)] {
        for (flag, flags) in ELEMENT_FLAGS {
            let subject = filled();
            rows.push((format!("UPDATE {what} {flag}"), text(subject.element(Cmd::MapUpdateElem, subject.some_key(key), flags))));
        }
        let subject = filled();
        rows.push((format!("LOOKUP {what}"), text(subject.element(Cmd::MapLookupElem, subject.some_key(key), 0))));
        rows.push((format!("LOOKUP_AND_DELETE {what}"), text(subject.element(Cmd::MapLookupAndDeleteElem, subject.some_key(key), 0))));
        let subject = filled();
        rows.push((format!("DELETE {what}"), text(subject.element(Cmd::MapDeleteElem, subject.some_key(key), 0))));
        // With keys in no order, what comes after one of them depends on the hash.
        if what != "present" {
            rows.push((format!("GET_NEXT_KEY {what}"), text(filled().element(Cmd::MapGetNextKey, subject.some_key(key), 0))));
        }
    }
    {
        let subject = filled();
        for key in 3..4 {
            let _ = subject.element(Cmd::MapUpdateElem, subject.some_key(key), BPF_ANY);
        }
        for (flag, flags) in &ELEMENT_FLAGS[..3] {
            rows.push((format!("UPDATE when full {flag}"), text(subject.element(Cmd::MapUpdateElem, subject.some_key(BEYOND), *flags))));
        }
    }
    for (flag, flags) in [("F_LOCK", BPF_F_LOCK), ("EXIST", BPF_EXIST)] {
        let subject = filled();
        let key = subject.some_key(THERE[0]);
        rows.push((format!("LOOKUP present {flag}"), text(subject.element(Cmd::MapLookupElem, key, flags))));
        rows.push((format!("LOOKUP_AND_DELETE present {flag}"), text(subject.element(Cmd::MapLookupAndDeleteElem, key, flags))));
    }
    rows.push(("GET_NEXT_KEY first".into(), text(filled().element(Cmd::MapGetNextKey, None, 0))));
    rows.push(("GET_NEXT_KEY of none".into(), text(empty().element(Cmd::MapGetNextKey, None, 0))));
    rows.push(("LOOKUP of none".into(), text(empty().element(Cmd::MapLookupElem, empty().some_key(0), 0))));
    rows.push(("LOOKUP without a key".into(), text(filled().element(Cmd::MapLookupElem, None, 0))));

    let lookup = |cmd, subject: &Subject<'_>, count, elem_flags, flags| with_count(subject.batch(cmd, count, &[], elem_flags, flags));
    for (name, cmd) in [("LOOKUP_BATCH", Cmd::MapLookupBatch), ("LOOKUP_AND_DELETE_BATCH", Cmd::MapLookupAndDeleteBatch)] {
        rows.push((format!("{name} of all"), lookup(cmd, &filled(), 64, 0, 0)));
        rows.push((format!("{name} of none"), lookup(cmd, &empty(), 64, 0, 0)));
        rows.push((format!("{name} count 0"), lookup(cmd, &filled(), 0, 0, 0)));
        rows.push((format!("{name} elem_flags F_LOCK"), lookup(cmd, &filled(), 64, BPF_F_LOCK, 0)));
        rows.push((format!("{name} elem_flags EXIST"), lookup(cmd, &filled(), 64, BPF_EXIST, 0)));
        rows.push((format!("{name} flags 1"), lookup(cmd, &filled(), 64, 0, 1)));
    }
    for (flag, flags) in ELEMENT_FLAGS {
        let subject = filled();
        let answer = subject.batch(Cmd::MapUpdateBatch, 2, &[THERE[0], MISSING], flags, 0);
        rows.push((format!("UPDATE_BATCH {flag}"), with_count(answer)));
    }
    rows.push(("UPDATE_BATCH beyond".into(), with_count(filled().batch(Cmd::MapUpdateBatch, 3, &[0, MISSING, BEYOND], 0, 0))));
    rows.push(("DELETE_BATCH".into(), with_count(filled().batch(Cmd::MapDeleteBatch, 2, &THERE, 0, 0))));
    rows.push(("DELETE_BATCH missing".into(), with_count(filled().batch(Cmd::MapDeleteBatch, 2, &[1, MISSING], 0, 0))));
    rows.push(("DELETE_BATCH elem_flags EXIST".into(), with_count(filled().batch(Cmd::MapDeleteBatch, 2, &THERE, BPF_EXIST, 0))));

    for (name, flags) in [("RDONLY", BPF_F_RDONLY), ("WRONLY", BPF_F_WRONLY)] {
        let Ok(subject) = Subject::new(kernel, case, flags) else { continue };
        let key = subject.some_key(0);
        for (what, cmd) in [
            ("UPDATE", Cmd::MapUpdateElem),
            ("LOOKUP", Cmd::MapLookupElem),
            ("GET_NEXT_KEY", Cmd::MapGetNextKey),
            ("LOOKUP_AND_DELETE", Cmd::MapLookupAndDeleteElem),
            ("DELETE", Cmd::MapDeleteElem),
        ] {
            rows.push((format!("{what} made {name}"), text(subject.element(cmd, key, 0))));
        }
        rows.push((format!("UPDATE_BATCH made {name}"), text(subject.batch(Cmd::MapUpdateBatch, 1, &[0], 0, 0).0)));
        rows.push((format!("LOOKUP_BATCH made {name}"), text(subject.batch(Cmd::MapLookupBatch, 1, &[], 0, 0).0)));
        rows.push((format!("FREEZE made {name}"), text(subject.freeze())));
    }
    let subject = filled();
    rows.push(("FREEZE".into(), text(subject.freeze())));
    rows.push(("FREEZE again".into(), text(subject.freeze())));
    let key = subject.some_key(0);
    for (what, cmd) in [
        ("UPDATE", Cmd::MapUpdateElem),
        ("LOOKUP", Cmd::MapLookupElem),
        ("DELETE", Cmd::MapDeleteElem),
        ("LOOKUP_AND_DELETE", Cmd::MapLookupAndDeleteElem),
    ] {
        rows.push((format!("{what} frozen"), text(subject.element(cmd, key, 0))));
    }
    rows
}

fn table(kernel: Kernel) -> String {
    let columns: Vec<Vec<(String, String)>> = CASES.iter().map(|case| answers(kernel, case)).collect();
    let cells: Vec<BTreeMap<&str, &str>> =
        columns.iter().map(|rows| rows.iter().map(|(row, cell)| (row.as_str(), cell.as_str())).collect()).collect();
    // Rows in the order of the first type that has them.
    let mut rows: Vec<&str> = Vec::new();
    for row in columns.iter().flatten().map(|(row, _)| row.as_str()) {
        if !rows.contains(&row) {
            rows.push(row);
        }
    }
    let mut out = String::from("| command |");
    CASES.iter().for_each(|case| write!(out, " {} |", case.map_type).unwrap());
    out += "\n|---|";
    out += &"---|".repeat(CASES.len());
    for row in rows {
        write!(out, "\n| {row} |").unwrap();
        cells.iter().for_each(|cells| write!(out, " {} |", cells.get(row).copied().unwrap_or("-")).unwrap());
    }
    out + "\n"
}

fn path() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/maps.md")
}

/// The table in the document, and the text before it.
fn document() -> (String, String) {
    let text = std::fs::read_to_string(path()).unwrap();
    let at = text.find("| command |").unwrap();
    (text[..at].to_owned(), text[at..].to_owned())
}

/// Cells of the two that are not alike.
fn differences(table: &str, answers: &str) -> String {
    let cells = |text: &str| -> BTreeMap<(String, String), String> {
        let split = |line: &str| -> Vec<String> { line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect() };
        let types = split(text.lines().next().unwrap_or_default());
        let row = |line| {
            let cells = split(line);
            types.iter().zip(cells.clone()).skip(1).map(|(column, cell)| ((cells[0].clone(), column.clone()), cell)).collect::<Vec<_>>()
        };
        text.lines().skip(2).flat_map(row).collect()
    };
    let (table, answers) = (cells(table), cells(answers));
    let mut out = String::new();
    for place in table.keys().chain(answers.keys().filter(|&place| !table.contains_key(place))) {
        let (there, here) = (table.get(place), answers.get(place));
        if there != here {
            writeln!(out, "{} {}: the table says {there:?}, the answer is {here:?}", place.1, place.0).unwrap();
        }
    }
    out
}

#[test]
fn every_cell_is_answered_as_the_table_says() {
    axbpf::platform::stack::PROGRAMS.init();
    let differ = differences(&document().1, &table(Kernel::Here));
    assert!(differ.is_empty(), "{differ}");
    assert_eq!(axbpf::fds::open_fds(), 0);
}

#[test]
#[ignore = "asks the machine's Linux"]
fn the_table_is_linux() {
    let linux = table(Kernel::Linux);
    if std::env::var_os("WRITE").is_some() {
        std::fs::write(path(), document().0 + &linux).unwrap();
    }
    let differ = differences(&document().1, &linux);
    assert!(differ.is_empty(), "{differ}");
}
