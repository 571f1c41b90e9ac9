"""The peers' way from the bytes of a JPEG to a network's input: Pillow and OpenCV, and OpenVINO's own preprocessing."""

import io

import cv2
import numpy
import openvino
from PIL import Image
from openvino.preprocess import PrePostProcessor

import engines

cv2.setNumThreads(1)

# OpenVINO takes an array without copying it only where it may write to it, so Pillow's are copied once.


def pillow(data, side):
    photo = Image.open(io.BytesIO(data)).convert("RGB")
    return numpy.array(photo.resize((side, side), Image.BILINEAR))


def pillow_scaled(data, side):
    """Pillow's `draft` decodes at a half, a quarter or an eighth where that is still large enough."""
    photo = Image.open(io.BytesIO(data))
    photo.draft("RGB", (side, side))
    return numpy.array(photo.convert("RGB").resize((side, side), Image.BILINEAR))


def opencv(data, side, flags=cv2.IMREAD_COLOR_RGB, interpolation=cv2.INTER_AREA):
    photo = cv2.imdecode(numpy.frombuffer(data, numpy.uint8), flags)
    return cv2.resize(photo, (side, side), interpolation=interpolation)


def opencv_aliased(data, side):
    """Four pixels a value, whatever lies between: quick, and another picture."""
    return opencv(data, side, interpolation=cv2.INTER_LINEAR)


WAYS = {
    "Pillow": pillow,
    "OpenCV, area": opencv,
    "OpenCV, four pixels": opencv_aliased,
    "Pillow, scaled decoding": pillow_scaled,
}


class Bytes(engines.Timed):
    """A way in, and a peer behind it."""

    def __init__(self, peer, way_in, photo):
        self.engine, self.precision, self.way_in = peer.engine, peer.precision, way_in
        self.peer, self.data, self.prepare = peer, photo.read_bytes(), WAYS[way_in]

    def run(self):
        return self.peer.of_pixels(self.prepare(self.data, self.peer.side))

    def probabilities(self):
        return self.run()[0].tolist()


class OpenVinoPixels:
    """OpenVINO with the normalising compiled into the network, so that it takes the decoder's bytes as they are."""

    engine = "OpenVINO"

    def __init__(self, path, precision, prepared):
        side = prepared.side
        model = engines.OpenVino.core.read_model(path)
        model.reshape([1, 3, side, side])
        steps = PrePostProcessor(model)
        photo = steps.input()
        photo.tensor().set_element_type(openvino.Type.u8).set_layout(openvino.Layout("NHWC"))
        photo.model().set_layout(openvino.Layout("NCHW"))
        photo.preprocess().convert_element_type(openvino.Type.f32).mean(prepared.mean).scale(prepared.std)
        compiled = engines.OpenVino.core.compile_model(steps.build(), "CPU", engines.settings(precision, 1))
        self.request, self.precision, self.side = compiled.create_infer_request(), precision, side

    def of_pixels(self, pixels):
        self.request.set_input_tensor(openvino.Tensor(pixels[None], shared_memory=True))
        self.request.infer()
        return self.request.get_output_tensor().data


class OnnxRuntimePixels:
    """ONNX Runtime, with the normalising in OpenCV."""

    engine = "ONNX Runtime"

    def __init__(self, path, precision, prepared):
        self.peer = engines.OnnxRuntime(path, precision, 1, None)
        self.precision, self.side = precision, prepared.side
        self.mean, self.scale = prepared.mean, 1 / prepared.std[0]

    def of_pixels(self, pixels):
        return self.peer.answer(cv2.dnn.blobFromImage(pixels, self.scale, mean=self.mean))


def pixels_peer(prepared, engine, precision):
    """The peer of this name and precision, for decoded pixels."""
    kind = OpenVinoPixels if engine == "OpenVINO" else OnnxRuntimePixels
    file = "model.onnx"
    if precision == "int8":
        file = "openvino-int8.xml" if engine == "OpenVINO" else "onnxruntime-int8.onnx"
    return kind(prepared.folder / file, precision, prepared)


def mosaic(photos, width, height, path):
    """A JPEG of this size, tiled from real photos at their own resolution, so that it has a photo's detail."""
    picture, column, row, tallest = Image.new("RGB", (width, height)), 0, 0, 0
    while row < height:
        for photo in photos:
            tile = Image.open(photo).convert("RGB")
            picture.paste(tile, (column, row))
            column, tallest = column + tile.width, max(tallest, tile.height)
            if column >= width:
                column, row, tallest = 0, row + tallest, 0
            if row >= height:
                break
    picture.save(path, "JPEG", quality=85)
