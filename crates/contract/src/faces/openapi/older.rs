//! A document of OpenAPI 3.1 as one of 3.0.3: the few words of JSON Schema that the writer uses and 3.0 spells otherwise.

use serde_json::{Map, Value, json};

/// Rewrites the whole document. It was written here, so its nesting is bounded by that of the messages' groups.
pub(super) fn to_30(mut document: Value) -> Value {
    document["openapi"] = json!("3.0.3");
    rewrite(&mut document);
    document
}

fn rewrite(value: &mut Value) {
    match value {
        Value::Array(all) => all.iter_mut().for_each(rewrite),
        Value::Object(map) => {
            // Examples are values, not schemas.
            map.iter_mut()
                .filter(|(k, _)| *k != "example" && *k != "default" && *k != "enum")
                .for_each(|(_, v)| rewrite(v));
            schema(map);
        }
        _ => {}
    }
}

fn schema(map: &mut Map<String, Value>) {
    if let Some(Value::Array(types)) = map.get("type")
        && types.len() == 2
        && types[1] == "null"
    {
        let first = types[0].clone();
        map.insert("type".into(), first);
        map.insert("nullable".into(), json!(true));
    }
    if map.get("type").is_some_and(|t| t == "null") {
        // 3.0 has no type of null alone: a string that is only null.
        map.extend([
            ("type".to_owned(), json!("string")),
            ("nullable".to_owned(), json!(true)),
            ("enum".to_owned(), json!([null])),
        ]);
    }
    // A nil value beside a reference or an enumeration.
    let nil = json!({"type": "string", "nullable": true, "enum": [null]});
    if let Some(Value::Array(all)) = map.get("anyOf")
        && all.len() == 2
        && all[1] == nil
    {
        let inner = all[0].clone();
        map.remove("anyOf");
        match inner {
            // An enumeration must name null itself to allow it.
            Value::Object(mut inner) if inner.contains_key("enum") => {
                if let Some(Value::Array(values)) = inner.get_mut("enum") {
                    values.push(Value::Null);
                }
                map.extend(inner);
                map.insert("nullable".into(), json!(true));
            }
            inner => {
                map.insert("nullable".into(), json!(true));
                map.insert("allOf".into(), json!([inner]));
            }
        }
    }
    if map.get("const").is_some_and(|c| !c.is_object())
        && let Some(only) = map.remove("const")
    {
        map.insert("enum".into(), json!([only]));
    }
    for (exclusive, inclusive) in [("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")] {
        if let Some(bound) = map.get(exclusive).filter(|b| b.is_number()).cloned() {
            map.insert(inclusive.into(), bound);
            map.insert(exclusive.into(), json!(true));
        }
    }
    if map.get("contentEncoding").is_some_and(|e| e == "base64") {
        map.remove("contentEncoding");
        map.insert("format".into(), json!("byte"));
    }
    // Beside `$ref` everything else is passed over.
    if map.get("$ref").is_some_and(Value::is_string)
        && map.len() > 1
        && let Some(reference) = map.remove("$ref")
    {
        map.insert("allOf".into(), json!([{ "$ref": reference }]));
    }
}
