//! JSON pointers (RFC 6901) into messages: values put in and parts taken out as text, so that numbers stay digit by digit and what is not
//! on the way is not touched. What a pointer means to a contract is asked when it is compiled.

use lgsp_schema::model::{Content, Element, JsonForm, Model, Particle, Term, TypeId, Variety};
use serde::de::{MapAccess, Visitor};
use serde_json::value::RawValue;
use std::fmt;

/// Steps of a pointer.
pub(crate) type Steps = Vec<String>;

/// Steps of one pointer: each opens the part of the message that it leads through.
const STEPS_MAX: usize = 32;
/// The highest index of an array that a pointer may put something at.
const INDEX_MAX: usize = 100;

/// Reads a pointer that names something inside the message.
pub(crate) fn parse(text: &str) -> Result<Steps, String> {
    let rest =
        text.strip_prefix('/').ok_or_else(|| format!("{text:?} is no JSON pointer such as /Citizen/Id"))?;
    let steps: Steps = rest.split('/').map(|s| s.replace("~1", "/").replace("~0", "~")).collect();
    if steps.len() > STEPS_MAX {
        return Err(format!("{text:?} has more than {STEPS_MAX} steps"));
    }
    Ok(steps)
}

/// What a pointer leads to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Leaf {
    /// How one value is written; none: not a simple value.
    pub form: Option<JsonForm>,
    /// An array of them.
    pub many: bool,
}

impl Leaf {
    /// Text of unknown type.
    pub const TEXT: Self = Self { form: Some(JsonForm::String), many: false };

    /// A text as the JSON of this type. What the type does not have stays text, and is refused with the message.
    pub fn json(self, text: &str) -> String {
        match self.form {
            Some(JsonForm::Number) if is_number(text) => text.to_owned(),
            Some(JsonForm::Boolean) if matches!(text, "true" | "false") => text.to_owned(),
            _ => serde_json::Value::from(text).to_string(),
        }
    }
}

fn is_number(text: &str) -> bool {
    serde_json::from_str::<&RawValue>(text)
        .is_ok_and(|raw| raw.get() == text && text.starts_with(|c: char| c == '-' || c.is_ascii_digit()))
}

/// Follows a pointer through the content of an element.
pub(crate) fn check(model: &Model, element: Option<&Element>, steps: &[String]) -> Result<Leaf, String> {
    let mut ty = element.map(|e| e.ty).ok_or("the message has no content")?;
    // Of what the last step led to.
    let mut many = false;
    for step in steps {
        if many {
            let index = step.parse::<usize>().ok().filter(|i| *i <= INDEX_MAX);
            if index.is_none() {
                return Err(format!("{step:?} stands for an array's item: write its number, from 0"));
            }
            many = false;
            continue;
        }
        let TypeId::Complex(id) = ty else {
            return Err(format!("there is nothing inside a simple value: {step:?}"));
        };
        let complex = model.complex(id);
        if let Some(attribute) = complex.attributes.iter().find(|a| *a.json == **step) {
            ty = TypeId::Simple(attribute.ty);
            continue;
        }
        match &complex.content {
            Content::Simple(simple) if step == "$" => ty = TypeId::Simple(*simple),
            Content::Group(particle) => {
                let (found, repeated) = member(particle, step).ok_or_else(|| unknown(particle, step))?;
                (ty, many) = (found.ty, repeated);
            }
            _ => return Err(format!("there is no member {step:?}")),
        }
    }
    let form = match ty {
        TypeId::Simple(id) => match model.simple(id).variety {
            Variety::List(_) => None,
            _ => Some(model.simple(id).json),
        },
        // With attributes the value is behind `$`.
        TypeId::Complex(_) => None,
    };
    Ok(Leaf { form, many })
}

/// The element that a member is made of, and whether it is an array.
fn member<'m>(particle: &'m Particle, name: &str) -> Option<(&'m Element, bool)> {
    match &particle.term {
        Term::Element(element) => (*element.json == *name).then_some((&**element, particle.max != Some(1))),
        Term::Sequence(all) | Term::Choice(all) | Term::All(all) => all.iter().find_map(|p| member(p, name)),
    }
}

fn names<'m>(particle: &'m Particle, out: &mut Vec<&'m str>) {
    match &particle.term {
        Term::Element(element) => out.push(&element.json),
        Term::Sequence(all) | Term::Choice(all) | Term::All(all) => all.iter().for_each(|p| names(p, out)),
    }
}

fn unknown(particle: &Particle, step: &str) -> String {
    let mut known = Vec::new();
    names(particle, &mut known);
    known.truncate(20);
    format!("there is no member {step:?}; there are: {}", known.join(", "))
}

/// An object's members in their order, as text.
struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'de: 'a, 'a> serde::Deserialize<'de> for Members<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct All;
        impl<'de> Visitor<'de> for All {
            type Value = Members<'de>;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }
            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members<'de>, A::Error> {
                let mut members = Vec::new();
                while let Some(member) = map.next_entry::<String, &'de RawValue>()? {
                    members.push(member);
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(All)
    }
}

/// The JSON with a value at a pointer, in place of what was there; what is not there on the way is made. The error names the place.
pub(crate) fn put(json: &str, steps: &[String], value: &str) -> Result<String, String> {
    let Some((step, rest)) = steps.split_first() else { return Ok(value.to_owned()) };
    let json = json.trim();
    if json.starts_with('[')
        || (json.is_empty() && step.bytes().all(|b| b.is_ascii_digit()) && !step.is_empty())
    {
        return put_item(json, step, rest, value);
    }
    let members = match json {
        "" | "null" => Members(Vec::new()),
        json => serde_json::from_str(json).map_err(|_| format!("there is no object to put {step:?} into"))?,
    };
    let mut out = String::with_capacity(json.len() + value.len() + step.len() + 8);
    out.push('{');
    let mut there = false;
    for (name, raw) in &members.0 {
        let text = if name == step && !there {
            there = true;
            put(raw.get(), rest, value)?
        } else {
            raw.get().to_owned()
        };
        push_member(&mut out, name, &text);
    }
    if !there {
        push_member(&mut out, step, &put("", rest, value)?);
    }
    out.push('}');
    Ok(out)
}

fn push_member(out: &mut String, name: &str, text: &str) {
    if out.len() > 1 {
        out.push(',');
    }
    out.push_str(&serde_json::Value::from(name).to_string());
    out.push(':');
    out.push_str(text);
}

fn put_item(json: &str, step: &str, rest: &[String], value: &str) -> Result<String, String> {
    let at: usize = step.parse().map_err(|_| format!("{step:?} is no item of an array"))?;
    let items: Vec<&RawValue> = match json {
        "" => Vec::new(),
        json => serde_json::from_str(json).map_err(|_| format!("there is no array to put {step:?} into"))?,
    };
    if at > items.len() {
        return Err(format!("the array has no item {at}"));
    }
    let mut texts: Vec<String> = items.iter().map(|raw| raw.get().to_owned()).collect();
    match texts.get_mut(at) {
        Some(text) => *text = put(text, rest, value)?,
        None => texts.push(put("", rest, value)?),
    }
    Ok(format!("[{}]", texts.join(",")))
}

/// The part of JSON that a pointer leads to; none where it leads nowhere.
pub(crate) fn get<'a>(json: &'a str, steps: &[String]) -> Option<&'a str> {
    let Some((step, rest)) = steps.split_first() else { return Some(json.trim()) };
    if json.trim_start().starts_with('[') {
        let items: Vec<&RawValue> = serde_json::from_str(json).ok()?;
        return get(items.get(step.parse::<usize>().ok()?)?.get(), rest);
    }
    let members: Members<'a> = serde_json::from_str(json).ok()?;
    get(members.0.into_iter().find(|(name, _)| name == step)?.1.get(), rest)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{Leaf, get, parse, put};
    use lgsp_schema::model::JsonForm;

    fn set(json: &str, pointer: &str, value: &str) -> String {
        put(json, &parse(pointer).unwrap(), value).unwrap()
    }

    #[test]
    fn a_value_is_put_where_the_pointer_says_and_the_rest_stays_as_it_was() {
        assert_eq!(set("", "/a/b", "1"), r#"{"a":{"b":1}}"#);
        assert_eq!(
            set(r#"{"x":1.2300000000000000000001, "a":"o"}"#, "/a", "2"),
            r#"{"x":1.2300000000000000000001,"a":2}"#
        );
        assert_eq!(set(r#"{"a":[{"b":1}]}"#, "/a/0/c", "2"), r#"{"a":[{"b":1,"c":2}]}"#);
        assert_eq!(set("{}", "/a/0/c", "2"), r#"{"a":[{"c":2}]}"#);
        assert_eq!(set(r#"{"a":null}"#, "/a/b", "2"), r#"{"a":{"b":2}}"#);
        put(r#"{"a":"text"}"#, &parse("/a/b").unwrap(), "2").unwrap_err();
        put(r#"{"a":[]}"#, &parse("/a/1").unwrap(), "2").unwrap_err();
        assert!(parse("a").is_err());
    }

    #[test]
    fn a_part_is_taken_out_as_it_stands() {
        let json = r#"{"a":{"b":[1,{"c~/d":1.50}]}}"#;
        assert_eq!(get(json, &parse("/a/b/1/c~0~1d").unwrap()), Some("1.50"));
        assert_eq!(get(json, &parse("/a/x").unwrap()), None);
        assert_eq!(get(json, &parse("/a/b/7").unwrap()), None);
    }

    #[test]
    fn a_text_becomes_what_its_place_takes() {
        let leaf = |form| Leaf { form: Some(form), many: false };
        assert_eq!(leaf(JsonForm::Number).json("12.50"), "12.50");
        assert_eq!(leaf(JsonForm::Number).json("012"), "\"012\"");
        assert_eq!(leaf(JsonForm::Number).json("1,\"x\":2"), "\"1,\\\"x\\\":2\"");
        assert_eq!(leaf(JsonForm::Boolean).json("true"), "true");
        assert_eq!(leaf(JsonForm::String).json("1\"2"), "\"1\\\"2\"");
    }
}
