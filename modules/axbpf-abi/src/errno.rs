use core::fmt;

/// An error number of Linux (`include/uapi/asm-generic/errno*.h`), positive.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Errno(pub u16);

macro_rules! errnos {
    ($($name:ident = $n:literal, $text:literal;)*) => {
        impl Errno {
            $(#[doc = $text] pub const $name: Errno = Errno($n);)*

            /// The number's name and meaning, for those that occur here.
            pub const fn text(self) -> (&'static str, &'static str) {
                match self.0 { $($n => (stringify!($name), $text),)* _ => ("E?", "unknown error") }
            }
        }
    };
}

errnos! {
    EPERM = 1, "operation not permitted";
    ENOENT = 2, "no such element, symbol or id";
    EINTR = 4, "interrupted";
    E2BIG = 7, "too big, or no room left";
    EBADF = 9, "no such descriptor, or one of another kind";
    EAGAIN = 11, "try again";
    ENOMEM = 12, "out of memory";
    EACCES = 13, "rejected by the verifier, or not allowed";
    EFAULT = 14, "bad address";
    EBUSY = 16, "in use";
    EEXIST = 17, "exists already";
    ENODEV = 19, "no such device";
    EINVAL = 22, "invalid argument";
    EMFILE = 24, "too many descriptors";
    ENOSPC = 28, "no space left";
    ERANGE = 34, "out of range";
    ENOSYS = 38, "not implemented";
    EILSEQ = 84, "illegal sequence";
    EOPNOTSUPP = 95, "not supported";
    ETIMEDOUT = 110, "timed out";
    ENOTSUPP = 524, "not supported here";
}

impl Errno {
    /// As a helper or a command answers it: negative.
    pub const fn neg(self) -> i64 {
        -(self.0 as i64)
    }
}

impl fmt::Display for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, text) = self.text();
        write!(f, "{name} ({text})")
    }
}

impl fmt::Debug for Errno {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text().0)
    }
}

impl core::error::Error for Errno {}
