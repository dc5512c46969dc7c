//! Names and passwords: which will do, and how a password is kept.

use std::sync::LazyLock;

use argon2::{
    Argon2,
    password_hash::{PasswordHasher, PasswordVerifier},
};
use trainyard_core::Problem;

use super::secret;

/// Fewest characters of a password, as NIST SP 800-63B has it.
const SHORTEST: usize = 8;
/// Most bytes of a password: beyond that, hashing is work for nothing.
pub(super) const LONGEST: usize = 1024;
/// Most characters of a name.
const LONGEST_NAME: usize = 64;

/// Refuses a name that a user cannot have.
///
/// # Errors
/// `bad-user-name`.
pub fn check_name(name: &str) -> Result<(), Problem> {
    let fits = !name.is_empty()
        && name.len() <= LONGEST_NAME
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"._@-".contains(&byte));
    // These two stand in the audit log for callers who are no users.
    if fits && ![LOCAL, TOKEN_FILE].contains(&name) {
        return Ok(());
    }
    let message = format!("a user cannot be called `{}`", trainyard_report::markup::shorten(name, 80));
    Err(Problem::error("bad-user-name", message).help(format!(
        "a name has 1 to {LONGEST_NAME} characters of `a-z A-Z 0-9 . _ @ -`, and `{LOCAL}` and `{TOKEN_FILE}` are taken"
    )))
}

/// Who calls a server that asks nobody.
pub(super) const LOCAL: &str = "local";
/// Who calls with the token of `--token-file`.
pub(super) const TOKEN_FILE: &str = "token-file";

/// The form in which a password is kept: argon2id, as a PHC string.
///
/// # Errors
/// `bad-password` for one that is too short or too long; `io`.
pub fn hash_password(password: &str) -> Result<String, Problem> {
    if password.chars().count() < SHORTEST || password.len() > LONGEST {
        let message = format!("a password has at least {SHORTEST} characters and at most {LONGEST} bytes");
        return Err(Problem::error("bad-password", message).help("a few words in a row are easy to remember"));
    }
    let salt = secret::random::<16>()?;
    let hash = Argon2::default().hash_password_with_salt(password.as_bytes(), &salt);
    hash.map(|hash| hash.to_string())
        .map_err(|error| Problem::error("io", format!("the password cannot be hashed: {error}")))
}

/// True when this is the password that was hashed. Without a hash it takes as long and is false, so that nobody can tell
/// by the time which names there are.
pub(super) fn is_right(password: &str, hash: Option<&str>) -> bool {
    static NOBODYS: LazyLock<String> =
        LazyLock::new(|| hash_password("the password of nobody at all").unwrap_or_default());
    let verified = |hash: &str| Argon2::default().verify_password(password.as_bytes(), hash).is_ok();
    match hash {
        Some(hash) => verified(hash),
        None => {
            verified(&NOBODYS);
            false
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_fits_its_own_hash_alone() {
        let hash = hash_password("correct horse").unwrap();
        assert!(hash.starts_with("$argon2id$v=19$") && !hash.contains("horse"), "{hash}");
        assert_ne!(hash, hash_password("correct horse").unwrap(), "each has a salt of its own");
        assert!(is_right("correct horse", Some(&hash)));
        for (password, hash) in [
            ("correct hors", Some(hash.as_str())),
            ("", Some(&hash)),
            ("correct horse", Some("$argon2id$")),
            ("correct horse", Some("")),
            ("the password of nobody at all", None),
        ] {
            assert!(!is_right(password, hash), "{password}: {hash:?}");
        }
    }

    #[test]
    fn passwords_and_names_have_bounds() {
        assert_eq!(hash_password("7 chars").unwrap_err().code, "bad-password");
        assert_eq!(hash_password(&"x".repeat(LONGEST + 1)).unwrap_err().code, "bad-password");
        hash_password("ünïcödé!").unwrap();
        for name in ["bea", "bea.b@example.com", "B_2-x"] {
            check_name(name).unwrap();
        }
        for name in ["", "a:b", "a b", "é", "local", "token-file", "a\n", &"x".repeat(65)] {
            assert_eq!(check_name(name).unwrap_err().code, "bad-user-name", "{name}");
        }
    }
}
