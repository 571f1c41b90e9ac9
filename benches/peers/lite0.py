"""The peer: PyTorch on the base model that Ocelli wrote, node by node."""

import json
import struct
import time

import numpy
import torch
from torch.nn import functional

TYPES = {"F16": numpy.float16, "F32": numpy.float32}


def read(path):
    """The nodes and tensors of a model file."""
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    network = json.loads(header.pop("__metadata__")["ocelli.network"])
    tensors = {}
    for name, about in header.items():
        start, end = (8 + length + offset for offset in about["data_offsets"])
        values = numpy.frombuffer(content[start:end], TYPES[about["dtype"]]).astype(numpy.float32)
        tensors[name] = torch.from_numpy(values.reshape(about["shape"]).copy())
    return network["nodes"], tensors


def same(sides, kernel, stride):
    """TensorFlow's zeros before and after, for the sides of a map: left, right, top and bottom."""
    zeros = []
    for side in reversed(sides):
        total = max((-(-side // stride) - 1) * stride + kernel - side, 0)
        zeros += [total // 2, total - total // 2]
    return zeros


class Convolution(torch.nn.Conv2d):
    """With TensorFlow's padding, by itself where both sides are alike."""

    def __init__(self, weight, stride, groups):
        outputs, inputs, kernel, _ = weight.shape
        inside = kernel // 2 if stride == 1 else 0
        super().__init__(inputs * groups, outputs, kernel, stride, inside, groups=groups, bias=False)
        self.weight = torch.nn.Parameter(weight)

    def forward(self, maps):
        if self.stride[0] > 1:
            maps = functional.pad(maps, same(maps.shape[2:], self.kernel_size[0], self.stride[0]))
        return super().forward(maps)


class Network(torch.nn.Module):
    def __init__(self, nodes, tensors):
        super().__init__()
        self.nodes, self.names = nodes, {}
        self.layers = torch.nn.ModuleDict()
        for place, node in enumerate(nodes):
            op = node["op"]
            if op["type"] == "conv2d":
                layer = Convolution(tensors[op["weight"]], op["stride"][0], op["groups"])
                self.names[op["weight"]] = layer.weight
            elif op["type"] == "batch_norm":
                layer = torch.nn.BatchNorm2d(len(tensors[op["scale"]]), eps=op["epsilon"])
                layer.weight, layer.bias = (torch.nn.Parameter(tensors[op[name]]) for name in ("scale", "shift"))
                layer.running_mean, layer.running_var = tensors[op["mean"]], tensors[op["variance"]]
                self.names |= {op["scale"]: layer.weight, op["shift"]: layer.bias}
            elif op["type"] == "relu6":
                layer = torch.nn.ReLU6(inplace=True)
            else:
                continue
            self.layers[str(place)] = layer

    def forward(self, maps):
        values = {}
        for place, node in enumerate(self.nodes):
            inputs = [values[read] for read in node["inputs"]]
            if str(place) in self.layers:
                values[place] = self.layers[str(place)](*inputs)
            else:
                values[place] = {
                    "input": lambda: maps,
                    "add": lambda: inputs[0] + inputs[1],
                    "global_average_pool": lambda: inputs[0].mean((2, 3)),
                }[node["op"]["type"]]()
        return values[len(self.nodes) - 1]


class Step:
    """Forward, cross-entropy and backward through the whole base."""

    def __init__(self, folder, values, tags, threads, statistics_of_batch=False):
        self.network = Network(*read(folder / "base.safetensors")).to(memory_format=torch.channels_last)
        self.network.train(statistics_of_batch)
        self.engine = "PyTorch, " + ("statistics of the batch" if statistics_of_batch else "fixed statistics")
        # Channels last already; only the order of the sides changes.
        self.input = torch.from_numpy(values["input"]).permute(0, 3, 1, 2)
        self.head = torch.from_numpy(values["head"])
        self.targets = torch.arange(len(self.input)) % tags
        self.threads = threads

    def step(self):
        for parameter in self.network.parameters():
            parameter.grad = None
        loss = functional.cross_entropy(self.network(self.input) @ self.head, self.targets)
        loss.backward()
        return loss

    def seconds(self, warmup, iterations):
        torch.set_num_threads(self.threads)
        for _ in range(warmup):
            self.step()
        seconds = []
        for _ in range(iterations):
            began = time.perf_counter()
            self.step()
            seconds.append(time.perf_counter() - began)
        return seconds

    def gradients(self):
        torch.set_num_threads(self.threads)
        loss = self.step().item()
        return loss, {name: parameter.grad.numpy() for name, parameter in self.network.names.items()}
