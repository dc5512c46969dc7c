//! What stands behind the names of models, for pages.

use trainyard_core::{Deployment, Problem};
use trainyard_report::number;
use trainyard_store::DeploymentRow;

use crate::{Site, fault::told, link, rollout};

/// What stands behind a model's name.
pub(crate) struct Deployed {
    /// The model.
    pub(crate) name: String,
    /// Its page.
    pub(crate) link: String,
    /// The versions that answer.
    pub(crate) routes: Vec<Share>,
    /// The version that gets every request too and answers none.
    pub(crate) shadow: Option<u64>,
    /// The header whose value decides the version.
    pub(crate) sticky: Option<String>,
    /// Whether the name stands for the champion, whichever that is.
    pub(crate) follows: bool,
    /// The champion.
    pub(crate) champion: Option<u64>,
    /// What was changed, the newest first.
    pub(crate) history: Vec<DeploymentRow>,
}

/// A version that answers.
pub(crate) struct Share {
    /// The version.
    pub(crate) version: u64,
    /// Its share of the requests, in words.
    pub(crate) share: String,
    /// Whether it is the champion.
    pub(crate) is_champion: bool,
    /// The same as a number of a hundred.
    pub(crate) percent: f64,
}

/// Every model of which a version can be served.
pub(crate) fn all(site: &Site) -> Result<Vec<Deployed>, Problem> {
    let models = site.reader.model_marks().map_err(told)?;
    models.iter().filter(|model| model.served > 0).map(|model| one(site, &model.name)).collect()
}

/// One model.
pub(crate) fn one(site: &Site, name: &str) -> Result<Deployed, Problem> {
    let history = site.reader.deployments(name).map_err(told)?;
    let current = rollout::standing(&site.reader, name, &history)?;
    let champion = site.reader.resolve(name, "champion").map_err(told)?.map(|(version, _)| version);
    Ok(Deployed {
        link: link::model(name),
        name: name.to_owned(),
        routes: current.as_ref().map(|deployment| shares(deployment, champion)).unwrap_or_default(),
        shadow: current.as_ref().and_then(|deployment| deployment.shadow),
        sticky: current.as_ref().and_then(|deployment| deployment.sticky.clone()),
        follows: history.first().is_none_or(|row| row.deployment.is_none()),
        champion,
        history,
    })
}

fn shares(deployment: &Deployment, champion: Option<u64>) -> Vec<Share> {
    let routes = deployment.routes.iter().filter(|route| route.share > 0.0);
    routes
        .map(|route| Share {
            version: route.version,
            is_champion: champion == Some(route.version),
            share: number::percent(route.share),
            percent: (route.share * 1000.0).round() / 10.0,
        })
        .collect()
}

/// A deployment in words.
pub(crate) fn said(deployment: Option<&Deployment>) -> String {
    let Some(deployment) = deployment else { return "follows the champion".to_owned() };
    let routes: Vec<String> = shares(deployment, None)
        .iter()
        .map(|route| {
            if route.percent >= 100.0 {
                format!("version {}", route.version)
            } else {
                format!("version {} for {}", route.version, route.share)
            }
        })
        .collect();
    let shadow = deployment.shadow.map_or_else(String::new, |shadow| format!(", version {shadow} in the shadow"));
    format!("{}{shadow}", routes.join(", "))
}
