//! The points of a series one by one, for who needs all of them and keeps few.

use super::column;
use crate::{error::StoreError, store::Store};

/// Bytes of a point in a chunk: value, timestamp, step.
const WIDTH: usize = 24;
/// Chunks read at once.
const CHUNKS: i64 = 32;

impl Store {
    /// Hands on each point of a series in the order of logging: step, value, milliseconds since 1970.
    ///
    /// # Errors
    /// When the catalog cannot be read.
    pub fn each_point(&self, run: &str, key: &str, mut take: impl FnMut(i64, f64, i64)) -> Result<(), StoreError> {
        let sql = "SELECT chunk, points FROM metric_chunks WHERE run = ?1 AND key = ?2 AND chunk > ?3
                   ORDER BY chunk LIMIT ?4";
        let mut after = i64::MIN;
        loop {
            let rows = self.catalog.bound(sql, &[run.into(), key.into(), after.into(), CHUNKS.into()])?;
            for row in &rows {
                after = column(row, "chunk")?;
                for point in column::<&[u8]>(row, "points")?.chunks_exact(WIDTH) {
                    let eight = |at: usize| {
                        let mut bytes = [0; 8];
                        bytes.copy_from_slice(&point[at..at + 8]);
                        bytes
                    };
                    let (value, time) = (f64::from_le_bytes(eight(0)), i64::from_le_bytes(eight(8)));
                    take(i64::from_le_bytes(eight(16)), value, time);
                }
            }
            if (rows.len() as i64) < CHUNKS {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::{
        sample::{never, run, store},
        tracking::{Batch, Point},
    };

    #[test]
    fn every_point_comes_once_and_in_order() {
        let (_folder, store) = store();
        store.session(&never).unwrap().start_run(&run("r", 1)).unwrap();
        // More chunks than are read at once.
        for piece in 0..40_i64 {
            let point = |step: i64| Point { key: "loss".into(), value: step as f64 / 2.0, timestamp: step * 3, step };
            let points: Vec<Point> = (piece * 5000..(piece + 1) * 5000).map(point).collect();
            store.log_batch("r", &Batch { points: &points, ..Batch::default() }).unwrap();
            store.fold_metrics().unwrap();
        }
        let mut seen = Vec::new();
        store.each_point("r", "loss", |step, value, time| seen.push((step, value, time))).unwrap();
        assert_eq!(seen.len(), 200_000);
        assert!(seen.iter().zip(0..).all(|(point, step)| *point == (step, step as f64 / 2.0, step * 3)));
        store.each_point("r", "other", |_, _, _| panic!("nothing was logged")).unwrap();
    }
}
