#!/usr/bin/env python3
"""Regenerates docs/ablation.md: what parts of the learned aligner and of its training are worth.

    docs/experiments/ablation.py FOLDER [--quick]

FOLDER is that of results.py, with its families mlp, cnn and sine. Trains an aligner for each variant and family and measures
the barrier on 32 pairs that none has seen. What is in FOLDER/ablation already is not made again. About a quarter of an hour
on two cores; --quick: a fiftieth of the steps, two pairs, and the table goes to FOLDER/ablation.md.
"""
import argparse
import concurrent.futures
import json
import os
import subprocess

import results

FAMILIES = [("mlp", results.FLAT, 500), ("cnn", results.IMAGES, 1000), ("sine", ("line/points.npy",), 2000)]
VARIANTS = [("as it is", []), ("another seed", ["--seed", "2"]), ("copies count fully", ["--factors", "1,0.5,1"]),
            ("no copies", ["--factors", "0,0.5,1"]), ("distance alone", ["--factors", "0,1,0"]),
            ("task alone", ["--factors", "0,0,1"]), ("no refinement", ["--refinements", "0"]),
            ("two refinements", ["--refinements", "2"]), ("two rounds", ["--rounds", "2"]), ("four rounds", ["--rounds", "4"])]
HEAD = """# What the parts are worth

Barrier on 32 pairs of test networks (see [results.md](results.md) for what these are), one aligner a cell, by
`docs/experiments/ablation.py`. MLPs: {0} steps, CNNs: {1}, sine waves: {2}, all at rate 2e-3. The same with another seed
shows how far chance goes. What the losses are is in [training.md](training.md), the rest in [deep-align.md](deep-align.md).

| variant | options of `train` | MLP | CNN | sine INR |
|---|---|---|---|---|
"""


class Ablation:
    def __init__(self, options):
        self.folder, self.quick = os.path.abspath(options.folder), options.quick
        self.made = os.path.join(self.folder, "ablation")
        os.makedirs(self.made, exist_ok=True)

    def barrier(self, item):
        (name, data, steps), (_, more) = item
        stem = os.path.join(self.made, name + "".join(more).replace("--", "-").replace(",", "_"))
        found = stem + (".quick.json" if self.quick else ".json")
        if not os.path.exists(found):
            steps = steps // 50 if self.quick else steps
            with open(stem + ".families.json", "w") as file:
                json.dump([{"models": [f"../{name}/train"], "data": f"../{data[0]}",
                            **({"labels": f"../{data[1]}"} if len(data) > 1 else {}),
                            "pairs": "consecutive" if name in results.CONSECUTIVE else "any"}], file)
            results.run([results.TOOL, "train", "--families", stem + ".families.json", "-o", stem + ".onnx", "--steps",
                         str(steps), "--rate", "2e-3", "--threads", "1", "-q", *more])
            command = [results.COMPARE, os.path.join(self.folder, name, "test"), "-m", f"deep-align:{stem}.onnx", "--pairs",
                       "2" if self.quick else "32", "--threads", "1", "--samples", "1000"]
            if len(data) > 1:
                for option, path in zip(["--data", "--labels"], data):
                    command += [option, os.path.join(self.folder, path.replace("train", "test"))]
            with open(found + ".part", "w") as file:
                results.run(command, stdout=file)
            os.replace(found + ".part", found)
        with open(found) as file:
            return json.load(file)["barrier"]["mean"]

    def table(self):
        items = [(family, variant) for variant in VARIANTS for family in FAMILIES]
        with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
            barriers = iter(list(pool.map(self.barrier, items)))
        text = HEAD.format(*[steps // 50 if self.quick else steps for _, _, steps in FAMILIES])
        for label, more in VARIANTS:
            cells = [results.number(next(barriers)) for _ in FAMILIES]
            text += f"| {label} | {' '.join(more)} | {' | '.join(cells)} |\n"
        path = os.path.join(self.folder if self.quick else os.path.join(results.ROOT, "docs"), "ablation.md")
        with open(path, "w") as file:
            file.write(text)
        results.note(f"written: {path}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--quick", action="store_true")
    try:
        Ablation(parser.parse_args()).table()
    except subprocess.CalledProcessError as failed:
        raise SystemExit(f"failed: {' '.join(failed.cmd)}")


if __name__ == "__main__":
    main()
