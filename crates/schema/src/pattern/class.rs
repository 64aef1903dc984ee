//! Character classes of XML Schema's patterns, translated: escapes, groups, subtraction.

use super::blocks;
use std::fmt::Write;
use std::iter::Peekable;
use std::str::Chars;

/// Classes in classes, by subtraction.
const SUBTRACTIONS_MAX: usize = 10;
/// The general categories that the standard names (part 2, table in F.1.1).
const CATEGORIES: &[&str] = &[
    "L", "Lu", "Ll", "Lt", "Lm", "Lo", "M", "Mn", "Mc", "Me", "N", "Nd", "Nl", "No", "P", "Pc", "Pd", "Ps",
    "Pe", "Pi", "Pf", "Po", "Z", "Zs", "Zl", "Zp", "S", "Sm", "Sc", "Sk", "So", "C", "Cc", "Cf", "Co", "Cn",
];
/// Characters that begin a name (XML 1.0, production 4), between brackets.
const INITIAL: &str = r":A-Z_a-z\u{C0}-\u{D6}\u{D8}-\u{F6}\u{F8}-\u{2FF}\u{370}-\u{37D}\u{37F}-\u{1FFF}\u{200C}-\u{200D}\u{2070}-\u{218F}\u{2C00}-\u{2FEF}\u{3001}-\u{D7FF}\u{F900}-\u{FDCF}\u{FDF0}-\u{FFFD}\u{10000}-\u{EFFFF}";
/// What else a name is made of (production 4a).
const FURTHER: &str = r"\-.0-9\u{B7}\u{300}-\u{36F}\u{203F}-\u{2040}";

/// What an escape stands for.
pub(super) enum Escaped {
    /// One character, which may begin or end a range.
    One(char),
    /// Many.
    Many,
}

/// A character as itself.
pub(super) fn literal(c: char, out: &mut String) {
    if c.is_alphanumeric() {
        out.push(c);
    } else {
        let _ = write!(out, r"\x{{{:X}}}", u32::from(c));
    }
}

/// What follows a backslash, written as an atom or inside brackets alike.
pub(super) fn escape(rest: &mut Peekable<Chars<'_>>, out: &mut String) -> Result<Escaped, String> {
    let Some(c) = rest.next() else { return Err("the pattern ends in a backslash".into()) };
    let one = match c {
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        '\\' | '|' | '.' | '-' | '^' | '?' | '*' | '+' | '{' | '}' | '(' | ')' | '[' | ']' => c,
        // No escapes of the standard, and read as the character by all processors that people write for.
        '$' | '/' | '\'' | '"' | '@' | '#' | '%' | '&' | ',' | ':' | ';' | '<' | '=' | '>' | '!' | '_'
        | '~' | '`' | ' ' => c,
        's' => return many(out, r"[ \t\n\r]"),
        'S' => return many(out, r"[^ \t\n\r]"),
        'd' => return many(out, r"\p{Nd}"),
        'D' => return many(out, r"\P{Nd}"),
        'w' => return many(out, r"[^\p{P}\p{Z}\p{C}]"),
        'W' => return many(out, r"[\p{P}\p{Z}\p{C}]"),
        'i' => return many(out, &format!("[{INITIAL}]")),
        'I' => return many(out, &format!("[^{INITIAL}]")),
        'c' => return many(out, &format!("[{INITIAL}{FURTHER}]")),
        'C' => return many(out, &format!("[^{INITIAL}{FURTHER}]")),
        'p' | 'P' => return property(c == 'P', rest, out),
        '1'..='9' => {
            return Err("references back to a group are no construct of XML Schema's patterns".into());
        }
        other => return Err(format!("\\{other} is no escape of XML Schema's patterns")),
    };
    literal(one, out);
    Ok(Escaped::One(one))
}

fn many(out: &mut String, class: &str) -> Result<Escaped, String> {
    out.push_str(class);
    Ok(Escaped::Many)
}

/// `\p{L}`, `\P{IsBasicLatin}`.
fn property(negated: bool, rest: &mut Peekable<Chars<'_>>, out: &mut String) -> Result<Escaped, String> {
    if rest.next() != Some('{') {
        return Err("\\p is followed by a name in braces".into());
    }
    let name: String = rest.by_ref().take_while(|c| *c != '}').collect();
    if CATEGORIES.contains(&name.as_str()) {
        let _ = write!(out, r"\{}{{{name}}}", if negated { 'P' } else { 'p' });
        return Ok(Escaped::Many);
    }
    let block = name.strip_prefix("Is").and_then(blocks::find);
    let Some((first, last)) = block else {
        return Err(format!("\\p{{{name}}} is no category or block of characters known here"));
    };
    let _ = write!(out, r"[{}\u{{{first:X}}}-\u{{{last:X}}}]", if negated { "^" } else { "" });
    Ok(Escaped::Many)
}

/// The reader of an expression in brackets.
pub(super) struct Classes<'p, 'a> {
    pub rest: &'p mut Peekable<Chars<'a>>,
    pub out: &'p mut String,
}

impl Classes<'_, '_> {
    /// What follows `[`, to its closing bracket: `[[group]--[subtracted]]`.
    pub fn expression(&mut self, depth: usize) -> Result<(), String> {
        if depth > SUBTRACTIONS_MAX {
            return Err(format!("classes are subtracted from each other more than {SUBTRACTIONS_MAX} times"));
        }
        self.out.push_str("[[");
        if self.rest.next_if_eq(&'^').is_some() {
            self.out.push('^');
        }
        let mut empty = true;
        // The character before, if a range may begin with it.
        let mut before: Option<char> = None;
        loop {
            let Some(c) = self.rest.next() else { return Err("a bracket is not closed".into()) };
            match c {
                ']' if empty => return Err("[] holds no character".into()),
                ']' => {
                    self.out.push_str("]]");
                    return Ok(());
                }
                '-' if !empty && self.rest.peek() == Some(&'[') => {
                    self.rest.next();
                    self.out.push_str("]--");
                    self.expression(depth + 1)?;
                    self.out.push(']');
                    return match self.rest.next() {
                        Some(']') => Ok(()),
                        _ => Err("a subtracted class ends the one that it is subtracted from".into()),
                    };
                }
                // Between two characters it is a range; anywhere else the character itself.
                '-' if before.is_some() && self.rest.peek() != Some(&']') => {
                    let first = before.take().unwrap_or_default();
                    let last = self.last_of_range()?;
                    if last < first {
                        return Err(format!("{first:?}-{last:?} is a range that ends before it begins"));
                    }
                    self.out.push('-');
                    literal(last, self.out);
                }
                '[' => return Err("[ inside brackets; write \\[ for the character itself".into()),
                '\\' => {
                    before = match escape(self.rest, self.out)? {
                        Escaped::One(c) => Some(c),
                        Escaped::Many => None,
                    };
                }
                c => {
                    literal(c, self.out);
                    before = Some(c);
                }
            }
            empty = false;
        }
    }

    fn last_of_range(&mut self) -> Result<char, String> {
        match self.rest.next() {
            Some('\\') => match escape(self.rest, &mut String::new())? {
                Escaped::One(c) => Ok(c),
                Escaped::Many => Err("a range ends in one character".into()),
            },
            Some('[') | None => Err("a range without an end".into()),
            Some(c) => Ok(c),
        }
    }
}
