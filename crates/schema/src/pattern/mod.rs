//! Patterns of XML Schema (part 2, appendix F) as regular expressions of the `regex` crate: anchored, linear in the length of the
//! value, bounded in size. The names of blocks are in `blocks`.

mod blocks;
mod class;

use class::Classes;
use regex::Regex;
use std::iter::Peekable;
use std::str::Chars;

/// Characters of a pattern: the longest ones published list some hundred codes.
pub const PATTERN_MAX: usize = 16 << 10;
/// Groups in groups.
pub const NESTING_MAX: usize = 50;
/// Bytes that a compiled pattern may take: what 500 repetitions of all letters take, and little beside a message.
pub const COMPILED_MAX: usize = 8 << 20;

/// A compiled pattern.
#[derive(Debug, Clone)]
pub struct Pattern(Regex);

impl Pattern {
    /// Compiles a pattern; the error says what in it is wrong or not supported.
    pub fn compile(pattern: &str) -> Result<Self, String> {
        let inner = translate(pattern)?;
        regex::RegexBuilder::new(&format!(r"\A(?:{inner})\z"))
            .size_limit(COMPILED_MAX)
            .build()
            .map(Self)
            .map_err(|e| match e {
                regex::Error::CompiledTooBig(_) => {
                    "the pattern is too large when its repetitions are written out".to_owned()
                }
                other => format!("the pattern is malformed: {other}"),
            })
    }

    /// Whether the whole value matches.
    pub fn is_match(&self, value: &str) -> bool {
        self.0.is_match(value)
    }
}

/// The pattern in the syntax of the `regex` crate, not anchored.
fn translate(pattern: &str) -> Result<String, String> {
    if pattern.len() > PATTERN_MAX {
        return Err(format!("the pattern is longer than {PATTERN_MAX} bytes"));
    }
    let mut parser = Parser { rest: pattern.chars().peekable(), out: String::new() };
    parser.alternatives(0)?;
    match parser.rest.next() {
        None => Ok(parser.out),
        Some(_) => Err("a closing parenthesis without an opening one".into()),
    }
}

struct Parser<'a> {
    rest: Peekable<Chars<'a>>,
    out: String,
}

impl Parser<'_> {
    /// Branches, up to the end or a closing parenthesis.
    fn alternatives(&mut self, depth: usize) -> Result<(), String> {
        if depth > NESTING_MAX {
            return Err(format!("groups are nested deeper than {NESTING_MAX}"));
        }
        while let Some(next) = self.rest.peek().copied() {
            match next {
                ')' => return Ok(()),
                '|' => {
                    self.rest.next();
                    self.out.push('|');
                }
                _ => {
                    self.atom(depth)?;
                    self.quantifier()?;
                }
            }
        }
        Ok(())
    }

    fn atom(&mut self, depth: usize) -> Result<(), String> {
        match self.rest.next() {
            Some('(') => {
                if self.rest.peek() == Some(&'?') {
                    return Err("(?...) is no construct of XML Schema's patterns".into());
                }
                self.out.push_str("(?:");
                self.alternatives(depth + 1)?;
                if self.rest.next() != Some(')') {
                    return Err("a parenthesis is not closed".into());
                }
                self.out.push(')');
            }
            Some('[') => Classes { rest: &mut self.rest, out: &mut self.out }.expression(0)?,
            Some('\\') => class::escape(&mut self.rest, &mut self.out).map(|_| ())?,
            Some('.') => self.out.push_str(r"[^\n\r]"),
            Some(c @ ('?' | '*' | '+' | '{')) => {
                return Err(format!("{c:?} repeats nothing; write \\{c} for the character itself"));
            }
            Some(']') => return Err("] without [; write \\] for the character itself".into()),
            Some(c) => class::literal(c, &mut self.out),
            None => {}
        }
        Ok(())
    }

    fn quantifier(&mut self) -> Result<(), String> {
        match self.rest.peek() {
            Some(c @ ('?' | '*' | '+')) => {
                self.out.push(*c);
                self.rest.next();
            }
            Some('{') => {
                self.rest.next();
                let inner: String = self.rest.by_ref().take_while(|c| *c != '}').collect();
                self.out.push_str(&quantity(&inner)?);
            }
            _ => {}
        }
        Ok(())
    }
}

/// `{n}`, `{n,}` or `{n,m}`.
fn quantity(inner: &str) -> Result<String, String> {
    let bad = || format!("{{{inner}}} is no number of times");
    let number = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
        digits.then(|| text.parse::<u32>().ok()).flatten().ok_or_else(bad)
    };
    Ok(match inner.split_once(',') {
        None => format!("{{{}}}", number(inner)?),
        Some((least, "")) => format!("{{{},}}", number(least)?),
        Some((least, most)) => {
            let (least, most) = (number(least)?, number(most)?);
            if least > most {
                return Err(bad());
            }
            format!("{{{least},{most}}}")
        }
    })
}

#[cfg(test)]
mod tests;
