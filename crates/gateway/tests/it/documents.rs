//! The documents that are made from the code. `LGSP_BLESS=1` writes them anew.

use lgsp_kernel::fault::ALL_KINDS;
use std::fmt::Write as _;

const INTRODUCTION: &str = "# Refusals

Made from the code (`crates/kernel/src/fault.rs`); a test compares the two.

Every refusal is one of the kinds below. A REST caller reads it as `application/problem+json` (RFC 9457), a SOAP caller as a fault of its SOAP
version whose detail carries the same members:

```json
{\"type\":\"urn:lgsp:problem:limit.quota\",\"title\":\"The daily quota is used up\",\"status\":429,
 \"detail\":\"Grant g-1 allows 1000 calls a day.\",\"step\":\"limit\",\"blame\":\"caller\",
 \"remedy\":\"Wait for midnight (UTC+7); ask for a higher quota if the need is lasting.\",
 \"exchange\":\"ex_019cac7d03807208b035b62cfc7c3f01\",\"retry_after\":50400}
```

`type` is stable and meant for programs; `step` says which step of the call refused, `blame` whose fault it is (`caller`, `platform`,
`provider`), `remedy` what to do, and `exchange` is what to quote to the operator (`lgsp explain <exchange>`).

| Code | Status | Blame | What happened | What to do |
|---|---|---|---|---|
";

#[test]
fn the_list_of_refusals_in_the_documents_is_the_one_in_the_code() {
    let mut text = INTRODUCTION.to_owned();
    for k in ALL_KINDS {
        writeln!(text, "| `{}` | {} | {} | {} | {} |", k.code, k.status, k.blame.as_str(), k.title, k.remedy)
            .unwrap();
    }
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/errors.md");
    if std::env::var_os("LGSP_BLESS").is_some() {
        std::fs::write(path, &text).unwrap();
    }
    let written = std::fs::read_to_string(path).unwrap_or_default();
    assert!(written == text, "docs/errors.md is not what the code says; write it anew with LGSP_BLESS=1");
}
