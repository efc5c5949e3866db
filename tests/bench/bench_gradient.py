#!/usr/bin/python3
"""Forward and backward passes a second, beside PyTorch's for the same networks, one core each,
in processor time.

    bench_gradient.py BUILD/tests/bench/bench_gradient

Needs torch (Debian: python3-torch)."""
import subprocess
import sys
import time

import torch
from torch import nn

BATCH, ROUNDS = 64, 15


def mlp():
    layers = [nn.Flatten()]
    for n_in, n_out in ((784, 128), (128, 128), (128, 128)):
        layers += [nn.Linear(n_in, n_out), nn.ReLU()]
    return nn.Sequential(*layers, nn.Linear(128, 10)), 100


def cnn():
    layers = []
    for n_in, n_out in ((1, 8), (8, 16), (16, 16)):
        layers += [nn.Conv2d(n_in, n_out, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(144, 32), nn.ReLU(), nn.Linear(32, 10)), 20


def wide_cnn():
    layers = []
    for n_in, n_out in ((1, 32), (32, 64), (64, 128)):
        layers += [nn.Conv2d(n_in, n_out, 3, padding=1, bias=False), nn.BatchNorm2d(n_out), nn.ReLU(), nn.MaxPool2d(2)]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(1152, 128), nn.ReLU(), nn.Linear(128, 10)).eval(), 1


def measure(model, passes):
    images, labels = torch.rand(BATCH, 1, 28, 28), torch.randint(0, 10, (BATCH,))
    times = []
    for _ in range(ROUNDS):
        start = time.process_time()
        for _ in range(passes):
            model.zero_grad(set_to_none=True)
            nn.functional.cross_entropy(model(images), labels).backward()
        times.append(time.process_time() - start)
    return passes * BATCH / sorted(times)[ROUNDS // 2]


def main():
    torch.set_num_threads(1)
    torch.manual_seed(1)
    ours = dict(line.split() for line in subprocess.check_output([sys.argv[1]], text=True).splitlines())
    print(f"{'images/s':10}{'ours':>10}{'torch':>10}{'ratio':>8}")
    for name, build in (("mlp", mlp), ("cnn", cnn), ("wide-cnn", wide_cnn)):
        peer = measure(*build())
        print(f"{name:10}{float(ours[name]):10.0f}{peer:10.0f}{float(ours[name]) / peer:8.2f}")


if __name__ == "__main__":
    main()
