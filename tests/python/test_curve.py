"""The curve between two models, computed again with NumPy and ONNX Runtime."""
import os
import unittest

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from common import (DATA, LABELS, PAIRS, ToolTest, averaged_variance, model_path, outputs, run, run_json, samples, score,
                    weights)


def mixed(a, b, share):
    """share * a + (1 - share) * b, running variances from the cosines of the filters in front of them."""
    a, b = onnx.load(a), onnx.load(b)
    x, y = weights(a), weights(b)
    made = {name: share * x[name].astype(float) + (1 - share) * y[name].astype(float) for name in x
            if x[name].dtype == np.float32}
    producers = {name: node for node in a.graph.node for name in node.output}
    for node in a.graph.node:
        if node.op_type == "BatchNormalization":
            kernel, variance = producers[node.input[0]].input[1], node.input[4]
            made[variance] = averaged_variance((x[kernel], y[kernel]), (x[variance], y[variance]), share)
    for tensor in a.graph.initializer:
        if tensor.name in made:
            tensor.CopyFrom(numpy_helper.from_array(made[tensor.name].astype(np.float32), tensor.name))
    return a


def sine_model(path, frequency, seed, names="xy"):
    """An implicit neural representation of sin(frequency x): random hidden units, the last layer fitted."""
    rng = np.random.default_rng(seed)
    w1, b1 = rng.normal(0, 2, (1, 24)), rng.uniform(-6, 6, 24)
    w2, b2 = rng.normal(0, 0.3, (24, 32)), rng.normal(0, 0.5, 32)
    x = np.linspace(-np.pi, np.pi, 400)[:, None]
    hidden = np.tanh(np.sin(x @ w1 + b1) @ w2 + b2)
    solved = np.linalg.lstsq(np.c_[hidden, np.ones(400)], np.sin(frequency * x[:, 0]), rcond=1e-4)[0]
    values = {"w1": w1, "b1": b1, "w2": w2, "b2": b2, "w3": solved[:32, None], "b3": solved[32:]}
    nodes = [helper.make_node("Gemm", [names[0], "w1", "b1"], ["g1"]), helper.make_node("Sin", ["g1"], ["s1"]),
             helper.make_node("Gemm", ["s1", "w2", "b2"], ["g2"]), helper.make_node("Tanh", ["g2"], ["s2"]),
             helper.make_node("Gemm", ["s2", "w3", "b3"], [names[1]])]
    ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", 1]) for name in names]
    graph = helper.make_graph(nodes, "sine", ends[:1], ends[1:], [
        numpy_helper.from_array(value.astype(np.float32), name) for name, value in values.items()])
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), path)


class MeanSquaredError(ToolTest):
    """Networks that fit a function: the loss is the mean squared error, and there is no accuracy."""

    def setUp(self):
        super().setUp()
        self.a, self.b = self.path("a.onnx"), self.path("b.onnx")
        sine_model(self.a, 1.5, 1)
        sine_model(self.b, 1.5, 2)
        self.x = np.random.default_rng(4).uniform(-np.pi, np.pi, (257, 1)).astype(np.float32)
        self.y = np.sin(1.5 * self.x[:, 0]).astype(np.float32)
        np.save(self.path("x.npy"), self.x)
        np.save(self.path("y.npy"), self.y)

    def curve(self, *options):
        return run_json("curve", self.a, self.b, "--data", self.path("x.npy"), "--labels", self.path("y.npy"), "--loss",
                        "mse", "--points", 5, *options)

    def test_curve_is_what_numpy_and_the_runtime_find(self):
        for method in ["weights", "activations"]:
            report = self.curve("--method", method)
            run_json(self.a, self.b, "-o", self.path("b2.onnx"), "--emit", "aligned", "--method", method, "--data",
                     self.path("x.npy"))
            for kind, other in [("naive", self.b), ("aligned", self.path("b2.onnx"))]:
                losses = []
                for share in report["lambda"]:
                    found = outputs(mixed(self.a, other, share), self.x)[0][:, 0].astype(float)
                    losses.append(((found - self.y) ** 2).mean())
                lines = np.array(report["lambda"])
                rise = np.array(losses) - (lines * losses[-1] + (1 - lines) * losses[0])
                # The ends fit well, so that their errors are differences of numbers near to each other: float32.
                np.testing.assert_allclose(report[kind]["loss"], losses, rtol=1e-3, atol=1e-6)
                self.assertIsNone(report[kind]["accuracy"])
                self.assertAlmostEqual(report[kind]["barrier"], max(rise.max(), 0), delta=1e-3 * max(losses))
                area = max(((rise[1:] + rise[:-1]) / 2 * np.diff(lines)).sum(), 0)
                self.assertAlmostEqual(report[kind]["auc"], area, delta=1e-3 * max(losses))
            self.assertGreater(report["naive"]["barrier"], 0.01)

    def test_targets_in_every_form_give_the_same(self):
        expected = self.curve()["naive"]["loss"]
        np.save(self.path("column.npy"), self.y[:, None].astype(np.float64))
        os.mkdir(self.path("pb"))
        for i, part in enumerate(np.array_split(self.y[:, None], 3)):
            with open(self.path(f"pb/output_{i}.pb"), "wb") as file:
                file.write(numpy_helper.from_array(part).SerializeToString())
        for name in ["column.npy", "pb"]:
            self.assertEqual(self.curve("--labels", self.path(name))["naive"]["loss"], expected)

    def test_text_shows_no_accuracy(self):
        done = run("curve", self.a, self.b, "--data", self.path("x.npy"), "--labels", self.path("y.npy"), "--loss",
                   "mse", "--points", 3, "--svg", self.path("c.svg"))
        self.assertEqual(done.returncode, 0, done.stderr)
        rows = [line.split() for line in done.stdout.splitlines() if line.strip()[:2] in ("0.", "1.")]
        self.assertEqual(len(rows), 3)
        self.assertTrue(all(row[2] == row[4] == "-" for row in rows))
        with open(self.path("c.svg")) as file:
            text = file.read()
        self.assertEqual(text.count("<polyline"), 2)
        self.assertNotIn("accuracy", text)

    def test_merging_reports_the_loss_alone(self):
        report = run_json(self.a, self.b, "-o", self.path("m.onnx"), "--data", self.path("x.npy"), "--labels",
                          self.path("y.npy"), "--loss", "mse")["evaluation"]
        for found, model in [(report["models"][0], self.a), (report["merged"], self.path("m.onnx"))]:
            loss = ((outputs(model, self.x)[0][:, 0].astype(float) - self.y) ** 2).mean()
            self.assertAlmostEqual(found["loss"], loss, delta=1e-3 * loss + 1e-6)
            self.assertIsNone(found["accuracy"])

    def test_bad_targets(self):
        np.save(self.path("short.npy"), self.y[:-1])
        np.save(self.path("wide.npy"), np.c_[self.y, self.y])
        np.save(self.path("nan.npy"), np.where(self.y == self.y[7], np.nan, self.y))
        np.save(self.path("empty.npy"), self.y[:0])
        np.save(self.path("huge.npy"), self.y.astype(float) + 1e300)
        before = sorted(os.listdir(self.folder))
        for name, words in [("short.npy", "256 targets"), ("wide.npy", "targets of shape [2] a sample"),
                            ("nan.npy", "element [7] is NaN"), ("empty.npy", "no samples"),
                            ("huge.npy", "cannot hold"), ("absent.npy", "No such file")]:
            for options in [["curve", self.a, self.b, "--svg", self.path("c.svg")],
                            [self.a, self.b, "-o", self.path("m.onnx")]]:
                with self.subTest(name, command=options[0]):
                    done = run(*options, "--data", self.path("x.npy"), "--labels", self.path(name), "--loss", "mse")
                    self.assertEqual(done.returncode, 3, done.stderr)
                    self.assertIn(words, done.stderr)
                    self.assertEqual(sorted(os.listdir(self.folder)), before)
        # Targets are no classes.
        done = run("curve", self.a, self.b, "--data", self.path("x.npy"), "--labels", self.path("y.npy"))
        self.assertEqual(done.returncode, 3)
        self.assertEqual(run("curve", self.a, self.b, "--data", self.path("x.npy"), "--labels", self.path("y.npy"),
                             "--loss", "mae").returncode, 2)


class Curve(ToolTest):
    def test_loss_accuracy_barrier_and_area_are_what_numpy_and_the_runtime_find(self):
        images, labels = samples()
        for name in PAIRS:
            a, b = model_path(name + "-a"), model_path(name + "-b")
            report = run_json("curve", a, b, "--data", DATA, "--labels", LABELS, "--points", 5, "-m", "weights")
            self.assertEqual(set(report) - {"method"}, {"lambda", "naive", "aligned"})
            np.testing.assert_allclose(report["lambda"], [0, 0.25, 0.5, 0.75, 1])
            run_json(a, b, "-o", self.path("aligned.onnx"), "--emit", "aligned", "-m", "weights")
            for kind, other in [("naive", b), ("aligned", self.path("aligned.onnx"))]:
                with self.subTest(name, kind=kind):
                    losses, accuracies = [], []
                    for share in report["lambda"]:
                        loss, accuracy = score(outputs(mixed(a, other, share), images)[0], labels)
                        losses.append(loss)
                        accuracies.append(accuracy)
                    lines = np.array(report["lambda"])
                    rise = np.array(losses) - (lines * losses[-1] + (1 - lines) * losses[0])
                    np.testing.assert_allclose(report[kind]["loss"], losses, rtol=1e-3)
                    np.testing.assert_allclose(report[kind]["accuracy"], accuracies, atol=0.0011)
                    self.assertAlmostEqual(report[kind]["barrier"], max(rise.max(), 0), delta=1e-3 * max(losses))
                    area = max(((rise[1:] + rise[:-1]) / 2 * np.diff(lines)).sum(), 0)
                    self.assertAlmostEqual(report[kind]["auc"], area, delta=1e-3 * max(losses))
            self.assertLess(report["aligned"]["barrier"], report["naive"]["barrier"])

    def test_picture_is_well_formed_and_appears_whole(self):
        import xml.etree.ElementTree as tree
        run_json("curve", model_path("mlp-a"), model_path("mlp-b"), "--data", DATA, "--labels", LABELS, "--points", 3, "--svg",
                 self.path("c.svg"))
        root = tree.parse(self.path("c.svg")).getroot()
        lines = root.findall("{http://www.w3.org/2000/svg}polyline")
        self.assertEqual(len(lines), 4)
        self.assertTrue(all(len(line.get("points").split()) == 3 for line in lines))
        done = run("curve", model_path("mlp-a"), model_path("mlp-b"), "--data", DATA, "--labels", LABELS, "--points", 3,
                   "--svg", self.path("nowhere/c.svg"))
        self.assertEqual(done.returncode, 5)
        self.assertEqual(os.listdir(self.folder), ["c.svg"])

    def test_needs_data_and_labels(self):
        self.assertEqual(run("curve", model_path("mlp-a"), model_path("mlp-b")).returncode, 2)


if __name__ == "__main__":
    unittest.main(verbosity=2)
