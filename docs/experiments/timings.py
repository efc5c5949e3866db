#!/usr/bin/env python3
"""Regenerates docs/timings.md: seconds and memory of the methods on a quiet machine, two threads.

    docs/experiments/timings.py FOLDER

FOLDER is that of results.py, with its families mlp and cnn. ResNet-50 and the encoder of the size of BERT-base are
exported by Debian's python3-torch and python3-torchvision, with random weights; chains of nodes are timed by a test, which
./test.sh builds. Without these, their rows are left out. Takes about five minutes.
"""
import json
import os
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
TOOL = os.path.join(ROOT, "build/release/onnx-align")
TOOLS = os.path.join(ROOT, "build/release/tools")
EXPORT = """
import sys, torch, torchvision
for seed, path in enumerate(sys.argv[1:]):
    torch.manual_seed(seed)
    model = torchvision.models.resnet50().eval()
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):  # equal ones would be stored once, and tie layers together
            for tensor in [module.weight, module.bias, module.running_mean, module.running_var]:
                tensor.data.uniform_(0.5, 1.5)
    torch.onnx.export(model, torch.zeros(1, 3, 224, 224), path, opset_version=13,
                      training=torch.onnx.TrainingMode.PRESERVE, do_constant_folding=False)
"""

BERT = f"""
import sys, torch, warnings
warnings.filterwarnings("ignore")
sys.path.insert(0, {os.path.join(ROOT, "tests/zoo")!r})
import export
for seed, path in enumerate(sys.argv[1:]):
    torch.manual_seed(seed)
    export.export(path, export.Bert(), (torch.randint(0, 30522, (1, 16)),))
"""


def measured(command):
    """Standard output, wall seconds and peak MB of a command that must succeed."""
    done = subprocess.run(["/usr/bin/time", "-f", "%e %M", *command], capture_output=True, text=True)
    if done.returncode:
        sys.exit(done.stderr)
    seconds, kilobytes = done.stderr.strip().splitlines()[-1].split()
    return done.stdout, float(seconds), float(kilobytes) / 1024


def compare(folder, method, pairs, *more):
    command = [os.path.join(TOOLS, "compare-methods"), folder, "-m", method, "--pairs", str(pairs), "--points", "2",
               "--samples", "10", "--threads", "2", *more]
    return json.loads(measured(command)[0])["seconds"]["mean"]


def main():
    folder = os.path.abspath(sys.argv[1])
    rows = []

    def row(what, found, target):
        rows.append(f"| {what} | {found} | {target} |")
        print(rows[-1], flush=True)

    def data(kind, labelled):
        return ["--data", f"{folder}/{kind}/test-images.npy", "--labels", f"{folder}/{kind}/test-labels.npy",
                "--match-data", f"{folder}/{kind}/train-images.npy",
                *(["--match-labels", f"{folder}/{kind}/train-labels.npy"] if labelled else ["--distance"])]

    mlp, cnn = (os.path.join(folder, name, "test") for name in ["mlp", "cnn"])
    row("deep-align, MLP 784-128-128-128-10, assignment included",
        f"{1e3 * compare(mlp, 'deep-align', 64, *data('flat', False)):.1f} ms", "5 ms; 1.0 to 1.4 s")
    row("deep-align, CNN", f"{1e3 * compare(cnn, 'deep-align', 64, *data('images', False)):.1f} ms", "100 ms; 440 ms (GPU)")
    row("Sinkhorn, 1000 steps on the loss, CNN", f"{compare(cnn, 'sinkhorn', 2, *data('images', True)):.1f} s",
        "30 s; 79.8 s (GPU)")
    row("Sinkhorn, 1000 steps on the distance, MLP", f"{compare(mlp, 'sinkhorn', 4, *data('flat', False)):.2f} s",
        "2 s; 10 to 58 s")
    with tempfile.TemporaryDirectory() as made:
        measured([os.path.join(TOOLS, "train-family"), "mlp:784-512-512-512-10", "--count", "2", "--steps", "100", "-o", made])
        row("the same at width 512", f"{compare(made, 'sinkhorn', 1, *data('flat', False)):.1f} s", "20 s; about 400 s")
    with tempfile.TemporaryDirectory() as made:
        train = [TOOL, "train", os.path.join(folder, "mlp/train"), "-o", os.path.join(made, "a.onnx"), "--data",
                 f"{folder}/flat/train-images.npy", "--labels", f"{folder}/flat/train-labels.npy", "--validation", "0", "-q"]
        few, many = measured(train + ["--steps", "20"]), measured(train + ["--steps", "120"])
        row("one training step of 8 pairs, MLP", f"{(many[1] - few[1]) / 100:.3f} s, {many[2]:.0f} MB in all (352 models held)",
            "0.2 s, 500 MB; 90 s, 16.7 GB")
    with tempfile.TemporaryDirectory() as made:
        _, seconds, _ = measured([os.path.join(TOOLS, "train-family"), "mlp:784-128-128-128-10", "--count", "40", "-o", made])
        row("1000 MLPs to learn from (40 times 25)", f"{25 * seconds / 60:.1f} min", "30 min")
    with tempfile.TemporaryDirectory() as made:
        pair = [os.path.join(made, name) for name in ["a.onnx", "b.onnx"]]
        if subprocess.run(["/usr/bin/python3", "-c", EXPORT, *pair], capture_output=True).returncode == 0:
            text, _, memory = measured([TOOL, *pair, "-o", os.path.join(made, "m.onnx"), "-m", "deep-align", "--no-verify",
                                        "--json"])
            report = json.loads(text)
            row("deep-align, ResNet-50", f"{report['seconds']['align']:.1f} s, {memory:.0f} MB (the whole merge "
                f"{report['seconds']['total']:.1f} s)", "30 s, 2 GB")
            said = measured([TOOL, "inspect", pair[0], "-v"])[0].splitlines()[-1].split()
            row("symmetries of ResNet-50", f"{said[7]} ms (reading it {said[2]} ms)", "50 ms")
    with tempfile.TemporaryDirectory() as made:
        pair = [os.path.join(made, name) for name in ["a.onnx", "b.onnx"]]
        if subprocess.run(["/usr/bin/python3", "-c", BERT, *pair], capture_output=True).returncode == 0:
            text, seconds, memory = measured([TOOL, *pair, "-o", os.path.join(made, "m.onnx"), "-m", "deep-align",
                                              "--no-verify", "--json"])
            row("deep-align, an encoder of the size of BERT-base (109 million parameters)",
                f"{json.loads(text)['seconds']['align']:.1f} s, {memory:.0f} MB (the whole merge {seconds:.1f} s)", "60 s, 4 GB")
    scale = os.path.join(ROOT, "build/release/tests/symmetry/test_scale")
    if os.path.exists(scale):
        lines = subprocess.run([scale], capture_output=True, text=True)
        chain = next(line.split() for line in (lines.stdout + lines.stderr).splitlines() if line.startswith("chain"))
        row(f"symmetries of chains of {chain[1]} and {chain[5]} nodes", f"{chain[3]} s, {chain[7]} s", "2 s for 20000")
    with open(os.path.join(ROOT, "docs/timings.md"), "w") as file:
        file.write("# Seconds and memory\n\nBy `docs/experiments/timings.py`, on two cores with AVX-512 and nothing else "
                   "running; means over pairs. The last column has the target, then what the paper or its implementation "
                   "takes (on a machine like this where not said otherwise).\n\n| what | measured | target; reference |\n"
                   "|---|---|---|\n" + "\n".join(rows) + "\n")


if __name__ == "__main__":
    main()
