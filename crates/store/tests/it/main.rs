//! The store as its users have it: several processes, killed ones, folders that cannot be written, old files.

#![expect(clippy::unwrap_used, reason = "a test may fail so, its helpers too")]

mod child;
mod formats;
mod processes;
mod read_only;
