//! The documents of a version's faces: the OpenAPI document of a REST face, the WSDL and schemas of a SOAP face. The service's address is
//! `{address}` in them, which the gateway replaces.

use bytes::Bytes;
use lgsp_kernel::mediation::ContractFiles;
use std::collections::HashMap;
use std::sync::Arc;

/// The documents.
#[derive(Debug, Default)]
pub(crate) struct Documents {
    pub openapi: Option<Arc<str>>,
    pub wsdl: Option<Arc<str>>,
    pub xsd: HashMap<String, Arc<str>>,
}

/// The WSDL as it was uploaded, with the platform's address in the place of the provider's, and its imports to be asked for here.
pub(crate) fn of_wsdl(files: &ContractFiles, main: &str, out: &mut Documents) {
    for (name, bytes) in files {
        let Some(text) = readable(bytes) else { continue };
        let text: Arc<str> = rewritten(&text, name, files).into();
        if name == main {
            out.wsdl = Some(text);
        } else {
            out.xsd.insert(name.clone(), text);
        }
    }
}

fn readable(bytes: &Bytes) -> Option<String> {
    let text = std::str::from_utf8(bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes)).ok()?;
    // What stands in braces is not ours to replace.
    (!text.contains("{address}")).then(|| text.to_owned())
}

/// Replaces the values of `location` and `schemaLocation`, wherever they stand: those of addresses by ours, those of files by theirs.
fn rewritten(text: &str, name: &str, files: &ContractFiles) -> String {
    let folder = name.rsplit_once('/').map_or("", |(folder, _)| folder);
    let mut out = String::with_capacity(text.len() + 256);
    let mut rest = text;
    while let Some(at) = rest.find("ocation") {
        let (before, after) = rest.split_at(at + "ocation".len());
        out.push_str(before);
        rest = after;
        let trimmed = rest.trim_start();
        let Some(value) = trimmed.strip_prefix('=').map(str::trim_start) else { continue };
        let Some(quote) = value.chars().next().filter(|c| matches!(c, '"' | '\'')) else { continue };
        let Some(end) = value[1..].find(quote) else { continue };
        let said = &value[1..=end];
        rest = &value[end + 2..];
        let told = if said.starts_with("http://") || said.starts_with("https://") {
            "{address}".to_owned()
        } else {
            match resolved(folder, said).filter(|n| files.contains_key(n)) {
                Some(file) => format!("{{address}}?xsd={}", escaped(&file)),
                None => said.to_owned(),
            }
        };
        out.push_str(&format!("={quote}{told}{quote}"));
    }
    out.push_str(rest);
    out
}

fn resolved(folder: &str, said: &str) -> Option<String> {
    let mut steps: Vec<&str> = folder.split('/').filter(|s| !s.is_empty()).collect();
    for step in said.split('/') {
        match step {
            "." => {}
            ".." => drop(steps.pop()?),
            step => steps.push(step),
        }
    }
    Some(steps.join("/"))
}

fn escaped(name: &str) -> String {
    percent_encoding::utf8_percent_encode(name, percent_encoding::NON_ALPHANUMERIC).to_string()
}

#[cfg(test)]
mod tests {
    use super::{Documents, of_wsdl};
    use bytes::Bytes;
    use lgsp_kernel::mediation::ContractFiles;

    #[test]
    fn the_uploaded_wsdl_names_the_platform_and_its_imports_here() {
        let files = ContractFiles::from([
            (
                "w/a.wsdl".to_owned(),
                Bytes::from("<i schemaLocation='../x/t.xsd'/><s:address location=\"http://p/\"/>"),
            ),
            ("x/t.xsd".to_owned(), Bytes::from("<xs:include schemaLocation=\"gone.xsd\"/>")),
        ]);
        let mut documents = Documents::default();
        of_wsdl(&files, "w/a.wsdl", &mut documents);
        let wsdl = "<i schemaLocation='{address}?xsd=x%2Ft%2Exsd'/><s:address location=\"{address}\"/>";
        assert_eq!(documents.wsdl.as_deref(), Some(wsdl));
        assert_eq!(documents.xsd["x/t.xsd"].as_ref(), "<xs:include schemaLocation=\"gone.xsd\"/>");
    }
}
