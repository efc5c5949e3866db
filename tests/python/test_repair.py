"""--repair, held against statistics that NumPy computes from what ONNX Runtime shows of the repaired model."""
import os
import unittest

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

import variants
from common import (DATA, LABELS, ToolTest, model_path, outputs, relative_difference, run, run_json, samples, score,
                    session, weights)
from nets import Net

SAMPLES = 200

# What is written is float32: rounding of the constants and of sums moves means and spreads by some 1e-6 of the spread;
# behind several layers, and with means larger than spreads, by ten times that.
TOLERANCE = 1e-4


def shown(model, names, data):
    """The named values of a model, as ONNX Runtime computes them with nothing fused."""
    model = onnx.ModelProto.FromString(model.SerializeToString()) if not isinstance(model, str) else onnx.load(model)
    del model.graph.output[:]
    model.graph.output.extend(helper.make_empty_tensor_value_info(name) for name in names)
    running = session(model, optimises=False)
    found = running.run(None, {running.get_inputs()[0].name: data})
    return dict(zip(names, (x.astype(np.float64) for x in found), strict=True))


def moments(x, axis):
    axes = tuple(k for k in range(x.ndim) if k != axis)
    return x.mean(axes), x.std(axes)


def batch_of(net, *shape):
    """An input of any number of samples."""
    net.inputs.append(helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", *shape]))
    return "x"


def same_but_for_floats(one, other):
    """Two models, without the payloads of their float initializers and Constant nodes."""
    def emptied(model):
        model = onnx.ModelProto.FromString(model.SerializeToString())
        tensors = list(model.graph.initializer)
        tensors += [node.attribute[0].t for node in model.graph.node if node.op_type == "Constant"]
        for tensor in tensors:
            if tensor.data_type in (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.DOUBLE):
                for field in ("raw_data", "float_data", "double_data", "int32_data"):
                    tensor.ClearField(field)
        return model.SerializeToString()
    return emptied(one) == emptied(other)


class Repair(ToolTest):
    def setUp(self):
        super().setUp()
        self.images, self.labels = samples()
        self.images = self.images[:SAMPLES]
        self.data = self.path("x.npy")
        np.save(self.data, self.images)

    def merge(self, models, *options, name="m.onnx", data=None):
        path = self.path(name)
        report = run_json(*models, "-o", path, "--data", data or self.data, "--repair", *options)
        return path, report

    def aligned(self, a, b, *options):
        path = self.path("aligned.onnx")
        run_json(a, b, "-o", path, "--emit", "aligned", "--data", self.data, *options)
        return path

    def check_statistics(self, path, data):
        """Running statistics are those of the data, in every normalisation of a repaired model."""
        model, values = onnx.load(path), weights(path)
        nodes = [node for node in model.graph.node if node.op_type == "BatchNormalization"]
        inputs = shown(model, [node.input[0] for node in nodes], data)
        for node in nodes:
            mean, spread = moments(inputs[node.input[0]], 1)
            varies = spread > 1e-6 * np.abs(mean)
            np.testing.assert_allclose(values[node.input[3]], mean, rtol=0, atol=TOLERANCE * spread.max())
            np.testing.assert_allclose(values[node.input[4]][varies], spread[varies]**2, rtol=10 * TOLERANCE)
        return len(nodes)

    def check_targets(self, path, parents, shares, names, axis, data):
        """Mean and spread of every unit are the weighted sums of the parents'."""
        found = shown(path, names, data)
        known = [shown(parent, names, data) for parent in parents]
        for name in names:
            k = axis % found[name].ndim
            mean, spread = moments(found[name], k)
            targets = np.array([moments(values[name], k) for values in known])
            wanted_mean, wanted_spread = np.tensordot(shares, targets, 1)
            constant = (targets[:, 1] < 1e-6).any(0)
            scale = wanted_spread.max()
            np.testing.assert_allclose(mean, wanted_mean, rtol=0, atol=TOLERANCE * scale, err_msg=name)
            np.testing.assert_allclose(spread[~constant], wanted_spread[~constant], rtol=0, atol=TOLERANCE * scale,
                                       err_msg=name)

    def test_running_statistics_become_those_of_the_data(self):
        for name, count in [("resnet", 11), ("cnn", 3)]:
            with self.subTest(name):
                models = [model_path(name + "-a"), model_path(name + "-b")]
                path, report = self.merge(models, "-m", "weights")
                self.assertEqual(self.check_statistics(path, self.images), count)
                kinds = [layer["kind"] for layer in report["repair"]["layers"]]
                self.assertEqual(kinds.count("statistics"), count)
                self.assertEqual(report["repair"]["samples"], SAMPLES)
                self.assertTrue(same_but_for_floats(onnx.load(models[0]), onnx.load(path)))

    def test_layers_without_normalisation_reach_the_parents_means_and_spreads(self):
        names = [f"/{i}/Gemm_output_0" for i in (1, 3, 5)] + ["logits"]
        a, b = model_path("mlp-a"), model_path("mlp-b")
        aligned = self.aligned(a, b, "-m", "weights")
        for share in [0.5, 0.2]:
            path, report = self.merge([a, b], "-m", "weights", "--lambda", share)
            self.check_targets(path, [a, aligned], [share, 1 - share], names, 1, self.images)
            self.assertEqual([layer["kind"] for layer in report["repair"]["layers"]], 4 * ["scale and shift"])
            self.assertTrue(same_but_for_floats(onnx.load(a), onnx.load(path)))
        # What a normalisation takes is no layer's to repair, what follows the last one is.
        a, b = model_path("cnn-a"), model_path("cnn-b")
        path, _ = self.merge([a, b], "-m", "none")
        self.check_targets(path, [a, b], [0.5, 0.5], ["/10/Gemm_output_0", "logits"], 1, self.images)

    def test_several_models_with_weights(self):
        run_json("permute", model_path("mlp-b"), "-o", self.path("c.onnx"), "--random", "--seed", 5)
        models = [model_path("mlp-a"), model_path("mlp-b"), self.path("c.onnx")]
        path, _ = self.merge(models, "-m", "none", "--weights", "2,1,1")
        self.check_targets(path, models, [0.5, 0.25, 0.25], ["/1/Gemm_output_0", "/5/Gemm_output_0", "logits"], 1,
                           self.images)

    def test_repair_makes_merges_better(self):
        """On images that it has not seen."""
        images, labels = samples()
        for name in ["mlp", "cnn", "resnet"]:
            models = [model_path(name + "-a"), model_path(name + "-b")]
            run_json(*models, "-o", self.path("plain.onnx"), "-m", "none")
            path, _ = self.merge(models, "-m", "none")
            plain, repaired = (score(outputs(p, images[SAMPLES:])[0], labels[SAMPLES:])
                               for p in (self.path("plain.onnx"), path))
            print(f"{name}, averaged as they are: accuracy {plain[1]:.3f}, repaired {repaired[1]:.3f}")
            # Naive averages lose more than half of what there is to lose; a third of that comes back in each of these.
            self.assertGreater(repaired[1] - plain[1], 0.15)

    def test_a_model_merged_with_itself_stays(self):
        a = model_path("mlp-a")
        path, report = self.merge([a, a])
        for name, value in weights(path).items():
            np.testing.assert_allclose(value, weights(a)[name], rtol=1e-6, atol=1e-7, err_msg=name)
        self.assertIsNone(report["repair"]["warning"])
        for end in report["repair"]["ends"]:
            self.assertEqual((end["difference"], end["agreement"]), (0, None))

    def test_the_ends_are_the_parents_themselves(self):
        a, b = model_path("mlp-a"), model_path("mlp-b")
        for share, parent in [(1, a), (0, b)]:
            path, _ = self.merge([a, b], "-m", "weights", "--lambda", share)
            self.assertLess(relative_difference(outputs(parent, self.images), outputs(path, self.images)), 1e-5)
        # With normalisations, the ends get the data's statistics like everything else.
        path, report = self.merge([model_path("cnn-a"), model_path("cnn-b")], "-m", "weights", "--lambda", 1)
        self.check_statistics(path, self.images)
        before, after = outputs(model_path("cnn-a"), self.images)[0], outputs(path, self.images)[0]
        agreement = (before.argmax(1) == after.argmax(1)).mean()
        change = np.sqrt(((before - after).astype(float) ** 2).mean()) / before.std()
        self.assertAlmostEqual(report["repair"]["ends"][0]["agreement"], agreement, delta=1.5 / SAMPLES)
        self.assertAlmostEqual(report["repair"]["ends"][0]["difference"], change, delta=1e-3)

    def test_few_samples_and_wrong_ones_are_warned_of(self):
        models = [model_path("cnn-a"), model_path("cnn-b")]
        rng = np.random.default_rng(1)
        np.save(self.path("few.npy"), self.images[:8])
        np.save(self.path("one.npy"), self.images[:1])
        np.save(self.path("noise.npy"), rng.uniform(0, 1, self.images.shape).astype(np.float32))
        np.save(self.path("many.npy"), samples()[0])
        for data, word in [("few.npy", "samples are few"), ("one.npy", "one sample says nothing"),
                           ("noise.npy", "not what it was trained for")]:
            with self.subTest(data):
                _, report = self.merge(models, "-m", "none", data=self.path(data))
                self.assertIn(word, report["repair"]["warning"])
                done = run(*models, "-o", self.path("n.onnx"), "-m", "none", "--data", self.path(data), "--repair")
                self.assertEqual(done.returncode, 0)
                self.assertIn("warning: --repair: ", done.stderr)
                self.assertIn(word, done.stderr)
        _, report = self.merge(models, "-m", "none", data=self.path("many.npy"))
        self.assertIsNone(report["repair"]["warning"])

    def test_curve_repairs_what_lies_between_the_ends(self):
        a, b = model_path("mlp-a"), model_path("mlp-b")
        images, labels = samples()
        report = run_json("curve", a, b, "--data", DATA, "--labels", LABELS, "--points", 5, "-m", "weights", "--repair",
                          "--svg", self.path("c.svg"))
        for i, share in enumerate(report["lambda"]):
            if share in (0, 1):
                expected = score(outputs(a if share else b, images)[0], labels)
            else:
                path, _ = self.merge([a, b], "-m", "weights", "--lambda", share, data=DATA)
                expected = score(outputs(path, images)[0], labels)
            self.assertAlmostEqual(report["repaired"]["loss"][i], expected[0], delta=1e-4)
            self.assertAlmostEqual(report["repaired"]["accuracy"][i], expected[1], delta=1.5e-3)
        losses, share = np.array(report["repaired"]["loss"]), np.array(report["lambda"])
        rise = losses - (share * losses[-1] + (1 - share) * losses[0])
        self.assertAlmostEqual(report["repaired"]["barrier"], max(rise.max(), 0), delta=1e-6)
        self.assertEqual(len(report["repair"]["layers"]), 4)
        with open(self.path("c.svg")) as file:
            self.assertEqual(file.read().count("<polyline"), 6)
        self.assertNotIn("repaired", run_json("curve", a, b, "--data", DATA, "--labels", LABELS, "--points", 2))

    def test_the_report_has_the_merge_with_and_without(self):
        a, b = model_path("mlp-a"), model_path("mlp-b")
        report = run_json(a, b, "-o", self.path("m.onnx"), "--data", DATA, "--labels", LABELS, "-m", "none", "--repair")
        plain = run_json(a, b, "-o", self.path("p.onnx"), "--data", DATA, "--labels", LABELS, "-m", "none")
        self.assertEqual(report["evaluation"]["unrepaired"], plain["evaluation"]["merged"])
        self.assertGreater(report["evaluation"]["merged"]["accuracy"], plain["evaluation"]["merged"]["accuracy"])
        self.assertIsNone(plain["repair"])
        self.assertIsNotNone(report["verified"])
        done = run(a, b, "-o", self.path("m.onnx"), "--data", DATA, "-m", "none", "--repair")
        self.assertIn("repaired from 1000 samples", done.stdout)

    def test_what_cannot_work_is_said(self):
        a, b = model_path("mlp-a"), model_path("mlp-b")
        out = self.path("out.onnx")
        broken = self.images.copy()
        broken[3, 0, 5, 5] = np.nan
        np.save(self.path("broken.npy"), broken)
        np.save(self.path("narrow.npy"), self.images[:, :, :, :20])
        for options, code, word in [(["--repair"], 2, "--data"),
                                    (["--repair", "--data", self.data, "--emit", "aligned"], 2, "merges nothing"),
                                    (["--repair", "--data", self.path("none.npy")], 3, "none.npy"),
                                    (["--repair", "--data", self.path("narrow.npy")], 3, "narrow.npy"),
                                    (["--repair", "--data", self.path("broken.npy")], 3, "broken.npy")]:
            with self.subTest(options):
                done = run(a, b, "-o", out, "-m", "none", "--no-verify", *options)
                self.assertEqual(done.returncode, code, done.stderr)
                self.assertIn(word, done.stderr)
                self.assertFalse(os.path.exists(out))
        self.assertEqual(run("inspect", a, "--repair").returncode, 2)


class Forms(ToolTest):
    """Small models of all forms: where weights are stored, of which type, in which operator."""

    def net(self, seed, opset=17):
        net = Net(opset)
        net.random = np.random.default_rng(seed)
        return net

    def repaired(self, build, shape, edit=lambda model: model, kind=np.float32):
        paths = []
        for seed in (1, 2):
            net = self.net(seed)
            output = build(net)
            paths.append(self.path(f"{seed}.onnx"))
            onnx.save(edit(net.model(*(output if isinstance(output, list) else [output]))), paths[-1])
        data = np.random.default_rng(3).standard_normal((64, *shape)).astype(kind)
        np.save(self.path("x.npy"), data)
        report = run_json(*paths, "-o", self.path("m.onnx"), "-m", "none", "--data", self.path("x.npy"), "--repair")
        self.assertTrue(same_but_for_floats(onnx.load(paths[0]), onnx.load(self.path("m.onnx"))))
        return paths, report["repair"], data

    def check(self, paths, names, axis, data, tolerance=TOLERANCE, means=True):
        found = shown(self.path("m.onnx"), names, data)
        parents = [shown(path, names, data) for path in paths]
        for name in names:
            k = axis % found[name].ndim
            mean, spread = moments(found[name], k)
            wanted = np.mean([moments(values[name], k) for values in parents], 0)
            np.testing.assert_allclose(spread, wanted[1], rtol=0, atol=tolerance * wanted[1].max(), err_msg=name)
            if means:
                np.testing.assert_allclose(mean, wanted[0], rtol=0, atol=tolerance * wanted[1].max(), err_msg=name)

    def small(self, net):
        h = net.node("Relu", net.node("Gemm", batch_of(net, 6), net.weight("w1", 6, 8), net.weight("b1", 8)))
        return net.node("Gemm", h, net.weight("w2", 4, 8), net.weight("b2", 4), transB=1, alpha=0.5, beta=2.0)

    def test_weights_in_every_place_and_type(self):
        for edit, kind, tolerance in [(lambda m: m, np.float32, TOLERANCE), (variants.as_constants, np.float32, TOLERANCE),
                                      # Weights of eleven bits: each is off by up to 5e-4 of itself.
                                      (variants.in_float16, np.float16, 5e-3)]:
            paths, repair, data = self.repaired(self.small, (6,), edit, kind)
            self.assertEqual(len(repair["layers"]), 2)
            self.check(paths, ["v0_0", "v2_0"], -1, data, tolerance)

    def test_convolutions_grouped_transposed_and_depthwise(self):
        def build(net):
            h = net.node("Conv", batch_of(net, 4, 9, 9), net.weight("w1", 8, 2, 3, 3), net.weight("b1", 8), group=2)
            h = net.node("Conv", net.node("Relu", h), net.weight("w2", 8, 1, 3, 3), net.weight("b2", 8), group=8)
            h = net.node("ConvTranspose", net.node("Relu", h), net.weight("w3", 8, 5, 3, 3), net.weight("b3", 5))
            return net.node("ConvTranspose", net.node("Relu", h), net.weight("w4", 5, 3, 2, 2), net.weight("b4", 3))
        paths, repair, data = self.repaired(build, (4, 9, 9))
        self.assertEqual([layer["kind"] for layer in repair["layers"]], 4 * ["scale and shift"])
        self.check(paths, ["v0_0", "v2_0", "v4_0", "v6_0"], 1, data)

    def test_without_a_bias_only_the_spread_can_fit(self):
        def build(net):
            h = net.node("MatMul", batch_of(net, 5, 6), net.weight("w1", 6, 8))
            h = net.node("Tanh", h)
            h = net.node("Add", net.node("MatMul", h, net.weight("w2", 8, 8)), h)
            return net.dense(net.node("Relu", h), "w3", 8, 3)
        paths, repair, data = self.repaired(build, (5, 6))
        self.assertEqual([layer["kind"] for layer in repair["layers"]], ["scale", "scale", "scale and shift"])
        self.check(paths, ["v0_0", "v2_0"], -1, data, means=False)
        self.check(paths, ["v6_0"], -1, data)

    def test_weights_that_are_shared_or_computed_stay(self):
        def build(net):
            x = batch_of(net, 8)
            w = net.weight("w", 8, 8)
            h = net.node("Relu", net.node("Gemm", x, w, net.weight("b1", 8)))
            h = net.node("Relu", net.node("Gemm", h, w, net.weight("b2", 8)))
            computed = net.node("Neg", net.weight("t", 8, 8))
            h = net.node("Relu", net.node("Gemm", h, computed, net.weight("b3", 8)))
            shared = net.weight("b", 8)
            h = net.node("Gemm", h, net.weight("w4", 8, 8), shared)
            return net.node("Gemm", net.node("Add", h, shared), net.weight("w5", 8, 3), net.weight("b5", 3))
        paths, repair, data = self.repaired(build, (8,))
        self.assertEqual([left["reason"] for left in repair["left"]],
                         2 * ["its weights are used elsewhere, too"] +
                         ["its weights are computed in the graph", "its bias is used elsewhere, or computed"])
        self.assertEqual(len(repair["layers"]), 1)
        values, parents = weights(self.path("m.onnx")), [weights(path) for path in paths]
        for name in ["w", "t", "w4", "b", "b1", "b2", "b3"]:
            np.testing.assert_allclose(values[name], (parents[0][name] + parents[1][name]) / 2, rtol=1e-6, atol=1e-7)

    def test_weights_behind_a_transpose(self):
        """As PyTorch writes linear layers at times. The weights of the first and the last are one: they stay."""
        def build(net):
            x, tied = batch_of(net, 5, 6), net.weight("tied", 6, 6)
            h = net.node("MatMul", x, net.node("Transpose", tied, perm=[1, 0]))
            h = net.node("Tanh", h)
            h = net.node("MatMul", h, net.node("Transpose", net.weight("w2", 8, 6), perm=[1, 0]))
            h = net.node("Tanh", net.node("Add", h, net.weight("b2", 8)))
            h = net.node("MatMul", h, net.node("Transpose", net.weight("w3", 7, 8)))
            h = net.dense(net.node("Tanh", h), "w4", 7, 6)
            return net.node("MatMul", h, tied)
        paths, repair, data = self.repaired(build, (5, 6))
        self.assertEqual([layer["kind"] for layer in repair["layers"]],
                         ["scale and shift", "scale", "scale and shift"])
        self.assertEqual([left["reason"] for left in repair["left"]], 2 * ["its weights are used elsewhere, too"])
        self.check(paths, ["v5_0", "v11_0"], -1, data)
        self.check(paths, ["v8_0"], -1, data, means=False)

    def streams(self, normalises):
        def build(net):
            h = net.dense(batch_of(net, 5, 6), "in", 6, 8)
            a = net.dense(net.node("Relu", h), "one", 8, 8)
            h = net.node("Add", h, a)
            n = net.node("BatchNormalization", net.node("Transpose", h, perm=[0, 2, 1]), net.weight("s", 8),
                         net.weight("c", 8), net.weight("m", 8), net.constant(np.full(8, 0.7), np.float32))
            h = net.node("Add", h, net.dense(net.node("Transpose", n, perm=[0, 2, 1]), "two", 8, 8))
            scale = [net.weight("ls", 8), net.weight("lb", 8)]
            h = net.node("LayerNormalization", h, *scale, axis=-1) if normalises else net.node("Tanh", h)
            return net.dense(h, "out", 8, 3)
        return self.repaired(build, (5, 6))

    def test_branches_streams_and_normalisations_in_any_order(self):
        paths, repair, data = self.streams(False)
        self.assertEqual(sorted(layer["kind"] for layer in repair["layers"]), 4 * ["scale and shift"] + ["statistics"])
        self.check(paths, ["v1_0", "v4_0", "v10_0", "v14_0"], -1, data)
        self.check_mean(data)

    def test_what_adds_to_a_stream_that_is_normalised_stays(self):
        paths, repair, data = self.streams(True)
        self.assertEqual(sorted(layer["kind"] for layer in repair["layers"]), 2 * ["scale and shift"] + ["statistics"])
        self.assertEqual({left["reason"] for left in repair["left"]}, {"it adds to a stream that layer normalisation takes"})
        self.check(paths, ["v1_0", "v14_0"], -1, data)
        self.check_mean(data)

    def check_mean(self, data):
        taken = shown(self.path("m.onnx"), ["v6_0"], data)["v6_0"]
        values = weights(self.path("m.onnx"))
        np.testing.assert_allclose(values["m"], taken.mean((0, 2)), atol=TOLERANCE * taken.std())

    def test_fixed_batches_and_what_is_left_over(self):
        def build(net):
            h = net.node("Relu", net.node("Gemm", net.input(10, 6), net.weight("w1", 6, 8), net.weight("b1", 8)))
            return net.node("Gemm", h, net.weight("w2", 8, 3), net.weight("b2", 3))
        paths, repair, data = self.repaired(build, (6,))
        self.assertEqual(repair["samples"], 60)
        for path in [*paths, self.path("m.onnx")]:  # so that the runtime takes all of them at a time
            model = onnx.load(path)
            model.graph.input[0].type.tensor_type.shape.dim[0].dim_param = "n"
            onnx.save(model, path)
        self.check(paths, ["v0_0", "v2_0"], -1, data[:60])

    def test_units_that_never_vary_keep_their_weights(self):
        def build(net):
            w = net.weight("w1", 6, 8)
            h = net.node("Gemm", batch_of(net, 6), w, net.weight("b1", 8))
            return net.node("Gemm", net.node("Relu", h), net.weight("w2", 8, 3), net.weight("b2", 3))

        def kill(model):
            for tensor in model.graph.initializer:
                if tensor.name == "w1":
                    value = numpy_helper.to_array(tensor).copy()
                    value[:, 2] = 0
                    tensor.CopyFrom(numpy_helper.from_array(value, "w1"))
            return model
        paths, _, data = self.repaired(build, (6,), kill)
        values = weights(self.path("m.onnx"))
        self.assertTrue(all(np.isfinite(value).all() for value in values.values()))
        self.assertTrue((values["w1"][:, 2] == 0).all())
        self.check(paths, ["v0_0", "v2_0"], -1, data)

    def test_what_has_nothing_to_repair_is_merged_all_the_same(self):
        def build(net):
            x = net.node("Mul", batch_of(net, 6), net.weight("s", 6))
            return net.node("Tanh", x)
        _, repair, _ = self.repaired(build, (6,))
        self.assertEqual(repair["layers"], [])
        self.assertIn("nothing in this model can be repaired", repair["warning"])


if __name__ == "__main__":
    unittest.main(verbosity=2)
