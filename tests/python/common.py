"""What the end-to-end tests share: running the tool, ONNX Runtime as the independent judge, variants of a model."""
import json
import os
import subprocess
import tempfile
import unittest

import numpy as np
import onnx
import onnxruntime
from onnx import numpy_helper

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TOOL = os.environ.get("ONNX_ALIGN", os.path.join(ROOT, "build", "release", "onnx-align"))
MODELS = os.path.join(ROOT, "models")
PAIRS = ["mlp", "cnn", "resnet"]


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


def session(model):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 2
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


class ToolTest(unittest.TestCase):
    """A test with a folder of its own."""

    def setUp(self):
        holder = tempfile.TemporaryDirectory()
        self.addCleanup(holder.cleanup)
        self.folder = holder.name

    def path(self, name):
        return os.path.join(self.folder, name)
