#!/usr/bin/env python3
"""Checks the models of a folder (tests/zoo/export.py) with ONNX Runtime, and writes a table of them.

    build/venv/bin/python tests/zoo/check.py FOLDER [--seeds 20] [--table FILE.md]

For each model: every group alone, and all together, at random, with each seed: ONNX Runtime must give the same outputs as
before. What counts as the same: how much the outputs change when each float32 weight moves by half a unit in its last
place, up or down at random, is the model's own rounding noise (the largest of 5 draws, relative to the largest output);
sums in another order round about as often as they have terms, so 4 times that is allowed. Then an exact copy and one with
noise of a tenth of each tensor's standard deviation, reordered at random, are aligned by weight matching: each unit must be
back at its place.
"""
import argparse
import glob
import json
import os
import subprocess
import sys
import tempfile
import time

import numpy as np
import onnx
import onnxruntime
from onnx import numpy_helper

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TOOL = os.path.join(ROOT, "build/release/onnx-align")
DRAWS, MARGIN = 5, 4


def tool(*arguments):
    done = subprocess.run([TOOL, *map(str, arguments), "--json"], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"{arguments}: {done.stderr}")
    return json.loads(done.stdout)


def run(path, feed):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"]).run(None, feed)


def feed_of(path):
    random, feed = np.random.default_rng(1), {}
    for value in onnx.load(path, load_external_data=False).graph.input:
        shape = [dim.dim_value or 2 for dim in value.type.tensor_type.shape.dim]
        if value.type.tensor_type.elem_type == onnx.TensorProto.INT64:
            feed[value.name] = random.integers(0, 50, shape)
        else:
            feed[value.name] = random.standard_normal(shape).astype(np.float32)
    return feed


def difference(reference, other):
    worst = 0.0
    for x, y in zip(reference, other, strict=True):
        if not np.isfinite(x).all() or np.ptp(x) == 0:
            raise SystemExit("outputs that tell nothing: not finite, or all equal")
        worst = max(worst, float(np.abs(x.astype(np.float64) - y).max() / np.abs(x).max()))
    return worst


def changed(path, target, change):
    model = onnx.load(path)
    for tensor in model.graph.initializer:
        if tensor.data_type == onnx.TensorProto.FLOAT:
            value = change(numpy_helper.to_array(tensor))
            tensor.CopyFrom(numpy_helper.from_array(value.astype(np.float32), tensor.name))
    onnx.save(model, target)


def noise_of(path, target, feed, reference):
    random, worst = np.random.default_rng(2), 0.0
    for _ in range(DRAWS):
        changed(path, target, lambda x: x + 0.5 * np.spacing(x.astype(np.float32)).astype(np.float64)
                * random.choice([-1.0, 1.0], x.shape) * 1.001)
        worst = max(worst, difference(reference, run(target, feed)))
    return worst


def reordered(path, target, seed, folder, alone=None):
    """A random reordering; of one group only when `alone` is its number. False when nothing moved."""
    file = os.path.join(folder, "p.json")
    tool("permute", path, "-o", target, "--random", "--seed", seed, "--no-verify", "--save-permutation", file)
    if alone is not None:
        with open(file) as opened:
            saved = json.load(opened)
        for group in saved["groups"]:
            if group["id"] != alone:
                group["permutation"] = list(range(group["size"]))
        with open(file, "w") as opened:
            json.dump(saved, opened)
        tool("permute", path, "-o", target, "--permutation", file, "--no-verify")


def check(path, seeds, folder):
    name = os.path.splitext(os.path.basename(path))[0]
    target, feed = os.path.join(folder, "b.onnx"), feed_of(path)
    reference = run(path, feed)
    started = time.time()
    found = tool("inspect", path)
    seconds = time.time() - started
    noise = noise_of(path, target, feed, reference)
    worst, runs = 0.0, 0
    for alone in [None, *[group["id"] for group in found["groups"]]]:
        for seed in range(seeds if alone is None or len(found["groups"]) <= 12 else max(1, seeds // 10)):
            reordered(path, target, seed, folder, alone)
            worst, runs = max(worst, difference(reference, run(target, feed))), runs + 1
    recovered = {0.0: 0, 0.1: 0}
    for level in recovered:
        for seed in range(seeds):
            random = np.random.default_rng(seed)
            noisy = os.path.join(folder, "n.onnx")
            changed(path, noisy, lambda x: x + level * x.std() * random.standard_normal(x.shape))
            reordered(noisy, target, seed, folder)
            report = tool(path, target, "-o", os.path.join(folder, "m.onnx"), "--method", "weights", "--no-verify", "--emit",
                          "aligned")
            back = difference(run(noisy, feed), run(os.path.join(folder, "m.onnx"), feed))
            planted = tool(path, noisy, "-o", os.path.join(folder, "m.onnx"), "--method", "none", "--no-verify")
            recovered[level] += (report["distance"]["after"] <= planted["distance"]["before"] * (1 + 1e-6) + 1e-9
                                 and back <= MARGIN * noise)
    nodes = len(onnx.load(path, load_external_data=False).graph.node)
    kinds = " + ".join(f"{sum(g['kind'] == kind for g in found['groups'])} {kind}" for kind in ("units", "blocks", "inside")
                       if any(g["kind"] == kind for g in found["groups"]))
    print(f"{name}: share {found['permutable_share']:.4f}, {kinds}; {runs} reorderings, worst {worst:.1e} of "
          f"{MARGIN * noise:.1e}; recovered {recovered[0.0]} and {recovered[0.1]} of {seeds}", flush=True)
    is_good = worst <= MARGIN * noise and all(count == seeds for count in recovered.values())
    return is_good, (f"| {name} | {found['parameters']} | {nodes} | {kinds} | {100 * found['permutable_share']:.2f} % | "
                     f"{seconds:.2f} | {runs} | {worst:.1e} | {noise:.1e} | {recovered[0.0]}, {recovered[0.1]} of {seeds} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--table")
    options = parser.parse_args()
    rows, is_good = [], True
    for path in sorted(glob.glob(os.path.join(options.folder, "*.onnx"))):
        with tempfile.TemporaryDirectory() as folder:
            good, row = check(path, options.seeds, folder)
        is_good &= good
        rows.append(row)
    if not rows:
        raise SystemExit(f"{options.folder}: no models; make them with tests/zoo/export.py")
    if options.table:
        with open(os.path.join(ROOT, "tests/zoo/head.md")) as file:
            head = file.read()
        with open(options.table, "w") as file:
            file.write(head + "\n".join(rows) + "\n")
    sys.exit(0 if is_good else 1)


if __name__ == "__main__":
    main()
