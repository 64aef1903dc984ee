//! Mappings of an operation: compiled when a version is published, run by the pool of workers, their failures as refusals.

use bytes::Bytes;
use lgsp_kernel::mediation::{CallFacts, ContractProblem, VersionFiles};
use lgsp_kernel::model::FileSpec;
use lgsp_kernel::{Refusal, fault};
use lgsp_mapping::{CallVars, MapError, Mapping, Pool, Tables};
use std::time::Duration;

/// What a mapping may take beside the pool's own limit, its wait for a worker included: a caller waits no longer than for a slow provider.
const PATIENCE: Duration = Duration::from_secs(10);

/// Bytes of a request that are held for the answer's mapping, in each call that waits: a hundred times what requests usually have.
const KEPT_MAX: usize = 256 << 10;

/// Which message a mapping is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    Request,
    Answer,
}

/// Compiles a mapping that a declaration names, with the code tables (`*.csv`) beside it.
pub(crate) fn compile(
    field: &str,
    file: &FileSpec,
    files: &VersionFiles,
) -> Result<Mapping, Vec<ContractProblem>> {
    let bad = |place, message: String| {
        vec![ContractProblem { field: field.into(), place, message, warning: false }]
    };
    let of = |name: &str| {
        let bundle = files.get(file.digest.as_deref()?)?;
        bundle.get(name).map(|bytes| (bundle, bytes))
    };
    let main = file.main.as_deref().unwrap_or_default();
    let (bundle, bytes) = of(main).ok_or_else(|| bad(None, format!("there is no file {main:?}")))?;
    let text = std::str::from_utf8(bytes).map_err(|e| bad(None, format!("{main} is not UTF-8: {e}")))?;
    let mut tables = Tables::default();
    for (name, bytes) in bundle.iter().filter(|(name, _)| name.ends_with(".csv")) {
        let stem = name.rsplit('/').next().unwrap_or(name).trim_end_matches(".csv");
        let text = String::from_utf8_lossy(bytes);
        tables.add_csv(stem, &text).map_err(|why| bad(Some((name.clone(), 0, 0)), why))?;
    }
    Mapping::compile(main, text, tables).map_err(|problems| {
        let place =
            |p: &lgsp_mapping::MappingProblem| (p.line > 0).then(|| (main.to_owned(), p.line, p.column));
        problems.iter().flat_map(|p| bad(place(p), p.message.clone())).collect()
    })
}

/// The request, where the answer's mapping names it as `$request`. A larger one is refused before the provider has done anything for it.
pub(crate) fn keep(answer: Option<&Mapping>, request: &Bytes) -> Result<Option<Bytes>, Refusal> {
    let Some(mapping) = answer.filter(|m| m.names_request()) else { return Ok(None) };
    if request.len() > KEPT_MAX {
        let name = mapping.name();
        let detail = format!("{name} maps the answer by the request, which then may have {KEPT_MAX} bytes.");
        return Err(Refusal::new(&fault::BODY_TOO_LARGE, detail));
    }
    Ok(Some(request.clone()))
}

/// Runs a mapping.
pub(crate) async fn run(
    pool: Option<&Pool>,
    mapping: &Mapping,
    way: Way,
    input: Bytes,
    facts: CallFacts<'_>,
    request: Option<Bytes>,
) -> Result<Bytes, Refusal> {
    let Some(pool) = pool else {
        return Err(Refusal::new(&fault::INTERNAL, "This process runs no mappings."));
    };
    let mut vars = CallVars::from(facts);
    vars.request = request;
    let deadline = tokio::time::Instant::now() + PATIENCE;
    pool.run(mapping, input, &vars, deadline).await.map_err(|e| refusal(mapping, way, &e))
}

fn refusal(mapping: &Mapping, way: Way, error: &MapError) -> Refusal {
    let (refused, limit) = match way {
        Way::Request => (&fault::MAPPING, &fault::MAPPING_LIMIT),
        Way::Answer => (&fault::ANSWER_MAPPING, &fault::ANSWER_MAPPING_LIMIT),
    };
    let detail = format!("{}: {error}", mapping.name());
    match error {
        MapError::Failed { .. } => Refusal::new(refused, detail),
        MapError::Time | MapError::Memory | MapError::Output => Refusal::new(limit, detail),
        MapError::Busy { retry_after, .. } if way == Way::Request => {
            Refusal::new(&fault::MEDIATION_BUSY, detail).retry_after(*retry_after)
        }
        MapError::Busy { .. } => Refusal::new(limit, detail),
        MapError::Worker => {
            Refusal::new(&fault::INTERNAL, "The mapping could not be run.").with_internal(detail)
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::{KEPT_MAX, keep};
    use bytes::Bytes;
    use lgsp_kernel::fault;
    use lgsp_mapping::{Mapping, Tables};

    #[test]
    fn a_request_is_held_only_for_a_mapping_that_names_it_and_up_to_a_limit() {
        let mapping = |text| Mapping::compile("a.jq", text, Tables::default()).unwrap();
        let (asks, does_not) = (mapping("{ id: $request.id }"), mapping("{ id: .id }"));
        let request = Bytes::from("{\"id\":1}");
        assert_eq!(keep(Some(&asks), &request).unwrap(), Some(request.clone()));
        assert_eq!(keep(Some(&does_not), &request).unwrap(), None);
        assert_eq!(keep(None, &request).unwrap(), None);
        let large = Bytes::from(vec![b' '; KEPT_MAX + 1]);
        assert!(keep(Some(&does_not), &large).unwrap().is_none());
        assert!(std::ptr::eq(keep(Some(&asks), &large).unwrap_err().kind, &fault::BODY_TOO_LARGE));
    }
}
