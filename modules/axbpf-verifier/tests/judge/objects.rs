//! The Linux that the tests run on as a judge of whole objects: judge.c, compiled with libbpf, so that BTF, maps, global data and kernel
//! functions reach the kernel as every other loader brings them there.
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// A program of an object.
pub struct Asked {
    pub name: String,
    pub prog_flags: u32,
    pub log_level: u32,
    /// Whether it is also to be run.
    pub run: bool,
}

/// What is said of it.
pub struct Answer {
    /// 0: accepted.
    pub errno: i32,
    pub retval: u32,
    pub log: String,
}

/// The judge, ready to be asked.
pub struct Linux {
    command: PathBuf,
}

impl Linux {
    /// Compiles it.
    pub fn new() -> Linux {
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/judge/judge.c");
        let command = Path::new(env!("CARGO_TARGET_TMPDIR")).join("judge");
        let mut gcc = Command::new("gcc");
        gcc.args(["-O1", "-Wall", "-o"]).arg(&command).arg(source).arg("-lbpf");
        let out = gcc.output().expect("gcc");
        assert!(out.status.success(), "{}", String::from_utf8_lossy(&out.stderr));
        Linux { command }
    }

    /// Its version: 6.12.
    pub fn release() -> (u32, u32) {
        let text = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
        let mut numbers = text.split(['.', '-']).map_while(|part| part.parse().ok());
        (numbers.next().unwrap(), numbers.next().unwrap())
    }

    /// Asks for each of the programs by itself.
    pub fn ask(&self, object: &Path, programs: &[Asked]) -> Vec<Answer> {
        let mut judge =
            Command::new(&self.command).arg(object).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let mut asked = String::new();
        for Asked { name, prog_flags, log_level, run } in programs {
            asked += &format!("{name} {prog_flags:x} {log_level} {}\n", u32::from(*run));
        }
        let mut stdin = judge.stdin.take().unwrap();
        // In its own thread: both pipes may fill.
        let writer = std::thread::spawn(move || {
            let _ = stdin.write_all(asked.as_bytes());
        });
        let out = judge.wait_with_output().unwrap();
        writer.join().unwrap();
        assert!(out.status.success(), "{}: {}", object.display(), String::from_utf8_lossy(&out.stderr));
        let mut rest = out.stdout.as_slice();
        let answer = |asked: &Asked| {
            let end = rest.iter().position(|&byte| byte == b'\n').unwrap();
            let head = std::str::from_utf8(&rest[..end]).unwrap().split(' ').collect::<Vec<_>>();
            let [name, errno, retval, bytes] = head[..] else { panic!("{head:?}") };
            assert_eq!(name, asked.name);
            let (log, behind) = rest[end + 1..].split_at(bytes.parse().unwrap());
            let log = String::from_utf8_lossy(log).into_owned();
            rest = &behind[1..];
            Answer { errno: errno.parse().unwrap(), retval: retval.parse().unwrap(), log }
        };
        programs.iter().map(answer).collect()
    }
}
