#!/usr/bin/python3
"""Train the demonstration models of this folder and cut the demonstration data.

Three families of Fashion-MNIST classifiers (mlp, cnn, resnet), two models of
each: "a" and "b" differ in the seed of their initial weights and in the seed
that shuffles the training images, so they are independently trained networks
of one architecture.  Everything is exported with PyTorch's own ONNX exporter.

    generate.py                      everything, into the folder of this script
    generate.py --only mlp-a         one model (or "data"); may be repeated
    generate.py --quick --out /tmp/q a smoke run: few images, one epoch

Needs torch and numpy and the four Fashion-MNIST files (gzip IDX).
"""
import argparse
import gzip
import hashlib
import os
import struct
import time

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

DATA = "/usr/share/datasets/fashion-mnist"  # Debian's dataset-fashion-mnist
DEMO_IMAGES = 1000                          # held-out images cut for the demo


# --------------------------------------------------------------------- models

def mlp():
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(784, 128), nn.ReLU(),
        nn.Linear(128, 128), nn.ReLU(),
        nn.Linear(128, 128), nn.ReLU(),
        nn.Linear(128, 10))


def conv_bn(n_in, n_out, kernel=3, stride=1):
    """Convolution (no bias, the normalisation has one) and batch norm."""
    return nn.Sequential(
        nn.Conv2d(n_in, n_out, kernel, stride, kernel // 2, bias=False),
        nn.BatchNorm2d(n_out))


def cnn():
    return nn.Sequential(
        conv_bn(1, 32), nn.ReLU(), nn.MaxPool2d(2),    # 14 x 14
        conv_bn(32, 64), nn.ReLU(), nn.MaxPool2d(2),   # 7 x 7
        conv_bn(64, 128), nn.ReLU(), nn.MaxPool2d(2),  # 3 x 3
        nn.Flatten(),
        nn.Linear(128 * 3 * 3, 128), nn.ReLU(),
        nn.Linear(128, 10))


class Block(nn.Module):
    """Residual block of two 3x3 convolutions; a 1x1 shortcut where it strides."""

    def __init__(self, n_in, n_out, stride=1):
        super().__init__()
        self.first = conv_bn(n_in, n_out, 3, stride)
        self.second = conv_bn(n_out, n_out)
        self.shortcut = (nn.Identity() if stride == 1 and n_in == n_out
                         else conv_bn(n_in, n_out, 1, stride))

    def forward(self, x):
        y = self.second(F.relu(self.first(x)))
        return F.relu(y + self.shortcut(x))


def resnet(times=1):
    """The residual network, with channels so many times as wide as that of this folder."""
    stem, middle, last = 48 * times, 64 * times, 128 * times
    return nn.Sequential(
        conv_bn(1, stem, 3, 2), nn.ReLU(),                      # 14 x 14
        Block(stem, middle, 2), Block(middle, middle),          # 7 x 7
        Block(middle, last, 2), Block(last, last),              # 4 x 4
        nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Linear(last, 10))


# Training recipe of each family: SGD with Nesterov momentum 0.9; the learning
# rate rises linearly over the first 15% of the steps and falls to 0 on a
# cosine.  "decay" is the weight decay of every parameter: in our few trials more
# of it went with better matched averages, until hidden units died.  "threads" is
# the CPU thread count of the published files (it can change the last bits).
RECIPES = {
    "mlp": dict(build=mlp, epochs=20, batch=256, rate=0.1, decay=5e-4,
                flip=False, threads=2),
    "cnn": dict(build=cnn, epochs=3, batch=128, rate=0.1, decay=3e-3,
                flip=True, threads=1),
    "resnet": dict(build=resnet, epochs=3, batch=128, rate=0.1, decay=3e-3,
                   flip=True, threads=1),
}
# (seed of the initial weights, seed of the data order) of each model
SEEDS = {
    "mlp-a": (101, 1101), "mlp-b": (202, 2202),
    "cnn-a": (303, 3303), "cnn-b": (404, 4404),
    "resnet-a": (505, 5505), "resnet-b": (606, 6606),
}


# ----------------------------------------------------------------------- data

def read_idx(path):
    """An IDX file of unsigned bytes, gzip-compressed, as an array."""
    with gzip.open(path, "rb") as f:
        raw = f.read()
    rank = raw[3]
    if raw[:3] != b"\0\0\x08":
        raise SystemExit(f"{path}: not an IDX file of unsigned bytes")
    shape = struct.unpack_from(f">{rank}I", raw, 4)
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * rank).reshape(shape)


def load(folder, part):
    """Images as floats in [0,1], shape [n,1,28,28], and labels."""
    images = read_idx(os.path.join(folder, part + "-images-idx3-ubyte.gz"))
    labels = read_idx(os.path.join(folder, part + "-labels-idx1-ubyte.gz"))
    images = images.astype(np.float32)[:, None] / np.float32(255)
    return torch.from_numpy(images), torch.from_numpy(labels.astype(np.int64))


def write_atomically(path, data):
    """Readers see the old file or the new one, never a part of it."""
    partial = path + ".partial"
    with open(partial, "wb") as f:
        f.write(data)
    os.replace(partial, path)


def cut_demo_data(folder, out):
    """The first test images and their labels, as gzip IDX without a date."""
    for kind, name in (("images-idx3", "images"), ("labels-idx1", "labels")):
        part = read_idx(os.path.join(folder, f"t10k-{kind}-ubyte.gz"))[:DEMO_IMAGES]
        idx = (b"\0\0\x08" + bytes([part.ndim])
               + struct.pack(f">{part.ndim}I", *part.shape) + part.tobytes())
        write_atomically(os.path.join(out, f"fashion-test-{name}-{DEMO_IMAGES}.idx.gz"),
                         gzip.compress(idx, 9, mtime=0))


# ------------------------------------------------------------------- training

def accuracy(model, images, labels):
    model.eval()
    with torch.no_grad():
        right = sum((model(x).argmax(1) == y).sum().item()
                    for x, y in zip(images.split(1000), labels.split(1000)))
    return right / len(labels)


def train(name, train_set, epochs):
    """Train the model called name and return it in evaluation mode."""
    recipe = RECIPES[name.split("-")[0]]
    init_seed, order_seed = SEEDS[name]
    torch.manual_seed(init_seed)
    model = recipe["build"]()
    order = np.random.default_rng(order_seed)

    images, labels = train_set
    batch = recipe["batch"]
    steps_per_epoch = len(images) // batch
    steps = epochs * steps_per_epoch
    optimiser = torch.optim.SGD(model.parameters(), lr=recipe["rate"], momentum=0.9,
                                nesterov=True, weight_decay=recipe["decay"])
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: min(
        (step + 1) / (0.15 * steps), 0.5 + 0.5 * np.cos(np.pi * step / steps)))
    for epoch in range(epochs):
        model.train()
        start, total = time.time(), 0.0
        shuffled = torch.from_numpy(order.permutation(len(images)))
        for i in range(steps_per_epoch):
            pick = shuffled[i * batch:(i + 1) * batch]
            x, y = images[pick], labels[pick]
            if recipe["flip"]:  # mirror a random half of the images
                mirrored = torch.from_numpy(order.random(batch) < 0.5)
                x[mirrored] = x[mirrored].flip(3)
            loss = F.cross_entropy(model(x), y)
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            total += loss.item()
        print(f"{name}: epoch {epoch + 1}/{epochs}, loss {total / steps_per_epoch:.4f}, "
              f"{time.time() - start:.0f} s", flush=True)
    return model.eval()


def export(model, path):
    """Write ONNX as the model stands: batch norm stays a node of its own."""
    torch.onnx.export(
        model, torch.zeros(1, 1, 28, 28), path + ".partial",
        input_names=["images"], output_names=["logits"],
        dynamic_axes={"images": {0: "batch"}, "logits": {0: "batch"}},
        opset_version=13, do_constant_folding=False,
        # PRESERVE keeps the model's evaluation mode without the exporter's
        # folding of batch norms into convolutions, which EVAL implies
        training=torch.onnx.TrainingMode.PRESERVE)
    os.replace(path + ".partial", path)


def write_manifest(out):
    names = sorted(n for n in os.listdir(out) if n.endswith((".onnx", ".idx.gz")))
    lines = []
    for name in names:
        with open(os.path.join(out, name), "rb") as f:
            lines.append(f"{hashlib.sha256(f.read()).hexdigest()}  {name}\n")
    write_atomically(os.path.join(out, "SHA256SUMS"), "".join(lines).encode())


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--only", action="append", choices=[*SEEDS, "data"], metavar="NAME",
                        help="make only this: " + ", ".join([*SEEDS, "data"]))
    parser.add_argument("--out", default=os.path.dirname(os.path.abspath(__file__)),
                        help="output folder (default: the folder of this script)")
    parser.add_argument("--data", default=DATA, help="folder of the Fashion-MNIST files")
    parser.add_argument("--threads", type=int,
                        help="CPU threads (default: as for the published files)")
    parser.add_argument("--quick", action="store_true",
                        help="smoke run: one epoch of 6000 images; poor models")
    args = parser.parse_args()
    if args.quick and args.out == parser.get_default("out"):
        parser.error("--quick makes poor models: give another folder with --out")

    os.makedirs(args.out, exist_ok=True)
    wanted = args.only or ["data", *SEEDS]
    if "data" in wanted:
        cut_demo_data(args.data, args.out)
    train_set, test_set = load(args.data, "train"), load(args.data, "t10k")
    if args.quick:
        train_set = tuple(part[:6000] for part in train_set)
    for name in wanted:
        if name == "data":
            continue
        recipe = RECIPES[name.split("-")[0]]
        torch.set_num_threads(args.threads or recipe["threads"])
        epochs = 1 if args.quick else recipe["epochs"]
        start = time.time()
        model = train(name, train_set, epochs)
        export(model, os.path.join(args.out, name + ".onnx"))
        print(f"{name}: test accuracy {100 * accuracy(model, *test_set):.2f}%, "
              f"{time.time() - start:.0f} s", flush=True)
    write_manifest(args.out)


if __name__ == "__main__":
    main()
