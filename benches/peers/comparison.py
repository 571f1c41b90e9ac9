"""Who is compared, on what, and how they take turns."""

import dataclasses
import pathlib
import statistics

import numpy

import engines
import way_in
from environment import build, load, machine, say
from ocelli import Ocelli, OcelliBytes, OcelliNetwork

# Base model, threads, photos in a batch.
NETWORKS = [("lite0", 1, 1), ("lite0", 1, 8), ("lite0", 2, 1), ("lite0", 2, 8), ("lite2", 1, 1)]
PHOTOS = [(640, 480), (4000, 3000)]
MOST_CALIBRATION_PHOTOS = 256


@dataclasses.dataclass
class Prepared:
    """A classifier that Ocelli trained on a set, and the files that came of it."""

    name: str
    base: str
    folder: pathlib.Path
    side: int
    mean: list
    std: list
    train: list
    test: list

    def inputs(self):
        """The network's input for each photo of the set, the training photos first."""
        shape = (len(self.train) + len(self.test), 3, self.side, self.side)
        return numpy.memmap(self.folder / "photos.f32", numpy.float32, "r", shape=shape)

    def photo(self):
        """The input for `photo.rgb`, the photo that Ocelli is timed on."""
        return numpy.fromfile(self.folder / "photo.f32", numpy.float32).reshape(self.inputs().shape[1:])


def prepare(ocelli, root, folder, base):
    say(f"Training {base} on {folder.name}, and quantising it for the peers ...")
    out = root / "target/peers" / f"{folder.name}-{base}"
    answer = ocelli.ask("prepare", set=folder, base=base, out=out)
    about = (answer[key] for key in ("side", "mean", "std", "train", "test"))
    prepared = Prepared(folder.name, base, out, *about)
    if answer["calibrated"] is None:
        raise RuntimeError(f"the model of {folder.name} has no calibration, so its int8 cannot be compared")
    if len(prepared.train) > MOST_CALIBRATION_PHOTOS:
        say(f"Ocelli draws {MOST_CALIBRATION_PHOTOS} of {len(prepared.train)} photos; the peers calibrate on the first.")
    engines.quantise(out, prepared.inputs()[: min(len(prepared.train), MOST_CALIBRATION_PHOTOS)])
    return prepared


def take_turns(contestants, rounds, warmup, iterations):
    """The median seconds of each, over rounds in which each has its turn."""
    seconds = [[] for _ in contestants]
    for _ in range(rounds):
        for contestant, times in zip(contestants, seconds):
            times.extend(contestant.seconds(warmup, iterations))
    return [statistics.median(times) for times in seconds]


def compare_networks(ocelli, prepared, threads, batch, rounds):
    say(f"Timing {prepared.base}: {threads} thread(s), {batch} photo(s) ...")
    values = numpy.repeat(prepared.photo()[None], batch, axis=0)
    contestants = [OcelliNetwork(ocelli, prepared, precision, threads, batch) for precision in ("f32", "int8")]
    contestants += engines.peers(prepared.folder, threads, values)
    medians = take_turns(contestants, rounds, 2, 5 if batch == 1 else 2)
    rows = [
        {"engine": each.engine, "precision": each.precision, "milliseconds": median * 1e3 / batch}
        for each, median in zip(contestants, medians)
    ]
    return {"base": prepared.base, "threads": threads, "batch": batch, "rows": rows}


def agreement(ocelli, prepared):
    """For each engine, on how many photos of the set its first tag is that of Ocelli in f32."""
    say(f"Comparing answers: {prepared.base} on {prepared.name} ...")
    photos, inputs = prepared.train + prepared.test, prepared.inputs()
    found = {}
    for precision in ("f32", "int8"):
        question = {"model": prepared.folder / "model.ocelli", "precision": precision, "photos": photos}
        found["Ocelli", precision] = numpy.array(ocelli.ask("answers", **question)["probabilities"])
    for peer in engines.peers(prepared.folder, 2, inputs[:1]):
        answers = [peer.answer(photo[None])[0] for photo in inputs]
        found[peer.engine, peer.precision] = numpy.array(answers)
    expected, seen = found["Ocelli", "f32"], len(prepared.train)
    rows = []
    for (engine, precision), answers in found.items():
        same = answers.argmax(1) == expected.argmax(1)
        rows.append({
            "engine": engine, "precision": precision, "same": int(same.sum()), "same_of_test": int(same[seen:].sum()),
            "mean_change": float(abs(answers - expected).mean()), "largest_change": float(abs(answers - expected).max()),
        })
    return {
        "set": prepared.name, "base": prepared.base, "photos": len(photos), "test_photos": len(prepared.test), "rows": rows,
    }


def fastest(network, precisions):
    """The engine and precision of the fastest peer among these precisions."""
    peers = [row for row in network["rows"] if row["engine"] != "Ocelli" and row["precision"] in precisions]
    best = min(peers, key=lambda row: row["milliseconds"])
    return best["engine"], best["precision"]


def compare_bytes(ocelli, root, prepared, network, size, rounds):
    width, height = size
    say(f"Timing a JPEG of {width} x {height} ...")
    photo = root / "target/peers" / f"{width}x{height}.jpg"
    way_in.mosaic(sorted((root / "examples/photos/train").rglob("*.webp")), width, height, photo)
    ways = [("f32", False), ("int8", False), ("f32", True), ("int8", True)]
    contestants = [OcelliBytes(ocelli, prepared, precision, photo, scaled) for precision, scaled in ways]
    behind = dict.fromkeys([fastest(network, {"f32"}), fastest(network, {"f32", "bf16", "int8"})])
    for engine, precision in behind:
        peer = way_in.pixels_peer(prepared, engine, precision)
        contestants += [way_in.Bytes(peer, way, photo) for way in way_in.WAYS]
    medians = take_turns(contestants, rounds, 1, 3 if width < 1000 else 1)
    expected = numpy.array(contestants[0].probabilities())
    rows = [
        {
            "engine": each.engine, "precision": each.precision, "way_in": each.way_in, "milliseconds": median * 1e3,
            "largest_change": float(abs(numpy.array(each.probabilities()) - expected).max()),
        }
        for each, median in zip(contestants, medians)
    ]
    return {"base": prepared.base, "width": width, "height": height, "bytes": photo.stat().st_size, "rows": rows}


def run(root, sets, rounds, quick):
    networks = NETWORKS[:1] if quick else NETWORKS
    results = {"machine": machine(), "load": load(), "sets": [str(folder) for folder in sets], "rounds": rounds}
    with Ocelli(build(root)) as ocelli:
        bases = list(dict.fromkeys(base for base, _, _ in networks))
        prepared = {base: [prepare(ocelli, root, folder, base) for folder in sets] for base in bases}
        results["agreement"] = [agreement(ocelli, each) for base in bases for each in prepared[base]]
        timed = lambda base, threads, batch: compare_networks(ocelli, prepared[base][0], threads, batch, rounds)
        results["networks"] = [timed(*which) for which in networks]
        first, lite0 = results["networks"][0], prepared["lite0"][0]
        results["bytes"] = [compare_bytes(ocelli, root, lite0, first, size, rounds) for size in PHOTOS]
    return results
