"""The Python environment with the peers' packages, and Ocelli's side."""

import os
import pathlib
import platform
import shutil
import subprocess
import sys

HERE = pathlib.Path(__file__).resolve().parent


def say(text):
    """Tells whoever waits what is going on; results alone go to standard output."""
    print(text, file=sys.stderr, flush=True)


def enter(root, name="python", requirements="requirements.txt"):
    """Goes on in an environment under target/, made where it is missing or its requirements have changed."""
    folder, wanted = root / "target/peers" / name, HERE / requirements
    python, installed = folder / "bin/python", folder / "installed.txt"
    if pathlib.Path(sys.prefix) == folder:
        return
    if not installed.is_file() or installed.read_text() != wanted.read_text():
        say("Making a Python environment with the peers ...")
        shutil.rmtree(folder, ignore_errors=True)
        subprocess.run([sys.executable, "-m", "venv", folder], check=True)
        pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", wanted]
        subprocess.run(pip, check=True, stdout=sys.stderr)
        shutil.copy(wanted, installed)
    # The peers' thread counts are set engine by engine; nothing below them may start threads of its own.
    os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
    os.execv(python, [python, *sys.argv])


def build(root):
    """Builds Ocelli's side in release and returns the program."""
    say("Building Ocelli ...")
    command = ["cargo", "build", "--release", "--quiet", "-p", "ocelli-peers", "--message-format", "short"]
    subprocess.run(command, cwd=root, check=True, stdout=sys.stderr)
    target = pathlib.Path(os.environ.get("CARGO_TARGET_DIR", root / "target"))
    return target / "release" / "ocelli-peers"


def machine():
    """The processor's name, its vector instructions that matter here, and how many there are."""
    name, flags = platform.processor(), []
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        lines = []
    for line in lines:
        key, _, value = line.partition(":")
        if key.strip() == "model name":
            name = value.strip()
        elif key.strip() == "flags":
            known = ["avx2", "avx_vnni", "avx512f", "avx512_vnni", "avx512_bf16", "amx_int8", "amx_bf16"]
            flags = [flag for flag in known if flag in value.split()]
    return {"processor": name, "instructions": flags, "processors": os.cpu_count()}


def load():
    """How many processes have wanted a processor over the last minute; about 0 before a fair comparison."""
    return os.getloadavg()[0]
