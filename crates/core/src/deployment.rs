//! What stands behind the name of a model that is served.

use serde::{Deserialize, Serialize};

use crate::problem::Problem;

/// A version and its share of the requests.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Route {
    /// The version.
    pub version: u64,
    /// Its share of the requests, from 0 to 1; all shares together are 1.
    pub share: f64,
}

/// When the newcomer of a deployment is taken back.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rollback {
    /// Most requests of the newcomer that may end without an answer, as a share.
    #[serde(default = "five_percent")]
    pub errors: f64,
    /// Most its mean time a request may be, as a multiple of the steady version's.
    #[serde(default = "three_times")]
    pub slower: f64,
    /// Requests that the newcomer must have had before it is judged.
    #[serde(default = "a_hundred")]
    pub after: u64,
}

const fn five_percent() -> f64 {
    0.05
}
const fn three_times() -> f64 {
    3.0
}
const fn a_hundred() -> u64 {
    100
}

impl Default for Rollback {
    fn default() -> Self {
        Self { errors: five_percent(), slower: three_times(), after: a_hundred() }
    }
}

/// What stands behind the name of a model: one version, several by share, one that only watches.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Deployment {
    /// The versions and their shares, the steady one first.
    pub routes: Vec<Route>,
    /// A version that gets every request too and is never answered from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub shadow: Option<u64>,
    /// The request header whose value decides the version, so that a caller stays with one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sticky: Option<String>,
    /// When the newcomer is taken back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rollback: Option<Rollback>,
}

impl Deployment {
    /// One version for all requests.
    #[must_use]
    pub fn of(version: u64) -> Self {
        Self { routes: vec![Route { version, share: 1.0 }], shadow: None, sticky: None, rollback: None }
    }

    /// The version that had the name before any newcomer; 0, which no version is, when there is no route.
    #[must_use]
    pub fn steady(&self) -> u64 {
        self.routes.first().map_or(0, |route| route.version)
    }

    /// Every version it needs, each once.
    #[must_use]
    pub fn versions(&self) -> Vec<u64> {
        let mut versions: Vec<u64> = self.routes.iter().map(|route| route.version).chain(self.shadow).collect();
        versions.sort_unstable();
        versions.dedup();
        versions
    }

    /// The same with `version` as the newcomer beside the steady one, with that share of the requests.
    #[must_use]
    pub fn with_canary(&self, version: u64, share: f64) -> Self {
        let steady = self.steady();
        let routes = if version == steady {
            vec![Route { version, share: 1.0 }]
        } else {
            vec![Route { version: steady, share: 1.0 - share }, Route { version, share }]
        };
        Self { routes, ..self.clone() }
    }

    /// The version for a request whose place between 0 and 1 is `place`. The newcomers' places are the first ones, so
    /// that a caller who met a newcomer keeps it while its share grows.
    #[must_use]
    pub fn choose(&self, place: f64) -> u64 {
        let mut end = 0.0;
        for route in self.routes.iter().skip(1) {
            end += route.share;
            if place < end {
                return route.version;
            }
        }
        self.steady()
    }

    /// What is wrong with it, if anything.
    ///
    /// # Errors
    /// `bad-deployment`.
    pub fn check(&self) -> Result<(), Problem> {
        let wrong = |message: &str| Err(Problem::error("bad-deployment", message));
        if self.routes.is_empty() {
            return wrong("a deployment needs a version");
        }
        if self.routes.iter().any(|route| !(0.0..=1.0).contains(&route.share)) {
            return wrong("a share is from 0 to 1");
        }
        let sum: f64 = self.routes.iter().map(|route| route.share).sum();
        if (sum - 1.0).abs() > 1e-9 {
            return wrong("the shares of a deployment make 1");
        }
        let mut versions: Vec<u64> = self.routes.iter().map(|route| route.version).collect();
        versions.sort_unstable();
        if versions.windows(2).any(|pair| pair[0] == pair[1]) {
            return wrong("a version is in a deployment once");
        }
        match self.rollback {
            Some(rollback) if !(0.0..=1.0).contains(&rollback.errors) || rollback.slower.is_nan() => {
                wrong("`rollback` takes a share of errors from 0 to 1 and a multiple of time")
            }
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_growing_canary_keeps_those_who_met_it() {
        let few = Deployment::of(1).with_canary(2, 0.1);
        let many = few.with_canary(2, 0.4);
        assert!(few.check().is_ok() && many.check().is_ok());
        let places = (0..1000).map(|place| f64::from(place) / 1000.0);
        let of = |deployment: &Deployment, place| deployment.choose(place) == 2;
        assert_eq!(places.clone().filter(|place| of(&few, *place)).count(), 100);
        assert_eq!(places.clone().filter(|place| of(&many, *place)).count(), 400);
        assert!(places.clone().all(|place| !of(&few, place) || of(&many, place)));
    }

    #[test]
    fn the_newcomer_may_become_the_steady_one() {
        let done = Deployment::of(1).with_canary(2, 0.1);
        assert_eq!(Deployment { routes: Deployment::of(2).routes, ..done }.choose(0.0), 2);
        assert_eq!(Deployment::of(1).with_canary(1, 0.3), Deployment::of(1));
    }

    #[test]
    fn nonsense_is_refused() {
        let mut deployment = Deployment::of(1).with_canary(2, 0.1);
        deployment.routes[1].share = f64::NAN;
        assert!(deployment.check().is_err());
        deployment.routes = vec![Route { version: 1, share: 0.5 }; 2];
        assert!(deployment.check().is_err());
    }
}
