//! What a caller of an old contract would meet in a new one: every change named by operation and place, and whether it breaks. In
//! requests, narrowing breaks; in answers, widening does. Documentation and order of JSON members are no changes.

mod model;
mod openapi;
mod schema;
mod wsdl;

pub use lgsp_kernel::mediation::ContractChange as Change;
pub use model::{Message, element};
pub use openapi::openapi;
pub use wsdl::wsdl;

/// Which way a message goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Way {
    /// To the provider.
    Request,
    /// To the caller.
    Answer,
}

/// Collects changes.
#[derive(Debug, Default)]
struct Changes(Vec<Change>);

impl Changes {
    fn push(&mut self, breaking: bool, place: &str, what: impl Into<String>) {
        self.0.push(Change { breaking, place: place.into(), what: what.into() });
    }
    /// Fewer messages are allowed than before.
    fn narrowed(&mut self, way: Way, place: &str, what: impl Into<String>) {
        self.push(way == Way::Request, place, what);
    }
    /// More messages are allowed than before.
    fn widened(&mut self, way: Way, place: &str, what: impl Into<String>) {
        self.push(way == Way::Answer, place, what);
    }
    /// A limit that was moved, given or taken away. `tighter` tells whether a new value allows less than an old one.
    fn limit<T: std::fmt::Display>(
        &mut self,
        way: Way,
        place: &str,
        name: &str,
        values: (Option<T>, Option<T>),
        tighter: impl Fn(&T, &T) -> Option<bool>,
    ) {
        match values {
            (None, None) => {}
            (None, Some(new)) => self.narrowed(way, place, format!("{name} {new} is new")),
            (Some(old), None) => self.widened(way, place, format!("{name} {old} is gone")),
            (Some(old), Some(new)) => {
                let what = format!("{name} changed from {old} to {new}");
                match tighter(&old, &new) {
                    Some(true) => self.narrowed(way, place, what),
                    Some(false) => self.widened(way, place, what),
                    None => {}
                }
            }
        }
    }
}
