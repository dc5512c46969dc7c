//! The version that gets every request too: predicted after the answer, compared with it, never answered from.

use std::sync::{Arc, atomic::Ordering::Relaxed};

use tokio::sync::mpsc;

use crate::{
    answer::{Answer, Told, answer},
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
    told: Prediction,
}

/// An answered prediction that outlives its request.
enum Prediction {
    Numbers(Vec<f64>),
    Whole(Vec<i64>),
    Texts(Vec<String>),
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
        let Some(told) = answer.outputs.first().map(|output| lasting(&output.told)) else { return };
        let names = rows.model().slots.iter().map(|slot| slot.name.clone()).collect();
        slot.send(Mirrored { shadow: Arc::clone(shadow), names, frame: rows.frame().clone(), told });
    }
}

fn lasting(told: &Told<'_>) -> Prediction {
    match told {
        Told::Numbers(values) => Prediction::Numbers(values.clone()),
        Told::Whole(values) => Prediction::Whole(values.clone()),
        Told::Flags(flags) => Prediction::Whole(flags.iter().map(|flag| i64::from(*flag)).collect()),
        Told::Classes(codes, names) => {
            let name = |code: &u32| names.get(*code as usize).cloned().unwrap_or_default();
            Prediction::Texts(codes.iter().map(name).collect())
        }
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

fn differences(told: &Prediction, other: &Told<'_>) -> usize {
    match (told, lasting(other)) {
        // A tenth of a percent: below it a number says the same.
        (Prediction::Numbers(one), Prediction::Numbers(other)) => {
            one.iter().zip(&other).filter(|(one, other)| (*one - *other).abs() > 1e-3 * one.abs().max(1e-9)).count()
        }
        (Prediction::Whole(one), Prediction::Whole(other)) => one.iter().zip(&other).filter(|(a, b)| a != b).count(),
        (Prediction::Texts(one), Prediction::Texts(other)) => one.iter().zip(&other).filter(|(a, b)| a != b).count(),
        (Prediction::Numbers(one), _) => one.len(),
        (Prediction::Whole(one), _) => one.len(),
        (Prediction::Texts(one), _) => one.len(),
    }
}
