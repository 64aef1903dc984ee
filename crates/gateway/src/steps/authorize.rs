//! Authorize: whether a grant covers this call. The first that does lets it pass; where none does, the caller reads the reason of
//! the grant that came closest.

use crate::exchange::{Exchange, Why};
use lgsp_kernel::model::Statement;
use lgsp_kernel::record::Stated;
use lgsp_kernel::snapshot::Grant;
use lgsp_kernel::{Millis, Refusal, Step, fault};
use std::net::IpAddr;
use std::sync::Arc;

/// Finds the grant.
pub(crate) fn authorize(x: &mut Exchange) -> Result<(), Refusal> {
    let (route, consumer) = (x.route(), x.caller.as_ref().map_or("", |c| c.system.spec.id.as_str()));
    let grants = x.snapshot.grants_for(consumer, route.service.spec.id.as_str());
    let method = x.head.method.as_str();
    let covers = |g: &&Arc<Grant>| {
        let covers = |m| g.covers(route.version.spec.version.as_str(), &route.operation.spec, m, &route.path);
        // A HEAD that means a declared GET is granted with it.
        covers(method) || (method == "HEAD" && covers("GET"))
    };
    let (now, source) = (x.now(), x.conn.peer.ip().to_canonical());
    let mut closest: Option<(u8, Refusal)> = None;
    let mut found = None;
    for grant in grants.iter().filter(covers) {
        match usable(grant, now, source, &x.stated) {
            Ok(()) => {
                found = Some(grant.clone());
                break;
            }
            Err(other) if closest.as_ref().is_none_or(|c| other.0 > c.0) => closest = Some(other),
            Err(_) => {}
        }
    }
    let grant = found.ok_or_else(|| {
        closest.map_or_else(
            || {
                let operation = &route.operation.spec.name;
                let detail = format!("{consumer} has no grant for {} {operation}.", route.version.key);
                Refusal::new(&fault::NO_GRANT, detail)
            },
            |c| c.1,
        )
    })?;
    x.passed(Step::Authorize, Why::Grant(grant.clone()));
    x.grant = Some(grant);
    Ok(())
}

/// Whether a grant that covers the call can be used for it now; if not, how close it came and why.
fn usable(grant: &Grant, now: Millis, source: IpAddr, stated: &Stated) -> Result<(), (u8, Refusal)> {
    let spec = &grant.spec;
    let id = &spec.id;
    if let Some(until) = spec.valid_until.filter(|t| now >= t.0) {
        let detail = format!("Grant {id} ended at {}.", until.0.rfc3339());
        return Err((1, Refusal::new(&fault::GRANT_EXPIRED, detail)));
    }
    if spec.suspended {
        return Err((2, Refusal::new(&fault::GRANT_SUSPENDED, format!("Grant {id} is suspended."))));
    }
    if let Some(from) = spec.valid_from.filter(|t| now < t.0) {
        let detail = format!("Grant {id} begins at {}.", from.0.rfc3339());
        return Err((3, Refusal::new(&fault::GRANT_NOT_YET_VALID, detail)));
    }
    if !spec.sources.is_empty() && !spec.sources.iter().any(|net| net.contains(&source)) {
        return Err((4, Refusal::new(&fault::SOURCE_REFUSED, format!("Grant {id} does not name {source}."))));
    }
    let missing = spec.require.iter().find(|s| match s {
        Statement::Officer => stated.officer.is_none(),
        Statement::Purpose => stated.purpose.is_none(),
        Statement::Dossier => stated.dossier.is_none(),
    });
    if let Some(missing) = missing {
        let header = match missing {
            Statement::Officer => "lgsp-officer",
            Statement::Purpose => "lgsp-purpose",
            Statement::Dossier => "lgsp-dossier",
        };
        return Err((
            5,
            Refusal::new(&fault::STATEMENT_MISSING, format!("Grant {id} demands the header {header}.")),
        ));
    }
    Ok(())
}
