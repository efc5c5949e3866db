#!/usr/bin/python3
"""Regenerates docs/merges.md: pairs of trained models, merged by every method, with and without repair.

    docs/experiments/merges.py FOLDER [--quick] [--pair NAME ...] [--stage pairs|merge|table|check]

FOLDER takes the pairs that are not in models/ (pairs.py trains them: minutes each on one processor), the aligned models
and merges.jsonl. Whatever is there already is not made again, so that an interrupted run goes on. Everything together
takes hours on two cores; --quick trains a fiftieth, judges on a tenth and searches with a few steps, in minutes, to see
that all of it works (its page goes to FOLDER/merges.md). The stage check, which build/venv/bin/python of ./test.sh runs,
computes losses and accuracies of merged models again with ONNX Runtime and NumPy. Needs what pairs.py needs.
"""
import argparse
import collections
import json
import os
import subprocess

from results import ROOT, TAUGHT, entries, note, run

TOOL = os.environ.get("ONNX_ALIGN", os.path.join(ROOT, "build/release/onnx-align"))
TEST_IMAGES = [f"/usr/share/datasets/fashion-mnist/t10k-{kind}-ubyte.gz" for kind in ("images-idx3", "labels-idx1")]
DEMO_IMAGES = [os.path.join(ROOT, f"models/fashion-test-{kind}-1000.idx.gz") for kind in ("images", "labels")]
TRAINED = ["mlp", "cnn", "resnet"]  # these are in models/

Pair = collections.namedtuple("Pair", "title text is_language methods")
# Methods as onnx-align names them, and where they search: how many steps, of which size.
ROWS = ["none", "weights", "activations", "deep-align"]
SEARCHES = ["deep-align+sinkhorn, 100 steps", "deep-align+sinkhorn without labels, 100 steps", "activations+ste, 100 steps"]
VIT_SEARCHES = ["deep-align+sinkhorn, 300 steps", "deep-align+sinkhorn, 1000 steps",
                "deep-align+sinkhorn without labels, 1000 steps", "activations+ste, 300 steps",
                "activations+ste, 500 steps of 0.05", "activations+ste, 500 steps of 0.1"]
GPT_SEARCHES = ["deep-align+sinkhorn, 300 steps", "deep-align+sinkhorn, 1000 steps", "activations+ste, 300 steps of 0.05",
                "activations+ste, 500 steps of 0.1"]
KINDS = ["plain", "repaired"]
SHARES = [0.25, 0.5, 0.75]  # of A
PAIRS = {
    "mlp": Pair("MLP 784-128-128-128-10", """
Every alignment leaves little to repair. Without batch norm repair rescales the layers themselves; that takes the average
without alignment from 46 % to 75 %.""", False, ROWS + SEARCHES),
    "cnn": Pair("CNN: 3 convolutions with batch norm, 2 dense layers", """
Alignment keeps most, and recomputed batch norm statistics give back two thirds of the rest: aligned by weights alone and
repaired, the merge is one point below its parents.""", False, ROWS + SEARCHES),
    "resnet": Pair("Residual CNN with batch norm: 9 convolutions, 48-64-128 channels", """
Repaired, each aligned merge is within 2.2 points of accuracy of its parents, and those aligned by
activations within 1.2. Repair alone, without alignment, is no substitute.""", False, ROWS + SEARCHES),
    "wide": Pair("The same, twice as wide: 96-128-256 channels", """
Trained by the same recipe. Wider networks have more units to choose from and merge better: aligned by weights alone,
without data, and repaired, the merge is within a point of its parents. Repair makes even the average without alignment one
that can be used.""", False, ROWS + SEARCHES),
    "vit": Pair("Vision Transformer: 16 patches, stream of 64, 4 blocks", """
Transformers trained apart do not merge as convolutional networks do. All blocks write to one stream, whose order counts in
every layer, and the distance of the weights says little about it: by weights there is hardly a gain, by activations and
repair more, and only a search on the loss (`ste`, `sinkhorn`) brings the average near. It is still 7 points of accuracy
below its parents: worse than either of them, a start for training on. More steps helped both, larger ones `ste`; `sinkhorn`
is soon there (42 s for its 1000 steps on a quiet machine). Repair helps while alignment is bad, and harms the best one.""", False, ROWS + VIT_SEARCHES),
    "gpt": Pair("Language model: 64 characters of context, stream of 96, 3 blocks", """
Accuracy is that of the next character. No merge of these independent models is of use: the search on the loss gets from 9 %
to 42 %, where the parents tell 64 %; longer ones were not tried. Repair makes every average here worse in loss.""", True, ROWS + GPT_SEARCHES),
    "gpt-kin": Pair("The same, with a tenth of the training in common", "", True, ROWS),
}


def tool(*arguments):
    """Runs onnx-align; its JSON, or the message of what does not work."""
    command = [TOOL, *map(str, arguments), "--json"]
    note("$ " + " ".join(command))
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout)


def file_name(method):
    return method.replace(", ", "-").replace(" ", "-")


def barrier_and_area(shares, losses):
    """As onnx-align curve has it: the largest rise above the straight line between the ends, and its integral."""
    rise = [loss - (share * losses[-1] + (1 - share) * losses[0]) for share, loss in zip(shares, losses)]
    steps = zip(shares, shares[1:], rise, rise[1:])
    return max(0, *rise), max(0, sum((right - left) * (y + z) / 2 for left, right, y, z in steps))


class Experiment:
    def __init__(self, options):
        self.folder, self.quick = os.path.abspath(options.folder), options.quick
        self.wanted = options.pair or list(PAIRS)
        self.shares = [0.5] if options.half_way else SHARES
        self.results = os.path.join(self.folder, "merges.jsonl")
        os.makedirs(self.folder, exist_ok=True)

    def path(self, *parts):
        return os.path.join(self.folder, *parts)

    def model(self, pair, end):
        return os.path.join(ROOT, "models", f"{pair}-{end}.onnx") if pair in TRAINED else self.path(f"{pair}-{end}.onnx")

    def pairs(self):
        script = os.path.join(ROOT, "docs/experiments/pairs.py")
        if not os.path.exists(self.path("text-test.npy")):
            run([script, self.folder, "data"])
        for pair in self.wanted:
            for end in "ab":
                if not os.path.exists(self.model(pair, end)):
                    run([script, self.folder, f"{pair}-{end}", *(["--quick"] if self.quick else [])])

    # ---- Merging ----

    def data(self, pair, part):
        """Options that name samples: those to "match" on, for the "choice" between methods, or for the "test"."""
        stem = f"{'text' if PAIRS[pair].is_language else 'images'}-{part}"
        data, labels = self.path(f"{stem}.npy"), self.path(f"{stem}-labels.npy")
        if stem == "images-test":
            data, labels = DEMO_IMAGES if self.quick else TEST_IMAGES
        return ["--data", data, "--labels", labels]

    def done(self):
        return {(entry["pair"], entry["method"]): entry for entry in entries(self.results)}

    def keep(self, **entry):
        with open(self.results, "a") as file:
            file.write(json.dumps(entry) + "\n")

    def judge(self, pair, models, part="test"):
        """Loss and accuracy of models: two at a time, as the ends of a line."""
        found = []
        for k in range(0, len(models), 2):
            a, b = models[k], models[min(k + 1, len(models) - 1)]
            line = tool("curve", a, b, "-m", "none", "--points", 2, *self.data(pair, part))["naive"]
            found += list(zip(line["loss"], line["accuracy"]))[::-1][:len(models) - k]
        return found

    def merge(self):
        for pair in self.wanted:
            if (pair, "ends") not in self.done():
                self.keep(pair=pair, method="ends", scores=self.judge(pair, [self.model(pair, end) for end in "ab"]))
            for method in PAIRS[pair].methods:
                if not set(self.shares) <= set(self.done().get((pair, method), {"shares": []})["shares"]):
                    self.measure(pair, method)

    def aligned(self, pair, method):
        return self.path(f"{pair}-b-by-{file_name(method)}.onnx")

    def merged(self, pair, method, share, is_repaired):
        return self.path(f"{pair}-{file_name(method)}-{share}{'-repaired' if is_repaired else ''}.onnx")

    def align(self, pair, method):
        """B, reordered, and what the tool said; kept for further shares."""
        aligned, said = self.aligned(pair, method), self.aligned(pair, method) + ".json"
        chain, _, search = method.partition(", ")
        data = self.data(pair, "match")[:2 if chain.endswith(TAUGHT) else None]
        steps, _, rate = search.partition(" steps of ")
        options = ["--iterations", "3" if self.quick else steps.split()[0]] if search else []
        options += ["--learning-rate", rate] if rate else []
        if not os.path.exists(said):
            report = tool(self.model(pair, "a"), self.model(pair, "b"), "-o", aligned, "--emit", "aligned", "-m",
                          chain.removesuffix(TAUGHT), *data, *options)
            with open(said, "w") as file:
                json.dump(report, file)
        with open(said) as file:
            return aligned, json.load(file)

    def measure(self, pair, method):
        a, shares = self.model(pair, "a"), self.shares
        aligned, report = self.align(pair, method)
        models = {is_repaired: [self.merged(pair, method, share, is_repaired) for share in shares]
                  for is_repaired in (False, True)}
        for is_repaired in models:
            for share, path in zip(shares, models[is_repaired]):
                more = ["--repair", *self.data(pair, "match")[:2]] if is_repaired else []
                tool(a, aligned, "-o", path, "-m", "none", "--lambda", share, *more)
        scores = self.judge(pair, models[False] + models[True])
        middle = shares.index(0.5)
        choice = self.judge(pair, [models[is_repaired][middle] for is_repaired in models], "choice")
        self.keep(pair=pair, method=method, seconds=report["seconds"]["align"], distance=report["distance"], shares=shares,
                  plain=scores[:len(shares)], repaired=scores[len(shares):], choice=choice)

    # ---- The page ----

    def table(self):
        done = self.done()
        path = self.path("merges.md") if self.quick else os.path.join(ROOT, "docs/merges.md")
        with open(os.path.join(ROOT, "docs/experiments/merges-head.md")) as file:
            text = file.read()
        for pair in PAIRS:
            text += self.section(pair, done) if (pair, "ends") in done else ""
        with open(path, "w") as file:
            file.write(text)
        note(f"written: {path}")

    def section(self, pair, done):
        ends = done[pair, "ends"]["scores"]
        rows = [done[pair, method] for method in PAIRS[pair].methods if (pair, method) in done]
        found = {(row["method"], kind): loss for row in rows for kind, (loss, _) in zip(KINDS, row["choice"])}
        best = min(found, key=found.get) if found else (None, None)
        lines = [f"| {label} | {loss:.3f}, {100 * accuracy:.2f} % | | | | | | |"
                 for label, (loss, accuracy) in zip(["A", "B"], ends)]
        lines += [self.line(row, ends, best[1] if row["method"] == best[0] else None) for row in rows]
        coarse = ("" if all(len(row["shares"]) > 1 for row in rows) else
                  "\n\nWhere AUC is half of the barrier, the line was measured half way and at its ends only.")
        return (f"\n## {PAIRS[pair].title}\n\n{PAIRS[pair].text.strip()}{coarse}\n\n"
                "| | loss, accuracy | barrier | AUC | repaired: loss, accuracy | barrier | AUC | s |\n"
                "|---|---|---|---|---|---|---|---|\n" + "\n".join(lines) + "\n")

    def line(self, row, ends, best):
        cells = ["average as they are" if row["method"] == "none" else row["method"]]
        for kind in KINDS:
            loss, accuracy = row[kind][row["shares"].index(0.5)]
            losses = [ends[1][0], *[loss for loss, _ in row[kind]], ends[0][0]]
            barrier, area = barrier_and_area([0, *row["shares"], 1], losses)
            score = f"{loss:.3f}, {100 * accuracy:.2f} %"
            cells += [f"**{score}**" if kind == best else score, f"{barrier:.3f}", f"{area:.3f}"]
        return "| " + " | ".join([*cells, f"{row['seconds']:.1f}"]) + " |"

    # ---- The same figures, found in another way ----

    def check(self):
        import check_merges  # needs ONNX Runtime, which the rest does not
        done = self.done()
        for pair in [pair for pair in self.wanted if (pair, "ends") in done]:
            data = self.data(pair, "test")
            samples = check_merges.read(data[1], data[3])
            cells = [(self.model(pair, end), score) for end, score in zip("ab", done[pair, "ends"]["scores"])]
            for method in [method for method in PAIRS[pair].methods if (pair, method) in done]:
                row = done[pair, method]
                middle = row["shares"].index(0.5)
                cells += [(self.merged(pair, method, 0.5, kind == "repaired"), row[kind][middle])
                          for kind in KINDS]
            check_merges.compare(cells, samples)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--stage", choices=["pairs", "merge", "table", "check"])
    parser.add_argument("--half-way", action="store_true", help="half way between the ends only: a third of the time")
    parser.add_argument("--pair", action="append", choices=PAIRS, help="only this pair; may be repeated")
    options = parser.parse_args()
    experiment = Experiment(options)
    for stage in [options.stage] if options.stage else ["pairs", "merge", "table"]:
        getattr(experiment, stage)()


if __name__ == "__main__":
    main()
