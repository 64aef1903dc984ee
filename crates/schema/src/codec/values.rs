//! Simple values between XML and JSON: which JSON type, how numbers are written, lists.

use super::fault::{CodecFaultKind as Kind, Failed, fault};
use super::json::Json;
use super::{Codec, XSD, text};
use crate::model::{Builtin, JsonForm, SimpleId, TypeId, Variety};
use crate::value::{is_integer, is_space, items, without_exponent};
use std::borrow::Cow;

impl Codec {
    /// Checks a value out of XML and appends it as JSON; or says what was expected.
    pub(super) fn value_to_json(
        &self,
        id: SimpleId,
        value: &str,
        fixed: Option<&str>,
        out: &mut Vec<u8>,
    ) -> Result<(), String> {
        let checked = self.values.check(id, value)?;
        self.check_fixed(id, &checked, fixed)?;
        self.append_json(id, &checked, out);
        Ok(())
    }

    fn check_fixed(&self, id: SimpleId, value: &str, fixed: Option<&str>) -> Result<(), String> {
        match fixed {
            Some(fixed) if value != fixed && !self.values.equal(id, value, fixed) => {
                Err(format!("the fixed value {fixed:?} was expected"))
            }
            _ => Ok(()),
        }
    }

    fn append_json(&self, id: SimpleId, value: &str, out: &mut Vec<u8>) {
        let ty = self.model.simple(id);
        if let Variety::List(item) = ty.variety {
            out.push(b'[');
            for (i, one) in items(value).enumerate() {
                if i > 0 {
                    out.push(b',');
                }
                self.append_json(item, one, out);
            }
            out.push(b']');
            return;
        }
        match ty.json {
            JsonForm::Boolean if matches!(value, "true" | "1") => out.extend_from_slice(b"true"),
            JsonForm::Boolean if matches!(value, "false" | "0") => out.extend_from_slice(b"false"),
            JsonForm::Number => append_number(value, out),
            _ => text::json_string(out, value),
        }
    }

    /// Takes a value of this type out of JSON, checked, as it is written in XML.
    pub(super) fn value_from_json<'a>(
        &self,
        id: SimpleId,
        fixed: Option<&str>,
        json: &mut Json<'a>,
    ) -> Result<Cow<'a, str>, Failed> {
        let at = json.position();
        let wrong = |message: String| fault(Kind::Value, at, message);
        let lexical = self.lexical(id, json)?;
        if let Some(c) = text::not_xml(&lexical) {
            return Err(wrong(format!("the character U+{:04X} has no place in XML", u32::from(c))));
        }
        let checked = match self.values.check(id, &lexical).map_err(wrong)? {
            Cow::Borrowed(same) if same.len() == lexical.len() => None,
            other => Some(other.into_owned()),
        };
        let value = checked.map_or(lexical, Cow::Owned);
        self.check_fixed(id, &value, fixed).map_err(wrong)?;
        Ok(value)
    }

    fn lexical<'a>(&self, id: SimpleId, json: &mut Json<'a>) -> Result<Cow<'a, str>, Failed> {
        let ty = self.model.simple(id);
        if let Variety::List(item) = ty.variety {
            return self.list(item, json);
        }
        let number = matches!(json.peek(), Some(b'-' | b'0'..=b'9'));
        let string = json.peek() == Some(b'"');
        let decimal = crate::value::is_decimal(ty.base);
        match ty.json {
            JsonForm::Boolean => match (json.word("true"), json.word("false")) {
                (true, _) => Ok("true".into()),
                (_, true) => Ok("false".into()),
                _ => Err(json.expected("true or false")),
            },
            JsonForm::String if string => json.string(),
            JsonForm::Number if string && matches!(ty.base, Builtin::Float | Builtin::Double) => {
                let at = json.position();
                let word = json.string()?;
                let fine = matches!(&*word, "INF" | "-INF" | "NaN");
                if fine {
                    Ok(word)
                } else {
                    Err(fault(
                        Kind::Value,
                        at,
                        "a number, or one of the strings INF, -INF and NaN was expected",
                    ))
                }
            }
            JsonForm::Number if number => self.number(ty.base, json),
            JsonForm::String if number && (decimal || matches!(ty.variety, Variety::Union(_))) => {
                self.number(ty.base, json)
            }
            JsonForm::Number => Err(json.expected("a number")),
            JsonForm::String => Err(json.expected("a string")),
        }
    }

    fn number<'a>(&self, base: Builtin, json: &mut Json<'a>) -> Result<Cow<'a, str>, Failed> {
        let at = json.position();
        let number = json.number()?;
        if !crate::value::is_decimal(base) {
            return Ok(number.into());
        }
        let plain = if number.contains(['e', 'E']) {
            let plain = without_exponent(number);
            Cow::Owned(plain.ok_or_else(|| fault(Kind::Value, at, "a number of fewer digits was expected"))?)
        } else {
            Cow::Borrowed(number)
        };
        // To JSON 1 and 1.0 are the same number, to XSD only one of them is an integer.
        let whole = plain
            .split_once('.')
            .filter(|(_, f)| is_integer(base) && f.bytes().all(|d| d == b'0'))
            .map(|w| w.0.len());
        Ok(match (whole, plain) {
            (Some(n), Cow::Borrowed(p)) => Cow::Borrowed(&p[..n]),
            (Some(n), Cow::Owned(p)) => Cow::Owned(p[..n].to_owned()),
            (None, plain) => plain,
        })
    }

    fn list<'a>(&self, item: SimpleId, json: &mut Json<'a>) -> Result<Cow<'a, str>, Failed> {
        if json.peek() != Some(b'[') {
            return Err(json.expected("an array"));
        }
        let mut out = String::new();
        let mut n = 0;
        let mut more = json.open(b']')?;
        while more {
            let at = json.position();
            let one = self.value_from_json(item, None, json).map_err(|f| f.under(|| format!("/{n}")))?;
            if one.is_empty() || one.bytes().any(is_space) {
                return Err(fault(Kind::Value, at, "an item without white space was expected")
                    .under(|| format!("/{n}")));
            }
            if n > 0 {
                out.push(' ');
            }
            out.push_str(&one);
            n += 1;
            more = json.more(b']')?;
        }
        Ok(out.into())
    }

    /// Whether this is a type's own name.
    pub(super) fn is_type(&self, ty: TypeId, namespace: &str, local: &str) -> bool {
        let name = match ty {
            TypeId::Simple(id) => &self.model.simple(id).name,
            TypeId::Complex(id) => &self.model.complex(id).name,
        };
        if let Some(name) = name {
            return &*name.namespace == namespace && &*name.local == local;
        }
        let TypeId::Simple(id) = ty else { return false };
        let simple = self.model.simple(id);
        let plain = simple.variety == Variety::Atomic && simple.facets == crate::model::Facets::default();
        plain && namespace == XSD && local.eq_ignore_ascii_case(&format!("{:?}", simple.base))
    }
}

/// A number of XSD as one of JSON: the same digits without a plus sign and zeros in front, at least one before and after the point.
fn append_number(value: &str, out: &mut Vec<u8>) {
    if !value.bytes().any(|b| b.is_ascii_digit())
        || value.bytes().any(|b| !b.is_ascii_digit() && !b"+-.eE".contains(&b))
    {
        return text::json_string(out, value);
    }
    let (mantissa, exponent) = value.find(['e', 'E']).map_or((value, ""), |e| value.split_at(e));
    let (negative, digits) = match mantissa.strip_prefix('-') {
        Some(digits) => (true, digits),
        None => (false, mantissa.strip_prefix('+').unwrap_or(mantissa)),
    };
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let whole = whole.trim_start_matches('0');
    if negative {
        out.push(b'-');
    }
    out.extend_from_slice(if whole.is_empty() { b"0" } else { whole.as_bytes() });
    if !fraction.is_empty() {
        out.push(b'.');
        out.extend_from_slice(fraction.as_bytes());
    }
    out.extend_from_slice(exponent.as_bytes());
}
