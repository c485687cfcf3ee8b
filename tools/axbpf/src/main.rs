//! Layer 5. The host command: BPF objects are checked, run and shown before they reach a unikernel; a linked unikernel gets its symbols.
// Not `forbid`: the file `jit` alone says why it may.
#![deny(unsafe_code)]

use std::{env, io, process::ExitCode};

mod args;
mod bench;
mod conformance;
mod dump;
mod embed;
mod jit;
mod object;
mod run;
mod verify;

use args::Args;

const USAGE: &str = "\
usage: axbpf COMMAND ...
  verify OBJ [--prog NAME] [--type T] [--arch A] [--log LEVEL]
                                                  accept or reject, a line a program; OBJ -: instructions (hex) on standard input, with --type;
                                                  T: a section prefix of libbpf's, such as kprobe; A: whose registers, this machine's by default
  run OBJ [--prog NAME] [--ctx HEX] [--engine interp|jit] [--repeat N]
                                                  verifies and runs the programs here: NAME R0=0x... ns=... (a run);
                                                  --ctx: the context, for xdp, tc and socket programs the packet; zeros by default
  dump OBJ [--prog NAME] [--jit ARCH] [--bytes]   text of the linked programs; --bytes: with their encoding; --jit: as machine code
  bench [OBJ...]                                  how long verifying takes: `name value unit`; without OBJ, of programs made for it
  conformance [MEM] [--engine interp|jit]         runs the program on standard input (hex) over the memory MEM (hex); prints R0
  embed KERNEL.elf                                writes the kernel's symbols into its section .ksyms
OBJ is a file that clang -target bpf wrote.
status: 0 done; 1 failed or refused; 2 arguments or input that cannot be used; 3 (embed) .ksyms is too small: the size it needs is printed
";

/// Why the command ends early: its exit status and what it says.
struct Failure {
    status: u8,
    message: String,
}

impl Failure {
    /// The work was done and the answer is no.
    fn refused(message: impl ToString) -> Failure {
        Failure { status: 1, message: message.to_string() }
    }

    /// Arguments or input that cannot be used.
    fn unusable(message: impl ToString) -> Failure {
        Failure { status: 2, message: message.to_string() }
    }
}

impl From<io::Error> for Failure {
    fn from(error: io::Error) -> Failure {
        match error.kind() {
            // Whoever read the output has seen enough.
            io::ErrorKind::BrokenPipe => Failure { status: 0, message: String::new() },
            _ => Failure::refused(format!("standard output: {error}")),
        }
    }
}

fn run() -> Result<ExitCode, Failure> {
    let mut words =
        env::args_os().skip(1).map(|word| word.into_string().map_err(|w| Failure::unusable(format!("argument {w:?} is not text"))));
    let command = words.next().transpose()?;
    let args = Args::new(words.collect::<Result<_, _>>()?);
    match command.as_deref() {
        Some("verify") => verify::run(args),
        Some("run") => run::run(args),
        Some("bench") => bench::run(args),
        Some("dump") => dump::run(args),
        Some("embed") => embed::run(args),
        Some("conformance") => conformance::run(args),
        Some("--help" | "-h" | "help") => {
            print!("{USAGE}");
            Ok(ExitCode::SUCCESS)
        }
        Some(other) => Err(Failure::unusable(format!("command {other} is unknown; axbpf --help lists them"))),
        None => Err(Failure::unusable("command is missing; axbpf --help lists them")),
    }
}

fn main() -> ExitCode {
    run().unwrap_or_else(|failure| {
        if !failure.message.is_empty() {
            eprintln!("axbpf: {}", failure.message);
        }
        ExitCode::from(failure.status)
    })
}
