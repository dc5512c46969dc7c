//! What a server does by itself, whoever calls.

use std::{sync::Arc, time::Duration};

use crate::Site;

/// How often metrics are folded into their series, those too that other processes logged.
const FOLD: Duration = Duration::from_millis(100);

/// Folds metrics for as long as the server lives.
pub async fn tend(site: Arc<Site>) {
    if site.store.mode() == trainyard_store::Mode::Read {
        return;
    }
    loop {
        tokio::time::sleep(FOLD).await;
        let site = Arc::clone(&site);
        // What could not be folded waits in the log for the next turn, and readers are told why.
        let _ = tokio::task::spawn_blocking(move || site.store.fold_all_metrics()).await;
    }
}
