//! Regular expressions of XSD (part 2, appendix F) as ECMA-262's, where they mean the same; and a text that one matches, for examples.

/// The same expression for ECMA-262, without anchors; none where it has no exact equal there or in what clients are generated with:
/// categories and blocks, subtraction, and the classes `\i`, `\c`, `\w`.
pub(super) fn ecma(pattern: &str) -> Option<String> {
    let mut out = String::with_capacity(pattern.len() + 8);
    let mut chars = pattern.chars().peekable();
    let mut in_class = false;
    while let Some(c) = chars.next() {
        match (c, in_class) {
            ('\\', _) => match chars.next()? {
                // Decimal digits of all scripts in XSD; the ASCII ones are what any data here has.
                'd' => out.push_str(if in_class { "0-9" } else { "[0-9]" }),
                's' => out.push_str(if in_class { " \\t\\n\\r" } else { "[ \\t\\n\\r]" }),
                'S' if !in_class => out.push_str("[^ \\t\\n\\r]"),
                '-' if !in_class => out.push('-'),
                e @ ('n' | 'r' | 't' | '\\' | '|' | '.' | '?' | '*' | '+' | '(' | ')' | '{' | '}' | '-'
                | '[' | ']' | '^') => {
                    out.extend(['\\', e]);
                }
                _ => return None,
            },
            ('[', false) => {
                in_class = true;
                out.push('[');
                if chars.peek() == Some(&'^') {
                    chars.next();
                    out.push('^');
                }
            }
            // A subtraction.
            ('[', true) => return None,
            (']', true) => {
                in_class = false;
                out.push(']');
            }
            ('.', false) => out.push_str("[^\\n\\r]"),
            ('^' | '$' | '/', false) => out.extend(['\\', c]),
            (']', false) | ('}', false) if !out.contains('{') => return None,
            (c, _) => out.push(c),
        }
    }
    (!in_class).then_some(out)
}

/// Characters of an example made from a pattern.
const SAMPLE_MAX: usize = 200;

/// A short text that the (translated) expression matches; none where it is beyond this simple reader. To be checked by whoever uses it.
pub(super) fn sample(ecma: &str) -> Option<String> {
    let chars: Vec<char> = ecma.chars().collect();
    let mut at = 0;
    let text = alternatives(&chars, &mut at, 0)?;
    (at == chars.len() && text.len() <= SAMPLE_MAX).then_some(text)
}

/// The first alternative, the others passed over.
fn alternatives(chars: &[char], at: &mut usize, depth: usize) -> Option<String> {
    if depth > 20 {
        return None;
    }
    let mut first = None;
    let mut current = String::new();
    while let Some(c) = chars.get(*at) {
        match c {
            ')' => break,
            '|' => {
                *at += 1;
                first.get_or_insert_with(|| std::mem::take(&mut current));
                current.clear();
            }
            _ => {
                let piece = atom(chars, at, depth)?;
                let times = quantity(chars, at)?;
                if piece.len().saturating_mul(times) + current.len() > SAMPLE_MAX {
                    return None;
                }
                current.push_str(&piece.repeat(times));
            }
        }
    }
    Some(first.unwrap_or(current))
}

fn atom(chars: &[char], at: &mut usize, depth: usize) -> Option<String> {
    let c = *chars.get(*at)?;
    *at += 1;
    match c {
        '(' => {
            if chars.get(*at) == Some(&'?') {
                *at += 2;
            }
            let inner = alternatives(chars, at, depth + 1)?;
            (chars.get(*at) == Some(&')')).then_some(())?;
            *at += 1;
            Some(inner)
        }
        '[' => class(chars, at),
        '\\' => {
            let e = *chars.get(*at)?;
            *at += 1;
            Some(escaped(e).to_string())
        }
        c => Some(c.to_string()),
    }
}

fn escaped(c: char) -> char {
    match c {
        'n' => '\n',
        'r' => '\r',
        't' => '\t',
        c => c,
    }
}

/// A member of a class: the first one, or of a negated class a letter or digit that is not in it.
fn class(chars: &[char], at: &mut usize) -> Option<String> {
    let negated = chars.get(*at) == Some(&'^');
    *at += usize::from(negated);
    let mut ranges: Vec<(char, char)> = Vec::new();
    loop {
        let mut c = *chars.get(*at)?;
        *at += 1;
        match c {
            ']' => break,
            '\\' => {
                c = escaped(*chars.get(*at)?);
                *at += 1;
            }
            _ => {}
        }
        let mut end = c;
        if chars.get(*at) == Some(&'-') && chars.get(*at + 1).is_some_and(|n| *n != ']') {
            end = chars[*at + 1];
            *at += 2;
            if end == '\\' {
                end = escaped(*chars.get(*at)?);
                *at += 1;
            }
        }
        ranges.push((c, end));
    }
    let inside = |c: char| ranges.iter().any(|(a, b)| (*a..=*b).contains(&c));
    if negated {
        return ['a', 'A', '0', '-'].into_iter().find(|c| !inside(*c)).map(String::from);
    }
    // A digit but zero reads best where it is allowed, such as in numbers.
    ['1', 'A', 'a'].into_iter().find(|c| inside(*c)).or(ranges.first().map(|r| r.0)).map(String::from)
}

/// How often the atom before stands, at least; once where that may be none, so that examples show something.
fn quantity(chars: &[char], at: &mut usize) -> Option<usize> {
    match chars.get(*at) {
        Some('?') => {
            *at += 1;
            Some(0)
        }
        Some('*' | '+') => {
            *at += 1;
            Some(1)
        }
        Some('{') => {
            let close = chars[*at..].iter().position(|c| *c == '}')? + *at;
            let inner: String = chars[*at + 1..close].iter().collect();
            *at = close + 1;
            inner.split(',').next()?.parse().ok()
        }
        _ => Some(1),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{ecma, sample};

    #[test]
    fn patterns_that_mean_the_same_are_translated_and_others_left_out() {
        for (xsd, expected) in [
            (r"\d{12}", Some("[0-9]{12}")),
            (r"[0-9\-]+", Some(r"[0-9\-]+")),
            (r"a$b^c", Some(r"a\$b\^c")),
            (r".+\-x", Some(r"[^\n\r]+-x")),
            (r"[\d\s]", Some(r"[0-9 \t\n\r]")),
            (r"\p{L}+", None),
            (r"\i\c*", None),
            (r"[a-z-[aeiou]]", None),
        ] {
            assert_eq!(ecma(xsd).as_deref(), expected, "{xsd}");
        }
    }

    #[test]
    fn samples_match() {
        for (pattern, expected) in [
            ("[0-9]{9}|[0-9]{12}", "111111111"),
            ("(ab|c)+-[^a]", "ab-A"),
            ("[A-Z]{2}[0-9]?", "AA"),
            (r"\(\+84\)", "(+84)"),
        ] {
            assert_eq!(sample(pattern).as_deref(), Some(expected), "{pattern}");
        }
    }
}
