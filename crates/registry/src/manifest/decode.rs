//! Trees to declared specs, through the specs' own serde forms. Unlike a plain deserializer this one goes on after a
//! problem: it reports it, leaves the node out and tries again, so that one run tells an operator everything.
//! The words of problems are in `report`.

use super::report::{Context, Fail, Part, unknown_field, unknown_variant};
use super::tree::{Data, Node};
use serde::de::value::BorrowedStrDeserializer;
use serde::de::{
    self, DeserializeOwned, DeserializeSeed, Deserializer, IntoDeserializer, MapAccess, SeqAccess, Visitor,
};

/// How often one item is tried again: the most problems reported of one item.
const TRIES_MAX: usize = 50;

impl Context<'_> {
    /// Reads one item, reporting all its problems. None if there was any.
    pub fn read<T: DeserializeOwned>(&self, node: &Node<'_>) -> Option<T> {
        let before = self.problems.borrow().len();
        for _ in 0..TRIES_MAX {
            match T::deserialize(Reader { node, cx: self }) {
                Ok(value) => return (self.problems.borrow().len() == before).then_some(value),
                Err(fail) => {
                    self.settle(fail, node);
                }
            }
            if node.reported.get() {
                return None;
            }
        }
        None
    }
}

/// A deserializer over one node.
#[derive(Clone, Copy)]
struct Reader<'a, 't, 'f> {
    node: &'a Node<'t>,
    cx: &'a Context<'f>,
}

impl<'a> Reader<'a, '_, '_> {
    fn wrong<'de, V: Visitor<'de>>(&self, visitor: &V) -> Fail {
        let found = match &self.node.data {
            Data::Null => de::Unexpected::Unit,
            Data::Plain(_) | Data::Text(_) => de::Unexpected::Str(""),
            Data::Literal(serde_json::Value::Bool(b)) => de::Unexpected::Bool(*b),
            Data::Literal(_) => de::Unexpected::Unsigned(0),
            Data::List(_) => de::Unexpected::Seq,
            Data::Map(_) => de::Unexpected::Map,
        };
        de::Error::invalid_type(found, visitor)
    }

    /// The text of an unquoted scalar, or of a JSON literal: what numbers and truth values are read from.
    fn bare(&self) -> Option<std::borrow::Cow<'a, str>> {
        match &self.node.data {
            Data::Plain(t) => Some(std::borrow::Cow::Borrowed(t)),
            Data::Literal(v) => Some(v.to_string().into()),
            _ => None,
        }
    }
}

macro_rules! whole_numbers {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fail> {
            let text = self.bare().ok_or_else(|| self.wrong(&visitor))?;
            if let Ok(n) = text.parse::<u64>() {
                visitor.visit_u64(n)
            } else if let Ok(n) = text.parse::<i64>() {
                visitor.visit_i64(n)
            } else {
                Err(self.wrong(&visitor))
            }
        }
    )*};
}

impl<'a> Deserializer<'a> for Reader<'a, '_, '_> {
    type Error = Fail;

    /// Reached below internally tagged enums only, whose scalars are all text: `user: 12345` is the text 12345.
    fn deserialize_any<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fail> {
        match &self.node.data {
            Data::Null => visitor.visit_unit(),
            Data::Plain(t) | Data::Text(t) => visitor.visit_str(t),
            Data::Literal(serde_json::Value::Bool(b)) => visitor.visit_bool(*b),
            Data::Literal(v) => match (v.as_u64(), v.as_i64()) {
                (Some(n), _) => visitor.visit_u64(n),
                (_, Some(n)) => visitor.visit_i64(n),
                _ => visitor.visit_f64(v.as_f64().unwrap_or_default()),
            },
            Data::List(_) => self.deserialize_seq(visitor),
            Data::Map(_) => self.deserialize_map(visitor),
        }
    }

    fn deserialize_bool<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fail> {
        match self.bare().as_deref() {
            Some("true" | "True" | "TRUE") => visitor.visit_bool(true),
            Some("false" | "False" | "FALSE") => visitor.visit_bool(false),
            _ => Err(self.wrong(&visitor)),
        }
    }

    whole_numbers! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64
    }

    fn deserialize_str<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fail> {
        match &self.node.data {
            Data::Plain(t) | Data::Text(t) => visitor.visit_borrowed_str(t),
            _ => Err(self.wrong(&visitor)),
        }
    }
    fn deserialize_string<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fail> {
        self.deserialize_str(visitor)
    }
    fn deserialize_identifier<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fail> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fail> {
        match self.node.data {
            Data::Null => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_seq<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fail> {
        match &self.node.data {
            Data::List(items) => visitor.visit_seq(Items { items, next: 0, cx: self.cx }),
            _ => Err(self.wrong(&visitor)),
        }
    }

    fn deserialize_map<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fail> {
        match &self.node.data {
            Data::Map(_) => visitor.visit_map(Fields { node: self.node, next: 0, cx: self.cx }),
            _ => Err(self.wrong(&visitor)),
        }
    }

    fn deserialize_struct<V: Visitor<'a>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fail> {
        if let Data::Map(entries) = &self.node.data {
            for e in entries.iter().filter(|e| !fields.contains(&&*e.key) && !e.value.reported.get()) {
                self.cx.report((e.line, e.column), Some(&e.key), unknown_field(&e.key, fields));
                e.value.reported.set(true);
            }
        }
        self.deserialize_map(visitor)
    }

    fn deserialize_enum<V: Visitor<'a>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fail> {
        match &self.node.data {
            Data::Plain(t) | Data::Text(t) if variants.contains(&&**t) => {
                visitor.visit_enum((&**t).into_deserializer())
            }
            Data::Plain(t) | Data::Text(t) => Err(Fail::Other(unknown_variant(t, variants))),
            _ => Err(Fail::Type(format!("expected one of {}", variants.join(", ")))),
        }
    }

    serde::forward_to_deserialize_any! {
        <V: Visitor<'a>>
        f32 f64 char bytes byte_buf unit unit_struct newtype_struct tuple tuple_struct ignored_any
    }
}

struct Items<'a, 't, 'f> {
    items: &'a [Node<'t>],
    next: usize,
    cx: &'a Context<'f>,
}

impl<'a> SeqAccess<'a> for Items<'a, '_, '_> {
    type Error = Fail;
    fn next_element_seed<T: DeserializeSeed<'a>>(&mut self, seed: T) -> Result<Option<T::Value>, Fail> {
        while let Some(node) = self.items.get(self.next) {
            let index = self.next;
            self.next += 1;
            if node.reported.get() {
                continue;
            }
            let cx = self.cx;
            return cx
                .item(index, || seed.deserialize(Reader { node, cx }).map_err(|f| cx.settle(f, node)))
                .map(Some);
        }
        Ok(None)
    }
    fn size_hint(&self) -> Option<usize> {
        Some(self.items.len().saturating_sub(self.next))
    }
}

struct Fields<'a, 't, 'f> {
    node: &'a Node<'t>,
    next: usize,
    cx: &'a Context<'f>,
}

impl<'a> MapAccess<'a> for Fields<'a, '_, '_> {
    type Error = Fail;
    fn next_key_seed<K: DeserializeSeed<'a>>(&mut self, seed: K) -> Result<Option<K::Value>, Fail> {
        let Data::Map(entries) = &self.node.data else { return Ok(None) };
        while let Some(entry) = entries.get(self.next) {
            if !entry.value.reported.get() {
                return seed.deserialize(BorrowedStrDeserializer::new(&entry.key)).map(Some);
            }
            self.next += 1;
        }
        let missing = self.node.missing.borrow().get(self.next - entries.len()).copied();
        missing.map(|field| seed.deserialize(BorrowedStrDeserializer::new(field))).transpose()
    }
    fn next_value_seed<V: DeserializeSeed<'a>>(&mut self, seed: V) -> Result<V::Value, Fail> {
        let Data::Map(entries) = &self.node.data else {
            return Err(Fail::Other("a value without a field".into()));
        };
        if self.next >= entries.len() {
            self.next += 1;
            return seed.deserialize(StandIn);
        }
        let entry = &entries[self.next];
        self.next += 1;
        let (cx, node) = (self.cx, &entry.value);
        cx.within(Part::Key(entry.key.to_string()), || {
            seed.deserialize(Reader { node, cx }).map_err(|f| cx.settle(f, node))
        })
    }
}

/// Something of the kind that a missing field wants, so that the next missing field is found. What is built of it is thrown away.
struct StandIn;

impl<'a> Deserializer<'a> for StandIn {
    type Error = Fail;
    fn deserialize_any<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fail> {
        visitor.visit_borrowed_str("x")
    }
    fn deserialize_seq<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fail> {
        visitor.visit_seq(serde::de::value::SeqDeserializer::new(std::iter::empty::<()>()))
    }
    fn deserialize_u32<V: Visitor<'a>>(self, visitor: V) -> Result<V::Value, Fail> {
        visitor.visit_u32(1)
    }
    fn deserialize_enum<V: Visitor<'a>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fail> {
        visitor.visit_enum(variants.first().copied().unwrap_or_default().into_deserializer())
    }
    serde::forward_to_deserialize_any! {
        <V: Visitor<'a>>
        bool i8 i16 i32 i64 u8 u16 u64 f32 f64 char str string bytes byte_buf option unit unit_struct newtype_struct tuple
        tuple_struct map struct identifier ignored_any
    }
}
