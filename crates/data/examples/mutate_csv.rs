//! Fuzzes with the stable compiler: `cargo run --release --example mutate_csv -- SECONDS SEED`.

#![expect(clippy::print_stdout, reason = "a tool that tells what it found")]

use std::path::Path;

#[path = "../../../fuzz/targets/csv.rs"]
mod csv;
#[path = "../../../fuzz/mutate.rs"]
mod mutate;

const TOKENS: &[&str] = &[
    "\"",
    ",",
    "\n",
    "\r\n",
    "\t",
    " ",
    "#",
    "NaN",
    "inf",
    "-1e308",
    "1e999",
    "007",
    "2024-02-30",
    "2024-01-01T00:00:00Z",
    "\u{feff}",
    "é",
    "\"\"",
    "true",
    "99999999999999999999",
    "NA",
    "\0",
];

fn main() {
    let mut numbers = std::env::args().skip(1).map(|argument| argument.parse().unwrap_or(1));
    let (seconds, seed) = (numbers.next().unwrap_or(60), numbers.next().unwrap_or(1));
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/csv");
    let (tried, harm) = mutate::mutate(&corpus, seconds, seed, TOKENS, &csv::target);
    println!("tried {tried}, found {harm}");
}
