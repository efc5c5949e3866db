"""What `inspect` tells people: its table, one axis, and a drawing."""
import json
import os
import re
import unittest

import numpy as np
import onnx

import reorder
from common import PAIRS, ToolTest, model_path, run, run_json


class Inspect(ToolTest):
    def test_the_table_agrees_with_the_json(self):
        for name in PAIRS:
            found = run_json("inspect", model_path(name + "-a"))
            counts = {t.name: int(np.prod(t.dims)) for t in onnx.load(model_path(name + "-a")).graph.initializer}
            for verbose in [[], ["-v"]]:
                text = run("inspect", model_path(name + "-a"), *verbose).stdout
                rows = re.findall(r"^ +(\d+) +(\d+)  (\w+) +(\d+) +([\d.]+)%  (.*)$", text, re.M)
                self.assertEqual(len(rows), len(found["groups"]), text)
                for row, group in zip(rows, found["groups"]):
                    tensors = {axis["tensor"] for axis in group["axes"]}
                    self.assertEqual((int(row[0]), int(row[1]), row[2], int(row[3])),
                                     (group["id"], group["size"], group["kind"], len(tensors)))
                    share = 100 * sum(counts[tensor] for tensor in tensors if tensor in counts) / found["parameters"]
                    if tensors <= set(counts):
                        self.assertAlmostEqual(float(row[4]), share, delta=0.051)
                    names = [f"{axis['tensor']}:{axis['axis']}" for axis in group["axes"]]
                    if verbose or len(names) <= 4:
                        self.assertEqual(row[5].split(", "), names)
                    else:
                        self.assertEqual(row[5], ", ".join(names[:4]) + f", and {len(names) - 4} more")

    def test_one_axis_is_explained(self):
        found = run_json("inspect", model_path("cnn-a"))
        for group in found["groups"]:
            for axis in group["axes"]:
                text = run("inspect", model_path("cnn-a"), "--axis", f"{axis['tensor']}:{axis['axis']}").stdout
                self.assertIn(f"group {group['id']}: {group['size']} units", text)
                others = re.search(rf"^group {group['id']} also moves (.*)$", text, re.M).group(1).split(", ")
                self.assertEqual(others, [f"{a['tensor']}:{a['axis']}" for a in group["axes"] if a != axis])
        for fixed in found["fixed"]:
            text = run("inspect", model_path("cnn-a"), "--axis", f"{fixed['tensor']}:{fixed['axis']}").stdout
            self.assertIn(f"that stay: {fixed['reason']}", text)
            self.assertNotIn("also moves", text)

    def test_indices_of_axes_say_what_a_permutation_does(self):
        """Applied by NumPy, a permutation file and the axes of inspect give the tensors that permute writes."""
        for name in PAIRS:
            found = run_json("inspect", model_path(name + "-a"))
            run_json("permute", model_path(name + "-a"), "-o", self.path("b.onnx"), "--random", "--save-permutation",
                     self.path("p.json"))
            with open(self.path("p.json")) as file:
                orders = {group["id"]: np.array(group["permutation"]) for group in json.load(file)["groups"]}
            before, after = (reorder.constants(onnx.load(path)) for path in (model_path(name + "-a"), self.path("b.onnx")))
            changed = reorder.reorder(before, found, orders)
            self.assertTrue(changed)
            for tensor, value in {**before, **changed}.items():
                np.testing.assert_array_equal(value, after[tensor], tensor)
            for axis in found["axes"]:
                self.assertEqual(axis["index"]["size"], before[axis["tensor"]].shape[axis["axis"]])

    def test_one_axis_as_json(self):
        found = run_json("inspect", model_path("cnn-a"))
        for axis in found["axes"]:
            self.assertEqual(run_json("inspect", model_path("cnn-a"), "--axis", f"{axis['tensor']}:{axis['axis']}"), axis)
        for fixed in found["fixed"]:
            shown = run_json("inspect", model_path("cnn-a"), "--axis", f"{fixed['tensor']}:{fixed['axis']}")
            self.assertEqual(shown["index"]["fixed"], fixed["reason"])

    def test_axes_that_do_not_exist(self):
        tensor = run_json("inspect", model_path("mlp-a"))["groups"][0]["axes"][0]["tensor"]
        for axis in ["", "nothing", "nothing:0", f"{tensor}:2", f"{tensor}:-1", f"{tensor}:", f"{tensor}:0x", f"{tensor}:99999999999"]:
            done = run("inspect", model_path("mlp-a"), "--axis", axis)
            self.assertEqual((done.returncode, done.stdout), (2, ""), axis)
            self.assertIn("--axis", done.stderr)

    def test_the_drawing_has_all_nodes_edges_and_groups(self):
        for name in PAIRS:
            path = self.path("g.dot")
            self.assertEqual(run("inspect", model_path(name + "-a"), "--dot", path).returncode, 0)
            with open(path) as file:
                lines = file.read().splitlines()
            text = r'"(?:[^"\\]|\\.)*"'
            grammar = re.compile(rf'digraph model {{|  label={text};|  node \[.*\];|}}|  [nio]\d+ \[[^"]*label={text}[^"]*'
                                 rf'(?:"[\d. ]+")?\];|  [nio]\d+ -> [nio]\d+;')
            for line in lines:
                self.assertTrue(grammar.fullmatch(line), line)
            model = onnx.load(model_path(name + "-a")).graph
            made = {output for node in model.node for output in node.output} | {value.name for value in model.input}
            edges = sum(value in made for node in model.node if node.op_type != "Constant" for value in node.input)
            drawn = [line for line in lines if "->" in line]
            kept = [line for line in lines if re.match(r"  n\d+ \[", line)]
            self.assertLessEqual(len(kept), len(model.node))
            self.assertGreaterEqual(len(kept), sum(node.op_type not in ("Constant", "Identity") for node in model.node))
            self.assertLessEqual(len(drawn), edges + len(model.output))
            everything = "\n".join(lines)
            for group in run_json("inspect", model_path(name + "-a"))["groups"]:
                self.assertRegex(everything, rf":g{group['id']}\b")

    def test_a_drawing_that_cannot_be_written(self):
        done = run("inspect", model_path("mlp-a"), "--dot", self.path("no/g.dot"))
        self.assertEqual(done.returncode, 5)
        self.assertIn("no/g.dot", done.stderr)
        self.assertFalse(os.path.exists(self.path("no")))


if __name__ == "__main__":
    unittest.main(verbosity=2)
