//! Where a long fit keeps its checkpoints: with the step's notes, under a name of its own.

use std::{
    sync::Mutex,
    time::{Duration, Instant},
};

use trainyard_core::{Context, Digest, step::Notes};
use trainyard_learn::Checkpoints;

/// Least time between two checkpoints: a kill costs no more work than this.
const EVERY: Duration = Duration::from_secs(20);

/// The checkpoints of one fit of a step. A step may fit several times, by folds say: each is told apart by its rows.
pub struct FitNotes<'a> {
    notes: &'a dyn Notes,
    name: String,
    kept: Mutex<Instant>,
}

impl<'a> FitNotes<'a> {
    /// For the fit on those rows with those parameters.
    #[must_use]
    pub fn new(context: &Context<'a>, params: &serde_json::Value, train: &[usize], validation: &[usize]) -> Self {
        let mut bytes = params.to_string().into_bytes();
        for rows in [train, validation] {
            bytes.extend((rows.len() as u64).to_le_bytes());
            bytes.extend(rows.iter().flat_map(|&row| (row as u64).to_le_bytes()));
        }
        let name = format!("fit-{}", Digest::of(&bytes).short());
        Self { notes: context.notes, name, kept: Mutex::new(Instant::now()) }
    }
}

impl Checkpoints for FitNotes<'_> {
    /// What cannot be read is as good as not kept: the fit starts anew.
    fn load(&self) -> Option<Vec<u8>> {
        self.notes.load(&self.name).ok().flatten()
    }

    fn due(&self) -> bool {
        self.kept.lock().is_ok_and(|kept| kept.elapsed() >= EVERY)
    }

    /// A checkpoint that cannot be written costs nothing but the work since the last one.
    fn save(&self, bytes: &[u8]) {
        let _unkept = self.notes.save(&self.name, bytes);
        if let Ok(mut kept) = self.kept.lock() {
            *kept = Instant::now();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use trainyard_core::{StepError, trial::Trial};

    use super::*;

    #[derive(Default)]
    struct Kept(Mutex<BTreeMap<String, Vec<u8>>>);

    impl Notes for Kept {
        fn trials(&self) -> Result<Vec<Trial>, StepError> {
            Ok(Vec::new())
        }
        fn record(&self, _: &Trial) -> Result<(), StepError> {
            Ok(())
        }
        fn load(&self, name: &str) -> Result<Option<Vec<u8>>, StepError> {
            Ok(self.0.lock().unwrap().get(name).cloned())
        }
        fn save(&self, name: &str, bytes: &[u8]) -> Result<(), StepError> {
            self.0.lock().unwrap().insert(name.to_owned(), bytes.to_vec());
            Ok(())
        }
    }

    #[test]
    fn each_fit_has_a_checkpoint_of_its_own() {
        let kept = Kept::default();
        let fit = |name: &str, ago: u64| {
            let start = Instant::now().checked_sub(Duration::from_secs(ago)).unwrap_or_else(Instant::now);
            FitNotes { notes: &kept, name: name.to_owned(), kept: Mutex::new(start) }
        };
        let (one, other) = (fit("a", 30), fit("b", 0));
        assert!(one.due() && !other.due());
        one.save(b"half");
        assert!(!one.due(), "just kept");
        assert_eq!((one.load(), other.load()), (Some(b"half".to_vec()), None));
    }
}
