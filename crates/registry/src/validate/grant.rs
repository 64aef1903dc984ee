//! What a grant shows by itself.

use super::{Scope, rules, text};
use lgsp_kernel::model::GrantSpec;
use lgsp_wire::mask::{MaskError, MaskSet};

/// Rules, versions or networks of one grant: each is looked through on a call.
const LIST_MAX: usize = 256;
/// The highest rate, calls a second.
const RATE_MAX: u32 = 1_000_000;

pub(crate) fn grant(spec: &GrantSpec, scope: &mut Scope<'_>) {
    if spec.operations.is_empty() {
        scope.bad("operations", "name at least one operation, or `*` for all");
    }
    for (i, operation) in spec.operations.iter().enumerate().take(LIST_MAX) {
        if let Err(why) = rules::parse(operation) {
            scope.bad(format!("operations[{i}]"), why);
        } else if spec.operations[..i].contains(operation) {
            scope.bad(format!("operations[{i}]"), format!("{operation:?} is listed twice"));
        }
    }
    for (field, len) in [
        ("operations", spec.operations.len()),
        ("versions", spec.versions.len()),
        ("sources", spec.sources.len()),
        ("hide", spec.hide.len()),
    ] {
        if len > LIST_MAX {
            scope.bad(field, format!("more than {LIST_MAX} entries"));
        }
    }
    text::prose(scope, "purpose", &spec.purpose);
    text::prose(scope, "legal_basis", &spec.legal_basis);
    text::validity(scope, spec.valid_from, spec.valid_until);
    if let Some(rate) = spec.rate {
        text::within(scope, "rate.per_second", Some(rate.per_second), 1, RATE_MAX);
        text::within(scope, "rate.burst", rate.burst, 1, RATE_MAX);
    }
    if spec.daily_quota == Some(0) {
        scope.bad("daily_quota", "0 would allow no call at all: use `suspended: true` for that");
    }
    for (i, what) in spec.require.iter().enumerate() {
        if spec.require[..i].contains(what) {
            scope.bad(format!("require[{i}]"), "is listed twice");
        }
    }
    for (i, rule) in spec.hide.iter().enumerate().take(LIST_MAX) {
        if let Err(why) = MaskSet::compile(&[rule]) {
            let why = match why {
                MaskError::Rule { rule, why } => format!("{rule:?}: {why}"),
                other => other.to_string(),
            };
            scope.bad(format!("hide[{i}]"), why);
        } else if spec.hide[..i].contains(rule) {
            scope.bad(format!("hide[{i}]"), "is listed twice");
        }
    }
}
