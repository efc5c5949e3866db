"""The verdict on a merge, worked out again with NumPy and ONNX Runtime, and the page that --report writes."""
import html.parser
import itertools
import os
import re
import shutil

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from common import DATA, LABELS, ToolTest, model_path, outputs, run, run_json, samples
from test_curve import sine_model

VOID = {"meta", "br", "hr", "img", "input", "link", "area", "base", "col", "embed", "source", "track", "wbr"}


class Page(html.parser.HTMLParser):
    """A page taken apart. Fails on tags that do not close where they should, and on what should not be there."""

    def __init__(self, path):
        super().__init__(convert_charrefs=True)
        self.open, self.tags, self.ids, self.codes, self.rows, self.text = [], [], {}, [], [], []
        self.attributes = []
        with open(path, encoding="utf-8", errors="strict") as file:
            self.source = file.read()
        self.feed(self.source)
        self.close()
        assert not self.open, f"left open: {self.open}"
        # Nothing from elsewhere, and nothing that runs.
        assert not re.search(r"https?:|//[a-z]|url\(|@import|javascript:|expression\(", self.style + " ".join(
            value or "" for _, _, value in self.attributes)), "refers to something outside"
        assert not {"script", "link", "iframe", "object", "embed", "img", "base", "form"} & set(self.tags)
        assert not [name for _, name, _ in self.attributes if name.startswith("on") or name in ("src", "href")]

    def handle_starttag(self, tag, attributes):
        self.tags.append(tag)
        self.attributes += [(tag, name, value) for name, value in attributes]
        names = dict(attributes)
        assert len(names) == len(attributes), "an attribute twice"
        if "id" in names:
            assert names["id"] not in self.ids, "an id twice"
            self.ids[names["id"]] = ""
        if tag == "svg":
            assert (names.get("role") == "img" and names.get("aria-label")) or names.get("aria-hidden") == "true"
        if tag not in VOID:
            self.open.append((tag, names.get("id")))
        if tag == "tr":
            self.rows.append([])
        if tag in ("td", "th"):
            self.rows[-1].append("")
        if tag == "code":
            self.codes.append("")

    def handle_startendtag(self, tag, attributes):
        self.handle_starttag(tag, attributes)
        if tag not in VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag):
        assert self.open and self.open[-1][0] == tag, f"</{tag}> closes {self.open[-1:]}"
        self.open.pop()

    def handle_data(self, data):
        inside = [tag for tag, _ in self.open]
        if "style" in inside:
            return
        self.text.append(data)
        for _, name in self.open:
            if name:
                self.ids[name] += data
        if "td" in inside or "th" in inside:
            self.rows[-1][-1] += data
        if "code" in inside:
            self.codes[-1] += data

    def handle_pi(self, data):
        raise AssertionError("a processing instruction")

    @property
    def style(self):
        return re.search(r"<style>(.*?)</style>", self.source, re.S).group(1)

    @property
    def words(self):
        return re.sub(r"\s+", " ", "".join(self.text))


def interval(differences):
    """Agresti and Min 2005 for a mean of numbers in [-1, 1]: half of a sample at each end and one at 0 are added."""
    n = len(differences) + 2
    centre = differences.sum() / n
    half = 1.959964 * np.sqrt((np.square(differences).sum() + 1) / n - centre**2) / np.sqrt(n)
    return centre - half, centre + half


class Verdict(ToolTest):
    def merge(self, a, b, *options):
        return run_json(a, b, "-o", self.path("m.onnx"), *options)

    def answers(self, a, b):
        images, labels = samples()
        run_json(a, b, "-o", self.path("naive.onnx"), "-m", "none")
        models = [a, b, self.path("naive.onnx"), self.path("m.onnx")]
        return [outputs(model, images)[0].argmax(axis=1) for model in models], labels

    def test_with_labels_it_is_what_the_runtime_finds(self):
        a, b = model_path("mlp-a"), model_path("mlp-b")
        for method in ["weights", "none"]:
            found = self.merge(a, b, "-m", method, "--data", DATA, "--labels", LABELS)
            verdict = found["verdict"]
            (x, y, naive, merged), labels = self.answers(a, b)
            right = [(answer == labels) for answer in (x, y, naive, merged)]
            best = max(right[:2], key=lambda hits: hits.mean())
            low, high = interval(best.astype(float) - right[3])
            self.assertEqual(verdict["basis"], "accuracy")
            self.assertEqual(verdict["samples"], 1000)
            # One answer in a thousand may be a tie that rounding decides.
            for key, value in [("merged", right[3].mean()), ("naive", right[2].mean()), ("reference", best.mean()),
                               ("behind", best.mean() - right[3].mean())]:
                self.assertAlmostEqual(verdict[key], value, delta=0.0011, msg=key)
            np.testing.assert_allclose(verdict["interval"], [low, high], atol=0.0015)
            self.assertEqual(verdict["limits"], {"good": 0.01, "usable": 0.05})
            self.assertEqual(verdict["rating"], "usable" if method == "weights" else "not usable")
            self.assertIn(f"{100 * verdict['merged']:.1f} % right", verdict["text"])
            self.assertEqual(verdict["merged"], found["evaluation"]["merged"]["accuracy"])

    def test_without_labels_it_is_how_often_models_agree(self):
        a, b = model_path("mlp-a"), model_path("mlp-b")
        verdict = self.merge(a, b, "-m", "weights", "--data", DATA)["verdict"]
        (x, y, naive, merged), _ = self.answers(a, b)
        self.assertEqual(verdict["basis"], "agreement")
        np.testing.assert_allclose(verdict["merged_with"], [(merged == x).mean(), (merged == y).mean()], atol=0.0011)
        np.testing.assert_allclose(verdict["naive_with"], [(naive == x).mean(), (naive == y).mean()], atol=0.0011)
        self.assertAlmostEqual(verdict["reference"], (x == y).mean(), delta=0.0011)
        behind = (x == y).astype(float) - 0.5 * ((merged == x).astype(float) + (merged == y))
        self.assertAlmostEqual(verdict["behind"], behind.mean(), delta=0.0011)
        np.testing.assert_allclose(verdict["interval"], interval(behind), atol=0.0015)

    def test_numbers_without_and_with_targets(self):
        a, b = self.path("a.onnx"), self.path("b.onnx")
        sine_model(a, 1.5, 1)
        sine_model(b, 1.5, 2)
        x = np.random.default_rng(4).uniform(-np.pi, np.pi, (257, 1)).astype(np.float32)
        y = np.sin(1.5 * x[:, 0])
        np.save(self.path("x.npy"), x)
        np.save(self.path("y.npy"), y)
        verdict = self.merge(a, b, "-m", "weights", "--data", self.path("x.npy"))["verdict"]
        run_json(a, b, "-o", self.path("naive.onnx"), "-m", "none")
        found = [outputs(model, x)[0][:, 0].astype(float)
                 for model in [a, b, self.path("naive.onnx"), self.path("m.onnx")]]
        variance = np.concatenate(found[:2]).var()
        away = [np.sqrt(np.square(found[3] - found[k]).mean() / variance) for k in (0, 1)]
        self.assertEqual(verdict["basis"], "difference")
        np.testing.assert_allclose(verdict["merged_with"], away, rtol=1e-3)
        np.testing.assert_allclose(verdict["reference"], np.sqrt(np.square(found[0] - found[1]).mean() / variance),
                                   rtol=1e-3)
        verdict = self.merge(a, b, "-m", "weights", "--data", self.path("x.npy"), "--labels", self.path("y.npy"),
                             "--loss", "mse")["verdict"]
        losses = [np.square(values - y) for values in found]
        best = min(losses[:2], key=np.mean)
        behind = (losses[3] - best) / y.var()
        self.assertEqual(verdict["basis"], "error")
        np.testing.assert_allclose(verdict["merged"], losses[3].mean(), rtol=1e-3)
        np.testing.assert_allclose(verdict["behind"], behind.mean(), rtol=1e-3)
        half = 1.959964 * behind.std(ddof=1) / np.sqrt(len(y))
        np.testing.assert_allclose(verdict["interval"], [behind.mean() - half, behind.mean() + half], rtol=1e-3)

    def test_none_without_samples_or_merge_or_an_executor(self):
        a, b = model_path("mlp-a"), model_path("mlp-b")
        self.assertIsNone(self.merge(a, b)["verdict"])
        self.assertIsNone(self.merge(a, b, "--emit", "aligned", "--data", DATA, "--labels", LABELS)["verdict"])
        model = onnx.load(a)
        last = model.graph.node[-1]
        model.graph.node.append(helper.make_node("Unheard", [last.output[0]], ["odd"], domain="com.example"))
        model.opset_import.append(helper.make_opsetid("com.example", 1))
        model.graph.output[0].name = "odd"
        onnx.save(model, self.path("odd.onnx"))
        done = run(self.path("odd.onnx"), self.path("odd.onnx"), "-o", self.path("m.onnx"), "-m", "weights", "--no-verify",
                   "--data", DATA)
        self.assertEqual(done.returncode, 0, done.stderr)
        self.assertIn("no verdict", done.stderr)
        self.assertNotIn("verdict:", done.stdout)

    def test_few_samples_do_not_tell(self):
        images, labels = samples()
        np.save(self.path("x.npy"), images[:30])
        np.save(self.path("y.npy"), labels[:30])
        verdict = self.merge(model_path("mlp-a"), model_path("mlp-b"), "--data", self.path("x.npy"), "--labels",
                             self.path("y.npy"), "-m", "weights")["verdict"]
        self.assertEqual((verdict["rating"], verdict["certain"]), ("unclear", False))
        self.assertTrue(verdict["text"].startswith("too few samples to tell"))
        np.save(self.path("y.npy"), np.roll(labels, 500)[:1000])
        np.save(self.path("x.npy"), images)
        verdict = self.merge(model_path("mlp-a"), model_path("mlp-b"), "--data", self.path("x.npy"), "--labels",
                             self.path("y.npy"), "-m", "weights")["verdict"]
        self.assertEqual(verdict["rating"], "unclear")
        self.assertIn("do the labels belong", verdict["text"])

    def test_is_the_last_line_of_the_text(self):
        done = run(model_path("mlp-a"), model_path("mlp-b"), "-o", self.path("m.onnx"), "-m", "weights", "--data", DATA,
                   "--labels", LABELS)
        expected = self.merge(model_path("mlp-a"), model_path("mlp-b"), "-m", "weights", "--data", DATA, "--labels", LABELS)
        self.assertEqual(done.stdout.splitlines()[-1], "verdict: " + expected["verdict"]["text"])


class Report(ToolTest):
    def report(self, *arguments):
        self.found = run_json(*arguments, "-o", self.path("m.onnx"), "--report", self.path("r.html"))
        return Page(self.path("r.html"))

    def test_figures_are_those_of_the_json(self):
        page = self.report(model_path("mlp-a"), model_path("mlp-b"), "--data", DATA, "--labels", LABELS)
        found = self.found
        self.assertEqual(page.ids["verdict"], found["verdict"]["text"])
        self.assertEqual(page.ids["distance-before"], f"{found['distance']['before']:.6g}")
        self.assertEqual(page.ids["distance-after"], f"{found['distance']['after']:.6g}")
        self.assertEqual(int(page.ids["units"]), found["units"])
        self.assertEqual(int(page.ids["moved"]), sum(group["moved"] for group in found["groups"]))
        self.assertEqual(page.ids["max-rel-diff"], f"{found['verified']['max_rel_diff']:.3g}")
        rows = {row[0]: row for row in page.rows if row}
        scores = found["evaluation"]
        for name, score in [("A", scores["models"][0]), ("B", scores["models"][1]), ("naive", scores["naive"]),
                            ("merged", scores["merged"])]:
            self.assertEqual(rows[name][2:], [f"{100 * score['accuracy']:.2f} %", f"{score['loss']:.4f}"])
        for group in found["groups"]:
            row = rows[str(group["id"])]
            self.assertEqual(int(row[3]), group["size"])
            self.assertEqual(int(row[4].split()[0]), group["moved"])
        for step in ["reading the models", "aligning", "verifying"]:
            self.assertRegex(rows[step][1], r"^\d+\.\d{3}$")
        self.assertIn(found["method"], rows["Method"][1])
        self.assertIn("chosen because its average has the least loss, of several ways", rows["Method"][1])
        self.assertIn('name="viewport"', page.source)
        self.assertIn("prefers-color-scheme:dark", page.style)
        self.assertEqual(page.tags.count("polyline"), 4)
        self.assertLess(len(page.source), 150000)
        self.assertLess(page.source.index("Is the merged model good?"), page.source.index("What was done"))

    def test_repair_is_told(self):
        """What was repaired, from how many samples, and what it was worth: the figures of the JSON."""
        page = self.report(model_path("cnn-a"), model_path("cnn-b"), "-m", "weights", "--data", DATA, "--labels", LABELS,
                           "--repair")
        report, repair = self.found, self.found["repair"]
        self.assertEqual(int(page.ids["repair-samples"]), repair["samples"])
        kinds = [layer["kind"] for layer in repair["layers"]]
        self.assertIn(f"{kinds.count('statistics')} batch normalisations, {len(kinds) - kinds.count('statistics')} other "
                      f"layers; {len(repair['left'])} layers stay", page.words)
        rows = {row[0]: row for row in page.rows if row}
        for name, label in (("unrepaired", "merged, not yet repaired"), ("merged", "merged")):
            self.assertEqual(rows[label][2], f"{100 * report['evaluation'][name]['accuracy']:.2f} %")
        self.assertIn("Aligned, averaged and repaired", page.words)

    def test_line_and_similarities_are_those_of_others(self):
        page = self.report(model_path("mlp-a"), model_path("mlp-b"), "-m", "weights", "--data", DATA, "--labels", LABELS,
                           "--points", "5")
        curve = run_json("curve", model_path("mlp-a"), model_path("mlp-b"), "-m", "weights", "--data", DATA, "--labels",
                         LABELS, "--points", "5", "--report", self.path("curve.html"))
        for kind in ["naive", "aligned"]:
            words = f"barrier {curve[kind]['barrier']:.4g}, area under the curve {curve[kind]['auc']:.4g}"
            self.assertIn(words, page.words)
            self.assertIn(words, Page(self.path("curve.html")).words)
        self.assertIn(f"{100 * curve['aligned']['accuracy'][2]:.1f} % right", Page(self.path("curve.html")).words)
        # The first group's units by all that belongs to them: rows of 1.weight, of 1.bias, columns of 3.weight.
        run_json(model_path("mlp-a"), model_path("mlp-b"), "-o", self.path("b2.onnx"), "--emit", "aligned", "-m", "weights")
        group = self.found["groups"][0]
        means = []
        for other in [model_path("mlp-b"), self.path("b2.onnx")]:
            both = []
            for path in [model_path("mlp-a"), other]:
                tensors = {t.name: numpy_helper.to_array(t).astype(float) for t in onnx.load(path).graph.initializer}
                rows = [np.moveaxis(tensors[axis["tensor"]], axis["axis"], 0).reshape(group["size"], -1)
                        for axis in group["axes"]]
                rows = np.concatenate(rows, axis=1)
                both.append(rows - rows.mean(axis=0))
            lengths = np.linalg.norm(both[0], axis=1) * np.linalg.norm(both[1], axis=1)
            means.append(((both[0] * both[1]).sum(axis=1) / lengths).mean())
        row = next(row for row in page.rows if row and row[0] == "0")
        self.assertEqual(row[5:], [f"{mean:.3f}" for mean in means])

    def test_stands_in_every_case(self):
        three = [model_path("mlp-a"), model_path("mlp-b"), model_path("mlp-a")]
        for case, arguments in {"no data": three[:2], "no labels": [*three[:2], "--data", DATA],
                                "three": [*three, "--data", DATA, "--labels", LABELS, "-m", "weights"],
                                "unverified": [*three[:2], "--no-verify"], "same": [three[0]] * 2,
                                "aligned": [*three[:2], "--emit", "aligned", "--data", DATA, "--labels", LABELS],
                                "naive": [*three[:2], "-m", "none", "--data", DATA, "--labels", LABELS]}.items():
            with self.subTest(case):
                page = self.report(*arguments)
                expected = {"no data": "Not judged", "no labels": "robably good", "unverified": "Not judged",
                            "same": "Not judged", "aligned": "Aligned, not merged", "naive": "Not usable"}
                self.assertIn(expected.get(case, "sable"), page.words)
                self.assertEqual("polyline" in page.tags, case in ("aligned", "naive"))

    def hostile_pair(self, name):
        paths = []
        for seed in (1, 2):
            rng = np.random.default_rng(seed)
            nodes = [helper.make_node("Gemm", ["x", name, name + "b"], ["h"]), helper.make_node("Relu", ["h"], ["r"]),
                     helper.make_node("Gemm", ["r", "w2"], ["y"])]
            ends = [helper.make_tensor_value_info("x", TensorProto.FLOAT, ["n", 5]),
                    helper.make_tensor_value_info("y", TensorProto.FLOAT, ["n", 3])]
            values = {name: rng.normal(size=(5, 8)), name + "b": rng.normal(size=8), "w2": rng.normal(size=(8, 3))}
            graph = helper.make_graph(nodes, "g", ends[:1], ends[1:], [
                numpy_helper.from_array(value.astype(np.float32), key) for key, value in values.items()])
            paths.append(self.path(f"{seed}.onnx"))
            onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), paths[-1])
        return paths

    def test_names_from_files_are_text(self):
        names = ["<script>alert(1)</script>", "\"><img src=x onerror=alert(1)>", "'><b>", "&lt;&amp;&#60;", "</code></td>",
                 "-->", "]]>", "a\u202eb\u0007\u0085c", "\u00e4\u20ac\U0001f40d", "x" * 100000, "<" * 500]
        for name in names:
            with self.subTest(name[:30]):
                a, b = self.hostile_pair(name)
                page = self.report(a, b, "-m", "weights")
                shown = re.sub("[\x00-\x1f\x7f-\x9f]", "\ufffd", name)
                if len(name) > 80:
                    shown = shown[:40] + " ... " + shown[-40:]
                self.assertIn(shown, page.codes)
                self.assertLess(len(page.source), 60000)
                self.assertNotIn("b", set(page.tags) - {"bdi"})

    def test_names_of_files_are_text(self):
        a, b = self.hostile_pair("w1")
        for name in [b"<script>alert(1)<", b"\"onload=\"x\">.onnx", b"\xff\xfe\xc3(\xed\xa0\x80.onnx", b"' --&amp;"]:
            with self.subTest(name):
                odd = os.path.join(os.fsencode(self.folder), name)
                shutil.copy(b, odd)
                done = run(a, os.fsdecode(odd), "-o", self.path("m.onnx"), "--report", self.path("r.html"), "-m", "weights",
                           "-q")
                self.assertEqual(done.returncode, 0, done.stderr)
                page = Page(self.path("r.html"))
                plain = re.sub(rb"<.*", b"", name)
                self.assertTrue(any(code.startswith("onnx-align ") for code in page.codes))
                self.assertIn(plain.decode(errors="replace")[-8:], page.words)

    def test_size_is_bounded(self):
        """A thousand groups of different sizes."""
        layers, paths = 1000, []
        for seed in (1, 2):
            rng = np.random.default_rng(seed)
            sizes = [4] + [2 + i % 7 for i in range(layers)] + [3]
            values, nodes = {}, []
            for i, (rows, columns) in enumerate(itertools.pairwise(sizes)):
                values[f"layer{i}.weight"] = rng.normal(0, rows**-0.5, (rows, columns))
                nodes += [helper.make_node("MatMul", [f"v{i}", f"layer{i}.weight"], [f"m{i}"]),
                          helper.make_node("Tanh", [f"m{i}"], [f"v{i + 1}"])]
            ends = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", size])
                    for name, size in [("v0", 4), (f"v{layers + 1}", 3)]]
            graph = helper.make_graph(nodes, "deep", ends[:1], ends[1:], [
                numpy_helper.from_array(value.astype(np.float32), key) for key, value in values.items()])
            paths.append(self.path(f"{seed}.onnx"))
            onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), paths[-1])
        page = self.report(*paths, "-m", "weights", "--starts", "1")
        self.assertEqual(len(self.found["groups"]), layers)
        self.assertLess(len(page.source), 200000)
        sizes = sorted((group["size"] for group in self.found["groups"]), reverse=True)
        self.assertIn(f"{layers - 60} smaller groups with {sum(sizes[60:])} units in all are left out", page.words)
        self.assertIn(f"{layers - 16} more are not", page.words)
        shown = [int(row[3]) for row in page.rows if len(row) == 7 and row[0].isdigit()]
        self.assertEqual(sorted(shown, reverse=True), sizes[:60])

    def test_whole_or_not_at_all(self):
        a, b = model_path("mlp-a"), model_path("mlp-b")
        os.mkdir(self.path("folder"))
        before = sorted(os.listdir(self.folder))
        for report, words in [("nowhere/r.html", "No such file"), ("folder", "is a folder"), ("m.onnx", "another name")]:
            with self.subTest(report):
                done = run(a, b, "-o", self.path("m.onnx"), "--report", self.path(report), "-m", "weights")
                self.assertEqual(done.returncode, 5, done.stderr)
                self.assertIn(words, done.stderr)
                self.assertEqual(sorted(os.listdir(self.folder)), before)
                self.assertEqual(done.stdout, "")
        shutil.copy(a, self.path("a.onnx"))
        done = run(self.path("a.onnx"), b, "-o", self.path("m.onnx"), "--report", self.path("a.onnx"), "-m", "weights")
        self.assertEqual(done.returncode, 5)
        with open(self.path("a.onnx"), "rb") as mine, open(a, "rb") as original:
            self.assertEqual(mine.read(), original.read())
        # The model cannot be written: no report on it, either.
        done = run(a, b, "-o", self.path("nowhere/m.onnx"), "--report", self.path("r.html"), "-m", "weights")
        self.assertEqual(done.returncode, 5)
        self.assertEqual(sorted(os.listdir(self.folder)), ["a.onnx", "folder"])
        done = run("curve", a, b, "--data", DATA, "--labels", LABELS, "--points", "2", "-m", "weights", "--svg",
                   self.path("c.svg"), "--report", self.path("folder"))
        self.assertEqual(done.returncode, 5)
        self.assertEqual(sorted(os.listdir(self.folder)), ["a.onnx", "folder"])
        self.assertEqual(run(a, b, "-o", self.path("m.onnx"), "--points", "5").returncode, 2)


if __name__ == "__main__":
    import unittest
    unittest.main(verbosity=2)
