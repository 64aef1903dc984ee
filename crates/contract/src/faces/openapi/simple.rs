//! Simple types as JSON Schema: neither more nor less than the codec takes where JSON Schema can say it; what it cannot is said in the
//! description. Patterns become ECMA-262's.

use lgsp_schema::model::{Builtin, Facets, JsonForm, Model, SimpleId, SimpleType, Variety, WhiteSpace};
use serde_json::{Map, Number, Value, json};

/// Nesting of lists and unions that is followed.
const DEPTH_MAX: usize = 8;

/// The schema of a simple type.
pub(super) fn schema(model: &Model, id: SimpleId) -> Value {
    at_depth(model, id, 0)
}

fn at_depth(model: &Model, id: SimpleId, depth: usize) -> Value {
    let ty = model.simple(id);
    let mut notes = Vec::new();
    let mut out = match &ty.variety {
        Variety::List(item) if depth < DEPTH_MAX => list(at_depth(model, *item, depth + 1), ty, &mut notes),
        Variety::Union(members) if depth < DEPTH_MAX => union(model, ty, members, &mut notes),
        _ => atomic(ty, &mut notes),
    };
    if let Some(doc) = &ty.doc {
        notes.insert(0, doc.to_string());
    }
    if !notes.is_empty() {
        out.insert("description".into(), json!(notes.join(" ")));
    }
    Value::Object(out)
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

fn list(item: Value, ty: &SimpleType, notes: &mut Vec<String>) -> Map<String, Value> {
    let mut out = object(json!({"type": "array", "items": item}));
    let facets = &ty.facets;
    if let Some(min) = facets.length.or(facets.min_length) {
        out.insert("minItems".into(), json!(min));
    }
    if let Some(max) = facets.length.or(facets.max_length) {
        out.insert("maxItems".into(), json!(max));
    }
    if !facets.patterns.is_empty() || !facets.enumeration.is_empty() {
        notes.push("The list as a whole is also limited by the provider's schema.".into());
    }
    out
}

/// A union is written as its `json` says: as text, whatever the member is.
fn union(
    model: &Model,
    ty: &SimpleType,
    members: &[SimpleId],
    notes: &mut Vec<String>,
) -> Map<String, Value> {
    if ty.facets.enumeration.is_empty() {
        let all: Vec<&SimpleType> = members.iter().map(|m| model.simple(*m)).collect();
        if all.iter().all(|m| !m.facets.enumeration.is_empty()) {
            let values: Vec<&str> =
                all.iter().flat_map(|m| m.facets.enumeration.iter().map(|v| &**v)).collect();
            return object(json!({"type": "string", "enum": values}));
        }
        notes.push("One of several forms, as the provider's schema has them.".into());
    }
    atomic(ty, notes)
}

fn atomic(ty: &SimpleType, notes: &mut Vec<String>) -> Map<String, Value> {
    let mut out = match ty.json {
        JsonForm::Boolean => object(json!({"type": "boolean"})),
        JsonForm::Number => number(ty),
        JsonForm::String => string(ty, notes),
    };
    if !ty.facets.enumeration.is_empty() {
        let values: Vec<Value> = ty.facets.enumeration.iter().filter_map(|v| value(ty, v)).collect();
        // What is enumerated needs no other limit, and readers show the values best alone.
        out.retain(|k, _| k == "type");
        out.insert("enum".into(), Value::Array(values));
    }
    out
}

/// A lexical value in its JSON form; none where it has none.
pub(super) fn value(ty: &SimpleType, lexical: &str) -> Option<Value> {
    let text = lexical.trim();
    match ty.json {
        JsonForm::String => Some(json!(lexical)),
        JsonForm::Boolean => Some(json!(matches!(text, "true" | "1"))),
        JsonForm::Number if matches!(text, "INF" | "-INF" | "NaN") => Some(json!(text)),
        JsonForm::Number => {
            let plain = text.trim_start_matches('+');
            if let Ok(whole) = plain.parse::<i64>() {
                return Some(json!(whole));
            }
            plain.parse::<f64>().ok().and_then(Number::from_f64).map(Value::Number)
        }
    }
}

/// What the base alone allows, for numbers.
fn range(base: Builtin) -> (Option<i64>, Option<i64>) {
    match base {
        Builtin::Int => (Some(i32::MIN.into()), Some(i32::MAX.into())),
        Builtin::Short => (Some(i16::MIN.into()), Some(i16::MAX.into())),
        Builtin::Byte => (Some(i8::MIN.into()), Some(i8::MAX.into())),
        Builtin::UnsignedInt => (Some(0), Some(u32::MAX.into())),
        Builtin::UnsignedShort => (Some(0), Some(u16::MAX.into())),
        Builtin::UnsignedByte => (Some(0), Some(u8::MAX.into())),
        Builtin::NonNegativeInteger | Builtin::UnsignedLong => (Some(0), None),
        Builtin::PositiveInteger => (Some(1), None),
        Builtin::NonPositiveInteger => (None, Some(0)),
        Builtin::NegativeInteger => (None, Some(-1)),
        _ => (None, None),
    }
}

fn number(ty: &SimpleType) -> Map<String, Value> {
    let floating = matches!(ty.base, Builtin::Float | Builtin::Double);
    let whole = !floating && ty.base != Builtin::Decimal;
    let mut out = Map::new();
    out.insert("type".into(), json!(if whole { "integer" } else { "number" }));
    let (low, high) = range(ty.base);
    let mut bound = |key: &str, lexical: &Option<std::sync::Arc<str>>, base: Option<i64>| {
        let stated = lexical.as_ref().and_then(|l| value(ty, l)).filter(Value::is_number);
        if let Some(v) = stated.or_else(|| base.map(|b| json!(b))) {
            out.insert(key.into(), v);
        }
    };
    let facets = &ty.facets;
    bound("minimum", &facets.min_inclusive, low.filter(|_| facets.min_exclusive.is_none()));
    bound("maximum", &facets.max_inclusive, high.filter(|_| facets.max_exclusive.is_none()));
    bound("exclusiveMinimum", &facets.min_exclusive, None);
    bound("exclusiveMaximum", &facets.max_exclusive, None);
    if floating && facets.min_inclusive.is_none() && facets.max_inclusive.is_none() {
        // The values that JSON has no number for (XSD part 2, 3.2.4).
        return object(
            json!({"anyOf": [Value::Object(out), {"type": "string", "enum": ["INF", "-INF", "NaN"]}]}),
        );
    }
    out
}

fn string(ty: &SimpleType, notes: &mut Vec<String>) -> Map<String, Value> {
    let mut out = object(json!({"type": "string"}));
    let facets = &ty.facets;
    match ty.base {
        Builtin::HexBinary => lengths(&mut out, facets, 2),
        Builtin::Base64Binary => {
            out.insert("contentEncoding".into(), json!("base64"));
            if let Some(max) = facets.length.or(facets.max_length) {
                notes.push(format!("At most {max} octets."));
            }
        }
        base if is_textual(base) => lengths(&mut out, facets, 1),
        _ => limits(facets, notes),
    }
    let mut patterns: Vec<String> = lexical(ty.base).map(str::to_owned).into_iter().collect();
    let collapsed = facets.white_space.map_or(ty.base == Builtin::Token, |w| w == WhiteSpace::Collapse);
    let some = facets.length.or(facets.min_length).is_some_and(|min| min > 0);
    if collapsed && some && is_textual(ty.base) {
        // White space at the ends does not count (XSD part 2, 4.3.6).
        patterns.push(r"[^ \t\n\r]".into());
    }
    for group in &facets.patterns {
        let alternatives: Option<Vec<String>> = group.iter().map(|p| super::pattern::ecma(p)).collect();
        match alternatives {
            Some(all) => patterns.push(format!("^(?:{})$", all.join("|"))),
            None => notes.push("Its form is limited further by the provider's schema.".into()),
        }
    }
    match patterns.len() {
        0 => {}
        1 => drop(out.insert("pattern".into(), json!(patterns[0]))),
        _ => {
            let all: Vec<Value> = patterns.iter().map(|p| json!({"pattern": p})).collect();
            out.insert("allOf".into(), Value::Array(all));
        }
    }
    out
}

fn is_textual(base: Builtin) -> bool {
    matches!(
        base,
        Builtin::AnySimpleType
            | Builtin::String
            | Builtin::NormalizedString
            | Builtin::Token
            | Builtin::Language
            | Builtin::NmToken
            | Builtin::NmTokens
            | Builtin::Name
            | Builtin::NcName
            | Builtin::Id
            | Builtin::IdRef
            | Builtin::IdRefs
            | Builtin::AnyUri
    )
}

fn lengths(out: &mut Map<String, Value>, facets: &Facets, factor: u64) {
    if let Some(min) = facets.length.or(facets.min_length) {
        out.insert("minLength".into(), json!(min.saturating_mul(factor)));
    }
    if let Some(max) = facets.length.or(facets.max_length) {
        out.insert("maxLength".into(), json!(max.saturating_mul(factor)));
    }
}

/// Limits on values that are strings in JSON, in words.
fn limits(facets: &Facets, notes: &mut Vec<String>) {
    let mut say = |what: &str, v: Option<String>| notes.extend(v.map(|v| format!("{what} {v}.")));
    say("At least", facets.min_inclusive.as_ref().map(ToString::to_string));
    say("At most", facets.max_inclusive.as_ref().map(ToString::to_string));
    say("More than", facets.min_exclusive.as_ref().map(ToString::to_string));
    say("Less than", facets.max_exclusive.as_ref().map(ToString::to_string));
    say("Total digits, at most:", facets.total_digits.map(|d| d.to_string()));
    say("Digits after the point, at most:", facets.fraction_digits.map(|d| d.to_string()));
}

/// Time zones of XSD part 2, 3.2.7.3.
macro_rules! zone {
    () => {
        "(Z|[+-]((0[0-9]|1[0-3]):[0-5][0-9]|14:00))?"
    };
}
/// A year: four digits or more, not 0000.
macro_rules! year {
    () => {
        "-?([1-9][0-9]{3,8}|0[1-9][0-9]{2}|00[1-9][0-9]|000[1-9])"
    };
}
/// Month and day; a day too many in February of a common year is left to the codec.
macro_rules! month_day {
    () => {
        "((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|[12][0-9]))"
    };
}
macro_rules! time {
    () => {
        "(([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]+)?|24:00:00(\\.0+)?)"
    };
}

/// The lexical form of a type whose values are strings in JSON; none where all strings are taken, or a regular expression would not say it.
fn lexical(base: Builtin) -> Option<&'static str> {
    Some(match base {
        Builtin::Decimal => r"^[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)$",
        Builtin::Integer | Builtin::Long => "^[+-]?[0-9]+$",
        Builtin::NonNegativeInteger | Builtin::UnsignedLong => r"^(\+?[0-9]+|-0+)$",
        Builtin::PositiveInteger => r"^\+?0*[1-9][0-9]*$",
        Builtin::NonPositiveInteger => r"^(-[0-9]+|\+?0+)$",
        Builtin::NegativeInteger => "^-0*[1-9][0-9]*$",
        Builtin::Date => concat!("^", year!(), "-", month_day!(), zone!(), "$"),
        Builtin::DateTime => concat!("^", year!(), "-", month_day!(), "T", time!(), zone!(), "$"),
        Builtin::Time => concat!("^", time!(), zone!(), "$"),
        Builtin::GYear => concat!("^", year!(), zone!(), "$"),
        Builtin::GYearMonth => concat!("^", year!(), "-(0[1-9]|1[0-2])", zone!(), "$"),
        Builtin::GMonth => concat!("^--(0[1-9]|1[0-2])", zone!(), "$"),
        Builtin::GDay => concat!("^---(0[1-9]|[12][0-9]|3[01])", zone!(), "$"),
        Builtin::GMonthDay => concat!("^--", month_day!(), zone!(), "$"),
        Builtin::Duration => {
            r"^-?P([0-9]+Y([0-9]+M)?([0-9]+D)?|[0-9]+M([0-9]+D)?|[0-9]+D)?(T([0-9]+H([0-9]+M)?([0-9]+(\.[0-9]+)?S)?|[0-9]+M([0-9]+(\.[0-9]+)?S)?|[0-9]+(\.[0-9]+)?S))?$"
        }
        Builtin::HexBinary => "^([0-9a-fA-F]{2})*$",
        // White space may stand between characters (XSD part 2, 3.2.16); `contentEncoding` says nothing that is checked.
        Builtin::Base64Binary => {
            r"^\s*(([A-Za-z0-9+/]\s*){4})*(([A-Za-z0-9+/]\s*){2}[AEIMQUYcgkosw048]\s*=\s*|[A-Za-z0-9+/]\s*[AQgw]\s*=\s*=\s*)?$"
        }
        Builtin::Language => "^[a-zA-Z]{1,8}(-[a-zA-Z0-9]{1,8})*$",
        _ => return None,
    })
}
