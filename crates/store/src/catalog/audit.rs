//! The audit log: who changed what by requests, the newest first.

use serde::Serialize;

use super::{Argument, column};
use crate::{error::StoreError, store::Store};

/// Entries that are kept; older ones go.
const KEPT: i64 = 1_000_000;

/// A request that changed something, or was refused to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AuditEntry {
    /// When, in milliseconds since 1970.
    pub time: i64,
    /// The caller's name; empty where it was not known.
    pub who: String,
    /// Where the call came from.
    pub address: String,
    /// The method, such as `POST`.
    pub method: String,
    /// The path, without its query.
    pub path: String,
    /// The status of the answer.
    pub status: u16,
    /// What was changed, where the path does not say it.
    pub target: String,
}

/// An entry as it was kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AuditRow {
    /// Its number: a later entry has a greater one.
    pub id: i64,
    /// What it says.
    #[serde(flatten)]
    pub entry: AuditEntry,
}

const ADD: &str = "BEGIN IMMEDIATE;
     INSERT INTO audit (time, who, address, method, path, status, target)
       SELECT value->>0, value->>1, value->>2, value->>3, value->>4, value->>5, value->>6 FROM jsonb_each(?);
     DELETE FROM audit WHERE id <= (SELECT max(id) FROM audit) - ?;
     COMMIT";

impl Store {
    /// Adds entries, in this order.
    ///
    /// # Errors
    /// When the catalog cannot be written.
    pub fn add_audit(&self, entries: &[AuditEntry]) -> Result<(), StoreError> {
        self.must_write()?;
        let rows = entries.iter().map(|entry| {
            let AuditEntry { time, who, address, method, path, status, target } = entry;
            (time, who, address, method, path, status, target)
        });
        self.catalog.script(ADD, &[Argument::rows(rows)?, Argument::number(KEPT)]).map(drop)
    }

    /// The newest entries, or the newest of those before an id; at most `limit`.
    ///
    /// # Errors
    /// When the catalog cannot be read.
    pub fn audit(&self, before: Option<i64>, limit: u32) -> Result<Vec<AuditRow>, StoreError> {
        let sql = "SELECT id, time, who, address, method, path, status, target FROM audit
                   WHERE id < CAST(?1 AS INTEGER) ORDER BY id DESC LIMIT CAST(?2 AS INTEGER)";
        let rows = self.catalog.rows(sql, &[&before.unwrap_or(i64::MAX).to_string(), &limit.to_string()])?;
        rows.iter()
            .map(|row| {
                Ok(AuditRow {
                    id: column(row, "id")?,
                    entry: AuditEntry {
                        time: column(row, "time")?,
                        who: column(row, "who")?,
                        address: column(row, "address")?,
                        method: column(row, "method")?,
                        path: column(row, "path")?,
                        status: column::<i64>(row, "status")?.try_into().unwrap_or_default(),
                        target: column(row, "target")?,
                    },
                })
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sample::store;

    fn entry(time: i64) -> AuditEntry {
        AuditEntry {
            time,
            who: "bea \"'\u{1f600}".into(),
            address: "10.0.0.1".into(),
            method: "POST".into(),
            path: "/api/v1/runs".into(),
            status: 200,
            target: "run 7".into(),
        }
    }

    #[test]
    fn pages_of_the_log_neither_overlap_nor_leave_out() {
        let (_folder, store) = store();
        let entries: Vec<AuditEntry> = (0..25).map(entry).collect();
        store.add_audit(&entries[..10]).unwrap();
        store.add_audit(&entries[10..]).unwrap();
        let (mut found, mut before) = (Vec::new(), None);
        loop {
            let page = store.audit(before, 7).unwrap();
            let Some(last) = page.last() else { break };
            before = Some(last.id);
            // What comes meanwhile does not move what is left.
            store.add_audit(&[entry(100)]).unwrap();
            found.extend(page.into_iter().map(|row| row.entry));
        }
        found.reverse();
        assert_eq!(found, entries);
    }
}
