//! What came of what.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use trainyard_core::digest::Digest;

use super::{column, named, parsed, rows::LineageRow};
use crate::{error::StoreError, store::Store};

const ANCESTRY: &str = "WITH RECURSIVE ancestry(artifact) AS (
       SELECT ?1
       UNION
       SELECT i.artifact FROM ancestry a
         JOIN lineage_outputs o ON o.artifact = a.artifact
         JOIN lineage_inputs i ON i.fingerprint = o.fingerprint)
     SELECT o.artifact, o.fingerprint, o.port, coalesce(f.uses, '') AS uses,
       (SELECT json_group_array(json_object('port', port, 'name', name, 'artifact', artifact)) FROM
          (SELECT i.port, i.name, i.artifact FROM lineage_inputs i WHERE i.fingerprint = o.fingerprint
           ORDER BY i.position)) AS inputs
     FROM ancestry a JOIN lineage_outputs o ON o.artifact = a.artifact
     LEFT JOIN fingerprints f ON f.fingerprint = o.fingerprint
     ORDER BY o.artifact, o.fingerprint, o.port";

/// What came to a result stands in the lineage, but for what a gate refused: that stands in its run.
const WORK_ON: &str = "SELECT f.fingerprint, f.fields FROM fingerprints f
     WHERE f.uses = ?2
       AND (EXISTS (SELECT 1 FROM lineage_inputs i WHERE i.fingerprint = f.fingerprint AND i.artifact = ?1)
         OR instr(f.fields, ?1) > 0 AND f.fingerprint IN
              (SELECT s.fingerprint FROM step_runs s WHERE s.uses = ?2 AND s.status = 'refused'))
     ORDER BY f.fingerprint";

impl Store {
    /// The work by the step `uses` that took in an artifact and came to a result, be it refused by a gate: the fields
    /// of each fingerprint.
    ///
    /// # Errors
    /// When the catalog cannot be read.
    pub fn work_on(&self, artifact: &Digest, uses: &str) -> Result<BTreeMap<Digest, serde_json::Value>, StoreError> {
        let rows = self.catalog.rows(WORK_ON, &[&artifact.to_string(), uses])?;
        rows.iter().map(|row| Ok((named(row, "fingerprint")?, parsed(row, "fields")?))).collect()
    }

    /// How an artifact came to be: the work that made it, the work that made what went into that, and so on to the
    /// sources, the nearest first. Work that made the same content twice is told twice.
    ///
    /// # Errors
    /// When the catalog cannot be read.
    pub fn lineage(&self, digest: &Digest) -> Result<Vec<LineageRow>, StoreError> {
        let mut made: BTreeMap<Digest, Vec<LineageRow>> = BTreeMap::new();
        for row in self.catalog.rows(ANCESTRY, &[&digest.to_string()])? {
            let row = LineageRow {
                artifact: named(&row, "artifact")?,
                fingerprint: named(&row, "fingerprint")?,
                uses: column(&row, "uses")?,
                port: column(&row, "port")?,
                inputs: parsed(&row, "inputs")?,
            };
            made.entry(row.artifact).or_default().push(row);
        }
        let mut lineage = Vec::new();
        let mut seen = BTreeSet::from([*digest]);
        let mut next = VecDeque::from([*digest]);
        while let Some(artifact) = next.pop_front() {
            for row in made.remove(&artifact).unwrap_or_default() {
                next.extend(row.inputs.iter().map(|input| input.artifact).filter(|input| seen.insert(*input)));
                lineage.push(row);
            }
        }
        Ok(lineage)
    }
}
