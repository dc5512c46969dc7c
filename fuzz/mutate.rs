//! Fuzzing with the stable compiler: mutates the corpus at random, without coverage to guide it. Each input that makes
//! the target panic, or takes it longer than a few seconds, is written to `found/` beside the corpus.

use std::{
    fs,
    panic::{AssertUnwindSafe, catch_unwind},
    path::Path,
    time::{Duration, Instant},
};

/// Slower than this is as bad as a panic: inputs are small.
const SLOW: Duration = Duration::from_secs(5);

/// Random numbers by a 64-bit linear congruence, its high half (Knuth's MMIX constants).
struct Random(u64);

impl Random {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) as usize % bound.max(1)
    }
}

/// Tries mutations of the files in `corpus` for `seconds`, with pieces of `tokens` thrown in. Returns how many were
/// tried and how many were found to do harm.
pub(crate) fn mutate(corpus: &Path, seconds: u64, seed: u64, tokens: &[&str], target: &dyn Fn(&[u8])) -> (u64, u64) {
    let mut random = Random(seed);
    let mut inputs: Vec<Vec<u8>> = Vec::new();
    for entry in fs::read_dir(corpus).expect("the corpus is there") {
        inputs.push(fs::read(entry.expect("the corpus can be listed").path()).expect("the corpus can be read"));
    }
    inputs.sort();
    let (started, mut tried, mut harm) = (Instant::now(), 0, 0);
    while started.elapsed() < Duration::from_secs(seconds) {
        let from = random.below(inputs.len());
        let mut input = inputs[from].clone();
        for _ in 0..=random.below(8) {
            change(&mut input, &inputs, tokens, &mut random);
        }
        tried += 1;
        let begun = Instant::now();
        let sound = catch_unwind(AssertUnwindSafe(|| target(&input))).is_ok();
        if !sound || begun.elapsed() > SLOW {
            harm += 1;
            let folder = corpus.join("../found");
            fs::create_dir_all(&folder).expect("a folder can be made");
            fs::write(folder.join(format!("{seed}-{tried}")), &input).expect("a file can be written");
        } else if random.below(50) == 0 && input.len() < 4096 && inputs.len() < 5000 {
            inputs.push(input);
        }
    }
    (tried, harm)
}

fn change(input: &mut Vec<u8>, inputs: &[Vec<u8>], tokens: &[&str], random: &mut Random) {
    let at = random.below(input.len() + 1);
    let length = random.below(16).min(input.len() - at);
    match random.below(7) {
        0 if at < input.len() => input[at] ^= 1 << random.below(8),
        1 if at < input.len() => input[at] = random.below(256) as u8,
        2 => drop(input.drain(at..at + length)),
        3 => {
            let piece = input[at..at + length].to_vec();
            let to = random.below(input.len() + 1);
            drop(input.splice(to..to, piece));
        }
        4 => {
            let other = &inputs[random.below(inputs.len())];
            let start = random.below(other.len() + 1);
            let piece = other[start..(start + random.below(64)).min(other.len())].to_vec();
            drop(input.splice(at..at, piece));
        }
        5 => {
            let most = if random.below(20) == 0 { 300 } else { 3 };
            let many = 1 + random.below(most);
            let token = tokens[random.below(tokens.len())].repeat(many);
            drop(input.splice(at..at, token.into_bytes()));
        }
        _ => input.insert(at, b"\n,\t \"'"[random.below(6)]),
    }
}
