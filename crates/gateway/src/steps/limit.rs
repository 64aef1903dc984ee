//! Limit: the grant's rate, then its daily quota. A call is charged when it passes here, whatever becomes of it later: what a
//! quota protects, the provider, may have been reached by then, and a charge that could be taken back could be cheated.

use crate::exchange::{Exchange, Why};
use lgsp_kernel::{Refusal, Step, fault};

/// Takes a call out of the grant's bucket and off its quota.
pub(crate) fn limit(x: &mut Exchange) -> Result<(), Refusal> {
    let grant = x.grant.clone().expect("authorize has found a grant");
    if let Some(rate) = grant.spec.rate {
        x.gateway.rates.take(&grant, rate).map_err(|seconds| {
            let burst = rate.burst.unwrap_or(rate.per_second);
            let detail = format!(
                "Grant {} allows {} calls a second, {burst} at once.",
                grant.spec.id, rate.per_second
            );
            Refusal::new(&fault::RATE_EXCEEDED, detail).retry_after(seconds)
        })?;
    }
    let left = match grant.spec.daily_quota {
        None => None,
        Some(quota) => Some(x.gateway.quota.charge(&grant.spec.id, quota, x.now()).map_err(|seconds| {
            let detail = format!("Grant {} allows {quota} calls a day.", grant.spec.id);
            Refusal::new(&fault::QUOTA_EXCEEDED, detail).retry_after(seconds)
        })?),
    };
    x.passed(Step::Limit, Why::Limit(left));
    Ok(())
}
