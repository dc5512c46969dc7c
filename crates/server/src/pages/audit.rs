//! Who changed what: the audit log, for those who may see it.

use askama::Template;
use axum::{body::Body, http::Response};
use trainyard_core::Problem;

use super::{
    Frame, page,
    words::{When, when},
};
use crate::{Site, call::Call, cursor, fault::told};

/// Entries of a page.
const PAGE: u32 = 100;

#[derive(Template)]
#[template(path = "audit.html")]
struct Log {
    rows: Vec<Row>,
    newest: bool,
    next: Option<String>,
}

struct Row {
    time: When,
    who: String,
    address: String,
    did: String,
    target: String,
    status: u16,
    refused: bool,
}

pub(super) fn audit(site: &Site, call: &Call) -> Result<Response<Body>, Problem> {
    let before = call.asked("before").map(cursor::read).transpose()?.map(|(id, _)| id);
    let mut rows = site.reader.audit(before, PAGE + 1).map_err(told)?;
    let more = rows.len() > PAGE as usize;
    rows.truncate(PAGE as usize);
    let body = Log {
        newest: before.is_none(),
        next: rows.last().filter(|_| more).map(|last| format!("/audit?before={}.", last.id)),
        rows: rows
            .into_iter()
            .map(|row| Row {
                time: when(row.entry.time),
                who: row.entry.who,
                address: row.entry.address,
                did: format!("{} {}", row.entry.method, row.entry.path),
                target: row.entry.target,
                refused: row.entry.status >= 400,
                status: row.entry.status,
            })
            .collect(),
    };
    page(site, call, &Frame { title: "Audit log", place: "", live: "" }, &body)
}
