//! A mapping's text before it is parsed: its bounds, and where a place in it is. No knowledge of what the words mean.

use crate::limits::{MAX_NESTING, MAX_TEXT, MAX_TOKEN_DEPTH};
use crate::mapping::MappingProblem;
use jaq_core::load::lex::{StrPart, Tok, Token};

/// A problem at a byte offset of the text.
pub fn problem_at(text: &str, offset: usize, message: impl Into<String>) -> MappingProblem {
    let (line, column) = place(text, offset);
    MappingProblem { line, column, message: message.into() }
}

/// Line and column (characters), from 1, of a byte offset.
pub fn place(text: &str, offset: usize) -> (u32, u32) {
    let before = text.get(..offset.min(text.len())).unwrap_or(text);
    let line = before.bytes().filter(|b| *b == b'\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |l| l.chars().count()) + 1;
    (line as u32, column as u32)
}

/// The offset of a part of the text; none where it is not part of it.
pub fn offset_of(text: &str, part: &str) -> Option<usize> {
    let start = (part.as_ptr() as usize).checked_sub(text.as_ptr() as usize)?;
    (start <= text.len()).then_some(start)
}

/// Whether the text is small and flat enough that reading it, which recurses, stays within its stack.
pub fn check_bounds(text: &str) -> Result<(), MappingProblem> {
    if text.len() > MAX_TEXT {
        return Err(problem_at(text, 0, format!("the mapping is larger than {MAX_TEXT} bytes")));
    }
    let mut open: Vec<u8> = Vec::new();
    let mut bytes = text.bytes().enumerate().peekable();
    while let Some((at, byte)) = bytes.next() {
        let in_string = open.last() == Some(&b'"');
        match byte {
            b'\\' if in_string => match bytes.next() {
                Some((_, b'(')) => open.push(b'('),
                _ => continue,
            },
            b'"' if in_string => drop(open.pop()),
            _ if in_string => {}
            b'#' => while bytes.next_if(|(_, b)| *b != b'\n').is_some() {},
            b'"' | b'(' | b'[' | b'{' => open.push(byte),
            b')' | b']' | b'}' => drop(open.pop()),
            _ => {}
        }
        if open.len() > MAX_NESTING {
            return Err(problem_at(text, at, format!("brackets nest deeper than {MAX_NESTING}")));
        }
    }
    Ok(())
}

/// Whether the tokens nest flatly enough; operators nest as brackets do.
pub fn check_depth(text: &str, tokens: &[Token<&str>]) -> Result<(), MappingProblem> {
    let first = tokens.first().and_then(|t| offset_of(text, t.0)).unwrap_or(0);
    if depth(tokens, b'(') > MAX_TOKEN_DEPTH {
        let message = format!("more than {MAX_TOKEN_DEPTH} terms nest: split the mapping into definitions");
        return Err(problem_at(text, first, message));
    }
    Ok(())
}

/// The most terms that can nest in these tokens. Members of an object and definitions stand beside each other.
fn depth(tokens: &[Token<&str>], bracket: u8) -> usize {
    let separator = if bracket == b'{' { "," } else { ";" };
    let (mut most, mut run, mut inner) = (0, 0, 0);
    for Token(text, token) in tokens {
        if *text == separator {
            most = most.max(run + inner);
            (run, inner) = (0, 0);
            continue;
        }
        run += 1;
        inner = inner.max(match token {
            Tok::Block(tokens) => depth(tokens, text.as_bytes().first().copied().unwrap_or(b'(')),
            Tok::Str(parts) => parts
                .iter()
                .map(|part| match part {
                    StrPart::Term(token) => depth(std::slice::from_ref(token), b'('),
                    _ => 0,
                })
                .max()
                .unwrap_or(0),
            _ => 0,
        });
    }
    most.max(run + inner)
}

#[cfg(test)]
mod tests {
    use super::{MAX_NESTING, check_bounds, place};

    #[test]
    fn nesting_is_counted_outside_strings_and_comments() {
        let strings = format!("\"{}\" # {}", "(".repeat(500), "[".repeat(500));
        assert_eq!(check_bounds(&strings), Ok(()));
        let hidden = "(\")\" | ".repeat(MAX_NESTING + 1);
        assert!(check_bounds(&hidden).is_err());
        assert!(check_bounds(&"\"\\(".repeat(MAX_NESTING)).is_err());
    }

    #[test]
    fn places_are_lines_and_columns_in_characters() {
        assert_eq!(place("a\n\"đ\" x", 6), (2, 4));
    }
}
