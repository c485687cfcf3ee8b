//! Why a program is refused, in Linux's words where it has them, and what would help.
use alloc::string::String;
use axbpf_isa::InsnIdx;
use core::fmt;

/// A program that is refused.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rejected {
    /// The instruction.
    pub at: InsnIdx,
    /// Why.
    pub reason: Reason,
}

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "insn {}: {}", self.at, self.reason)
    }
}

impl core::error::Error for Rejected {}

/// See [`Rejected`]. Displayed on one line, the hint behind a semicolon.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Reason {
    /// What kind of rule is broken.
    pub rule: Rule,
    /// In Linux's words; several lines where Linux says it in several.
    pub text: String,
    /// What would help; may be empty.
    pub hint: &'static str,
}

/// What a rule is about.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Rule {
    /// An instruction that is none, or uses reserved fields.
    Insn,
    /// Jumps, functions and the call graph.
    Flow,
    /// A register that has no value, or may not be written.
    Register,
    /// Arithmetic with pointers.
    Arithmetic,
    /// Access to memory.
    Memory,
    /// A call and its arguments.
    Call,
    /// References, locks and sections that have to be ended.
    Resource,
    /// What a program or function may return.
    Return,
    /// Loops that do not end.
    Loop,
    /// The limits of instructions walked and of memory.
    Limit,
    /// What does not exist here.
    Unsupported,
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (i, line) in self.text.lines().enumerate() {
            f.write_str(if i > 0 { ": " } else { "" })?;
            f.write_str(line)?;
        }
        if !self.hint.is_empty() {
            write!(f, "; {}", self.hint)?;
        }
        Ok(())
    }
}

/// `Err(Reason)` with a rule, Linux's words, and after `=>` what would help.
macro_rules! refuse {
    ($rule:ident, $fmt:literal $(, $arg:expr)* $(,)? => $hint:expr) => {
        Err($crate::Reason { rule: $crate::Rule::$rule, text: alloc::format!($fmt $(, $arg)*), hint: $hint })
    };
    ($rule:ident, $fmt:literal $(, $arg:expr)* $(,)?) => { refuse!($rule, $fmt $(, $arg)* => "") };
}
pub(crate) use refuse;

/// What a step of the walk answers.
pub(crate) type Step<T = ()> = Result<T, Reason>;
