"""The curve between two models, computed again with NumPy and ONNX Runtime."""
import os
import unittest

import numpy as np
import onnx
from onnx import numpy_helper

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


class Curve(ToolTest):
    def test_loss_accuracy_barrier_and_area_are_what_numpy_and_the_runtime_find(self):
        images, labels = samples()
        for name in PAIRS:
            a, b = model_path(name + "-a"), model_path(name + "-b")
            report = run_json("curve", a, b, "--data", DATA, "--labels", LABELS, "--points", 5)
            self.assertEqual(set(report) - {"method"}, {"lambda", "naive", "aligned"})
            np.testing.assert_allclose(report["lambda"], [0, 0.25, 0.5, 0.75, 1])
            run_json(a, b, "-o", self.path("aligned.onnx"), "--emit", "aligned")
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
