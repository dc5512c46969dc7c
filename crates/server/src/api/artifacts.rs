//! Kept artifacts: what they are, a table's rows and profile, how they came to be.

use serde_json::Value;
use trainyard_core::{Digest, Problem};

use super::{
    GET,
    operation::{Answer, LIMIT, Operation, Parameter, Shape, schema},
    wire, wired,
};
use crate::{Site, call::Call, fault::told};

pub(super) fn operations() -> Vec<Operation> {
    let one = |path, id, about, handler, schema| Operation {
        method: GET,
        path,
        id,
        about,
        query: &[],
        body: None,
        answer: Answer::Document(handler, schema),
    };
    vec![
        one("/artifacts/{digest}", "getArtifact", "Tells what an artifact is.", get, schema::<wire::Artifact>),
        one(
            "/artifacts/{digest}/profile",
            "getProfile",
            "Tells a table's columns: what is missing, how values spread. Made when first asked for.",
            profile,
            schema::<wire::Anything>,
        ),
        one(
            "/artifacts/{digest}/lineage",
            "getLineage",
            "Tells how an artifact came to be.",
            lineage,
            schema::<wire::Lineage>,
        ),
        Operation {
            method: GET,
            path: "/artifacts/{digest}/rows",
            id: "getRows",
            about: "Tells rows of a table, as text.",
            query: &[
                Parameter {
                    name: "from",
                    about: "The first row, from 1.",
                    shape: Shape::Number(1_000_000_000, 1),
                    required: false,
                },
                LIMIT,
            ],
            body: None,
            answer: Answer::Document(rows, schema::<wire::Rows>),
        },
    ]
}

/// The digest in the path.
pub(crate) fn digest(call: &Call) -> Result<Digest, Problem> {
    let text = call.part("digest");
    text.parse().map_err(|_| {
        Problem::error("unknown-artifact", format!("`{text}` is not the digest of an artifact"))
            .help("a digest has 64 hexadecimal digits")
    })
}

fn get(site: &Site, call: &Call) -> Result<Value, Problem> {
    let digest = digest(call)?;
    let row = site.reader.artifact(&digest).map_err(told)?;
    let row = row.ok_or_else(|| {
        Problem::error("unknown-artifact", format!("the artifact {} is not kept here", digest.short()))
    })?;
    wired(wire::Artifact {
        digest: row.digest.to_string(),
        kind: row.kind.name().to_owned(),
        rows: row.rows,
        bytes: row.bytes,
        outline: serde_json::from_str(&row.outline).unwrap_or_default(),
    })
}

fn profile(site: &Site, call: &Call) -> Result<Value, Problem> {
    wired(site.workshop.profile(&digest(call)?)?)
}

fn rows(site: &Site, call: &Call) -> Result<Value, Problem> {
    let limit = call.number("limit", 50, 1000)?;
    let from = call.number("from", 1, 1_000_000_000)?;
    let rows = site.workshop.rows(&digest(call)?, from - 1, limit)?;
    let columns = rows.columns.into_iter();
    wired(wire::Rows {
        columns: columns.map(|(name, column_type)| wire::ColumnOf { name, column_type }).collect(),
        rows: rows.rows,
        total: rows.total,
    })
}

fn lineage(site: &Site, call: &Call) -> Result<Value, Problem> {
    let lineage = site.reader.lineage(&digest(call)?).map_err(told)?;
    let made = lineage.into_iter().map(|row| wire::Made {
        artifact: row.artifact.to_string(),
        uses: row.uses,
        port: row.port,
        inputs: row
            .inputs
            .into_iter()
            .map(|input| wire::Input { name: input.name, artifact: input.artifact.to_string() })
            .collect(),
    });
    wired(wire::Lineage { lineage: made.collect() })
}
