"""--repair on both engines: the same figures; models that the built-in engine cannot run, and models with several inputs."""
import unittest

import numpy as np
import onnx

import test_engines as engines
import test_repair
from common import model_path, session, weights


class RepairEngines(engines.EnginesTest):
    def repaired(self, a, b, *options, engine="auto", name="m.onnx"):
        return engines.tool(a, b, "-o", self.path(name), "-m", "none", "--repair", *options, engine=engine)

    def same_weights(self, one, other):
        """Sums of float32 (6e-8) in two orders, through a dozen layers, move means and spreads by some 1e-6 of them, and
        each level's repair takes on what those before have left."""
        found, expected = weights(self.path(one)), weights(self.path(other))
        for name, value in expected.items():
            if value.dtype == np.float32:
                np.testing.assert_allclose(found[name], value, rtol=0, atol=1e-4 * max(np.abs(value).max(), 1e-3),
                                           err_msg=name)

    def test_the_same_merge_from_either(self):
        for pair in ("mlp", "resnet"):
            with self.subTest(pair):
                models = [model_path(pair + "-a"), model_path(pair + "-b")]
                reports = [self.repaired(*models, *self.judged, engine=engine, name=engine + ".onnx")
                           for engine in engines.ENGINES]
                self.assertEqual([report["verified"]["engine"] for report in reports], engines.ENGINES)
                x, y = (report["evaluation"]["merged"] for report in reports)
                print(f"{pair}, repaired: {x}, {y}")
                self.assertAlmostEqual(x["loss"], y["loss"], delta=5e-4 * x["loss"])
                self.assertAlmostEqual(x["accuracy"], y["accuracy"], delta=1.1 / engines.SAMPLES)  # one on a border
                self.assertGreater(x["accuracy"], reports[0]["evaluation"]["unrepaired"]["accuracy"] + 0.15)
                self.same_weights("onnxruntime.onnx", "builtin.onnx")
                x, y = (report["repair"] for report in reports)
                self.assertEqual(x["layers"], y["layers"])
                self.assertAlmostEqual(x["uncertainty"], y["uncertainty"], delta=1e-4)
                for one, other in zip(x["ends"], y["ends"], strict=True):
                    self.assertAlmostEqual(one["difference"], other["difference"], delta=1e-4)

    def reaches_the_parents(self, feeds, name):
        """Mean and spread of every logit are those of the parents, halfway."""
        found, *parents = (test_repair.moments(session(self.path(path), optimises=False).run(None, feeds)[0].astype(float), 1)
                           for path in (name, "1.onnx", "2.onnx"))
        wanted = np.mean(parents, 0)
        np.testing.assert_allclose(found, wanted, rtol=0, atol=test_repair.TOLERANCE * wanted[1].max())

    def test_models_that_the_builtin_engine_cannot_run(self):
        images = np.random.default_rng(3).standard_normal((engines.SAMPLES, 4)).astype(np.float32)
        np.save(self.path("x.npy"), images)
        for operators, build in engines.UNKNOWN.items():
            if "Integer" in operators:
                continue  # 8-bit weights are not averaged
            with self.subTest(operators):
                for seed in (1, 2):
                    onnx.save(build(seed), self.path(f"{seed}.onnx"))
                report = self.repaired(self.path("1.onnx"), self.path("2.onnx"), "--data", self.path("x.npy"))
                self.assertEqual(report["verified"]["engine"], "onnxruntime")
                names = [layer["name"] for layer in report["repair"]["layers"]]
                self.assertGreaterEqual(len(names), 2)
                left = {left["reason"] for left in report["repair"]["left"]}
                self.assertEqual("it is in a subgraph" in left, operators in ("If", "Loop"))
                self.reaches_the_parents({"x": images}, "m.onnx")

    def test_external_data(self):
        """Each level's session is opened from a file then."""
        images = np.random.default_rng(3).standard_normal((engines.SAMPLES, 4)).astype(np.float32)
        np.save(self.path("x.npy"), images)
        for seed in (1, 2):
            onnx.save(engines.with_loop(seed), self.path(f"{seed}.onnx"), save_as_external_data=True,
                      location=f"{seed}.bin", size_threshold=16)
        report = self.repaired(self.path("1.onnx"), self.path("2.onnx"), "--data", self.path("x.npy"))
        self.assertEqual(len(report["repair"]["layers"]), 2)
        self.reaches_the_parents({"x": images}, "m.onnx")

    def test_several_inputs(self):
        feeds, data = engines.Inputs.feeds(self)
        feeds = {"ids": feeds["ids"], "mask": feeds["mask"].astype(np.int32), "idle": np.zeros((1, 1), np.float32)}
        for seed in (1, 2):
            onnx.save(engines.sentences(seed), self.path(f"{seed}.onnx"))
        # The first model declares its inputs in another order, the one that needs no samples first.
        turned = onnx.load(self.path("1.onnx"))
        inputs = list(turned.graph.input)
        del turned.graph.input[:]
        turned.graph.input.extend(reversed(inputs))
        onnx.save(turned, self.path("1.onnx"))
        for engine in engines.ENGINES:
            report = self.repaired(self.path("1.onnx"), self.path("2.onnx"), *data, engine=engine, name=engine + ".onnx")
            self.assertEqual(report["repair"]["samples"], engines.SAMPLES)
            self.assertEqual(len(report["repair"]["layers"]), 2)
            self.reaches_the_parents(feeds, engine + ".onnx")
        self.same_weights("onnxruntime.onnx", "builtin.onnx")


if __name__ == "__main__":
    unittest.main(verbosity=2)
