//! Regular expressions of schemas: only such as are matched in linear time.

use serde_json::json;

/// Characters of one regular expression.
const PATTERN_MAX: usize = 4_000;
/// Bytes that one compiled regular expression may take.
pub const COMPILED_MAX: usize = 1 << 20;

/// The engine for all patterns: finite automata, no backtracking.
pub fn engine() -> jsonschema::PatternOptions<jsonschema::Regex> {
    jsonschema::PatternOptions::regex().size_limit(COMPILED_MAX)
}

/// Why a regular expression is not taken.
pub fn check(pattern: &str) -> Result<(), String> {
    if pattern.len() > PATTERN_MAX {
        return Err(format!("longer than {PATTERN_MAX} characters"));
    }
    let schema = json!({"pattern": pattern});
    let options = jsonschema::options().with_draft(jsonschema::Draft::Draft202012);
    match options.with_pattern_options(engine()).build(&schema) {
        Ok(_) => Ok(()),
        Err(_) => Err(format!(
            "{pattern:?} is malformed, too large, or needs backtracking (look-around, back-references), which can take time without bound: write it without"
        )),
    }
}
