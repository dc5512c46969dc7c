//! End-to-end tests: the real binary on real data, in a folder of its own.

mod bad_input;
mod cache;
mod examples;
mod init;
mod notify;
mod sandbox;
mod shared_data;
