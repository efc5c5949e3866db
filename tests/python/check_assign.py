#!/usr/bin/env python3
"""Compares the assignment solver with SciPy.

    check_assign.py DRIVER             solves seeded problems with both; exits 1 on the first difference
    check_assign.py DRIVER --time      prints processor times of both, and their ratio, measured in this run

DRIVER is the program made from tests/assign/assign_driver.c.
"""
import argparse
import os
import subprocess
import sys
import tempfile
import time

import numpy as np
from scipy.optimize import linear_sum_assignment

EPSILON = np.finfo(float).eps


def products(random, n, inner, related=0.0, uneven=0.0, dead=0.0, rectified=False):
    """Products of the rows of two matrices, as matching by weights or activations makes them."""
    first, second = (random.standard_normal((n, inner)) * np.exp(uneven * random.standard_normal((n, 1)))
                     for _ in range(2))
    second = (second + related * first)[random.permutation(n)]
    for rows in (first, second):
        rows[random.random(n) < dead] = 0.0
    if rectified:
        first, second = np.maximum(first, 0.0), np.maximum(second, 0.0)
    return first @ second.T


def single_precision(random, n):
    return products(random, n, 100, related=0.3, uneven=0.5).astype(np.float32).astype(float)


def points(random, n):
    first, second = random.random((n, 1, 2)), random.random((1, n, 2))
    return -((first - second) ** 2).sum(axis=2)


def scales(random, n):
    return random.random((n, n)) * 10.0 ** random.integers(-6, 7, (n, 1)) * 10.0 ** random.integers(-6, 7, (1, n))


KINDS = {
    "uniform": lambda r, n: r.random((n, n)),
    "normal": lambda r, n: r.standard_normal((n, n)),
    "product-4": lambda r, n: products(r, n, 4),
    "product-64": lambda r, n: products(r, n, 64),
    "weights-27": lambda r, n: products(r, n, 27, related=0.3, uneven=0.5),
    "weights-288": lambda r, n: products(r, n, 288, related=0.3, uneven=0.5),
    "planted": lambda r, n: products(r, n, 64, related=2.0),
    "activations": lambda r, n: products(r, n, 32, related=0.2, rectified=True),
    "float32": single_precision,
    "dead": lambda r, n: products(r, n, 64, related=0.2, dead=0.5),
    "zero": lambda r, n: np.where(r.random((n, n)) < 0.5, 0.0, -0.0),
    "digits": lambda r, n: r.integers(0, 10, (n, n)).astype(float),
    "integers": lambda r, n: r.integers(-(2 ** 30), 2 ** 30, (n, n)).astype(float),
    "sparse": lambda r, n: (r.random((n, n)) < 3.0 / n).astype(float),
    "points": points,
    "distances": lambda r, n: np.abs(r.random((n, 1)) - r.random((1, n))),
    "outer": lambda r, n: np.outer(r.integers(1, n + 1, n), r.integers(1, n + 1, n)).astype(float),
    "repeated-rows": lambda r, n: r.random((8, n))[r.integers(0, 8, n)],
    "equal-rows": lambda r, n: np.tile(r.random((1, n)), (n, 1)),
    "scales": scales,
    "huge": lambda r, n: (r.random((n, n)) - 0.5) * 1e300,
    "tiny": lambda r, n: r.integers(0, 1000, (n, n)) * 5e-324,
    "offsets": lambda r, n: r.random((n, n)) + 1000.0 * r.random((1, n)),
}
SIZES = [1, 2, 3, 5, 8, 13, 21, 34, 55, 64, 65, 89, 144, 233, 377]
SEEDS_OF_SMALL = 8  # more seeds where a problem takes no time
SMALL = 64


def make(kind, n, seed):
    return np.ascontiguousarray(KINDS[kind](np.random.default_rng([seed, n, list(KINDS).index(kind)]), n))


def drive(driver, problems, repeats=1):
    """Solves a list of matrices; a list of (permutation, row prices, column prices, objective, seconds)."""
    with tempfile.TemporaryDirectory() as folder:
        given, found = os.path.join(folder, "in"), os.path.join(folder, "out")
        with open(given, "wb") as file:
            for profit in problems:
                file.write(np.uint64(len(profit)).tobytes())
                file.write(profit.tobytes())
        subprocess.run([driver, given, found, str(repeats)], check=True)
        with open(found, "rb") as file:
            data = file.read()
    results, at = [], 0
    for profit in problems:
        n = len(profit)
        numbers = np.frombuffer(data, dtype=float, count=3 * n + 2, offset=at)
        permutation = np.frombuffer(data, dtype=np.uint64, count=n, offset=at).astype(np.int64)
        results.append((permutation, numbers[n:2 * n], numbers[2 * n:3 * n], numbers[3 * n], numbers[3 * n + 1]))
        at += 8 * (3 * n + 2)
    if at != len(data):
        raise AssertionError(f"the driver wrote {len(data)} bytes instead of {at}")
    return results


def difference(profit, result):
    """What is wrong with a result, or None."""
    permutation, row_price, column_price, objective, _ = result
    n = len(profit)
    if sorted(permutation) != list(range(n)):
        return "not a permutation"
    rows, columns = linear_sum_assignment(profit, maximize=True)
    ours, theirs = profit[np.arange(n), permutation], profit[rows, columns]
    largest = np.abs(profit).max()
    if not objective == ours.sum() and not abs(objective - ours.sum()) <= n * n * EPSILON * largest:
        return f"objective {objective!r} is not that of the permutation, {ours.sum()!r}"
    # For integers there is nothing to round; otherwise either solver may settle each row up to some roundings of
    # numbers of the size of the largest profit.
    gain = (theirs - ours).sum()
    allowed = 0.0 if (profit == np.rint(profit)).all() and largest < 2.0 ** 40 else 64 * n * EPSILON * largest
    if not abs(gain) <= allowed:
        return f"SciPy's sum of profits is {gain!r} larger, {allowed!r} is allowed"
    size = max(largest, np.abs(row_price).max(), np.abs(column_price).max())
    excess = (profit - row_price[:, None] - column_price[None, :]).max()
    slack = np.abs(ours - row_price - column_price[permutation]).max()
    if not (excess <= 32 * EPSILON * size and slack <= 32 * EPSILON * size):
        return f"prices are off by {excess!r} and {slack!r} at a size of {size!r}"
    return None


def compare(driver):
    count = 0
    for n in SIZES:
        for kind in KINDS:
            seeds = range(SEEDS_OF_SMALL if n <= SMALL else 1)
            problems = [make(kind, n, seed) for seed in seeds]
            for seed, profit, result in zip(seeds, problems, drive(driver, problems)):
                wrong = difference(profit, result)
                if wrong:
                    print(f"{kind}, n = {n}, seed {seed}: {wrong}", file=sys.stderr)
                    return 1
                count += 1
    print(f"{count} problems of {len(KINDS)} kinds, sizes {SIZES[0]} to {SIZES[-1]}, seeds 0 to {SEEDS_OF_SMALL - 1}: "
          "as SciPy solves them")
    return 0


def compare_times(driver, sizes, kinds, repeats):
    print(f"median processor milliseconds of {repeats} runs, seed 0")
    print(f"{'n':>6}  {'kind':<14} {'onnx-align':>11} {'SciPy':>11} {'ratio':>7}")
    for n in sizes:
        for kind in kinds:
            profit = make(kind, n, 0)
            result = drive(driver, [profit], repeats)[0]
            wrong = difference(profit, result)
            if wrong:
                print(f"{kind}, n = {n}: {wrong}", file=sys.stderr)
                return 1
            times = []
            for _ in range(repeats):
                start = time.process_time()
                linear_sum_assignment(profit, maximize=True)
                times.append(time.process_time() - start)
            ours, theirs = result[4], float(np.median(times))
            print(f"{n:>6}  {kind:<14} {1e3 * ours:>11.3f} {1e3 * theirs:>11.3f} {theirs / ours:>6.1f}x", flush=True)
    return 0


def main():
    parser = argparse.ArgumentParser(description="Compares the assignment solver with SciPy.")
    parser.add_argument("driver", help="the program made from tests/assign/assign_driver.c")
    parser.add_argument("--time", action="store_true", help="compare processor times")
    parser.add_argument("--sizes", type=int, nargs="+", default=[64, 256, 1024], metavar="N")
    parser.add_argument("--kinds", nargs="+", default=list(KINDS), choices=list(KINDS), metavar="KIND")
    parser.add_argument("--repeats", type=int, default=5)
    options = parser.parse_args()
    if options.time:
        return compare_times(options.driver, options.sizes, options.kinds, options.repeats)
    return compare(options.driver)


if __name__ == "__main__":
    sys.exit(main())
