//! The grammar of a grant's operations: `*`, a name, `METHOD /path/{pattern}`, or `action:<SOAPAction>`.

use lgsp_kernel::patterns::PathPattern;
use lgsp_kernel::snapshot::OperationRule;

/// Methods that an operation may have. CONNECT and TRACE are never carried.
pub(crate) const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/// Reads one rule.
pub(crate) fn parse(text: &str) -> Result<OperationRule, String> {
    let text = text.trim();
    if text == "*" {
        return Ok(OperationRule::Any);
    }
    if let Some(action) = text.strip_prefix("action:") {
        return if action.is_empty() {
            Err("`action:` needs a SOAPAction after it; where it is empty, name the operation instead".into())
        } else {
            Ok(OperationRule::Action(action.to_owned()))
        };
    }
    if let Some((method, path)) = text.split_once(char::is_whitespace) {
        let pattern: PathPattern = path.trim().parse().map_err(|e| format!("{e}"))?;
        if method == "*" {
            return Ok(OperationRule::MethodPath(None, pattern));
        }
        this_method(method)?;
        return Ok(OperationRule::MethodPath(Some(method.to_owned()), pattern));
    }
    if text.is_empty() {
        return Err(
            "an operation must not be empty: use `*`, a name, `METHOD /path` or `action:<SOAPAction>`".into(),
        );
    }
    if text.starts_with('/') {
        return Err(format!("{text:?} lacks its method: write `GET {text}`, or `* {text}` for any method"));
    }
    Ok(OperationRule::Name(text.to_owned()))
}

/// Whether a method may be declared.
pub(crate) fn this_method(method: &str) -> Result<(), String> {
    if METHODS.contains(&method) {
        return Ok(());
    }
    let upper = method.to_ascii_uppercase();
    let hint = if METHODS.contains(&upper.as_str()) {
        format!("; did you mean {upper:?}?")
    } else {
        crate::problem::did_you_mean(method, METHODS.into_iter())
    };
    Err(format!("{method:?} is none of the methods {}{hint}", METHODS.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::parse;
    use lgsp_kernel::snapshot::OperationRule;

    #[test]
    fn the_four_forms_are_read() {
        assert_eq!(parse("*"), Ok(OperationRule::Any));
        assert_eq!(parse("traCuu"), Ok(OperationRule::Name("traCuu".into())));
        assert_eq!(parse("action:urn:x"), Ok(OperationRule::Action("urn:x".into())));
        let path = "/a/{id}".parse().expect("pattern");
        assert_eq!(parse("GET /a/{id}"), Ok(OperationRule::MethodPath(Some("GET".into()), path)));
        let path = "/a".parse().expect("pattern");
        assert_eq!(parse("*  /a"), Ok(OperationRule::MethodPath(None, path)));
    }

    #[test]
    fn what_is_none_of_them_is_refused_with_a_hint() {
        for (bad, hint) in [
            ("", "must not be empty"),
            ("/a", "write `GET /a`"),
            ("get /a", "did you mean \"GET\"?"),
            ("GET a", "must start with '/'"),
            ("action:", "needs a SOAPAction"),
        ] {
            let error = parse(bad).expect_err(bad);
            assert!(error.contains(hint), "{bad}: {error}");
        }
    }
}
