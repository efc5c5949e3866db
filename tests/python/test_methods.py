"""The methods that follow gradients, the aligner that comes with the tool, and what auto chooses. ONNX Runtime judges."""
import json
import unittest

import numpy as np
import onnx

import variants
from common import (DATA, LABELS, ToolTest, model_path, outputs, relative_difference, run, run_json, samples, score,
                    weights)

LABELLED = ["--data", DATA, "--labels", LABELS]


class Methods(ToolTest):
    def loss(self, path):
        return score(outputs(path, self.images)[0], self.labels)[0]

    def setUp(self):
        super().setUp()
        self.images, self.labels = samples()

    def many_samples(self):
        """The same samples four times over: as many as auto wants before it goes by labels."""
        np.save(self.path("many.npy"), np.tile(self.images, (4, 1, 1, 1)))
        np.save(self.path("labels.npy"), np.tile(self.labels, 4))
        return ["--data", self.path("many.npy"), "--labels", self.path("labels.npy")]

    def merged(self, name, *options):
        path = self.path("merged.onnx")
        report = run_json(model_path(name + "-a"), model_path(name + "-b"), "-o", path, *options)
        return path, report

    def test_every_method_repairs_most_of_what_naive_averaging_breaks_and_keeps_the_function(self):
        for name in ["mlp", "cnn"]:
            a, b = model_path(name + "-a"), model_path(name + "-b")
            ends = (self.loss(a) + self.loss(b)) / 2
            naive = self.loss(self.merged(name, "-m", "none")[0]) - ends
            for method, *options in [["sinkhorn", "--iterations", 100, *LABELLED], ["sinkhorn", "--iterations", 300],
                                     ["ste", "--iterations", 60, *LABELLED], ["deep-align"], ["deep-align+weights"],
                                     ["deep-align+sinkhorn", "--iterations", 50, *LABELLED]]:
                with self.subTest(name, method=method, options=options):
                    path, report = self.merged(name, "-m", method, *options)
                    self.assertEqual(report["method"], method)
                    rise = self.loss(path) - ends
                    print(f"{name} {method} {'with' if LABELS in options else 'without'} data: loss half way above the "
                          f"ends' {rise:.4f}, naive {naive:.4f}")
                    # Naive averages of these pairs rise by over one; whatever aligns at all leaves a fifth of it.
                    self.assertLess(rise, 0.25 * naive)
                    run_json(a, b, "-o", self.path("aligned.onnx"), "--emit", "aligned", "-m", method, *options)
                    self.assertLess(relative_difference(outputs(b, self.images[:100]),
                                                        outputs(self.path("aligned.onnx"), self.images[:100])), 1e-5)

    def test_an_aligner_in_front_gets_sinkhorn_there_sooner(self):
        """In 50 steps to where 50 steps from nothing do not get."""
        options = ["--iterations", 50, "--emit", "merged", *LABELLED]
        alone = self.loss(self.merged("mlp", "-m", "sinkhorn", *options)[0])
        behind = self.loss(self.merged("mlp", "-m", "deep-align+sinkhorn", *options)[0])
        self.assertLess(behind, alone)

    def test_auto_says_what_it_chose_and_why(self):
        many = self.many_samples()
        for options, method, why in [([], "deep-align+weights", "no samples"), (["--data", DATA], "activations", "samples"),
                                     (LABELLED, "activations", "samples"), (many, "deep-align+sinkhorn", "labelled")]:
            with self.subTest(method):
                self.assertEqual(self.merged("mlp", *options)[1]["method"], method)
                done = run(model_path("mlp-a"), model_path("mlp-b"), "-o", self.path("t.onnx"), *options)
                self.assertIn(f"by {method} (chosen: ", done.stdout)
                self.assertIn(why, done.stdout.splitlines()[0])

    def test_auto_goes_on_without_what_a_model_does_not_allow(self):
        half = [self.path("a16.onnx"), self.path("b16.onnx")]
        for path, name in zip(half, ["mlp-a", "mlp-b"]):
            onnx.save(variants.in_float16(onnx.load(model_path(name))), path)
        done = run(*half, "-o", self.path("m.onnx"), *self.many_samples())
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("sinkhorn cannot be used here", done.stderr)
        self.assertIn("by deep-align ", done.stdout)
        self.assertEqual(run(*half, "-o", self.path("n.onnx"), *LABELLED, "-m", "sinkhorn").returncode, 3)

    def test_the_same_seed_gives_the_same_bytes(self):
        found = []
        for method in ["deep-align+sinkhorn", "ste"]:
            for _ in range(2):
                path = self.merged("mlp", "-m", method, "--iterations", 20, "--threads", 1, "--seed", 3, *LABELLED)[0]
                with open(path, "rb") as file:
                    found.append(file.read())
        self.assertEqual(found[0], found[1])
        self.assertEqual(found[2], found[3])

    def test_the_aligner_recovers_noisy_copies_of_all_pairs(self):
        """Every unit, but for those that training has emptied: weight decay leaves a sixth of the cnn's dense units with
        weights hardly larger than the noise, where one is as good as another."""
        for name in ["mlp", "cnn", "resnet"]:
            for seed in range(3):
                with self.subTest(name, seed=seed):
                    run_json("permute", model_path(name + "-a"), "-o", self.path("p.onnx"), "--random", "--seed", seed,
                             "--save-permutation", self.path("there.json"))
                    model = onnx.load(self.path("p.onnx"))
                    random = np.random.default_rng(seed)
                    noise = 0.0
                    for tensor in model.graph.initializer:
                        values = onnx.numpy_helper.to_array(tensor)
                        if values.dtype == np.float32 and "running_" not in tensor.name:
                            added = (0.1 * values.std() * random.standard_normal(values.shape)).astype(np.float32)
                            noise += float(((values + added - values).astype(float) ** 2).sum())
                            tensor.CopyFrom(onnx.numpy_helper.from_array(values + added, tensor.name))
                    onnx.save(model, self.path("noisy.onnx"))
                    for method in ["deep-align", "deep-align+weights"]:
                        report = run_json(model_path(name + "-a"), self.path("noisy.onnx"), "-o", self.path("o.onnx"), "-m",
                                          method, "--emit", "aligned", "--save-permutation", self.path("back.json"))
                        lost = self.lost(name)
                        if name == "cnn" and method == "deep-align":
                            self.assertLess(max(lost, default=0.0), 0.15)
                            self.assertLess(len(lost), 25)
                        else:
                            self.assertEqual(lost, [])
                            self.assertAlmostEqual(report["distance"]["after"], noise, delta=1e-5 * noise)

    def lost(self, name):
        """Of each unit that is not back at its place: squares of the weights that compute it over their median."""
        tensors, strengths = weights(model_path(name + "-a")), []
        with open(self.path("there.json")) as there, open(self.path("back.json")) as back:
            for one, two in zip(json.load(there)["groups"], json.load(back)["groups"], strict=True):
                found = np.array(one["permutation"])[two["permutation"]]
                weight, axis = next((tensors[a.rsplit(":", 1)[0]], int(a.rsplit(":", 1)[1])) for a in one["axes"]
                                    if tensors[a.rsplit(":", 1)[0]].ndim > 1)
                squares = (np.moveaxis(weight, axis, 0).reshape(weight.shape[axis], -1).astype(float) ** 2).sum(1)
                if len(squares) == len(found):
                    strengths += list(squares[found != np.arange(len(found))] / np.median(squares))
                else:
                    self.assertEqual(list(found), list(range(len(found))))
        return strengths


if __name__ == "__main__":
    unittest.main()
