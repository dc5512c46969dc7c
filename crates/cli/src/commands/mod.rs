//! The commands, one file each.

mod check;
mod deploy;
mod diff;
mod explain;
mod export;
pub(crate) mod graph;
mod init;
mod models;
mod plan;
mod predict;
pub(crate) mod run;
mod runs;
mod schema;
mod serve;
mod show;
mod split;
mod store;
mod test;
mod user;

use std::process::ExitCode;

use clap::CommandFactory;

use crate::{
    args::{Args, Command},
    failure::Failure,
    output::Output,
};

/// Runs the command that was asked for.
pub(crate) fn dispatch(args: &Args, output: &Output) -> Result<ExitCode, Failure> {
    match &args.command {
        Command::Init(init) => init::init(init, output),
        Command::Check(file) => check::check(file, output),
        Command::Plan(run) => plan::plan(args, run, output),
        Command::Run(run) => run::run(args, run, output),
        Command::Test(file) => test::test(file, output),
        Command::Runs(list) => runs::runs(args, list.limit, output),
        Command::Show { run } => show::show(args, run, output),
        Command::Diff { before, after } => diff::diff(args, before, after, output),
        Command::Explain { what, file } => explain::explain(args, what, file, output),
        Command::Graph { format, file } => graph::graph(file, *format, output),
        Command::Split(split) => split::split(split, output),
        Command::Models => models::models(args, output),
        Command::Predict(predict) => predict::predict(args, predict, output),
        Command::Serve(asked) => serve::serve(args, asked, output),
        Command::Deploy(asked) => deploy::deploy(args, asked, output),
        Command::User { action } => user::user(args, action, output),
        Command::Export(asked) => export::export(args, asked, output),
        Command::Store { action } => store::store(args, action, output),
        Command::Schema => schema::schema(output),
        Command::Completions { shell } => {
            clap_complete::generate(*shell, &mut Args::command(), "trainyard", &mut std::io::stdout());
            Ok(ExitCode::SUCCESS)
        }
        Command::Other(words) => Err(other(words)),
    }
}

/// Commands of the design that are not built yet, and what nobody has heard of.
fn other(words: &[String]) -> Failure {
    let name = words.first().map_or("", String::as_str);
    if ["label", "review", "certify", "monitor", "advise"].contains(&name) {
        return Failure::call("not-yet", format!("`trainyard {name}` is not there yet"));
    }
    let commands = Args::command();
    let known: Vec<&str> = commands.get_subcommands().map(clap::Command::get_name).collect();
    let problem = trainyard_core::Problem::unknown("unknown-command", "command", name, known);
    Failure { help: problem.help, ..Failure::call(problem.code, problem.message) }
}
