//! Files that belong together: gathered from a folder by the references between them, their digest, and their form as text. A reference
//! is followed only to a file that is there; what is elsewhere is never fetched.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use lgsp_kernel::mediation::ContractFiles;
use lgsp_kernel::model::ContractKind;
use std::collections::BTreeMap;
use std::path::{Component, Path, PathBuf};

/// All files of a contract together, bytes: a large national WSDL with its schemas is below 2 MiB.
pub const BUNDLE_MAX: usize = 16 << 20;
/// Files of a contract.
pub const BUNDLE_FILES_MAX: usize = 500;
/// Folders that a reference may go up from the contract's own.
const FOLDERS_UP_MAX: usize = 4;

pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    let mut out = [0; 32];
    out.copy_from_slice(aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, bytes).as_ref());
    out
}

/// SHA-256 over all names and contents, each with its length before it.
pub(crate) fn digest(files: &ContractFiles) -> String {
    let mut context = aws_lc_rs::digest::Context::new(&aws_lc_rs::digest::SHA256);
    for (name, bytes) in files {
        for part in [name.as_bytes(), bytes] {
            context.update(&(part.len() as u64).to_be_bytes());
            context.update(part);
        }
    }
    hex::encode(context.finish())
}

/// The form that is stored and uploaded: a JSON object of names and base64.
pub(crate) fn to_text(files: &ContractFiles) -> String {
    let map: BTreeMap<&str, String> = files.iter().map(|(n, b)| (n.as_str(), STANDARD.encode(b))).collect();
    serde_json::to_string(&map).unwrap_or_default()
}

/// Reads that form back; names and sizes are checked.
pub(crate) fn from_text(text: &str) -> Result<ContractFiles, String> {
    let map: BTreeMap<String, String> = serde_json::from_str(text).map_err(|e| {
        format!("expected a JSON object of file names and base64 (line {}, column {})", e.line(), e.column())
    })?;
    let mut files = ContractFiles::new();
    for (name, text) in map {
        let bytes = STANDARD.decode(&text).map_err(|e| format!("{name:?} is not base64: {e}"))?;
        files.insert(name, Bytes::from(bytes));
    }
    checked(files)
}

/// Refuses what is no bundle.
pub(crate) fn checked(files: ContractFiles) -> Result<ContractFiles, String> {
    let size: usize = files.values().map(Bytes::len).sum();
    if files.is_empty() {
        return Err("there is no file".into());
    }
    if files.len() > BUNDLE_FILES_MAX {
        return Err(format!("there are {} files; at most {BUNDLE_FILES_MAX} are taken", files.len()));
    }
    if size > BUNDLE_MAX {
        return Err(format!("the files together have {size} bytes; at most {BUNDLE_MAX} are taken"));
    }
    let plain = |name: &String| {
        !name.contains(['\\', '\0', ':', '%'])
            && name.split('/').all(|step| !step.is_empty() && step != "." && step != "..")
    };
    match files.keys().find(|name| !plain(name)) {
        Some(name) => Err(format!("{name:?} is no plain relative name")),
        None => Ok(files),
    }
}

/// What a contract is, by its first file.
pub(crate) fn kind_of(name: &str, bytes: &[u8]) -> ContractKind {
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let first = text.iter().find(|b| !b.is_ascii_whitespace());
    let lower = name.to_ascii_lowercase();
    if lower.ends_with(".wsdl")
        || first == Some(&b'<')
        || text.starts_with(b"\xff\xfe")
        || text.starts_with(b"\xfe\xff")
    {
        ContractKind::Wsdl
    } else {
        ContractKind::Openapi
    }
}

/// Reads a file and those that it refers to, and they in turn. The name of the first among them.
pub(crate) fn gather(file: &Path, follow: bool) -> Result<(String, ContractFiles), String> {
    let mut read: BTreeMap<PathBuf, Bytes> = BTreeMap::new();
    let (mut size, first) = (0, normal(file));
    let mut waiting = tables_beside(&first)?;
    waiting.push(first.clone());
    while let Some(path) = waiting.pop() {
        if read.contains_key(&path) {
            continue;
        }
        let bytes = read_bounded(&path, BUNDLE_MAX - size)?;
        size += bytes.len();
        if read.len() >= BUNDLE_FILES_MAX {
            return Err(format!("more than {BUNDLE_FILES_MAX} files"));
        }
        if follow {
            let folder = path.parent().unwrap_or(Path::new(""));
            let beside = references(&bytes).into_iter().map(|r| normal(&folder.join(r)));
            waiting.extend(beside.filter(|p| p.is_file()));
        }
        read.insert(path, bytes);
    }
    let mut root = first.parent().unwrap_or(Path::new("")).to_path_buf();
    for _ in 0..FOLDERS_UP_MAX {
        if read.keys().all(|p| p.starts_with(&root)) {
            break;
        }
        root = root.parent().unwrap_or(Path::new("")).to_path_buf();
    }
    let name = |p: &Path| {
        let inside =
            p.strip_prefix(&root).map_err(|_| format!("{} is too far from the contract", p.display()))?;
        Ok::<_, String>(
            inside.components().map(|c| c.as_os_str().to_string_lossy()).collect::<Vec<_>>().join("/"),
        )
    };
    let main = name(&first)?;
    let files =
        read.iter().map(|(p, b)| Ok((name(p)?, b.clone()))).collect::<Result<ContractFiles, String>>()?;
    Ok((main, checked(files)?))
}

/// The code tables of a mapping: `x.tables/*.csv` beside `x.jq`, as where mappings are tested.
fn tables_beside(file: &Path) -> Result<Vec<PathBuf>, String> {
    let folder = file.with_extension("tables");
    if file.extension().is_none_or(|e| e != "jq") || !folder.is_dir() {
        return Ok(Vec::new());
    }
    let bad = |e: std::io::Error| format!("the folder {} cannot be read: {e}", folder.display());
    let mut tables = Vec::new();
    for entry in std::fs::read_dir(&folder).map_err(bad)? {
        let path = entry.map_err(bad)?.path();
        if path.extension().is_some_and(|e| e == "csv") {
            tables.push(path);
        }
    }
    Ok(tables)
}

fn read_bounded(path: &Path, max: usize) -> Result<Bytes, String> {
    use std::io::Read as _;
    let bad = |e: std::io::Error| format!("the file {} cannot be read: {e}", path.display());
    let file = std::fs::File::open(path).map_err(bad)?;
    let mut bytes = Vec::new();
    file.take(max as u64 + 1).read_to_end(&mut bytes).map_err(bad)?;
    if bytes.len() > max {
        return Err(format!("the files together have more than {BUNDLE_MAX} bytes"));
    }
    Ok(Bytes::from(bytes))
}

/// A path without `.` and, where it can be told from the path alone, `..`.
fn normal(path: &Path) -> PathBuf {
    let mut out = PathBuf::new();
    for part in path.components() {
        match part {
            Component::CurDir => {}
            Component::ParentDir if matches!(out.components().next_back(), Some(Component::Normal(_))) => {
                out.pop();
            }
            other => out.push(other),
        }
    }
    out
}

/// The relative references of a file: of XML `location` and `schemaLocation`, otherwise `$ref` up to its fragment. What only looks like one
/// does no harm: it is followed only to a file that is there, and what is read is checked by those who know the format.
fn references(bytes: &[u8]) -> Vec<String> {
    let Ok(text) = std::str::from_utf8(bytes) else { return Vec::new() };
    let mut found = Vec::new();
    for word in ["ocation", "$ref"] {
        for (at, _) in text.match_indices(word) {
            let rest = text[at + word.len()..].trim_start_matches(['"', '\'', ' ', '\t', '\r', '\n']);
            let Some(rest) = rest.strip_prefix(['=', ':']) else { continue };
            let rest = rest.trim_start();
            let (open, rest) = match rest.chars().next() {
                Some(quote @ ('"' | '\'')) => (Some(quote), &rest[1..]),
                _ => (None, rest),
            };
            let end = match open {
                Some(quote) => rest.find(quote),
                None => rest.find(|c: char| c.is_whitespace() || ",}".contains(c)).or(Some(rest.len())),
            };
            let value = end.map_or("", |end| &rest[..end]);
            let name = value.split('#').next().unwrap_or("");
            if !name.is_empty() && name.len() < 1_000 && !name.contains(':') && !name.starts_with('/') {
                found.push(name.to_owned());
            }
        }
    }
    found
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{digest, from_text, gather, references, to_text};
    use bytes::Bytes;
    use lgsp_kernel::mediation::ContractFiles;

    #[test]
    fn a_wsdl_is_gathered_with_what_it_imports_and_nothing_else() {
        let folder = tempfile::tempdir().unwrap();
        let put = |name: &str, text: &str| {
            let path = folder.path().join(name);
            std::fs::create_dir_all(path.parent().unwrap()).unwrap();
            std::fs::write(path, text).unwrap();
        };
        put("w/a.wsdl", r#"<i schemaLocation="../x/t.xsd"/><soap:address location="http://h/x"/>"#);
        put("x/t.xsd", "<xs:include schemaLocation='t2.xsd'/><xs:import schemaLocation='gone.xsd'/>");
        put("x/t2.xsd", r#"<xs:include schemaLocation="t.xsd"/>"#);
        put("x/other.xsd", "<x/>");
        let (main, files) = gather(&folder.path().join("w/a.wsdl"), true).unwrap();
        assert_eq!(main, "w/a.wsdl");
        assert_eq!(files.keys().map(String::as_str).collect::<Vec<_>>(), ["w/a.wsdl", "x/t.xsd", "x/t2.xsd"]);
    }

    #[test]
    fn a_mapping_is_gathered_with_its_code_tables() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("a.tables")).unwrap();
        for name in ["a.jq", "a.test.yaml", "b.csv", "a.tables/sex.csv", "a.tables/note.txt"] {
            std::fs::write(folder.path().join(name), ".").unwrap();
        }
        let (main, files) = gather(&folder.path().join("a.jq"), false).unwrap();
        assert_eq!(main, "a.jq");
        assert_eq!(files.keys().map(String::as_str).collect::<Vec<_>>(), ["a.jq", "a.tables/sex.csv"]);
    }

    #[test]
    fn references_of_openapi_are_found_in_yaml_and_json() {
        let found =
            references(b"a: { $ref: 'common.yaml#/A' }\nb:\n  $ref: more.yaml\nc: {\"$ref\": \"#/here\"}");
        assert_eq!(found, ["common.yaml", "more.yaml"]);
    }

    #[test]
    fn the_text_form_reads_back_and_the_digest_tells_names_from_contents() {
        let files =
            |name: &str, text: &'static str| ContractFiles::from([(name.to_owned(), Bytes::from(text))]);
        let one = files("a.jq", ".");
        assert_eq!(from_text(&to_text(&one)).unwrap(), one);
        assert_ne!(digest(&one), digest(&files("a.", "jq.")));
        for bad in ["[]", r#"{"../a": ""}"#, r#"{"a": "%"}"#, "{}"] {
            from_text(bad).unwrap_err();
        }
    }
}
