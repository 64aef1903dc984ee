//! What an operator declares of mediation: a version's contract, faces, checks, text and attachments, and what an operation binds, sets
//! and maps. Part of `model`, where it is named; what a contract says is read elsewhere.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

/// Kinds of contracts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ContractKind {
    /// WSDL 1.1 with its XML Schemas.
    Wsdl,
    /// OpenAPI 3.0 or 3.1.
    Openapi,
}

/// A version's contract. Written as `file`; stored as `digest`, `kind` and `main`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ContractSpec {
    /// The file, relative to the declaration; the files that it refers to are taken with it. Read where a declaration is applied from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// SHA-256 of its files, hexadecimal, as an upload answers it: what the store holds in the place of `file`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// What it is; none: found out from the file.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<ContractKind>,
    /// The file among its files that is read first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub main: Option<String>,
    /// WSDL: the `wsdl:service`, where there are several.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<String>,
    /// WSDL: the `wsdl:port`, where there are several; none: the first with a SOAP binding.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub port: Option<String>,
}

/// A file that a declaration names, other than a contract: a mapping, or the WSDL of a face. Written as `file`; stored as `digest` and `main`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FileSpec {
    /// The file, relative to the declaration.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<String>,
    /// SHA-256 of its files, hexadecimal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
    /// The file among them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub main: Option<String>,
}

/// How callers may speak to a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FaceSpec {
    /// HTTP resources, JSON.
    Rest,
    /// SOAP 1.1 and 1.2.
    Soap,
}

/// What becomes of a message that breaks its contract. In the order of strictness.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum CheckMode {
    /// It is not looked at.
    #[default]
    Off,
    /// It is carried, and noted on record.
    Report,
    /// It is refused.
    Enforce,
}

/// Whether messages are checked against the contract. Messages that are converted always are.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckSpec {
    /// Requests.
    #[serde(default, skip_serializing_if = "is_default")]
    pub requests: CheckMode,
    /// Answers.
    #[serde(default, skip_serializing_if = "is_default")]
    pub answers: CheckMode,
}

impl CheckSpec {
    /// The stricter of two, each direction by itself.
    pub fn or_stricter(self, other: Self) -> Self {
        Self { requests: self.requests.max(other.requests), answers: self.answers.max(other.answers) }
    }
}

/// What is done with the characters of messages.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TextSpec {
    /// Of requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requests: Option<TextRule>,
    /// Of answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answers: Option<TextRule>,
}

/// How the characters of messages are read. They are passed on as UTF-8.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TextRule {
    /// The encoding that messages have: `tcvn3`, `vni`, `windows-1258`, `utf-16`, `utf-8`; none: as the message says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub charset: Option<String>,
    /// What the message's own label counts for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<TextLabel>,
    /// The Unicode form that text is put into.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub normalize: Option<TextForm>,
}

/// What a message's own label of its encoding counts for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TextLabel {
    /// It decides where there is one.
    Trust,
    /// It counts for nothing: `charset` decides, or, where there is none, what the bytes can be.
    Ignore,
}

/// Unicode forms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TextForm {
    /// Composed (UAX #15).
    Nfc,
}

/// The mappings of an operation: jq programs.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MappingsSpec {
    /// From the caller's JSON to the provider's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request: Option<FileSpec>,
    /// From the provider's JSON to the caller's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<FileSpec>,
}
