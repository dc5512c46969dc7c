//! `silence:` of a step: the warnings that are not to be shown, each by its code with the reason.

use std::collections::BTreeMap;

use trainyard_core::Problem;
use trainyard_explain as page;

use crate::{
    fields,
    findings::{Findings, shown, unknown},
    node::Node,
};

/// Reads `silence:`. A warning without a reason is not silenced: whoever reads the file later must see why.
pub(crate) fn read(node: &Node, findings: &mut Findings) -> BTreeMap<String, String> {
    let mut silence = BTreeMap::new();
    for entry in fields::map(node, "`silence`", findings).unwrap_or(&[]) {
        let what = format!("the reason for silencing `{}`", shown(&entry.key));
        let Some(reason) = fields::text(&entry.value, &what, findings) else { continue };
        if reason.trim().is_empty() {
            let help = format!("say why it does not matter here: `{}: \"…\"`", shown(&entry.key));
            findings.at(entry.value.span, Problem::error("bad-value", format!("{what} is empty")).help(help));
            continue;
        }
        if !page::of(&entry.key).is_some_and(|page| page.is_warning) {
            let codes = page::all().filter(|page| page.is_warning).map(|page| page.code);
            let problem = unknown("unknown-code", "warning", &entry.key, codes);
            let problem = match page::of(&entry.key) {
                Some(_) => problem.help(format!("`{}` is an error, which cannot be silenced", entry.key)),
                None => problem,
            };
            findings.at(entry.key_span, problem);
            continue;
        }
        silence.insert(entry.key.clone(), reason.trim().to_owned());
    }
    silence
}
