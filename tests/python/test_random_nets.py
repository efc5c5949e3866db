"""Thousands of random models of all operators that have a rule: whatever may be reordered, ONNX Runtime sees no change.

NETS and SEED in the environment say how many, and the first seed."""
import os
import unittest

import numpy as np
import onnx
from onnx import TensorProto, numpy_helper

from common import run_json, session
from nets import Net, NetTest

COUNT, FIRST = int(os.environ.get("NETS", 4000)), int(os.environ.get("SEED", 1))
FUSED = {"domain": "com.microsoft"}
# Sums of up to a hundred terms in another order, through up to nine layers; a wrong link changes outputs by more than 0.01.
TOLERANCE = 1e-4
# What varies little, normalised, would show its rounding.
EPSILON = 0.1

UNARY = ["Abs", "Asinh", "Atan", "Celu", "Cos", "Elu", "Erf", "Exp", "Gelu", "HardSigmoid", "HardSwish", "Identity", "LeakyRelu", "Mish",
         "Neg", "Relu", "Selu", "Shrink", "Sigmoid", "Sin", "Softplus", "Softsign", "Tanh", "ThresholdedRelu", "Softmax",
         "LogSoftmax", "Clip", "Dropout"]
# Of numbers in (-1, 1), and of positive ones.
UNARY_SMALL = ["Acos", "Asin", "Atanh", "Cosh", "Exp", "Sinh", "Tan"]
UNARY_POSITIVE = ["Acosh", "Log", "Reciprocal", "Sqrt"]
BINARY = ["Add", "Sub", "Mul", "Max", "Min", "Mean", "Sum", "PRelu"]


class RandomNet(Net):
    """Values are [batch, units], [batch, steps, units] or [batch, channels, height, width]."""

    def __init__(self, seed):
        super().__init__(opset=23)
        self.random = np.random.default_rng(seed)
        self.shapes, self.names = {}, 0
        self.used = []

    def any(self, *choices):
        return choices[self.random.integers(len(choices))]

    def value(self, name, *shape):
        self.shapes[name] = shape
        return name

    def w(self, *shape, name=None):
        """A weight, bounded, so that deep nets stay finite; sometimes one that is in use already."""
        same = [n for n, s in self.used if s == shape]
        if same and self.random.random() < 0.1:
            return self.any(*same)
        self.names += 1
        name = self.weight(f"w{self.names}", *shape)
        self.used.append((name, shape))
        return name

    def positive(self, *shape):
        self.names += 1
        return self.constant(self.random.uniform(0.5, 1.5, shape), np.float32)

    def act(self, x):
        return self.value(self.node(self.any("Relu", "Tanh", "Sigmoid", "Gelu", "Elu"), x), *self.shapes[x])

    # ---- on any value ----

    def unary(self, x):
        kind, shape = self.any(*UNARY, *UNARY_SMALL, *UNARY_POSITIVE, "fused"), self.shapes[x]
        if kind == "fused":
            return self.value(self.node(self.any("Gelu", "QuickGelu"), x, **FUSED), *shape)
        if kind in UNARY_SMALL:
            x = self.node("Mul", self.node("Tanh", x), self.constant(0.9, np.float32))
        elif kind in UNARY_POSITIVE:
            x = self.node("Add", self.node("Abs", x), self.constant(1.1, np.float32))
        more = {"axis": self.any(-1, 1)} if kind in ("Softmax", "LogSoftmax") else {}
        return self.value(self.node(kind, x, **more), *shape)

    def waved(self, x):
        """Functions with steps, where the steps cannot be seen: rounding must not turn into differences."""
        kind, shape = self.any("Round", "Floor", "Ceil", "Sign", "Mod", "IsNaN", "IsInf", "Cast"), self.shapes[x]
        if kind == "Cast":
            return self.value(self.node("CastLike", self.node("Cast", x, to=TensorProto.DOUBLE), x), *shape)
        if kind == "Mod":
            x, period = self.node("Abs", x), self.positive(*self.channel(x))
            part = self.node("Mod", x, period, fmod=1)
            return self.value(self.node("Mul", part, self.node("Sub", period, part)), *shape)
        step = self.node(kind, x)
        if kind in ("IsNaN", "IsInf"):
            return self.value(self.node("Where", step, self.w(*self.channel(x)), x), *shape)
        if kind == "Sign":
            return self.value(self.node("Mul", step, x), *shape)
        part = self.node("Sub", x, step)  # in Ceil's case minus the rest
        other = self.node("Abs", part) if kind == "Round" else self.node("Sub", part, self.constant(
            1 if kind == "Floor" else -1, np.float32))
        return self.value(other if kind == "Round" else self.node("Mul", part, other), *shape)

    def counted(self, x):
        """A number for each unit, made of weights or shapes by functions with steps, which see the same bits each time."""
        *rest, size = (*self.channel(x)[1:], self.channel(x)[0])
        kind = self.any("ArgMax", "ArgMin", "Hardmax", "QuantizeLinear", "DynamicQuantizeLinear", "BitShift", "TopK", "Range",
                        "ConstantOfShape", "Expand", "Shape", "Size")
        scale = self.constant(0.1, np.float32)
        if kind in ("ArgMax", "ArgMin"):
            y = self.node("Cast", self.node(kind, self.w(5, size), axis=0, keepdims=0), to=TensorProto.FLOAT)
        elif kind == "Hardmax":
            y = self.node("ReduceMax", self.node("Hardmax", self.w(5, size), axis=self.any(0, 1)), self.constant([0]), keepdims=0)
        elif kind == "QuantizeLinear":
            shape = self.any((), (size,))
            more = [self.positive(*shape), self.constant(np.full(shape, 3), np.int8)]
            y = self.node("DequantizeLinear", self.node(kind, self.w(3, size), *more), *more)
            y = self.node("ReduceSum", y, self.constant([0]), keepdims=0)
        elif kind == "DynamicQuantizeLinear":
            y = self.node("DequantizeLinear", *self.node(kind, self.w(size), outputs=3))
        elif kind == "BitShift":
            bits = [self.constant(self.random.integers(0, 4, size) if self.random.random() < 0.5 else np.full(size, 2), np.uint8)
                    for _ in range(2)]
            y = self.node("Cast", self.node(kind, *bits, direction="LEFT"), to=TensorProto.FLOAT)
        elif kind == "TopK":
            y = self.node("ReduceSum", self.node(kind, self.w(5, size), self.constant([2]), axis=0, outputs=2)[self.any(0, 0)],
                          self.constant([0]), keepdims=0)
        elif kind == "Range":
            y = self.node(kind, *(self.constant(k) for k in (0, size, 1)))
            y = self.node("Cast", y, to=TensorProto.FLOAT)
        elif kind == "ConstantOfShape":
            y = self.node(kind, self.constant([size]), value=numpy_helper.from_array(np.array([3], np.float32)))
        elif kind == "Expand":
            y = self.node(kind, self.w(1), self.constant([size]))
        else:
            y = self.node("Cast", self.node(kind, x), to=TensorProto.FLOAT)
            y = self.node("ReduceSum", self.node("Mul", y, self.w(len(self.shapes[x]))) if kind == "Shape" else y, keepdims=0)
            return self.value(self.node("Add", x, self.node("Mul", y, scale)), *self.shapes[x])
        y = self.node("Mul", y, self.constant(0.1, np.float32))
        y = self.node("Reshape", y, self.constant([size, *rest])) if rest else y
        return self.value(self.node("Add", x, y), *self.shapes[x])

    def widened(self, x):
        axis = int(self.random.integers(len(self.shapes[x])))
        shape = [1] * (len(self.shapes[x]) + 1)
        shape[axis] = 3
        y = self.node("Mul", self.node("Unsqueeze", x, self.constant([axis])), self.w(*shape))
        if self.random.random() < 0.5:
            shape = self.node("Shape", x)
            y = self.node("Expand", x, self.node("Concat", self.constant([3]), shape, axis=0))
            y, axis = self.node("Mul", y, self.w(3, *[1] * len(self.shapes[x]))), 0
        return self.value(self.node("ReduceMean", self.node("Tanh", y), self.constant([axis]), keepdims=0), *self.shapes[x])

    def learned(self, x):
        """Data made of weights."""
        shape = list(self.shapes[x])
        if len(shape) == 3 and self.random.random() < 0.5:
            shape[1] = int(self.any(3, 6))
        return self.value(self.w(*shape), *shape)

    def channel(self, x):
        """Shape of a parameter with one number a unit."""
        return (self.shapes[x][1], 1, 1) if len(self.shapes[x]) == 4 else (self.shapes[x][-1],)

    def binary(self, x):
        kind = self.any(*BINARY)
        others = [y for y, shape in self.shapes.items() if shape == self.shapes[x]]
        other = self.any(*others) if self.random.random() < 0.5 and kind != "PRelu" else self.w(*self.channel(x))
        return self.value(self.node(kind, *((x, other) if kind == "PRelu" or self.random.random() < 0.5 else (other, x))),
                          *self.shapes[x])

    def compared(self, x):
        other = self.w(*self.channel(x))
        mask = self.node(self.any("Greater", "GreaterOrEqual", "Less", "LessOrEqual"), x, other)
        mask = self.node("Not", mask) if self.random.random() < 0.3 else mask
        # A step would let rounding through: both sides meet where the mask turns.
        if self.random.random() < 0.5:
            more = self.w(*self.channel(x))
            mask = self.node(self.any("And", "Or", "Xor", "Equal"), mask, self.node("Greater", x, more))
            inside = self.node("Tanh", self.node("Mul", self.node("Sub", x, other), self.node("Sub", x, more)))
            return self.value(self.node("Where", mask, inside, self.constant(0, np.float32)), *self.shapes[x])
        return self.value(self.node("Where", mask, self.node("Sub", x, other), self.node("Sub", other, x)), *self.shapes[x])

    def scaled(self, x):
        y = self.node("Div", x, self.positive(*self.channel(x)))
        return self.value(self.node("Pow", self.node("Abs", y), self.constant(1.5, np.float32)), *self.shapes[x])

    def joined(self, x):
        axis = 1 if len(self.shapes[x]) == 4 else len(self.shapes[x]) - 1
        others = [y for y, shape in self.shapes.items() if len(shape) == len(self.shapes[x])
                  and shape[:axis] == self.shapes[x][:axis] and shape[axis + 1:] == self.shapes[x][axis + 1:]]
        y = self.any(*others)
        a, b = self.shapes[x][axis], self.shapes[y][axis]
        if a + b > 24:
            return x
        shape = list(self.shapes[x])
        shape[axis] = a + b
        z = self.value(self.node("Concat", x, y, axis=axis), *shape)
        if self.random.random() < 0.5:
            return z
        shape[axis] = a
        parts = self.node("Split", self.act(z), self.constant([a, b]), axis=axis, outputs=2)
        return self.value(parts[0], *shape)

    def sliced(self, x):
        axis = 1 if len(self.shapes[x]) == 4 else len(self.shapes[x]) - 1
        size, shape = self.shapes[x][axis], list(self.shapes[x])
        if size < 4:
            return x
        if self.random.random() < 0.5:
            shape[axis] = size // 2
            first = int(self.random.integers(size - size // 2))
            return self.value(self.node("Slice", x, self.constant([first]), self.constant([first + size // 2]),
                                        self.constant([axis])), *shape)
        picked = self.random.permutation(size)[:size - 1]
        shape[axis] = size - 1
        return self.value(self.node("Gather", x, self.constant(picked), axis=axis), *shape)

    def ordered(self, x):
        axis = 1 if len(self.shapes[x]) == 4 else len(self.shapes[x]) - 1
        kind = self.any("CumSum", "Pad", "Tile", "TopK", "Trilu")
        shape = list(self.shapes[x])
        if kind == "CumSum":
            return self.value(self.node("CumSum", x, self.constant(axis)), *shape)
        if kind == "Trilu":
            return self.value(self.node("Trilu", x), *shape)
        if kind == "TopK":
            shape[axis] = max(1, shape[axis] - 2)
            return self.value(self.node("TopK", x, self.constant([shape[axis]]), axis=axis, outputs=2)[0], *shape)
        shape[axis] += 1 if kind == "Pad" else shape[axis]
        if shape[axis] > 24:
            return x
        pads = np.zeros((2, len(shape)), np.int64)
        pads[1, axis] = 1
        times = [2 if k == axis else 1 for k in range(len(shape))]
        return self.value(self.node(kind, x, self.constant(pads.reshape(-1) if kind == "Pad" else times)), *shape)

    # ---- vectors and sequences ----

    def dense(self, x, out=None):
        *rest, size = self.shapes[x]
        out = out or int(self.any(4, 6, 8, 12))
        kind = self.any("MatMul", "Gemm", "Einsum", "FusedMatMul", "DequantizeLinear")
        if kind == "Gemm" and len(rest) == 1:
            flip, fused = int(self.random.integers(2)), self.random.random() < 0.3
            y = self.node("FusedGemm" if fused else "Gemm", x, self.w(*((out, size) if flip else (size, out))), self.w(out),
                          transB=flip, **({"activation": "Relu", **FUSED} if fused else {}))
        elif kind == "Einsum":
            y = self.node("Einsum", x, self.w(size, out), equation="bi,io->bo" if len(rest) == 1 else "bti,io->bto")
        elif kind == "FusedMatMul":
            y = self.node("FusedMatMul", x, self.w(out, size), transB=1, **FUSED)
        elif kind == "DequantizeLinear":
            bytes_ = self.constant(self.random.integers(-100, 100, (size, out)), np.int8)
            scale = self.constant(self.random.uniform(0.002, 0.006, out), np.float32)
            y = self.node("MatMul", x, self.node("DequantizeLinear", bytes_, scale, axis=1))
        else:
            y = self.node("MatMul", x, self.w(size, out))
        y = self.node("Add", y, self.w(out)) if self.random.random() < 0.5 else y
        if self.random.random() < 0.2:
            y = self.node(self.any("BiasGelu", "FastGelu"), y, self.w(out), **FUSED)
        return self.act(self.value(y, *rest, out))

    def normalised(self, x):
        *rest, size = self.shapes[x]
        kind = self.any("LayerNormalization", "RMSNormalization", "SkipLayerNormalization", "SkipSimplifiedLayerNormalization",
                        "SimplifiedLayerNormalization", "LpNormalization", "decomposed")
        if kind.startswith("Skip") and len(rest) == 2:
            others = [y for y, shape in self.shapes.items() if shape == self.shapes[x]]
            more = [self.w(size)] if kind == "SkipLayerNormalization" else []
            y = self.node(kind, x, self.any(*others), self.w(size), *more, epsilon=EPSILON, **FUSED)
        elif kind in ("RMSNormalization", "SimplifiedLayerNormalization"):
            y = self.node(kind, x, self.w(size), axis=-1, epsilon=EPSILON)
        elif kind == "LpNormalization":
            y = self.node(kind, x, axis=-1)
        elif kind == "decomposed":
            centred = self.node("Sub", x, self.node("ReduceMean", x, self.constant([-1])))
            spread = self.node("ReduceMean", self.node("Mul", centred, centred), self.constant([-1]))
            spread = self.node("Sqrt", self.node("Add", spread, self.constant(EPSILON, np.float32)))
            y = self.node("Mul", self.node("Div", centred, spread), self.w(size))
        else:
            y = self.node("LayerNormalization", x, self.w(size), self.w(size), axis=-1, epsilon=EPSILON)
        return self.value(y, *rest, size)

    def recurrent(self, x):
        if len(self.shapes[x]) != 3:
            return x
        batch, steps, size = self.shapes[x]
        kind, gates = self.any(("LSTM", 4), ("GRU", 3), ("RNN", 1))
        units, ways = int(self.any(3, 4, 6)), int(self.any(1, 2))
        parameters = [self.w(ways, gates * units, size), self.w(ways, gates * units, units), self.w(ways, 2 * gates * units)]
        if self.random.random() < 0.3:
            parameters += ["", self.w(ways, batch, units)]
            if kind == "LSTM":
                parameters += [self.w(ways, batch, units), self.w(ways, 3 * units)]
        y, last = self.node(kind, self.node("Transpose", x, perm=[1, 0, 2]), *parameters, hidden_size=units, outputs=2,
                            direction="bidirectional" if ways == 2 else self.any("forward", "reverse"))
        if self.random.random() < 0.3:
            return self.value(self.node("Reshape", self.node("Transpose", last, perm=[1, 0, 2]), self.constant([0, -1])),
                              batch, ways * units)
        return self.value(self.node("Reshape", self.node("Transpose", y, perm=[2, 0, 1, 3]), self.constant([0, 0, -1])),
                          batch, steps, ways * units)

    def attention(self, x):
        if len(self.shapes[x]) != 3:
            return x
        batch, steps, size = self.shapes[x]
        others = [y for y, shape in self.shapes.items() if len(shape) == 3 and shape[0] == batch]
        other = x if self.random.random() < 0.6 else self.learned(x) if self.random.random() < 0.4 else self.any(*others)
        heads, shared, inside, values = int(self.any(2, 4)), int(self.any(1, 2)), int(self.any(2, 4)), int(self.any(2, 3))
        kind = self.any("Attention", "MultiHeadAttention", "fused", "matmul")
        if kind == "fused":
            y = self.node("Attention", x, self.w(size, 3 * heads * inside), self.w(3 * heads * inside), num_heads=heads,
                          unidirectional=int(self.random.integers(2)), **FUSED)
            return self.value(y, batch, steps, heads * inside)
        shared = shared if kind == "Attention" else heads
        values = inside if kind == "MultiHeadAttention" else values
        q = self.node("MatMul", x, self.w(size, heads * inside))
        k = self.node("MatMul", other, self.w(self.shapes[other][2], shared * inside))
        v = self.node("MatMul", other, self.w(self.shapes[other][2], shared * values))
        if kind == "Attention":
            if other == x and self.random.random() < 0.3:
                tables = [self.w(batch, steps, inside // 2) for _ in range(2)]
                q = self.node("RotaryEmbedding", q, *tables, num_heads=heads)
                k = self.node("RotaryEmbedding", k, *tables, num_heads=shared)
            mask = [self.w(heads, steps, self.shapes[other][1])] if self.random.random() < 0.3 else []
            y = self.node("Attention", q, k, v, *mask, q_num_heads=heads, kv_num_heads=shared,
                          is_causal=int(self.random.random() < 0.2))
        elif kind == "MultiHeadAttention":
            if other == x and self.random.random() < 0.3:
                tables = [self.w(steps, inside // 2) for _ in range(2)]
                ids = self.constant(np.tile(np.arange(steps), (batch, 1)))
                q, k = (self.node("RotaryEmbedding", part, ids, *tables, **FUSED) for part in (q, k))
            bias = [self.w(heads * (2 * inside + values))] if self.random.random() < 0.5 else []
            y = self.node("MultiHeadAttention", q, k, v, *bias, num_heads=heads, **FUSED)
        else:
            q, k, v = (self.node("Transpose", self.node("Reshape", part, self.constant([0, 0, heads, -1])), perm=order)
                       for part, order in ((q, [0, 2, 1, 3]), (k, [0, 2, 3, 1]), (v, [0, 2, 1, 3])))
            scores = self.node("MatMul", q, k)
            if self.random.random() < 0.3:
                scores = self.node("Add", scores, self.w(heads, 1, 1))
            y = self.node("Transpose", self.node("MatMul", self.node("Softmax", scores, axis=-1), v), perm=[0, 2, 1, 3])
            y = self.node("Reshape", y, self.constant([0, 0, -1]))
        return self.value(y, batch, steps, heads * values)

    def embedded(self, x):
        if len(self.shapes[x]) != 3:
            return x
        batch, steps, size = self.shapes[x]
        if self.random.random() < 0.3:
            ids = [self.constant(self.random.integers(0, 2, (batch, steps)), np.int32) for _ in range(2)]
            rows = self.node("EmbedLayerNormalization", *ids, self.w(7, size), self.w(steps + 2, size), self.w(2, size), self.w(size),
                             self.w(size), outputs=2, epsilon=EPSILON, **FUSED)[0]
            return self.value(self.node("Add", x, rows), *self.shapes[x])
        rows = self.node("Gather", self.w(7, size), self.constant(self.random.integers(0, 7, steps)), axis=0)
        return self.value(self.node("Add", x, rows), *self.shapes[x])

    def cut(self, x):
        """[batch, units] as [batch, steps, units], and back."""
        if len(self.shapes[x]) == 3:
            batch, steps, size = self.shapes[x]
            if self.random.random() < 0.5 and steps * size <= 40:
                return self.value(self.node("Reshape", x, self.constant([0, -1])), batch, steps * size)
            kind = self.any("ReduceMean", "ReduceMax", "ReduceMin", "ReduceSum", "ReduceL1", "ReduceL2", "ReduceLogSum",
                            "ReduceLogSumExp", "ReduceProd", "ReduceSumSquare")
            y = self.node("Add", self.node("Abs", x), self.constant(0.5, np.float32)) if kind == "ReduceLogSum" else x
            return self.value(self.node(kind, y, self.constant([self.any(1, -2)]), keepdims=0), batch, size)
        batch, size = self.shapes[x]
        if size % 2:
            return x
        y = self.node("Reshape", x, self.constant([0, 2, -1]))
        if self.random.random() < 0.5:
            return self.value(self.node("Transpose", y, perm=[0, 2, 1]), batch, size // 2, 2)
        return self.value(y, batch, 2, size // 2)

    # ---- images ----

    def convolved(self, x):
        batch, channels, high, wide = self.shapes[x]
        out, groups = int(self.any(4, 6, 8)), 1
        if self.random.random() < 0.4:
            groups = int(self.any(*[g for g in range(1, channels + 1) if channels % g == 0]))
            out = groups * int(self.any(1, 2, 3))
        if out > 16:
            return x
        kind = self.any("Conv", "ConvTranspose", "FusedConv")
        shape = (channels, out // groups, 3, 3) if kind == "ConvTranspose" else (out, channels // groups, 3, 3)
        more = {**FUSED, "activation": "Relu"} if kind == "FusedConv" else {}
        bias = [self.w(out)] if self.random.random() < 0.6 or more else []
        if more and self.random.random() < 0.5 and out == channels:
            bias.append(x)
        y = self.node(kind, x, self.w(*shape), *bias, group=groups, pads=[1, 1, 1, 1], **more)
        return self.act(self.value(y, batch, out, high, wide))

    def image_normalised(self, x):
        batch, channels, high, wide = self.shapes[x]
        kind = self.any("BatchNormalization", "InstanceNormalization", "GroupNormalization", "LRN", "MeanVarianceNormalization")
        if kind == "BatchNormalization":
            y = self.node(kind, x, self.w(channels), self.w(channels), self.w(channels), self.positive(channels))
        elif kind in ("InstanceNormalization", "GroupNormalization"):
            groups = int(self.any(*[g for g in range(1, channels + 1) if channels % g == 0]))
            more = {"num_groups": groups} if kind == "GroupNormalization" else {}
            y = self.node(kind, x, self.w(channels), self.w(channels), epsilon=EPSILON, **more)
        else:
            more = {"size": int(self.any(1, 3)), "alpha": 0.5} if kind == "LRN" else {}
            y = self.node(kind, x if more else self.node("Add", x, self.w(channels, high, wide)), **more)
        return self.value(y, *self.shapes[x])

    def resampled(self, x):
        batch, channels, high, wide = self.shapes[x]
        kind = self.any("MaxPool", "AveragePool", "LpPool", "Resize", "Pad")
        if kind == "Resize":
            scales = self.constant([1, 1, 2, 1], np.float32)
            return (self.value(self.node(kind, x, "", scales, mode=self.any("nearest", "linear")), batch, channels, 2 * high,
                               wide) if high < 8 else x)
        if kind == "Pad":
            return self.value(self.node(kind, x, self.constant([0, 0, 1, 0, 0, 0, 0, 0])), batch, channels, high + 1, wide)
        return self.value(self.node(kind, x, kernel_shape=[2, 2]), batch, channels, high - 1, wide - 1) if min(high, wide) > 2 \
            else x

    def shuffled(self, x):
        batch, channels, high, wide = self.shapes[x]
        groups = int(self.any(*[g for g in range(1, channels + 1) if channels % g == 0]))
        y = self.node("Reshape", x, self.constant([batch, groups, channels // groups, high, wide]))
        y = self.node("Transpose", y, perm=[0, 2, 1, 3, 4])
        return self.value(self.node("Reshape", y, self.constant([batch, channels, high, wide])), *self.shapes[x])

    def excited(self, x):
        batch, channels, high, wide = self.shapes[x]
        y = self.node(self.any("GlobalAveragePool", "GlobalMaxPool"), x)
        y = self.node("Relu", self.node("Conv", y, self.w(3, channels, 1, 1)))
        y = self.node("Sigmoid", self.node("Conv", y, self.w(channels, 3, 1, 1)))
        return self.value(self.node("Mul", x, y), *self.shapes[x])

    def flat(self, x):
        batch, channels, high, wide = self.shapes[x]
        if channels * high * wide <= 160 and self.random.random() < 0.5:
            return self.value(self.node("Flatten", x), batch, channels * high * wide)
        if self.random.random() < 0.5:
            y = self.node("Transpose", self.node("Reshape", x, self.constant([0, 0, -1])), perm=[0, 2, 1])
            return self.value(y, batch, high * wide, channels)
        y = self.node("Squeeze", self.node("GlobalAveragePool", x), self.constant([2, 3]))
        return self.value(y, batch, channels)

    def grown(self):
        """An input and some steps; the outputs are small, and depend on what was made last."""
        kind = self.any("vector", "sequence", "image")
        shape = {"vector": (2, 5), "sequence": (2, 4, 5), "image": (2, 3, 4, 5)}[kind]
        x = self.value(self.input(*shape), *shape)
        x = self.convolved(x) if kind == "image" else self.dense(x)
        for _ in range(int(self.random.integers(2, 9))):
            common = [self.unary, self.unary, self.binary, self.compared, self.waved, self.counted, self.scaled, self.widened,
                      self.joined, self.sliced, self.ordered, self.learned]
            if len(self.shapes[x]) == 4:
                own = [self.convolved] * 5 + [self.image_normalised, self.image_normalised, self.resampled, self.shuffled,
                                              self.excited, self.flat]
            else:
                own = [self.dense] * 5 + [self.normalised, self.recurrent, self.attention, self.attention, self.embedded,
                                          self.cut]
            x = self.any(*own, *own, *common)(x)
            if self.random.random() < 0.15:
                x = self.any(*[y for y in self.shapes if y != "x"])
        if len(self.shapes[x]) == 4:
            x = self.flat(x)
        *rest, size = self.shapes[x]
        y = self.node("MatMul", x, self.w(size, 3))
        if self.random.random() < 0.3:  # in which data made of weights has free batches and steps
            axes = self.any([0], [0], [1], [0, 1]) if len(rest) == 2 else [0]
            y = self.node("ReduceMax", y, self.constant(axes), keepdims=0)
        return self.model(y)


class RandomNets(NetTest):
    def test_random_nets(self):
        usable, groups, kinds, worst = 0, 0, set(), 0.0
        print(f"seeds {FIRST} to {FIRST + COUNT - 1}")
        for seed in range(FIRST, FIRST + COUNT):
            net = RandomNet(seed)
            model = net.grown()
            reference = session(model, optimises=False).run(None, net.feeds)[0]
            if not np.isfinite(reference).all() or np.abs(reference).max() < 1e-3:
                continue
            onnx.save(model, self.path("a.onnx"))
            report = run_json("permute", self.path("a.onnx"), "-o", self.path("b.onnx"), "--random", "--seed", seed,
                              "--no-verify")
            after = session(self.path("b.onnx"), optimises=False).run(None, net.feeds)[0]
            difference = float(np.abs(after - reference).max() / np.abs(reference).max())
            self.assertLess(difference, TOLERANCE, f"seed {seed}: {[node.op_type for node in model.graph.node]}")
            worst = max(worst, difference)
            usable += bool(report["groups"])
            groups += len(report["groups"])
            kinds |= {node.op_type for node in model.graph.node}
        print(f"{usable} models with {groups} groups, {len(kinds)} operators; largest difference {worst:.1e}")
        self.assertGreater(usable, 0.6 * COUNT)


if __name__ == "__main__":
    unittest.main(verbosity=2)
