//! The Open Inference Protocol over gRPC: the same models, tensors and refusals as over REST.

#[expect(warnings, clippy::all, reason = "generated from `proto/inference.proto`")]
#[rustfmt::skip]
mod inference;

use std::collections::HashMap;

use bytes::Bytes;
use tonic::{Code, Request, Response, Status};

use self::inference::{
    InferTensorContents, ModelInferRequest, ModelInferResponse, ModelMetadataRequest, ModelMetadataResponse,
    ModelReadyRequest, ModelReadyResponse, RepositoryIndexRequest, RepositoryIndexResponse, RepositoryModelLoadRequest,
    RepositoryModelLoadResponse, RepositoryModelUnloadRequest, RepositoryModelUnloadResponse, ServerLiveRequest,
    ServerLiveResponse, ServerMetadataRequest, ServerMetadataResponse, ServerReadyRequest, ServerReadyResponse,
    grpc_inference_service_server::{GrpcInferenceService, GrpcInferenceServiceServer},
    model_infer_request::InferInputTensor,
    model_infer_response::InferOutputTensor,
    model_metadata_response::TensorMetadata,
    repository_index_response::ModelIndex,
};
use crate::{
    answer::{Answer, Output, Told},
    http::states,
    json::class,
    protocol_v2::{EXTENSIONS, PLATFORM, input_datatype, raw, unknown_output},
    refusal::Refusal,
    rows::{Rows, shown},
    state::{Shared, State},
    tensors::{self, Datatype, Elements, Tensor, text_of},
};

/// The service, for messages of at most `most` bytes.
pub(crate) fn service(state: Shared, most: usize) -> GrpcInferenceServiceServer<Inference> {
    GrpcInferenceServiceServer::new(Inference { state }).max_decoding_message_size(most).max_encoding_message_size(most)
}

/// The service's state.
pub(crate) struct Inference {
    state: Shared,
}

impl From<Refusal> for Status {
    fn from(refusal: Refusal) -> Self {
        let code = match refusal.status.as_u16() {
            404 => Code::NotFound,
            413 | 429 => Code::ResourceExhausted,
            503 => Code::Unavailable,
            400..=499 => Code::InvalidArgument,
            _ => Code::Internal,
        };
        Self::new(code, refusal.text())
    }
}

/// The version that a field names; empty is none.
fn known_as(version: &str) -> Option<&str> {
    Some(version).filter(|version| !version.is_empty())
}

/// `name@alias` and a version field in parts.
fn target<'t>(name: &'t str, version: &'t str) -> (&'t str, Option<&'t str>) {
    match (name.split_once('@'), known_as(version)) {
        (Some((name, alias)), None) => (name, Some(alias)),
        (_, version) => (name, version),
    }
}

#[tonic::async_trait]
impl GrpcInferenceService for Inference {
    async fn server_live(&self, _: Request<ServerLiveRequest>) -> Result<Response<ServerLiveResponse>, Status> {
        Ok(Response::new(ServerLiveResponse { live: true }))
    }

    async fn server_ready(&self, _: Request<ServerReadyRequest>) -> Result<Response<ServerReadyResponse>, Status> {
        Ok(Response::new(ServerReadyResponse { ready: self.state.is_ready() }))
    }

    async fn model_ready(&self, request: Request<ModelReadyRequest>) -> Result<Response<ModelReadyResponse>, Status> {
        let (name, known_as) = target(&request.get_ref().name, &request.get_ref().version);
        let headers = request.metadata().as_ref();
        match self.state.choose(name, known_as, headers) {
            Ok(_) => Ok(Response::new(ModelReadyResponse { ready: true })),
            Err(refusal) if refusal.status.is_client_error() => Err(refusal.into()),
            Err(_) => Ok(Response::new(ModelReadyResponse { ready: false })),
        }
    }

    async fn server_metadata(
        &self,
        _: Request<ServerMetadataRequest>,
    ) -> Result<Response<ServerMetadataResponse>, Status> {
        Ok(Response::new(ServerMetadataResponse {
            name: "trainyard".to_owned(),
            version: self.state.version.to_owned(),
            extensions: EXTENSIONS.iter().map(|name| (*name).to_owned()).collect(),
        }))
    }

    async fn model_metadata(
        &self,
        request: Request<ModelMetadataRequest>,
    ) -> Result<Response<ModelMetadataResponse>, Status> {
        let (name, known_as) = target(&request.get_ref().name, &request.get_ref().version);
        let served = self.state.choose(name, known_as, request.metadata().as_ref())?.served;
        let snapshot = self.state.repository.snapshot();
        let versions = snapshot.get(name).map_or(&[][..], |known| known.registered.versions.as_slice());
        let inputs = served.inputs.iter().map(|input| TensorMetadata {
            name: input.name.clone(),
            datatype: input_datatype(input).to_owned(),
            shape: vec![-1, 1],
        });
        let outputs = served.outputs.iter().map(|output| TensorMetadata {
            name: output.name.to_owned(),
            datatype: output.datatype.to_owned(),
            shape: vec![-1, i64::try_from(output.width).unwrap_or(i64::MAX)],
        });
        Ok(Response::new(ModelMetadataResponse {
            name: served.name.clone(),
            versions: versions.iter().map(u64::to_string).collect(),
            platform: PLATFORM.to_owned(),
            inputs: inputs.collect(),
            outputs: outputs.collect(),
        }))
    }

    async fn model_infer(&self, request: Request<ModelInferRequest>) -> Result<Response<ModelInferResponse>, Status> {
        let _in_flight = self.state.enter()?;
        let (metadata, _, request) = request.into_parts();
        Ok(Response::new(infer(&self.state, metadata.as_ref(), request)?))
    }

    async fn repository_index(
        &self,
        request: Request<RepositoryIndexRequest>,
    ) -> Result<Response<RepositoryIndexResponse>, Status> {
        let only_ready = request.get_ref().ready;
        let snapshot = self.state.repository.snapshot();
        let models = snapshot.values().flat_map(|known| {
            states(known).into_iter().map(|(version, state, reason)| ModelIndex {
                name: known.registered.name.clone(),
                version: version.to_string(),
                state: state.to_owned(),
                reason: reason.to_owned(),
            })
        });
        let models = models.filter(|model| !only_ready || model.state == "READY").collect();
        Ok(Response::new(RepositoryIndexResponse { models }))
    }

    async fn repository_model_load(
        &self,
        request: Request<RepositoryModelLoadRequest>,
    ) -> Result<Response<RepositoryModelLoadResponse>, Status> {
        tokio::task::block_in_place(|| self.state.repository.load_model(&request.get_ref().model_name))?;
        Ok(Response::new(RepositoryModelLoadResponse {}))
    }

    async fn repository_model_unload(
        &self,
        request: Request<RepositoryModelUnloadRequest>,
    ) -> Result<Response<RepositoryModelUnloadResponse>, Status> {
        self.state.repository.unload_model(&request.get_ref().model_name)?;
        Ok(Response::new(RepositoryModelUnloadResponse {}))
    }
}

fn infer(
    state: &State,
    headers: &axum::http::HeaderMap,
    request: ModelInferRequest,
) -> Result<ModelInferResponse, Refusal> {
    let (name, known_as) = target(&request.model_name, &request.model_version);
    let chosen = state.choose(name, known_as, headers)?;
    let as_raw = !request.raw_input_contents.is_empty();
    let contents = request.inputs.iter().filter_map(|input| input.contents.as_ref());
    // What a message takes in memory grows with its elements, as its bytes do.
    let size =
        request.raw_input_contents.iter().map(Bytes::len).sum::<usize>() + contents.map(elements_in).sum::<usize>();
    let (inputs, raws, outputs, id) = (request.inputs, request.raw_input_contents, request.outputs, request.id);
    let wanted: Vec<&str> = outputs.iter().map(|output| output.name.as_str()).collect();
    let parse = |rows: &mut Rows<'_>| tensors::fill(tensors_of(inputs, raws)?, rows);
    state.infer(&chosen, size, parse, |answer, ()| response(answer, as_raw, id, &wanted))
}

fn elements_in(contents: &InferTensorContents) -> usize {
    8 * (contents.fp64_contents.len()
        + contents.fp32_contents.len()
        + contents.int64_contents.len()
        + contents.int_contents.len()
        + contents.uint_contents.len()
        + contents.uint64_contents.len()
        + contents.bool_contents.len()
        + contents.bytes_contents.len())
}

fn tensors_of(inputs: Vec<InferInputTensor>, raws: Vec<Bytes>) -> Result<Vec<Tensor>, Refusal> {
    if !raws.is_empty() && raws.len() != inputs.len() {
        let message = format!("{} raw contents for {} inputs", raws.len(), inputs.len());
        return Err(Refusal::bad("bad-request", message));
    }
    let mut raws = raws.into_iter();
    inputs
        .into_iter()
        .map(|input| {
            let datatype = Datatype::of(&input.datatype)?;
            let elements = match (raws.next(), input.contents) {
                (Some(raw), None) => Elements::Raw(raw),
                (Some(raw), Some(contents)) if elements_in(&contents) == 0 => Elements::Raw(raw),
                (Some(_), Some(_)) => {
                    let message = format!("input `{}` has contents and raw contents", shown(&input.name));
                    return Err(Refusal::bad("bad-request", message));
                }
                (None, contents) => elements(&input.name, datatype, contents.unwrap_or_default())?,
            };
            Ok(Tensor { name: input.name, datatype, shape: input.shape, elements })
        })
        .collect()
}

#[expect(clippy::cast_precision_loss, reason = "as a table's whole numbers become features")]
fn elements(name: &str, datatype: Datatype, contents: InferTensorContents) -> Result<Elements, Refusal> {
    Ok(Elements::Numbers(match datatype {
        Datatype::Bool => contents.bool_contents.iter().map(|flag| f64::from(u8::from(*flag))).collect(),
        Datatype::Int8 | Datatype::Int16 | Datatype::Int32 => {
            contents.int_contents.iter().map(|number| f64::from(*number)).collect()
        }
        Datatype::Int64 => contents.int64_contents.iter().map(|number| *number as f64).collect(),
        Datatype::Uint8 | Datatype::Uint16 | Datatype::Uint32 => {
            contents.uint_contents.iter().map(|number| f64::from(*number)).collect()
        }
        Datatype::Uint64 => contents.uint64_contents.iter().map(|number| *number as f64).collect(),
        Datatype::Fp32 => contents.fp32_contents.iter().map(|number| f64::from(*number)).collect(),
        Datatype::Fp64 => contents.fp64_contents,
        Datatype::Bytes => {
            let texts = contents.bytes_contents.iter().map(|text| Ok(Some(text_of(name, text)?.to_owned())));
            return Ok(Elements::Texts(texts.collect::<Result<_, Refusal>>()?));
        }
        Datatype::Fp16 => {
            let message = format!("input `{}` is FP16, which only raw contents can hold", shown(name));
            return Err(Refusal::bad("wrong-type", message));
        }
    }))
}

fn response(answer: &Answer<'_>, as_raw: bool, id: String, wanted: &[&str]) -> Result<ModelInferResponse, Refusal> {
    let outputs: Vec<&Output<'_>> = if wanted.is_empty() {
        answer.outputs.iter().collect()
    } else {
        let found = wanted.iter().map(|name| answer.output(name).ok_or_else(|| unknown_output(answer.model, name)));
        found.collect::<Result<_, _>>()?
    };
    let mut raws = Vec::new();
    let rows = i64::try_from(answer.rows).unwrap_or(i64::MAX);
    let tensors = outputs.into_iter().map(|output| {
        let contents = if as_raw {
            let mut bytes = Vec::new();
            raw(&mut bytes, &output.told);
            raws.push(Bytes::from(bytes));
            None
        } else {
            Some(contents(&output.told))
        };
        InferOutputTensor {
            name: output.name.to_owned(),
            datatype: output.datatype.to_owned(),
            shape: vec![rows, i64::try_from(output.width).unwrap_or(i64::MAX)],
            parameters: HashMap::new(),
            contents,
        }
    });
    let outputs = tensors.collect();
    Ok(ModelInferResponse {
        model_name: answer.model.name.clone(),
        model_version: answer.model.version_text.clone(),
        id,
        parameters: HashMap::new(),
        outputs,
        raw_output_contents: raws,
    })
}

fn contents(told: &Told<'_>) -> InferTensorContents {
    let mut contents = InferTensorContents::default();
    match told {
        Told::Numbers(values) => contents.fp64_contents.clone_from(values),
        Told::Whole(values) => contents.int64_contents.clone_from(values),
        Told::Flags(flags) => contents.bool_contents.clone_from(flags),
        Told::Classes(codes, names) => {
            contents.bytes_contents = codes.iter().map(|code| class(names, *code).as_bytes().to_vec()).collect();
        }
    }
    contents
}
