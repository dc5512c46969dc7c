//! The version that gets every request too: predicted after the answer, compared with it, never answered from.

use std::sync::{Arc, atomic::Ordering::Relaxed};

use tokio::sync::mpsc;

use crate::{
    answer::{Answer, Kept, Told, answer},
    model::Served,
    rows::Rows,
};

/// Requests that may wait for the shadow; beyond them it is not mirrored.
const WAITING: usize = 256;
/// Rows of a request that are mirrored at most.
const MOST_ROWS: usize = 10_000;

/// A request to be predicted by the shadow too.
struct Mirrored {
    shadow: Arc<Served>,
    names: Vec<String>,
    frame: trainyard_learn::Frame,
    told: Kept,
}

/// The way to the task that predicts in the shadow.
pub(crate) struct Shadow {
    sender: mpsc::Sender<Mirrored>,
}

impl Shadow {
    /// Starts the task.
    pub(crate) fn start() -> Self {
        let (sender, mut receiver) = mpsc::channel::<Mirrored>(WAITING);
        tokio::task::spawn_blocking(move || {
            while let Some(mirrored) = receiver.blocking_recv() {
                compare(mirrored);
            }
        });
        Self { sender }
    }

    /// Has the rows predicted by `shadow` as well, if it keeps up.
    pub(crate) fn mirror(&self, shadow: &Arc<Served>, rows: &Rows<'_>, answer: &Answer<'_>) {
        let slot = self.sender.try_reserve();
        let (Ok(slot), true) = (slot, rows.len() <= MOST_ROWS) else {
            shadow.metrics.shadow_skipped.fetch_add(1, Relaxed);
            return;
        };
        let Some(told) = answer.outputs.first().map(|output| Kept::from(&output.told)) else { return };
        let names = rows.model().slots.iter().map(|slot| slot.name.clone()).collect();
        slot.send(Mirrored { shadow: Arc::clone(shadow), names, frame: rows.frame().clone(), told });
    }
}

fn compare(mirrored: Mirrored) {
    let Mirrored { shadow, names, frame, told } = mirrored;
    let count = frame.rows;
    let rows = Rows::of_frame(&shadow, &names, frame);
    let different = match answer(&shadow, &rows).as_ref().map(|answer| answer.outputs.first()) {
        Ok(Some(output)) => differences(&told, &output.told),
        // What the shadow cannot predict it does not predict the same.
        _ => count,
    };
    shadow.metrics.shadow_rows.fetch_add(count as u64, Relaxed);
    shadow.metrics.shadow_differences.fetch_add(different as u64, Relaxed);
}

/// Rows that the two say otherwise of.
fn differences(told: &Kept, other: &Told<'_>) -> usize {
    fn count<T>(one: &[T], other: &[T], differ: impl Fn(&T, &T) -> bool) -> usize {
        one.iter().zip(other).filter(|(one, other)| differ(one, other)).count()
    }
    match (told, &Kept::from(other)) {
        // A tenth of a percent: below it a number says the same.
        (Kept::Numbers(one), Kept::Numbers(other)) => {
            count(one, other, |one, other| (one - other).abs() > 1e-3 * one.abs().max(1e-9))
        }
        (Kept::Whole(one), Kept::Whole(other)) => count(one, other, PartialEq::ne),
        (Kept::Texts(one), Kept::Texts(other)) => count(one, other, PartialEq::ne),
        // Versions of different tasks agree on nothing.
        (Kept::Numbers(one), _) => one.len(),
        (Kept::Whole(one), _) => one.len(),
        (Kept::Texts(one), _) => one.len(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_says_something_else_is_a_difference() {
        let numbers = Kept::Numbers(vec![100.0, 100.0, 0.0]);
        assert_eq!(differences(&numbers, &Told::Numbers(vec![100.05, 100.2, 0.0])), 1);
        let names = ["no".to_owned(), "yes".to_owned()];
        let texts = Kept::Texts(vec!["no".to_owned(), "yes".to_owned()]);
        assert_eq!(differences(&texts, &Told::Classes(vec![0, 0], &names)), 1);
        assert_eq!(differences(&texts, &Told::Numbers(vec![0.0, 1.0])), 2);
        assert_eq!(differences(&Kept::Whole(vec![1, 0]), &Told::Flags(vec![true, true])), 1);
    }
}
