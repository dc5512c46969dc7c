//! What stands behind the names of models, and changing it.

use serde_json::Value;
use trainyard_core::{Deployment, Problem};
use trainyard_store::Store;

use super::{
    DELETE, GET, POST, body, needed,
    operation::{Answer, Operation, schema},
    wire, wired,
};
use crate::{Site, call::Call, fault::told, rollout};

pub(super) fn operations() -> Vec<Operation> {
    vec![
        Operation {
            method: GET,
            path: "/deployments",
            id: "listDeployments",
            about: "Tells what stands behind the name of every model.",
            query: &[],
            body: None,
            answer: Answer::Document(list, schema::<wire::Deployments>),
        },
        Operation {
            method: GET,
            path: "/models/{model}/deployment",
            id: "getDeployment",
            about: "Tells what stands behind the name of a model, and what stood there before.",
            query: &[],
            body: None,
            answer: Answer::Document(get, schema::<wire::Deployment>),
        },
        Operation {
            method: POST,
            path: "/models/{model}/deployment",
            id: "deploy",
            about: "Puts a version behind the name of a model, alone, beside the one that is there, or in its shadow.",
            query: &[],
            body: Some(schema::<wire::Deploy>),
            answer: Answer::Document(deploy, schema::<wire::Deployment>),
        },
        Operation {
            method: DELETE,
            path: "/models/{model}/deployment",
            id: "followChampion",
            about: "Lets the name of a model stand for its champion again, whichever version that is.",
            query: &[],
            body: None,
            answer: Answer::Document(follow, schema::<wire::Deployment>),
        },
        Operation {
            method: POST,
            path: "/models/{model}/rollback",
            id: "rollBack",
            about: "Puts what stood behind the name of a model before there again.",
            query: &[],
            body: Some(schema::<wire::Reason>),
            answer: Answer::Document(roll_back, schema::<wire::Deployment>),
        },
    ]
}

fn list(site: &Site, _call: &Call) -> Result<Value, Problem> {
    let models = site.reader.model_marks().map_err(told)?;
    let deployments = models.iter().filter(|model| model.served > 0).map(|model| tell(&site.reader, &model.name));
    wired(wire::Deployments { deployments: deployments.collect::<Result<_, _>>()? })
}

fn get(site: &Site, call: &Call) -> Result<Value, Problem> {
    wired(tell(&site.reader, call.part("model"))?)
}

fn tell(store: &Store, name: &str) -> Result<wire::Deployment, Problem> {
    let history = store.deployments(name).map_err(told)?;
    let current = rollout::standing(store, name, &history)?;
    let changes = history.iter().map(|row| wire::Change {
        routes: row.deployment.as_ref().map(routes),
        reason: row.reason.clone(),
        created: row.created,
    });
    Ok(wire::Deployment {
        model: name.to_owned(),
        routes: current.as_ref().map(routes).unwrap_or_default(),
        shadow: current.as_ref().and_then(|deployment| deployment.shadow),
        follows_champion: history.first().is_none_or(|row| row.deployment.is_none()),
        history: changes.collect(),
    })
}

fn routes(deployment: &Deployment) -> Vec<wire::Route> {
    deployment.routes.iter().map(|route| wire::Route { version: route.version, share: route.share }).collect()
}

fn deploy(site: &Site, call: &Call) -> Result<Value, Problem> {
    let asked: wire::Deploy = needed(call)?;
    let name = call.part("model");
    let wanted =
        rollout::Wanted { version: Some(asked.version), canary: asked.canary, shadow: asked.shadow, rollback: None };
    rollout::deploy(&site.store, name, &wanted, &rollout::reason(&call.who, asked.reason.as_deref()))?;
    wired(tell(&site.store, name)?)
}

fn follow(site: &Site, call: &Call) -> Result<Value, Problem> {
    let name = call.part("model");
    let reason = rollout::reason(&call.who, Some("follows the champion"));
    rollout::deploy(&site.store, name, &rollout::Wanted::default(), &reason)?;
    wired(tell(&site.store, name)?)
}

fn roll_back(site: &Site, call: &Call) -> Result<Value, Problem> {
    let asked: wire::Reason = body(call)?;
    let name = call.part("model");
    site.store.model(name).map_err(told)?;
    let reason = rollout::reason(&call.who, Some(asked.reason.as_deref().unwrap_or("rolled back")));
    rollout::roll_back(&site.store, name, &reason)?;
    wired(tell(&site.store, name)?)
}
