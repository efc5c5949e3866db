"""Both engines behind one interface: the same figures from either, models that the built-in one cannot run by way of ONNX
Runtime, and inputs of every kind."""
import json
import os
import unittest

import numpy as np
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

import nets
from common import PAIRS, ToolTest, model_path, run, run_json, samples, score, session

LIBRARY = os.path.join(os.path.dirname(onnxruntime.__file__), "capi")
ENGINES = ["builtin", "onnxruntime"]
# Where no library is found: no Python environment is activated, and none is at home.
NOWHERE = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}
SAMPLES, CLASSES = 200, 5


def tool(*arguments, engine="auto", env=None):
    """The tool with ONNX Runtime at hand; its JSON."""
    done = run(*arguments, "--engine", engine, "--onnxruntime", LIBRARY, "--json", env=env)
    if done.returncode != 0:
        raise AssertionError(f"{arguments}: exit {done.returncode}: {done.stderr}")
    return json.loads(done.stdout)


def start(seed, opset=17):
    """Samples of four numbers, any number of them."""
    net = nets.Net(opset)
    net.random = np.random.default_rng(seed)
    net.inputs.append(helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 4]))
    return net, net.node("Softplus", net.dense("x", "in", 4, 6))  # no unit of it is ever dead


def with_if(seed):
    """Two branches; which one runs depends on the samples."""
    net, h = start(seed)
    then, otherwise = net.body("t_"), net.body("e_")
    a = then.dense(then.node("Tanh", then.dense(h, "t_1", 6, 8)), "t_2", 8, 7)
    b = otherwise.dense(h, "e_1", 6, 7)
    largest = net.node("ReduceMax", "x", keepdims=0)
    y = net.node("If", net.node("Greater", largest, net.constant(-100, np.float32)), then_branch=then.graph(a),
                 else_branch=otherwise.graph(b))
    return net.model(net.dense(net.node("Tanh", y), "out", 7, CLASSES))


def with_loop(seed):
    net, h = start(seed)
    body = net.body("b_")
    body.input("b_i", 0, TensorProto.INT64), body.input("b_go", 0, TensorProto.BOOL)
    s = body.input("s")
    inner = body.node("Relu", body.node("MatMul", s, net.weight("up", 6, 9)))
    new = body.node("Add", s, body.node("MatMul", inner, net.weight("down", 9, 6)))
    graph = body.graph(body.node("Identity", "b_go"), new, kinds=[TensorProto.BOOL, TensorProto.FLOAT])
    last = net.node("Loop", net.constant(3), net.constant(True, bool), h, body=graph)
    return net.model(net.dense(last, "out", 6, CLASSES))


def with_fused(seed):
    """Operators of ONNX Runtime's own domain."""
    net, h = start(seed)
    g = net.node("FastGelu", net.node("MatMul", h, net.weight("w", 6, 9)), net.weight("b", 9), domain="com.microsoft")
    g = net.node("FusedMatMul", g, net.weight("v", 6, 9), transB=1, domain="com.microsoft")
    return net.model(net.dense(net.node("Relu", net.node("Add", g, h)), "out", 6, CLASSES))


def with_integers(seed):
    """A product of 8-bit integers; the samples are rounded on the way."""
    net, h = start(seed)
    h = net.node("Relu", net.dense(h, "middle", 6, 6))
    rounded, scale, zero = net.node("DynamicQuantizeLinear", h, outputs=3)
    weights = np.random.default_rng(seed).integers(-127, 128, (6, 7)).astype(np.int8)
    net.tensors.append(numpy_helper.from_array(weights, "w8"))
    product = net.node("Cast", net.node("MatMulInteger", rounded, "w8", zero), to=TensorProto.FLOAT)
    y = net.node("Mul", product, net.node("Mul", scale, net.constant(0.01, np.float32)))
    return net.model(net.dense(net.node("Tanh", y), "out", 7, CLASSES))


UNKNOWN = {"If": with_if, "Loop": with_loop, "com.microsoft.FastGelu, com.microsoft.FusedMatMul": with_fused,
           "DynamicQuantizeLinear, MatMulInteger": with_integers}


class EnginesTest(ToolTest):
    def setUp(self):
        super().setUp()
        images, labels = samples()
        np.save(self.path("images.npy"), images[:SAMPLES])
        np.save(self.path("labels.npy"), labels[:SAMPLES])
        self.images = ["--data", self.path("images.npy")]
        self.judged = [*self.images, "--labels", self.path("labels.npy")]


class SameFigures(EnginesTest):
    """To three digits. Both engines round to float32 (6e-8) in each of a dozen layers; the worst that this does to a loss
    is some 1e-5 of it."""

    def near(self, x, y, digits=5e-4):
        np.testing.assert_allclose(x, y, rtol=digits, atol=1e-6)

    def test_curve(self):
        for name in PAIRS:
            with self.subTest(name):
                a, b = ([tool("curve", model_path(name + "-a"), model_path(name + "-b"), *self.judged, "--points", 3, "-m", "weights", engine=engine)[part] for part in ("naive", "aligned")]
                        for engine in ENGINES)
                for x, y in zip(a, b, strict=True):
                    self.near(x["loss"], y["loss"])
                    np.testing.assert_allclose(x["accuracy"], y["accuracy"], atol=1.1 / SAMPLES)  # one on a border
                    self.near(x["barrier"], y["barrier"])
                    self.near(x["auc"], y["auc"])

    def test_activations(self):
        for name in PAIRS:
            with self.subTest(name):
                reports, permutations = [], []
                for engine in ENGINES:
                    reports.append(tool(model_path(name + "-a"), model_path(name + "-b"), "-o", self.path("m.onnx"), "-m",
                                        "activations", *self.judged, "--save-permutation", self.path("p.json"),
                                        engine=engine))
                    with open(self.path("p.json")) as file:
                        permutations.append(json.load(file)["groups"])
                self.assertEqual(*permutations)
                self.assertEqual([report["verified"]["engine"] for report in reports], ENGINES)
                self.assertEqual(reports[0]["distance"], reports[1]["distance"])
                for part in ("naive", "merged"):
                    x, y = (report["evaluation"][part] for report in reports)
                    self.near(x["loss"], y["loss"])
                    self.assertAlmostEqual(x["accuracy"], y["accuracy"], delta=1.1 / SAMPLES)

    def test_verify(self):
        for name in PAIRS:
            for more in [[], self.images]:
                with self.subTest(name, data=bool(more)):
                    same = [tool("verify", model_path(name + "-a"), model_path(name + "-a"), *more, engine=engine)
                            for engine in ENGINES]
                    self.assertEqual([report["engine"] for report in same], ENGINES)
                    self.assertTrue(all(report["max_abs_diff"] == 0 for report in same))
                    x, y = (json.loads(run("verify", model_path(name + "-a"), model_path(name + "-b"), *more, "--json",
                                           "--engine", engine, "--onnxruntime", LIBRARY).stdout) for engine in ENGINES)
                    self.assertFalse(x["same"] or y["same"])
                    self.near(x["max_abs_diff"], y["max_abs_diff"])
                    self.near(x["max_rel_diff"], y["max_rel_diff"])

    def test_heads_and_what_is_inside(self):
        """Two-level groups: attention whose queries, keys and values are one product."""
        heads, units, steps = 3, 4, 5
        for seed in (1, 2):
            net = nets.Net()
            net.random = np.random.default_rng(seed)
            net.inputs.append(helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", steps, 7]))
            h = net.node("Relu", net.dense("x", "in", 7, 6))
            q, k, v = (net.node("Transpose", net.node("Reshape", net.dense(h, name, 6, heads * units), net.constant(
                [0, 0, heads, units])), perm=[0, 2, 3, 1] if name == "k" else [0, 2, 1, 3]) for name in "qkv")
            shares = net.node("Softmax", net.node("MatMul", q, k), axis=-1)
            mixed = net.node("Transpose", net.node("MatMul", shares, v), perm=[0, 2, 1, 3])
            h = net.node("Reshape", mixed, net.constant([0, 0, heads * units]))
            onnx.save(net.model(net.dense(net.node("Flatten", h), "out", steps * heads * units, CLASSES)),
                      self.path(f"{seed}.onnx"))
        np.save(self.path("x.npy"), np.random.default_rng(3).standard_normal((300, steps, 7)).astype(np.float32))
        permutations = []
        for engine in ENGINES:
            tool(self.path("1.onnx"), self.path("2.onnx"), "-o", self.path("m.onnx"), "-m", "activations", "--data",
                 self.path("x.npy"), "--save-permutation", self.path("p.json"), engine=engine)
            with open(self.path("p.json")) as file:
                permutations.append(json.load(file)["groups"])
        kinds = {group["kind"] for group in run_json("inspect", self.path("1.onnx"))["groups"]}
        self.assertEqual(kinds, {"units", "blocks", "inside"})
        self.assertEqual(*permutations)


class Unknown(ToolTest):
    """What the built-in engine has no kernels for goes by way of ONNX Runtime, or without verification."""

    def test_permute_and_verify(self):
        for operators, build in UNKNOWN.items():
            with self.subTest(operators):
                onnx.save(build(1), self.path("a.onnx"))
                report = tool("permute", self.path("a.onnx"), "-o", self.path("b.onnx"), "--random")
                self.assertEqual(report["verified"]["engine"], "onnxruntime")
                self.assertGreater(report["units"], 0)
                report = tool("verify", self.path("a.onnx"), self.path("b.onnx"))
                self.assertTrue(report["same"])
                self.assertEqual(report["engine"], "onnxruntime")
                onnx.save(build(2), self.path("c.onnx"))
                done = run("verify", self.path("a.onnx"), self.path("c.onnx"), "--onnxruntime", LIBRARY)
                self.assertEqual(done.returncode, 1, done.stderr)
                self.assertIn("using ONNX Runtime", done.stderr)

    def test_branches_that_the_verification_does_not_enter(self):
        """Which branch runs is the sign of the largest sample: the verification says what it has not seen."""
        onnx.save(with_if(1), self.path("a.onnx"))
        np.save(self.path("low.npy"), np.full((3, 4), -200, np.float32))
        np.save(self.path("high.npy"), np.ones((3, 4), np.float32))
        for data, unreached, branch in [([], 2, "else_branch"), (["--data", self.path("low.npy")], 4, "then_branch"),
                                        (["--data", self.path("high.npy")], 2, "else_branch")]:
            done = run("permute", self.path("a.onnx"), "-o", self.path("b.onnx"), "--random", "--seed", "5", "--json",
                       "--onnxruntime", LIBRARY, *data)
            self.assertEqual(done.returncode, 0, done.stderr)
            self.assertEqual(json.loads(done.stdout)["verified"]["unreached"], unreached)
            self.assertIn(f"did not lead to {unreached} weights ({branch} of 'v5_0')", done.stderr)
            both = run("verify", self.path("a.onnx"), self.path("b.onnx"), "--onnxruntime", LIBRARY, "--json", *data)
            self.assertEqual(json.loads(both.stdout)["unreached"], unreached)
            merged = tool(self.path("a.onnx"), self.path("b.onnx"), "-o", self.path("m.onnx"), "-m", "weights", *data)
            self.assertEqual(merged["verified"]["unreached"], unreached)

    def test_align_by_activations_and_evaluate(self):
        images = np.random.default_rng(3).standard_normal((SAMPLES, 4)).astype(np.float32)
        np.save(self.path("x.npy"), images)
        for operators, build in UNKNOWN.items():
            if "Integer" in operators:
                continue  # 8-bit weights are not averaged
            with self.subTest(operators):
                for seed in (1, 2):
                    onnx.save(build(seed), self.path(f"{seed}.onnx"))
                logits = session(self.path("1.onnx"), optimises=False).run(None, {"x": images})[0]
                labels = logits.argmax(axis=1)
                np.save(self.path("y.npy"), labels)
                tool("permute", self.path("1.onnx"), "-o", self.path("b.onnx"), "--random")
                back = tool(self.path("1.onnx"), self.path("b.onnx"), "-o", self.path("m.onnx"), "-m", "activations",
                            "--data", self.path("x.npy"), "--labels", self.path("y.npy"))
                self.assertEqual(back["verified"]["engine"], "onnxruntime")
                loss, accuracy = score(logits, labels)
                for found in back["evaluation"]["models"]:
                    self.assertAlmostEqual(found["loss"], loss, delta=1e-5 * loss)
                    self.assertEqual(found["accuracy"], accuracy)
                # Units that show in the net itself are found by that; inside of subgraphs no run shows any: by weights.
                self.assertEqual(back["distance"]["after"], 0)
                other = tool("curve", self.path("1.onnx"), self.path("2.onnx"), "-m", "activations", "--data",
                             self.path("x.npy"), "--labels", self.path("y.npy"), "--points", 3)
                self.assertAlmostEqual(other["naive"]["loss"][-1], loss, delta=1e-5 * loss)

    def test_without_any_engine(self):
        for operators, build in UNKNOWN.items():
            with self.subTest(operators):
                onnx.save(build(1), self.path("a.onnx"))
                for more, words in [([], ["pip install onnxruntime", "--onnxruntime PATH"]), (["--engine", "builtin"], [])]:
                    done = run("permute", self.path("a.onnx"), "-o", self.path("b.onnx"), "--random", *more, env=NOWHERE)
                    self.assertEqual(done.returncode, 3, done.stderr)
                    for word in [operators, "a.onnx", "--no-verify goes on", *words]:
                        self.assertIn(word, done.stderr)
                    self.assertFalse(os.path.exists(self.path("b.onnx")))
                done = run("permute", self.path("a.onnx"), "-o", self.path("b.onnx"), "--random", "--no-verify", "--json",
                           env=NOWHERE)
                self.assertEqual(done.returncode, 0, done.stderr)
                self.assertIsNone(json.loads(done.stdout)["verified"])
                os.remove(self.path("b.onnx"))
        done = run("verify", model_path("mlp-a"), model_path("mlp-a"), "--engine", "onnxruntime", env=NOWHERE)
        self.assertEqual(done.returncode, 3)
        self.assertIn("ONNX Runtime was not found", done.stderr)

    def test_gradients_need_the_built_in_engine(self):
        onnx.save(with_loop(1), self.path("a.onnx"))
        np.save(self.path("x.npy"), np.zeros((8, 4), np.float32))
        np.save(self.path("y.npy"), np.zeros(8, np.int64))
        done = run(self.path("a.onnx"), self.path("a.onnx"), "-o", self.path("m.onnx"), "-m", "ste", "--data",
                   self.path("x.npy"), "--labels", self.path("y.npy"), "--onnxruntime", LIBRARY)
        self.assertEqual(done.returncode, 3)
        self.assertIn("gradients that the built-in engine alone has", done.stderr)
        self.assertIn("Loop", done.stderr)

    def test_finding_the_library(self):
        onnx.save(with_if(1), self.path("a.onnx"))
        environment = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(LIBRARY)))))
        file = os.path.join(LIBRARY, next(name for name in os.listdir(LIBRARY) if name.startswith("libonnxruntime.so")))
        for env in [{"ONNX_ALIGN_ONNXRUNTIME": LIBRARY}, {"ONNX_ALIGN_ONNXRUNTIME": file}, {"VIRTUAL_ENV": environment}]:
            done = run("verify", self.path("a.onnx"), self.path("a.onnx"), env={**NOWHERE, **env})
            self.assertEqual(done.returncode, 0, done.stderr)
        for bad, words in [("/nowhere/libonnxruntime.so", "cannot be loaded"), (self.folder, "no libonnxruntime.so"),
                           ("/lib/x86_64-linux-gnu/libm.so.6", "is not ONNX Runtime's library")]:
            done = run("verify", self.path("a.onnx"), self.path("a.onnx"), "--onnxruntime", bad)
            self.assertEqual(done.returncode, 3)
            self.assertIn(words, done.stderr)
            self.assertIn(bad, done.stderr)
        # Where it is not needed, it does not matter.
        done = run("verify", model_path("mlp-a"), model_path("mlp-a"), "--onnxruntime", "/nowhere")
        self.assertEqual(done.returncode, 0)

    def test_models_that_no_engine_runs(self):
        net, h = start(1)
        onnx.save(net.model(net.node("Gargle", h, domain="com.example")), self.path("a.onnx"))
        done = run("verify", self.path("a.onnx"), self.path("a.onnx"), "--onnxruntime", LIBRARY)
        self.assertEqual(done.returncode, 3)
        self.assertIn("no kernel for com.example.Gargle", done.stderr)
        self.assertIn("ONNX Runtime " + onnxruntime.__version__, done.stderr)

    def test_external_data(self):
        """By way of a temporary folder, of which nothing is left; nor of what ONNX Runtime would report by network."""
        model = with_loop(1)
        onnx.save(model, self.path("a.onnx"), save_as_external_data=True, location="a.bin", size_threshold=16)
        os.mkdir(self.path("t"))
        env = {**NOWHERE, "TMPDIR": self.path("t")}
        report = tool("permute", self.path("a.onnx"), "-o", self.path("b.onnx"), "--random", env=env)
        self.assertEqual(report["verified"]["engine"], "onnxruntime")
        self.assertEqual(os.listdir(self.path("t")), [])
        done = run("permute", self.path("a.onnx"), "-o", self.path("b.onnx"), "--random", "--onnxruntime", LIBRARY,
                   env={**os.environ, "TMPDIR": "/nowhere"})
        self.assertEqual(done.returncode, 5)
        self.assertIn("no temporary folder", done.stderr)


def sentences(seed, kind=TensorProto.FLOAT, tokens=30):
    """Token ids and a mask, of any length; the ids are 64-bit integers, the mask 32-bit ones; and an unused input."""
    net = nets.Net()
    net.random = np.random.default_rng(seed)
    for name, number in [("ids", TensorProto.INT64), ("mask", TensorProto.INT32), ("idle", TensorProto.FLOAT)]:
        net.inputs.append(helper.make_tensor_value_info(name, number, ["n", "length"]))
    h = net.node("Gather", net.weight("table", tokens, 6), "ids")
    h = net.node("Mul", net.node("Relu", net.dense(h, "first", 6, 9)),
                 net.node("Unsqueeze", net.node("Cast", "mask", to=TensorProto.FLOAT), net.constant([2])))
    model = net.model(net.dense(net.node("ReduceMean", h, axes=[1], keepdims=0), "out", 9, CLASSES))
    return model


class Inputs(EnginesTest):
    def feeds(self, length=7):
        random = np.random.default_rng(3)
        feeds = {"ids": random.integers(0, 30, (SAMPLES, length)), "mask": random.integers(0, 2, (SAMPLES, length))}
        for name, value in feeds.items():
            np.save(self.path(name + ".npy"), value)
        return feeds, [part for name in feeds for part in ("--data", f"{name}={self.path(name + '.npy')}")]

    def test_several_inputs(self):
        feeds, data = self.feeds()
        for seed in (1, 2):
            onnx.save(sentences(seed), self.path(f"{seed}.onnx"))
        # The second model declares its inputs in another order.
        swapped = onnx.load(self.path("2.onnx"))
        inputs = list(swapped.graph.input)
        del swapped.graph.input[:]
        swapped.graph.input.extend(reversed(inputs))
        onnx.save(swapped, self.path("2.onnx"))
        logits = [session(self.path(f"{seed}.onnx")).run(None, {
            "ids": feeds["ids"], "mask": feeds["mask"].astype(np.int32), "idle": np.zeros((1, 1), np.float32)})[0]
            for seed in (1, 2)]
        labels = np.random.default_rng(4).integers(0, CLASSES, SAMPLES)
        np.save(self.path("y.npy"), labels)
        found = []
        for engine in ENGINES:
            report = tool(self.path("1.onnx"), self.path("2.onnx"), "-o", self.path("m.onnx"), "-m", "activations", *data,
                          "--labels", self.path("y.npy"), "--save-permutation", self.path("p.json"), engine=engine)
            for evaluation, output in zip(report["evaluation"]["models"], logits, strict=True):
                loss, accuracy = score(output, labels)
                self.assertAlmostEqual(evaluation["loss"], loss, delta=1e-5 * loss)
                self.assertAlmostEqual(evaluation["accuracy"], accuracy, delta=1.1 / SAMPLES)  # one on a border
            with open(self.path("p.json")) as file:
                found.append(json.load(file)["groups"])
        self.assertEqual(*found)
        self.assertEqual(sorted(group["size"] for group in found[0]), [6, 9])

    def test_files_that_do_not_fit_the_inputs(self):
        _, data = self.feeds()
        onnx.save(sentences(1), self.path("a.onnx"))
        np.save(self.path("few.npy"), np.zeros((3, 7), np.int64))
        np.save(self.path("large.npy"), np.full((SAMPLES, 7), 30))
        ids = f"ids={self.path('ids.npy')}"
        cases = [(["--data", self.path("ids.npy")], 2, "(ids, mask, idle); say for which"),
                 (["--data", "words=" + self.path("ids.npy")], 2, "ids, mask, idle"),
                 (["--data", self.path("ids.npy"), "--data", ids], 2, "INPUT=FILE"),
                 (["--data", ids, "--data", ids], 2, "two files for input 'ids'"),
                 (["--data", f"mask={self.path('mask.npy')}"], 2, "--data ids=FILE"),
                 (["--data", ids], 3, "input 'mask' gets no samples"),
                 (["--data", ids, "--data", f"mask={self.path('few.npy')}"], 3, "holds 3"),
                 (["--data", f"ids={self.path('large.npy')}", *data[2:]], 3, "30")]
        for more, status, words in cases:
            for engine in ENGINES:
                with self.subTest(more, engine=engine):
                    done = run("verify", self.path("a.onnx"), self.path("a.onnx"), *more, "--engine", engine,
                               "--onnxruntime", LIBRARY)
                    self.assertEqual(done.returncode, status, done.stderr)
                    self.assertIn(words, done.stderr)

    def test_random_tokens_are_in_the_table(self):
        """ONNX Runtime refuses others, and a wrong order of the table's rows shows only when they are drawn."""
        onnx.save(sentences(1), self.path("a.onnx"))
        changed = onnx.load(self.path("a.onnx"))
        table = next(tensor for tensor in changed.graph.initializer if tensor.name == "table")
        value = numpy_helper.to_array(table).copy()
        value[17] += 1
        table.CopyFrom(numpy_helper.from_array(value, "table"))
        onnx.save(changed, self.path("b.onnx"))
        for engine in ENGINES:
            self.assertTrue(tool("verify", self.path("a.onnx"), self.path("a.onnx"), engine=engine)["same"])
            done = run("verify", self.path("a.onnx"), self.path("b.onnx"), "--engine", engine, "--onnxruntime", LIBRARY,
                       "--dim", "length=500")
            self.assertEqual(done.returncode, 1, done.stderr)

    def test_float16(self):
        """Weights and inputs of 16 bits."""
        wide = onnx.load(model_path("mlp-a"))
        half = onnx.load(model_path("mlp-a"))
        for tensor in half.graph.initializer:
            if tensor.data_type == TensorProto.FLOAT:
                tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float16), tensor.name))
        for value in [*half.graph.input, *half.graph.output]:
            value.type.tensor_type.elem_type = TensorProto.FLOAT16
        onnx.save(half, self.path("a.onnx"))
        self.assertEqual(wide.graph.input[0].type.tensor_type.elem_type, TensorProto.FLOAT)
        losses = []
        for engine in ENGINES:
            report = tool("permute", self.path("a.onnx"), "-o", self.path("b.onnx"), "--random", engine=engine)
            self.assertEqual(report["verified"]["engine"], engine)
            report = tool(self.path("a.onnx"), self.path("b.onnx"), "-o", self.path("m.onnx"), "-m", "activations",
                          *self.judged, engine=engine)
            # A few units do nothing on these samples, and stay where they are.
            self.assertLess(report["distance"]["after"], 0.01 * report["distance"]["before"])
            losses.append(report["evaluation"]["models"][0]["loss"])
        # ONNX Runtime computes in float32 and rounds in other places: 16 bits are 5e-4 of a number.
        self.assertAlmostEqual(*losses, delta=2e-3 * losses[0])


if __name__ == "__main__":
    unittest.main(verbosity=2)
