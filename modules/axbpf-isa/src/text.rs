//! Instruction text: the templates of the table, printed and matched.
//!
//! A template is literal text with places for operands in braces:
//!
//! | place | text |
//! |---|---|
//! | `{dst}` `{src}` | `r1`; `{wdst}` `{wsrc}` are `w1`; with `~` the other letter is read too |
//! | `{op}` | the form's symbol |
//! | `{imm}` `{wimm}` | immediate, `0x5`, `-0x5`; the second also reads 0x80000000 to 0xffffffff |
//! | `{next}` | second immediate, unsigned |
//! | `{imm64}` | both as one value |
//! | `{off}` | `+ 0x8`, `- 0x8` |
//! | `{plus}` | immediate as ` + 0x4`, nothing for 0 |
//! | `{idx}` | offset field as a number |
//! | `{to}` `{far}` `{pc}` | jump distance in `off`, in `imm`, in `imm` after `pc`: `+0x3`, or the name of a label |
use crate::code::Operands;
use crate::form::Form;
use crate::{Insn, RawInsn, Reg};
use core::fmt::{self, Display as _, Write};

/// One piece of a template.
enum Piece {
    Literal(u8),
    Place(&'static str),
}

fn pieces(text: &'static str) -> impl Iterator<Item = Piece> {
    let mut rest = text;
    core::iter::from_fn(move || {
        let first = *rest.as_bytes().first()?;
        let end = if first == b'{' { rest.find('}')? } else { 0 };
        let piece = if first == b'{' { Piece::Place(&rest[1..end]) } else { Piece::Literal(first) };
        rest = &rest[end + 1..];
        Some(piece)
    })
}

/// A signed number in hexadecimal: `0x5`, `-0x5`.
struct Hex(i32);

impl fmt::Display for Hex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { "-" } else { "" };
        write!(f, "{sign}{:#x}", self.0.unsigned_abs())
    }
}

/// A jump distance: the sign is always there.
struct Distance(i32);

impl fmt::Display for Distance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = if self.0 < 0 { '-' } else { '+' };
        write!(f, "{sign}{:#x}", self.0.unsigned_abs())
    }
}

/// The text of llvm-objdump; pseudo loads and calls, which it leaves to relocations, in the manner of bpftool: `call pc+0x5`,
/// `r1 = map[fd:0x3]`.
impl fmt::Display for Insn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (Some(form), Some(o)) = (Form::of(self), self.operands()) else {
            return write!(f, "<not encodable: {self:?}>");
        };
        for piece in pieces(form.text) {
            match piece {
                Piece::Literal(byte) => f.write_char(byte.into())?,
                Piece::Place(name) => print(f, form, &o, name)?,
            }
        }
        Ok(())
    }
}

fn print(f: &mut fmt::Formatter<'_>, form: &Form, o: &Operands, place: &str) -> fmt::Result {
    match place {
        "dst" | "dst~" => write!(f, "r{}", o.dst.index()),
        "src" | "src~" => write!(f, "r{}", o.src.index()),
        "wdst" => write!(f, "w{}", o.dst.index()),
        "wsrc" | "wsrc~" => write!(f, "w{}", o.src.index()),
        "op" => f.write_str(form.symbol),
        "imm" | "wimm" => Hex(o.imm).fmt(f),
        "next" => write!(f, "{:#x}", o.next),
        "imm64" => write!(f, "{:#x}", u64::from(o.next as u32) << 32 | u64::from(o.imm as u32)),
        "off" if o.off < 0 => write!(f, "- {:#x}", o.off.unsigned_abs()),
        "off" => write!(f, "+ {:#x}", o.off),
        "plus" if o.imm == 0 => Ok(()),
        "plus" if o.imm < 0 => write!(f, " - {:#x}", o.imm.unsigned_abs()),
        "plus" => write!(f, " + {:#x}", o.imm),
        "idx" => Hex(o.off.into()).fmt(f),
        "to" => Distance(o.off.into()).fmt(f),
        "far" => Distance(o.imm).fmt(f),
        "pc" => write!(f, "pc{}", Distance(o.imm)),
        _ => unreachable_place(f, place),
    }
}

/// The table test prints every form, so a misspelt place shows up there.
#[cold]
fn unreachable_place(f: &mut fmt::Formatter<'_>, place: &str) -> fmt::Result {
    write!(f, "{{{place}}}")
}

/// What is wrong with a line of assembly.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Wrong {
    /// No instruction continues like this; one of the form that comes furthest, with operands zero.
    Unlike(Insn),
    /// An operand of this kind should stand here.
    Expected(&'static str),
    /// There is more text after a complete instruction.
    Trailing,
    /// Registers are r0 to r10.
    NoRegister,
    /// The register has to be the one named before, as in `r1 = -r1`.
    OtherRegister {
        /// Its number.
        expected: u8,
    },
    /// The number does not fit into the field's bits.
    Range {
        /// Width of the field.
        bits: u32,
    },
    /// An immediate between 2^31 and 2^32 of a 64-bit operation: it would be sign-extended.
    SignExtended,
}

/// A line that a form does not match.
pub(crate) struct Mismatch {
    /// Byte offset within the line.
    pub at: usize,
    pub wrong: Wrong,
}

/// A jump whose distance is a label's, in `off` or (`far`) in `imm`.
#[derive(Clone, Copy)]
pub(crate) struct LabelUse<'a> {
    pub name: &'a str,
    /// Byte offset within the line.
    pub at: usize,
    pub far: bool,
}

/// An instruction read from text.
pub(crate) struct Matched<'a> {
    pub slots: (RawInsn, Option<RawInsn>),
    pub label: Option<LabelUse<'a>>,
}

/// Matches a whole line against a form.
pub(crate) fn parse<'a>(form: &'static Form, line: &'a str) -> Result<Matched<'a>, Mismatch> {
    let mut cursor = Cursor { line, at: 0, word: false, word_at: 0, form };
    let mut o = Operands::ZERO;
    let (mut seen_dst, mut seen_src, mut label) = (false, false, None);
    for piece in pieces(form.text) {
        let name = match piece {
            Piece::Literal(byte) => {
                cursor.literal(byte)?;
                continue;
            }
            Piece::Place(name) => name,
        };
        match name {
            "op" => form.symbol.bytes().try_for_each(|byte| cursor.literal(byte))?,
            "dst" | "wdst" | "dst~" => cursor.register(name, &mut o.dst, &mut seen_dst)?,
            "src" | "wsrc" | "src~" | "wsrc~" => cursor.register(name, &mut o.src, &mut seen_src)?,
            "imm" => o.imm = cursor.immediate(false)?,
            "wimm" => o.imm = cursor.immediate(true)?,
            "next" => o.next = cursor.number(32, 0, u32::MAX.into())? as u32 as i32,
            "imm64" => {
                let value = cursor.number(64, i64::MIN.into(), u64::MAX.into())?;
                (o.imm, o.next) = (value as i32, (value >> 32) as i32);
            }
            "off" => o.off = cursor.number_signed(i16::MIN.into(), i16::MAX.into())? as i16,
            "plus" => {
                if cursor.peek().is_some_and(|byte| byte == b'+' || byte == b'-') {
                    o.imm = cursor.number_signed(i32::MIN.into(), i32::MAX.into())? as i32;
                }
            }
            "idx" => o.off = cursor.number(16, i16::MIN.into(), i16::MAX.into())? as i16,
            _ => {
                let far = name != "to";
                label = cursor.label(far);
                if label.is_some() {
                    continue;
                }
                if name == "pc" {
                    "pc".bytes().try_for_each(|byte| cursor.literal(byte))?;
                    cursor.word = false;
                }
                let (min, max) = if far { (i32::MIN, i32::MAX) } else { (i16::MIN.into(), i16::MAX.into()) };
                let distance = cursor.number(if far { 32 } else { 16 }, min.into(), max.into())? as i32;
                if far { o.imm = distance } else { o.off = distance as i16 }
            }
        }
    }
    match cursor.peek() {
        None => Ok(Matched { slots: form.emit(o), label }),
        Some(_) => Err(cursor.wrong(Wrong::Trailing)),
    }
}

/// Reads a line from left to right. Blanks may stand anywhere but within words and numbers.
struct Cursor<'a> {
    line: &'a str,
    at: usize,
    /// The last byte read belongs to a word that has not ended.
    word: bool,
    /// Where that word started.
    word_at: usize,
    form: &'static Form,
}

fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'.' || byte == b'$'
}

impl<'a> Cursor<'a> {
    fn wrong(&self, wrong: Wrong) -> Mismatch {
        Mismatch { at: self.at, wrong }
    }

    /// The next byte after blanks.
    fn peek(&mut self) -> Option<u8> {
        let rest = &self.line.as_bytes()[self.at..];
        let blanks = rest.iter().take_while(|byte| byte.is_ascii_whitespace()).count();
        self.at += blanks;
        self.word &= blanks == 0;
        rest.get(blanks).copied()
    }

    /// One byte of a template; its blanks end words and are otherwise free.
    fn literal(&mut self, byte: u8) -> Result<(), Mismatch> {
        let mid_word = self.word;
        let next = self.peek();
        let unlike = Wrong::Unlike(self.form.shape());
        if byte == b' ' {
            // `gotol` is not `goto l`
            return if self.word && next.is_some_and(is_word) { Err(self.wrong(unlike)) } else { Ok(()) };
        }
        if next != Some(byte) || (mid_word && !self.word && is_word(byte)) {
            let at = if self.word && is_word(byte) { self.word_at } else { self.at };
            return Err(Mismatch { at, wrong: unlike });
        }
        if !self.word {
            self.word_at = self.at;
        }
        self.at += 1;
        self.word = is_word(byte);
        Ok(())
    }

    /// The word that starts here, not consumed.
    fn word(&mut self) -> &'a str {
        self.peek();
        let rest = &self.line[self.at..];
        let len = rest.bytes().take_while(|&byte| is_word(byte)).count();
        &rest[..len]
    }

    fn register(&mut self, place: &'static str, reg: &mut Reg, seen: &mut bool) -> Result<(), Mismatch> {
        let letters: &[u8] = match place.as_bytes() {
            [.., b'~'] => b"rw",
            [b'w', ..] => b"w",
            _ => b"r",
        };
        let word = self.word();
        let expected = Wrong::Expected(if letters == b"w" { "a register w0 to w10" } else { "a register r0 to r10" });
        let number = match word.as_bytes() {
            [letter, digits @ ..] if letters.contains(letter) && !digits.is_empty() && digits.iter().all(u8::is_ascii_digit) => &word[1..],
            _ => return Err(self.wrong(expected)),
        };
        let Some(found) = number.parse().ok().filter(|_| number == "0" || !number.starts_with('0')).and_then(Reg::new) else {
            return Err(self.wrong(Wrong::NoRegister));
        };
        if *seen && found != *reg {
            return Err(self.wrong(Wrong::OtherRegister { expected: reg.index() as u8 }));
        }
        (*reg, *seen) = (found, true);
        self.at += word.len();
        self.word = true;
        Ok(())
    }

    /// A number with an optional sign, decimal or `0x`.
    fn number(&mut self, bits: u32, min: i128, max: i128) -> Result<i128, Mismatch> {
        let start = self.at;
        let sign = self.peek().filter(|&byte| byte == b'-' || byte == b'+');
        self.at += usize::from(sign.is_some());
        let word = self.word();
        let (digits, radix) = match word.strip_prefix("0x") {
            Some(digits) => (digits, 16),
            None => (word, 10),
        };
        let valid = !digits.is_empty() && digits.bytes().all(|byte| (byte as char).is_digit(radix));
        // More than 16 hexadecimal or 20 decimal digits are out of any field's range.
        let value = if valid && digits.len() <= 20 { i128::from_str_radix(digits, radix).ok() } else { None };
        let value = value.map(|value| if sign == Some(b'-') { -value } else { value }).filter(|value| (min..=max).contains(value));
        match value {
            Some(value) => {
                self.at += word.len();
                self.word = true;
                Ok(value)
            }
            None => {
                let wrong = if valid { Wrong::Range { bits } } else { Wrong::Expected("a number") };
                if !valid {
                    self.at = start;
                    self.peek();
                }
                Err(self.wrong(wrong))
            }
        }
    }

    /// A number whose sign has to be there.
    fn number_signed(&mut self, min: i128, max: i128) -> Result<i128, Mismatch> {
        match self.peek() {
            Some(b'+' | b'-') => self.number(if max > i128::from(i16::MAX) { 32 } else { 16 }, min, max),
            _ => Err(self.wrong(Wrong::Expected("`+` or `-`"))),
        }
    }

    fn immediate(&mut self, unsigned_too: bool) -> Result<i32, Mismatch> {
        self.peek();
        let start = self.at;
        let value = self.number(32, i32::MIN.into(), u32::MAX.into())?;
        if value > i32::MAX.into() && !unsigned_too {
            return Err(Mismatch { at: start, wrong: Wrong::SignExtended });
        }
        Ok(value as i32)
    }

    /// A label's name, if one stands here.
    fn label(&mut self, far: bool) -> Option<LabelUse<'a>> {
        let name = self.word();
        let end = self.at + name.len();
        let is_name = name.bytes().next().is_some_and(|byte| !byte.is_ascii_digit());
        let is_pc = name == "pc" && self.line[end..].trim_start().starts_with(['+', '-']);
        if !is_name || is_pc {
            return None;
        }
        let label = LabelUse { name, at: self.at, far };
        self.at = end;
        self.word = true;
        Some(label)
    }
}

/// Whether a label may be called this.
pub(crate) fn is_label(name: &str) -> bool {
    name.bytes().all(is_word) && name.bytes().next().is_some_and(|byte| !byte.is_ascii_digit())
}
