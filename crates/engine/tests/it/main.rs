//! The engine on steps made for the purpose, in stores of their own.

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
