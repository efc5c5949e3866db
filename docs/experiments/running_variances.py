"""How to set the running variances of an averaged model: the table of docs/running-variances.md.

    build/venv/bin/python docs/experiments/running_variances.py [FASHION_MNIST_FOLDER]

Aligns the pairs of models/ that have batch normalisation with build/release/onnx-align (seed 0), then evaluates the average
with ONNX Runtime on the 10000 test images under each rule. Recomputing uses the first 2000 training images.
"""
import gzip
import os
import subprocess
import sys
import tempfile

import numpy as np
import onnx
import onnxruntime
from onnx import helper, numpy_helper

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
DATA = sys.argv[1] if len(sys.argv) > 1 else "/usr/share/datasets/fashion-mnist"


def idx(name, offset):
    with gzip.open(os.path.join(DATA, name + "-ubyte.gz")) as file:
        return np.frombuffer(file.read(), np.uint8, offset=offset)


def images(name):
    return idx(name, 16).reshape(-1, 1, 28, 28).astype(np.float32) / 255


def run(model, data):
    return onnxruntime.InferenceSession(model.SerializeToString()).run(None, {"images": data})


def weights(model):
    return {tensor.name: numpy_helper.to_array(tensor).astype(float) for tensor in model.graph.initializer}


def with_weights(model, values):
    made = onnx.ModelProto.FromString(model.SerializeToString())
    for tensor in made.graph.initializer:
        if tensor.data_type == onnx.TensorProto.FLOAT:
            tensor.CopyFrom(numpy_helper.from_array(values[tensor.name].astype(np.float32), tensor.name))
    return made


def normalisations(model):
    producers = {name: node for node in model.graph.node for name in node.output}
    for node in model.graph.node:
        if node.op_type == "BatchNormalization":
            yield node, producers[node.input[0]].input[1]


def estimated(a, b, mean, model, correlation):
    values = dict(mean)
    for node, kernel in normalisations(model):
        x, y = (w[kernel].reshape(len(w[kernel]), -1) for w in [a, b])
        cosine = np.maximum((x * y).sum(1) / np.sqrt((x * x).sum(1) * (y * y).sum(1)), 0)
        v, w = a[node.input[4]], b[node.input[4]]
        values[node.input[4]] = (v + w + 2 * correlation(cosine) * np.sqrt(v * w)) / 4
    return values


def recomputed(mean, model, data):
    values = dict(mean)
    for node, _ in normalisations(model):
        probe = with_weights(model, values)
        probe.graph.output.append(helper.make_empty_tensor_value_info(node.input[0]))
        signal = run(probe, data)[-1]
        values[node.input[3]], values[node.input[4]] = signal.mean((0, 2, 3)), signal.var((0, 2, 3))
    return values


def main():
    test, labels, train = images("t10k-images-idx3"), idx("t10k-labels-idx1", 8), images("train-images-idx3")[:2000]
    print("| pair | rule | accuracy | loss |\n|---|---|---|---|")
    for name in ["cnn", "resnet"]:
        with tempfile.TemporaryDirectory() as folder:
            paths = [os.path.join(ROOT, "models", f"{name}-{which}.onnx") for which in "ab"]
            out = os.path.join(folder, "b.onnx")
            subprocess.run([os.path.join(ROOT, "build/release/onnx-align"), *paths, "-o", out, "--emit", "aligned", "-q"],
                           check=True, stdout=subprocess.DEVNULL)
            model, other = onnx.load(paths[0]), onnx.load(out)
        a, b = weights(model), weights(other)
        mean = {key: (a[key] + b[key]) / 2 for key in a}
        rules = {
            "A alone": a,
            "averaged": mean,
            "correlation = cosine": estimated(a, b, mean, model, lambda cosine: cosine),
            "correlation = cosine^0.7 (what the tool does)": estimated(a, b, mean, model, lambda cosine: cosine**0.7),
            "correlation = cosine^0.5": estimated(a, b, mean, model, np.sqrt),
            "correlation = 0.7": estimated(a, b, mean, model, lambda cosine: np.full_like(cosine, 0.7)),
            "recomputed from 2000 training images": recomputed(mean, model, train),
        }
        for rule, values in rules.items():
            logits = run(with_weights(model, values), test)[0].astype(float)
            shifted = logits - logits.max(1, keepdims=True)
            loss = (np.log(np.exp(shifted).sum(1)) - shifted[np.arange(len(labels)), labels]).mean()
            print(f"| {name} | {rule} | {100 * (logits.argmax(1) == labels).mean():.2f} % | {loss:.3f} |")


if __name__ == "__main__":
    main()
