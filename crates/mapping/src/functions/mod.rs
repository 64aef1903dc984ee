//! What a mapping may call: jq's own functions but those that reach out of the message, and the platform's.

pub mod date;
mod decimal;
mod text;

use crate::engine::Data;
use crate::tables::Tables;
use jaq_core::load::parse::Def;
use jaq_core::native::{Filter, Fun, bome, run, unary, v};
use jaq_core::{RunPtr, ValR};
use jaq_json::{Error, Map, Rc, Val};

/// jq's functions that there are none of here; `check` says why to whoever uses one.
const WITHHELD: &[&str] = &[
    "env",
    "now",
    "halt",
    "halt_error",
    "debug",
    "debug_empty",
    "stderr",
    "stderr_empty",
    "input",
    "inputs",
    "localtime",
    "strflocaltime",
];

/// jq's definitions, without those that are withheld.
pub fn standard_definitions() -> impl Iterator<Item = Def<&'static str>> {
    let all = jaq_core::defs().chain(jaq_std::defs()).chain(jaq_json::defs());
    all.filter(|def| !WITHHELD.contains(&def.name))
}

/// The platform's definitions, to stand where `$lgsp_tables` is known.
pub fn definitions() -> Vec<Def<&'static str>> {
    jaq_core::load::parse(include_str!("definitions.jq"), |p| p.defs()).unwrap_or_default()
}

/// Native functions, jq's and the platform's.
pub fn natives() -> impl Iterator<Item = Fun<Data>> {
    let all = jaq_core::funs().chain(jaq_std::funs()).chain(jaq_json::funs());
    all.filter(|fun| !WITHHELD.contains(&fun.0)).chain(own().into_iter().map(run::<Data>))
}

fn own() -> Vec<Filter<RunPtr<Data>>> {
    vec![
        ("lgsp_at", v(1), |cv| unary(cv, tag)),
        ("lgsp_plain", v(0), |cv| bome(Ok(untag(cv.1).1))),
        ("lgsp_date_from", v(1), |cv| unary(cv, date::from_pattern)),
        ("lgsp_date_to", v(1), |cv| unary(cv, date::to_pattern)),
        ("lgsp_decimal", v(1), |cv| unary(cv, decimal::calculate)),
        ("lgsp_split_name", v(0), |cv| bome(text::split_name(&cv.1))),
        ("lgsp_mask", v(1), |cv| unary(cv, text::mask)),
        ("lgsp_nfc", v(0), |cv| bome(text::nfc(&cv.1))),
        ("lgsp_upper", v(0), |cv| bome(text::upper(&cv.1))),
        ("lgsp_lower", v(0), |cv| bome(text::lower(&cv.1))),
    ]
}

/// The member of an error that has come through a place: its numbers, innermost first. No message has a name that begins so.
const TAG: &str = "\0lgsp at";
/// The member with the error itself.
const TAGGED: &str = "\0lgsp error";

/// Adds a place to an error and lets it go on.
fn tag(error: Val, id: Val) -> ValR<Val> {
    let (mut places, error) = untag(error);
    if let Val::Num(id) = &id {
        places.extend(id.as_isize().and_then(|id| usize::try_from(id).ok()));
    }
    let mut members = Map::default();
    members.insert(Val::utf8_str(TAG), Val::Arr(Rc::new(places.into_iter().map(Val::from).collect())));
    members.insert(Val::utf8_str(TAGGED), error);
    Err(Error::new(Val::obj(members)))
}

/// An error's places, innermost first, and the error as it was raised.
pub fn untag(error: Val) -> (Vec<usize>, Val) {
    let Val::Obj(members) = &error else { return (Vec::new(), error) };
    let (Some(Val::Arr(places)), Some(inner)) =
        (members.get(&Val::utf8_str(TAG)), members.get(&Val::utf8_str(TAGGED)))
    else {
        return (Vec::new(), error);
    };
    let number = |place: &Val| match place {
        Val::Num(n) => n.as_isize().and_then(|n| usize::try_from(n).ok()),
        _ => None,
    };
    (places.iter().filter_map(number).collect(), inner.clone())
}

/// Code tables as a value: `{name: {to: {code: counterpart}, back: {counterpart: code}}}`. Backwards the first row wins.
pub fn tables(tables: &Tables) -> Val {
    let text = |s: &String| Val::utf8_str(s.clone());
    let one = |rows: &Vec<(String, String)>| {
        let to: Map = rows.iter().map(|(from, to)| (text(from), text(to))).collect();
        let back: Map = rows.iter().rev().map(|(from, to)| (text(to), text(from))).collect();
        Val::obj(
            [(Val::utf8_str("to"), Val::obj(to)), (Val::utf8_str("back"), Val::obj(back))]
                .into_iter()
                .collect(),
        )
    };
    Val::obj(tables.0.iter().map(|(name, rows)| (text(name), one(rows))).collect())
}

/// The text of a string value; anything else is an error that names what is done with it.
pub fn text_of<'v>(value: &'v Val, what: &str) -> Result<&'v str, Error> {
    match value {
        Val::TStr(bytes) => {
            std::str::from_utf8(bytes).map_err(|_| Error::str(format!("cannot {what}: not UTF-8")))
        }
        other => Err(Error::str(format!("cannot {what} {}: not a string", crate::json::excerpt(other, 40)))),
    }
}
