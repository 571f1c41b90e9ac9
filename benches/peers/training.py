#!/usr/bin/env python3
"""One step of training, Ocelli against PyTorch: EfficientNet-Lite0, forward, cross-entropy and backward through the whole base.

    benches/peers/training.py [--json] [--rounds N] [--threads N]...

Makes its own Python environment under target/, builds Ocelli's side in release, checks that both compute the same loss and
the same gradients, and times them turn by turn. PyTorch computes with channels last, with fixed statistics of its batch
normalisations (as Ocelli) and, beside that, with those of the batch. Each figure is the median of all turns.
"""

import argparse
import json
import pathlib
import sys

sys.dont_write_bytecode = True
import environment

ROOT = pathlib.Path(__file__).resolve().parents[2]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    parser.add_argument("--rounds", type=int, default=7, help="turns of each (7)")
    parser.add_argument("--threads", type=int, action="append", help="threads; may be given several times (2 and 1)")
    parser.add_argument("--batch", type=int, default=8, help="photos of a step (8)")
    return parser.parse_args()


def main():
    options = arguments()
    environment.enter(ROOT, "python-training", "requirements-training.txt")
    # Imported here, since only the environment that was entered has PyTorch.
    import steps

    results = steps.run(ROOT, options.threads or [2, 1], options.batch, options.rounds)
    if options.json:
        json.dump(results, sys.stdout, indent=2)
        print()
    else:
        steps.show(results)


if __name__ == "__main__":
    main()
