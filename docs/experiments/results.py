#!/usr/bin/env python3
"""Regenerates docs/results.md: families, aligners, comparisons, tables.

    docs/experiments/results.py FOLDER [--quick] [--seeds N] [--stage families|train|compare|table] [--row ROW ...]

FOLDER takes the networks, the aligners and results.jsonl. Whatever is there already is not made again, so that an
interrupted run goes on; training goes on from its checkpoint. Everything together takes hours on two cores; --quick does
a sixteenth of the networks, a fiftieth of the steps and two pairs a row in minutes, to see that all of it works (its
tables go to FOLDER/results.md). Needs the tools of ./demo.sh and nothing else.
"""
import argparse
import concurrent.futures
import json
import math
import os
import statistics
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TOOL = os.path.join(ROOT, "build/release/onnx-align")
COMPARE = os.path.join(ROOT, "build/release/tools/compare-methods")

# What aligners are trained on: source, steps. A source is a folder, with its data, or a list of families.
FLAT = ("flat/train-images.npy", "flat/train-labels.npy")
IMAGES = ("images/train-images.npy", "images/train-labels.npy")
UNIVERSAL = [("mlp", FLAT, 3), ("mlp-narrow", FLAT, 1), ("mlp-deep", FLAT, 2), ("mlp-gelu", FLAT, 1), ("mlp-long", FLAT, 1),
             ("disjoint", FLAT, 1), ("cnn", IMAGES, 4), ("cnn-short", IMAGES, 1), ("cnn-bn", IMAGES, 1),
             ("cnn-long", IMAGES, 1), ("vgg", IMAGES, 2), ("vgg-narrow", IMAGES, 1), ("resnet", IMAGES, 2),
             ("vit", IMAGES, 2), ("lstm", IMAGES, 2), ("sine", ("line/points.npy",), 2), ("image", ("square/points.npy",), 2)]
CONSECUTIVE = {"disjoint", "sine", "image"}
ALIGNERS = {
    "universal": (UNIVERSAL, 4500, []),
    "mlp": ([("mlp", FLAT, 1)], 800, []),
    "mlp-full": ([("mlp-full", FLAT, 1)], 800, []),
    "cnn": ([("cnn", IMAGES, 1)], 2500, []),
    "resnet": ([("resnet", IMAGES, 1)], 1500, []),
    "vit": ([("vit", IMAGES, 1)], 1500, []),
    "lstm": ([("lstm", IMAGES, 1)], 1500, []),
    "sine": ([("sine", ("line/points.npy",), 1)], 3000, []),
    "image": ([("image", ("square/points.npy",), 1)], 3000, []),
    "disjoint": ([("disjoint", FLAT, 1)], 600, []),
    "dws": ([("mlp", FLAT, 1)], 400, ["--encoder", "dws"]),
}

# Folder of networks, title, aligner of the family, data to judge and to match on.
ROWS = [
    ("mlp", "MLP 784-128-128-128-10", "mlp", "flat"),
    ("mlp-full", "The same MLP, trained for ten epochs", "mlp-full", "flat"),
    ("cnn", "CNN: 3x3 convolutions 8-16-16 with pooling, dense 32", "cnn", "images"),
    ("resnet", "Residual CNN with batch norm: 9 convolutions, 8-16 channels", "resnet", "images"),
    ("vit", "Transformer: 16 patches, stream of 32 units, two blocks of 4 heads and 64 units", "vit", "images"),
    ("lstm", "LSTM: two layers of 32 units over the rows of the image", "lstm", "images"),
    ("sine", "INRs of sine waves, 1-32-32-1", "sine", None),
    ("image", "INRs of images, 2-32-32-32-1", "image", None),
    ("disjoint", "Disjoint classes: MLPs that saw 95 % of one half of the classes, 5 % of the other", "disjoint", "flat"),
    ("cnn-rotated", "Out of distribution: CNNs of rotated images (aligner of the family: trained on upright ones)", "cnn",
     "rotated-images"),
    ("mlp-deeper", "Unseen width and depth: MLP 784-96-96-96-96-96-10", None, "flat"),
    ("cnn-wide", "Unseen width: CNN 16-32-32, dense 64", None, "images"),
    ("mlp-res", "Unseen kind: MLP 784-96-96-96-96-10 with residual layers", None, "flat"),
    ("vgg-bn", "Unseen kind: VGG 8-16, two convolutions with batch norm a stage, dense 32", None, "images"),
]
# Methods that optimise for seconds get fewer pairs, and a hundred steps do where networks are slow to run.
PAIRS, SLOW_PAIRS = 64, 16
SLOW_NETWORKS = {"vgg-bn", "cnn-wide"}
SPREAD = {"resnet"}  # all pairs, however slow: these differ from one another by more than methods do
CONVERGENCE, STEPS = ("mlp", "cnn"), (10, 20, 50, 100, 200, 500, 1000)
STARTS = [("nothing", "sinkhorn"), ("weights", "weights+sinkhorn"),
          ("deep-align (universal)", "deep-align:universal-1+sinkhorn")]
SHORT = 100  # steps of Sinkhorn behind an aligner: a tenth of those of Sinkhorn alone
TAUGHT = " without labels"  # at the end of a method: Sinkhorn follows what the two networks say themselves


def note(text):
    print(text, file=sys.stderr, flush=True)


def run(command, **more):
    note("$ " + " ".join(command))
    return subprocess.run(command, check=True, **more)


def entries(path):
    """The lines of a file of results, oldest first; none where there is no file yet."""
    if os.path.exists(path):
        with open(path) as file:
            yield from map(json.loads, file)


class Experiment:
    def __init__(self, options):
        self.folder, self.quick, self.seeds = os.path.abspath(options.folder), options.quick, options.seeds
        self.rows = [row for row in ROWS if not options.row or row[0] in options.row]
        self.results = os.path.join(self.folder, "results.jsonl")

    def families(self):
        run([os.path.join(ROOT, "models/families.sh"), *(["--quick"] if self.quick else []), self.folder])

    def aligner(self, name, seed):
        return os.path.join(self.folder, "aligners", f"{name}-{seed}.onnx")

    def train(self):
        """As many trainings at a time as there are processors, each on one: what comes out does not depend on it."""
        os.makedirs(os.path.join(self.folder, "aligners"), exist_ok=True)
        commands = []
        for seed in range(1, self.seeds + 1):
            for name, (sources, steps, more) in ALIGNERS.items():
                path = os.path.join(self.folder, f"train-{name}.json")
                families = [{"models": [f"{family}/train"], "data": data[0], "weight": weight,
                             "pairs": "consecutive" if family in CONSECUTIVE else "any",
                             **({"labels": data[1]} if len(data) > 1 else {})} for family, data, weight in sources]
                with open(path, "w") as file:
                    json.dump(families, file, indent=1)
                made = self.aligner(name, seed)
                if not os.path.exists(made):
                    commands.append([TOOL, "train", "--families", path, "-o", made, "--steps",
                                     str(steps // 50 if self.quick else steps), "--rate", "2e-3", "--seed", str(seed),
                                     "--threads", "1", "--checkpoint", made + ".checkpoint", "--losses", made[:-5] + ".csv",
                                     *more])
        with concurrent.futures.ThreadPoolExecutor(len(os.sched_getaffinity(0))) as pool:
            for _ in pool.map(run, commands):
                pass

    def done(self):
        """Results by folder, method, steps and pairs, and under pairs 0 those of the most pairs."""
        found = {}
        for entry in entries(self.results):
            taught = "" if entry.get("match_labels", True) or "sinkhorn" not in entry["method"] else TAUGHT
            key = (os.path.basename(os.path.dirname(entry["folder"])), short(entry["method"]) + taught, entry["iterations"])
            found[(*key, entry["pairs"])] = entry
            if entry["pairs"] >= found.get((*key, 0), entry)["pairs"]:
                found[(*key, 0)] = entry
        return found

    def methods(self, folder, family, data):
        """Method for compare-methods, steps (0: its own), pairs, and when: what is fast or matters most comes first."""
        steep = SLOW_PAIRS if data and data != "flat" and folder not in SPREAD else PAIRS
        behind = SLOW_PAIRS if folder in SLOW_NETWORKS else PAIRS
        late = 3 if folder in {"cnn-wide", "vgg-bn", *SPREAD} else 0
        made = [("naive", 0, PAIRS, 0), ("weights", 0, PAIRS, 0), ("activations", 0, PAIRS, 0), ("sinkhorn", 0, steep, 1),
                ("weights+sinkhorn", 0, steep, 3 + late), ("ste", 0, steep, 3 + late)]
        for seed in range(1, self.seeds + 1):
            for name in ["universal", family] + (["dws"] if family == "mlp" else []):
                aligner = f"deep-align:{self.aligner(name, seed)}"
                if name and os.path.exists(self.aligner(name, seed)):
                    made += [(aligner, 0, PAIRS, 0), (f"{aligner}+sinkhorn", SHORT, behind, 1 if seed == 1 else 4 + late)]
                    if name in ("universal", family) and data:
                        made += [(f"{aligner}+sinkhorn{TAUGHT}", SHORT, behind, (2 if name == "universal" else 6) + seed)]
                        made += [(f"{aligner}+sinkhorn{TAUGHT}", 0, steep, 9)] if seed == 1 else []
                    if name in ("universal", family):
                        made += [(f"{aligner}+sinkhorn", 0, steep, (2 if name == "universal" else 8) if seed == 1 else 9)]
                    if name == "universal" and seed == 1:
                        made += [(f"{aligner}+weights", 0, PAIRS, 0)]
        return made

    def compare(self):
        done = self.done()
        for row in [row for row in self.rows if not os.path.isdir(os.path.join(self.folder, row[0], "test"))]:
            note(f"{row[0]}: no networks, left out")
            self.rows.remove(row)
        work = [(turn, folder, data, method, steps, pairs, 0) for folder, _, family, data in self.rows
                for method, steps, pairs, turn in self.methods(folder, family, data)]
        work += [(2, row[0], row[3], method.replace("universal-1", self.aligner("universal", 1)), steps, SLOW_PAIRS, SLOW_PAIRS)
                 for row in self.rows if row[0] in CONVERGENCE for _, method in STARTS for steps in STEPS]
        for _, folder, data, method, steps, pairs, exactly in sorted(work, key=lambda item: item[0]):
            pairs, exactly = (2, 2 if exactly else 0) if self.quick else (pairs, exactly)
            pairs = min(pairs, len(os.listdir(os.path.join(self.folder, folder, "test"))) // 2)
            entry = done.get((folder, short(method), steps, exactly))
            if not entry or entry["pairs"] < pairs:
                self.measure(folder, data, method, steps, pairs)

    def measure(self, folder, data, method, steps, pairs):
        path = os.path.join(self.folder, folder, "test")
        taught = method.endswith(TAUGHT)
        command = [COMPARE, path, "-m", method.removesuffix(TAUGHT), "--pairs", str(pairs), "--side-by-side", "--results", self.results,
                   "--threads", str(len(os.sched_getaffinity(0)))]
        command += ["--iterations", str(steps)] if steps else []
        command += ["--samples", "1000"] if data != "flat" else []
        command += ["--match-samples", "10000"] if folder == "mlp-full" else []  # fewer are learned by heart
        for option, part in [("", "test"), ("match-", "train")]:
            if data:
                command += [f"--{option}data", f"{self.folder}/{data}/{part}-images.npy"]
                command += [] if taught and option else [f"--{option}labels", f"{self.folder}/{data}/{part}-labels.npy"]
        run(command, stdout=subprocess.DEVNULL)

    # ---- Tables ----

    def table(self):
        done = self.done()
        path = os.path.join(self.folder if self.quick else os.path.join(ROOT, "docs"), "results.md")
        head = os.path.join(ROOT, "docs/experiments/results-head.md")
        with open(head) as file:
            text = file.read()
        for folder, title, family, _ in ROWS:
            text += self.row(done, folder, title, family)
        text += self.convergence(done, os.path.dirname(path))
        with open(path, "w") as file:
            file.write(text)
        note(f"written: {path}")
        with open(os.path.join(os.path.dirname(path), "" if self.quick else "experiments", "results-table.jsonl"), "w") as file:
            for (folder, method, _, pairs), entry in sorted(done.items()):
                if pairs:
                    file.write(json.dumps({**entry, "folder": f"{folder}/test", "method": method}) + "\n")

    def row(self, done, folder, title, family):
        lines = []
        naive = done.get((folder, "naive", 0, 0))
        if not naive:
            return ""
        for label, method, steps in table_methods(family):
            names = [method.replace("SEED", str(seed)) for seed in range(1, self.seeds + 1)] if "SEED" in method else [method]
            entries = [done[folder, name, steps, 0] for name in names if (folder, name, steps, 0) in done]
            if entries:
                lines.append(table_line(label, entries, naive))
        accuracy = ("; accuracy of the ends {:.1f} %".format(100 * naive["end_accuracy"]["mean"])
                    if naive["end_accuracy"] else "")
        return (f"\n## {title}\n\nMean loss of the ends {number(naive['end_loss']['mean'])}{accuracy}.\n\n"
                "| method | barrier | AUC | of naive | half way: loss, accuracy | s a pair | pairs x aligners |\n"
                "|---|---|---|---|---|---|---|\n" + "\n".join(lines) + "\n")

    def convergence(self, done, folder_of_pages):
        pairs = 2 if self.quick else SLOW_PAIRS
        text = (f"\n## How fast Sinkhorn gets there\n\nBarrier after so many steps, {pairs} pairs.\n\n"
                f"| family | start | {' | '.join(map(str, STEPS))} |\n|---|---|{'---|' * len(STEPS)}\n")
        panels = []
        for folder, title, _, _ in [row for row in ROWS if row[0] in CONVERGENCE]:
            lines = []
            for label, method in STARTS:
                cells = [done.get((folder, method, steps, pairs)) for steps in STEPS]
                if all(cells):
                    barriers = [cell["barrier"]["mean"] for cell in cells]
                    lines.append((label, barriers))
                    text += f"| {folder} | {label} | " + " | ".join(map(number, barriers)) + " |\n"
            if lines:
                panels.append((title.split(":")[0], lines))
        if not panels:
            return ""
        with open(os.path.join(folder_of_pages, "convergence.svg"), "w") as file:
            file.write(picture(panels))
        return text + "\n![Barrier against steps](convergence.svg)\n"


def picture(panels):
    """Barrier against steps: a panel a family, a line a start; dashes where Sinkhorn alone ends."""
    width, height, left, top, wide, high = 780, 300, 50, 40, 320, 200
    colours = ["#777777", "#c77d1e", "#1f5fa8"]
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" '
           f'font-size="12"><rect width="{width}" height="{height}" fill="white"/>']
    for k, (title, lines) in enumerate(panels):
        x0, top_value = left + k * (wide + 60), max(max(values) for _, values in lines) * 1.05

        def x(steps):
            return x0 + wide * math.log(steps / STEPS[0]) / math.log(STEPS[-1] / STEPS[0])

        def y(value):
            return top + high * (1 - value / top_value)

        out.append(f'<text x="{x0}" y="{top - 18}" font-weight="bold">{title}</text>')
        for steps in STEPS:
            out.append(f'<text x="{x(steps):.1f}" y="{top + high + 18}" text-anchor="middle">{steps}</text>')
        for i in range(5):
            value = top_value * i / 4
            out.append(f'<line x1="{x0}" x2="{x0 + wide}" y1="{y(value):.1f}" y2="{y(value):.1f}" stroke="#dddddd"/>'
                       f'<text x="{x0 - 6}" y="{y(value) + 4:.1f}" text-anchor="end">{value:.2f}</text>')
        end = y(lines[0][1][-1])
        out.append(f'<line x1="{x0}" x2="{x0 + wide}" y1="{end:.1f}" y2="{end:.1f}" stroke="{colours[0]}" '
                   'stroke-dasharray="4 4"/>')
        for colour, (label, values) in zip(colours, lines):
            points = " ".join(f"{x(steps):.1f},{y(value):.1f}" for steps, value in zip(STEPS, values))
            out.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="2"/>')
    for i, (colour, (label, _)) in enumerate(zip(colours, panels[0][1])):
        at = left + i * 230
        out.append(f'<line x1="{at}" x2="{at + 24}" y1="{height - 16}" y2="{height - 16}" stroke="{colour}" '
                   f'stroke-width="2"/><text x="{at + 30}" y="{height - 12}">started from {label}</text>')
    return "\n".join(out) + "\n</svg>\n"


def short(method):
    """deep-align:/a/b/mlp-1.onnx+sinkhorn as deep-align:mlp-1+sinkhorn."""
    parts = method.split(":", 1)
    if len(parts) == 1:
        return method
    path, _, rest = parts[1].partition("+")
    name = os.path.basename(path)
    return parts[0] + ":" + (name[:-5] if name.endswith(".onnx") else name) + ("+" + rest if rest else "")


def table_methods(family):
    yield from [("naive", "naive", 0), ("weight matching", "weights", 0), ("activation matching", "activations", 0),
                ("Sinkhorn, 1000 steps", "sinkhorn", 0), ("weights + Sinkhorn, 1000 steps", "weights+sinkhorn", 0),
                ("STE, 500 steps", "ste", 0)]
    kinds = ([("this family", family)] if family else []) + [("universal", "universal")]
    kinds += [("DWS", "dws")] if family == "mlp" else []
    for label, name in kinds:
        yield f"deep-align ({label})", f"deep-align:{name}-SEED", 0
    yield "deep-align (universal) + weights", "deep-align:universal-SEED+weights", 0
    for label, name in kinds:
        yield f"deep-align ({label}) + Sinkhorn, {SHORT} steps", f"deep-align:{name}-SEED+sinkhorn", SHORT
        yield f"the same{TAUGHT}", f"deep-align:{name}-SEED+sinkhorn{TAUGHT}", SHORT
    for label, name in [kind for kind in kinds if kind[1] != "dws"]:
        yield f"deep-align ({label}) + Sinkhorn, 1000 steps", f"deep-align:{name}-SEED+sinkhorn", 0
        yield f"the same{TAUGHT}", f"deep-align:{name}-SEED+sinkhorn{TAUGHT}", 0


def number(value):
    return f"{value:.2g}" if abs(value) < 0.001 else f"{value:.4f}"


def table_line(label, entries, naive):
    def mean(key):
        return statistics.mean(entry[key]["mean"] for entry in entries)

    def text(key):
        if len(entries) > 1:
            return f"{number(mean(key))} ± {number(statistics.stdev(entry[key]['mean'] for entry in entries))}"
        return number(mean(key))

    half = number(mean("middle_loss")) + (f", {100 * mean('middle_accuracy'):.1f} %" if entries[0]["middle_accuracy"] else "")
    share = mean("barrier") / naive["barrier"]["mean"] if naive["barrier"]["mean"] > 0 else 0
    seconds = mean("seconds")
    return (f"| {label} | {text('barrier')} | {text('auc')} | {100 * share:.1f} % | {half} | "
            f"{seconds:.4f} | {entries[0]['pairs']}{' x %d' % len(entries) if len(entries) > 1 else ''} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--stage", choices=["families", "train", "compare", "table"])
    parser.add_argument("--row", action="append", help="only this row of the tables; may be repeated")
    options = parser.parse_args()
    if options.quick:
        options.seeds = min(options.seeds, 1)
    experiment = Experiment(options)
    for stage in [options.stage] if options.stage else ["families", "train", "compare", "table"]:
        getattr(experiment, stage)()


if __name__ == "__main__":
    main()
