//! Compiles a mapping and runs it on one message, without any bound of its own: only workers run it.

use crate::check;
use crate::functions;
use crate::json;
use crate::limits::MAX_MESSAGE;
use crate::mapping::MappingProblem;
use crate::source::{offset_of, problem_at};
use crate::tables::Tables;
use crate::trace::{Place, Tracer};
use jaq_core::compile::Undefined;
use jaq_core::data::JustLut;
use jaq_core::load::parse::{Def, Term};
use jaq_core::load::{Arena, File, Loader};
use jaq_core::{Compiler, Ctx, Filter, Vars, unwrap_valr};
use jaq_json::Val;

/// The kind of data that all filters here work on.
pub type Data = JustLut<Val>;

/// What the main program of a mapping is: it hands the variables to the mapping's own term, which is the last definition.
const MAIN: &str = "lgsp_main($call; $request; $lgsp_tables)";
const VARIABLES: [&str; 3] = ["$call", "$request", "$lgsp_tables"];

/// A compiled mapping.
pub struct Program {
    filter: Filter<Data>,
    places: Vec<Place>,
    tables: Val,
}

/// An error that a mapping raised.
#[derive(Debug, PartialEq, Eq)]
pub struct Failure {
    /// Line of the mapping, from 1; 0 where none is known.
    pub line: u32,
    /// The members on the way to the value, joined by dots.
    pub field: String,
    /// What went wrong.
    pub message: String,
}

impl Failure {
    fn new(message: &str) -> Self {
        Self { line: 0, field: String::new(), message: message.to_owned() }
    }
}

impl Program {
    /// Compiles; recurses over the text, within the bounds that are checked first.
    pub fn compile(text: &str, tables: &Tables) -> Result<Self, Vec<MappingProblem>> {
        let term = check::parse(text, tables)?;
        let arena = Arena::default();
        let mut tracer = Tracer::new(text, &arena);
        let term = tracer.main(term);
        let places = std::mem::take(&mut tracer.places);
        let body = Term::Def(functions::definitions(), Box::new(term));
        let main = Def { name: "lgsp_main", args: VARIABLES.to_vec(), body };
        let mut prelude: Vec<Def<&str>> = Vec::new();
        // one by one: the mapping's own text lives shorter than the library's
        for def in functions::standard_definitions() {
            prelude.push(def);
        }
        prelude.push(main);
        let modules = Loader::new(prelude)
            .load(&arena, File { code: MAIN, path: () })
            .map_err(|_| vec![problem_at(text, 0, "the mapping could not be loaded")])?;
        let filter = Compiler::default()
            .with_funs(functions::natives())
            .with_global_vars(VARIABLES)
            .compile(modules)
            .map_err(|errors| {
                errors
                    .into_iter()
                    .flat_map(|(_, e)| e)
                    .map(|(name, kind)| undefined(text, name, &kind))
                    .collect::<Vec<_>>()
            })?;
        Ok(Self { filter, places, tables: functions::tables(tables) })
    }

    /// Runs it on a message; it must give one result.
    pub fn run(&self, input: Val, call: Val, request: Val) -> Result<Val, Failure> {
        let vars = Vars::new([call, request, self.tables.clone()]);
        let ctx = Ctx::<Data>::new(&self.filter.lut, vars);
        let mut results = self.filter.id.run((ctx, input)).map(unwrap_valr);
        let first = match results.next() {
            Some(Ok(value)) => value,
            Some(Err(error)) => return Err(self.failure(error.into_val())),
            None => return Err(Failure::new("the mapping gave no result (empty)")),
        };
        match results.next() {
            None => Ok(first),
            Some(Ok(_)) => Err(Failure::new("the mapping gave more than one result: put them into [ ]")),
            Some(Err(error)) => Err(self.failure(error.into_val())),
        }
    }

    fn failure(&self, error: Val) -> Failure {
        let (places, error) = functions::untag(error);
        let place = |id: &usize| self.places.get(*id);
        // innermost first
        let line = places.iter().filter_map(place).map(|p| p.line).next().unwrap_or(0);
        let fields: Vec<&str> = places
            .iter()
            .rev()
            .filter_map(place)
            .map(|p| p.field.as_str())
            .filter(|f| !f.is_empty())
            .collect();
        Failure { line, field: fields.join("."), message: json::excerpt(&error, MAX_MESSAGE) }
    }
}

/// A name that stands for nothing.
fn undefined(text: &str, name: &str, kind: &Undefined) -> MappingProblem {
    let offset = offset_of(text, name).filter(|o| o + name.len() <= text.len()).unwrap_or(0);
    let what = match kind {
        Undefined::Filter(0) => format!("there is no function `{name}` without arguments"),
        Undefined::Filter(count) => format!("there is no function `{name}` with {count} argument(s)"),
        kind => format!("there is no {} `{name}`", kind.as_str()),
    };
    problem_at(text, offset, what)
}
