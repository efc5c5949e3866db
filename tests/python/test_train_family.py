"""train-family: the networks load and compute elsewhere, have learned, and depend on nothing but seed and number."""
import os
import subprocess
import unittest

import numpy as np
import onnx

from common import TOOL, ToolTest, outputs, run_json, score

TRAINER = os.path.join(os.path.dirname(TOOL), "tools", "train-family")


def train(*arguments):
    return subprocess.run([TRAINER, *map(str, arguments)], capture_output=True, text=True, timeout=600)


def contents(folder):
    found = {}
    for name in sorted(os.listdir(folder)):
        with open(os.path.join(folder, name), "rb") as file:
            found[name] = file.read()
    return found


class TrainFamily(ToolTest):
    def trained(self, folder, *arguments):
        done = train(*arguments, "-o", self.path(folder))
        self.assertEqual(done.returncode, 0, done.stderr)
        return self.path(folder)

    def test_networks_are_valid_and_have_learned(self):
        # Chance is right in one of ten.
        for architecture in ["mlp:784-32-32-10", "mlp-gelu:784-32-10", "mlp-tanh:784-32-10", "mlp-res:784-32-32-32-10",
                             "cnn:4-8/16", "cnn-bn:4-8/16", "vgg-bn:4-8/16", "resnet:4-8"]:
            with self.subTest(architecture):
                folder = self.trained(architecture.replace("/", "-"), architecture, "--count", 1, "--steps", 160 if "res" in architecture else 80, "--rate", 5e-3,
                                      "--seed", 3, "--write-data", "--samples", 10)
                path = os.path.join(folder, "00000.onnx")
                onnx.checker.check_model(path, full_check=True)
                images, labels = (np.load(os.path.join(folder, f"test-{what}.npy")) for what in ["images", "labels"])
                self.assertEqual((len(images), images.dtype, labels.dtype), (10000, np.float32, np.int64))
                loss, accuracy = score(outputs(path, images[:1000])[0], labels[:1000])
                self.assertGreater(accuracy, 0.4)
                self.assertLess(loss, np.log(10) - 0.5)
                properties = {entry.key: entry.value for entry in onnx.load(path).metadata_props}
                self.assertEqual(properties, {"architecture": architecture, "task": "fashion", "seed": "3", "number": "0",
                                              "view": "0"})
                groups = run_json("inspect", path)["groups"]
                self.assertTrue(groups)

    def test_statistics_are_those_of_the_signals(self):
        """With running statistics, the normalised signals of the data trained on are near mean 0 and variance 1."""
        folder = self.trained("n", "cnn-bn:6-8/16", "--count", 1, "--steps", 200, "--rate", 3e-3, "--write-data")
        model = onnx.load(os.path.join(folder, "00000.onnx"))
        images = np.load(os.path.join(folder, "train-images.npy"))[:1000]
        node = next(node for node in model.graph.node if node.op_type == "BatchNormalization")
        found = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
        model.graph.output.append(onnx.helper.make_tensor_value_info(node.output[0], onnx.TensorProto.FLOAT, None))
        signal = outputs(model, images)[1]
        scale, shift = found[node.input[1]][:, None], found[node.input[2]][:, None]
        normal = (signal.transpose(1, 0, 2, 3).reshape(len(scale), -1) - shift) / scale
        # The weights moved while the averages were taken (over about 10 steps, at a falling rate), and a batch of 64 has
        # means that vary by about a tenth of the spread.
        np.testing.assert_allclose(normal.mean(1), 0, atol=0.15)
        np.testing.assert_allclose(normal.var(1), 1, atol=0.25)

    def test_signals_get_two_networks_each(self):
        folder = self.trained("s", "inr:1-16-16-1", "--task", "sine", "--count", 2, "--steps", 1500, "--write-data")
        self.assertEqual(sorted(os.listdir(folder)),
                         ["00000-0.onnx", "00000-1.onnx", "00001-0.onnx", "00001-1.onnx", "points.npy"])
        points = np.load(os.path.join(folder, "points.npy"))
        frequencies = []
        for name in sorted(os.listdir(folder))[:4]:
            path = os.path.join(folder, name)
            properties = {entry.key: entry.value for entry in onnx.load(path).metadata_props}
            frequencies.append(float(properties["frequency"]))
            error = ((outputs(path, points)[0] - np.sin(frequencies[-1] * points)) ** 2).mean()
            self.assertLess(error, 0.1, name)  # 0.5 is what a constant reaches
        self.assertEqual(frequencies[0], frequencies[1])
        self.assertNotEqual(frequencies[1], frequencies[2])
        self.assertTrue(all(0.5 <= frequency < 10 for frequency in frequencies))
        views = [contents(folder)[f"00000-{view}.onnx"] for view in [0, 1]]
        self.assertNotEqual(*views)

    def test_images_are_learned_from_coordinates(self):
        folder = self.trained("i", "inr:2-24-24-1/8", "--task", "image", "--count", 1, "--steps", 400, "--write-data")
        points = np.load(os.path.join(folder, "points.npy"))
        self.assertEqual(points.shape, (784, 2))
        first, second = (outputs(os.path.join(folder, f"00000-{view}.onnx"), points)[0] for view in [0, 1])
        self.assertGreater(np.corrcoef(first[:, 0], second[:, 0])[0, 1], 0.8)

    def test_same_seed_and_number_give_the_same_bytes_on_any_number_of_threads(self):
        options = ["cnn-bn:4-8/16", "--steps", 5, "--seed", 9]
        together = contents(self.trained("a", *options, "--count", 3, "--threads", 1))
        spread = contents(self.trained("b", *options, "--count", 3, "--threads", 3))
        last = contents(self.trained("c", *options, "--count", 1, "--first", 2))
        other = contents(self.trained("d", "cnn-bn:4-8/16", "--steps", 5, "--seed", 10, "--count", 3))
        self.assertEqual(together, spread)
        self.assertEqual(last, {"00002.onnx": together["00002.onnx"]})
        self.assertEqual(len(set(together.values()) | set(other.values())), 6)

    def test_files_that_are_there_are_left_alone(self):
        folder = self.trained("a", "mlp:784-8-10", "--count", 3, "--steps", 5)
        before = contents(folder)
        os.remove(os.path.join(folder, "00001.onnx"))
        kept = os.path.join(folder, "00002.onnx")
        stamp = os.stat(kept).st_mtime_ns
        self.trained("a", "mlp:784-8-10", "--count", 3, "--steps", 5)
        self.assertEqual(contents(folder), before)
        self.assertEqual(os.stat(kept).st_mtime_ns, stamp)

    def test_tasks_differ_in_what_they_show(self):
        """A network that saw mostly one half of the classes knows that half better."""
        rights = {}
        for task in ["disjoint-a", "disjoint-b"]:
            folder = self.trained(task, "mlp:784-32-10", "--task", task, "--count", 1, "--steps", 150, "--write-data",
                                  "--samples", 1)
            images, labels = (np.load(os.path.join(folder, f"test-{what}.npy")) for what in ["images", "labels"])
            right = outputs(os.path.join(folder, "00000.onnx"), images)[0].argmax(1) == labels
            rights[task] = right[labels < 5].mean() - right[labels >= 5].mean()
        self.assertGreater(rights["disjoint-a"], 0.1)
        self.assertLess(rights["disjoint-b"], -0.1)
        turned = self.trained("r", "mlp:784-8-10", "--task", "rotated", "--count", 0, "--write-data", "--samples", 1)
        turned = np.load(os.path.join(turned, "test-images.npy")).reshape(-1, 28, 28)
        upright = images.reshape(-1, 28, 28)
        self.assertGreater(np.abs(turned - upright).mean(), 0.1)
        # Turning keeps the center, and the mean brightness but for what leaves the frame.
        self.assertLess(np.abs(turned[:, 13:15, 13:15].mean((1, 2)) - upright[:, 13:15, 13:15].mean((1, 2))).mean(), 0.2)

    def test_wrong_usage_is_refused(self):
        for arguments in [["mlp:784-10"], ["mlp:784-10", "-o", self.path("x")], ["mlp:", "-o", "x", "--count", 1],
                          ["mlp:784--10", "-o", "x", "--count", 1], ["mlp:784-0-10", "-o", "x", "--count", 1],
                          ["mlp:784-10/3", "-o", "x", "--count", 1], ["cnn:8-16", "-o", "x", "--count", 1],
                          ["cnn:1-1-1-1-1/3", "-o", "x", "--count", 1], ["gru:3", "-o", "x", "--count", 1],
                          ["vit:32-64/5", "-o", "x", "--count", 1], ["vit:32/4", "-o", "x", "--count", 1],
                          ["lstm:32/2", "-o", "x", "--count", 1],
                          ["mlp:784-10", "--task", "music", "-o", "x", "--count", 1], ["-o", "x", "--count", 1],
                          ["mlp:784-10", "mlp:784-10", "-o", "x", "--count", 1], ["mlp:784-10", "--rate", "-1"],
                          ["mlp:784-10", "--count", "x"], ["mlp:784-10", "--steps"],
                          ["mlp:5-10", "-o", self.path("x"), "--count", 1],
                          ["inr:1-8-1", "-o", self.path("x"), "--count", 1]]:
            with self.subTest(arguments):
                done = train(*arguments)
                self.assertEqual(done.returncode, 2, done.stderr)
                self.assertTrue(done.stderr.startswith("train-family: "))
        done = train("mlp:784-10", "-o", self.path("x"), "--count", 1, "--data", self.folder)
        self.assertEqual(done.returncode, 3)
        self.assertIn("train-images-idx3-ubyte.gz", done.stderr)
        done = train("mlp:784-8-10", "-o", self.path("no/where"), "--count", 1)
        self.assertEqual(done.returncode, 5)


if __name__ == "__main__":
    unittest.main(verbosity=2)
