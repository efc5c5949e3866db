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

    def distance_from(self, said, path):
        """Mean cross-entropy of the merged model from what both models say, softmax averaged, on the images; with
        labels from these."""
        logits = outputs(path, self.images)[0].astype(float)
        if said is None:
            return score(logits, self.labels)[0]
        shifted = logits - logits.max(1, keepdims=True)
        return -(said * (shifted - np.log(np.exp(shifted).sum(1, keepdims=True)))).sum(1).mean()

    def softmax(self, name):
        logits = outputs(model_path(name), self.images)[0].astype(float)
        shares = np.exp(logits - logits.max(1, keepdims=True))
        return shares / shares.sum(1, keepdims=True)

    def test_auto_keeps_the_way_that_averages_best(self):
        """Each way by itself, and what ONNX Runtime makes of its average: auto takes the best one, byte by byte."""
        chosen = set()
        for name in ["mlp", "cnn", "resnet"]:
            for options in [["--data", DATA], LABELLED]:
                with self.subTest(name, options=options):
                    said = (self.softmax(name + "-a") + self.softmax(name + "-b")) / 2 if LABELS not in options else None
                    found, files = {}, {}
                    methods = ["activations", "deep-align", "deep-align+weights"]
                    methods += ["deep-align+sinkhorn"] if name != "resnet" else []  # which would take too long
                    for method in methods:
                        more = ["--iterations", 100] if "sinkhorn" in method else options[2:]
                        path, _ = self.merged(name, "-m", method, *options[:2], *more)
                        found[method] = self.distance_from(said, path)
                        with open(path, "rb") as file:
                            files[method] = file.read()
                    best = min(found, key=found.get)
                    path, report = self.merged(name, *options)
                    self.assertEqual(report["method"], best, found)
                    print(f"{name} {'with' if said is None else 'without'} labels: {found}, auto {report['method']}")
                    with open(path, "rb") as file:
                        self.assertEqual(file.read(), files[best])
                    chosen.add(best)
        self.assertGreater(len(chosen), 1)

    def test_auto_says_what_it_chose_and_why(self):
        many = self.many_samples()
        for options, method, why in [([], "deep-align[+]weights", "no samples"),
                                     (["--data", DATA], "[a-z+-]+", "nearest to what the models say"),
                                     (LABELLED, "[a-z+-]+", "the least loss"),
                                     (many, "deep-align[+]sinkhorn", "the least loss"),
                                     (many[:2], "deep-align[+]sinkhorn", "nearest to what the models say")]:
            with self.subTest(options=options):
                done = run(model_path("mlp-a"), model_path("mlp-b"), "-o", self.path("t.onnx"), *options)
                self.assertRegex(done.stdout.splitlines()[0], f"by {method} [(]chosen: .*{why}")
        done = run(model_path("mlp-a"), model_path("mlp-b"), "-o", self.path("t.onnx"), "--data", DATA, "-v")
        self.assertEqual(done.stderr.count("from what the models say is"), 4, done.stderr)

    def test_auto_takes_one_way_for_all_models(self):
        models = [model_path(name) for name in ["mlp-a", "mlp-b"]]
        run_json("permute", models[1], "-o", self.path("c.onnx"), "--random")
        report = run_json(*models, self.path("c.onnx"), "-o", self.path("m.onnx"), "--data", DATA)
        path = self.path("n.onnx")
        steps = ["--iterations", 100] if "sinkhorn" in report["method"] else []
        run_json(*models, self.path("c.onnx"), "-o", path, "--data", DATA, "-m", report["method"], *steps)
        self.assertEqual(relative_difference(outputs(self.path("m.onnx"), self.images[:9]), outputs(path, self.images[:9])), 0)

    def test_auto_without_anything_to_compare_by(self):
        """Models whose first output is a class: the first way is it."""
        for name in ["mlp-a", "mlp-b"]:
            model = onnx.load(model_path(name))
            model.graph.node.append(onnx.helper.make_node("ArgMax", [model.graph.output[0].name], ["class"], axis=1))
            model.graph.output[0].CopyFrom(onnx.helper.make_tensor_value_info("class", onnx.TensorProto.INT64, None))
            onnx.save(model, self.path(name + ".onnx"))
        done = run(self.path("mlp-a.onnx"), self.path("mlp-b.onnx"), "-o", self.path("m.onnx"), "--data", DATA, "-v")
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("ways to align cannot be tried here", done.stderr)
        self.assertIn("by activations (chosen: there are samples)", done.stdout)

    def test_auto_goes_on_without_what_a_model_does_not_allow(self):
        half = [self.path("a16.onnx"), self.path("b16.onnx")]
        for path, name in zip(half, ["mlp-a", "mlp-b"]):
            onnx.save(variants.in_float16(onnx.load(model_path(name))), path)
        for options, words in [(self.many_samples(), "sinkhorn cannot be used here"),
                               (self.many_samples()[:2], "takes the distance of the weights")]:
            done = run(*half, "-o", self.path("m.onnx"), *options)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertIn(words, done.stderr)
        self.assertEqual(run(*half, "-o", self.path("n.onnx"), *LABELLED, "-m", "sinkhorn").returncode, 3)

    def test_without_labels_what_the_models_say_will_do(self):
        """Matched on half of the images, judged on the other half: as good without their labels, within a point, and nearer
        than matching by what units do."""
        half = [self.path("x.npy"), self.path("y.npy")]
        np.save(half[0], self.images[:500])
        np.save(half[1], self.labels[:500])
        found = {}
        for method, options in [("activations", []), ("deep-align+sinkhorn", []), ("deep-align+sinkhorn", ["--labels", half[1]]),
                                ("ste", []), ("ste", ["--labels", half[1]])]:
            more = ["--iterations", 60] if method != "activations" else []
            path, _ = self.merged("mlp", "-m", method, *more, "--data", half[0], *options)
            found[method, bool(options)] = score(outputs(path, self.images[500:])[0], self.labels[500:])
        print({key: f"{loss:.4f}, {100 * accuracy:.1f} %" for key, (loss, accuracy) in found.items()})
        for method in ["deep-align+sinkhorn", "ste"]:
            self.assertGreater(found[method, False][1], found[method, True][1] - 0.01)
            self.assertLess(found[method, False][0], found["activations", False][0])

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
