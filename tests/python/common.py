"""What the end-to-end tests share: running the tool, ONNX Runtime as the independent judge, variants of a model."""
import gzip
import json
import os
import subprocess
import tempfile
import unittest

import numpy as np
import onnx

os.environ.setdefault("ORT_DISABLE_TELEMETRY", "1")  # it reports its use by network otherwise
import onnxruntime  # noqa: E402
from onnx import numpy_helper  # noqa: E402

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TOOL = os.environ.get("ONNX_ALIGN", os.path.join(ROOT, "build", "release", "onnx-align"))
MODELS = os.path.join(ROOT, "models")
PAIRS = ["mlp", "cnn", "resnet"]
DATA = os.path.join(MODELS, "fashion-test-images-1000.idx.gz")
LABELS = os.path.join(MODELS, "fashion-test-labels-1000.idx.gz")


def model_path(name):
    return os.path.join(MODELS, name + ".onnx")


def run(*arguments, cwd=None, env=None):
    """Runs the tool; returns the finished process with text output."""
    return subprocess.run([TOOL, *map(str, arguments)], capture_output=True, text=True, cwd=cwd, env=env, timeout=600)


def run_json(*arguments):
    done = run(*arguments, "--json")
    if done.returncode != 0:
        raise AssertionError(f"{arguments}: exit {done.returncode}: {done.stderr}")
    return json.loads(done.stdout)


def session(model, optimises=True, threads=2):
    """Optimised, ONNX Runtime may compute something else: with 8-bit weights it rounds activations to 8 bits, too."""
    options = onnxruntime.SessionOptions()
    if not optimises:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    source = model if isinstance(model, (str, bytes)) else model.SerializeToString()
    return onnxruntime.InferenceSession(source, options, providers=["CPUExecutionProvider"])


def outputs(model, images):
    running = session(model)
    return running.run(None, {running.get_inputs()[0].name: images})


def relative_difference(reference, other):
    """Largest difference in an output divided by the largest magnitude in it, over all outputs."""
    worst = 0.0
    for x, y in zip(reference, other, strict=True):
        assert x.shape == y.shape and np.isfinite(x).all() and np.isfinite(y).all()
        x, y = x.astype(np.float64), y.astype(np.float64)
        worst = max(worst, np.abs(x - y).max() / np.abs(x).max())
    return worst


def weights(path_or_model):
    model = onnx.load(path_or_model) if isinstance(path_or_model, str) else path_or_model
    found = {}
    for tensor in model.graph.initializer:
        found[tensor.name] = numpy_helper.to_array(tensor)
    for node in model.graph.node:
        if node.op_type == "Constant" and node.attribute[0].name == "value":
            found[node.output[0]] = numpy_helper.to_array(node.attribute[0].t)
    return found


def samples():
    """The held-out images, as the models take them, and their labels."""
    with gzip.open(DATA) as file:
        images = np.frombuffer(file.read(), np.uint8, offset=16).reshape(-1, 1, 28, 28).astype(np.float32) / 255
    with gzip.open(LABELS) as file:
        labels = np.frombuffer(file.read(), np.uint8, offset=8).astype(np.int64)
    return images, labels


def score(logits, labels):
    """Mean cross-entropy in nats, and accuracy."""
    logits = logits.astype(np.float64)
    shifted = logits - logits.max(axis=1, keepdims=True)
    loss = (np.log(np.exp(shifted).sum(axis=1)) - shifted[np.arange(len(labels)), labels]).mean()
    return loss, (logits.argmax(axis=1) == labels).mean()


def averaged_variance(kernels, variances, share):
    """Running variance of share * first + (1 - share) * second (docs/running-variances.md), from both models' kernels and
    variances."""
    x, y = (kernel.reshape(len(kernel), -1).astype(float) for kernel in kernels)
    v, w = (variance.astype(float) for variance in variances)
    cosine = np.maximum((x * y).sum(1) / np.sqrt((x * x).sum(1) * (y * y).sum(1)), 0)
    return share**2 * v + (1 - share)**2 * w + 2 * share * (1 - share) * cosine**0.7 * np.sqrt(v * w)


class ToolTest(unittest.TestCase):
    """A test with a folder of its own."""

    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.folder = holder.name

    def path(self, name):
        return os.path.join(self.folder, name)
