//! Answers as JSON text, written by hand into one buffer: the shape is fixed, and most of an answer is numbers.

use crate::answer::{Answer, Output, Told};

/// Appends a number as JSON knows it: one that is not finite becomes null.
fn number(out: &mut Vec<u8>, value: f64) {
    // Writing into a vector does not fail, and a number has no keys.
    let _ = serde_json::to_writer(out, &value);
}

fn whole(out: &mut Vec<u8>, value: i64) {
    let _ = serde_json::to_writer(out, &value);
}

/// Appends a text in quotes.
pub(crate) fn text(out: &mut Vec<u8>, text: &str) {
    let _ = serde_json::to_writer(out, text);
}

fn each<T>(out: &mut Vec<u8>, items: impl Iterator<Item = T>, mut write: impl FnMut(&mut Vec<u8>, T)) {
    out.push(b'[');
    for (place, item) in items.enumerate() {
        if place > 0 {
            out.push(b',');
        }
        write(out, item);
    }
    out.push(b']');
}

/// Appends all values of an output, row-major, in one array.
pub(crate) fn flat(out: &mut Vec<u8>, told: &Told<'_>) {
    match told {
        Told::Numbers(values) => each(out, values.iter(), |out, value| number(out, *value)),
        Told::Whole(values) => each(out, values.iter(), |out, value| whole(out, *value)),
        Told::Flags(flags) => {
            each(out, flags.iter(), |out, flag| out.extend_from_slice(if *flag { b"true" } else { b"false" }));
        }
        Told::Classes(codes, names) => each(out, codes.iter(), |out, code| text(out, class(names, *code))),
    }
}

/// The name of a class.
pub(crate) fn class(names: &[String], code: u32) -> &str {
    names.get(code as usize).map_or("", String::as_str)
}

/// `{"model", "version", "predictions", "probabilities", "intervals", "sets"}`, absent parts left out: probabilities are
/// an object of classes a row, intervals a low and a high end a row, sets the classes a row.
pub(crate) fn plain(answer: &Answer<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(96 + 24 * answer.rows * answer.outputs.len());
    out.extend_from_slice(b"{\"model\":");
    text(&mut out, &answer.model.name);
    out.extend_from_slice(b",\"version\":");
    out.extend_from_slice(answer.model.version_text.as_bytes());
    out.extend_from_slice(b",\"predictions\":");
    if let Some(output) = answer.output("prediction") {
        flat(&mut out, &output.told);
    }
    let classes = answer.model.package().signature.classes.as_slice();
    if let Some(Output { told: Told::Numbers(values), width, .. }) = answer.output("probabilities") {
        out.extend_from_slice(b",\"probabilities\":");
        each(&mut out, values.chunks((*width).max(1)), |out, row| {
            out.push(b'{');
            for (place, (value, class)) in row.iter().zip(classes).enumerate() {
                if place > 0 {
                    out.push(b',');
                }
                text(out, class);
                out.push(b':');
                number(out, *value);
            }
            out.push(b'}');
        });
    }
    if let (Some(Output { told: Told::Numbers(low), .. }), Some(Output { told: Told::Numbers(high), .. })) =
        (answer.output("interval_low"), answer.output("interval_high"))
    {
        out.extend_from_slice(b",\"intervals\":");
        each(&mut out, low.iter().zip(high), |out, (low, high)| {
            each(out, [low, high].into_iter(), |out, end| number(out, *end))
        });
    }
    if let Some(Output { told: Told::Flags(flags), width, .. }) = answer.output("set") {
        out.extend_from_slice(b",\"sets\":");
        each(&mut out, flags.chunks((*width).max(1)), |out, row| {
            let held = row.iter().zip(classes).filter(|(held, _)| **held);
            each(out, held, |out, (_, class)| text(out, class));
        });
    }
    out.push(b'}');
    out
}

/// `{"predictions": […]}`.
pub(crate) fn predictions(answer: &Answer<'_>) -> Vec<u8> {
    let mut out = Vec::with_capacity(32 + 24 * answer.rows);
    out.extend_from_slice(b"{\"predictions\":");
    if let Some(output) = answer.output("prediction") {
        flat(&mut out, &output.told);
    }
    out.push(b'}');
    out
}
