//! How often evaluations have looked at a part of a split: the more often one chooses by it, the better the best looks.

use trainyard_core::{Context, Digest, StepError, Warning};
use trainyard_data::split;

/// The steps that look at a part, each of which names it in its parameter `part`.
const LOOKING: [&str; 2] = ["evaluate/models", "evaluate/robustness"];

/// Warns with `test-part-reused` when this look and those before it, in any run on this store, are more than `most`.
/// Looks at the part `validation` are what it is for.
pub(super) fn warn(context: &Context<'_>, split: &Digest, part: &str, most: u32) -> Result<(), StepError> {
    if part == "validation" {
        return Ok(());
    }
    let mut looks = 1_u32;
    for uses in LOOKING {
        let same_part = |params: &&serde_json::Value| params["part"] == part;
        looks += context.uses.of(split, uses)?.iter().filter(same_part).count() as u32;
    }
    if looks > most {
        let message = format!(
            "this is look {looks} of evaluations at part `{part}` of this split: whoever chooses the best of them takes \
             luck for skill"
        );
        let warning =
            Warning::new("test-part-reused", message).number("looks", f64::from(looks)).number("most", f64::from(most));
        context.warn(split::advised(warning));
    }
    Ok(())
}
