#!/usr/bin/env python3
"""Regenerates docs/auto.md: what matching without labels is worth, and whether auto takes the best way.

    docs/experiments/auto.py FOLDER [--pairs N] [--stage labels|choice|table]

FOLDER is that of results.py, with its families. Labels: compare-methods on the first 16 test pairs, matched on so many
training images, with and without their labels. Choice: merges the first N test pairs (default 8) of each family by each way
that auto tries, and by auto, on 500 training images without labels, and judges half way on 1000 test images. What is in
FOLDER/auto.jsonl already is not measured again. Some twenty minutes on two cores. Seed 0 everywhere.
"""
import argparse
import collections
import json
import os
import statistics
import subprocess
import tempfile

from results import COMPARE, ROOT, TOOL, entries, note

FAMILIES = {"mlp": "flat", "mlp-full": "flat", "mlp-res": "flat", "cnn": "images", "cnn-wide": "images", "resnet": "images",
            "vgg-bn": "images", "vit": "images", "lstm": "images"}
CHOICE = {**FAMILIES, "disjoint": "flat"}  # each of the last knows one half of the classes
FEW, COUNTS = ("mlp", "mlp-full", "cnn", "lstm"), (50, 200, 1000, 4000)
WAYS = ("activations", "deep-align", "deep-align+sinkhorn", "deep-align+weights")
FEW_WAYS = [("activations", False), ("deep-align", False), ("deep-align+sinkhorn", True), ("deep-align+sinkhorn", False)]
STEPS, SAMPLES, JUDGED, FEW_PAIRS = 100, 500, 1000, 16


class Experiment:
    def __init__(self, options):
        self.folder, self.pairs = os.path.abspath(options.folder), options.pairs
        self.results = os.path.join(self.folder, "auto.jsonl")
        self.done = {tuple(entry["key"]): entry["found"] for entry in entries(self.results)}

    def data(self, family, part):
        stem = os.path.join(self.folder, CHOICE[family], part)
        return stem + "-images.npy", stem + "-labels.npy"

    def once(self, key, measure):
        if key not in self.done:
            note(" ".join(map(str, key)))
            self.done[key] = measure()
            with open(self.results, "a") as file:
                file.write(json.dumps({"key": key, "found": self.done[key]}) + "\n")

    # ---- With and without labels ----

    def compared(self, family, way, has_labels, count):
        test, train = self.data(family, "test"), self.data(family, "train")
        command = [COMPARE, os.path.join(self.folder, family, "test"), "-m", way, "--pairs", str(FEW_PAIRS), "--side-by-side",
                   "--threads", str(len(os.sched_getaffinity(0))), "--data", test[0], "--labels", test[1], "--match-data",
                   train[0], *(["--match-labels", train[1]] if has_labels else []), "--match-samples", str(count),
                   "--samples", str(JUDGED), *(["--iterations", str(STEPS)] if "sinkhorn" in way else [])]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        return json.loads(done.stdout)["barrier"]["mean"]

    def labels(self):
        for family in FEW:
            for way, has_labels in FEW_WAYS:
                for count in COUNTS if way != "deep-align" else COUNTS[:1]:
                    self.once(("labels", family, way, has_labels, count),
                              lambda w=way, h=has_labels, c=count, f=family: self.compared(f, w, h, c))

    # ---- What auto takes ----

    def tool(self, *arguments):
        done = subprocess.run([TOOL, *map(str, arguments), "--json"], check=True, capture_output=True, text=True)
        return json.loads(done.stdout)

    def merged(self, family, pair, way):
        """Loss half way, and the way that was taken."""
        test = os.path.join(self.folder, family, "test")
        a, b = [os.path.join(test, name) for name in sorted(os.listdir(test))[2 * pair:2 * pair + 2]]
        judge = self.data(family, "test")
        with tempfile.TemporaryDirectory() as made:
            x, m = os.path.join(made, "x.npy"), os.path.join(made, "m.onnx")
            first(self.data(family, "train")[0], SAMPLES, x)
            files = [os.path.join(made, name) for name in ("tx.npy", "ty.npy")]
            for path, file in zip(judge, files):
                first(path, JUDGED, file)
            steps = ["--iterations", STEPS] if "sinkhorn" in way else []
            report = self.tool(a, b, "-o", m, "--data", x, "-m", way, *steps)
            line = self.tool("curve", m, m, "-m", "none", "--points", 2, "--data", files[0], "--labels", files[1])
        return line["naive"]["loss"][0], report["method"]

    def choice(self):
        for family in CHOICE:
            for pair in range(self.pairs):
                for way in (*WAYS, "auto"):
                    self.once(("choice", family, pair, way), lambda f=family, p=pair, w=way: self.merged(f, p, w))

    # ---- The page ----

    def table(self):
        with open(os.path.join(ROOT, "docs/experiments/auto-head.md")) as file:
            text = file.read()
        text += ("\n## With labels and without\n\nBarrier, mean over 16 pairs.\n\n| family | images | "
                 + " | ".join(f"{way}{', labels' if has else ''}" for way, has in FEW_WAYS) + " |\n|---|---|" + "---|" * len(FEW_WAYS)
                 + "\n")
        for family in FEW:
            for count in COUNTS:
                cells = [self.done.get(("labels", family, way, has, count if way != "deep-align" else COUNTS[0]))
                         for way, has in FEW_WAYS]
                if all(cell is not None for cell in cells):
                    text += f"| {family} | {count} | " + " | ".join(f"{cell:.4f}" for cell in cells) + " |\n"
        text += (f"\n## What auto takes\n\nLoss half way on {JUDGED} test images, mean over {self.pairs} pairs; matched on {SAMPLES} "
                 "others without labels. *best*: of the four ways, pair by pair, by the test images.\n\n| family | "
                 + " | ".join(WAYS) + " | auto | best | auto took |\n|---|" + "---|" * (len(WAYS) + 3) + "\n")
        for family in CHOICE:
            rows = [[self.done.get(("choice", family, pair, way)) for way in (*WAYS, "auto")] for pair in range(self.pairs)]
            if not all(all(row) for row in rows):
                continue
            losses = [[loss for loss, _ in row] for row in rows]
            means = [statistics.mean(column) for column in zip(*losses)]
            best = statistics.mean(min(row[:len(WAYS)]) for row in losses)
            taken = collections.Counter(row[-1][1] for row in rows)
            text += (f"| {family} | " + " | ".join(f"{mean:.4f}" for mean in (*means, best)) + " | "
                     + ", ".join(f"{way} {count}" for way, count in taken.most_common()) + " |\n")
        with open(os.path.join(ROOT, "docs/auto.md"), "w") as file:
            file.write(text)


def first(path, count, target):
    """The first samples of an .npy file of version 1, as another one."""
    with open(path, "rb") as file:
        start = file.read(10)
        header = file.read(int.from_bytes(start[8:10], "little")).decode("latin1")
        shape = header[header.index("(") + 1:header.index(")")]
        sizes = [int(size) for size in shape.split(",") if size.strip()]
        kind = header[header.index("descr") + 8:][:5].strip(" ',")
        each = int(kind[2:])
        for size in sizes[1:]:
            each *= size
        new = header.replace(f"({shape})", "(" + ", ".join(map(str, [min(count, sizes[0]), *sizes[1:]])) + ",)")
        new = new.rstrip("\n ").ljust((len(header) - 1)) + "\n"
        with open(target, "wb") as out:
            out.write(start[:8] + len(new).to_bytes(2, "little") + new.encode("latin1") + file.read(count * each))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--pairs", type=int, default=8)
    parser.add_argument("--stage", choices=["labels", "choice", "table"])
    options = parser.parse_args()
    experiment = Experiment(options)
    for stage in [options.stage] if options.stage else ["labels", "choice", "table"]:
        getattr(experiment, stage)()


if __name__ == "__main__":
    main()
