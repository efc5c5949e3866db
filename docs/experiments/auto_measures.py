#!/usr/bin/env python3
"""Which measure without labels finds the best of several ways to align: the figures at the head of docs/auto.md.

    build/venv/bin/python docs/experiments/auto_measures.py FOLDER

FOLDER is that of results.py. Merges the first eight test pairs of each family by activations, deep-align and
deep-align+weights, and counts for how many of them each measure, on 500 training images, takes the way that has the least
loss half way on 1000 test images. ONNX Runtime runs the models; it comes with ./test.sh. A minute or two.
"""
import argparse
import os
import subprocess
import tempfile

import numpy as np
import onnxruntime

from auto import FAMILIES
from results import TOOL

WAYS, PAIRS = ("activations", "deep-align", "deep-align+weights"), 8


def outputs(path, x):
    running = onnxruntime.InferenceSession(path)
    name = running.get_inputs()[0].name
    return np.concatenate([running.run(None, {name: x[i:i + 250]})[0] for i in range(0, len(x), 250)]).astype(float)


def logarithms(z):
    z = z - z.max(1, keepdims=True)
    return z - np.log(np.exp(z).sum(1, keepdims=True))


def measures(merged, a, b):
    mean, said = (a + b) / 2, (np.exp(logarithms(a)) + np.exp(logarithms(b))) / 2
    x, y = merged - merged.mean(1, keepdims=True), mean - mean.mean(1, keepdims=True)
    return {"squared difference": ((merged - mean) ** 2).mean(), "correlation": -(x * y).sum() / np.sqrt((x * x).sum() * (y * y).sum()),
            "same decisions": -sum((merged.argmax(1) == z.argmax(1)).mean() for z in (a, b)),
            "cross-entropy": -(said * logarithms(merged)).sum(1).mean()}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    folder, right, count = parser.parse_args().folder, {}, 0
    with tempfile.TemporaryDirectory() as made:
        samples, merge = os.path.join(made, "x.npy"), os.path.join(made, "m.onnx")
        for family, data in FAMILIES.items():
            stem, test = os.path.join(folder, data), os.path.join(folder, family, "test")
            x, judge = np.load(f"{stem}/train-images.npy")[:500], np.load(f"{stem}/test-images.npy")[:1000]
            labels, files = np.load(f"{stem}/test-labels.npy")[:1000], sorted(os.listdir(test))
            np.save(samples, x)
            for k in range(0, 2 * PAIRS, 2):
                pair = [os.path.join(test, file) for file in files[k:k + 2]]
                ends, found, loss = [outputs(path, x) for path in pair], {}, {}
                for way in WAYS:
                    subprocess.run([TOOL, *pair, "-o", merge, "-m", way, "--data", samples, "-q", "--no-verify"], check=True,
                                   stdout=subprocess.DEVNULL)
                    found[way] = measures(outputs(merge, x), *ends)
                    loss[way] = -logarithms(outputs(merge, judge))[np.arange(len(labels)), labels].mean()
                best = min(loss, key=loss.get)
                for name in found[best]:
                    right[name] = right.get(name, 0) + (min(found, key=lambda way: found[way][name]) == best)
                count += 1
            print(family, right, "of", count, flush=True)


if __name__ == "__main__":
    main()
