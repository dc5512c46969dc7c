//! The engine on steps made for the purpose, in stores of their own.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on should fail")]

mod fakes;
mod world;

mod cache;
mod cancel;
mod crash;
mod failures;
mod foresight;
mod gates;
mod selection;
mod speed;
mod twice;
