"""Asks a server that wants to know who calls, as Triton's gRPC client does.

    grpc_access.py ADDRESS AUTHORIZATION
"""

import sys

import tritonclient.grpc as triton
from tritonclient.utils import InferenceServerException

address, authorization = sys.argv[1:]
client = triton.InferenceServerClient(address)
shown = {"authorization": authorization}


def refusal(ask):
    try:
        return ask()
    except InferenceServerException as error:
        return error.status().removeprefix("StatusCode.")


print("live:", client.is_server_live())
print("metadata:", refusal(client.get_server_metadata))
print("metadata with a token:", client.get_server_metadata(headers=shown).name)
print("load:", refusal(lambda: client.load_model("m", headers=shown)))
