//! Rules of texts, times and secrets that several kinds share.

use super::Scope;
use lgsp_kernel::model::{SecretInput, When};

/// The longest title or name, characters: it must fit a table and a log line.
pub(crate) const NAME_CHARS_MAX: usize = 300;
/// The longest description, purpose or legal basis, characters.
pub(crate) const PROSE_CHARS_MAX: usize = 4_000;
/// The shortest client secret or API key, characters: 16 random ones cannot be guessed over a network.
pub(crate) const SECRET_MIN: usize = 16;
/// The longest secret of a consumer, bytes: it travels in a header.
pub(crate) const SECRET_MAX: usize = 1_024;

/// One line of text that must say something.
pub(crate) fn line(scope: &mut Scope<'_>, field: &str, text: &str) {
    if text.trim().is_empty() {
        scope.bad(field, "must not be empty");
    } else if text.chars().count() > NAME_CHARS_MAX {
        scope.bad(field, format!("longer than {NAME_CHARS_MAX} characters"));
    } else if text.chars().any(char::is_control) {
        scope.bad(field, "has a control character or a line break");
    }
}

/// Text of several lines that must say something.
pub(crate) fn prose(scope: &mut Scope<'_>, field: &str, text: &str) {
    if text.trim().is_empty() {
        scope.bad(field, "must not be empty");
    } else if text.chars().count() > PROSE_CHARS_MAX {
        scope.bad(field, format!("longer than {PROSE_CHARS_MAX} characters"));
    } else if text.chars().any(|c| c.is_control() && !matches!(c, '\n' | '\r' | '\t')) {
        scope.bad(field, "has a control character");
    }
}

/// From before until.
pub(crate) fn validity(scope: &mut Scope<'_>, from: Option<When>, until: Option<When>) {
    if let (Some(from), Some(until)) = (from, until)
        && from >= until
    {
        scope.bad(
            "valid_until",
            "must be after `valid_from`: the first instant at which it is no longer valid",
        );
    }
}

/// A limit that must lie in a range.
pub(crate) fn within<T: PartialOrd + Copy + std::fmt::Display>(
    scope: &mut Scope<'_>,
    field: impl Into<String>,
    value: Option<T>,
    least: T,
    most: T,
) {
    if let Some(value) = value
        && !(least..=most).contains(&value)
    {
        scope.bad(field, format!("{value} is out of range: {least} to {most}"));
    }
}

/// Exactly one way of giving a secret; `sealed` only where the store's own form may come back.
pub(crate) fn secret(scope: &mut Scope<'_>, field: &str, secret: &SecretInput, sealed: bool) {
    let given = [&secret.value, &secret.env, &secret.file, &secret.sealed].into_iter().flatten().count();
    match given {
        0 => scope.bad(field, "a secret needs one of `env`, `file` or `value`"),
        1 if secret.sealed.is_some() && !sealed => {
            scope.bad(field, "this secret is kept as a digest, never sealed: give `env`, `file` or `value`");
        }
        1 if secret.value.as_deref() == Some("") => scope.bad(field, "the secret is empty"),
        1 => {}
        _ => scope.bad(field, "a secret has exactly one of `env`, `file` and `value`, not several"),
    }
}

/// Why a consumer's secret has a wrong length.
pub(crate) fn secret_length(secret: &str) -> Option<String> {
    let chars = secret.chars().count();
    if chars < SECRET_MIN {
        Some(format!("too short: {chars} characters, at least {SECRET_MIN} are needed"))
    } else if secret.len() > SECRET_MAX {
        Some(format!("too long: at most {SECRET_MAX} bytes"))
    } else {
        None
    }
}
