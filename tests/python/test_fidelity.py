"""What must come back exactly: bytes, and the same answer for the same model said differently."""
import json
import os
import unittest

import numpy as np
import onnx

import variants
from common import PAIRS, ToolTest, model_path, outputs, relative_difference, run, run_json, weights


def read(path):
    with open(path, "rb") as file:
        return file.read()


class Fidelity(ToolTest):
    def assert_same_weights(self, path, other):
        one, two = weights(path), weights(other)
        self.assertEqual(one.keys(), two.keys())
        for name in one:
            self.assertEqual(one[name].tobytes(), two[name].tobytes(), name)

    def test_permuting_and_back_restores_every_byte(self):
        for name in PAIRS:
            for seed in range(5):
                with self.subTest(name, seed=seed):
                    source = model_path(name + "-a")
                    there, back = self.path("there.onnx"), self.path("back.onnx")
                    run_json("permute", source, "-o", there, "--random", "--seed", seed, "--save-permutation",
                             self.path("p.json"))
                    run_json("permute", there, "-o", back, "--permutation", self.path("p.json"), "--invert")
                    self.assertNotEqual(read(source), read(there))
                    self.assert_same_weights(source, back)
                    self.assertEqual(read(source), read(back))

    def test_merging_a_model_with_itself_gives_it_back(self):
        for name in PAIRS:
            for share in ["0.5", "0.3", "1", "0"]:
                with self.subTest(name, share=share):
                    source = model_path(name + "-a")
                    run_json(source, source, "-o", self.path("self.onnx"), "--lambda", share)
                    self.assertEqual(read(source), read(self.path("self.onnx")))

    def test_merging_with_an_own_reordering_gives_the_model_back(self):
        for name in PAIRS:
            with self.subTest(name):
                source = model_path(name + "-a")
                run_json("permute", source, "-o", self.path("p.onnx"), "--random", "--seed", 5)
                report = run_json(source, self.path("p.onnx"), "-o", self.path("merged.onnx"))
                self.assertEqual(report["distance"]["after"], 0)
                self.assertEqual(read(source), read(self.path("merged.onnx")))

    def test_saved_permutation_is_the_one_applied(self):
        for name in PAIRS:
            with self.subTest(name):
                a, b = model_path(name + "-a"), model_path(name + "-b")
                run_json(a, b, "-o", self.path("aligned.onnx"), "--emit", "aligned", "--save-permutation",
                         self.path("p.json"))
                run_json("permute", b, "-o", self.path("again.onnx"), "--permutation", self.path("p.json"))
                self.assertEqual(read(self.path("aligned.onnx")), read(self.path("again.onnx")))

    def test_saved_permutation_of_models_that_share_a_layer_can_be_applied(self):
        """What both models hold is pinned, so the file has fewer groups than the model."""
        model, other = onnx.load(model_path("mlp-a")), onnx.load(model_path("mlp-b"))
        other.graph.initializer[0].CopyFrom(model.graph.initializer[0])
        onnx.save(other, self.path("b.onnx"))
        report = run_json(model_path("mlp-a"), self.path("b.onnx"), "-o", self.path("aligned.onnx"), "--emit", "aligned",
                          "--save-permutation", self.path("p.json"))
        self.assertEqual(len(report["groups"]), 2)
        run_json("permute", self.path("b.onnx"), "-o", self.path("again.onnx"), "--permutation", self.path("p.json"))
        self.assertEqual(read(self.path("aligned.onnx")), read(self.path("again.onnx")))

    def test_permutations_are_gathers(self):
        """new[i] = old[permutation[i]], by the file alone."""
        source = model_path("mlp-a")
        run_json("permute", source, "-o", self.path("p.onnx"), "--random", "--save-permutation", self.path("p.json"))
        with open(self.path("p.json")) as file:
            saved = json.load(file)
        self.assertEqual((saved["format"], saved["version"]), ("onnx-align-permutation", 1))
        expected = weights(source)
        for group in saved["groups"]:
            self.assertEqual(sorted(group["permutation"]), list(range(group["size"])))
            for place in group["axes"]:
                tensor, axis = place.rsplit(":", 1)
                expected[tensor] = np.take(expected[tensor], group["permutation"], axis=int(axis))
        for tensor, value in weights(self.path("p.onnx")).items():
            np.testing.assert_array_equal(value, expected[tensor], tensor)

    def permutations_of(self, a, b):
        run_json(a, b, "-o", self.path("x.onnx"), "--save-permutation", self.path("x.json"))
        with open(self.path("x.json")) as file:
            return [group["permutation"] for group in json.load(file)["groups"]]

    def test_the_same_model_said_differently_gives_the_same_permutations(self):
        for name in PAIRS:
            a, b = onnx.load(model_path(name + "-a")), onnx.load(model_path(name + "-b"))
            expected = self.permutations_of(model_path(name + "-a"), model_path(name + "-b"))
            forms = {"renamed": variants.renamed, "shuffled": lambda m: variants.shuffled(m, 3),
                     "constants": variants.as_constants, "float16": variants.in_float16}
            for form, change in forms.items():
                with self.subTest(name, form=form):
                    onnx.save(change(b), self.path("b.onnx"))
                    if form == "float16":
                        # Both in float16: weights rounded to 11 bits still have to lead to the same answer.
                        onnx.save(change(a), self.path("a.onnx"))
                        self.assertEqual(self.permutations_of(self.path("a.onnx"), self.path("b.onnx")), expected)
                    self.assertEqual(self.permutations_of(model_path(name + "-a"), self.path("b.onnx")), expected)
            with self.subTest(name, form="external"):
                variants.save_external(b, self.path("e.onnx"), "e.data")
                self.assertEqual(self.permutations_of(model_path(name + "-a"), self.path("e.onnx")), expected)
            with self.subTest(name, form="older operator set"):
                onnx.save(onnx.version_converter.convert_version(b, 15), self.path("v.onnx"))
                self.assertEqual(self.permutations_of(model_path(name + "-a"), self.path("v.onnx")), expected)

    def test_outputs_keep_type_place_and_function_of_every_form(self):
        images = np.random.default_rng(4).standard_normal((20, 1, 28, 28)).astype(np.float32)
        a = onnx.load(model_path("cnn-a"))
        for form, change in {"constants": variants.as_constants, "float16": variants.in_float16}.items():
            with self.subTest(form):
                model = change(a)
                onnx.save(model, self.path("m.onnx"))
                run_json("permute", self.path("m.onnx"), "-o", self.path("p.onnx"), "--random")
                permuted = onnx.load(self.path("p.onnx"))
                onnx.checker.check_model(permuted)
                self.assertEqual([n.op_type for n in permuted.graph.node], [n.op_type for n in model.graph.node])
                half = form == "float16"
                data = images.astype(np.float16) if half else images
                difference = relative_difference(outputs(model, data), outputs(permuted, data))
                # float16 has a unit roundoff of 5e-4, of which a network of some dozen operations makes a few.
                self.assertLess(difference, 2e-2 if half else 1e-4)

    def test_external_weights_stay_external(self):
        variants.save_external(onnx.load(model_path("cnn-a")), self.path("e.onnx"), "e.data")
        os.mkdir(self.path("out"))
        run_json("permute", self.path("e.onnx"), "-o", self.path("out/p.onnx"), "--random", "--save-permutation",
                 self.path("p.json"))
        self.assertLess(os.path.getsize(self.path("out/p.onnx")), 20000)
        self.assertEqual(len(os.listdir(self.path("out"))), 2)
        images = np.random.default_rng(5).standard_normal((20, 1, 28, 28)).astype(np.float32)
        difference = relative_difference(outputs(model_path("cnn-a"), images), outputs(self.path("out/p.onnx"), images))
        self.assertLess(difference, 1e-4)
        run_json("permute", self.path("out/p.onnx"), "-o", self.path("out/back.onnx"), "--permutation",
                 self.path("p.json"), "--invert")
        self.assert_same_weights(self.path("e.onnx"), self.path("out/back.onnx"))

    def test_the_same_seed_and_threads_give_the_same_bytes(self):
        for threads in [1, 2]:
            made = []
            for attempt in range(2):
                path = self.path(f"m{threads}{attempt}.onnx")
                run_json(model_path("resnet-a"), model_path("resnet-b"), "-o", path, "--threads", threads, "--seed", 9)
                made.append(read(path))
            self.assertEqual(*made)

    def test_three_models_merge_into_their_mean(self):
        source = model_path("mlp-a")
        others = []
        for seed in [1, 2]:
            others.append(self.path(f"p{seed}.onnx"))
            run_json("permute", source, "-o", others[-1], "--random", "--seed", seed)
        run_json(source, *others, "-o", self.path("m.onnx"), "--weights", "1,2,1")
        self.assertEqual(read(source), read(self.path("m.onnx")))
        run_json(source, *others, "-o", self.path("folder"), "--emit", "aligned")
        self.assertEqual(sorted(os.listdir(self.path("folder"))), ["p1.onnx", "p2.onnx"])
        for name in ["p1.onnx", "p2.onnx"]:
            self.assert_same_weights(source, os.path.join(self.path("folder"), name))


if __name__ == "__main__":
    unittest.main(verbosity=2)
