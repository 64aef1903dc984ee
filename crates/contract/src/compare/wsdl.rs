//! Two WSDLs compared by operation of the chosen port.

use super::{Change, Changes, Message, Way, element};
use crate::wsdl::{BodyShape, Wsdl, WsdlOperation};
use lgsp_schema::model::QName;

/// All changes from an old WSDL to a new one. Addresses are no changes: the platform's targets are declared apart.
pub fn wsdl(old: &Wsdl, new: &Wsdl) -> Vec<Change> {
    let mut changes = Changes::default();
    if old.target_namespace != new.target_namespace {
        let what = format!("the namespace is {} instead of {}", new.target_namespace, old.target_namespace);
        changes.push(false, "definitions", what);
    }
    if old.version != new.version {
        changes.push(true, "binding", format!("it speaks {:?} instead of {:?}", new.version, old.version));
    }
    for operation in &old.operations {
        match new.operation(&operation.name) {
            Some(now) => compare(&mut changes, (old, operation), (new, now)),
            None => changes.push(true, &operation.name, "this operation is gone"),
        }
    }
    for operation in new.operations.iter().filter(|o| old.operation(&o.name).is_none()) {
        changes.push(false, &operation.name, "this operation is new");
    }
    changes.0
}

fn compare(
    changes: &mut Changes,
    (old_wsdl, old): (&Wsdl, &WsdlOperation),
    (new_wsdl, new): (&Wsdl, &WsdlOperation),
) {
    let place = &*old.name;
    if old.soap_action != new.soap_action {
        let say = |a: &WsdlOperation| a.soap_action.as_deref().unwrap_or("none").to_owned();
        changes.push(true, place, format!("SOAPAction is {:?} instead of {:?}", say(new), say(old)));
    }
    if old.style != new.style {
        changes.push(true, place, format!("its style is {:?} instead of {:?}", new.style, old.style));
    }
    if old.mtom && !new.mtom {
        changes.push(true, place, "attachments by MTOM are no longer described");
    }
    if old.unsupported.is_empty() && !new.unsupported.is_empty() {
        changes.push(true, place, "it uses what has no reading here and cannot be called any more");
    }
    let ways = [
        (Way::Request, "request", Some(&old.input), Some(&new.input)),
        (Way::Answer, "answer", old.output.as_ref(), new.output.as_ref()),
    ];
    for (way, name, o, n) in ways {
        let place = format!("{place}: {name}");
        match (o, n) {
            (Some(o), Some(n)) => bodies(changes, (old_wsdl, o), (new_wsdl, n), way, &place),
            (None, None) => {}
            (Some(_), None) => changes.push(true, &place, "there is none any more"),
            (None, Some(_)) => changes.push(true, &place, "there is one now"),
        }
    }
    for fault in &new.faults {
        if !old.faults.iter().any(|o| o.name == fault.name) {
            changes.push(false, &format!("{place}: fault {}", fault.name), "this fault is new");
        }
    }
    for fault in &old.faults {
        let at = format!("{place}: fault {}", fault.name);
        match new.faults.iter().find(|n| n.name == fault.name) {
            Some(now) => {
                let (o, n) = (message(old_wsdl, &fault.element), message(new_wsdl, &now.element));
                changes.0.extend(element(o, n, Way::Answer, &at));
            }
            None => changes.push(false, &at, "this fault is gone"),
        }
    }
}

fn message<'a>(wsdl: &'a Wsdl, element: &'a lgsp_schema::model::Element) -> Message<'a> {
    Message { model: &wsdl.model, element }
}

fn bodies(
    changes: &mut Changes,
    (old_wsdl, old): (&Wsdl, &BodyShape),
    (new_wsdl, new): (&Wsdl, &BodyShape),
    way: Way,
    place: &str,
) {
    match (&old.element, &new.element) {
        (Some(o), Some(n)) => {
            changes.0.extend(element(message(old_wsdl, o), message(new_wsdl, n), way, place))
        }
        (None, None) => {}
        _ => changes.push(true, place, "the body became empty, or is no longer"),
    }
    let known = |all: &BodyShape, name: &QName| all.headers.iter().any(|h| h.element.name == *name);
    for header in new.headers.iter().filter(|h| !known(old, &h.element.name)) {
        let at = format!("{place}: header {}", header.element.name.local);
        changes.push(header.required && way == Way::Request, &at, "this header is new");
    }
    for header in old.headers.iter().filter(|h| !known(new, &h.element.name)) {
        let at = format!("{place}: header {}", header.element.name.local);
        changes.push(way == Way::Answer, &at, "this header is gone");
    }
    if old.attachments != new.attachments {
        changes.push(true, place, "its attachments changed");
    }
}
