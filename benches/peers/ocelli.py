"""Ocelli's side: a process that is asked in lines of JSON and keeps the time itself."""

import json
import subprocess


class Ocelli:
    """The process, ended with the block that opened it."""

    def __init__(self, program):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.stdin.close()
        self.process.wait()

    def ask(self, what, **question):
        line = json.dumps({"do": what, **question}, default=str)
        self.process.stdin.write(line + "\n")
        self.process.stdin.flush()
        answer = self.process.stdout.readline()
        if not answer:
            raise RuntimeError(f"Ocelli's side ended at the question {line}")
        answer = json.loads(answer)
        if "error" in answer:
            raise RuntimeError(f"Ocelli: {answer['error']}, asked {line}")
        return answer


class OcelliNetwork:
    """From a decoded photo of the input's size to probabilities: normalising is part of it."""

    engine = "Ocelli"

    def __init__(self, ocelli, prepared, precision, threads, batch):
        self.ocelli, self.precision = ocelli, precision
        self.question = {
            "model": prepared.folder / "model.ocelli", "photo": prepared.folder / "photo.rgb",
            "precision": precision, "threads": threads, "batch": batch,
        }

    def seconds(self, warmup, iterations):
        return self.ocelli.ask("network", warmup=warmup, iterations=iterations, **self.question)["seconds"]


class OcelliBytes:
    """From the bytes of a file to probabilities, as a host calls it."""

    engine = "Ocelli"

    def __init__(self, ocelli, prepared, precision, photo, scaled):
        self.ocelli, self.precision = ocelli, precision
        self.way_in = "Ocelli, scaled decoding" if scaled else "Ocelli"
        model = prepared.folder / "model.ocelli"
        self.question = {"model": model, "photo": photo, "precision": precision, "scaled": scaled}

    def seconds(self, warmup, iterations):
        return self.ocelli.ask("bytes", warmup=warmup, iterations=iterations, **self.question)["seconds"]

    def probabilities(self):
        photo = self.question["photo"]
        return self.ocelli.ask("answers", **{**self.question, "photos": [photo]})["probabilities"][0]
