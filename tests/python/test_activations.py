"""Matching by activations against NumPy, SciPy and ONNX Runtime: what the runtime computes inside of the models, the
correlations of that, and the best assignment for them."""
import json
import unittest

import numpy as np
import onnx
from scipy.optimize import linear_sum_assignment

from common import DATA, LABELS, PAIRS, ToolTest, model_path, outputs, run, run_json, samples


def inputs_of_layers(path, axes):
    """The values that operators multiply with the weights whose input axis is among `axes` ("tensor:axis")."""
    model = onnx.load(path)
    source = {node.output[0]: node.input[0] for node in model.graph.node if node.op_type == "Identity"}
    found = []
    for node in model.graph.node:
        if node.op_type in ("Conv", "Gemm", "MatMul"):
            weight = source.get(node.input[1], node.input[1])
            is_transposed = any(a.name == "transB" and a.i for a in node.attribute)
            axis = 1 if node.op_type == "Conv" or is_transposed else 0
            if f"{weight}:{axis}" in axes and node.input[0] not in found:
                found.append(node.input[0])
    return found


def activations(path, names, images, units):
    """Each value as [units, samples]: positions, and elements behind a flatten, are samples."""
    model = onnx.load(path)
    del model.graph.output[:]
    model.graph.output.extend(onnx.helper.make_empty_tensor_value_info(name) for name in names)
    shaped = []
    for value in outputs(model, images):
        value = value.reshape(len(value), units, -1)
        shaped.append(value.transpose(1, 0, 2).reshape(units, -1).astype(np.float64))
    return shaped


def profit_of(first, second, covariance):
    """Sum over the values of all correlations between units; units that do not vary have none."""
    total = 0.0
    for x, y in zip(first, second):
        x, y = (v - v.mean(1, keepdims=True) for v in (x, y))
        product = x @ y.T / x.shape[1]
        if not covariance:
            spread = np.outer(x.std(1), y.std(1))
            product = np.divide(product, spread, out=np.zeros_like(product), where=spread > 0)
        total = total + product
    return total


class Activations(ToolTest):
    def permutations(self, name, *options):
        a, b = model_path(name + "-a"), model_path(name + "-b")
        run_json(a, b, "-o", self.path("m.onnx"), "--method", "activations", "--data", self.path("x.npy"),
                 "--save-permutation", self.path("p.json"), *options)
        with open(self.path("p.json")) as file:
            return json.load(file)["groups"]

    def groups(self, name):
        with open(self.path(name)) as file:
            return {group["id"]: group["permutation"] for group in json.load(file)["groups"]}

    def test_permutations_are_the_best_for_the_correlations_that_numpy_finds(self):
        images = samples()[0][:300]
        np.save(self.path("x.npy"), images)
        for name in PAIRS:
            for covariance in [False, True]:
                for group in self.permutations(name, *(["--covariance"] if covariance else [])):
                    with self.subTest(name, group=group["id"], covariance=covariance):
                        sides = []
                        for path in [model_path(name + "-a"), model_path(name + "-b")]:
                            values = inputs_of_layers(path, group["axes"])
                            self.assertTrue(values)
                            sides.append(activations(path, values, images, group["size"]))
                        profit = profit_of(*sides, covariance)
                        rows, best = linear_sum_assignment(profit, maximize=True)
                        found = np.array(group["permutation"])
                        self.assertEqual(sorted(found), list(rows))
                        # The tool's activations and correlations are in float32: about 1e-6 of the largest a unit.
                        slack = 1e-5 * len(rows) * np.abs(profit).max()
                        self.assertGreaterEqual(profit[rows, found].sum(), profit[rows, best].sum() - slack)
                        self.assertGreater(profit[rows, found].sum(), profit[rows, rows].sum() + slack)

    def test_merges_better_than_no_alignment(self):
        for name in PAIRS:
            report = run_json(model_path(name + "-a"), model_path(name + "-b"), "-o", self.path("m.onnx"), "-m",
                              "activations", "--data", DATA, "--labels", LABELS)
            self.assertEqual(report["method"], "activations")
            self.assertGreater(report["evaluation"]["merged"]["accuracy"],
                               report["evaluation"]["naive"]["accuracy"] + 0.2)

    def test_recovers_a_random_order(self):
        a = model_path("resnet-a")
        run_json("permute", a, "-o", self.path("b.onnx"), "--random", "--seed", 5, "--save-permutation",
                 self.path("planted.json"))
        run_json(a, self.path("b.onnx"), "-o", self.path("m.onnx"), "-m", "activations", "--data", DATA,
                 "--save-permutation", self.path("found.json"))
        planted, found = self.groups("planted.json"), self.groups("found.json")
        self.assertEqual(planted.keys(), found.keys())
        for group in planted:
            np.testing.assert_array_equal(np.array(planted[group])[found[group]], np.arange(len(found[group])))

    def test_needs_data(self):
        for options in [["-m", "activations"], ["--covariance"], ["-m", "weights", "--covariance", "--data", DATA]]:
            done = run(model_path("mlp-a"), model_path("mlp-b"), "-o", self.path("m.onnx"), *options)
            self.assertEqual(done.returncode, 2)
            self.assertIn("--data" if "activations" in options else "--covariance", done.stderr)


if __name__ == "__main__":
    unittest.main(verbosity=2)
