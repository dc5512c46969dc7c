//! Which request needs which role, what becomes of its body, and whether it is noted in the audit log: one table.

use axum::http::Method;

use super::role::Role::{self, Admin, Developer, Labeller, Reviewer, Viewer};

/// The requests of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum When {
    /// Whatever the method.
    Any,
    /// GET, HEAD and OPTIONS.
    Reads,
    /// Every other method.
    Changes,
    /// DELETE alone.
    Deletes,
}

/// What holds for a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rule {
    when: When,
    pattern: &'static str,
    /// The role that it needs; anyone may where there is none.
    pub(super) needs: Option<Role>,
    /// True where a change is noted in the audit log.
    pub(super) audited: bool,
    /// True where the route reads the body itself, within limits of its own.
    pub(super) streamed: bool,
    /// True where calls are not counted for the limit of a caller's rate.
    pub(super) unmetered: bool,
}

const fn rule(when: When, pattern: &'static str, needs: Role) -> Rule {
    Rule { when, pattern, needs: Some(needs), audited: true, streamed: false, unmetered: false }
}

/// What anyone may ask.
const fn open(pattern: &'static str) -> Rule {
    Rule { needs: None, audited: false, ..rule(When::Any, pattern, Viewer) }
}

/// A prediction: asked for often, limited by the server's own bounds, a change of nothing.
const fn prediction(pattern: &'static str) -> Rule {
    Rule { audited: false, streamed: true, unmetered: true, ..rule(When::Any, pattern, Viewer) }
}

/// A question that is asked by POST.
const fn question(pattern: &'static str) -> Rule {
    Rule { audited: false, ..rule(When::Any, pattern, Viewer) }
}

/// A change that comes too often to be noted each time.
const fn frequent(pattern: &'static str) -> Rule {
    Rule { audited: false, ..rule(When::Changes, pattern, Developer) }
}

/// The table: the first rule that fits holds. In a pattern `*` is one segment of the path (`*x` one that ends in `x`),
/// `**` at its end is any number of them, `**` at its beginning whatever comes before, and `@api` either of the two roots
/// of MLflow's API.
const RULES: &[Rule] = &[
    // Predictions.
    prediction("/predict/*"),
    Rule { when: When::Changes, ..prediction("/v1/models/*:predict") },
    Rule { when: When::Changes, ..prediction("/v2/models/*/infer") },
    Rule { when: When::Changes, ..prediction("/v2/models/*/versions/*/infer") },
    prediction("/inference.GRPCInferenceService/ModelInfer"),
    prediction("/get-online-features"),
    // Probes, and what a page needs before one is known.
    open("/health"),
    open("/health/*"),
    open("/v2/health/*"),
    open("/inference.GRPCInferenceService/ServerLive"),
    open("/inference.GRPCInferenceService/ServerReady"),
    open("/version"),
    open("/login"),
    rule(When::Any, "/logout", Viewer),
    open("/assets/**"),
    open("/favicon.ico"),
    open("/favicon.svg"),
    // Questions by POST.
    Rule { streamed: true, ..question("/v2/repository/index") },
    question("/inference.GRPCInferenceService/ServerMetadata"),
    question("/inference.GRPCInferenceService/ModelMetadata"),
    question("/inference.GRPCInferenceService/ModelReady"),
    question("/inference.GRPCInferenceService/RepositoryIndex"),
    question("/@api/*/mlflow/*/search"),
    question("/@api/*/mlflow/experiments/search-datasets"),
    question("/@api/*/mlflow/registered-models/get-latest-versions"),
    // Loading and unloading models.
    Rule { streamed: true, ..rule(When::Changes, "/inference.GRPCInferenceService/*", Developer) },
    // Logging of runs.
    frequent("/@api/*/mlflow/runs/log-metric"),
    frequent("/@api/*/mlflow/runs/log-batch"),
    frequent("/@api/*/mlflow/runs/log-parameter"),
    frequent("/@api/*/mlflow/runs/log-inputs"),
    frequent("/@api/*/mlflow/runs/set-tag"),
    // Where a client sends a part of a file, the way there is all it shows: it was told to who began the upload.
    Rule { streamed: true, when: When::Changes, ..open("/@api/*/mlflow-artifacts/parts/*/*") },
    rule(When::Deletes, "/@api/*/mlflow-artifacts/**", Developer),
    Rule { streamed: true, ..frequent("/@api/*/mlflow-artifacts/**") },
    // Who may do what, and who did.
    rule(When::Any, "/api/v1/users", Admin),
    rule(When::Any, "/api/v1/users/**", Admin),
    rule(When::Any, "/api/v1/audit", Admin),
    rule(When::Any, "/users", Admin),
    rule(When::Any, "/users/**", Admin),
    rule(When::Any, "/audit", Admin),
    // A second person's word.
    rule(When::Changes, "/api/v1/reviews/**", Reviewer),
    rule(When::Changes, "/reviews/**", Reviewer),
    rule(When::Changes, "**/sign-off", Reviewer),
    // Labels.
    rule(When::Changes, "/api/v1/labels/**", Labeller),
    rule(When::Changes, "/labels/**", Labeller),
    // Everything else.
    Rule { audited: false, ..rule(When::Reads, "**", Viewer) },
    EVERY_OTHER,
];

const EVERY_OTHER: Rule = rule(When::Changes, "**", Developer);

/// The rule that holds for a request.
pub(super) fn of(method: &Method, path: &str) -> &'static Rule {
    RULES.iter().find(|rule| rule.when.is(method) && fits(rule.pattern, path)).unwrap_or(&EVERY_OTHER)
}

/// True for a method that changes nothing.
pub(super) fn reads(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

/// True for the routes of programs, false for those of pages.
pub(super) fn is_for_programs(path: &str) -> bool {
    const ROOTS: [&str; 7] =
        ["/api/", "/ajax-api/", "/v1/", "/v2", "/predict/", "/inference.GRPCInferenceService/", "/get-online-features"];
    ROOTS.iter().any(|root| path.starts_with(root))
}

impl When {
    fn is(self, method: &Method) -> bool {
        match self {
            Self::Any => true,
            Self::Reads => reads(method),
            Self::Changes => !reads(method),
            Self::Deletes => *method == Method::DELETE,
        }
    }
}

fn fits(pattern: &str, path: &str) -> bool {
    if let Some(end) = pattern.strip_prefix("**") {
        return path.ends_with(end);
    }
    let mut segments = path.split('/');
    for wanted in pattern.split('/') {
        if wanted == "**" {
            return segments.next().is_some();
        }
        let Some(segment) = segments.next() else { return false };
        let fits = match wanted.strip_prefix('*') {
            Some(end) => segment.len() > end.len() && segment.ends_with(end),
            None if wanted == "@api" => segment == "api" || segment == "ajax-api",
            None => segment == wanted,
        };
        if !fits {
            return false;
        }
    }
    segments.next().is_none()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn needs(method: Method, path: &str) -> Option<Role> {
        of(&method, path).needs
    }

    #[test]
    fn each_role_has_its_routes() {
        for path in ["/health", "/health/ready", "/v2/health/live", "/version", "/login", "/assets/a/b.css"] {
            assert_eq!((needs(Method::GET, path), needs(Method::POST, path)), (None, None), "{path}");
        }
        for path in [
            "/predict/m",
            "/v1/models/m@2:predict",
            "/v2/models/m/infer",
            "/v2/models/m/versions/3/infer",
            "/inference.GRPCInferenceService/ModelInfer",
            "/v2/repository/index",
            "/api/2.0/mlflow/runs/search",
            "/ajax-api/2.0/mlflow/logged-models/search",
            "/api/2.0/mlflow/registered-models/get-latest-versions",
        ] {
            let rule = of(&Method::POST, path);
            assert_eq!((rule.needs, rule.audited), (Some(Viewer), false), "{path}");
        }
        for path in [
            "/v2/repository/models/m/load",
            "/inference.GRPCInferenceService/RepositoryModelLoad",
            "/api/2.0/mlflow/runs/create",
            "/api/2.0/mlflow/runs/search/x",
            "/api/2.0/mlflow/runs/log-batch",
            "/api/2.0/mlflow-artifacts/parts/x",
            "/api/2.0/mlflow-artifacts/mpu/create/x",
            "/v1/models/m",
            "/runs/start",
            "/healthy",
            "/health/x/y",
            "/",
            "",
        ] {
            assert_eq!(needs(Method::POST, path), Some(Developer), "{path}");
        }
        assert_eq!(needs(Method::GET, "/metrics"), Some(Viewer));
        assert_eq!(needs(Method::GET, "/"), Some(Viewer));
        assert_eq!((needs(Method::GET, "/api/v1/users"), needs(Method::GET, "/audit")), (Some(Admin), Some(Admin)));
        assert_eq!(needs(Method::POST, "/api/v1/users/bea"), Some(Admin));
        assert_eq!(needs(Method::POST, "/models/m/versions/3/sign-off"), Some(Reviewer));
        assert_eq!(needs(Method::GET, "/models/m/versions/3/sign-off"), Some(Viewer));
        assert_eq!(needs(Method::PUT, "/api/v1/labels/7"), Some(Labeller));
        assert_eq!(needs(Method::from_bytes(b"ODD").unwrap(), "/x"), Some(Developer));
    }

    #[test]
    fn only_frequent_changes_are_not_noted() {
        let noted = |method: Method, path: &str| of(&method, path).audited;
        assert!(!noted(Method::POST, "/api/2.0/mlflow/runs/log-metric"));
        assert!(!noted(Method::PUT, "/api/2.0/mlflow-artifacts/artifacts/a/b"));
        assert!(noted(Method::DELETE, "/api/2.0/mlflow-artifacts/artifacts/a/b"));
        assert!(noted(Method::POST, "/api/2.0/mlflow/runs/delete") && noted(Method::POST, "/runs"));
        assert!(!noted(Method::GET, "/runs"));
    }

    #[test]
    fn what_reads_its_body_itself_has_limits_of_its_own() {
        let streamed: Vec<&str> =
            RULES.iter().filter(|rule| rule.streamed).map(|rule| rule.pattern.split('/').nth(1).unwrap()).collect();
        let known = ["predict", "v1", "v2", "inference.GRPCInferenceService", "get-online-features", "@api"];
        assert!(streamed.iter().all(|root| known.contains(root)), "{streamed:?}");
    }

    proptest! {
        #[test]
        fn nothing_is_open_but_what_says_so(path in "(/(health|login|version|assets|v2|[a-z*@.:%-]{0,8})){0,5}") {
            const OPEN: [&str; 7] =
                ["/health", "/health/", "/v2/health/", "/version", "/login", "/assets/", "/favicon."];
            for method in [Method::GET, Method::POST] {
                if of(&method, &path).needs.is_none() {
                    prop_assert!(OPEN.iter().any(|open| path.starts_with(open)), "{}", path);
                }
            }
        }
    }
}
