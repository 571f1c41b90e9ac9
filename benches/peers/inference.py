#!/usr/bin/env python3
"""Ocelli against ONNX Runtime and OpenVINO, on the same network, photos and threads, in one run.

    benches/peers/inference.py [--json] [--set DIR]... [--rounds N]

Makes its own Python environment under target/, builds Ocelli's side in release, trains a classifier on the first set
(and one on each other, to compare answers), exports it to ONNX, quantises it for the peers on the photos that Ocelli
calibrates on, and times everybody turn by turn. Each figure is the median of all turns.
"""

import argparse
import json
import pathlib
import sys

sys.dont_write_bytecode = True
import environment

ROOT = pathlib.Path(__file__).resolve().parents[2]


def default_sets():
    """Sets of real photos beside the project where they are, else the examples' photos."""
    beside = [ROOT / "../shared/data" / name for name in ("flowers_small", "hymenoptera")]
    return [folder.resolve() for folder in beside if folder.is_dir()] or [ROOT / "examples/photos"]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    parser.add_argument(
        "--set", action="append", type=pathlib.Path, metavar="DIR",
        help="a folder with train/<tag> and test/<tag>; the first is timed, answers are compared on all",
    )
    parser.add_argument("--rounds", type=int, default=20, help="turns of each engine (20)")
    parser.add_argument("--quick", action="store_true", help="only Lite0, one thread, one photo")
    return parser.parse_args()


def main():
    options = arguments()
    environment.enter(ROOT)
    # Imported here, since only the environment that was entered has the peers' packages.
    import comparison
    import report

    sets = [folder.resolve() for folder in options.set] if options.set else default_sets()
    results = comparison.run(ROOT, sets, options.rounds, options.quick)
    if options.json:
        json.dump(results, sys.stdout, indent=2)
        print()
    else:
        report.show(results)


if __name__ == "__main__":
    main()
