//! The container itself: manifests, what signs and dates them, the archive. Members in a fixed order, stored, with a fixed date, so
//! that the same parts give the same bytes. Not here: which member holds what (`layout`).

use super::bundle::{Bundle, ExportError};
use super::layout::{Files, files};
use crate::cms::{self, Content, SealError, SealKey};
use crate::tsa::TOKEN_MAX;
use lgsp_evidence::hash::sha256;
use std::io::{Cursor, Write};
use std::time::Duration;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

/// The version of the members, in `exchange.txt`.
pub const FORMAT: &str = "lgsp-export/1";
/// The media type, and the content of the first member.
pub const MIMETYPE: &str = "application/vnd.etsi.asic-e+zip";
const MANIFEST_SIGNED: &str = "META-INF/ASiCManifest001.xml";
const SIGNATURE: &str = "META-INF/signature001.p7s";
const MANIFEST_STAMPED: &str = "META-INF/ASiCManifest002.xml";
const TIMESTAMP: &str = "META-INF/timestamp002.tst";

/// A container being made: [`Self::sign`] it, or [`Self::stamp`] it, or both in this order.
#[derive(Debug)]
pub struct Container {
    files: Files,
    made: Duration,
    signature: Option<(String, Vec<u8>)>,
    timestamp: Option<(String, Vec<u8>)>,
}

impl Container {
    /// The members of a bundle.
    pub fn of(bundle: &Bundle) -> Result<Self, ExportError> {
        let made = u64::try_from(bundle.made.seconds()).unwrap_or_default();
        let made = Duration::from_secs(made);
        Ok(Self { files: files(bundle)?, made, signature: None, timestamp: None })
    }
    /// Signs the manifest (CAdES, level B): `certificates` in DER, that of the key first, its issuers after it.
    pub fn sign(&mut self, certificates: &[Vec<u8>], key: &dyn SealKey) -> Result<(), SealError> {
        let manifest = manifest(SIGNATURE, "application/pkcs7-signature", self.members());
        let content = Content::Detached(manifest.as_bytes());
        let signature = cms::sign(&content, certificates, key, self.made, true)?;
        self.timestamp = None;
        self.signature = Some((manifest, signature));
        Ok(())
    }
    /// SHA-256 of the manifest that a timestamp is to be on: of all members and of the signature, if there is one.
    pub fn manifest_digest(&self) -> [u8; 32] {
        sha256(self.manifest_to_stamp().as_bytes()).0
    }
    /// Puts in a timestamp token on [`Self::manifest_digest`], as verified by the caller.
    pub fn stamp(&mut self, token: Vec<u8>) -> Result<(), ExportError> {
        if token.len() > TOKEN_MAX {
            return Err(ExportError::part("the timestamp", "larger than any token"));
        }
        self.timestamp = Some((self.manifest_to_stamp(), token));
        Ok(())
    }
    /// The archive.
    pub fn to_zip(&self) -> Result<Vec<u8>, ExportError> {
        if self.signature.is_none() && self.timestamp.is_none() {
            return Err(ExportError::Unsealed);
        }
        let meta = self.signature_members().chain(
            self.timestamp.iter().flat_map(|(m, t)| [(MANIFEST_STAMPED, m.as_bytes()), (TIMESTAMP, t)]),
        );
        // The media type is first and stored, so that it can be read at a fixed place (section 4.4.3.1 of the standard).
        let all = std::iter::once(("mimetype", MIMETYPE.as_bytes())).chain(self.members()).chain(meta);
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Stored)
            .last_modified_time(DateTime::default())
            .unix_permissions(0o644);
        let failed = |e: &dyn std::fmt::Display| ExportError::Archive(e.to_string());
        for (name, bytes) in all {
            zip.start_file(name, options).map_err(|e| failed(&e))?;
            zip.write_all(bytes).map_err(|e| failed(&e))?;
        }
        Ok(zip.finish().map_err(|e| failed(&e))?.into_inner())
    }

    fn members(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice()))
    }
    fn signature_members(&self) -> impl Iterator<Item = (&str, &[u8])> {
        self.signature.iter().flat_map(|(m, s)| [(MANIFEST_SIGNED, m.as_bytes()), (SIGNATURE, s)])
    }
    fn manifest_to_stamp(&self) -> String {
        let all = self.members().chain(self.signature_members());
        manifest(TIMESTAMP, "application/vnd.etsi.timestamp-token", all)
    }
}

/// `ASiCManifest` of ETSI EN 319 162-1, annex A.4, one element a line: a shell reads it.
fn manifest<'a>(seal: &str, seal_type: &str, members: impl Iterator<Item = (&'a str, &'a [u8])>) -> String {
    let mut xml = format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <asic:ASiCManifest xmlns:asic=\"http://uri.etsi.org/02918/v1.2.1#\" xmlns:ds=\"http://www.w3.org/2000/09/xmldsig#\">\n\
         <asic:SigReference URI=\"{seal}\" MimeType=\"{seal_type}\"/>\n"
    );
    for (name, bytes) in members {
        xml.push_str(&format!(
            "<asic:DataObjectReference URI=\"{name}\" MimeType=\"{}\">\n\
             <ds:DigestMethod Algorithm=\"http://www.w3.org/2001/04/xmlenc#sha256\"/>\n\
             <ds:DigestValue>{}</ds:DigestValue>\n\
             </asic:DataObjectReference>\n",
            media_type(name),
            sha256(bytes)
        ));
    }
    xml + "</asic:ASiCManifest>\n"
}

/// Names of members are ours: letters, digits, `.`, `-`, `/`.
fn media_type(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("txt" | "vkey") => "text/plain",
        Some("json") => "application/json",
        Some("xml") => "application/xml",
        Some("pem") => "application/x-pem-file",
        Some("tst") => "application/vnd.etsi.timestamp-token",
        Some("p7s") => "application/pkcs7-signature",
        _ => "application/octet-stream",
    }
}
