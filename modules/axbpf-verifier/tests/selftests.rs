//! C sources in the style of the kernel's own verifier selftests, tests/c: each program says by declaration tags (tests/c/expect.h) what is
//! expected of it. Two judges read the same tags: `as_annotated` asks this verifier, `linux_agrees` the Linux that the test runs on.
//!
//! `AXBPF_SELFTESTS=spill` in the environment keeps to the files, or the programs, whose name contains that.
use axbpf_abi::Arch;
use axbpf_btf::{Kind, TypeDef};
use axbpf_loader::{LinkedProgram, ObjectSpec};
use axbpf_vm::{FaultCause, Program, run_checked};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

mod common;
#[path = "judge/objects.rs"]
mod judge;

use common::{Kfuncs, verify_object};

/// The judge that is to be tested.
const HERE: &str = "this verifier";
/// BPF_F_STRICT_ALIGNMENT.
const STRICT_ALIGNMENT: u32 = 1;

/// What the tags of a program say.
#[derive(Default, Debug)]
struct Expected {
    accept: bool,
    /// Words of the refusal.
    reject: Vec<String>,
    /// The same in the words of kernels after 6.12.
    reworded: Option<String>,
    /// Kernels after 6.12 decide the other way.
    differs: Option<String>,
    /// This verifier decides otherwise on purpose.
    here: Option<String>,
    retval: Option<i32>,
    /// Words of the log at level 2.
    log: Vec<String>,
    strict: bool,
}

/// A program of a file, with what is expected of it.
struct Case {
    name: String,
    expected: Expected,
}

/// A compiled file.
struct Object {
    file: String,
    path: PathBuf,
    spec: ObjectSpec,
    cases: Vec<Case>,
}

/// What a judge says: `Err` is a refusal, with all that was told.
type Verdict = Result<Told, String>;

/// What is told of an accepted program.
struct Told {
    log: String,
    /// What the program returned, if it could be run.
    retval: Option<i32>,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn compile(source: &Path) -> PathBuf {
    let object = Path::new(env!("CARGO_TARGET_TMPDIR")).join(source.file_name().unwrap()).with_extension("o");
    let mut clang = Command::new("clang-19");
    clang.args(["-target", "bpf", "-mcpu=v4", "-g", "-O2", "-D__TARGET_ARCH_x86", "-I"]).arg(root().join("api/axbpf-build/include"));
    for dir in std::fs::read_dir("/usr/include").unwrap().map(|entry| entry.unwrap().path()).filter(|dir| dir.join("asm/types.h").is_file())
    {
        clang.arg("-idirafter").arg(dir);
    }
    let out = clang.arg("-c").arg(source).arg("-o").arg(&object).output().expect("clang-19; scripts/setup.sh bpf installs it");
    assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
    object
}

/// Reads the tags of a function.
fn expected(spec: &ObjectSpec, name: &str) -> Result<Expected, String> {
    let btf = spec.btf.as_ref().ok_or("no BTF")?;
    let function = btf.find(name, Kind::Func).ok_or("not in the BTF")?;
    let mut out = Expected::default();
    for (_, tag) in btf.types() {
        let TypeDef::DeclTag { target, component: None } = tag.def else { continue };
        let Some(text) = tag.name.strip_prefix("expect:").filter(|_| target == function) else { continue };
        let (key, value) = text.split_once('=').unwrap_or((text, ""));
        match key {
            "accept" => out.accept = true,
            "reject" => out.reject.push(value.into()),
            "reworded" => out.reworded = Some(value.into()),
            "differs" => out.differs = Some(value.into()),
            "here" => out.here = Some(value.into()),
            "retval" => out.retval = Some(number(value).ok_or_else(|| format!("RETVAL({value})"))?),
            "log" => out.log.push(value.into()),
            "strict" => out.strict = true,
            _ => return Err(format!("unknown tag {text}")),
        }
    }
    // One tag each: a program without a verdict would be no test.
    let silent = out.reject.iter().any(String::is_empty);
    if out.accept == out.reject.is_empty() && !silent { Ok(out) } else { Err("needs EXPECT_ACCEPT or EXPECT_REJECT".into()) }
}

/// A result as 32 bits, signed or not.
fn number(text: &str) -> Option<i32> {
    let (digits, sign) = text.strip_prefix('-').map_or((text, 1), |digits| (digits, -1));
    let value = digits.strip_prefix("0x").map_or_else(|| digits.parse(), |hex| i64::from_str_radix(hex, 16)).ok()?;
    Some((sign * value) as i32)
}

/// Compiles and reads all files, or those that the environment asks for.
fn objects() -> Vec<Object> {
    let asked = std::env::var("AXBPF_SELFTESTS").unwrap_or_default();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/c");
    let mut sources: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    sources.retain(|path| path.to_str().unwrap().ends_with(".bpf.c"));
    sources.sort();
    let mut objects = Vec::new();
    for source in sources {
        let file = source.file_name().unwrap().to_str().unwrap().strip_suffix(".bpf.c").unwrap().to_owned();
        let whole = file.contains(&asked);
        if !whole && !std::fs::read_to_string(&source).unwrap().contains(&asked) {
            continue;
        }
        let path = compile(&source);
        let spec = ObjectSpec::parse(&std::fs::read(&path).unwrap()).unwrap_or_else(|error| panic!("{file}: {error}"));
        let case = |program: &axbpf_loader::ProgramSpec| {
            let expected = expected(&spec, &program.name).unwrap_or_else(|error| panic!("{file}: {}: {error}", program.name));
            Case { name: program.name.clone(), expected }
        };
        let mut cases: Vec<Case> = spec.programs.iter().map(case).collect();
        cases.retain(|case| whole || case.name.contains(&asked));
        objects.push(Object { file, path, spec, cases });
    }
    objects
}

/// What is wrong with a verdict; `later`: the judge is a kernel after 6.12.
fn difference(expected: &Expected, verdict: &Verdict, later: bool) -> Option<String> {
    let accept = expected.accept != (later && expected.differs.is_some());
    match verdict {
        // Either is right.
        Ok(_) if !later && expected.differs.is_some() => None,
        Err(_) if !later && expected.accept && expected.differs.is_some() => None,
        Ok(_) if !accept => Some(format!("accepted; expected: {}", expected.reject.join(" ... "))),
        Err(log) if accept => Some(format!("refused; expected to be accepted\n{}", tail(log))),
        Err(_) if expected.accept => None,
        Err(log) => {
            let said = |words: &String| spoken(log).contains(words.as_str());
            let good = expected.reject.iter().all(said) || expected.reworded.as_ref().is_some_and(said);
            (!good).then(|| format!("refused in other words; expected: {}\n{}", expected.reject.join(" ... "), tail(log)))
        }
        Ok(told) => {
            if let Some((expected, told)) = expected.retval.zip(told.retval).filter(|(expected, told)| expected != told) {
                return Some(format!("returns {told}; expected: {expected}"));
            }
            // Only who asks for a line of the source may find it there.
            let said = |words: &String| if words.starts_with(';') { told.log.contains(words) } else { spoken(&told.log).contains(words) };
            let missing = expected.log.iter().find(|words| !said(words))?;
            Some(format!("the log lacks: {missing}"))
        }
    }
}

/// The log without lines of the source: they quote what is expected.
fn spoken(log: &str) -> String {
    log.lines().filter(|line| !line.starts_with(';')).fold(String::new(), |out, line| out + line + "\n")
}

/// The last lines that tell why.
fn tail(log: &str) -> String {
    let lines: Vec<&str> = log.lines().filter(|line| !line.starts_with("processed ")).collect();
    lines[lines.len().saturating_sub(6)..].iter().fold(String::new(), |mut out, line| {
        let _ = writeln!(out, "      {line}");
        out
    })
}

/// Counts the programs, prints every difference, and fails if there is any that is not on purpose.
fn compare(judge: &str, later: bool, ask: &mut dyn FnMut(&Object) -> Vec<Verdict>) {
    let here = judge == HERE;
    let (mut programs, mut accepted, mut later_kernels, mut listed, mut wrong) = (0, 0, 0, Vec::new(), Vec::new());
    for object in objects() {
        let verdicts = ask(&object);
        assert_eq!(verdicts.len(), object.cases.len(), "{}", object.file);
        for (case, verdict) in object.cases.iter().zip(verdicts) {
            programs += 1;
            accepted += usize::from(case.expected.accept);
            later_kernels += usize::from(case.expected.differs.is_some());
            let name = format!("{}: {}", object.file, case.name);
            match (difference(&case.expected, &verdict, later), case.expected.here.as_ref().filter(|_| here)) {
                (Some(_), Some(reason)) => listed.push(format!("{name}: {reason}")),
                (None, Some(_)) => wrong.push(format!("{name}: no longer differs; remove HERE_DIFFERS")),
                (Some(difference), None) => wrong.push(format!("{name}: {difference}")),
                (None, None) => {}
            }
        }
    }
    let refused = programs - accepted;
    let count = |kind: &str| wrong.iter().filter(|text| text.contains(kind)).count();
    println!("{}", wrong.join("\n"));
    for reason in &listed {
        println!("on purpose: {reason}");
    }
    println!("{programs} programs, {accepted} to be accepted, {refused} to be refused; {later_kernels} decided otherwise after 6.12");
    println!(
        "{} differences with {judge}: {} accepted, {} refused, {} refused in other words; {} more on purpose",
        wrong.len(),
        count(": accepted; "),
        count(": refused; "),
        count(": refused in other words; "),
        listed.len()
    );
    assert!(programs > 0, "no such file or program");
    assert!(wrong.is_empty(), "{} of {programs} differ, see above", wrong.len());
}

/// What this verifier says of a program.
fn ours(spec: &ObjectSpec, linked: &LinkedProgram, strict_alignment: bool) -> Result<String, String> {
    let (verdict, log) = verify_object(spec, linked, Arch::X86_64, strict_alignment, 2);
    match verdict {
        Ok(_) => Ok(log),
        Err(rejected) => Err(format!("{log}{rejected}")),
    }
}

/// What an accepted program returns, if it is one that needs neither a context nor a map.
fn run(linked: &LinkedProgram) -> Result<Option<i32>, String> {
    const RANDOM: u32 = 7;
    extern "C" fn random(_: u64, _: u64, _: u64, _: u64, _: u64) -> u64 {
        4
    }
    let Ok(program) = Program::unchecked(linked.insns.clone(), &|id| (id == RANDOM).then_some(random as _)) else { return Ok(None) };
    match run_checked(&program, &mut [], [0, 0], 100_000_000) {
        Ok(r0) => Ok(Some(r0 as i32)),
        Err(fault) if matches!(fault.cause, FaultCause::Access { .. }) => Ok(None),
        Err(fault) => Err(format!("accepted, and then: {fault}")),
    }
}

#[test]
fn as_annotated() {
    compare(HERE, false, &mut |object| {
        let verdict = |case: &Case| {
            let linked = object.spec.link(&case.name, &mut Kfuncs).map_err(|error| error.to_string())?;
            let log = ours(&object.spec, &linked, case.expected.strict)?;
            let retval = if case.expected.retval.is_some() { run(&linked)? } else { None };
            Ok(Told { log, retval })
        };
        object.cases.iter().map(verdict).collect()
    });
}

#[test]
#[ignore = "needs a Linux that permits bpf(2), gcc and libbpf"]
fn linux_agrees() {
    assert_eq!(std::env::consts::ARCH, "x86_64", "the contexts of the kprobe programs are those of x86_64");
    let linux = judge::Linux::new();
    compare("Linux", judge::Linux::release() > (6, 12), &mut |object| {
        let asked = |case: &Case| judge::Asked {
            name: case.name.clone(),
            prog_flags: if case.expected.strict { STRICT_ALIGNMENT } else { 0 },
            log_level: if case.expected.log.is_empty() { 1 } else { 2 },
            run: case.expected.retval.is_some(),
        };
        let answers = linux.ask(&object.path, &object.cases.iter().map(asked).collect::<Vec<_>>());
        let verdict = |answer: judge::Answer| match answer.errno {
            0 => Ok(Told { log: answer.log, retval: Some(answer.retval as i32) }),
            errno => Err(format!("{}\n(errno {errno})", answer.log)),
        };
        answers.into_iter().map(verdict).collect()
    });
}

/// The comparison itself can fail.
#[test]
fn differences_are_seen() {
    let refused = |log: &str| Err::<Told, String>(log.into());
    let accepted = |retval| Ok::<Told, String>(Told { log: "processed 2 insns".into(), retval });
    let quoted = Expected { reject: vec!["R0 !read_ok".into()], ..Expected::default() };
    assert!(difference(&quoted, &refused("; EXPECT_REJECT(\"R0 !read_ok\")\n0: exit\nR1 !read_ok"), true).is_some());
    let accept = Expected { accept: true, retval: Some(3), log: vec!["2 insns".into()], ..Expected::default() };
    assert!(difference(&accept, &accepted(Some(3)), true).is_none());
    assert!(difference(&accept, &accepted(Some(4)), true).is_some());
    assert!(difference(&accept, &refused("R0 !read_ok"), false).is_some());
    let reject = Expected { reject: vec!["R0 !read_ok".into()], ..Expected::default() };
    assert!(difference(&reject, &refused("0: exit\nR0 !read_ok"), false).is_none());
    assert!(difference(&reject, &refused("R1 !read_ok"), false).is_some());
    assert!(difference(&reject, &accepted(None), false).is_some());
    let differs = Expected { differs: Some("6.14 knows more".into()), ..reject };
    assert!(difference(&differs, &accepted(None), true).is_none());
    assert!(difference(&differs, &accepted(None), false).is_none());
    assert!(difference(&differs, &refused("R1 !read_ok"), false).is_some());
    assert!(difference(&differs, &refused("R0 !read_ok"), true).is_some());
    assert_eq!((number("-22"), number("0xffffffff"), number("x")), (Some(-22), Some(-1), None));
}
