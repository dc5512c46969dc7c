//! The protocol's limits, checked before anything is written.

use super::Refused;

/// Most metrics of a batch.
pub(super) const METRICS: usize = 1000;
/// Most parameters or tags of a batch.
pub(super) const PAIRS: usize = 100;
/// Longest value of a parameter.
pub(super) const PARAM: usize = 6000;
/// Longest value of a run's tag.
pub(super) const RUN_TAG: usize = 8000;
/// Longest value of an experiment's tag.
pub(super) const EXPERIMENT_TAG: usize = 20_000;
/// Longest value of a tag in the registry.
pub(super) const REGISTRY_TAG: usize = 100_000;

/// A key of a metric, parameter or tag: letters of any alphabet, digits and `_ - . : / space`, and no path that leads
/// elsewhere.
pub(super) fn key(what: &str, key: &str) -> Result<(), Refused> {
    if key.is_empty() {
        return Err(Refused::invalid(format!("{what} name cannot be empty")));
    }
    if key.chars().count() > 250 {
        let shown: String = key.chars().take(40).collect();
        return Err(Refused::invalid(format!("{what} name '{shown}…' exceeds the maximum length of 250 characters")));
    }
    let allowed = |character: char| character.is_alphanumeric() || "_-.:/ ".contains(character);
    if !key.chars().all(allowed) {
        let shown: String = key.escape_debug().take(300).collect();
        return Err(Refused::invalid(format!(
            "Invalid {} name: '{shown}'. Names may only contain alphanumerics, underscores (_), dashes (-), periods (.), \
             spaces ( ), colon(:) and slashes (/).",
            what.to_lowercase()
        )));
    }
    if key.starts_with('/') || key.split('/').any(|part| matches!(part, "." | "..")) {
        return Err(Refused::invalid(format!(
            "Invalid {} name: '{key}'. It must be a relative path",
            what.to_lowercase()
        )));
    }
    Ok(())
}

/// A value no longer than that.
pub(super) fn value(what: &str, key: &str, value: &str, longest: usize) -> Result<(), Refused> {
    let length = value.chars().count();
    if length > longest {
        return Err(Refused::invalid(format!(
            "{what} value for key '{key}' exceeds the maximum length of {longest} characters (it has {length})"
        )));
    }
    Ok(())
}

/// Keys and values of tags or parameters.
pub(super) fn pairs(what: &str, pairs: &[(String, String)], longest: usize) -> Result<(), Refused> {
    pairs.iter().try_for_each(|(name, text)| {
        key(what, name)?;
        value(what, name, text, longest)
    })
}

/// A name of an experiment or a registered model.
pub(super) fn name(what: &str, name: &str) -> Result<(), Refused> {
    if name.trim().is_empty() {
        return Err(Refused::invalid(format!("{what} name cannot be empty")));
    }
    if name.chars().count() > 500 {
        return Err(Refused::invalid(format!("{what} name exceeds the maximum length of 500 characters")));
    }
    Ok(())
}

/// A name of a registered model: no `/`, no `:`, which its URIs use.
pub(super) fn model_name(model: &str) -> Result<(), Refused> {
    name("Registered model", model)?;
    if model.contains(['/', ':']) {
        return Err(Refused::invalid(format!("Registered model name '{model}' cannot contain '/' or ':'")));
    }
    Ok(())
}

/// An alias: letters, digits, `_` and `-`; no `latest` and nothing that reads as a version.
pub(super) fn alias(alias: &str) -> Result<(), Refused> {
    let word = |character: char| character.is_alphanumeric() || "_-".contains(character);
    let version = alias.strip_prefix(['v', 'V']).unwrap_or("x");
    let reads_as_version = !version.is_empty() && version.chars().all(|character| character.is_ascii_digit());
    if alias.is_empty() || alias.chars().count() > 255 || !alias.chars().all(word) {
        return Err(Refused::invalid(format!(
            "Invalid alias name: '{alias}'. Names may only contain alphanumerics, underscores (_) and dashes (-), up to \
             255 of them."
        )));
    }
    if reads_as_version || alias.eq_ignore_ascii_case("latest") {
        return Err(Refused::invalid(format!("'{alias}' alias name (case insensitive) is reserved.")));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_keep_to_the_protocol() {
        for good in ["acc", "train/loss", "a b", "ü.1", "mlflow.user", "t:1"] {
            assert!(key("Metric", good).is_ok(), "{good}");
        }
        for bad in ["", "a\nb", "../x", "/x", "a/./b", "a$", &"x".repeat(251)] {
            assert!(key("Metric", bad).is_err(), "{bad}");
        }
        for bad in ["", "v1", "V22", "latest", "LATEST", "a b", "a/b"] {
            assert!(alias(bad).is_err(), "{bad}");
        }
        assert!(alias("champion").is_ok() && alias("v1x").is_ok() && alias("v").is_ok());
        assert!(model_name("a:b").is_err() && model_name("plant").is_ok());
    }
}
