"""Models that read token ids and give classes at every position, computed again with NumPy and ONNX Runtime."""
import os
import unittest

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from common import ToolTest, outputs, relative_difference, run, run_json, weights

WORDS, TIME, WIDTH, HEADS, HIDDEN = 11, 6, 16, 2, 24
METHODS = [("weights",), ("activations",), ("sinkhorn", "--iterations", 20), ("ste", "--iterations", 20), ("deep-align",),
           ("activations+ste", "--iterations", 10)]


def language_model(path, seed, has_shape=True):
    """One block behind a table of embeddings that is the output matrix, too, as in GPT-2. Random weights."""
    rng = np.random.default_rng(seed)
    values = {name: rng.normal(0, scale, shape).astype(np.float32) for name, scale, shape in [
        ("table", 1, (WORDS, WIDTH)), ("positions", 0.5, (TIME, WIDTH)), ("qkv", 0.4, (WIDTH, 3 * WIDTH)),
        ("qkv_bias", 0.2, (3 * WIDTH,)), ("out", 0.4, (WIDTH, WIDTH)), ("in", 0.4, (WIDTH, HIDDEN)),
        ("in_bias", 0.2, (HIDDEN,)), ("back", 0.3, (HIDDEN, WIDTH)), ("norm", 0.2, (WIDTH,)), ("norm_bias", 0.2, (WIDTH,))]}
    values["norm"] += 1
    values |= {"mask": np.triu(np.full((TIME, TIME), -1e4, np.float32), 1), "split": np.full(3, WIDTH),
               "heads": np.array([0, 0, HEADS, WIDTH // HEADS]), "joined": np.array([0, 0, WIDTH])}
    nodes = [helper.make_node(op, inputs.split(), outputs.split(), **more) for op, inputs, outputs, more in [
        ("Gather", "table tokens", "looked", {}), ("Add", "looked positions", "x0", {}),
        ("LayerNormalization", "x0 norm norm_bias", "n0", {}), ("MatMul", "n0 qkv", "p0", {}),
        ("Add", "p0 qkv_bias", "p", {}), ("Split", "p split", "q k v", {"axis": 2}),
        *[("Reshape", f"{part} heads", f"{part}1", {}) for part in "qkv"],
        *[("Transpose", f"{part}1", f"{part}2", {"perm": [0, 2, 3, 1] if part == "k" else [0, 2, 1, 3]}) for part in "qkv"],
        ("MatMul", "q2 k2", "s0", {}), ("Add", "s0 mask", "s", {}), ("Softmax", "s", "shares", {"axis": 3}),
        ("MatMul", "shares v2", "taken", {}), ("Transpose", "taken", "t1", {"perm": [0, 2, 1, 3]}),
        ("Reshape", "t1 joined", "t2", {}), ("MatMul", "t2 out", "t3", {}), ("Add", "x0 t3", "x1", {}),
        ("MatMul", "x1 in", "h0", {}), ("Add", "h0 in_bias", "h1", {}), ("Relu", "h1", "h2", {}),
        ("MatMul", "h2 back", "h3", {}), ("Add", "x1 h3", "x2", {}), ("Transpose", "table", "turned", {"perm": [1, 0]}),
        ("MatMul", "x2 turned", "logits", {})]]
    ends = [helper.make_tensor_value_info("tokens", TensorProto.INT64, ["batch", TIME]),
            helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["batch", TIME, WORDS] if has_shape else None)]
    graph = helper.make_graph(nodes, "language", ends[:1], ends[1:], [
        numpy_helper.from_array(value, name) for name, value in values.items()])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)


def score(logits, labels):
    """Mean cross-entropy of all positions, and the share of them whose label has the largest logit."""
    logits = logits.astype(np.float64)
    logits -= logits.max(-1, keepdims=True)
    losses = np.log(np.exp(logits).sum(-1)) - np.take_along_axis(logits, labels[..., None], -1)[..., 0]
    return losses.mean(), (logits.argmax(-1) == labels).mean()


class Tokens(ToolTest):
    def setUp(self):
        super().setUp()
        self.a, self.b, self.planted = self.path("a.onnx"), self.path("b.onnx"), self.path("p.onnx")
        language_model(self.a, 1)
        language_model(self.b, 2)
        run_json("permute", self.a, "-o", self.planted, "--random", "--seed", 5)
        rng = np.random.default_rng(3)
        self.tokens, self.labels = rng.integers(WORDS, size=(2, 70, TIME))
        self.data = ["--data", self.path("x.npy"), "--labels", self.path("y.npy")]
        np.save(self.path("x.npy"), self.tokens)
        np.save(self.path("y.npy"), self.labels.astype(np.int32))

    def mixed(self, other, share):
        """share * a + (1 - share) * other."""
        model, x, y = onnx.load(self.a), weights(self.a), weights(other)
        for tensor in model.graph.initializer:
            if tensor.data_type == TensorProto.FLOAT:
                value = share * x[tensor.name].astype(float) + (1 - share) * y[tensor.name]
                tensor.CopyFrom(numpy_helper.from_array(value.astype(np.float32), tensor.name))
        return model

    def test_curve_is_what_numpy_and_the_runtime_find(self):
        report = run_json("curve", self.a, self.b, *self.data, "--points", 5, "-m", "weights")
        run_json(self.a, self.b, "-o", self.path("b2.onnx"), "--emit", "aligned", "-m", "weights")
        for kind, other in [("naive", self.b), ("aligned", self.path("b2.onnx"))]:
            for i, share in enumerate(report["lambda"]):
                loss, accuracy = score(outputs(self.mixed(other, share), self.tokens)[0], self.labels)
                self.assertAlmostEqual(report[kind]["loss"][i], loss, delta=1e-4 * loss)  # float32 in other orders
                # One label of 420 may be a draw.
                self.assertAlmostEqual(report[kind]["accuracy"][i], accuracy, delta=1.01 / self.labels.size)

    def test_every_method_keeps_the_function_and_reports_the_loss(self):
        for method, *options in METHODS:
            with self.subTest(method):
                report = run_json(self.a, self.b, "-o", self.path("b2.onnx"), "--emit", "aligned", "-m", method, *self.data,
                                  *options)
                if method != "ste":  # on random labels it may find nothing better than to leave b alone
                    self.assertGreater(sum(group["moved"] for group in report["groups"]), 0)
                self.assertLess(relative_difference(outputs(self.b, self.tokens),
                                                    outputs(self.path("b2.onnx"), self.tokens)), 1e-5)
                report = run_json(self.a, self.b, "-o", self.path("m.onnx"), "-m", method, *self.data, *options)
                loss, accuracy = score(outputs(self.path("m.onnx"), self.tokens)[0], self.labels)
                self.assertAlmostEqual(report["evaluation"]["merged"]["loss"], loss, delta=1e-4 * loss)
                self.assertAlmostEqual(report["evaluation"]["merged"]["accuracy"], accuracy, delta=1.01 / self.labels.size)

    def test_a_planted_reordering_is_undone(self):
        """By their activations units are told apart without fail; the average is then the model itself."""
        run_json(self.a, self.planted, "-o", self.path("m.onnx"), "-m", "activations", *self.data)
        self.assertLess(relative_difference(outputs(self.a, self.tokens), outputs(self.path("m.onnx"), self.tokens)), 1e-5)

    def test_the_loss_leads_closer_than_the_distance(self):
        """STE follows the loss through the embedding, which is read by token ids and again as the output's matrix."""
        losses = {}
        for method, *options in [("weights",), ("weights+ste", "--iterations", 60)]:
            report = run_json(self.a, self.b, "-o", self.path("m.onnx"), "-m", method, *options, *self.data)
            losses[method] = report["evaluation"]["merged"]["loss"]
        self.assertLess(losses["weights+ste"], losses["weights"])

    def test_labels_that_do_not_fit(self):
        language_model(self.path("bare.onnx"), 1, has_shape=False)
        np.save(self.path("flat.npy"), self.labels[:, 0])
        np.save(self.path("long.npy"), np.tile(self.labels, 2))
        np.save(self.path("few.npy"), self.labels[:-1])
        np.save(self.path("high.npy"), np.where(self.labels == 3, WORDS, self.labels))
        np.save(self.path("words.npy"), np.where(self.tokens == 3, WORDS, self.tokens))
        before = sorted(os.listdir(self.folder))
        for data, labels, words in [("x.npy", "flat.npy", "does not fit 'labels' of shape [n, 6]"),
                                    ("x.npy", "long.npy", "[70, 12], which does not fit 'labels' of shape [n, 6]"),
                                    ("x.npy", "few.npy", "69 labels"), ("x.npy", "high.npy", "label 11 is outside"),
                                    ("words.npy", "y.npy", "11"), ("flat.npy", "y.npy", "does not fit 'tokens'")]:
            with self.subTest(data=data, labels=labels):
                done = run(self.a, self.b, "-o", self.path("m.onnx"), "-m", "weights", "--no-verify", "--data",
                           self.path(data), "--labels", self.path(labels))
                self.assertEqual(done.returncode, 3, done.stderr)
                self.assertIn(words, done.stderr)
                self.assertEqual(sorted(os.listdir(self.folder)), before)
        # Without a declared shape the output may be anything: labels are one a sample then.
        done = run(self.path("bare.onnx"), self.path("bare.onnx"), "-o", self.path("m.onnx"), *self.data)
        self.assertEqual(done.returncode, 3)
        self.assertIn("does not fit 'labels' of shape [n]", done.stderr)


if __name__ == "__main__":
    unittest.main()
