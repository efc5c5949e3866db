#!/usr/bin/env python3
"""The tables of docs/repair.md: merges with and without --repair.

    build/venv/bin/python docs/experiments/repair.py models [FASHION_MNIST_FOLDER]
    build/venv/bin/python docs/experiments/repair.py families FOLDER [--pairs N]
    build/venv/bin/python docs/experiments/repair.py samples [FASHION_MNIST_FOLDER]

`models`: the pairs of models/, aligned and repaired on the first 1000 training images, judged by ONNX Runtime on the 10000
test images. `families`: the first test pairs of families that models/families.sh has made in FOLDER, by compare-methods
(1000 training images to match and repair on, 1000 test images to judge on). `samples`: how many samples a repair takes, and
what it says of too few. Seed 0 everywhere.
"""
import argparse
import gzip
import json
import os
import subprocess
import sys
import tempfile

import numpy as np
import onnxruntime

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TOOL = os.path.join(ROOT, "build/release/onnx-align")
COMPARE = os.path.join(ROOT, "build/release/tools/compare-methods")
FASHION = "/usr/share/datasets/fashion-mnist"
METHODS = ["none", "weights", "activations", "deep-align+weights"]
FAMILIES = [("mlp", "flat"), ("cnn", "images"), ("resnet", "images"), ("vgg-bn", "images"), ("vit", "images"),
            ("lstm", "images")]


def idx(folder, name, offset):
    with gzip.open(os.path.join(folder, name + "-ubyte.gz")) as file:
        return np.frombuffer(file.read(), np.uint8, offset=offset)


def images(folder, name):
    return idx(folder, name, 16).reshape(-1, 1, 28, 28)


def judge(path, data, labels):
    """Accuracy in percent and mean cross-entropy."""
    running = onnxruntime.InferenceSession(path)
    name = running.get_inputs()[0].name
    logits = np.concatenate([running.run(None, {name: data[i:i + 500].astype(np.float32) / 255})[0]
                             for i in range(0, len(data), 500)]).astype(float)
    shifted = logits - logits.max(1, keepdims=True)
    loss = (np.log(np.exp(shifted).sum(1)) - shifted[np.arange(len(labels)), labels]).mean()
    return 100 * (logits.argmax(1) == labels).mean(), loss


def pair(name):
    return [os.path.join(ROOT, "models", f"{name}-{which}.onnx") for which in "ab"]


def merge(name, out, *options):
    done = subprocess.run([TOOL, *pair(name), "-o", out, "--json", *options], check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def models(folder):
    test, labels = images(folder, "t10k-images-idx3"), idx(folder, "t10k-labels-idx1", 8)
    print("| pair | method | averaged | repaired |\n|---|---|---|---|")
    with tempfile.TemporaryDirectory() as at:
        data, out = os.path.join(at, "x.npy"), os.path.join(at, "m.onnx")
        np.save(data, images(folder, "train-images-idx3")[:1000])
        for name in ["mlp", "cnn", "resnet"]:
            for which, path in zip("AB", pair(name)):
                print("| {} | {} alone | {:.2f} %, {:.3f} | |".format(name, which, *judge(path, test, labels)), flush=True)
            for method in METHODS:
                cells = []
                for repair in [[], ["--repair"]]:
                    merge(name, out, "-m", method, "--data", data, *repair)
                    cells.append("{:.2f} %, {:.3f}".format(*judge(out, test, labels)))
                print(f"| {name} | {'averaged as they are' if method == 'none' else method} | {' | '.join(cells)} |", flush=True)


def families(folder, pairs):
    print("| family | parents | method | averaged | repaired | barrier | repaired |\n|---|---|---|---|---|---|---|")
    for family, kind in FAMILIES:
        at = os.path.join(folder, kind)
        rows = []
        for repair in [[], ["--repair"]]:
            done = subprocess.run(
                [COMPARE, os.path.join(folder, family, "test"), "-m", "naive", "-m", "weights", "-m", "activations", "--data",
                 at + "/test-images.npy", "--labels", at + "/test-labels.npy", "--match-data", at + "/train-images.npy",
                 "--match-samples", "1000", "--samples", "1000", "--points", "3", "--pairs", str(pairs), *repair],
                check=True, capture_output=True, text=True)
            rows.append([json.loads(line) for line in done.stdout.splitlines()])
        for plain, repaired in zip(*rows, strict=True):
            print("| {} | {:.1f} % | {} | {:.1f} % | {:.1f} % | {:.3f} | {:.3f} |".format(
                family, 100 * plain["end_accuracy"]["mean"], plain["method"], 100 * plain["middle_accuracy"]["mean"],
                100 * repaired["middle_accuracy"]["mean"], plain["barrier"]["mean"], repaired["barrier"]["mean"]), flush=True)


def counts(folder):
    test, labels = images(folder, "t10k-images-idx3"), idx(folder, "t10k-labels-idx1", 8)
    train, order = images(folder, "train-images-idx3"), np.argsort(idx(folder, "train-labels-idx1", 8), kind="stable")
    cases = [(f"{n} images", train[:n]) for n in (8, 16, 32, 64, 128, 256, 1000)]
    cases += [("100 images of one class", train[order[:100]]), ("1000 images, turned by a quarter", np.rot90(train[:1000], 1, (2, 3))),
              ("1000 images, inverted", 255 - train[:1000]),
              ("1000 images of noise", np.random.default_rng(1).integers(0, 256, (1000, 1, 28, 28), np.uint8))]
    print("| pair | repaired from | accuracy, loss | uncertainty | parents: same predictions, change of outputs | warned |\n"
          "|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as at:
        data, out = os.path.join(at, "x.npy"), os.path.join(at, "m.onnx")
        for name in ["mlp", "cnn", "resnet"]:
            for what, x in cases:
                np.save(data, np.ascontiguousarray(x))
                report = merge(name, out, "-m", "weights", "--data", data, "--repair")["repair"]
                ends = "; ".join("-" if end["agreement"] is None else
                                 f"{100 * end['agreement']:.1f} %, {100 * end['difference']:.0f} %" for end in report["ends"])
                accuracy, loss = judge(out, test, labels)
                print(f"| {name} | {what} | {accuracy:.2f} %, {loss:.3f} | {100 * report['uncertainty']:.0f} % | {ends} | "
                      f"{'yes' if report['warning'] else 'no'} |", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    tables = parser.add_subparsers(dest="table", required=True)
    for name, make in [("models", models), ("samples", counts)]:
        table = tables.add_parser(name)
        table.add_argument("folder", nargs="?", default=FASHION, metavar="FASHION_MNIST_FOLDER")
        table.set_defaults(make=lambda options, make=make: make(options.folder))
    table = tables.add_parser("families")
    table.add_argument("folder")
    table.add_argument("--pairs", type=int, default=16)
    table.set_defaults(make=lambda options: families(options.folder, options.pairs))
    options = parser.parse_args()
    options.make(options)


if __name__ == "__main__":
    main()
