//! Fuzzes with the stable compiler: `cargo run --release --example mutate_yaml -- SECONDS SEED`.

#![expect(clippy::print_stdout, reason = "a tool that tells what it found")]

use std::path::Path;

#[path = "../../../fuzz/mutate.rs"]
mod mutate;
#[path = "../../../fuzz/targets/yaml.rs"]
mod yaml;

const TOKENS: &[&str] = &[
    "\n  ",
    ": ",
    "- ",
    "{",
    "}",
    "[",
    "]",
    "&a ",
    "*a",
    "<<: ",
    "|\n",
    "\"",
    "${params.x}",
    "${env.SET}",
    "for_each:",
    "when: ",
    "import:",
    "steps:\n",
    "uses: ",
    "from: ",
    "\u{feff}",
    "é",
    "\t",
    "!!str ",
    "? ",
    "---\n",
    "%%%%\n",
    "with: {a: 1}",
];

fn main() {
    let mut numbers = std::env::args().skip(1).map(|argument| argument.parse().unwrap_or(1));
    let (seconds, seed) = (numbers.next().unwrap_or(60), numbers.next().unwrap_or(1));
    let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/corpus/yaml");
    let (tried, harm) = mutate::mutate(&corpus, seconds, seed, TOKENS, &yaml::target);
    println!("tried {tried}, found {harm}");
}
