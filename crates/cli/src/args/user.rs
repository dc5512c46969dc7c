//! The arguments of `trainyard user`.

use clap::{Subcommand, ValueEnum};

/// What to do with users.
#[derive(Debug, Subcommand)]
pub(crate) enum UserAction {
    /// Add a user; the password is asked for, or read from standard input.
    Add {
        /// The name to sign in with.
        name: String,
        /// What the user may do.
        #[arg(long, value_enum)]
        role: UserRole,
    },
    /// List the users.
    List,
    /// Remove a user, with all tokens and sessions.
    Remove {
        /// The user's name.
        name: String,
    },
    /// Give a user another role.
    Role {
        /// The user's name.
        name: String,
        /// What the user may do.
        #[arg(value_enum)]
        role: UserRole,
    },
    /// Give a user another password; it is asked for, or read from standard input.
    Password {
        /// The user's name.
        name: String,
    },
    /// Make a bearer token for a user; it is shown once.
    Token {
        /// The user's name.
        name: String,
        /// Days after which it ends; never when absent.
        #[arg(long, value_name = "DAYS", value_parser = clap::value_parser!(u32).range(1..=36500))]
        expires: Option<u32>,
        /// End all tokens of the user instead.
        #[arg(long, conflicts_with = "expires")]
        revoke: bool,
    },
    /// Show who changed what by requests, the newest first.
    Log {
        /// How many.
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
        limit: u32,
    },
}

/// What a user may do; each may do what the ones before it may.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum UserRole {
    /// See everything and ask for predictions.
    Viewer,
    /// Label data.
    Labeller,
    /// Run pipelines, log runs, register and deploy models.
    Developer,
    /// Sign off what needs a second person.
    Reviewer,
    /// See and change who may do what.
    Admin,
}
