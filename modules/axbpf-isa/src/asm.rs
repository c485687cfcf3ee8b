//! Text to slots.
use crate::RawInsn;
use crate::form::FORMS;
use crate::text::{self, LabelUse, Matched, Mismatch};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

pub use crate::text::Wrong;

/// Why text does not assemble.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum AsmCause {
    /// The line is no instruction.
    Syntax(Wrong),
    /// A label that no line carries.
    UnknownLabel(String),
    /// A label that an earlier line carries already.
    DuplicateLabel {
        /// Its name.
        name: String,
        /// That line, from 1.
        first_line: usize,
    },
    /// The label is too far away for a 16-bit offset.
    TooFar {
        /// Its name.
        name: String,
        /// Distance in slots.
        distance: i64,
    },
}

/// Where and why text does not assemble.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AsmError {
    /// Line, from 1.
    pub line: usize,
    /// Column in bytes, from 1.
    pub column: usize,
    /// Why.
    pub cause: AsmCause,
}

impl fmt::Display for AsmError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}, column {}: ", self.line, self.column)?;
        match &self.cause {
            AsmCause::Syntax(Wrong::Unlike(insn)) => write!(f, "no instruction reads like this; the nearest form is `{insn}`"),
            AsmCause::Syntax(Wrong::Expected(what)) => write!(f, "expected {what}"),
            AsmCause::Syntax(Wrong::Trailing) => f.write_str("the instruction is complete before this; end the line here"),
            AsmCause::Syntax(Wrong::NoRegister) => f.write_str("no such register; the last one is r10"),
            AsmCause::Syntax(Wrong::OtherRegister { expected }) => write!(f, "has to be the same register as before, r{expected}"),
            AsmCause::Syntax(Wrong::Range { bits }) => write!(f, "the number does not fit into {bits} bits"),
            AsmCause::Syntax(Wrong::SignExtended) => {
                f.write_str("the immediate would be sign-extended to 64 bits; write it negative, or load it with `r1 = 0x... ll`")
            }
            AsmCause::UnknownLabel(name) => write!(f, "no line is labelled '{name}'"),
            AsmCause::DuplicateLabel { name, first_line } => write!(f, "line {first_line} is labelled '{name}' already"),
            AsmCause::TooFar { name, distance } => {
                write!(f, "'{name}' is {distance} slots away and the offset has 16 bits; go through a `gotol`")
            }
        }
    }
}

impl core::error::Error for AsmError {}

/// Assembles a program, one instruction a line, in the notation that [`Insn`](crate::Insn) prints. A line may start with labels (`loop:`), jumps,
/// local calls and `subprog[]` take a label instead of a distance, `//` and `#` start comments.
///
/// ```
/// let slots = axbpf_isa::asm::assemble("
///     r0 = 0
/// loop:
///     r0 += r1
///     r1 += -1
///     if r1 != 0 goto loop    // sums 1..=r1
///     exit
/// ").unwrap();
/// assert_eq!(slots.len(), 5);
/// assert_eq!(slots[3].off, -3);
/// ```
pub fn assemble(text: &str) -> Result<Vec<RawInsn>, AsmError> {
    let mut slots = Vec::new();
    let mut labels: Vec<(&str, usize, usize)> = Vec::new(); // name, slot, line
    let mut uses: Vec<(LabelUse<'_>, usize, usize, usize)> = Vec::new(); // use, slot, line, column
    for (number, full) in text.lines().enumerate() {
        let line = number + 1;
        let end = ["//", "#"].iter().filter_map(|mark| full.find(mark)).min().unwrap_or(full.len());
        let mut code = &full[..end];
        while let Some((name, rest)) = code.split_once(':').map(|(name, rest)| (name.trim(), rest)).filter(|(name, _)| text::is_label(name))
        {
            if let Some(&(_, _, first_line)) = labels.iter().find(|(other, ..)| *other == name) {
                let cause = AsmCause::DuplicateLabel { name: name.to_string(), first_line };
                return Err(AsmError { line, column: column(full, name), cause });
            }
            labels.push((name, slots.len(), line));
            code = rest;
        }
        if code.trim().is_empty() {
            continue;
        }
        let start = column(full, code);
        let Matched { slots: (first, second), label } =
            match_line(code).map_err(|Mismatch { at, wrong }| AsmError { line, column: start + at, cause: AsmCause::Syntax(wrong) })?;
        if let Some(label) = label {
            uses.push((label, slots.len(), line, start + label.at));
        }
        slots.push(first);
        slots.extend(second);
    }
    for (label, slot, line, column) in uses {
        let fail = |cause| AsmError { line, column, cause };
        let name = label.name;
        let Some(&(_, target, _)) = labels.iter().find(|(other, ..)| *other == name) else {
            return Err(fail(AsmCause::UnknownLabel(name.to_string())));
        };
        // Distances count from the slot after the first one, for wide loads too.
        let distance = target as i64 - slot as i64 - 1;
        let too_far = |_| fail(AsmCause::TooFar { name: name.to_string(), distance });
        if label.far {
            slots[slot].imm = i32::try_from(distance).map_err(too_far)?;
        } else {
            slots[slot].off = i16::try_from(distance).map_err(too_far)?;
        }
    }
    Ok(slots)
}

/// Column of `part`, a slice of `line`, from 1.
fn column(line: &str, part: &str) -> usize {
    part.as_ptr() as usize - line.as_ptr() as usize + 1
}

/// The first form that the line matches; or the complaint of the form that came furthest.
fn match_line(line: &str) -> Result<Matched<'_>, Mismatch> {
    let mut furthest = Mismatch { at: 0, wrong: Wrong::Expected("an instruction, such as `r0 = 0`") };
    for form in &FORMS {
        match text::parse(form, line) {
            Ok(matched) => return Ok(matched),
            Err(mismatch) if mismatch.at > furthest.at || (mismatch.at == furthest.at && !is_vague(mismatch.wrong)) => furthest = mismatch,
            Err(_) => {}
        }
    }
    Err(furthest)
}

/// A complaint that any other one is better than.
fn is_vague(wrong: Wrong) -> bool {
    matches!(wrong, Wrong::Unlike(_) | Wrong::Expected(_))
}
