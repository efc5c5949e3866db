"""What other programs parse: JSON, streams, exit status; and what the tool needs in memory."""
import json
import os
import subprocess
import unittest

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from common import TOOL, ToolTest, averaged_variance, model_path, run, run_json, weights


class Contract(ToolTest):
    def test_json_of_the_main_form(self):
        report = run_json(model_path("cnn-a"), model_path("cnn-b"), "-o", self.path("o.onnx"))
        for key in ["output", "method", "models", "groups", "units", "distance", "verified", "seconds"]:
            self.assertIn(key, report)
        self.assertEqual(report["output"], self.path("o.onnx"))
        self.assertEqual(report["method"], "deep-align+weights")
        self.assertEqual(report["models"], [model_path("cnn-a"), model_path("cnn-b")])
        self.assertEqual(set(report["groups"][0]), {"id", "size", "kind", "moved", "axes"})
        self.assertEqual(set(report["groups"][0]["axes"][0]), {"tensor", "axis"})
        self.assertEqual(report["units"], sum(group["size"] for group in report["groups"]))
        self.assertEqual(set(report["verified"]), {"engine", "max_abs_diff", "max_rel_diff"})
        self.assertEqual(set(report["seconds"]), {"load", "symmetry", "align", "merge", "verify", "save", "total"})
        self.assertLessEqual(sum(report["seconds"].values()) - report["seconds"]["total"], report["seconds"]["total"])

    def test_distance_is_the_sum_of_squared_differences(self):
        a, b = weights(model_path("cnn-a")), weights(model_path("cnn-b"))
        report = run_json(model_path("cnn-a"), model_path("cnn-b"), "-o", self.path("o.onnx"), "--emit", "aligned")
        aligned = weights(self.path("o.onnx"))
        for other, key in [(b, "before"), (aligned, "after")]:
            expected = sum(((a[name].astype(float) - other[name].astype(float)) ** 2).sum() for name in a
                           if a[name].dtype == np.float32 and "running_" not in name)
            self.assertAlmostEqual(report["distance"][key], expected, delta=1e-6 * expected)

    def test_running_variances_are_estimated_from_the_cosines_of_the_filters(self):
        """core/merge/statistics.h, computed again in NumPy."""
        run_json(model_path("cnn-a"), model_path("cnn-b"), "-o", self.path("m.onnx"), "--lambda", "0.4")
        run_json(model_path("cnn-a"), model_path("cnn-b"), "-o", self.path("b.onnx"), "--emit", "aligned")
        model = onnx.load(model_path("cnn-a"))
        a, b, merged = (weights(path) for path in [model_path("cnn-a"), self.path("b.onnx"), self.path("m.onnx")])
        producers = {name: node for node in model.graph.node for name in node.output}
        checked = 0
        for node in model.graph.node:
            if node.op_type != "BatchNormalization":
                continue
            kernel, variance = producers[node.input[0]].input[1], node.input[4]
            expected = averaged_variance((a[kernel], b[kernel]), (a[variance], b[variance]), 0.4)
            np.testing.assert_allclose(merged[variance], expected, rtol=1e-6)
            checked += 1
        self.assertEqual(checked, 3)

    def test_json_of_inspect_and_verify(self):
        report = run_json("inspect", model_path("resnet-a"))
        self.assertEqual(set(report), {"model", "parameters", "groups", "axes", "fixed", "permutable_share"})
        self.assertEqual(set(report["fixed"][0]), {"tensor", "axis", "reason"})
        self.assertGreater(report["permutable_share"], 0.99)
        self.assertEqual(report["parameters"],
                         sum(w.size for w in weights(model_path("resnet-a")).values() if w.dtype == np.float32))
        report = run_json("verify", model_path("mlp-a"), model_path("mlp-a"))
        self.assertEqual({"same", "max_abs_diff", "max_rel_diff", "engine"} - set(report), set())
        self.assertIs(report["same"], True)

    def test_groups_of_the_shipped_models(self):
        """Written down from the architectures, not from the tool."""
        mlp = [group["size"] for group in run_json("inspect", model_path("mlp-a"))["groups"]]
        self.assertEqual(mlp, [128, 128, 128])
        for name in ["cnn", "resnet"]:
            model = onnx.load(model_path(name + "-a"))
            shapes = weights(model)
            convolutions = [node for node in model.graph.node if node.op_type == "Conv"]
            adds = [node for node in model.graph.node if node.op_type == "Add"]
            dense = [node for node in model.graph.node if node.op_type == "Gemm"]
            groups = run_json("inspect", model_path(name + "-a"))["groups"]
            # One group a layer, but an addition makes one group of the two layers that it adds.
            self.assertEqual(len(groups), len(convolutions) + len(dense) - 1 - len(adds))
            self.assertGreaterEqual(len(convolutions), 8 if name == "resnet" else 2)
            named = {(axis["tensor"], axis["axis"]) for group in groups for axis in group["axes"]}
            for node in convolutions:
                self.assertIn((node.input[1], 0), named)
                if shapes[node.input[1]].shape[1] > 1:
                    self.assertIn((node.input[1], 1), named)

    def test_results_go_to_stdout_and_messages_to_stderr(self):
        done = run(model_path("mlp-a"), model_path("mlp-b"), "-o", self.path("o.onnx"), "--json")
        json.loads(done.stdout)
        self.assertEqual(done.stderr, "")
        done = run("inspect", self.path("missing.onnx"))
        self.assertEqual((done.returncode, done.stdout), (3, ""))
        for flag in ["--help", "--version"]:
            done = run(flag)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
        with open("/dev/full", "w") as full:
            done = subprocess.run([TOOL, "--help"], stdout=full, stderr=subprocess.PIPE)
            self.assertEqual(done.returncode, 5)

    def test_lambda_and_weights_say_the_same(self):
        made = []
        for options in [["--lambda", "0.25"], ["--weights", "1,3"], ["--weights", "0.25,0.75"]]:
            run_json(model_path("mlp-a"), model_path("mlp-b"), "-o", self.path("o.onnx"), *options)
            with open(self.path("o.onnx"), "rb") as file:
                made.append(file.read())
        self.assertEqual(made[0], made[1])
        self.assertEqual(made[0], made[2])

    def test_method_none_averages_without_moving(self):
        report = run_json(model_path("mlp-a"), model_path("mlp-b"), "-o", self.path("o.onnx"), "-m", "none")
        self.assertEqual(sum(group["moved"] for group in report["groups"]), 0)
        self.assertEqual(report["distance"]["before"], report["distance"]["after"])

    def test_symbolic_dimensions_can_be_given(self):
        done = run("verify", model_path("mlp-a"), model_path("mlp-a"), "--dim", "batch=7")
        self.assertEqual(done.returncode, 0, done.stderr)


class Memory(ToolTest):
    def test_peak_memory_of_a_merge(self):
        """Under 3.5 times one model's size plus 50 MB, for weights inline and external, float32 and float16."""
        width, layers = 2800, 4
        random = np.random.default_rng(0)
        for dtype in [np.float32, np.float16]:
            kind = TensorProto.FLOAT if dtype == np.float32 else TensorProto.FLOAT16
            for external in [False, True]:
                for name in "ab":
                    tensors, nodes, last = [], [], "x"
                    for layer in range(layers):
                        weight = (random.standard_normal((width, width)) / np.sqrt(width)).astype(dtype)
                        tensors.append(numpy_helper.from_array(weight, f"w{layer}"))
                        nodes.append(helper.make_node("MatMul", [last, f"w{layer}"], [f"h{layer}"]))
                        nodes.append(helper.make_node("Relu", [f"h{layer}"], [f"r{layer}"]))
                        last = f"r{layer}"
                    graph = helper.make_graph(nodes, "big", [helper.make_tensor_value_info("x", kind, [1, width])],
                                              [helper.make_tensor_value_info(last, kind, [1, width])], tensors)
                    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=8)
                    onnx.save_model(model, self.path(name + ".onnx"), save_as_external_data=external,
                                    location=name + ".data")
                size = width * width * layers * np.dtype(dtype).itemsize
                with self.subTest(dtype=dtype.__name__, external=external):
                    # Matching widths of 2800 costs minutes and no memory that counts (one assignment problem); moving,
                    # verifying and averaging is what this measures.
                    used = peak_of([TOOL, self.path("a.onnx"), self.path("b.onnx"), "-o", self.path("o.onnx"),
                                    "-m", "none", "--threads", "1"])
                    print(f"{dtype.__name__}, external {external}: {size / 1e6:.0f} MB of weights, peak {used / 1e6:.0f} MB, "
                          f"{used / size:.2f} times")
                    self.assertLess(used, 3.5 * size + 50e6)
                    used = peak_of([TOOL, "permute", self.path("a.onnx"), "-o", self.path("p.onnx"), "--random"])
                    self.assertLess(used, 3.5 * size + 50e6)
                for name in os.listdir(self.folder):
                    os.remove(self.path(name))


def peak_of(command):
    """Peak resident bytes of a process that must succeed."""
    done = subprocess.run(["/usr/bin/time", "-f", "%M", *command], capture_output=True, text=True)
    if done.returncode:
        raise AssertionError(done.stderr)
    return int(done.stderr.strip().splitlines()[-1]) * 1024


if __name__ == "__main__":
    unittest.main(verbosity=2)
