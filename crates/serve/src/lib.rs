//! Online prediction.
