//! What an agency and a system show by themselves.

use super::{Scope, text};
use lgsp_kernel::model::{AgencySpec, SystemSpec};

/// Codes that one agency may have besides today's.
const ALIASES_MAX: usize = 32;

pub(crate) fn agency(spec: &AgencySpec, scope: &mut Scope<'_>) {
    text::line(scope, "name", &spec.name);
    if spec.parent.as_ref() == Some(&spec.code) {
        scope.bad("parent", format!("agency {} cannot be above itself", spec.code));
    }
    if spec.aliases.len() > ALIASES_MAX {
        scope.bad("aliases", format!("more than {ALIASES_MAX} aliases"));
    }
    for (i, alias) in spec.aliases.iter().enumerate() {
        if *alias == spec.code {
            scope.bad(format!("aliases[{i}]"), format!("{alias} is the agency's own code already"));
        } else if spec.aliases[..i].contains(alias) {
            scope.bad(format!("aliases[{i}]"), format!("{alias} is listed twice"));
        }
    }
}

pub(crate) fn system(spec: &SystemSpec, scope: &mut Scope<'_>) {
    text::line(scope, "name", &spec.name);
    if let Some(contact) = &spec.contact {
        text::line(scope, "contact", contact);
    }
}
