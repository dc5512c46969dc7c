//! The caller of a request.

use std::{fmt, sync::Arc};

use super::role::Role;

/// The field of a form that carries what only our own pages know.
pub(super) const FORM_FIELD: &str = "csrf_token";

/// The caller of a request; stands in its extensions.
#[derive(Clone)]
pub(crate) struct Who {
    /// The user's name; `local` where nobody is asked.
    pub(crate) name: Arc<str>,
    /// What the caller may do.
    pub(crate) role: Role,
    /// What a form of our pages sends back; empty for callers without a session.
    pub(super) form_token: Arc<str>,
}

impl fmt::Debug for Who {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Who").field("name", &self.name).field("role", &self.role).finish_non_exhaustive()
    }
}

/// The hidden input that each form of our pages holds, without which the guard refuses what it sends.
pub(crate) fn csrf_field(who: &Who) -> String {
    // The token consists of hexadecimal digits.
    format!("<input type=\"hidden\" name=\"{FORM_FIELD}\" value=\"{}\">", who.form_token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed_of_a_caller_holds_no_secret() {
        let who = Who { name: "bea".into(), role: Role::Viewer, form_token: "5ec7e7".into() };
        let printed = format!("{who:?}");
        assert!(printed.contains("bea") && !printed.contains("5ec7e7"), "{printed}");
        assert!(csrf_field(&who).contains("value=\"5ec7e7\""));
    }
}
