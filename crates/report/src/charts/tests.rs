//! Degenerate input and small pictures.
