"""A step of training in turns, and whether everybody computes the same."""

import statistics

import numpy

import lite0
from environment import build, load, machine, say
from ocelli import Ocelli

TAGS = 5
# What Ocelli's step is composed of, from Burn's own operations on; each adds to the one before.
PARTS = [
    ("burn", "Burn's own operations"),
    ("products", "+ convolutions of all channels as products"),
    ("depthwise", "+ convolutions of each channel"),
    ("ocelli", "+ normalisation and ReLU6 within them (Ocelli)"),
]


class OcelliStep:
    def __init__(self, ocelli, folder, variant, threads, batch):
        self.ocelli, self.engine = ocelli, "Ocelli" if variant == "ocelli" else f"Ocelli ({variant})"
        self.question = {"folder": folder, "variant": variant, "threads": threads, "batch": batch, "tags": TAGS}

    def seconds(self, warmup, iterations):
        return self.ocelli.ask("step", warmup=warmup, iterations=iterations, **self.question)["seconds"]

    def gradients(self):
        answer = self.ocelli.ask("gradients", warmup=0, iterations=1, **self.question)
        values, found = numpy.fromfile(self.question["folder"] / "gradients.f32", numpy.float32), {}
        for name, length in answer["gradients"]:
            found[name], values = values[:length], values[length:]
        return answer["loss"], found


def prepare(ocelli, folder, batch):
    """The base, and a step's input and head, the same every time."""
    about = ocelli.ask("export", folder=folder)
    random = numpy.random.default_rng(0)
    sizes = {"input": (batch, about["height"], about["width"], 3), "head": (about["features"], TAGS)}
    values = {name: random.standard_normal(size, numpy.float32) for name, size in sizes.items()}
    values["head"] *= 0.1
    for name, value in values.items():
        value.tofile(folder / f"{name}.f32")
    return about, values


def agreement(ocelli, folder, values, batch):
    """How far losses and gradients are from each other: the difference's norm over the norm, the largest of all tensors."""
    peer_loss, expected = lite0.Step(folder, values, TAGS, threads=2).gradients()
    rows = []
    for variant, _ in PARTS:
        loss, found = OcelliStep(ocelli, folder, variant, 2, batch).gradients()
        if found.keys() != expected.keys():
            raise RuntimeError(f"gradients of {found.keys() ^ expected.keys()} are missing on one side")
        errors = {name: relative(found[name], expected[name].reshape(-1)) for name in expected}
        worst = max(errors, key=errors.get)
        everything = [numpy.concatenate([side[name].reshape(-1) for name in expected]) for side in (found, expected)]
        rows.append({
            "variant": variant, "loss": loss, "peer_loss": peer_loss, "loss_error": abs(loss - peer_loss) / abs(peer_loss),
            "gradient_error": relative(*everything), "largest_error": errors[worst], "tensor": worst, "tensors": len(errors),
        })
    return rows


def relative(found, expected):
    return float(numpy.linalg.norm(found - expected) / numpy.linalg.norm(expected))


def take_turns(contestants, rounds, warmup, iterations):
    """The median seconds of each, over rounds in which each has its turn."""
    seconds = [[] for _ in contestants]
    for _ in range(rounds):
        for contestant, times in zip(contestants, seconds):
            times.extend(contestant.seconds(warmup, iterations))
    return [{"median": statistics.median(times), "least": min(times)} for times in seconds]


def run(root, threads, batch, rounds):
    results = {"machine": machine(), "load": load(), "batch": batch, "rounds": rounds}
    folder = root / "target/peers/training"
    with Ocelli(build(root)) as ocelli:
        results["base"], values = prepare(ocelli, folder, batch)
        say("Comparing gradients ...")
        results["agreement"] = agreement(ocelli, folder, values, batch)
        results["steps"], results["parts"] = [], []
        for count in threads:
            say(f"Timing {count} thread(s) ...")
            contestants = [
                OcelliStep(ocelli, folder, "ocelli", count, batch),
                lite0.Step(folder, values, TAGS, count),
                lite0.Step(folder, values, TAGS, count, statistics_of_batch=True),
            ]
            times = take_turns(contestants, rounds, 1, 3)
            rows = [
                {"engine": each.engine, **time, "ratio": time["median"] / times[0]["median"]}
                for each, time in zip(contestants, times)
            ]
            results["steps"].append({"threads": count, "rows": rows})
            parts = [OcelliStep(ocelli, folder, variant, count, batch) for variant, _ in PARTS]
            times = take_turns(parts, max(rounds // 3, 1), 1, 2)
            rows = [{"variant": variant, "part": part, **time} for (variant, part), time in zip(PARTS, times)]
            results["parts"].append({"threads": count, "rows": rows})
    return results


def show(results):
    machine = results["machine"]
    print(f"{machine['processor']}, {machine['processors']} processors: {', '.join(machine['instructions'])}")
    print(f"Load before: {results['load']:.1f} (about 0 before a fair comparison).")
    print(f"A step is forward, cross-entropy and backward through EfficientNet-Lite0, {results['batch']} photos of 224 px.\n")
    for row in results["agreement"]:
        print(
            f"{row['variant']:>10}: loss {row['loss']:.6f}, PyTorch's {row['peer_loss']:.6f}; gradients differ by"
            f" {row['gradient_error']:.1e}, most in {row['tensor']} by {row['largest_error']:.1e}"
        )
    for step, parts in zip(results["steps"], results["parts"]):
        print(f"\n{step['threads']} thread(s), medians over {results['rounds']} rounds; the ratio is to Ocelli")
        for row in step["rows"]:
            print(f"  {row['engine']:<50} {1e3 * row['median']:8.1f} ms {row['ratio']:6.2f}")
        for row in parts["rows"]:
            print(f"    {row['part']:<48} {1e3 * row['median']:8.1f} ms")
