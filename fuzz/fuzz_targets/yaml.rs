//! See `targets/yaml.rs`.

#![no_main]

#[path = "../targets/yaml.rs"]
mod yaml;

libfuzzer_sys::fuzz_target!(|data: &[u8]| yaml::target(data));
