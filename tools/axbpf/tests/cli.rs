//! The command as its users call it.
use std::{
    fs,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
};

#[path = "../../../tests/data/harness.rs"]
mod harness;

/// The command; these tests may themselves run under qemu-user, which does not start programs of their kind.
fn command() -> Command {
    let path = env!("CARGO_BIN_EXE_axbpf");
    if cfg!(target_arch = "riscv64") {
        let mut command = Command::new("qemu-riscv64");
        command.args(["-L", "/usr/riscv64-linux-gnu", path]);
        return command;
    }
    Command::new(path)
}

fn axbpf(args: &[&str], input: &str) -> Output {
    let mut child = command().args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("the command");
    // It may end before it has read everything.
    let _ = child.stdin.take().expect("its input").write_all(input.as_bytes());
    child.wait_with_output().expect("its output")
}

fn status(out: &Output) -> i32 {
    out.status.code().expect("no signal")
}

fn stdout(out: &Output) -> &str {
    std::str::from_utf8(&out.stdout).expect("text")
}

fn stderr(out: &Output) -> &str {
    std::str::from_utf8(&out.stderr).expect("text")
}

/// Compiles a C text for BPF.
fn compile(name: &str, source: &str) -> PathBuf {
    let c = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.bpf.c"));
    fs::write(&c, source).expect("the source");
    clang(&c, name, &[])
}

/// Compiles a program of bpf-trace's, with the flags of axbpf-build.
fn compile_app(source: &Path, name: &str, target: &str) -> PathBuf {
    let mut includes = fs::read_dir("/usr/include").expect("headers").map(|entry| entry.expect("headers").path());
    let types = includes.find(|dir| dir.join("asm/types.h").is_file()).expect("<asm/types.h>; scripts/setup.sh installs it");
    let own = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../api/axbpf-build/include");
    let define = format!("-D__TARGET_ARCH_{target}");
    clang(source, name, &["-Wall", "-Werror", &define, "-I", own.to_str().unwrap(), "-idirafter", types.to_str().unwrap()])
}

fn clang(source: &Path, name: &str, flags: &[&str]) -> PathBuf {
    let object = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("{name}.bpf.o"));
    let mut clang = Command::new("clang-19");
    clang.args(["-target", "bpf", "-mcpu=v4", "-g", "-O2"]).args(flags).arg("-c").arg(source).arg("-o").arg(&object);
    let out = clang.output().unwrap_or_else(|e| panic!("{clang:?}: {e}; scripts/setup.sh installs it"));
    assert!(out.status.success(), "{}", stderr(&out));
    object
}

const COUNT: &str = r#"
#define SEC(name) __attribute__((section(name), used))
struct {
	int (*type)[2];
	int (*max_entries)[4];
	unsigned *key;
	unsigned long long *value;
} hits SEC(".maps");
long total = 3;
static void *(*const lookup)(void *, const void *) = (void *)1;
static __attribute__((noinline)) int twice(int x)
{
	return x * 2;
}
SEC("kprobe/f") int count(void *ctx)
{
	unsigned key = 0;
	unsigned long long *value = lookup(&hits, &key);
	if (value)
		__sync_fetch_and_add(value, 1);
	total += twice((long)ctx);
	return 0;
}
SEC("xdp") int pass(void *ctx)
{
	return 2;
}
"#;

#[test]
fn usage_is_an_error_without_a_command_and_none_when_asked_for() {
    let help = axbpf(&["--help"], "");
    assert_eq!((status(&help), stderr(&help)), (0, ""));
    assert!(stdout(&help).starts_with("usage: axbpf"));
    for args in [&[][..], &["frobnicate"], &["dump"], &["dump", "a", "b"], &["dump", "--wrong", "a"], &["dump", "/nonexistent"]] {
        let out = axbpf(args, "");
        assert_eq!((status(&out), stdout(&out)), (2, ""), "{args:?}");
        assert!(stderr(&out).starts_with("axbpf: "), "{args:?}");
    }
}

#[test]
fn dump_names_what_numbers_mean() {
    let object = compile("dump", COUNT);
    let object = object.to_str().unwrap();
    let out = axbpf(&["dump", object], "");
    assert_eq!((status(&out), stderr(&out)), (0, ""));
    let text = stdout(&out);
    for part in [
        "count section kprobe/f: ",
        "pass section xdp: 2 slots",
        "\ntwice:\n",
        " ; map hits",
        " ; total",
        " ; twice",
        "; total += twice((long)ctx);",
    ] {
        assert!(text.contains(part), "{part} in {text}");
    }
    let one = axbpf(&["dump", object, "--prog=pass", "--bytes"], "");
    let expected = "pass section xdp: 2 slots\npass:\n; return 2;\n     0: b4 00 00 00 02 00 00 00                          w0 = 0x2\n     \
                    1: 95 00 00 00 00 00 00 00                          exit\n";
    assert_eq!(stdout(&one), expected);
    let none = axbpf(&["dump", object, "--prog", "absent"], "");
    assert_eq!(status(&none), 2);
    assert!(stderr(&none).contains("no program absent; there are: count pass"), "{}", stderr(&none));
}

#[test]
fn dump_writes_what_llvm_objdump_writes() {
    let object = compile("objdump", COUNT);
    let mut objdump = Command::new("llvm-objdump-19");
    let theirs = objdump.args(["-d", "--no-show-raw-insn", "--section=kprobe/f"]).arg(&object).output();
    let theirs = theirs.unwrap_or_else(|e| panic!("llvm-objdump-19: {e}; scripts/setup.sh installs it"));
    // "       4:\tif r0 == 0x0 goto +0x3 <count+0x40>"
    let insns = |text: &str, separator: &str| -> Vec<(usize, String)> {
        let line = |l: &str| {
            let (at, insn) = l.split_once(separator)?;
            let insn = insn.split(" <").next()?.split(" ; ").next()?.trim();
            Some((at.trim().parse().ok()?, insn.to_string()))
        };
        text.lines().filter_map(line).collect()
    };
    let theirs = insns(stdout(&theirs), ":\t");
    let out = axbpf(&["dump", object.to_str().unwrap(), "--prog", "count"], "");
    let ours = insns(stdout(&out), ": ");
    assert!(theirs.len() > 12, "{theirs:?}");
    let mut same = 0;
    for (theirs, ours) in theirs.iter().zip(&ours) {
        // Wide loads and calls have been linked.
        if theirs.1.ends_with(" ll") || theirs.1.starts_with("call") {
            assert_eq!(theirs.0, ours.0);
        } else {
            assert_eq!(theirs, ours);
            same += 1;
        }
    }
    assert!(same > 8, "{same}");
}

#[test]
fn machine_code_is_whole_and_legal() {
    let object = compile("jit", COUNT);
    let out = axbpf(&["dump", object.to_str().unwrap(), "--jit", "riscv64"], "");
    assert_eq!((status(&out), stderr(&out)), (0, ""));
    // "              10: 0584b903"
    let mut code: Vec<u8> = Vec::new();
    let mut next = 0;
    for line in stdout(&out).lines() {
        if line.contains("bytes of machine code") {
            next = 0;
        }
        let Some((at, word)) = line.split_once(": ").filter(|(at, word)| at.len() == 16 && matches!(word.len(), 4 | 8)) else { continue };
        assert_eq!(u64::from_str_radix(at.trim(), 16).unwrap(), next, "no gaps: {line}");
        let len = word.len() / 2;
        next += len as u64;
        let word = u32::from_str_radix(word, 16).unwrap();
        code.extend(&word.to_le_bytes()[..len]);
    }
    assert!(code.len() > 60, "{}", code.len());
    let hex: String = code.iter().map(|b| format!("{b:#04x} ")).collect();
    let mut mc = Command::new("llvm-mc-19");
    mc.args(["--disassemble", "-triple=riscv64", "-mattr=+m,+a,+c"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut mc = mc.spawn().unwrap_or_else(|e| panic!("llvm-mc-19: {e}; scripts/setup.sh installs it"));
    mc.stdin.take().unwrap().write_all(hex.as_bytes()).unwrap();
    let judged = mc.wait_with_output().unwrap();
    assert_eq!(stderr(&judged), "", "instructions that llvm-mc does not know");
    assert!(stdout(&judged).matches("\tret").count() >= 3, "two programs and a subprogram return:\n{}", stdout(&judged));
    let unknown = axbpf(&["dump", object.to_str().unwrap(), "--jit", "vax"], "");
    assert_eq!((status(&unknown), stderr(&unknown)), (2, "axbpf: no back-end for vax; riscv64 is there\n"));
}

#[test]
fn what_cannot_be_parsed_is_status_2() {
    let path = Path::new(env!("CARGO_TARGET_TMPDIR")).join("broken.o");
    fs::write(&path, b"\x7fELF\x02\x02").unwrap();
    let out = axbpf(&["dump", path.to_str().unwrap()], "");
    assert_eq!(status(&out), 2);
    assert!(stderr(&out).ends_with("broken.o: file, byte 0x5: big-endian object; compile with clang -target bpfel\n"), "{}", stderr(&out));
}

#[test]
fn conformance_prints_r0() {
    let run = |args: &[&str], program: &str| {
        let out = axbpf(&[&["conformance"], args].concat(), program);
        (status(&out), stdout(&out).trim_end().to_string(), stderr(&out).lines().count())
    };
    let answer = |r0: &str| (0, r0.to_string(), 0);
    assert_eq!(run(&[], "b7 00 00 00 2a 00 00 00 95 00 00 00 00 00 00 00\n"), answer("2a"));
    // lddw r0, 0x1122334455667788
    assert_eq!(
        run(&["--engine", "interp"], "18 00 00 00 88 77 66 55\n00 00 00 00 44 33 22 11 9500000000000000"),
        answer("1122334455667788")
    );
    // r0 = *(u16 *)(r1 + 1); r0 <<= 8; r0 += r2
    let reads = "69 10 01 00 00 00 00 00 67 00 00 00 08 00 00 00 0f 20 00 00 00 00 00 00 95 00 00 00 00 00 00 00";
    assert_eq!(run(&["aa bb cc dd"], reads), answer("ccbb04"));
    assert_eq!(run(&["aabb"], reads), (1, String::new(), 1), "outside the memory");
    assert_eq!(run(&[], "05 00 ff ff 00 00 00 00"), (1, String::new(), 1), "endless");
    assert_eq!(run(&[], "ff 00 00 00 00 00 00 00"), (1, String::new(), 1), "no instruction");
    assert_eq!(run(&[], "b7 00"), (2, String::new(), 1), "half an instruction");
    assert_eq!(run(&["zz"], reads), (2, String::new(), 1));
    assert_eq!(run(&["--engine", "none"], reads), (2, String::new(), 1));
}

/// The vectors through the plugin protocol. The compiler runs where its code does: under qemu-user.
#[test]
fn conformance_vectors_on_both_engines() {
    let engines: &[&str] = if cfg!(target_arch = "riscv64") { &["interp", "jit"] } else { &["interp"] };
    let mut checked = 0;
    for vector in harness::vectors().iter().step_by(if cfg!(target_arch = "riscv64") { 6 } else { 1 }) {
        let Ok(expected) = vector.expected else { continue };
        let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x} ")).collect::<String>();
        let program: Vec<u8> = vector.slots.iter().flat_map(|slot| slot.to_bytes()).collect();
        for engine in engines {
            let memory = hex(&vector.mem);
            let mut args = vec!["conformance", "--engine", engine];
            if !vector.mem.is_empty() {
                args.push(&memory);
            }
            let out = axbpf(&args, &hex(&program));
            assert_eq!((status(&out), stdout(&out)), (0, format!("{expected:x}\n").as_str()), "{} {engine}: {}", vector.name, stderr(&out));
            checked += 1;
        }
    }
    assert!(checked > 30, "{checked}");
}

#[test]
fn the_compiler_never_falls_back() {
    let object = compile("nofallback", KEEP);
    for args in [vec!["conformance", "--engine=jit"], vec!["run", object.to_str().unwrap(), "--prog=keep", "--engine=jit"]] {
        let out = axbpf(&args, "b7 00 00 00 2a 00 00 00 95 00 00 00 00 00 00 00");
        if cfg!(target_arch = "riscv64") {
            assert_eq!((status(&out), stderr(&out)), (0, ""), "{args:?}");
        } else {
            assert_eq!((status(&out), stdout(&out)), (1, ""), "{args:?}");
            assert!(stderr(&out).contains("no compiler for this machine"), "{}", stderr(&out));
        }
    }
}

const KEEP: &str = r#"
#define SEC(name) __attribute__((section(name), used))
char LICENSE[] SEC("license") = "GPL";
long kept = 40;
SEC("raw_tp") int keep(unsigned long long *ctx)
{
	kept += ctx[1];
	return kept;
}
SEC("kprobe/f") int peek(unsigned long long *ctx)
{
	return *(int *)ctx[3];
}
SEC("xdp") int pass(void *ctx)
{
	return 2;
}
"#;

#[test]
fn verify_accepts_and_rejects() {
    let object = compile("verify", KEEP);
    let object = object.to_str().unwrap();
    let out = axbpf(&["verify", object, "--arch=riscv64"], "");
    assert_eq!(status(&out), 1);
    let lines: Vec<&str> = stdout(&out).lines().collect();
    assert_eq!(lines.len(), 3, "{lines:?}");
    let line = |name: &str| *lines.iter().find(|line| line.split(' ').nth(1) == Some(name)).unwrap();
    assert!(line("keep").starts_with("accept keep insns=") && line("keep").contains(" states="), "{lines:?}");
    assert!(line("pass").starts_with("accept pass insns=2 states="), "{lines:?}");
    assert!(line("peek").starts_with("reject peek insn 1: R1 invalid mem access 'scalar'"), "{lines:?}");
    let one = axbpf(&["verify", object, "--prog=pass"], "");
    assert_eq!((status(&one), stdout(&one).lines().count()), (0, 1));
    // 33 words of context: too many for riscv64's 32, not for arm64's 34.
    let reads = "79 10 00 01 00 00 00 00 95 00 00 00 00 00 00 00";
    for (arch, expected) in [("riscv64", 1), ("aarch64", 0), ("loongarch64", 0), ("x86_64", 1)] {
        let out = axbpf(&["verify", "-", "--type", "kprobe", "--arch", arch], reads);
        assert_eq!(status(&out), expected, "{arch}: {}", stdout(&out));
    }
    let logged = axbpf(&["verify", object, "--prog=peek", "--log=2"], "");
    assert!(stderr(&logged).contains("r1 = *(u64 *)(r1 + 0x18)") && stderr(&logged).contains("R1=ctx()"), "{}", stderr(&logged));
    for args in [&["verify", "-"][..], &["verify", "-", "--type=nothing"], &["verify", object, "--arch=vax"], &["verify", "/nonexistent"]] {
        assert_eq!(status(&axbpf(args, reads)), 2, "{args:?}");
    }
    assert_eq!(status(&axbpf(&["verify", "-", "--type=kprobe"], "95 00")), 2, "half an instruction");
}

/// bpf-trace's own objects, for each ISA that `regs.h` knows: accepted for its registers, and run here with a context of zeros.
#[test]
fn programs_of_bpf_trace_are_accepted_and_run() {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../apps/bpf-trace/bpf");
    let mut sources: Vec<PathBuf> = fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    sources.retain(|path| path.extension().is_some_and(|ext| ext == "c"));
    assert!(sources.len() >= 4, "{sources:?}");
    let here = std::env::consts::ARCH;
    for source in &sources {
        let stem = source.file_name().unwrap().to_str().unwrap().trim_end_matches(".bpf.c");
        for (arch, target) in [("riscv64", "riscv"), ("x86_64", "x86"), ("aarch64", "arm64"), ("loongarch64", "loongarch")] {
            let object = compile_app(source, &format!("app-{stem}-{arch}"), target);
            let object = object.to_str().unwrap();
            let out = axbpf(&["verify", object, "--arch", arch], "");
            assert_eq!((status(&out), stderr(&out)), (0, ""), "{stem} {arch}: {}", stdout(&out));
            let names: Vec<&str> =
                stdout(&out).lines().map(|line| line.strip_prefix("accept ").unwrap().split_once(' ').unwrap().0).collect();
            assert!(!names.is_empty(), "{stem}");
            if arch != here {
                continue;
            }
            let engines: &[&str] = if arch == "riscv64" { &["interp", "jit"] } else { &["interp"] };
            for engine in engines {
                let out = axbpf(&["run", object, "--engine", engine, "--repeat=3"], "");
                assert_eq!((status(&out), stderr(&out)), (0, ""), "{stem} {engine}");
                let ran: Vec<&str> = stdout(&out).lines().map(|line| line.split_once(" R0=0x0 ns=").expect(line).0).collect();
                assert_eq!(ran, names, "{stem} {engine}");
            }
        }
    }
}

/// A license that only contains the word is none: the unikernel would refuse what this command accepted.
#[test]
fn helpers_for_the_gpl_ask_for_the_license() {
    let source = |license: &str| {
        format!(
            "#define SEC(name) __attribute__((section(name), used))\nchar LICENSE[] SEC(\"license\") = \"{license}\";\n\
             static long (*const read)(void *, unsigned, const void *) = (void *)113;\n\
             SEC(\"kprobe/f\") int reads(void *ctx) {{ long x = 0; read(&x, 8, 0); return x; }}\n"
        )
    };
    for (name, license, expected) in [("gpl", "GPL", 0), ("dual", "Dual MIT/GPL", 0), ("lgpl", "LGPL", 1), ("no-gpl", "not GPL", 1)] {
        let object = compile(&format!("license-{name}"), &source(license));
        for command in ["verify", "run"] {
            let out = axbpf(&[command, object.to_str().unwrap()], "");
            assert_eq!(status(&out), expected, "{command} {license}: {}{}", stdout(&out), stderr(&out));
        }
    }
}

#[test]
fn run_prints_r0() {
    let object = compile("run", KEEP);
    let object = object.to_str().unwrap();
    let ctx = "00 00 00 00 00 00 00 00 02 00 00 00 00 00 00 00";
    let out = axbpf(&["run", object, "--prog=keep", "--ctx", ctx], "");
    assert_eq!((status(&out), stderr(&out)), (0, ""));
    assert!(stdout(&out).starts_with("keep R0=0x2a ns="), "{}", stdout(&out));
    let again = axbpf(&["run", object, "--prog=keep", "--ctx", ctx, "--repeat=10"], "");
    assert!(stdout(&again).starts_with("keep R0=0x3c ns="), "ten times 2 and 40: {}", stdout(&again));
    let refused = axbpf(&["run", object, "--prog=peek"], "");
    assert_eq!(status(&refused), 1);
    assert!(stderr(&refused).contains("R1 invalid mem access 'scalar'"), "{}", stderr(&refused));
    assert_eq!(status(&axbpf(&["run", object, "--ctx=0"], "")), 2);
}

const PACKETS: &str = r#"
#define SEC(name) __attribute__((section(name), used))
char LICENSE[] SEC("license") = "GPL";
struct xdp_md { unsigned data, data_end; };
SEC("xdp") int last(struct xdp_md *ctx)
{
	unsigned char *at = (void *)(long)ctx->data, *end = (void *)(long)ctx->data_end;
	return at + 60 <= end ? at[59] : -1;
}
struct __sk_buff { unsigned len, others[18], data, data_end; };
SEC("tc") int first(struct __sk_buff *skb)
{
	unsigned char *at = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	return at + 1 <= end ? *at << 16 | skb->len : -1;
}
SEC("socket") int behind_ethernet(struct __sk_buff *skb)
{
	return skb->len;
}
"#;

#[test]
fn packets_are_contexts() {
    let object = compile("packets", PACKETS);
    let object = object.to_str().unwrap();
    let engines: &[&str] = if cfg!(target_arch = "riscv64") { &["interp", "jit"] } else { &["interp"] };
    for engine in engines {
        let results = |ctx: &[&str]| -> Vec<String> {
            let out = axbpf(&[&["run", object, "--engine", engine], ctx].concat(), "");
            assert_eq!((status(&out), stderr(&out)), (0, ""), "{engine} {ctx:?}");
            stdout(&out).lines().map(|line| line.split_once(" ns=").expect(line).0.to_owned()).collect()
        };
        let frame = format!("--ctx={}", "07 ".repeat(59) + "0b");
        assert_eq!(results(&[&frame]), ["last R0=0xb", "first R0=0x7003c", "behind_ethernet R0=0x2e"], "{engine}");
        // Without one, a frame of zeros.
        assert_eq!(results(&[]), ["last R0=0x0", "first R0=0x3c", "behind_ethernet R0=0x2e"], "{engine}");
    }
    let short = axbpf(&["run", object, "--prog=last", "--ctx=00"], "");
    assert_eq!((status(&short), stderr(&short)), (1, "axbpf: program last: the packet has 1 bytes, of at least 14\n"));
}

#[test]
fn embed_says_what_is_missing() {
    let object = compile("embed", KEEP);
    let out = axbpf(&["embed", object.to_str().unwrap()], "");
    assert_eq!(status(&out), 2);
    assert!(stderr(&out).contains("no section .ksyms; link with the script of axbpf-build"), "{}", stderr(&out));
}
