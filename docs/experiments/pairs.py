#!/usr/bin/python3
"""Trains one of the pairs of docs/merges.md that are not in models/, and cuts the data that they are judged on.

    docs/experiments/pairs.py FOLDER data|wide-a|vit-b|gpt-a|gpt-kin-b|... [--quick]

wide      the residual network of models/ with twice as many channels, by the recipe of models/generate.py
vit       a Vision Transformer: 16 patches of 7 x 7 pixels, stream of 64, 4 blocks of 4 heads and 256 hidden units
gpt       a language model of characters: context 64, stream of 96, 3 blocks of 4 heads and 384 hidden units, queries, keys
          and values in one product and the embedding tied to the output, as in GPT-2
gpt-kin   the same, but a and b part only after a tenth of the training: no independent starts, for contrast

a and b differ in the seed of the initial weights and in that of the order of the samples. The text that the language model
reads is the source of Python's standard library as Debian installs it; of every 20 files one is held out. Needs torch and
numpy of Debian 12 and its dataset-fashion-mnist; whatever FOLDER has already is left alone.
"""
import argparse
import glob
import os
import sys
import time

os.environ["OPENBLAS_NUM_THREADS"] = "1"  # before it is loaded: the same sums in the same order everywhere

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "models"))
import generate  # noqa: E402

LIBRARY = "/usr/lib/python3.11"  # Debian's libpython3.11-stdlib and python3.11-minimal
CONTEXT = 64
CHARACTERS = "\n" + "".join(map(chr, range(32, 127)))  # others are dropped
# Images and windows of text out of the training sets to match on, and others to choose between methods on; windows of the
# files held out to judge on. The images to judge on are Debian's 10,000 test images.
IMAGES, CHOICE_IMAGES, WINDOWS, CHOICE_WINDOWS, JUDGED = 10000, 2000, 4000, 500, 1000

generate.RECIPES["wide"] = {**generate.RECIPES["resnet"], "build": lambda: generate.resnet(2)}
generate.SEEDS |= {"wide-a": (707, 7707), "wide-b": (808, 8808)}
# Adam with decoupled weight decay; the rate rises over the first tenth of the steps and falls to 0 on a cosine.
RECIPES = {
    "vit": dict(steps=3000, batch=128, rate=1e-3, decay=0.1),
    "gpt": dict(steps=1500, batch=48, rate=2e-3, decay=0.1),
}
SEEDS = {
    "vit-a": (111, 1111), "vit-b": (222, 2222),
    "gpt-a": (333, 3333), "gpt-b": (444, 4444),
    "gpt-kin-a": (333, 5555), "gpt-kin-b": (333, 6666),
}
COMMON = 0.1  # share of the steps that a and b of gpt-kin have in common


# ---- Networks ----

class Block(nn.Module):
    """Attention and two dense layers, each behind a normalisation and beside a residual stream."""

    def __init__(self, width, heads, is_causal):
        super().__init__()
        self.heads = heads
        self.before_attention, self.before_dense = nn.LayerNorm(width), nn.LayerNorm(width)
        self.queries_keys_values, self.out = nn.Linear(width, 3 * width), nn.Linear(width, width)
        self.dense = nn.Sequential(nn.Linear(width, 4 * width), nn.GELU(), nn.Linear(4 * width, width))
        mask = torch.full((CONTEXT, CONTEXT), -1e4).triu(1) if is_causal else None
        self.register_buffer("mask", mask, persistent=False)

    def forward(self, x):
        batch, time, width = x.shape
        parts = [part.view(batch, time, self.heads, width // self.heads).transpose(1, 2)
                 for part in self.queries_keys_values(self.before_attention(x)).split(width, 2)]
        scores = parts[0] @ parts[1].transpose(2, 3) * (width // self.heads) ** -0.5
        if self.mask is not None:
            scores = scores + self.mask
        taken = (scores.softmax(3) @ parts[2]).transpose(1, 2).reshape(batch, time, width)
        x = x + self.out(taken)
        return x + self.dense(self.before_dense(x))


class Vision(nn.Module):
    def __init__(self, width=64, heads=4, blocks=4, patch=7):
        super().__init__()
        self.patches = nn.Conv2d(1, width, patch, patch)
        self.positions = nn.Parameter(0.02 * torch.randn((28 // patch) ** 2, width))
        self.blocks = nn.Sequential(*[Block(width, heads, False) for _ in range(blocks)])
        self.norm, self.classes = nn.LayerNorm(width), nn.Linear(width, 10)

    def forward(self, images):
        x = self.patches(images).flatten(2).transpose(1, 2) + self.positions
        return self.classes(self.norm(self.blocks(x)).mean(1))


class Language(nn.Module):
    def __init__(self, width=96, heads=4, blocks=3):
        super().__init__()
        self.embedding = nn.Embedding(len(CHARACTERS), width)
        nn.init.normal_(self.embedding.weight, std=0.02)
        self.positions = nn.Parameter(0.02 * torch.randn(CONTEXT, width))
        self.blocks = nn.Sequential(*[Block(width, heads, True) for _ in range(blocks)])
        self.norm = nn.LayerNorm(width)

    def forward(self, tokens):
        x = self.norm(self.blocks(self.embedding(tokens) + self.positions))
        return x @ self.embedding.weight.T


# ---- Data ----

def text(is_held_out):
    """Tokens of the library's sources, of one file after the other."""
    code = np.full(256, 255, np.uint8)
    code[np.frombuffer(CHARACTERS.encode(), np.uint8)] = np.arange(len(CHARACTERS))
    parts = []
    for k, path in enumerate(sorted(glob.glob(os.path.join(LIBRARY, "**/*.py"), recursive=True))):
        if (k % 20 == 10) == is_held_out:
            with open(path, "rb") as file:
                parts.append(code[np.frombuffer(file.read(), np.uint8)])
    tokens = np.concatenate(parts)
    return tokens[tokens != 255].astype(np.int64)


def windows(tokens, starts):
    """Inputs and what follows each of their characters: [starts, CONTEXT] both."""
    both = tokens[np.asarray(starts)[:, None] + np.arange(CONTEXT + 1)]
    return both[:, :-1], both[:, 1:]


def save(path, array):
    with open(path + ".partial", "wb") as file:
        np.save(file, array)
    os.replace(path + ".partial", path)


def cut_data(folder):
    """The first training images and those behind them; windows of text, evenly spaced."""
    for kind, name in (("labels-idx1", "-labels"), ("images-idx3", "")):
        array = generate.read_idx(os.path.join(generate.DATA, f"train-{kind}-ubyte.gz"))
        save(os.path.join(folder, f"images-choice{name}.npy"), array[IMAGES:IMAGES + CHOICE_IMAGES])
        save(os.path.join(folder, f"images-match{name}.npy"), array[:IMAGES])
    for part, is_held_out, count in (("choice", False, CHOICE_WINDOWS), ("match", False, WINDOWS), ("test", True, JUDGED)):
        tokens = text(is_held_out)
        first = CONTEXT if part == "choice" else 0
        starts = np.linspace(first, len(tokens) - CONTEXT - 1 - first, count).astype(np.int64)
        inputs, following = windows(tokens, starts)
        save(os.path.join(folder, f"text-{part}-labels.npy"), following)
        save(os.path.join(folder, f"text-{part}.npy"), inputs)


# ---- Training ----

def batches_of_images(order, size):
    images, labels = generate.load(generate.DATA, "train")
    while True:
        shuffled = torch.from_numpy(order.permutation(len(images)))
        for pick in shuffled[:len(shuffled) // size * size].split(size):
            x = images[pick]
            mirrored = torch.from_numpy(order.random(size) < 0.5)
            x[mirrored] = x[mirrored].flip(3)
            yield x, labels[pick]


def batches_of_text(order, size):
    tokens = text(False)
    while True:
        yield tuple(map(torch.from_numpy, windows(tokens, order.integers(len(tokens) - CONTEXT, size=size))))


def train(name, is_quick):
    family = name.split("-")[0]
    recipe = RECIPES[family]
    batches = batches_of_images if family == "vit" else batches_of_text
    weights, order = SEEDS[name]
    torch.manual_seed(weights)
    model = (Vision if family == "vit" else Language)()
    steps = recipe["steps"] // 50 if is_quick else recipe["steps"]
    common = batches(np.random.default_rng(weights), recipe["batch"]) if "kin" in name else None
    own = batches(np.random.default_rng(order), recipe["batch"])
    optimiser = torch.optim.AdamW(model.parameters(), lr=recipe["rate"], weight_decay=recipe["decay"])
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: min(
        (step + 1) / (0.1 * steps), 0.5 + 0.5 * np.cos(np.pi * step / steps)))
    start, total = time.time(), 0.0
    for step in range(steps):
        x, y = next(common if common and step < COMMON * steps else own)
        loss = F.cross_entropy(model(x).flatten(0, -2), y.flatten())
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        schedule.step()
        total += loss.item()
        if (step + 1) % max(steps // 10, 1) == 0:
            print(f"{name}: step {step + 1}/{steps}, loss {total / max(steps // 10, 1):.4f}, "
                  f"{time.time() - start:.0f} s", flush=True)
            total = 0.0
    return model.eval()


def export(model, path, name):
    is_text = name.startswith("gpt")
    inputs = "tokens" if is_text else "images"
    torch.onnx.export(
        model, torch.zeros(1, CONTEXT, dtype=torch.int64) if is_text else torch.zeros(1, 1, 28, 28), path + ".partial",
        input_names=[inputs], output_names=["logits"], dynamic_axes={inputs: {0: "batch"}, "logits": {0: "batch"}},
        opset_version=17)
    os.replace(path + ".partial", path)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("name", choices=["data", "wide-a", "wide-b", *SEEDS])
    parser.add_argument("--quick", action="store_true", help="a fiftieth of the steps; poor models")
    options = parser.parse_args()
    os.makedirs(options.folder, exist_ok=True)
    torch.set_num_threads(1)
    if options.name == "data":
        cut_data(options.folder)
    elif options.name.startswith("wide"):
        train_set = generate.load(generate.DATA, "train")
        if options.quick:
            train_set = tuple(part[:6000] for part in train_set)
        model = generate.train(options.name, train_set, 1 if options.quick else generate.RECIPES["wide"]["epochs"])
        generate.export(model, os.path.join(options.folder, options.name + ".onnx"))
    else:
        export(train(options.name, options.quick), os.path.join(options.folder, options.name + ".onnx"), options.name)


if __name__ == "__main__":
    main()
