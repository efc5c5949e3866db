"""Loss and accuracy by ONNX Runtime and NumPy alone, for comparing with what onnx-align found (merges.py)."""
import gzip
import os
import struct

import numpy as np
import onnxruntime

# Sums of float32 in other orders, through a dozen layers; a handful of samples of thousands are draws between classes.
LOSS_TOLERANCE, ACCURACY_TOLERANCE = 5e-4, 5e-4


def array(path):
    if path.endswith(".npy"):
        return np.load(path)
    with gzip.open(path) as file:
        raw = file.read()
    rank = raw[3]  # of an IDX file of bytes
    return np.frombuffer(raw, np.uint8, offset=4 + 4 * rank).reshape(struct.unpack_from(f">{rank}I", raw, 4))


def read(data, labels):
    """Images as the models take them, or token ids; and what is to be told."""
    samples = array(data)
    if samples.dtype == np.uint8:
        samples = samples.reshape(-1, 1, 28, 28).astype(np.float32) / 255
    return samples, array(labels).astype(np.int64)


def score(path, samples, labels):
    """Mean cross-entropy and accuracy over all labels."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    name, loss, right = session.get_inputs()[0].name, 0.0, 0
    for first in range(0, len(samples), 200):
        logits = session.run(None, {name: samples[first:first + 200]})[0].astype(np.float64)
        wanted = labels[first:first + 200]
        logits -= logits.max(-1, keepdims=True)
        loss += (np.log(np.exp(logits).sum(-1)) - np.take_along_axis(logits, wanted[..., None], -1)[..., 0]).sum()
        right += (logits.argmax(-1) == wanted).sum()
    return loss / labels.size, right / labels.size


def compare(cells, samples):
    """Prints both for every model; ends the program when they differ."""
    for path, (loss, accuracy) in cells:
        found = score(path, *samples)
        is_same = (abs(found[0] - loss) <= LOSS_TOLERANCE * loss and abs(found[1] - accuracy) <= ACCURACY_TOLERANCE)
        print(f"{os.path.basename(path):50} onnx-align {loss:.5f} {100 * accuracy:6.2f} %   ONNX Runtime {found[0]:.5f} "
              f"{100 * found[1]:6.2f} %", flush=True)
        if not is_same:
            raise SystemExit(f"{path}: the figures differ")
