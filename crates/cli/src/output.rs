//! What a command prints: one JSON document, or words for people.

use std::{
    io::{IsTerminal, Write},
    process::ExitCode,
};

use serde_json::{Value, json};

use crate::{failure::Failure, render};

/// Where a command's answer goes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Output {
    /// One JSON document on standard output and nothing else there.
    pub(crate) json: bool,
    /// Colours on standard error and output.
    pub(crate) colour: bool,
}

impl Output {
    /// Colours only on a terminal, and not where the user has asked for none.
    pub(crate) fn new(json: bool) -> Self {
        let colour = std::io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none();
        Self { json, colour }
    }

    /// Prints the answer: the document under `--json`, else the words.
    pub(crate) fn answer(&self, document: &Value, words: &str) {
        let text = if self.json { format!("{document}\n") } else { words.to_owned() };
        print(&text);
    }

    /// Prints why the command failed; gives the exit code.
    pub(crate) fn fail(&self, failure: &Failure) -> ExitCode {
        if self.json {
            let mut error = json!({"code": failure.code, "message": failure.message, "help": failure.help});
            if !failure.problems.is_empty() {
                error["problems"] = failure.problems.iter().map(render::problem_json).collect();
            }
            print(&format!("{}\n", json!({ "error": error })));
        } else if failure.problems.is_empty() {
            complain(&render::failure(failure, self.colour));
        } else {
            complain(&render::problems(&failure.problems, &failure.texts, self.colour));
        }
        ExitCode::from(failure.exit)
    }
}

/// Prints to standard output; a reader that has gone away is no error of ours (`print!` would panic).
pub(crate) fn print(text: &str) {
    let _ = write!(std::io::stdout(), "{text}");
}

/// Prints to standard error.
pub(crate) fn complain(text: &str) {
    let _ = write!(std::io::stderr(), "{text}");
}
