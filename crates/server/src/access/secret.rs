//! Secrets: drawn from the system's randomness, kept by their digest.

use std::fmt::Write as _;

use trainyard_core::Problem;

/// What tokens begin with, so that one is recognised where it does not belong.
const PREFIX: &str = "trainyard_";

/// Bytes nobody can guess.
///
/// # Errors
/// `io` where the system has none.
pub(super) fn random<const LENGTH: usize>() -> Result<[u8; LENGTH], Problem> {
    let mut bytes = [0; LENGTH];
    getrandom::fill(&mut bytes)
        .map_err(|error| Problem::error("io", format!("the system gives no random bytes: {error}")))?;
    Ok(bytes)
}

/// Bytes as hexadecimal digits.
pub(super) fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::with_capacity(2 * bytes.len()), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// A new bearer token, to be shown once, and the digest by which it is kept.
///
/// # Errors
/// `io` where the system has no random bytes.
pub fn new_token() -> Result<(String, String), Problem> {
    let token = format!("{PREFIX}{}", hexadecimal(&random::<32>()?));
    let digest = digest(&token);
    Ok((token, digest))
}

/// The digest by which a token is kept.
pub(super) fn digest(token: &str) -> String {
    blake3::hash(token.as_bytes()).to_hex().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_differ_and_are_found_by_their_digest() {
        let (one, kept) = new_token().unwrap();
        let (other, _) = new_token().unwrap();
        assert_ne!(one, other);
        assert_eq!((one.len(), digest(&one)), (PREFIX.len() + 64, kept.clone()));
        assert!(!kept.contains(&one[PREFIX.len()..]));
        assert_eq!(hexadecimal(&[0, 15, 255]), "000fff");
    }
}
