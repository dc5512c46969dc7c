"""LightGBM behind a bare FastAPI: what many teams write themselves. `python serving_fastapi.py MODEL PORT`."""

import sys

import lightgbm
import numpy
import uvicorn
from fastapi import FastAPI, Request

model = lightgbm.Booster(model_file=sys.argv[1])
app = FastAPI()


@app.post("/v2/models/m/infer")
async def infer(request: Request):
    tensor = (await request.json())["inputs"][0]
    rows = numpy.array(tensor["data"]).reshape(tensor["shape"])
    predictions = model.predict(rows, num_threads=1)
    return {"model_name": "m", "outputs": [
        {"name": "prediction", "shape": [len(predictions), 1], "datatype": "FP64", "data": predictions.tolist()}]}


@app.get("/v2/health/ready")
async def ready():
    return {"ready": True}


uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[2]), log_level="error")
