//! When a newcomer is taken back.

use trainyard_core::Deployment;

use crate::repository::Known;

/// The deployment that takes its newcomers back, and why, where one of them has done worse than allowed since
/// it was deployed.
pub(crate) fn verdict(known: &Known) -> Option<(Deployment, String)> {
    let deployment = known.deployment.as_ref()?;
    let limits = deployment.rollback?;
    let steady = known.loaded.get(&deployment.steady())?;
    let usual = known.tally(steady).mean();
    for route in deployment.routes.iter().skip(1) {
        let Some(newcomer) = known.loaded.get(&route.version) else { continue };
        let tally = known.tally(newcomer);
        let (ended, bad, mean) = (tally.ended(), tally.unanswered, tally.mean());
        if ended < limits.after.max(1) {
            continue;
        }
        let errors = bad as f64 / ended as f64;
        let version = route.version;
        let reason = if errors > limits.errors {
            format!("version {version} did not answer {bad} of {ended} requests, more than {} %", limits.errors * 100.0)
        } else if mean > usual * limits.slower && usual > 0.0 {
            format!("version {version} took {:.1} times as long as version {}", mean / usual, deployment.steady())
        } else {
            continue;
        };
        return Some((Deployment { rollback: None, ..deployment.with_canary(deployment.steady(), 1.0) }, reason));
    }
    None
}
