"""Training an aligner, from the command line: what it leaves, that nothing stops it from coming out the same, and that it
says what is wrong."""
import csv
import json
import os
import signal
import subprocess
import time
import unittest
import xml.etree.ElementTree as xml

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from common import TOOL, ToolTest, run, run_json

SMALL = ["--channels", 8, "--rounds", 2, "--threads", 1]


def network(widths, seed, activation="Relu"):
    """An untrained dense network, as a model."""
    random = np.random.default_rng(seed)
    tensors, nodes, value = [], [], "x"
    for i, (inputs, units) in enumerate(zip(widths, widths[1:])):
        weight = random.standard_normal((units, inputs)) / np.sqrt(inputs)
        tensors += [numpy_helper.from_array(weight.astype(np.float32), f"w{i}"),
                    numpy_helper.from_array((0.1 * random.standard_normal(units)).astype(np.float32), f"b{i}")]
        is_last = i + 2 == len(widths)
        nodes.append(helper.make_node("Gemm", [value, f"w{i}", f"b{i}"], ["y" if is_last else f"z{i}"], transB=1))
        if not is_last:
            nodes.append(helper.make_node(activation, [f"z{i}"], [f"h{i}"]))
            value = f"h{i}"
    shapes = [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", widths[0]])], \
             [helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", widths[-1]])]
    model = helper.make_model(helper.make_graph(nodes, "network", *shapes, tensors),
                              opset_imports=[helper.make_opsetid("", 13)])
    model.ir_version = 8
    return model


class Training(ToolTest):
    def setUp(self):
        super().setUp()
        os.mkdir(self.path("mlp"))
        for i in range(8):
            onnx.save(network([6, 10, 9, 3], i), self.path(f"mlp/{i}.onnx"))
        random = np.random.default_rng(1)
        np.save(self.path("x.npy"), random.standard_normal((60, 6)).astype(np.float32))
        np.save(self.path("y.npy"), random.integers(0, 3, 60))
        self.data = ["--data", self.path("x.npy"), "--labels", self.path("y.npy")]

    def train(self, *more, models=("mlp",), name="aligner.onnx"):
        done = run("train", *[self.path(model) for model in models], "-o", self.path(name), *SMALL, *more)
        self.assertEqual(done.returncode, 0, done.stderr)
        return self.path(name)

    def bytes_of(self, path):
        with open(path, "rb") as file:
            return file.read()

    def refused(self, status, *arguments, says=(), env=None):
        done = run(*arguments, env=env)
        self.assertEqual(done.returncode, status, (arguments, done.stderr))
        for text in says:
            self.assertIn(text, done.stderr)
        self.assertEqual(len(done.stderr.strip().splitlines()), 1, done.stderr)

    def test_leaves_a_valid_model_a_table_a_picture_and_a_summary(self):
        report = run_json("train", self.path("mlp"), "-o", self.path("a.onnx"), *SMALL, *self.data, "--steps", 30,
                          "--seed", 5, "--losses", self.path("losses.csv"), "--svg", self.path("losses.svg"))
        model = onnx.load(self.path("a.onnx"))
        onnx.checker.check_model(model, full_check=True)
        facts = {entry.key: entry.value for entry in model.metadata_props}
        self.assertEqual({key: facts[key] for key in ("format", "version", "kind", "channels", "rounds")},
                         {"format": "onnx-align-aligner", "version": "1", "kind": "messages", "channels": "8",
                          "rounds": "2"})
        self.assertEqual((facts["training_models"], facts["training_seed"]), ("8", "5"))
        self.assertEqual(report["parameters"], sum(np.prod(t.dims) for t in model.graph.initializer))
        self.assertEqual((report["models"], report["steps"], len(report["families"])), (8, 30, 1))
        with open(self.path("losses.csv")) as file:
            lines = [line.split(",") for line in file.read().splitlines()]
        self.assertEqual(lines[0][:6], ["step", "family", "loss", "supervised", "alignment", "task"])
        self.assertEqual([line[0] for line in lines[1:]], [str(i + 1) for i in range(30)])
        for line in lines[1:]:
            total, supervised, alignment, task = map(float, line[2:6])
            self.assertAlmostEqual(total, 0.01 * supervised + 0.5 * alignment + task, places=3)
        scores = {int(line[0]): float(line[7]) for line in lines[1:] if line[7]}
        self.assertEqual(sorted(scores), list(range(3, 31, 3)))
        self.assertAlmostEqual(min(scores.values()), report["score"], places=4)
        self.assertEqual(scores[report["best_step"]], min(scores.values()))
        self.assertTrue(xml.parse(self.path("losses.svg")).getroot().tag.endswith("svg"))

    def test_losses_count_as_their_factors_say(self):
        for factors in [(0, 1, 0), (1, 0, 0), (0.25, 0, 2)]:
            aligner = self.train("--steps", 5, *self.data, "--factors", ",".join(map(str, factors)), "--losses",
                                 self.path("losses.csv"), "--refinements", 2)
            with open(self.path("losses.csv")) as file:
                for line in list(csv.DictReader(file)):
                    terms = [float(line[name]) for name in ("supervised", "alignment", "task")]
                    self.assertAlmostEqual(float(line["loss"]), sum(f * x for f, x in zip(factors, terms)), places=3)
                    self.assertEqual([f > 0 for f in factors], [x > 0 for x in terms])
            facts = {entry.key: entry.value for entry in onnx.load(aligner).metadata_props}
            self.assertEqual(facts["refinements"], "2")

    def test_aligns_a_reordered_model_exactly_and_through_the_environment(self):
        aligner = self.train("--steps", 10)
        a, b = self.path("mlp/0.onnx"), self.path("b.onnx")
        self.assertEqual(run("permute", a, "-o", b, "--random", "--seed", 3).returncode, 0)
        report = run_json(a, b, "-o", self.path("m.onnx"), "--method", "deep-align", "--aligner", aligner)
        self.assertEqual(report["distance"]["after"], 0)
        self.assertGreater(report["distance"]["before"], 1)
        self.assertEqual(report["method"], "deep-align")
        found = run(a, b, "-o", self.path("n.onnx"), "--method", "deep-align",
                    env={**os.environ, "ONNX_ALIGN_ALIGNER": aligner})
        self.assertEqual(found.returncode, 0, found.stderr)
        self.assertEqual(self.bytes_of(self.path("m.onnx")), self.bytes_of(self.path("n.onnx")))
        self.refused(3, a, b, "-o", self.path("n.onnx"), "--method", "deep-align", says=["ONNX_ALIGN_ALIGNER", "gone"],
                     env={**os.environ, "ONNX_ALIGN_ALIGNER": self.path("gone")})

    def test_gives_the_same_on_any_number_of_threads_and_goes_on_from_an_aligner(self):
        one = self.train("--steps", 12, *self.data)
        two = self.train("--steps", 12, *self.data, "--threads", 2, name="two.onnx")
        self.assertEqual(self.bytes_of(one), self.bytes_of(two))
        done = run("train", self.path("mlp"), "-o", self.path("more.onnx"), "--steps", 5, "--aligner", one)
        self.assertEqual(done.returncode, 0, done.stderr)
        first, more = onnx.load(one), onnx.load(self.path("more.onnx"))
        moved = [np.abs(numpy_helper.to_array(x) - numpy_helper.to_array(y)).max()
                 for x, y in zip(first.graph.initializer, more.graph.initializer, strict=True)]
        self.assertTrue(0 < max(moved) < 0.1, moved)

    def test_survives_being_killed(self):
        whole = self.train("--steps", 400, *self.data, "--checkpoint", self.path("whole.state"))
        arguments = [TOOL, "train", self.path("mlp"), "-o", self.path("killed.onnx"), *SMALL, *self.data, "--steps",
                     400, "--checkpoint", self.path("killed.state"), "--checkpoint-every", 0]
        kills = 0
        for _ in range(4):
            running = subprocess.Popen([*map(str, arguments)], stdout=subprocess.PIPE, stderr=subprocess.PIPE)
            before = os.stat(self.path("killed.state")).st_mtime_ns if kills else 0
            limit = time.monotonic() + 60
            while running.poll() is None and time.monotonic() < limit:
                if os.path.exists(self.path("killed.state")) and \
                        os.stat(self.path("killed.state")).st_mtime_ns != before:
                    break
                time.sleep(0.005)
            time.sleep(0.05)
            running.send_signal(signal.SIGKILL)
            running.communicate()
            kills += running.returncode == -signal.SIGKILL
        self.assertGreater(kills, 0)
        done = run(*arguments[1:])
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("going on after step", done.stderr)
        self.assertEqual(self.bytes_of(self.path("killed.onnx")), self.bytes_of(whole))

    def test_refuses_checkpoints_that_are_damaged_or_of_another_training(self):
        state = self.path("state")
        aligner = self.train("--steps", 5, "--checkpoint", state)
        again = ["train", self.path("mlp"), "-o", aligner, *SMALL, "--checkpoint", state, "--steps"]
        self.refused(3, *again, 6, says=[state, "other models, data or settings"])
        content = self.bytes_of(state)
        for damaged in (b"", content[:100], content[:-1], b"x" + content[1:], content[:-40] + b"?" + content[-39:]):
            with open(state, "wb") as file:
                file.write(damaged)
            self.refused(3, *again, 5, says=[state])

    def test_refuses_damaged_aligners_and_says_why(self):
        good = onnx.load(self.train("--steps", 2))
        bad = self.path("bad.onnx")
        merging = [self.path("mlp/0.onnx"), self.path("mlp/1.onnx"), "-o", self.path("m.onnx"), "-m", "deep-align",
                   "--aligner", bad]

        def check(change, *says):
            model = onnx.ModelProto()
            model.CopyFrom(good)
            change(model)
            with open(bad, "wb") as file:
                file.write(model.SerializeToString())
            self.refused(3, *merging, says=[bad, *says])
            self.refused(3, "train", self.path("mlp"), "-o", self.path("a2.onnx"), "--aligner", bad, says=[bad])

        def set_metadata(key, value):
            def change(model):
                for entry in model.metadata_props:
                    if entry.key == key:
                        entry.value = value
            return change

        def replace(value):
            def change(model):
                tensor = next(t for t in model.graph.initializer if t.name == "round0.self")
                tensor.CopyFrom(numpy_helper.from_array(value(numpy_helper.to_array(tensor)), tensor.name))
            return change

        def poison(array):
            array = array.copy()
            array[1, 2] = np.nan
            return array

        def remove(model):
            name = model.graph.initializer[0].name
            del model.graph.initializer[0]
            for nodes in (model.graph.node,):
                nodes.remove(next(node for node in nodes if name in node.input))
            model.graph.output.remove(next(o for o in model.graph.output if o.name == name + ".value"))

        def add(model):
            model.graph.initializer.append(numpy_helper.from_array(np.ones((1, 1), np.float32), "extra"))

        check(set_metadata("format", "something"), "not an aligner")
        check(lambda model: model.ClearField("metadata_props"), "not an aligner")
        check(set_metadata("version", "2"), "version '2'")
        check(set_metadata("kind", "oracle"), "kind 'oracle'")
        check(set_metadata("channels", "60000"), "damaged aligner", "sizes")
        check(set_metadata("channels", "9"), "damaged aligner")
        check(set_metadata("probes", "many"), "damaged aligner", "'probes'", "many")
        check(replace(poison), "NaN", "round0.self")
        check(replace(lambda array: array[:, :7].copy()), "round0.self", "[8, 8]")
        check(replace(lambda array: array.astype(np.float64)), "round0.self")
        check(remove, "is missing")
        check(add, "'extra'")
        with open(bad, "wb") as file:
            file.write(good.SerializeToString()[:1000])
        self.refused(3, *merging, says=[bad])
        self.refused(3, *merging[:-1], self.path("mlp/2.onnx"), says=["2.onnx", "not an aligner"])
        self.refused(3, *merging[:-1], self.path("gone.onnx"), says=["gone.onnx"])

    def test_trains_on_families_with_data_of_their_own(self):
        os.mkdir(self.path("sines"))
        for i in range(8):
            onnx.save(network([1, 8, 8, 1], 100 + i, "Sin"), self.path(f"sines/{i}.onnx"))
        np.save(self.path("grid.npy"), np.linspace(-3, 3, 50, dtype=np.float32)[:, None])
        families = [{"models": ["mlp"], "data": "x.npy", "labels": "y.npy", "weight": 2},
                    {"models": [f"sines/{i}.onnx" for i in range(8)], "data": "grid.npy", "pairs": "consecutive"}]
        listing = self.path("families.json")

        def write(value):
            with open(listing, "w") as file:
                json.dump(value, file)

        write(families)
        report = run_json("train", "--families", listing, "-o", self.path("a.onnx"), *SMALL, "--steps", 20, "--losses",
                          self.path("losses.csv"))
        self.assertEqual([family["models"] for family in report["families"]], [8, 8])
        with open(self.path("losses.csv")) as file:
            drawn = [line.split(",")[1] for line in file.read().splitlines()[1:]]
        self.assertEqual(set(drawn), {"0", "1"})
        self.assertEqual(run(self.path("sines/0.onnx"), self.path("sines/1.onnx"), "-o", self.path("m.onnx"), "-m",
                             "deep-align", "--aligner", self.path("a.onnx")).returncode, 0)
        out = ["-o", self.path("b.onnx"), *SMALL]
        for change, *says in [
                ({"models": []}, "models"), ({"models": ["mlp", 3]}, "element 1"), ({"loss": "hinge"}, "loss"),
                ({"pairs": "all"}, "pairs"), ({"weight": 0}, "weight"), ({"weight": "1"}, "weight"),
                ({"data": None}, "labels", "data"), ({"modells": []}, "modells"), ({"data": "gone.npy"}, "gone.npy"),
                ({"labels": "x.npy"}, "x.npy"), ({"models": ["gone"]}, "gone"), ({"models": ["x.npy"]}, "x.npy")]:
            with self.subTest(change=change):
                write([{**families[0], **change}])
                self.refused(3, "train", "--families", listing, *out, says=says)
        write([{**families[1], "models": [f"sines/{i}.onnx" for i in range(7)]}])
        self.refused(3, "train", "--families", listing, *out, says=["consecutive", "7"])
        for text in ("", "{", "{}", "[]", "[1]", '[{"models": ["mlp"], "models": ["mlp"]}]'):
            with open(listing, "w") as file:
                file.write(text)
            self.refused(3, "train", "--families", listing, *out, says=[listing])

    def test_says_what_it_needs(self):
        out = ["-o", self.path("a.onnx")]
        mlp = self.path("mlp")
        self.refused(2, "train", *out, says=["models", "--families"])
        self.refused(2, "train", mlp, says=["-o"])
        self.refused(2, "train", mlp, "--families", "f.json", *out)
        self.refused(2, "train", mlp, *out, "--labels", "y.npy", says=["--data"])
        self.refused(2, "train", mlp, *out, "--encoder", "other", says=["messages", "dws"])
        self.refused(2, "train", mlp, *out, "--aligner", "a.onnx", "--channels", 4, says=["--channels"])
        self.refused(2, "train", mlp, *out, "--lambda", 0.3, says=["--lambda"])
        for option, value in [("--steps", 0), ("--batch", "x"), ("--rate", 0), ("--validation", 1), ("--rounds", 65),
                              ("--refinements", 65), ("--factors", "1,2"), ("--factors", "0,0,0"),
                              ("--factors", "1,-1,1"), ("--factors", "1,1,1,1"), ("--factors", "")]:
            self.refused(2, "train", mlp, *out, option, value, says=[option])
        self.refused(3, "train", self.path("mlp/0.onnx"), self.path("mlp/1.onnx"), self.path("mlp/2.onnx"), *out,
                     says=["0.onnx", "only 3 models"])
        onnx.save(network([6, 11, 3], 1), self.path("mlp/other.onnx"))
        self.refused(3, "train", mlp, *out, says=["other.onnx", "only 1 model "])
        os.remove(self.path("mlp/other.onnx"))
        os.mkdir(self.path("empty"))
        self.refused(3, "train", self.path("empty"), *out, says=["empty", "*.onnx"])
        self.refused(5, "train", mlp, "-o", self.path("no/a.onnx"), says=["no/a.onnx"])
        self.refused(5, "train", mlp, *out, "--losses", self.path("no/l.csv"), says=["no/l.csv"])
        self.refused(5, "train", mlp, "-o", self.path("mlp/3.onnx"), says=["3.onnx"])
        wrong = np.load(self.path("y.npy"))
        wrong[7] = 3
        np.save(self.path("wrong.npy"), wrong)
        self.refused(3, "train", mlp, *out, "--data", self.path("x.npy"), "--labels", self.path("wrong.npy"),
                     says=["0.onnx"])
        self.assertFalse(os.path.exists(self.path("a.onnx")))

    def test_an_encoder_for_one_architecture_refuses_others(self):
        aligner = self.train("--steps", 3, "--encoder", "dws")
        os.mkdir(self.path("wide"))
        for i in range(4):
            onnx.save(network([6, 12, 9, 3], i), self.path(f"wide/{i}.onnx"))
        out = ["-o", self.path("m.onnx")]
        self.assertEqual(run(self.path("mlp/0.onnx"), self.path("mlp/1.onnx"), *out, "-m", "deep-align", "--aligner",
                             aligner).returncode, 0)
        self.refused(4, "train", self.path("mlp"), self.path("wide"), *out, "--encoder", "dws", says=["dws"])


if __name__ == "__main__":
    unittest.main()
