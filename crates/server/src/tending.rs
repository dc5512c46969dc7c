//! What a server does by itself, whoever calls.

use std::{sync::Arc, time::Duration};

use crate::Site;

/// How often metrics are folded into their series.
const FOLD: Duration = Duration::from_millis(100);
/// Every so many times, those too that other processes logged.
const OTHERS: u32 = 20;

/// Folds metrics for as long as the server lives.
pub async fn tend(site: Arc<Site>) {
    if site.store.mode() == trainyard_store::Mode::Read {
        return;
    }
    for turn in 0_u32.. {
        tokio::time::sleep(FOLD).await;
        let site = Arc::clone(&site);
        let folding = tokio::task::spawn_blocking(move || match turn % OTHERS {
            0 => site.store.fold_all_metrics(),
            _ => site.store.fold_metrics(),
        });
        // What could not be folded waits in the log for the next turn, and readers are told why.
        let _ = folding.await;
    }
}
