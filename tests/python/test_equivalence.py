"""Reordering changes no function: ONNX Runtime says so, not the tool."""
import unittest

import numpy as np

from common import (DATA, LABELS, PAIRS, ToolTest, model_path, outputs, relative_difference, run_json, samples, score,
                    weights)

# The outputs of a float32 model move by some 1e-6 relative when sums are reordered; the contract is 1e-4.
TOLERANCE = 1e-4
IMAGES = np.random.default_rng(2).standard_normal((100, 1, 28, 28)).astype(np.float32)


class Equivalence(ToolTest):
    def test_aligned_b_computes_what_b_computes(self):
        for name in PAIRS:
            with self.subTest(name):
                report = run_json(model_path(name + "-a"), model_path(name + "-b"), "-o", self.path("aligned.onnx"),
                                  "--emit", "aligned")
                self.assertGreater(sum(group["moved"] for group in report["groups"]), 0)
                self.assertLess(report["distance"]["after"], report["distance"]["before"])
                reference = outputs(model_path(name + "-b"), IMAGES)
                difference = relative_difference(reference, outputs(self.path("aligned.onnx"), IMAGES))
                print(f"{name}: aligned B against B, 100 inputs: {difference:.2e}")
                self.assertLess(difference, TOLERANCE)

    def test_random_reorderings_compute_the_same(self):
        for name in PAIRS:
            reference = outputs(model_path(name + "-a"), IMAGES)
            worst = 0.0
            for seed in range(50):
                with self.subTest(name, seed=seed):
                    report = run_json("permute", model_path(name + "-a"), "-o", self.path("p.onnx"), "--random", "--seed",
                                      seed)
                    self.assertTrue(report["groups"])
                    for group in report["groups"]:
                        self.assertGreater(group["moved"], 0, f"group {group['id']} did not move")
                    worst = max(worst, relative_difference(reference, outputs(self.path("p.onnx"), IMAGES)))
            print(f"{name}: 50 random reorderings against the model, 100 inputs each: {worst:.2e}")
            self.assertLess(worst, TOLERANCE)

    def test_runtime_loads_merged_models_and_agrees_on_their_accuracy(self):
        images, labels = samples()
        for name in PAIRS:
            with self.subTest(name):
                report = run_json(model_path(name + "-a"), model_path(name + "-b"), "-o", self.path("merged.onnx"),
                                  "--data", DATA, "--labels", LABELS)
                for path, found in [(model_path(name + "-a"), report["evaluation"]["models"][0]),
                                    (model_path(name + "-b"), report["evaluation"]["models"][1]),
                                    (self.path("merged.onnx"), report["evaluation"]["merged"])]:
                    loss, accuracy = score(outputs(path, images)[0], labels)
                    self.assertAlmostEqual(found["loss"], loss, delta=1e-4 * loss)
                    # One image in a thousand may lie on a tie that rounding decides.
                    self.assertAlmostEqual(found["accuracy"], accuracy, delta=0.0011)

    def test_merged_weights_are_the_mean_of_a_and_aligned_b(self):
        for name in PAIRS:
            with self.subTest(name):
                a, b = model_path(name + "-a"), model_path(name + "-b")
                run_json(a, b, "-o", self.path("merged.onnx"), "--lambda", "0.25")
                run_json(a, b, "-o", self.path("aligned.onnx"), "--emit", "aligned")
                wa, wb, wm = weights(a), weights(self.path("aligned.onnx")), weights(self.path("merged.onnx"))
                for tensor, value in wm.items():
                    if value.dtype != np.float32 or tensor.endswith("running_var"):
                        continue
                    x, y = wa[tensor].astype(np.float64), wb[tensor].astype(np.float64)
                    np.testing.assert_array_equal(value, (x + 0.75 * (y - x)).astype(np.float32), tensor)


if __name__ == "__main__":
    unittest.main(verbosity=2)
