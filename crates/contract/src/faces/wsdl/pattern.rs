//! Regular expressions of JSON Schema (ECMA-262, found anywhere in the value) as XSD has them (of the whole value). One that cannot be
//! carried over faithfully is left out of the WSDL: the REST contract holds values to it.

/// The same in XSD, where that is certain.
pub fn xsd_pattern(pattern: &str) -> Option<String> {
    let (start, rest) = pattern.strip_prefix('^').map_or((false, pattern), |p| (true, p));
    let (end, rest) = match rest.strip_suffix('$') {
        Some(p) if !p.ends_with('\\') => (true, p),
        _ => (false, rest),
    };
    let mut out = String::new();
    let (mut depth, mut class) = (0usize, false);
    let mut chars = rest.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\\' => match chars.next()? {
                'd' if class => out.push_str("0-9"),
                'd' => out.push_str("[0-9]"),
                c @ ('n' | 'r' | 't' | '\\' | '|' | '.' | '-' | '^' | '?' | '*' | '+' | '{' | '}' | '('
                | ')' | '[' | ']') => {
                    out.extend(['\\', c]);
                }
                '/' => out.push('/'),
                _ => return None,
            },
            '[' if class => return None,
            '[' => {
                class = true;
                out.push('[');
                if chars.peek() == Some(&'^') {
                    chars.next();
                    out.push('^');
                }
            }
            ']' if class => {
                class = false;
                out.push(']');
            }
            '(' if !class => {
                depth += 1;
                out.push('(');
                if chars.peek() == Some(&'?') {
                    chars.next();
                    if chars.next() != Some(':') {
                        return None;
                    }
                }
            }
            ')' if !class => {
                depth = depth.checked_sub(1)?;
                out.push(')');
            }
            // Anchors then belong to one side only.
            '|' if !class && depth == 0 => return None,
            '^' | '$' if !class => return None,
            '?' | '*' | '+' | '}' if !class => {
                out.push(c);
                // Lazy or possessive: the same set of values, but XSD has no such mark.
                if chars.peek() == Some(&'?') {
                    chars.next();
                }
            }
            c => out.push(c),
        }
    }
    let any = r"[\s\S]*";
    Some(format!("{}{out}{}", if start { "" } else { any }, if end { "" } else { any }))
}

#[cfg(test)]
mod tests {
    use super::xsd_pattern;

    #[test]
    fn patterns_are_carried_over_only_where_they_mean_the_same() {
        assert_eq!(xsd_pattern(r"^\d{12}$").as_deref(), Some("[0-9]{12}"));
        assert_eq!(xsd_pattern(r"^(?:a|b)+?$").as_deref(), Some("(a|b)+"));
        assert_eq!(xsd_pattern("x").as_deref(), Some(r"[\s\S]*x[\s\S]*"));
        for other in ["^a|b$", r"\bx", r"^\w+$", "(?i)a", "a^b"] {
            assert_eq!(xsd_pattern(other), None, "{other}");
        }
    }
}
