//! Writes sample reports with made-up numbers, to look at while working on the page:
//! `cargo run --release -p trainyard-report --example sample_report -- FOLDER`.

mod binary;
mod failed;
mod made_up;
mod regression;
mod stress;

use std::{env, fs, io, path::PathBuf};

fn main() -> io::Result<()> {
    let folder = PathBuf::from(env::args_os().nth(1).unwrap_or_else(|| "sample-reports".into()));
    fs::create_dir_all(&folder)?;
    fs::write(folder.join("regression.html"), regression::html())?;
    fs::write(folder.join("binary.html"), binary::html())?;
    fs::write(folder.join("failed.html"), failed::html())?;
    fs::write(folder.join("refused.html"), failed::refused())?;
    fs::write(folder.join("stress.html"), stress::html())?;
    fs::write(folder.join("dag.svg"), trainyard_report::dag_svg(&stress::dag()))?;
    Ok(())
}
