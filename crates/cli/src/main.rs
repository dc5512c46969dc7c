//! The `trainyard` binary: wires the crates together, one file a command.
//!
//! Only this crate reads the environment, prints and exits.

mod args;
mod commands;
mod failure;
mod init;
mod output;
mod progress;
mod project;
mod registered;
mod render;
mod workshop;

use std::{
    env::consts::{DLL_PREFIX, DLL_SUFFIX},
    path::PathBuf,
    process::ExitCode,
};

use clap::Parser;

use crate::{args::Args, failure::Failure, output::Output};

fn main() -> ExitCode {
    // clap's own errors are for people; under `--json` they must be a document all the same.
    let as_json = std::env::args().any(|argument| argument == "--json");
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) if error.exit_code() == 0 || !as_json => {
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
        Err(error) => {
            let message = error.to_string();
            let first = message.lines().next().unwrap_or_default().trim_start_matches("error: ").to_owned();
            let failure = Failure::call("bad-call", first).help("see `trainyard --help`");
            return Output::new(true).fail(&failure);
        }
    };
    // An unknown command swallows what follows it, `--json` too.
    let output = Output::new(as_json);
    // The engine turns a step's panic into an error that names the step; the default hook would print beside it.
    std::panic::set_hook(Box::new(|_| {}));
    if let Some(threads) = args.threads {
        // Fails only when the pool exists already, and nothing has used it yet.
        let _ = rayon::ThreadPoolBuilder::new().num_threads(threads.get()).build_global();
    }
    trainyard_learn::onnx::look_for(onnxruntime());
    match commands::dispatch(&args, &output) {
        Ok(code) => code,
        Err(failure) => output.fail(&failure),
    }
}

/// Where onnxruntime is looked for when it is needed: where the environment says, else where the system's loader looks.
fn onnxruntime() -> PathBuf {
    let named = std::env::var_os("ORT_DYLIB_PATH").filter(|path| !path.is_empty());
    named.map_or_else(|| format!("{DLL_PREFIX}onnxruntime{DLL_SUFFIX}").into(), PathBuf::from)
}
