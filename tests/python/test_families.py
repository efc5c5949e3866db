"""One pair of each family that docs/results.md is about, trained briefly: the figures of `curve` and of compare-methods
against NumPy and ONNX Runtime."""
import json
import os
import subprocess
import unittest

import numpy as np

from common import TOOL, ToolTest, outputs, run, run_json, score
from test_curve import mixed

TOOLS = os.path.join(os.path.dirname(TOOL), "tools")
IMAGES = ["mlp:784-24-24-10", "mlp-res:784-24-24-10", "mlp-tanh:784-24-10", "cnn:4-8/16", "cnn-bn:4-8/16", "vgg-bn:4-6/16",
          "resnet:4-8"]
SIGNALS = [("inr:1-16-16-1", "sine"), ("inr:2-16-16-1/8", "image")]


def call(tool, *arguments):
    return subprocess.run([os.path.join(TOOLS, tool), *map(str, arguments)], capture_output=True, text=True, timeout=600)


def psi(losses):
    """Barrier and area of losses at evenly spaced points, as docs/experiments/results-head.md says."""
    line = np.linspace(0, 1, len(losses))
    rise = np.array(losses) - (line * losses[-1] + (1 - line) * losses[0])
    return max(rise.max(), 0), max(((rise[1:] + rise[:-1]) / 2 * np.diff(line)).sum(), 0)


class Families(ToolTest):
    def train(self, architecture, task, count):
        folder = self.path(architecture.replace(":", "-").replace("/", "-") + task)
        done = call("train-family", architecture, "--task", task, "--count", count, "--steps", 60, "-o", folder, "--rate",
                    "3e-3", "--write-data", "--samples", 500)
        self.assertEqual(done.returncode, 0, done.stderr)
        return folder, sorted(os.path.join(folder, name) for name in os.listdir(folder) if name.endswith(".onnx"))

    def check_curve(self, a, b, data, labels, loss_of, *options):
        report = run_json("curve", a, b, "--data", data, "--labels", labels, "--points", 5, "-m", "weights", *options)
        run_json(a, b, "-o", self.path("aligned.onnx"), "--emit", "aligned", "-m", "weights")
        for kind, other in [("naive", b), ("aligned", self.path("aligned.onnx"))]:
            losses = [loss_of(mixed(a, other, share)) for share in report["lambda"]]
            np.testing.assert_allclose(report[kind]["loss"], losses, rtol=5e-4)
            for key, expected in zip(["barrier", "auc"], psi(losses)):
                self.assertAlmostEqual(report[kind][key], expected, delta=5e-4 * max(losses))

    def test_curves_of_classifiers(self):
        for architecture in IMAGES:
            with self.subTest(architecture):
                folder, (a, b) = self.train(architecture, "fashion", 2)
                images, labels = (np.load(os.path.join(folder, f"test-{what}.npy"))[:400] for what in ["images", "labels"])
                np.save(self.path("x.npy"), images)
                np.save(self.path("y.npy"), labels)
                self.check_curve(a, b, self.path("x.npy"), self.path("y.npy"),
                                 lambda model: score(outputs(model, images)[0], labels)[0])

    def test_curves_of_signals(self):
        for architecture, task in SIGNALS:
            with self.subTest(architecture):
                folder, (a, b) = self.train(architecture, task, 1)
                points = np.load(os.path.join(folder, "points.npy"))
                targets = np.sin(3 * points[:, 0]) if task == "sine" else (points ** 2).sum(1) / 2
                np.save(self.path("y.npy"), targets.astype(np.float32))
                self.check_curve(a, b, os.path.join(folder, "points.npy"), self.path("y.npy"),
                                 lambda model: ((outputs(model, points)[0][:, 0].astype(float) - targets) ** 2).mean(),
                                 "--loss", "mse")

    def test_comparisons_are_means_over_pairs(self):
        folder, paths = self.train("mlp:784-16-16-10", "fashion", 4)
        images, labels = (np.load(os.path.join(folder, f"test-{what}.npy"))[:300] for what in ["images", "labels"])
        data = ["--data", os.path.join(folder, "test-images.npy"), "--labels", os.path.join(folder, "test-labels.npy"),
                "--samples", 300]
        reports = {}
        for more in [[], ["--side-by-side"]]:
            done = call("compare-methods", folder, "-m", "naive", "-m", "weights", "-m", "weights+sinkhorn", "--points", 5,
                        "--iterations", 5, "--results", self.path("results.jsonl"), *data, *more)
            self.assertEqual(done.returncode, 0, done.stderr)
            reports[len(more)] = [json.loads(line) for line in done.stdout.splitlines()]
        with open(self.path("results.jsonl")) as file:
            self.assertEqual([json.loads(line) for line in file], reports[0] + reports[1])
        self.assertEqual([report["method"] for report in reports[0]], ["naive", "weights", "weights+sinkhorn"])
        self.assertEqual([report["pairs"] for report in reports[0]], [2, 2, 2])
        for one, two in zip(reports[0][:2], reports[1][:2]):
            for key in ["barrier", "auc", "end_loss", "middle_accuracy"]:
                self.assertAlmostEqual(one[key]["mean"], two[key]["mean"], delta=1e-5)
        barriers = []
        for a, b in [paths[:2], paths[2:]]:
            losses = [score(outputs(mixed(a, b, share), images)[0], labels)[0] for share in np.linspace(0, 1, 5)]
            barriers.append(psi(losses)[0])
        self.assertAlmostEqual(reports[0][0]["barrier"]["mean"], np.mean(barriers), delta=5e-4)
        self.assertAlmostEqual(reports[0][0]["barrier"]["deviation"], np.std(barriers, ddof=1), delta=5e-4)
        self.assertLess(reports[0][1]["barrier"]["mean"], reports[0][0]["barrier"]["mean"])

    def test_comparisons_of_signals_need_no_data(self):
        folder, (a, b) = self.train("inr:1-16-16-1", "sine", 1)
        done = call("compare-methods", folder, "-m", "naive", "-m", "deep-align", "-m", "sinkhorn", "--iterations", 3)
        self.assertEqual(done.returncode, 0, done.stderr)
        reports = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertTrue(all(report["samples"] == 512 and report["middle_accuracy"] is None for report in reports))

    def test_wrong_usage_is_refused(self):
        folder, _ = self.train("mlp:784-8-10", "fashion", 1)
        for status, arguments in [(2, []), (2, [folder]), (2, ["-m", "naive"]), (2, [folder, "-m", "magic"]),
                                  (2, [folder, "-m", "naive", "--pairs", "x"]), (2, [folder, "-m", "naive", "--points", 1]),
                                  (3, [folder, "-m", "naive"]), (3, [self.path("absent"), "-m", "naive"])]:
            with self.subTest(arguments):
                done = call("compare-methods", *arguments)
                self.assertEqual(done.returncode, status, done.stderr)
                self.assertTrue(done.stderr.startswith("compare-methods: "), done.stderr)


if __name__ == "__main__":
    unittest.main()
