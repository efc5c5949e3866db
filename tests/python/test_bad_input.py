"""Bad input: the right exit status, a message that names the file and says what to do, no output, inputs untouched."""
import hashlib
import os
import shutil
import subprocess
import unittest

import numpy as np
import onnx
from onnx import helper, numpy_helper

import variants
from common import TOOL, ToolTest, model_path, run


def digest(folder):
    found = {}
    for name in sorted(os.listdir(folder)):
        path = os.path.join(folder, name)
        if os.path.isfile(path):
            with open(path, "rb") as file:
                found[name] = hashlib.sha256(file.read()).hexdigest()
    return found


class BadInput(ToolTest):
    def setUp(self):
        super().setUp()
        self.good = self.path("good.onnx")
        shutil.copy(model_path("mlp-a"), self.good)
        self.bad = self.path("bad.onnx")
        self.out = self.path("out.onnx")

    def refuse(self, status, *words, arguments=None, out=None):
        """The tool must end with this status, say these words, and leave the folder as it is."""
        before = digest(self.folder)
        arguments = arguments or [self.good, self.bad, "-o", out or self.out]
        done = run(*arguments)
        self.assertEqual(done.returncode, status, done.stderr)
        self.assertEqual(done.stdout, "")
        lines = done.stderr.strip().splitlines()
        self.assertEqual(len(lines), 1, done.stderr)
        for word in words:
            self.assertIn(word, lines[0])
        self.assertEqual(digest(self.folder), before)
        return lines[0]

    def test_truncated_file(self):
        with open(self.good, "rb") as file:
            content = file.read()
        for share in [0.01, 0.3, 0.6, 0.99]:
            with open(self.bad, "wb") as file:
                file.write(content[:int(len(content) * share)])
            self.refuse(3, "bad.onnx")
            self.refuse(3, "bad.onnx", arguments=[self.bad, self.good, "-o", self.out])

    def test_empty_file(self):
        open(self.bad, "wb").close()
        self.refuse(3, "bad.onnx", "empty")

    def test_not_a_protobuf(self):
        with open(self.bad, "w") as file:
            file.write("This is not a model.\n" * 50)
        self.refuse(3, "bad.onnx")

    def test_missing_file_and_folder_as_file(self):
        self.refuse(3, "bad.onnx")
        os.mkdir(self.bad)
        self.refuse(3, "bad.onnx")

    def test_wrong_architecture_names_both_nodes(self):
        shutil.copy(model_path("cnn-a"), self.bad)
        message = self.refuse(4, "good.onnx", "bad.onnx")
        self.assertEqual(message.count("node '"), 2)

    def test_another_width_names_the_weights(self):
        model = onnx.load(self.good)
        for tensor in model.graph.initializer:
            array = numpy_helper.to_array(tensor)
            array = np.concatenate([array] + [array] * (1 if array.shape == (128,) else 0))
            tensor.CopyFrom(numpy_helper.from_array(array, tensor.name))
        onnx.save(model, self.bad)
        self.refuse(4, "good.onnx", "bad.onnx", "shapes differ")

    def test_an_extra_layer(self):
        model = onnx.load(self.good)
        node = next(node for node in model.graph.node if node.op_type == "Relu")
        index = list(model.graph.node).index(node)
        model.graph.node.insert(index, helper.make_node("Tanh", [node.input[0]], ["extra"], name="extra_layer"))
        model.graph.node[index + 1].input[0] = "extra"
        onnx.save(model, self.bad)
        self.refuse(4, "extra_layer", "Tanh", "Relu")

    def external(self):
        variants.save_external(onnx.load(self.good), self.bad, "bad.data")

    def test_missing_external_file(self):
        self.external()
        os.remove(self.path("bad.data"))
        self.refuse(3, "bad.onnx", "bad.data")

    def test_truncated_external_file(self):
        self.external()
        os.truncate(self.path("bad.data"), 1000)
        self.refuse(3, "bad.onnx", "bad.data")

    def test_path_outside_the_folder(self):
        os.mkdir(self.path("in"))
        self.external()
        inside = self.path("in/bad.onnx")
        model = onnx.load(self.bad, load_external_data=False)
        for location in ["../bad.data", self.path("bad.data"), "link.data", "deeper/../../bad.data"]:
            for tensor in model.graph.initializer:
                for entry in tensor.external_data:
                    if entry.key == "location":
                        entry.value = location
            with open(inside, "wb") as file:
                file.write(model.SerializeToString())
            if location == "link.data":
                os.symlink(self.path("bad.data"), self.path("in/link.data"))
            self.refuse(3, "bad.onnx", arguments=[self.good, inside, "-o", self.out])

    def test_shape_and_payload_disagree(self):
        model = onnx.load(self.good)
        model.graph.initializer[0].raw_data = model.graph.initializer[0].raw_data[:-4]
        onnx.save(model, self.bad)
        self.refuse(3, "bad.onnx", model.graph.initializer[0].name)

    def test_hostile_shapes(self):
        for dims in [[-1, 784], [2**62, 2**62], [2**63 - 1], [0, 2**62]]:
            model = onnx.load(self.good)
            del model.graph.initializer[0].dims[:]
            model.graph.initializer[0].dims.extend(dims)
            with open(self.bad, "wb") as file:
                file.write(model.SerializeToString())
            self.refuse(3, "bad.onnx", model.graph.initializer[0].name)

    def test_nan_weights(self):
        for value, word in [(np.nan, "NaN"), (np.inf, "infinity")]:
            model = onnx.load(self.good)
            array = numpy_helper.to_array(model.graph.initializer[1]).copy()
            array.flat[7] = value
            model.graph.initializer[1].CopyFrom(numpy_helper.from_array(array, model.graph.initializer[1].name))
            onnx.save(model, self.bad)
            self.refuse(3, "bad.onnx", model.graph.initializer[1].name, word)
            self.refuse(3, "bad.onnx", word, arguments=[self.bad, self.good, "-o", self.out])

    def test_unwritable_output(self):
        shutil.copy(model_path("mlp-b"), self.bad)
        self.refuse(5, "nowhere", out=self.path("nowhere/out.onnx"))
        os.mkdir(self.path("folder.onnx"))
        self.refuse(5, "folder.onnx", out=self.path("folder.onnx"))
        self.refuse(5, "/proc", out="/proc/out.onnx")

    def test_full_disk(self):
        """A file size limit stands for a full disk: the write fails half-way."""
        shutil.copy(model_path("mlp-b"), self.bad)
        before = digest(self.folder)
        done = subprocess.run(["bash", "-c", f"ulimit -f 100; exec {TOOL} {self.good} {self.bad} -o {self.out}"],
                              capture_output=True, text=True)
        self.assertEqual(done.returncode, 5, done.stderr)
        self.assertIn("out.onnx", done.stderr)
        self.assertEqual(digest(self.folder), before)

    def test_output_equal_to_an_input(self):
        shutil.copy(model_path("mlp-b"), self.bad)
        os.symlink(self.good, self.path("link.onnx"))
        os.link(self.bad, self.path("hard.onnx"))
        for out in [self.good, self.bad, self.path("./good.onnx"), self.path("link.onnx"), self.path("hard.onnx")]:
            self.refuse(5, "input", out=out)
        self.refuse(5, arguments=["permute", self.good, "--random", "-o", self.good])
        self.refuse(5, "--save-permutation", arguments=[self.good, self.bad, "-o", self.out, "--save-permutation", self.good])

    def test_permutations_that_do_not_fit(self):
        shutil.copy(model_path("mlp-b"), self.bad)
        file = self.path("p.json")
        run(self.good, self.bad, "-o", self.out, "--save-permutation", file)
        os.remove(self.out)
        with open(file) as handle:
            text = handle.read()
        for change in [text[:-20], text.replace("onnx-align-permutation", "other"), text.replace('"size": 128', '"size": 127'),
                       "[]", "", text.replace("127", "126"), text.replace(":0", ":5")]:
            with open(file, "w") as handle:
                handle.write(change)
            self.refuse(3, "p.json", arguments=["permute", self.bad, "-o", self.out, "--permutation", file])
        with open(file, "w") as handle:
            handle.write(text)
        self.refuse(3, "p.json", arguments=["permute", model_path("cnn-a"), "-o", self.out, "--permutation", file])

    def test_data_that_does_not_fit(self):
        shutil.copy(model_path("mlp-b"), self.bad)
        data, labels = self.path("x.npy"), self.path("y.npy")
        arguments = [self.good, self.bad, "-o", self.out, "--data", data, "--labels", labels]
        images = np.zeros((10, 1, 28, 28), np.float32)
        np.save(labels, np.zeros(10, np.int64))
        for array, word in [(images[:, :, :20], "x.npy"), (images[:0], "x.npy"), (np.full_like(images, np.nan), "NaN")]:
            np.save(data, array)
            self.refuse(3, "x.npy", word, arguments=arguments)
        np.save(data, images)
        for array, word in [(np.zeros(9, np.int64), "9 labels"), (np.full(10, 10), "label 10"),
                            (np.full(10, -1), "y.npy"), (np.full(10, 0.5), "y.npy")]:
            np.save(labels, array)
            self.refuse(3, word, arguments=arguments)

    def test_wrong_usage(self):
        shutil.copy(model_path("mlp-b"), self.bad)
        for arguments in [[], [self.good], [self.good, self.bad], [self.good, self.bad, "-o"],
                          [self.good, self.bad, "-o", self.out, "--method", "magic"],
                          [self.good, self.bad, "-o", self.out, "--lambda", "2"],
                          [self.good, self.bad, "-o", self.out, "--weights", "1"],
                          [self.good, self.bad, "-o", self.out, "--weights", "1,-1"],
                          [self.good, self.bad, "-o", self.out, "--seed", "x"],
                          [self.good, self.bad, "-o", self.out, "--threads", "0"],
                          [self.good, self.bad, "-o", self.out, "--unknown"],
                          ["permute", self.good, "-o", self.out], ["verify", self.good], ["inspect"],
                          ["verify", self.good, self.bad, "-o", self.out]]:
            with self.subTest(arguments=arguments):
                self.refuse(2, arguments=arguments or ["--json"])


class Verdicts(ToolTest):
    def test_verify_tells_equal_from_different(self):
        run("permute", model_path("mlp-a"), "-o", self.path("p.onnx"), "--random")
        self.assertEqual(run("verify", model_path("mlp-a"), self.path("p.onnx")).returncode, 0)
        done = run("verify", model_path("mlp-a"), model_path("mlp-b"))
        self.assertEqual(done.returncode, 1)
        self.assertIn("different", done.stdout)

    def test_verify_sees_one_changed_weight(self):
        model = onnx.load(model_path("mlp-a"))
        array = numpy_helper.to_array(model.graph.initializer[-1]).copy()
        array.flat[0] += 0.1
        model.graph.initializer[-1].CopyFrom(numpy_helper.from_array(array, model.graph.initializer[-1].name))
        onnx.save(model, self.path("c.onnx"))
        self.assertEqual(run("verify", model_path("mlp-a"), self.path("c.onnx")).returncode, 1)

    def test_failed_verification_writes_nothing(self):
        done = run(model_path("mlp-a"), model_path("mlp-b"), "-o", self.path("o.onnx"), "--tolerance", "0")
        self.assertEqual(done.returncode, 1)
        self.assertIn("verification failed", done.stderr)
        self.assertEqual(os.listdir(self.folder), [])

    def test_models_that_cannot_be_run_are_refused_unless_told(self):
        model = onnx.load(model_path("mlp-a"))
        node = model.graph.node[-1]
        model.graph.node.append(helper.make_node("Unheard", ["inner"], [node.output[0]], domain="made.up", name="odd"))
        node.output[0] = "inner"
        model.opset_import.append(helper.make_opsetid("made.up", 1))
        with open(self.path("u.onnx"), "wb") as file:
            file.write(model.SerializeToString())
        done = run("permute", self.path("u.onnx"), "-o", self.path("o.onnx"), "--random")
        self.assertEqual(done.returncode, 3)
        self.assertIn("Unheard", done.stderr)
        self.assertIn("--no-verify", done.stderr)
        self.assertFalse(os.path.exists(self.path("o.onnx")))
        self.assertEqual(run("permute", self.path("u.onnx"), "-o", self.path("o.onnx"), "--random", "--no-verify").returncode,
                         0)
        self.assertTrue(os.path.exists(self.path("o.onnx")))


if __name__ == "__main__":
    unittest.main(verbosity=2)
