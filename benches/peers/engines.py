"""The peers: ONNX Runtime and OpenVINO, in every precision that they have."""

import logging
import time

import nncf
import numpy
import onnxruntime
import openvino
from onnxruntime.quantization import CalibrationDataReader, QuantFormat, QuantType, quantize_static
from onnxruntime.quantization.shape_inference import quant_pre_process

logging.getLogger().setLevel(logging.ERROR)
nncf.set_log_level(logging.ERROR)

INPUT = "tensor"


class Timed:
    """An engine whose `run` is timed here."""

    def seconds(self, warmup, iterations):
        for _ in range(warmup):
            self.run()
        seconds = []
        for _ in range(iterations):
            began = time.perf_counter()
            self.run()
            seconds.append(time.perf_counter() - began)
        return seconds


class OnnxRuntime(Timed):
    """ONNX Runtime on a batch of ready tensors."""

    engine = "ONNX Runtime"

    def __init__(self, path, precision, threads, values):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
        options.log_severity_level = 3
        self.session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        self.precision, self.values = precision, values

    def run(self):
        return self.session.run(None, {INPUT: self.values})[0]

    def answer(self, values):
        return self.session.run(None, {INPUT: values})[0]


class OpenVino(Timed):
    """OpenVINO on a batch of ready tensors; the input is set once, so that no copy of it is timed."""

    engine = "OpenVINO"
    core = openvino.Core()

    def __init__(self, path, precision, threads, values):
        model = self.core.read_model(path)
        model.reshape(list(values.shape))
        self.request = self.core.compile_model(model, "CPU", settings(precision, threads)).create_infer_request()
        # A copy: the tensor shares memory with the array, into which `answer` writes.
        self.values = numpy.ascontiguousarray(values.copy())
        self.request.set_input_tensor(openvino.Tensor(self.values, shared_memory=True))
        self.precision = precision

    def run(self):
        self.request.infer()

    def answer(self, values):
        self.values[:] = values
        self.request.infer()
        return self.request.get_output_tensor().data.copy()

    @classmethod
    def has_bf16(cls):
        return "BF16" in cls.core.get_property("CPU", "OPTIMIZATION_CAPABILITIES")


def settings(precision, threads):
    """One request at a time on so many threads. What int8 leaves in floating point runs as OpenVINO sees fit."""
    chosen = {"INFERENCE_NUM_THREADS": threads, "NUM_STREAMS": 1, "PERFORMANCE_HINT": "LATENCY"}
    return chosen if precision == "int8" else {**chosen, "INFERENCE_PRECISION_HINT": precision}


class Photos(CalibrationDataReader):
    """Training photos, one by one."""

    def __init__(self, inputs):
        self.photos = iter(inputs)

    def get_next(self):
        photo = next(self.photos, None)
        return None if photo is None else {INPUT: photo[None]}


def quantise(folder, inputs):
    """Writes `onnxruntime-int8.onnx` and `openvino-int8.xml`, calibrated on these inputs."""
    folded = folder / "folded.onnx"
    quant_pre_process(str(folder / "model.onnx"), str(folded), skip_symbolic_shape=True)
    quantize_static(
        str(folded), str(folder / "onnxruntime-int8.onnx"), Photos(inputs), quant_format=QuantFormat.QDQ,
        per_channel=True, weight_type=QuantType.QInt8, activation_type=QuantType.QUInt8,
    )
    model = OpenVino.core.read_model(folder / "model.onnx")
    model.reshape([1, *inputs.shape[1:]])
    photos = nncf.Dataset([photo[None] for photo in inputs])
    openvino.save_model(
        nncf.quantize(model, photos, subset_size=len(inputs)), folder / "openvino-int8.xml", compress_to_fp16=False
    )


def peers(folder, threads, values):
    """Every peer in every precision that it and the processor have."""
    yield OnnxRuntime(folder / "model.onnx", "f32", threads, values)
    yield OnnxRuntime(folder / "onnxruntime-int8.onnx", "int8", threads, values)
    yield OpenVino(folder / "model.onnx", "f32", threads, values)
    if OpenVino.has_bf16():
        yield OpenVino(folder / "model.onnx", "bf16", threads, values)
    yield OpenVino(folder / "openvino-int8.xml", "int8", threads, values)
