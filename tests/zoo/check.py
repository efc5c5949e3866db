#!/usr/bin/env python3
"""Checks the models of a folder (tests/zoo/export.py) with ONNX Runtime, and writes a table of them.

    build/venv/bin/python tests/zoo/check.py FOLDER [NAME ...] [--seeds 20] [--table FILE.md] [--known]

First all reorderings, then all recoveries, small models first. What is known (FOLDER/NAME-SEEDS.json) stays so until the
tool is built again: an interrupted run goes on. --known writes the table of that, and runs nothing.

For each model and each seed: all groups together at random, as `permute --random` writes them, and every group alone, as
NumPy applies what `inspect --json` says of it (tests/python/reorder.py; once for each model, both must agree bit for bit on all
groups). ONNX Runtime must give the same outputs as before. What counts as the same: how much the outputs change when each
float32 weight moves by half a unit in its last place, up or down at random, is the model's own rounding noise (the largest of
5 draws, relative to the largest output); sums in another order round about as often as they have terms, so 4 times that is
allowed. Then an exact copy and one with noise of a tenth of each tensor's standard deviation, reordered at random, are
aligned by the tool's default method: all units must be back at their places; models of up to 30 million parameters.
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

import reorder  # noqa: E402
from common import TOOL, run_json, session  # noqa: E402

DRAWS, MARGIN = 5, 4
RECOVERY_LIMIT = 30_000_000
ROUNDING = 1e-8  # of the squared distance that reordering makes: units without weights to speak of may change places
# Models that are reordered, but cannot be compared, and why.
REFUSED = {"trained-reaction-map": "refused: infinite weights"}
# Exported for images of 224 x 224, but with a global pooling, so that any size will do; these get 64 x 64.
ANY_SIZE = ["densenet121", "mobilenet_v2", "mobilenet_v3_large", "resnet18", "resnet50", "resnext50_32x4d", "squeezenet1_1"]
# Inputs of models that leave sizes open or take something special: shape, and for integers below what; or the value. A list:
# the model is run with one after the other, for branches that not every input takes.
WORDS = {"ids": ((3, 9), 50), "kinds": ((3, 9), 2), "mask": ((3, 9), 2)}
INPUTS = {
    "words": WORDS,
    "words-attention": WORDS,
    "words-multihead": WORDS,
    "trained-ocr-detect": {"x": ((1, 3, 64, 96), None)},
    "trained-ocr-recognise": {"x": ((2, 3, 48, 96), None)},
    "trained-ocr-turn": {"x": ((2, 3, 48, 192), None)},
    "trained-magika": {"bytes": ((2, 2048), 256)},
    "trained-yolov8n": {"images": ((1, 3, 96, 96), None)},
    "trained-silero-if": {"input": ((1, 576), None), "state": ((2, 1, 128), None), "sr": ((), 16000)},
    "trained-silero-plain": {"input": ((1, 576), None), "state": ((2, 1, 128), None)},
    "trained-silero-both": [{"input": ((1, size), None), "state": ((2, 1, 128), None), "sr": np.array(rate)}
                            for size, rate in [(576, 16000), (288, 8000)]],
    "trained-reaction-map": {"atoms": ((1, 9), 121), "neighbors": ((1, 9), 17), "distances": ((1, 9, 9), 13),
                             "roles": ((1, 9), 4)},
    "trained-captcha": {"image": ((2, 3, 60, 160), None)},
    "trained-seizure": {"x": ((2, 100, 30), None)},
    "trained-basic-pitch": {"serving_default_input_2:0": ((1, 43844, 1), None)},
}


def name_of(path):
    return os.path.splitext(os.path.basename(path))[0]


def run(path, feeds):
    return outputs(session(path, optimises=False, threads=1), feeds)


def outputs(running, feeds, weights=None):
    return [output for feed in feeds for output in running.run(None, {**feed, **(weights or {})})]


def with_small_images(path, target):
    """The same model, which says that it takes images of 64 x 64."""
    model = onnx.load(path)
    for dim in model.graph.input[0].type.tensor_type.shape.dim[2:]:
        dim.dim_value = 64
    onnx.save(model, target)
    return target


def feeds_of(path, name):
    random, given = np.random.default_rng(1), INPUTS.get(name, {})
    inputs = onnx.load(path, load_external_data=False).graph.input
    return [feed_of(inputs, random, one) for one in (given if isinstance(given, list) else [given])]


def feed_of(inputs, random, given):
    feed = {}
    for value in inputs:
        kind = onnx.helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type)
        wanted = given.get(value.name, ([dim.dim_value or 2 for dim in value.type.tensor_type.shape.dim], None))
        if isinstance(wanted, np.ndarray):
            feed[value.name] = wanted.astype(kind)
        elif np.issubdtype(kind, np.integer):
            feed[value.name] = random.integers(0, wanted[1] or 50, wanted[0]).astype(kind)
        else:
            feed[value.name] = random.standard_normal(wanted[0]).astype(kind)
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
    for _, tensor, _ in reorder.tensors_of(model.graph):
        if tensor.data_type == onnx.TensorProto.FLOAT:
            value = numpy_helper.to_array(tensor)
            value = change(value) if value.size > 4 and np.isfinite(value).all() else value  # not the scales of Resize
            tensor.CopyFrom(numpy_helper.from_array(value.astype(np.float32), tensor.name))
    onnx.save(model, target)


def noisy_copy(x, noise):
    """Variances stay positive."""
    return x * np.exp(noise) if x.min() >= 0 else x + x.std() * noise


def noise_of(path, target, feeds, reference):
    random, worst = np.random.default_rng(2), 0.0
    for _ in range(DRAWS):
        changed(path, target, lambda x: x + 0.5 * np.spacing(x.astype(np.float32)).astype(np.float64)
                * random.choice([-1.0, 1.0], x.shape) * 1.001)
        worst = max(worst, difference(reference, run(target, feeds)))
    return worst


def reordered(path, target, seed, saved=None):
    more = ["--save-permutation", saved] if saved else []
    run_json("permute", path, "-o", target, "--random", "--seed", seed, "--no-verify", *more)


def all_together(path, target, found, seeds, folder):
    """Writes one reordering after the other."""
    saved = os.path.join(folder, "p.json")
    for seed in range(seeds):
        reordered(path, target, seed, saved)
        if seed == 0:
            with open(saved) as opened:
                orders = {group["id"]: np.array(group["permutation"]) for group in json.load(opened)["groups"]}
            before, after = (reorder.constants(onnx.load(file)) for file in (path, target))
            before.update(reorder.reorder(before, found, orders))
            if any(value.tobytes() != after[name].tobytes() for name, value in before.items()):
                raise SystemExit(f"{path}: inspect and permute mean something else by the same groups")
        yield


def each_alone(path, found, feeds, reference, seeds):
    """The largest change of an output, by one session, to which the weights are given as inputs."""
    model = onnx.load(path)
    moving = {axis["tensor"] for axis in found["axes"]}
    weights = {name: value for name, value in reorder.constants(model).items() if name in moving}
    running = session(reorder.with_inputs(model, moving), optimises=False, threads=1)
    own = outputs(running, feeds, weights)
    worst = difference(reference, own)
    for seed in range(seeds):
        random = np.random.default_rng(seed)
        for group in found["groups"]:
            orders = reorder.alone(found["groups"], group, random)
            changed = reorder.reorder(weights, found, orders)
            worst = max(worst, difference(own, outputs(running, feeds, {**weights, **changed})))
    return worst


def comes_back(path, target, seed, level, folder):
    """Is a copy with that much noise, reordered, aligned as it was? Leaves the aligned copy in m.onnx."""
    copy, least, aligned = path, 0.0, os.path.join(folder, "m.onnx")
    if level:
        random = np.random.default_rng(seed)
        copy = os.path.join(folder, "n.onnx")
        changed(path, copy, lambda x: noisy_copy(x, level * random.standard_normal(x.shape)))
        planted = run_json(path, copy, "-o", aligned, "--method", "none", "--no-verify")
        least = planted["distance"]["before"]
    reordered(copy, target, seed)
    distance = run_json(path, target, "-o", aligned, "--no-verify", "--emit", "aligned")["distance"]
    return distance["after"] <= least + ROUNDING * distance["before"]


def inspected(path):
    """What the tool says of it, and the least of three times that it took."""
    seconds = []
    for _ in range(3):
        started = time.time()
        found = run_json("inspect", path)
        seconds.append(time.time() - started)
    return found, min(seconds)


class Zoo:
    """What is known of the models of a folder: one file each."""

    def __init__(self, folder, names, seeds):
        paths = sorted(glob.glob(os.path.join(folder, "*.onnx")), key=os.path.getsize)
        self.paths = [path for path in paths if not names or name_of(path) in names]
        self.seeds = seeds

    def file_of(self, path):
        return f"{path[:-5]}-{self.seeds}.json"

    def known(self, path):
        file = self.file_of(path)
        if not os.path.exists(file) or os.path.getmtime(file) < os.path.getmtime(TOOL):
            return {}
        with open(file) as opened:
            return json.load(opened)

    def keep(self, path, state):
        with open(self.file_of(path) + ".part", "w") as file:
            json.dump(state, file)
        os.replace(self.file_of(path) + ".part", self.file_of(path))


def ready(path, folder):
    """The model as it is checked, what it is fed with, and its outputs."""
    name = name_of(path)
    if name in ANY_SIZE:
        path = with_small_images(path, os.path.join(folder, "a.onnx"))
    feeds = feeds_of(path, name)
    return path, feeds, run(path, feeds)


def check_reorderings(original, zoo, folder):
    path, feeds, reference = ready(original, folder)
    target = os.path.join(folder, "b.onnx")
    found, seconds = inspected(path)
    noise = noise_of(path, target, feeds, reference)
    worst = each_alone(path, found, feeds, reference, zoo.seeds)
    for _ in all_together(path, target, found, zoo.seeds, folder):
        worst = max(worst, difference(reference, run(target, feeds)))
    kinds = " + ".join(f"{sum(g['kind'] == kind for g in found['groups'])} {kind}" for kind in ("units", "blocks", "inside")
                       if any(g["kind"] == kind for g in found["groups"]))
    is_tried = found["parameters"] <= RECOVERY_LIMIT and name_of(original) not in REFUSED
    state = {"parameters": found["parameters"], "nodes": len(onnx.load(path, load_external_data=False).graph.node),
             "kinds": kinds, "share": found["permutable_share"], "seconds": seconds, "noise": noise, "worst": worst,
             "runs": zoo.seeds * (len(found["groups"]) + 1), "back": {"0.0": [], "0.1": []} if is_tried else {}}
    zoo.keep(original, state)
    print(f"{name_of(original)}: share {state['share']:.4f}, {kinds}; {state['runs']} reorderings, worst {worst:.1e} of "
          f"{MARGIN * noise:.1e}", flush=True)


def check_recoveries(original, zoo, folder):
    state = zoo.known(original)
    path, feeds, reference = ready(original, folder)
    for seed in range(zoo.seeds):
        for level, back in state["back"].items():
            if len(back) == seed:
                is_back = comes_back(path, os.path.join(folder, "b.onnx"), seed, float(level), folder)
                if not float(level):  # noise may leave a trained model with outputs that tell nothing
                    moved = difference(reference, run(os.path.join(folder, "m.onnx"), feeds))
                    is_back = is_back and moved <= MARGIN * state["noise"]
                back.append(is_back)
                zoo.keep(original, state)
    print(f"{name_of(original)}: recovered {recovered(original, state)}", flush=True)


def recovered(path, state):
    if not state["back"]:
        return REFUSED.get(name_of(path), "not tried")
    tries = min(map(len, state["back"].values()))
    return f"{', '.join(str(sum(back[:tries])) for back in state['back'].values())} of {tries}" if tries else "not tried"


def is_good(state):
    return state["worst"] <= MARGIN * state["noise"] and all(all(back) for back in state["back"].values())


def row(path, state):
    return (f"| {name_of(path)} | {state['parameters']} | {state['nodes']} | {state['kinds']} | {100 * state['share']:.2f} % | "
            f"{state['seconds']:.2f} | {state['runs']} | {state['worst']:.1e} | {state['noise']:.1e} | "
            f"{recovered(path, state)} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("names", nargs="*", help="only these models; default: all of the folder")
    parser.add_argument("--seeds", type=int, default=20)
    parser.add_argument("--table")
    parser.add_argument("--known", action="store_true")
    options = parser.parse_args()
    zoo = Zoo(options.folder, options.names, options.seeds)
    if not zoo.paths:
        raise SystemExit(f"{options.folder}: no models; make them with tests/zoo/export.py")
    for part in [] if options.known else [check_reorderings, check_recoveries]:
        for path in zoo.paths:
            state = zoo.known(path)
            is_open = not state if part == check_reorderings else any(len(x) < zoo.seeds for x in state["back"].values())
            if is_open:
                with tempfile.TemporaryDirectory() as folder:
                    part(path, zoo, folder)
    states = {path: zoo.known(path) for path in zoo.paths if zoo.known(path)}
    if options.table:
        with open(os.path.join(ROOT, "tests/zoo/head.md")) as file:
            head = file.read()
        with open(options.table, "w") as file:
            file.write(head + "\n".join(sorted(row(path, state) for path, state in states.items())) + "\n")
    sys.exit(0 if all(map(is_good, states.values())) else 1)


if __name__ == "__main__":
    main()
