//! Several starts from other random places, of which the best result is kept.

use rand_chacha::ChaCha8Rng;

use crate::{FitContext, LearnError, chunks, random::stream};

/// Calls `start` with a generator of its own `restarts` times, at least once, and keeps the result that is `better` than
/// all before; the first among equals. Stops early where the context says so.
///
/// # Errors
/// Those of `start`.
pub(crate) fn best<T: Send>(
    restarts: usize,
    context: &FitContext<'_>,
    start: impl Fn(&mut ChaCha8Rng) -> Result<T, LearnError> + Sync,
    better: impl Fn(&T, &T) -> bool,
) -> Result<T, LearnError> {
    let mut number = 0;
    let mut best: Option<T> = None;
    loop {
        let found = chunks::on(context.threads, || start(&mut stream(context.seed, number)))?;
        let kept = match best {
            Some(best) if !better(&found, &best) => best,
            _ => found,
        };
        number += 1;
        let done = number as usize;
        if (context.on_iteration)(done, restarts.max(1), None).is_break() || done >= restarts {
            return Ok(kept);
        }
        best = Some(kept);
    }
}

#[cfg(test)]
mod tests {
    use std::{ops::ControlFlow, sync::Mutex};

    use rand::RngExt;

    use super::*;

    #[test]
    fn the_best_start_is_kept_the_first_among_equals() {
        let draws = Mutex::new(Vec::new());
        let start = |rng: &mut ChaCha8Rng| {
            let drawn = rng.random::<u32>();
            draws.lock().unwrap().push(drawn);
            Ok((drawn % 4, drawn))
        };
        let kept = best(20, &FitContext::quiet(3), start, |a: &(u32, u32), b| a.0 > b.0).unwrap();
        let draws = draws.into_inner().unwrap();
        assert_eq!(draws.len(), 20);
        assert_eq!(draws.iter().find(|&&drawn| drawn % 4 == kept.0), Some(&kept.1));
        assert!(draws.iter().all(|drawn| drawn % 4 <= kept.0));
    }

    #[test]
    fn a_start_can_be_the_last() {
        let on_iteration = |done: usize, all: usize, _: Option<f64>| {
            assert_eq!(all, 9);
            if done == 2 { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let context = FitContext { on_iteration: &on_iteration, ..FitContext::quiet(0) };
        let count = Mutex::new(0);
        let start = |_: &mut ChaCha8Rng| {
            *count.lock().unwrap() += 1;
            Ok(0)
        };
        assert_eq!(best(9, &context, start, |_, _| false).unwrap(), 0);
        assert_eq!(*count.lock().unwrap(), 2);
        let failed = |_: &mut ChaCha8Rng| -> Result<u8, LearnError> {
            Err(LearnError { code: "no-rows", message: String::new(), help: None, field: None })
        };
        assert_eq!(best(1, &FitContext::quiet(0), failed, |_, _| false).unwrap_err().code, "no-rows");
    }
}
