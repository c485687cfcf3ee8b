//! Arguments: options in any order, `--name value` or `--name=value`; what is left are operands.
use crate::Failure;

pub struct Args(Vec<String>);

impl Args {
    pub fn new(words: Vec<String>) -> Args {
        Args(words)
    }

    /// Takes an option without a value.
    pub fn flag(&mut self, name: &str) -> bool {
        let before = self.0.len();
        self.0.retain(|word| word != name);
        self.0.len() < before
    }

    /// Takes an option with a value.
    pub fn value(&mut self, name: &str) -> Result<Option<String>, Failure> {
        let joined = |word: &String| word.strip_prefix(name).and_then(|rest| rest.strip_prefix('=')).map(str::to_owned);
        let mut found = None;
        while let Some(at) = self.0.iter().position(|word| word == name || joined(word).is_some()) {
            let word = self.0.remove(at);
            let value = match joined(&word) {
                Some(value) => value,
                None if at < self.0.len() => self.0.remove(at),
                None => return Err(Failure::unusable(format!("{name} needs a value"))),
            };
            if found.replace(value).is_some() {
                return Err(Failure::unusable(format!("{name} is given twice")));
            }
        }
        Ok(found)
    }

    /// What is left: at most `most` operands and no option that nobody took. `-` is an operand.
    pub fn operands(self, most: usize) -> Result<Vec<String>, Failure> {
        if let Some(option) = self.0.iter().find(|word| word.starts_with('-') && *word != "-") {
            return Err(Failure::unusable(format!("option {option} is unknown")));
        }
        match self.0.get(most) {
            Some(extra) => Err(Failure::unusable(format!("argument {extra} is one too many"))),
            None => Ok(self.0),
        }
    }

    /// What is left: one operand.
    pub fn operand(self, what: &str) -> Result<String, Failure> {
        self.operands(1)?.pop().ok_or_else(|| Failure::unusable(format!("{what} is missing")))
    }
}

/// Bytes of two-digit hex, separated by any blanks or by none.
pub fn hex(text: &str) -> Result<Vec<u8>, Failure> {
    let digits: Vec<u8> = text.split_ascii_whitespace().flat_map(str::bytes).collect();
    let (pairs, rest) = digits.as_chunks::<2>();
    let digit = |d: u8| char::from(d).to_digit(16);
    let bytes = pairs.iter().map(|[high, low]| Some((digit(*high)? << 4 | digit(*low)?) as u8)).collect::<Option<Vec<u8>>>();
    bytes.filter(|_| rest.is_empty()).ok_or_else(|| Failure::unusable("bytes have to be hex numbers of two digits each"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args(text: &str) -> Args {
        Args::new(text.split(' ').map(str::to_owned).collect())
    }

    #[test]
    fn options_stand_anywhere() {
        let mut a = args("x --prog p --bytes --jit=riscv64 y");
        assert!(a.flag("--bytes") && !a.flag("--bytes"));
        assert_eq!(a.value("--prog").ok().flatten().as_deref(), Some("p"));
        assert_eq!(a.value("--jit").ok().flatten().as_deref(), Some("riscv64"));
        assert_eq!(a.value("--jit").ok().flatten(), None);
        assert_eq!(a.operands(2).ok(), Some(vec!["x".to_string(), "y".to_string()]));
    }

    #[test]
    fn what_nobody_takes_is_refused() {
        assert!(args("x --wrong").operands(1).is_err());
        assert!(args("x y").operands(1).is_err());
        assert!(args("--prog a --prog b").value("--prog").is_err());
        assert!(args("--prog").value("--prog").is_err());
        assert_eq!(args("-").operand("OBJ").ok().as_deref(), Some("-"));
        assert!(Args::new(vec![]).operand("OBJ").is_err());
    }

    #[test]
    fn hex_takes_any_blanks() {
        assert_eq!(hex("00 fF\t10\n ").ok(), Some(vec![0, 255, 16]));
        assert_eq!(hex("00ff10").ok(), Some(vec![0, 255, 16]));
        assert_eq!(hex("").ok(), Some(vec![]));
        assert!(hex("0").is_err() && hex("0g").is_err());
    }
}
