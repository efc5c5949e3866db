#!/usr/bin/env python3
"""Checks the models of a folder (tests/zoo/export.py) with ONNX Runtime, and writes a table of them.

    build/venv/bin/python tests/zoo/check.py FOLDER [--seeds 20] [--table FILE.md]

What was good stays so until the tool is built again: an interrupted run goes on.

For each model: all groups together, and every group alone, at random, with each seed (groups of models of more than five
million parameters alone with a tenth of them): ONNX Runtime must give the same outputs as before. What counts as the same:
how much the outputs change when each float32 weight moves by half a unit in its last place, up or down at random, is the
model's own rounding noise (the largest of 5 draws, relative to the largest output); sums in another order round about as
often as they have terms, so 4 times that is allowed. Then an exact copy and one with noise of a tenth of each tensor's
standard deviation, reordered at random, are aligned by the tool's default method: all units must be back at their places;
models of up to 30 million parameters.
"""
import argparse
import glob
import json
import os
import sys
import tempfile
import time

import numpy as np
import onnx
from onnx import numpy_helper

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests/python"))

from common import TOOL, run_json, session  # noqa: E402

DRAWS, MARGIN = 5, 4
ALONE_LIMIT = 5_000_000  # parameters; of larger ones each group alone gets a tenth of the seeds
RECOVERY_LIMIT = 30_000_000
ROUNDING = 1e-8  # of the squared distance that reordering makes: units without weights to speak of may change places
# Inputs of models that leave sizes open or take something special: shape, and for integers below what.
INPUTS = {
    "trained-ocr-detect": {"x": ((1, 3, 64, 96), None)},
    "trained-ocr-recognise": {"x": ((2, 3, 48, 96), None)},
    "trained-ocr-turn": {"x": ((2, 3, 48, 192), None)},
    "trained-magika": {"bytes": ((2, 2048), 256)},
    "trained-yolov8n": {"images": ((1, 3, 96, 96), None)},
    "trained-silero-if": {"input": ((1, 576), None), "state": ((2, 1, 128), None), "sr": ((), 16000)},
    "trained-silero-plain": {"input": ((1, 576), None), "state": ((2, 1, 128), None)},
    "trained-basic-pitch": {"serving_default_input_2:0": ((1, 43844, 1), None)},
}


def name_of(path):
    return os.path.splitext(os.path.basename(path))[0]


def run(path, feed):
    return session(path, optimises=False).run(None, feed)


def feed_of(path):
    random, feed = np.random.default_rng(1), {}
    given = INPUTS.get(name_of(path), {})
    for value in onnx.load(path, load_external_data=False).graph.input:
        kind = onnx.helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type)
        shape, below = given.get(value.name, ([dim.dim_value or 2 for dim in value.type.tensor_type.shape.dim], None))
        if np.issubdtype(kind, np.integer):
            feed[value.name] = random.integers(0, below or 50, shape).astype(kind)
        else:
            feed[value.name] = random.standard_normal(shape).astype(kind)
    return feed


def difference(reference, other):
    worst = 0.0
    for x, y in zip(reference, other, strict=True):
        if not np.isfinite(x).all() or (x.size > 1 and np.ptp(x) == 0) or not x.any():
            raise SystemExit(f"outputs that tell nothing: not finite, or all equal, {x.shape}")
        worst = max(worst, float(np.abs(x.astype(np.float64) - y).max() / np.abs(x).max()))
    return worst


def changed(path, target, change):
    model = onnx.load(path)
    constants = [a.t for node in model.graph.node if node.op_type == "Constant" for a in node.attribute if a.name == "value"]
    for tensor in [*model.graph.initializer, *constants]:
        if tensor.data_type == onnx.TensorProto.FLOAT:
            value = numpy_helper.to_array(tensor)
            value = change(value) if value.size > 4 and np.isfinite(value).all() else value  # not the scales of Resize
            tensor.CopyFrom(numpy_helper.from_array(value.astype(np.float32), tensor.name))
    onnx.save(model, target)


def noisy_copy(x, noise):
    """Variances stay positive."""
    return x * np.exp(noise) if x.min() >= 0 else x + x.std() * noise


def noise_of(path, target, feed, reference):
    random, worst = np.random.default_rng(2), 0.0
    for _ in range(DRAWS):
        changed(path, target, lambda x: x + 0.5 * np.spacing(x.astype(np.float32)).astype(np.float64)
                * random.choice([-1.0, 1.0], x.shape) * 1.001)
        worst = max(worst, difference(reference, run(target, feed)))
    return worst


def reordered(path, target, seed, saved=None):
    more = ["--save-permutation", saved] if saved else []
    run_json("permute", path, "-o", target, "--random", "--seed", seed, "--no-verify", *more)


def alone(group, found):
    """A group of a permutation file without what it takes along: other groups stay, insides in their blocks."""
    inside = group["size"] // found.get("blocks", 1)
    still = [i - i % inside + p % inside for i, p in enumerate(group["permutation"])]
    return {**group, "permutation": still} if found.get("blocks", 1) > 1 else group


def reorderings(path, target, groups, seeds, alone_seeds, folder):
    """Writes one reordering after the other: of all groups, and with the same seed of each group alone."""
    file, single = os.path.join(folder, "p.json"), os.path.join(folder, "q.json")
    for seed in range(seeds):
        reordered(path, target, seed, file)
        yield
        with open(file) as opened:
            saved = json.load(opened)
        for group in saved["groups"] if seed < alone_seeds else []:
            with open(single, "w") as opened:
                json.dump({**saved, "groups": [alone(group, groups[group["id"]])]}, opened)
            run_json("permute", path, "-o", target, "--permutation", single, "--no-verify")
            yield


def check(path, seeds, folder):
    name = name_of(path)
    target, feed = os.path.join(folder, "b.onnx"), feed_of(path)
    reference = run(path, feed)
    started = time.time()
    found = run_json("inspect", path)
    seconds = time.time() - started
    noise = noise_of(path, target, feed, reference)
    worst, runs = 0.0, 0
    alone_seeds = seeds if found["parameters"] <= ALONE_LIMIT else max(1, seeds // 10)
    for _ in reorderings(path, target, found["groups"], seeds, alone_seeds, folder):
        worst, runs = max(worst, difference(reference, run(target, feed))), runs + 1
    recovered = {0.0: 0, 0.1: 0}
    for level in recovered if found["parameters"] <= RECOVERY_LIMIT else {}:
        for seed in range(seeds):
            random = np.random.default_rng(seed)
            noisy = os.path.join(folder, "n.onnx")
            changed(path, noisy, lambda x: noisy_copy(x, level * random.standard_normal(x.shape)))
            reordered(noisy, target, seed)
            report = run_json(path, target, "-o", os.path.join(folder, "m.onnx"), "--no-verify", "--emit", "aligned")
            # Noise may leave a trained model with outputs that tell nothing.
            back = difference(reference, run(os.path.join(folder, "m.onnx"), feed)) if level == 0 else 0.0
            planted = run_json(path, noisy, "-o", os.path.join(folder, "m.onnx"), "--method", "none", "--no-verify")
            least, most = planted["distance"]["before"], report["distance"]["before"]
            recovered[level] += report["distance"]["after"] <= least + ROUNDING * most and back <= MARGIN * noise
    nodes = len(onnx.load(path, load_external_data=False).graph.node)
    kinds = " + ".join(f"{sum(g['kind'] == kind for g in found['groups'])} {kind}" for kind in ("units", "blocks", "inside")
                       if any(g["kind"] == kind for g in found["groups"]))
    is_tried = found["parameters"] <= RECOVERY_LIMIT
    is_good = worst <= MARGIN * noise and (not is_tried or all(count == seeds for count in recovered.values()))
    back = f"{recovered[0.0]}, {recovered[0.1]} of {seeds}" if is_tried else "not tried"
    print(f"{name}: share {found['permutable_share']:.4f}, {kinds}; {runs} reorderings, worst {worst:.1e} of "
          f"{MARGIN * noise:.1e}; recovered {back}", flush=True)
    return is_good, (f"| {name} | {found['parameters']} | {nodes} | {kinds} | {100 * found['permutable_share']:.2f} % | "
                     f"{seconds:.2f} | {runs} | {worst:.1e} | {noise:.1e} | {back} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--table")
    options = parser.parse_args()
    rows, is_good = [], True
    for path in sorted(glob.glob(os.path.join(options.folder, "*.onnx")), key=os.path.getsize):
        done = f"{path[:-5]}-{options.seeds}.row"
        if os.path.exists(done) and os.path.getmtime(done) > os.path.getmtime(TOOL):
            with open(done) as file:
                rows.append(file.read())
            continue
        with tempfile.TemporaryDirectory() as folder:
            good, row = check(path, options.seeds, folder)
        is_good &= good
        rows.append(row)
        if good:
            with open(done, "w") as file:
                file.write(row)
    if not rows:
        raise SystemExit(f"{options.folder}: no models; make them with tests/zoo/export.py")
    if options.table:
        with open(os.path.join(ROOT, "tests/zoo/head.md")) as file:
            head = file.read()
        with open(options.table, "w") as file:
            file.write(head + "\n".join(sorted(rows)) + "\n")
    sys.exit(0 if is_good else 1)


if __name__ == "__main__":
    main()
