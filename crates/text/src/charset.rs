//! The charsets and the labels that name them. Not here: their tables.

use std::fmt;

/// A charset that Vietnamese text comes in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Charset {
    /// Not stated: to be found out. Only in a policy.
    Auto,
    /// UTF-8, and ASCII.
    Utf8,
    /// UTF-16, little-endian.
    Utf16Le,
    /// UTF-16, big-endian.
    Utf16Be,
    /// windows-1258: letters and combining tone marks.
    Windows1258,
    /// TCVN 5712:1993 VN3, as the fonts of the ABC series have it (`.VnTime`).
    Tcvn3,
    /// The same bytes as the capital fonts show them (`.VnTimeH`): every letter beyond ASCII is a capital. ASCII letters stay as they are.
    Tcvn3Upper,
    /// VNI Windows: a letter, then a byte for its marks.
    Vni,
    /// VISCII 1.1 (RFC 1456).
    Viscii,
    /// windows-1252, and ISO-8859-1, which is a part of it in practice.
    Windows1252,
}

impl Charset {
    /// All that detection chooses from besides UTF-8 and UTF-16, which the bytes themselves prove.
    pub(crate) const GUESSED: [Self; 6] =
        [Self::Tcvn3, Self::Tcvn3Upper, Self::Vni, Self::Windows1258, Self::Viscii, Self::Windows1252];

    /// What a label means; case, `-` and `_` do not matter. `utf-16` without a byte order is big-endian (RFC 2781, 4.3).
    pub fn of_label(label: &str) -> Option<Self> {
        let plain: String = label
            .trim()
            .chars()
            .filter(|c| !matches!(c, '-' | '_' | ' '))
            .map(|c| c.to_ascii_lowercase())
            .collect();
        Some(match plain.as_str() {
            "auto" => Self::Auto,
            "utf8" | "usascii" | "ascii" | "unicode11utf8" => Self::Utf8,
            "utf16" | "utf16be" | "unicodefffe" => Self::Utf16Be,
            "utf16le" | "unicode" | "unicodefeff" | "ucs2" => Self::Utf16Le,
            "windows1258" | "cp1258" | "xcp1258" => Self::Windows1258,
            "tcvn" | "tcvn3" | "xviettcvn" | "xviettcvn3" | "xviettcvn5712" | "tcvn5712"
            | "tcvn57123:1993" | "tcvn5712vn3" | "abc" => Self::Tcvn3,
            "tcvn3upper" | "tcvn3h" | "xviettcvn3h" => Self::Tcvn3Upper,
            "vni" | "vniwindows" | "xvietvni" | "vniwin" => Self::Vni,
            "viscii" | "csviscii" | "viscii1.1" => Self::Viscii,
            "windows1252" | "cp1252" | "xcp1252" | "iso88591" | "latin1" | "l1" => Self::Windows1252,
            _ => return None,
        })
    }

    /// The name in reports and policies.
    pub fn name(self) -> &'static str {
        match self {
            Self::Auto => "auto",
            Self::Utf8 => "UTF-8",
            Self::Utf16Le => "UTF-16LE",
            Self::Utf16Be => "UTF-16BE",
            Self::Windows1258 => "windows-1258",
            Self::Tcvn3 => "TCVN3",
            Self::Tcvn3Upper => "TCVN3-upper",
            Self::Vni => "VNI",
            Self::Viscii => "VISCII",
            Self::Windows1252 => "windows-1252",
        }
    }

    pub(crate) fn is_utf16(self) -> bool {
        matches!(self, Self::Utf16Le | Self::Utf16Be)
    }
}

impl fmt::Display for Charset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}
