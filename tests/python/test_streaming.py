"""Data that are larger than what stays in memory: the same figures from every format, little memory, and whatever is
wrong with them found before anything is written."""
import gzip
import json
import os
import subprocess
import unittest

import numpy as np
from onnx import numpy_helper

from common import TOOL, ToolTest, model_path, outputs, run, samples, score

COUNT = 30000  # 94 MB as float32, 24 MB as bytes; 64 MiB may stay in memory
KEPT = 64 << 20


def idx(array):
    return bytes([0, 0, 8, array.ndim]) + b"".join(n.to_bytes(4, "big") for n in array.shape) + array.tobytes()


class Streaming(ToolTest):
    @classmethod
    def setUpClass(cls):
        images, labels = samples()
        pick = np.random.default_rng(3).integers(0, len(labels), COUNT)
        cls.bytes = np.round(images[pick, 0] * 255).astype(np.uint8)
        cls.bytes[:, 0, 0] = np.arange(COUNT) % 251  # no two batches are the same
        cls.labels = labels[pick]

    def save(self, name, kind):
        path = self.path(name)
        if kind == "npy":
            np.save(path, self.bytes)
        elif kind == "fortran":
            np.save(path, np.asfortranarray(self.bytes))
        elif kind == "gz":
            with gzip.open(path, "wb", compresslevel=1) as file:
                file.write(idx(self.bytes))
        elif kind == "idx":
            with open(path, "wb") as file:
                file.write(idx(self.bytes))
        else:
            os.mkdir(path)
            for i, part in enumerate(np.array_split(self.bytes, 7)):
                with open(os.path.join(path, f"input_{i}.pb"), "wb") as file:
                    file.write(numpy_helper.from_array(part).SerializeToString())
        return path

    def peak(self, *arguments):
        """The most memory in bytes that the tool has had, and what it printed."""
        done = subprocess.run(["/usr/bin/time", "-f", "%M", "-o", self.path("peak"), TOOL, *map(str, arguments), "--json",
                               "--threads", "1"], capture_output=True, text=True, timeout=600)
        self.assertEqual(done.returncode, 0, done.stderr)
        with open(self.path("peak")) as file:
            return int(file.read()) << 10, json.loads(done.stdout)

    def test_every_format_gives_the_same_figures_in_little_memory(self):
        np.save(self.path("l.npy"), self.labels)
        a, b = model_path("mlp-a"), model_path("mlp-b")
        small, _ = self.peak(a, b, "-o", self.path("m.onnx"), "--method", "none")
        found = {}
        for kind in ["npy", "idx", "gz", "fortran", "pb"]:
            data = self.save(kind + ".data" + (".npy" if kind in ("npy", "fortran") else ""), kind)
            used, report = self.peak(a, b, "-o", self.path("m.onnx"), "--method", "none", "--data", data, "--labels",
                                     self.path("l.npy"))
            found[kind] = report["evaluation"]
            print(f"{kind}: {(used - small) >> 20} MB more than without data")
            # A chunk and a batch, what the kernel counts of a mapped file, of a folder one file: far below 94 MB.
            self.assertLess(used - small, 32 << 20)
            self.assertEqual(found[kind], found["npy"])
        loss, accuracy = score(outputs(a, self.bytes.astype(np.float32)[:, None] / 255)[0], self.labels)
        self.assertEqual(found["npy"]["samples"], COUNT)
        self.assertAlmostEqual(found["npy"]["models"][0]["loss"], loss, delta=1e-4)
        self.assertAlmostEqual(found["npy"]["models"][0]["accuracy"], accuracy, delta=1e-4)

    def test_activations_do_not_need_the_data_in_memory(self):
        data = self.save("x.npy", "npy")
        a, b = model_path("mlp-a"), model_path("mlp-b")
        small, _ = self.peak(a, b, "-o", self.path("m.onnx"), "--method", "none")
        used, _ = self.peak(a, b, "-o", self.path("m.onnx"), "-m", "activations", "--data", data)
        print(f"{(used - small) >> 20} MB more than without data")
        self.assertLess(used - small, 32 << 20)

    def test_what_is_wrong_at_the_end_is_found_before_anything_is_written(self):
        a, b = model_path("mlp-a"), model_path("mlp-b")
        floats = np.ones((KEPT // 3136 + 1000, 784), np.float32)
        floats[-1, -2] = np.nan
        np.save(self.path("nan.npy"), floats)
        packed = gzip.compress(idx(self.bytes), 1)
        with open(self.path("short.gz"), "wb") as file:
            file.write(packed[:-9])
        with open(self.path("flipped.gz"), "wb") as file:
            file.write(packed[:-6] + bytes([packed[-6] ^ 1]) + packed[-5:])
        with open(self.path("long.gz"), "wb") as file:
            file.write(gzip.compress(idx(self.bytes) + b"\0", 1))
        for name, words in [("nan.npy", f"element [{len(floats) - 1}, 782] is NaN"), ("short.gz", "cut off"),
                            ("flipped.gz", "damaged"), ("long.gz", "goes on behind")]:
            for options in [["--method", "activations"], []]:
                with self.subTest(name):
                    done = run(a, b, "-o", self.path("m.onnx"), "--data", self.path(name), *options)
                    self.assertEqual(done.returncode, 3, done.stderr)
                    self.assertIn(name, done.stderr)
                    self.assertIn(words, done.stderr)
                    self.assertFalse(os.path.exists(self.path("m.onnx")))


if __name__ == "__main__":
    unittest.main(verbosity=2)
