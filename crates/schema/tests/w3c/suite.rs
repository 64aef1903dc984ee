//! The suite itself, run where somebody has it (the repository `w3c/xsdtests`, or the release of 2006-11-06 unpacked): verdicts by test set and
//! group, of whole validation and of the codec. Tests of XSD 1.1 alone are left out, and those whose verdict the suite leaves open.
//!
//! `XSTS=/path/to/xsdtests cargo test -p lgsp-schema --test w3c -- --ignored --nocapture`

use bytes::Bytes;
use lgsp_schema::bundle::Bundle;
use lgsp_schema::codec::{Codec, Limits};
use lgsp_schema::model::QName;
use lgsp_schema::validator::Validator;
use lgsp_schema::xsd::{SchemaSource, read};
use quick_xml::events::{BytesStart, Event};
use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

/// One test: its documents' names relative to the suite's folder.
#[derive(Debug, Default, Clone)]
struct Test {
    documents: Vec<String>,
    valid: Option<bool>,
    other_version: bool,
}

/// A group: schemas, and documents that are validated against them.
#[derive(Debug, Default)]
struct Group {
    feature: String,
    schema: Test,
    instances: Vec<Test>,
}

/// Counts of a feature.
#[derive(Debug, Default, PartialEq, Eq)]
struct Count {
    all: usize,
    wrong: usize,
    refused: usize,
    codec: usize,
    codec_wrong: usize,
    schemas: usize,
    schemas_wrong: usize,
}

/// A path without its `.` and `..`, relative to the suite's folder.
fn joined(from: &str, reference: &str) -> String {
    let mut path = PathBuf::from(from);
    path.pop();
    for part in Path::new(reference).components() {
        match part {
            Component::ParentDir => drop(path.pop()),
            Component::Normal(name) => path.push(name),
            _ => {}
        }
    }
    path.to_string_lossy().into_owned()
}

fn attribute(start: &BytesStart<'_>, local: &str) -> Option<String> {
    let found = start.attributes().flatten().find(|a| a.key.local_name().as_ref() == local.as_bytes())?;
    String::from_utf8(found.value.into_owned()).ok()
}

/// Whether something of the metadata is for XSD 1.0.
fn for_1_0(start: &BytesStart<'_>) -> bool {
    attribute(start, "version")
        .is_none_or(|v| v.split_whitespace().any(|v| v == "1.0" || v.starts_with("Unicode")))
}

/// The groups of a test set.
fn groups(file: &str, text: &str) -> Vec<Group> {
    let mut reader = quick_xml::Reader::from_str(text);
    let (mut found, mut set, mut group, mut test) = (Vec::new(), String::new(), None::<Group>, None::<Test>);
    let mut left_out = false;
    loop {
        match reader.read_event().unwrap() {
            Event::Eof => return found,
            Event::Start(e) | Event::Empty(e) => match e.local_name().as_ref() {
                b"testSet" => {
                    set = attribute(&e, "name").unwrap_or_default();
                    left_out = !for_1_0(&e);
                }
                b"testGroup" => {
                    let name = attribute(&e, "name").unwrap_or_default();
                    let prefix =
                        name.split(|c: char| c.is_ascii_digit()).next().unwrap_or_default().to_owned();
                    let feature = format!("{set}: {prefix}");
                    group = (!left_out && for_1_0(&e)).then(|| Group { feature, ..Group::default() });
                }
                b"schemaTest" | b"instanceTest" => {
                    test = Some(Test { other_version: !for_1_0(&e), ..Test::default() });
                }
                b"schemaDocument" | b"instanceDocument" => {
                    if let (Some(test), Some(href)) = (&mut test, attribute(&e, "href")) {
                        test.documents.push(joined(file, &href));
                    }
                }
                b"expected" if for_1_0(&e) => {
                    if let Some(test) = &mut test {
                        test.valid = match attribute(&e, "validity").as_deref() {
                            Some("valid") => Some(true),
                            Some("invalid") => Some(false),
                            _ => None,
                        };
                    }
                }
                _ => {}
            },
            Event::End(e) => match (e.local_name().as_ref(), &mut group) {
                (b"schemaTest", Some(group)) => group.schema = test.take().unwrap_or_default(),
                (b"instanceTest", Some(group)) => group.instances.extend(test.take()),
                (b"testGroup", _) => found.extend(group.take()),
                _ => {}
            },
            _ => {}
        }
    }
}

/// The schemas with what they refer to by `schemaLocation`, as far as it is there.
fn bundle(root: &Path, schemas: &[String]) -> Option<Bundle> {
    let mut files = BTreeMap::new();
    let mut waiting = schemas.to_vec();
    while let Some(name) = waiting.pop() {
        let Ok(bytes) = std::fs::read(root.join(&name)) else { continue };
        let text = String::from_utf8_lossy(&bytes).into_owned();
        for part in text.split("schemaLocation").skip(1) {
            let value = part.trim_start_matches([' ', '=', '\n', '\t', '\r']);
            if let Some(quote) = value.chars().next()
                && let Some(reference) = value[1..].split(quote).next()
            {
                waiting.push(joined(&name, reference));
            }
        }
        waiting.retain(|n| !files.contains_key(n) && *n != name);
        files.insert(name, Bytes::from(bytes));
    }
    Bundle::new(files).ok()
}

/// What the codec says; none where the document's element is outside the subset.
fn codec(bundle: &Bundle, roots: &[SchemaSource], xml: &[u8]) -> Option<bool> {
    let reading = read(bundle, roots).ok()?;
    let mut reader = quick_xml::NsReader::from_reader(xml);
    let name = loop {
        match reader.read_resolved_event().ok()? {
            (space, Event::Start(e) | Event::Empty(e)) => {
                let space = match space {
                    quick_xml::name::ResolveResult::Bound(n) => String::from_utf8(n.0.to_vec()).ok()?,
                    _ => String::new(),
                };
                break QName::new(space, String::from_utf8(e.local_name().as_ref().to_vec()).ok()?);
            }
            (_, Event::Eof) => return None,
            _ => {}
        }
    };
    reading.element(&name).ok()?;
    let codec = Codec::compile(Arc::new(reading.model)).ok()?;
    Some(codec.xml_to_json(codec.element(&name)?, xml, Limits::default()).is_ok())
}

fn count(root: &Path, group: &Group, counts: &mut BTreeMap<String, Count>) {
    let count = counts.entry(group.feature.clone()).or_default();
    let Some(bundle) = bundle(root, &group.schema.documents) else { return };
    let roots: Vec<_> = group.schema.documents.iter().map(SchemaSource::file).collect();
    if let (Some(valid), false) = (group.schema.valid, group.schema.other_version) {
        count.schemas += 1;
        count.schemas_wrong += usize::from(read(&bundle, &roots).is_ok() != valid);
    }
    if group.schema.valid != Some(true) {
        return;
    }
    let validator = Validator::compile(&bundle, &roots);
    for test in group.instances.iter().filter(|t| !t.other_version) {
        let (Some(valid), Some(name)) = (test.valid, test.documents.first()) else { continue };
        let Ok(xml) = std::fs::read(root.join(name)) else { continue };
        count.all += 1;
        match &validator {
            Err(_) => count.refused += 1,
            Ok(v) => count.wrong += usize::from(v.validate(&xml).is_ok_and(|f| f.is_empty()) != valid),
        }
        if let Some(said) = codec(&bundle, &roots, &xml) {
            count.codec += 1;
            count.codec_wrong += usize::from(said != valid);
        }
    }
}

/// Counts all test sets below a folder: files in folders whose names end in `Meta`.
fn run(root: &Path) -> BTreeMap<String, Count> {
    let mut counts = BTreeMap::new();
    let mut folders: Vec<_> = std::fs::read_dir(root).unwrap().flatten().map(|e| e.file_name()).collect();
    folders.sort();
    for folder in folders.iter().filter_map(|f| f.to_str()).filter(|f| f.ends_with("Meta")) {
        for file in std::fs::read_dir(root.join(folder)).unwrap().flatten() {
            let name = file.file_name().to_string_lossy().into_owned();
            let Ok(text) = std::fs::read_to_string(file.path()) else { continue };
            if (name.ends_with(".testSet") || name.ends_with(".xml")) && text.contains("<testSet") {
                groups(&format!("{folder}/{name}"), &text).iter().for_each(|g| count(root, g, &mut counts));
            }
        }
    }
    counts
}

#[test]
#[ignore = "wants the suite: XSTS=/path/to/xsdtests"]
fn the_whole_suite_is_counted() {
    let root = std::env::var("XSTS").expect("XSTS names the folder of the suite");
    println!(
        "| test set: group | verdicts | wrong | refused | by the codec | wrong | schemas | wrong |\n|---|---|---|---|---|---|---|---|"
    );
    for (feature, c) in run(Path::new(&root)) {
        let Count { all, wrong, refused, codec, codec_wrong, schemas, schemas_wrong } = c;
        println!(
            "| {feature} | {all} | {wrong} | {refused} | {codec} | {codec_wrong} | {schemas} | {schemas_wrong} |"
        );
    }
}

#[test]
fn a_suite_is_read_as_its_metadata_say() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    let write = |name: &str, text: &str| {
        std::fs::create_dir_all(root.join(name).parent().unwrap()).unwrap();
        std::fs::write(root.join(name), text).unwrap();
    };
    let test = |kind: &str, file: &str, expected: &str| {
        format!("<{kind}Test name='x'><{kind}Document xlink:href='../data/{file}'/>{expected}</{kind}Test>")
    };
    let (valid, invalid) = ("<expected validity='valid'/>", "<expected validity='invalid'/>");
    let sets = [
        format!(
            "<testGroup name='a1'>{}{}{}</testGroup>",
            test("schema", "a.xsd", valid),
            test("instance", "1.xml", valid),
            test("instance", "2.xml", invalid)
        ),
        format!(
            "<testGroup name='a2'>{}{}</testGroup>",
            test("schema", "a.xsd", valid),
            test(
                "instance",
                "2.xml",
                "<expected validity='valid' version='1.1'/><expected validity='invalid' version='1.0'/>"
            )
        ),
        format!("<testGroup name='b1' version='1.1'>{}</testGroup>", test("schema", "a.xsd", invalid)),
        format!("<testGroup name='c1'>{}</testGroup>", test("schema", "a.xsd", invalid)),
    ];
    write("someMeta/s.testSet", &format!("<testSet name='S' xmlns:xlink='x'>{}</testSet>", sets.concat()));
    write(
        "data/a.xsd",
        "<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema'><xs:include schemaLocation='below/b.xsd'/><xs:element name='r' type='T'/></xs:schema>",
    );
    write(
        "data/below/b.xsd",
        "<xs:schema xmlns:xs='http://www.w3.org/2001/XMLSchema'><xs:simpleType name='T'><xs:restriction base='xs:int'/></xs:simpleType></xs:schema>",
    );
    write("data/1.xml", "<!-- a --><r>1</r>");
    write("data/2.xml", "<r>x</r>");
    let counts = run(root);
    let a = Count { all: 3, codec: 3, schemas: 2, ..Count::default() };
    let c = Count { schemas: 1, schemas_wrong: 1, ..Count::default() };
    assert_eq!(counts, [("S: a".to_owned(), a), ("S: c".to_owned(), c)].into());
}
