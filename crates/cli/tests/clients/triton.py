"""Asks a server for predictions with Triton's own clients, over HTTP and gRPC, and compares them with `predict`'s.

    python triton.py ADDRESS MODEL EXPECTED.json
"""

import json
import sys

import numpy
import tritonclient.grpc as grpc
import tritonclient.http as http
from tritonclient.utils import InferenceServerException

address, model, file = sys.argv[1:]
with open(file) as opened:
    document = json.load(opened)
rows, expected = numpy.array(document["rows"]), numpy.array(document["expected"])


def inputs(client, **how):
    made = []
    for place, name in enumerate(document["names"]):
        column = client.InferInput(name, [len(rows), 1], "FP64")
        column.set_data_from_numpy(rows[:, place : place + 1].copy(), **how)
        made.append(column)
    return made


def same(result, how):
    found = result.as_numpy("prediction")
    assert found.shape == (len(rows), 1), (how, found.shape)
    assert (found[:, 0] == expected).all(), (how, found[:, 0], expected)


over_http = http.InferenceServerClient(address)
over_grpc = grpc.InferenceServerClient(address)
for client in (over_http, over_grpc):
    assert client.is_server_live() and client.is_server_ready() and client.is_model_ready(model)

metadata = over_http.get_model_metadata(model)
assert [column["name"] for column in metadata["inputs"]] == document["names"], metadata
assert over_http.get_server_metadata()["name"] == "trainyard"
assert over_grpc.get_model_metadata(model).platform == metadata["platform"]
assert {entry["name"] for entry in over_http.get_model_repository_index()} == {model}
assert {entry.name for entry in over_grpc.get_model_repository_index().models} == {model}

for binary_in in (False, True):
    for binary_out in (False, True):
        outputs = [http.InferRequestedOutput("prediction", binary_data=binary_out)]
        result = over_http.infer(model, inputs(http, binary_data=binary_in), outputs=outputs, request_id="7")
        same(result, ("http", binary_in, binary_out))
        assert result.get_response()["id"] == "7"
same(over_http.infer(model, inputs(http)), "http, all outputs")
same(over_http.infer(model, inputs(http), model_version=document["version"]), "http, version")
same(over_grpc.infer(model, inputs(grpc), request_id="7"), "grpc")
outputs = [grpc.InferRequestedOutput("prediction")]
same(over_grpc.infer(model, inputs(grpc), outputs=outputs, model_version=document["version"]), "grpc, version")

for client, module in ((over_http, http), (over_grpc, grpc)):
    for wrong in (inputs(module)[:2], [module.InferInput("nope", [1, 1], "FP64")]):
        if len(wrong) == 1:
            wrong[0].set_data_from_numpy(numpy.ones((1, 1)))
        try:
            client.infer(model, wrong)
        except InferenceServerException as error:
            assert "missing-column" in str(error) or "unknown-column" in str(error), error
        else:
            raise AssertionError("a wrong request was answered")
    try:
        client.infer("nobody", inputs(module))
    except InferenceServerException as error:
        assert "unknown-model" in str(error), error
    client.unload_model(model)
    assert not client.is_model_ready(model)
    client.load_model(model)
    assert client.is_model_ready(model)
print("same")
