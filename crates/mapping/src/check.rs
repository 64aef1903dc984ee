//! Reads a mapping's text into terms and refuses what a mapping may not use, with places. Compiling and running: `engine`.

use crate::engine;
use crate::limits::STACK;
use crate::mapping::MappingProblem;
use crate::source::{check_bounds, check_depth, offset_of, problem_at};
use crate::tables::Tables;
use crate::trace::literal;
use jaq_core::load::Parser;
use jaq_core::load::lex::{Lexer, StrPart, Tok, Token};
use jaq_core::load::parse::Term;

/// Words of jq that reach out of the message, and why there are none here. Refused wherever they stand as words.
const REFUSED: &[(&str, &str)] = &[
    ("input", "a mapping sees one message: use `.`"),
    ("inputs", "a mapping sees one message: use `.`"),
    ("input_line_number", "a mapping sees one message"),
    ("input_filename", "a mapping sees one message"),
    ("env", "a mapping has no environment"),
    ("now", "the same message must give the same result: use $call.at"),
    ("localtime", "the clock's zone is not known: use date_from and date_to"),
    ("strflocaltime", "the clock's zone is not known: use date_from and date_to"),
    ("debug", "a mapping writes nothing but its result"),
    ("stderr", "a mapping writes nothing but its result"),
    ("halt", "use error(\"...\")"),
    ("halt_error", "use error(\"...\")"),
    ("import", "a mapping is one file"),
    ("include", "a mapping is one file"),
    ("modulemeta", "a mapping is one file"),
    ("get_search_list", "a mapping is one file"),
];
/// Variables of jq that there are none of here.
const REFUSED_VARIABLES: &[&str] = &["$ENV", "$__loc__", "$__prog_args"];
/// Functions whose first argument is the name of a table.
const TABLE_FUNCTIONS: &[&str] = &["code", "code_or", "code_back", "code_back_or"];

/// Checks text and tables on a thread with a stack of known size.
pub fn check(text: &str, tables: &Tables) -> Result<(), Vec<MappingProblem>> {
    check_bounds(text).map_err(|p| vec![p])?;
    let lost = || vec![problem_at(text, 0, "the mapping could not be read")];
    std::thread::scope(|scope| {
        std::thread::Builder::new()
            .name("mapping-check".into())
            .stack_size(STACK)
            .spawn_scoped(scope, || engine::Program::compile(text, tables).map(drop))
            .map_err(|_| lost())?
            .join()
            .unwrap_or_else(|_| Err(lost()))
    })
}

/// Parses a text within its bounds; recurses over it.
pub fn parse<'t>(text: &'t str, tables: &Tables) -> Result<Term<&'t str>, Vec<MappingProblem>> {
    check_bounds(text).map_err(|p| vec![p])?;
    let at = |part: &str| offset_of(text, part).unwrap_or(text.len());
    let tokens = Lexer::new(text).lex().map_err(|errors| {
        let one = |(expected, found): (jaq_core::load::lex::Expect<&str>, &str)| {
            problem_at(text, at(found), format!("expected {}", expected.as_str()))
        };
        errors.into_iter().map(one).collect::<Vec<_>>()
    })?;
    check_depth(text, &tokens).map_err(|p| vec![p])?;
    let mut problems = Vec::new();
    words(text, &tokens, tables, &mut problems);
    if !problems.is_empty() {
        return Err(problems);
    }
    Parser::new(&tokens).parse(|p| p.term()).map_err(|errors| {
        let one = |(expected, found): (jaq_core::load::parse::Expect<&str>, Option<&Token<&str>>)| {
            let found = Token::opt_as_str(found, text);
            let what = if found.is_empty() { "the end".to_owned() } else { shown(found) };
            problem_at(text, at(found), format!("expected {}, found {what}", expected.as_str()))
        };
        errors.into_iter().map(one).collect()
    })
}

/// The beginning of a token, in quotes.
fn shown(found: &str) -> String {
    let line = found.lines().next().unwrap_or_default();
    format!("`{}`", line.chars().take(20).collect::<String>())
}

/// Looks at every word; a word after a dot or before a colon is the name of a member, not of a function.
fn words(text: &str, tokens: &[Token<&str>], tables: &Tables, problems: &mut Vec<MappingProblem>) {
    for (index, Token(word, token)) in tokens.iter().enumerate() {
        let next = tokens.get(index + 1);
        let member = next.is_some_and(|t| t.0 == ":") || word.starts_with('.');
        let mut refuse = |message: String| {
            problems.push(problem_at(text, offset_of(text, word).unwrap_or(0), message));
        };
        match token {
            Tok::Word if !member => {
                if let Some((_, why)) = REFUSED.iter().find(|(name, _)| name == word) {
                    refuse(format!("`{word}` is not available: {why}"));
                } else if word.starts_with("lgsp_") {
                    refuse("names that begin with `lgsp_` are the platform's own".to_owned());
                } else if TABLE_FUNCTIONS.contains(word)
                    && let Some(name) = table_name(next)
                    && !tables.0.contains_key(name)
                {
                    refuse(format!("there is no code table \"{name}\" with this mapping"));
                }
            }
            Tok::Var if REFUSED_VARIABLES.contains(word) || word.starts_with("$lgsp_") => {
                refuse(format!("`{word}` is not available"));
            }
            Tok::Block(inner) => words(text, inner, tables, problems),
            Tok::Str(parts) => {
                for part in parts {
                    if let StrPart::Term(token) = part {
                        words(text, std::slice::from_ref(token), tables, problems);
                    }
                }
            }
            _ => {}
        }
    }
}

/// The literal first argument of a call.
fn table_name<'t>(arguments: Option<&Token<&'t str>>) -> Option<&'t str> {
    let Token(bracket, Tok::Block(inner)) = arguments? else { return None };
    let Token(text, Tok::Str(_)) = inner.first()? else { return None };
    if !bracket.starts_with('(') || !inner.get(1).is_some_and(|t| t.0 == ";" || t.0 == ")") {
        return None;
    }
    let term = jaq_core::load::parse(text, |p| p.term())?;
    literal(&term)
}
