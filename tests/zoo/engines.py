#!/usr/bin/env python3
"""Takes the models of a folder that the built-in engine cannot run through everything that runs models, with ONNX Runtime.

    build/venv/bin/python tests/zoo/engines.py FOLDER [--table]

For each: without ONNX Runtime, the message says which operators are missing and what to do, and --no-verify goes on. With
it, a random reordering is verified, and a model with other weights is told from the first. A copy with noise of a tenth of
each tensor's standard deviation, reordered, is aligned by weights and by activations on 64 samples (units inside of subgraphs
show on no activation; they are matched by weights then); merged and judged, with the answers of the first model as labels. All
units must be back by both; the losses of both models, and those at the ends of a curve, must be those that ONNX Runtime gives
by itself. --table prints the rows of docs/engines.md.
"""
import argparse
import glob
import json
import os
import re
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime

from check import INPUTS, RECOVERY_LIMIT, changed, name_of, noisy_copy, reordered

from common import run, run_json, score, session  # noqa: E402  (check has told Python where)

SAMPLES = 64
LIBRARY = os.path.join(os.path.dirname(onnxruntime.__file__), "capi")
NOWHERE = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "ONNX_ALIGN_ONNXRUNTIME": ""}
NO_DATA = "counts samples on another axis than the first"


def require(condition, *what):
    if not condition:
        raise SystemExit(" ".join(map(str, what)))


def tool(*arguments):
    return run_json(*arguments, "--onnxruntime", LIBRARY)


def missing(path, target):
    """The operators that the built-in engine lacks, or None."""
    done = run("permute", path, "-o", target, "--random", "--engine", "builtin")
    found = re.search(r"no kernel for (.*?) \(\d+ node", done.stderr)
    require(done.returncode == 0 or found, path, done.stderr)
    return found.group(1) if found else None


def without_any_engine(path, target, operators):
    done = run("permute", path, "-o", target, "--random", env=NOWHERE)
    for words in [operators, "pip install onnxruntime", "--no-verify goes on"]:
        require(done.returncode == 3 and words in done.stderr, path, done.stderr)
    require(run("permute", path, "-o", target, "--random", "--no-verify", env=NOWHERE).returncode == 0, path)


def samples_of(path, folder):
    """Inputs by name, and the options that name their files; None where the first axis of one does not count samples."""
    random, feeds, options = np.random.default_rng(4), {}, []
    given = INPUTS.get(name_of(path), {})
    for value in onnx.load(path, load_external_data=False).graph.input:
        dims = [dim.dim_value or 2 for dim in value.type.tensor_type.shape.dim]
        shape, below = given.get(value.name, (dims, 50)) if isinstance(given, dict) else (dims, 50)
        if len(shape) == 0 or value.name == "state":
            return None, None
        shape = (SAMPLES, *shape[1:])
        kind = onnx.helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type)
        drawn = random.integers(0, below, shape) if np.issubdtype(kind, np.integer) else random.standard_normal(shape)
        feeds[value.name] = drawn.astype(kind)
        file = os.path.join(folder, f"{len(feeds)}.npy")
        np.save(file, feeds[value.name])
        options += ["--data", f"{value.name}={file}"]
    return feeds, options


def answers(path, feeds):
    """Sample by sample where the model insists on a number of them."""
    running = session(path, optimises=False, threads=1)
    wanted = running.get_inputs()[0].shape[0]
    batch = wanted if isinstance(wanted, int) and wanted > 0 else SAMPLES
    parts = [running.run(None, {name: value[i:i + batch] for name, value in feeds.items()})[0]
             for i in range(0, SAMPLES, batch)]
    return np.concatenate(parts)


def back(saved, planted):
    """How many units are where they were, of how many."""
    right = total = 0
    with open(saved) as found, open(planted) as known:
        for group, other in zip(json.load(found)["groups"], json.load(known)["groups"], strict=True):
            order = np.array(other["permutation"])[group["permutation"]]
            right, total = right + int((order == np.arange(len(order))).sum()), total + len(order)
    return right, total


def aligned(path, target, method, folder, more):
    """The report on a merge, and what is back."""
    saved = os.path.join(folder, "found.json")
    report = tool(path, target, "-o", os.path.join(folder, "m.onnx"), "-m", method, "--save-permutation", saved, *more)
    require(report["verified"]["engine"] == "onnxruntime", path, report["verified"])
    return report, back(saved, os.path.join(folder, "planted.json"))


def judged(path, noisy, target, feeds, data, folder):
    """Merges with data, and compares what the tool measured with ONNX Runtime. Returns what is back by activations, and how
    often the merged model decides like the first."""
    logits = [answers(model, feeds) for model in (path, noisy)]
    labels = logits[0].argmax(-1)
    np.save(os.path.join(folder, "y.npy"), labels)
    more = [*data, "--labels", os.path.join(folder, "y.npy")]
    report, found = aligned(path, target, "activations", folder, more)
    curve = tool("curve", path, target, "-m", "weights", *more, "--points", 3)["aligned"]
    for x, measured, end in zip(logits, report["evaluation"]["models"], (-1, 0), strict=True):
        loss, accuracy = score(x.reshape(-1, x.shape[-1]), labels.reshape(-1))
        for other in (measured["loss"], curve["loss"][end]):
            require(abs(other - loss) <= 1e-4 * loss, path, "loss", other, "is", loss)
        require(abs(measured["accuracy"] - accuracy) <= 1.1 / labels.size, path, "accuracy")  # one on a border
    agreement = (answers(os.path.join(folder, "m.onnx"), feeds).argmax(-1) == labels).mean()
    return found, agreement


def check(path, folder):
    target, noisy = os.path.join(folder, "b.onnx"), os.path.join(folder, "n.onnx")
    operators = missing(path, target)
    if not operators:
        return None
    without_any_engine(path, target, operators)
    verified = tool("permute", path, "-o", target, "--random")["verified"]
    require(verified["engine"] == "onnxruntime" and tool("verify", path, target)["same"], path, verified)
    random = np.random.default_rng(3)
    changed(path, noisy, lambda x: noisy_copy(x, 0.1 * random.standard_normal(x.shape)))
    require(run("verify", path, noisy, "--onnxruntime", LIBRARY).returncode == 1, path, "is taken for another one")
    reordered(noisy, target, 3, os.path.join(folder, "planted.json"))
    _, found = aligned(path, target, "weights", folder, [])
    row = [operators, f"{verified['max_rel_diff']:.0e}", f"{found[0]} of {found[1]}"]
    feeds, data = samples_of(path, folder)
    require(found[0] == found[1], path, "units are not back by weights", found)
    if not data:
        return [*row, NO_DATA, ""]
    found, agreement = judged(path, noisy, target, feeds, data, folder)
    require(found[0] == found[1], path, "units are not back by activations", found)
    return [*row, str(found[0]), f"{100 * agreement:.0f} %"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--table", action="store_true")
    options = parser.parse_args()
    count = 0
    for path in sorted(glob.glob(os.path.join(options.folder, "*.onnx"))):
        if os.path.getsize(path) > 4 * RECOVERY_LIMIT:
            continue
        with tempfile.TemporaryDirectory() as folder:
            row = check(path, folder)
        if row:
            count += 1
            print(f"| {name_of(path)} | " + " | ".join(row) + " |" if options.table else f"{name_of(path)}: {', '.join(row)}",
                  flush=True)
    print(f"{count} models that ONNX Runtime alone runs", file=sys.stderr)
    sys.exit(0 if count else 1)


if __name__ == "__main__":
    main()
