//! Files: of runs, of logged models, and our own packages as MLflow model directories. They stream in and out.

use std::{collections::BTreeMap, io::Write as _, sync::Arc, time::Duration};

use axum::{
    Router,
    body::Body,
    extract::{FromRequestParts, Path, State},
    http::{HeaderValue, Request, Response, StatusCode, header, request::Parts, uri::Scheme},
    response::IntoResponse,
    routing::{get, post, put},
};
use bytes::Bytes;
use http_body::Frame;
use http_body_util::{BodyExt, StreamBody};
use serde::Deserialize;
use serde_json::{Value, json};
use tokio_stream::wrappers::ReceiverStream;
use trainyard_store::tracking::{FileEntry, RegisteredVersion};

use super::{Answer, Call, Refused, answered, call::integer, logged_models, now, runs, runs::new_id};
use crate::Site;

/// How long a client may say nothing in the middle of a file.
const PATIENCE: Duration = Duration::from_secs(60);
/// Bytes read from the disk at once.
const PIECE: usize = 256 << 10;
/// Longest file taken, in bytes.
const LONGEST: u64 = 64 << 30;
/// Most parts of an upload.
const PARTS: u32 = 10_000;

/// The folder of our own packages, beside those of the experiments, which are numbers.
const PACKAGES: &str = "packages";

/// What a route ends with: the path of a file, or what else its address holds.
struct FilePath<T = String>(T);

impl<T: serde::de::DeserializeOwned + Send, S: Send + Sync> FromRequestParts<S> for FilePath<T> {
    type Rejection = Response<Body>;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Self::Rejection> {
        let found = Path::<T>::from_request_parts(parts, state).await;
        found.map(|Path(path)| Self(path)).map_err(|rejection| Refused::invalid(rejection.body_text()).response())
    }
}

/// Where a package of ours is found as an MLflow model.
pub(super) fn package_uri(version: &RegisteredVersion) -> String {
    format!("mlflow-artifacts:/{PACKAGES}/{}/{}", version.name, version.version)
}

/// The routes of files.
pub(super) fn routes() -> Router<Arc<Site>> {
    const BASE: &str = "/api/2.0/mlflow-artifacts";
    Router::new()
        .route(&format!("{BASE}/artifacts"), get(list))
        .route(&format!("{BASE}/artifacts/{{*path}}"), get(download).put(upload).delete(remove))
        .route(&format!("{BASE}/mpu/create/{{*path}}"), post(begin))
        .route(&format!("{BASE}/mpu/complete/{{*path}}"), post(complete))
        .route(&format!("{BASE}/mpu/abort/{{*path}}"), post(abort))
        .route(&format!("{BASE}/parts/{{upload}}/{{number}}"), put(part))
        .route(&format!("{BASE}/presigned/{{*path}}"), get(presigned))
}

/// What an address in `mlflow-artifacts:` is below the root of our files.
fn below_root(uri: &str) -> Result<String, Refused> {
    match uri.strip_prefix("mlflow-artifacts:") {
        Some(path) => Ok(path.trim_start_matches('/').to_owned()),
        None => Err(Refused::invalid(format!("The files are not on this server but at {uri}"))),
    }
}

fn shown(entries: &[FileEntry], folder: &str) -> Value {
    let path = |name: &str| if folder.is_empty() { name.to_owned() } else { format!("{folder}/{name}") };
    let files = entries.iter().map(|entry| match entry.bytes {
        Some(bytes) => json!({"path": path(&entry.name), "is_dir": false, "file_size": bytes}),
        None => json!({"path": path(&entry.name), "is_dir": true}),
    });
    Value::Array(files.collect())
}

/// The files of a folder, wherever they come from.
fn entries(site: &Site, path: &str) -> Result<Vec<FileEntry>, Refused> {
    match package(path) {
        Some((name, version, below)) => Ok(entries_of(&*site.workshop.mlflow_files(name, version)?, below)),
        None => Ok(site.reader.folder(path)?),
    }
}

fn entries_of(files: &BTreeMap<String, Vec<u8>>, folder: &str) -> Vec<FileEntry> {
    let mut entries: BTreeMap<&str, Option<u64>> = BTreeMap::new();
    for (path, bytes) in files {
        let rest = match folder {
            "" => Some(path.as_str()),
            folder => path.strip_prefix(folder).and_then(|rest| rest.strip_prefix('/')),
        };
        match rest.map(|rest| rest.split_once('/').map_or((rest, Some(bytes.len() as u64)), |(name, _)| (name, None))) {
            Some((name, length)) => drop(entries.insert(name, length)),
            None => continue,
        }
    }
    entries.into_iter().map(|(name, bytes)| FileEntry { name: name.to_owned(), bytes }).collect()
}

/// The parts of a path to a package of ours.
fn package(path: &str) -> Option<(&str, u64, &str)> {
    let rest = path.strip_prefix(PACKAGES)?.strip_prefix('/')?;
    let (name, rest) = rest.split_once('/')?;
    let (version, below) = rest.split_once('/').unwrap_or((rest, ""));
    Some((name, version.parse().ok()?, below))
}

pub(super) fn list_of_run(site: &Site, call: &Call) -> Answer {
    let fields = call.fields()?;
    let uri = runs::artifact_uri(&runs::found(site, &fields.run_id()?)?);
    listed(site, &uri, &fields.text("path")?.unwrap_or_default())
}

pub(super) fn list_of_model(site: &Site, call: &Call) -> Answer {
    let fields = call.fields()?;
    let uri = logged_models::artifact_uri(&logged_models::found(site, &fields.required("model_id")?)?);
    listed(site, &uri, &fields.text("artifact_directory_path")?.unwrap_or_default())
}

fn listed(site: &Site, uri: &str, folder: &str) -> Answer {
    let root = below_root(uri)?;
    let whole = if folder.is_empty() { root } else { format!("{root}/{folder}") };
    Ok(json!({"root_uri": uri, "files": shown(&entries(site, &whole)?, folder)}).to_string())
}

async fn list(State(site): State<Arc<Site>>, request: Request<Body>) -> Response<Body> {
    let answer = async {
        let path = Call::of(request).await?.fields()?.text("path")?.unwrap_or_default();
        let found = tokio::task::block_in_place(|| entries(&site, path.trim_matches('/')))?;
        Ok(json!({"files": shown(&found, "")}).to_string())
    };
    answered(answer.await)
}

async fn download(State(site): State<Arc<Site>>, FilePath(path): FilePath) -> Response<Body> {
    match tokio::task::block_in_place(|| opened(&site, &path)) {
        Ok((body, bytes)) => {
            let name: String = path
                .rsplit('/')
                .next()
                .unwrap_or_default()
                .chars()
                .filter(|c| c.is_ascii_alphanumeric() || "._-".contains(*c))
                .collect();
            let headers = [
                // Whatever a client has kept is shown as a file, never as a page of ours.
                (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
                (header::CONTENT_DISPOSITION, format!("attachment; filename=\"{name}\"")),
                (header::CONTENT_LENGTH, bytes.to_string()),
            ];
            (headers, body).into_response()
        }
        Err(refused) => refused.response(),
    }
}

fn opened(site: &Site, path: &str) -> Result<(Body, u64), Refused> {
    let missing = || Refused::missing("No such artifact");
    if let Some((name, version, below)) = package(path) {
        let bytes = site.workshop.mlflow_files(name, version)?.get(below).ok_or_else(missing)?.clone();
        let length = bytes.len() as u64;
        return Ok((Body::from(bytes), length));
    }
    let (file, length) = site.reader.file(path)?.ok_or_else(missing)?;
    let mut file = std::fs::File::open(&file)
        .map_err(|error| Refused::new("INTERNAL_ERROR", format!("the file cannot be read: {error}")))?;
    if length <= PIECE as u64 {
        let mut bytes = Vec::with_capacity(usize::try_from(length).unwrap_or(0));
        std::io::Read::read_to_end(&mut file, &mut bytes)
            .map_err(|error| Refused::new("INTERNAL_ERROR", format!("the file cannot be read: {error}")))?;
        return Ok((Body::from(bytes), length));
    }
    let (sender, receiver) = tokio::sync::mpsc::channel::<Result<Frame<Bytes>, std::io::Error>>(2);
    tokio::task::spawn_blocking(move || {
        let mut piece = vec![0; PIECE];
        loop {
            let read = match std::io::Read::read(&mut file, &mut piece) {
                Ok(0) => return,
                Ok(read) => Ok(Bytes::copy_from_slice(&piece[..read])),
                Err(error) => Err(error),
            };
            // The client has gone when nobody takes it.
            if sender.blocking_send(read.map(Frame::data)).is_err() {
                return;
            }
        }
    });
    Ok((Body::new(StreamBody::new(ReceiverStream::new(receiver))), length))
}

/// Takes a body in as a blob of the store.
async fn taken(
    session: &trainyard_store::Session<'_>,
    body: Body,
) -> Result<(trainyard_core::digest::Digest, u64), Refused> {
    let mut writer = tokio::task::block_in_place(|| session.blob_writer())?;
    let mut body = body;
    let mut length = 0;
    loop {
        let frame = tokio::time::timeout(PATIENCE, body.frame()).await;
        let frame = frame.map_err(|_| {
            Refused::new("BAD_REQUEST", "the file did not come in time").with_status(StatusCode::REQUEST_TIMEOUT)
        })?;
        let Some(frame) = frame else { break };
        let frame = frame.map_err(|_| Refused::new("BAD_REQUEST", "the file did not come whole"))?;
        let Ok(data) = frame.into_data() else { continue };
        length += data.len() as u64;
        if length > LONGEST {
            let message = format!("the file is longer than {LONGEST} bytes");
            return Err(Refused::new("BAD_REQUEST", message).with_status(StatusCode::PAYLOAD_TOO_LARGE));
        }
        tokio::task::block_in_place(|| writer.write_all(&data)).map_err(|error| match writer.failure() {
            Some(failure) => failure.clone().into(),
            None => Refused::new("INTERNAL_ERROR", error.to_string()),
        })?;
    }
    Ok(tokio::task::block_in_place(|| writer.finish())?)
}

async fn upload(State(site): State<Arc<Site>>, FilePath(path): FilePath, request: Request<Body>) -> Response<Body> {
    let answer = async {
        if package(&path).is_some() {
            return Err(Refused::invalid("A package of the store cannot be written"));
        }
        let session = tokio::task::block_in_place(|| site.store.session(&|| false))?;
        let (blob, bytes) = taken(&session, request.into_body()).await?;
        tokio::task::block_in_place(|| session.put_file(&path, &blob, bytes, now()))?;
        Ok("{}".to_owned())
    };
    answered(answer.await)
}

async fn remove(State(site): State<Arc<Site>>, FilePath(path): FilePath) -> Response<Body> {
    let removed = tokio::task::block_in_place(|| site.store.remove_files(path.trim_matches('/')));
    answered(match removed {
        Ok(_) => Ok("{}".to_owned()),
        Err(error) => Err(error.into()),
    })
}

async fn begin(State(site): State<Arc<Site>>, FilePath(path): FilePath, request: Request<Body>) -> Response<Body> {
    let answer = async {
        let secure = request.extensions().get::<Scheme>().is_some_and(|scheme| *scheme == Scheme::HTTPS);
        let call = Call::of(request).await?;
        let Begun { path: local, num_parts: parts } = call.read()?;
        let path = of_file(&path, &local);
        let parts = u32::try_from(parts).ok().filter(|parts| (1..=PARTS).contains(parts));
        let parts = parts.ok_or_else(|| Refused::invalid(format!("An upload has 1 to {PARTS} parts")))?;
        let id = new_id();
        tokio::task::block_in_place(|| site.store.begin_upload(&id, &path, now()))?;
        let scheme = if secure { "https" } else { "http" };
        let credentials: Vec<Value> = (1..=parts)
            .map(|number| {
                let url = format!("{scheme}://{}/api/2.0/mlflow-artifacts/parts/{id}/{number}", call.host);
                json!({"url": url, "part_number": number, "headers": {}})
            })
            .collect();
        Ok(json!({"upload_id": id, "credentials": credentials}).to_string())
    };
    answered(answer.await)
}

async fn part(
    State(site): State<Arc<Site>>,
    FilePath((upload, number)): FilePath<(String, u32)>,
    request: Request<Body>,
) -> Response<Body> {
    let answer = async {
        // The client shows nothing else: who knows the id was let in when the upload began. Others send nothing.
        if !tokio::task::block_in_place(|| site.reader.has_upload(&upload))? {
            let refused = Refused::new("RESOURCE_DOES_NOT_EXIST", "There is no such upload");
            return Err(refused.with_status(StatusCode::NOT_FOUND));
        }
        let session = tokio::task::block_in_place(|| site.store.session(&|| false))?;
        let (blob, bytes) = taken(&session, request.into_body()).await?;
        tokio::task::block_in_place(|| session.put_part(&upload, number, &blob, bytes))?;
        Ok::<_, Refused>(blob)
    };
    match answer.await {
        Ok(blob) => {
            let mut response = answered(Ok("{}".to_owned()));
            if let Ok(tag) = HeaderValue::try_from(format!("\"{blob}\"")) {
                response.headers_mut().insert(header::ETAG, tag);
            }
            response
        }
        Err(refused) => refused.response(),
    }
}

/// Where a file goes that a client names by its folder here and by its path there.
fn of_file(folder: &str, local: &str) -> String {
    format!("{folder}/{}", local.rsplit(['/', '\\']).next().unwrap_or(local))
}

#[derive(Deserialize)]
struct Begun {
    path: String,
    #[serde(deserialize_with = "integer")]
    num_parts: i64,
}

#[derive(Deserialize)]
struct Completed {
    path: String,
    upload_id: String,
    #[serde(default)]
    parts: Vec<Part>,
}

#[derive(Deserialize)]
struct Part {
    part_number: u32,
}

async fn complete(State(site): State<Arc<Site>>, FilePath(path): FilePath, request: Request<Body>) -> Response<Body> {
    let answer = async {
        let call = Call::of(request).await?;
        let completed: Completed = call.read()?;
        let path = of_file(&path, &completed.path);
        let numbers: Vec<u32> = completed.parts.iter().map(|part| part.part_number).collect();
        tokio::task::block_in_place(|| {
            let session = site.store.session(&|| false)?;
            session.finish_upload(&completed.upload_id, &path, &numbers, now())
        })?;
        Ok("{}".to_owned())
    };
    answered(answer.await)
}

async fn abort(State(site): State<Arc<Site>>, request: Request<Body>) -> Response<Body> {
    let answer = async {
        let id = Call::of(request).await?.fields()?.required("upload_id")?;
        tokio::task::block_in_place(|| site.store.abort_upload(&id))?;
        Ok("{}".to_owned())
    };
    answered(answer.await)
}

/// The files are here: there is nothing to sign for.
async fn presigned() -> Response<Body> {
    Refused::new("NOT_IMPLEMENTED", "the files are on this server: download them from it").response()
}
