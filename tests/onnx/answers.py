"""What ONNX Runtime answers: reads a JSON list of questions from standard input, writes one of answers.

A question names a model file, the file of an input's bytes, its type ("uint8" or "float32") and its shape. An answer
has the output's shape and values, and the model's metadata.
"""

import json
import sys

import numpy
import onnxruntime

sessions = {}


def session(path):
    if path not in sessions:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        sessions[path] = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    return sessions[path]


def answer(question):
    model = session(question["model"])
    values = numpy.fromfile(question["input"], question["type"]).reshape(question["shape"])
    (given,), (wanted,) = model.get_inputs(), model.get_outputs()
    (output,) = model.run([wanted.name], {given.name: values})
    return {
        "input": given.name,
        "output": wanted.name,
        "shape": output.shape,
        "values": [float(value) for value in output.ravel()],
        "metadata": model.get_modelmeta().custom_metadata_map,
    }


json.dump([answer(question) for question in json.load(sys.stdin)], sys.stdout)
