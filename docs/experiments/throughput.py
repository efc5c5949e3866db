#!/usr/bin/env python3
"""Regenerates docs/throughput.md: samples a second on the built-in executor, beside ONNX Runtime on the same models.

    build/venv/bin/python docs/experiments/throughput.py [NAME ...] [--threads 2] [--rounds 7] [--zoo FOLDER] [--write]

Needs build/release, and onnx, onnxruntime and numpy (./test.sh puts them into build/venv). Networks of usual size are
exported into FOLDER (default build/zoo) by tests/zoo/export.py, which needs Debian's python3-torch and
python3-torchvision; without them their rows are left out. Both engines run in turns, so that whatever else the machine
does strikes both; the median of the rounds' ratios counts. The ratio of processor time on one thread stands beside it:
a busy machine disturbs that less. The outputs are compared before anything is timed.
"""
import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time

import numpy
import onnx
import onnxruntime
from onnx import TensorProto, helper, numpy_helper

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
BENCH = os.path.join(ROOT, "build/release/tests/bench/bench_executor")
SECONDS = 0.3  # of a round, at least


def recurrent(width=256, steps=64):
    """Two LSTM layers over continuous steps."""
    random = numpy.random.default_rng(1)
    nodes, tensors, x = [], [], "x"
    for layer in range(2):
        for name, shape in [("W", (1, 4 * width, width)), ("R", (1, 4 * width, width)), ("B", (1, 8 * width))]:
            values = random.uniform(-1, 1, shape).astype(numpy.float32) / width ** 0.5
            tensors.append(numpy_helper.from_array(values, f"{name}{layer}"))
        nodes.append(helper.make_node("LSTM", [x, f"W{layer}", f"R{layer}", f"B{layer}"], [f"y{layer}"], hidden_size=width))
        nodes.append(helper.make_node("Squeeze", [f"y{layer}", "axis"], [f"z{layer}"]))
        x = f"z{layer}"
    tensors.append(numpy_helper.from_array(numpy.array([1], numpy.int64), "axis"))
    value = helper.make_tensor_value_info
    graph = helper.make_graph(nodes, "lstm", [value("x", TensorProto.FLOAT, [steps, "batch", width])],
                              [value(x, TensorProto.FLOAT, [steps, "batch", width])], tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def elementwise(op_type):
    value = helper.make_tensor_value_info
    node = helper.make_node(op_type, ["x"], ["y"], **({"axis": -1} if op_type == "Softmax" else {}))
    graph = helper.make_graph([node], op_type, [value("x", TensorProto.FLOAT, ["batch", 1024])],
                              [value("y", TensorProto.FLOAT, ["batch", 1024])])
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=9)


# Name: the model (of models/, of the zoo, or made here), the shape of its input, samples in it.
MODELS = {
    "mlp": ("mlp-a", (1000, 1, 28, 28), 1000),
    "cnn": ("cnn-a", (100, 1, 28, 28), 100),
    "resnet": ("resnet-a", (100, 1, 28, 28), 100),
    "ResNet-18": ("zoo:resnet18", (32, 3, 224, 224), 32),
    "ResNet-50": ("zoo:resnet50", (8, 3, 224, 224), 8),
    "MobileNet v2": ("zoo:mobilenet_v2", (16, 3, 224, 224), 16),
    "MobileNet v3": ("zoo:mobilenet_v3_large", (16, 3, 224, 224), 16),
    "ViT-B/16": ("zoo:vit_b_16", (1, 3, 224, 224), 1),
    "LSTM": (recurrent, (64, 32, 256), 32),
    **{op: (lambda op=op: elementwise(op), (1024, 1024), 1024)
       for op in ["Sigmoid", "Tanh", "Erf", "Gelu", "Exp", "Softmax"]},
}


def find(made, zoo, folder, batch):
    """The path of a model whose first axis is not fixed, or None."""
    path = os.path.join(folder, "model.onnx")
    if callable(made):
        onnx.save(made(), path)
        return path
    if not made.startswith("zoo:"):
        return os.path.join(ROOT, "models", made + ".onnx")
    exported = os.path.join(zoo, made[4:] + ".onnx")
    if not os.path.exists(exported):
        subprocess.run(["/usr/bin/python3", os.path.join(ROOT, "tests/zoo/export.py"), zoo, made[4:]], check=False)
    if not os.path.exists(exported):
        return None
    model = onnx.load(exported)
    for value in [*model.graph.input, *model.graph.output]:
        value.type.tensor_type.shape.dim[0].dim_value = batch
    onnx.save(model, path)
    return path


def measure(path, shape, threads, rounds, folder, processor):
    """The largest difference of the outputs, relative to the largest output, and seconds of a run: ours, the peer's; of
    the processor or the wall clock."""
    x = numpy.random.default_rng(2).standard_normal(shape).astype(numpy.float32)
    x.tofile(os.path.join(folder, "x.raw"))
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads, options.inter_op_num_threads = threads, 1
    options.log_severity_level = 3
    # Its threads would go on spinning beside ours.
    options.add_session_config_entry("session.force_spinning_stop", "1")
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    feed = {session.get_inputs()[0].name: x}
    expected = session.run(None, feed)[0]
    with subprocess.Popen([BENCH, path, str(threads), os.path.join(folder, "y.raw"),
                           f"f32:{','.join(map(str, shape))}:{folder}/x.raw"],
                          stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as ours:
        if not ours.stdout.readline():
            sys.exit(f"{path}: the built-in executor does not run it")
        found = numpy.fromfile(os.path.join(folder, "y.raw"), numpy.float32).reshape(expected.shape)

        def run_ours(count):
            ours.stdin.write(f"{count}\n")
            ours.stdin.flush()
            return float(ours.stdout.readline().split()[processor]) / count

        def run_peer(count):
            clock = time.process_time if processor else time.perf_counter
            start = clock()
            for _ in range(count):
                session.run(None, feed)
            return (clock() - start) / count

        times = []
        for engine in (run_ours, run_peer):  # warm up; how many runs fill a round?
            once = min(engine(1) for _ in range(3))
            times.append((engine, max(1, round(SECONDS / once))))
        pairs = [[engine(count) for engine, count in times] for _ in range(rounds)]
        ours.stdin.close()
    difference = float(numpy.abs(found - expected).max() / numpy.abs(expected).max())
    return difference, pairs


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(MODELS))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--zoo", default=os.path.join(ROOT, "build/zoo"))
    parser.add_argument("--write", action="store_true", help="write docs/throughput.md")
    options = parser.parse_args()
    subprocess.run(["cmake", "--build", os.path.join(ROOT, "build/release"), "--target", "bench_executor"], check=True,
                   stdout=subprocess.DEVNULL)
    rows = []
    for name in options.names or MODELS:
        made, shape, samples = MODELS[name]
        with tempfile.TemporaryDirectory() as folder:
            path = find(made, options.zoo, folder, shape[0])
            if not path:
                print(f"{name}: not here, and not exported", file=sys.stderr)
                continue
            difference, pairs = measure(path, shape, options.threads, options.rounds, folder, False)
            _, alone = measure(path, shape, 1, options.rounds, folder, True)
        if difference > 1e-3:
            sys.exit(f"{name}: the outputs differ by {difference:.2g}, so there is nothing to time")
        ours, peer = (statistics.median(samples / pair[i] for pair in pairs) for i in range(2))
        ratio, ratio_alone = (statistics.median(pair[1] / pair[0] for pair in taken) for taken in (pairs, alone))
        rows.append(f"| {name} | {' x '.join(map(str, shape))} | {ours:.4g} | {peer:.4g} | {ratio:.2f} | {ratio_alone:.2f} | "
                    f"{difference:.0e} |")
        print(rows[-1], flush=True)
    if options.write:
        with open(os.path.join(ROOT, "docs/throughput.md"), "w") as file:
            file.write(f"# Throughput of the built-in executor\n\nSamples a second on {options.threads} threads, beside ONNX "
                       f"Runtime {onnxruntime.__version__} with as many, by `docs/experiments/throughput.py`: both in turns, "
                       f"medians of {options.rounds} rounds. Ratios are ours to theirs: of the wall clock, and of processor "
                       "time on one thread. The difference is the largest of any output, relative to the largest output. "
                       f"Load of the machine meanwhile: {os.getloadavg()[2]:.1f} on {os.cpu_count()} cores.\n\n"
                       "| model | input | built-in | ONNX Runtime | ratio | on one thread | difference |\n"
                       "|---|---|---|---|---|---|---|\n" + "\n".join(rows) + "\n")


if __name__ == "__main__":
    main()
