"""Symmetries of attention as one operator, of com.microsoft's fused operators and of quantised weights, judged by ONNX
Runtime."""
import os
import unittest

import numpy as np
import onnx

from common import run, run_json
from nets import Net, NetTest, own

FUSED = {"domain": "com.microsoft"}
HEADS, UNITS, STEPS, BATCH = 3, 4, 5, 2
INSIDE, VALUES = own(UNITS, HEADS), own(2, HEADS)


class Fused(NetTest):
    def projected(self, net, x, inputs, **sizes):
        return [net.dense(x, name, inputs, size) for name, size in sizes.items()]

    def test_attention(self):
        """Units of the stream (6), heads (3), and inside a head queries with keys (4) apart from values (2)."""
        for name, more in [("plain", {}), ("causal", {"is_causal": 1}), ("mask", {}), ("head mask", {}), ("split", {})]:
            with self.subTest(name):
                net = Net(opset=23)
                h = net.node("Relu", net.dense(net.input(BATCH, STEPS, 7), "in", 7, 6))
                q, k, v = self.projected(net, h, 6, q=HEADS * UNITS, k=HEADS * UNITS, v=HEADS * 2)
                if name == "mask":
                    more = {"mask": net.weight("mask", STEPS, STEPS)}
                elif name == "head mask":
                    more = {"mask": net.weight("mask", HEADS, STEPS, STEPS)}
                mask = [more.pop("mask")] if "mask" in more else []
                if name == "split":
                    q, k, v = (net.node("Transpose", net.node("Reshape", part, net.constant([0, 0, HEADS, -1])),
                                        perm=[0, 2, 1, 3]) for part in (q, k, v))
                    h = net.node("Reshape", net.node("Transpose", net.node("Attention", q, k, v, *mask, **more),
                                                     perm=[0, 2, 1, 3]), net.constant([0, 0, -1]))
                else:
                    h = net.node("Attention", q, k, v, *mask, q_num_heads=HEADS, kv_num_heads=HEADS, **more)
                self.check(net, [net.dense(h, "out", HEADS * 2, 3)], [6, HEADS, INSIDE, VALUES])

    def test_attention_of_shared_keys(self):
        """Groups of heads (3), heads in a group (2), and inside them."""
        net = Net(opset=23)
        x = net.input(BATCH, STEPS, 7)
        q, k, v = self.projected(net, x, 7, q=6 * UNITS, k=3 * UNITS, v=3 * 5)
        h = net.node("Attention", q, k, v, q_num_heads=6, kv_num_heads=3)
        self.check(net, [net.dense(h, "out", 30, 3)], [3, own(2, 3), own(UNITS, 3), own(5, 3)])
        net = Net(opset=23)
        x = net.input(BATCH, STEPS, 7)
        q, k, v = self.projected(net, x, 7, q=6 * UNITS, k=UNITS, v=5)
        h = net.node("Attention", q, k, v, q_num_heads=6, kv_num_heads=1)
        self.check(net, [net.dense(h, "out", 30, 3)], [6, UNITS, 5])

    def learned(self, net, *sizes, batch=BATCH, steps=4):
        """Queries, keys or values that are weights."""
        return [net.weight(f"learned{i}", batch, steps, size) for i, size in enumerate(sizes)]

    def summed(self, net, h, size, axes=(1,)):
        """An output that lacks these axes of h. An input comes in here, where h is made of weights."""
        h = net.node("ReduceSum", net.dense(h, "out", size, 3), net.constant(axes), keepdims=0)
        return net.node("Add", h, net.dense(net.input(BATCH, 2, name="other"), "skip", 2, 3))

    def test_attention_to_learned_keys(self):
        """Keys go with their values (4), but not where something says which comes first."""
        for name in ["plain", "mask", "causal", "present", "past", "scores"]:
            with self.subTest(name):
                net = Net(opset=23)
                q, = self.projected(net, net.input(BATCH, STEPS, 7), 7, q=HEADS * UNITS)
                k, v = self.learned(net, HEADS * UNITS, HEADS * 2)
                mask = net.weight("mask", STEPS, 4) if name == "mask" else ""
                past = [net.weight("past_k", BATCH, HEADS, 2, UNITS), net.weight("past_v", BATCH, HEADS, 2, 2)]
                h, *more = net.node("Attention", q, k, v, mask, *(past if name == "past" else []), outputs=4,
                                    q_num_heads=HEADS, kv_num_heads=HEADS, is_causal=int(name == "causal"))
                more = ([net.node("ReduceSum", net.node("Mul", x, x), net.constant([1, 3]), keepdims=0) for x in more[:2]]
                        if name in ("present", "past") else
                        [net.node("ReduceSum", more[2], net.constant([1, 2]), keepdims=0)] if name == "scores" else [])
                self.check(net, [net.dense(h, "out", HEADS * 2, 3), *more],
                           [HEADS, *([UNITS, 2] if name in ("present", "past") else [INSIDE, VALUES])] +
                           [4] * (name in ("plain", "mask")))

    def test_attention_of_learned_queries(self):
        for name in ["plain", "mask", "causal"]:
            with self.subTest(name):
                net = Net(opset=23)
                k, v = self.projected(net, net.input(BATCH, STEPS, 7), 7, k=HEADS * UNITS, v=HEADS * 2)
                mask = [net.weight("mask", 6, STEPS)] if name == "mask" else []
                h = net.node("Attention", *self.learned(net, HEADS * UNITS, steps=6), k, v, *mask, q_num_heads=HEADS,
                             kv_num_heads=HEADS, is_causal=int(name == "causal"))
                self.check(net, [self.summed(net, h, HEADS * 2)], [HEADS, INSIDE, VALUES] + [6] * (name != "causal"))

    def test_attention_that_keeps_what_came_before(self):
        net = Net(opset=23)
        q, k, v = self.projected(net, net.input(BATCH, STEPS, 7), 7, q=HEADS * UNITS, k=HEADS * UNITS, v=HEADS * 2)
        past = [net.weight("past_k", BATCH, HEADS, 2, UNITS), net.weight("past_v", BATCH, HEADS, 2, 2)]
        h = net.node("Attention", q, k, v, "", *past, q_num_heads=HEADS, kv_num_heads=HEADS, outputs=3)
        more = [net.node("ReduceSum", net.node("Mul", x, x), net.constant([1, 3]), keepdims=0) for x in h[1:]]
        # What came before shows heads and their insides on axes of their own: one order for all heads.
        self.check(net, [net.dense(h[0], "out", HEADS * 2, 3), *more], [HEADS, UNITS, 2])

    def test_rotary_embedding(self):
        net = Net(opset=23)
        x = net.input(BATCH, STEPS, 7)
        q, k, v = self.projected(net, x, 7, q=HEADS * UNITS, k=HEADS * UNITS, v=HEADS * 2)
        tables = [net.weight("cos", STEPS, UNITS // 2), net.weight("sin", STEPS, UNITS // 2)]
        ids = net.constant(np.tile(np.arange(STEPS), (BATCH, 1)))
        q, k = (net.node("RotaryEmbedding", part, *tables, ids, num_heads=HEADS) for part in (q, k))
        h = net.node("Attention", q, k, v, q_num_heads=HEADS, kv_num_heads=HEADS)
        self.check(net, [net.dense(h, "out", HEADS * 2, 3)], [HEADS, VALUES])

    def test_fused_rotary_embedding(self):
        net = Net()
        x = net.input(BATCH, STEPS, 7)
        q, k, v = self.projected(net, x, 7, q=HEADS * UNITS, k=HEADS * UNITS, v=HEADS * 2)
        tables = [net.weight("cos", STEPS, UNITS // 2), net.weight("sin", STEPS, UNITS // 2)]
        ids = net.constant(np.tile(np.arange(STEPS), (BATCH, 1)))
        q, k = (net.node("RotaryEmbedding", part, ids, *tables, **FUSED) for part in (q, k))
        h = net.node("MultiHeadAttention", q, k, v, num_heads=HEADS, **FUSED)
        self.check(net, [net.dense(h, "out", HEADS * 2, 3)], [HEADS, VALUES])

    def test_fused_attention(self):
        for name in ["plain", "unidirectional", "lengths", "mask"]:
            with self.subTest(name):
                net = Net()
                h = net.node("Relu", net.dense(net.input(BATCH, STEPS, 7), "in", 7, 6))
                mask = (net.constant([5, 3], np.int32) if name == "lengths" else
                        net.constant([[1, 1, 1, 1, 0], [1, 1, 0, 1, 1]], np.int32) if name == "mask" else "")
                h = net.node("Attention", h, net.weight("w", 6, 3 * HEADS * UNITS), net.weight("b", 3 * HEADS * UNITS), mask,
                             num_heads=HEADS, unidirectional=int(name == "unidirectional"), **FUSED)
                self.check(net, [net.dense(h, "out", HEADS * UNITS, 3)], [6, HEADS, INSIDE, INSIDE])

    def test_fused_attention_with_wider_values(self):
        net = Net()
        h = net.node("Attention", net.input(BATCH, STEPS, 7), net.weight("w", 7, 36), net.weight("b", 36), num_heads=HEADS,
                     qkv_hidden_sizes=[9, 9, 18], **FUSED)
        self.check(net, [net.dense(h, "out", 18, 3)], [HEADS, own(3, HEADS), own(6, HEADS)])

    def test_multi_head_attention(self):
        for name in ["plain", "bias", "attention bias"]:
            with self.subTest(name):
                net = Net()
                x, y = net.input(BATCH, STEPS, 7), net.input(BATCH, 4, 5, name="y")
                q, = self.projected(net, x, 7, q=HEADS * UNITS)
                k, v = self.projected(net, y, 5, k=HEADS * UNITS, v=HEADS * UNITS)
                bias = net.weight("bias", 3 * HEADS * UNITS) if name == "bias" else ""
                more = ["", net.weight("scores", 1, HEADS, STEPS, 4)] if name == "attention bias" else []
                h = net.node("MultiHeadAttention", q, k, v, bias, *more, num_heads=HEADS, **FUSED)
                self.check(net, [net.dense(h, "out", HEADS * UNITS, 3)], [HEADS, INSIDE, INSIDE])

    def test_multi_head_attention_to_learned_keys(self):
        for name in ["plain", "lengths", "mask", "computed mask", "scores", "past"]:
            with self.subTest(name):
                net = Net()
                q, = self.projected(net, net.input(BATCH, STEPS, 7), 7, q=HEADS * UNITS)
                k, v = self.learned(net, HEADS * UNITS, HEADS * UNITS)
                mask = (net.constant([3, 2], np.int32) if name == "lengths" else
                        net.constant([[1, 1, 0, 1], [0, 1, 1, 1]], np.int32) if name == "mask" else
                        net.node("Cast", net.constant([[1, 1, 0, 0], [0, 1, 1, 0]], np.float32),  # columns that differ
                                 to=onnx.TensorProto.INT32) if name == "computed mask" else "")
                past = ["", *(net.weight(f"past{i}", BATCH, HEADS, 2, UNITS) for i in range(2))] if name == "past" else []
                outputs = {"scores": 4, "past": 3}.get(name, 1)
                h = net.node("MultiHeadAttention", q, k, v, "", mask, *past, num_heads=HEADS, outputs=outputs, **FUSED)
                h, *more = h if outputs > 1 else [h]
                more = (more[2:] if name == "scores" else
                        [net.node("ReduceSum", more[0], net.constant([1, 3]), keepdims=0)] if name == "past" else [])
                self.check(net, [net.dense(h, "out", HEADS * UNITS, 3), *more],
                           [HEADS] * (name != "scores") +
                           [UNITS if name in ("scores", "past") else INSIDE] + [UNITS if name == "scores" else INSIDE] + [4] * (name in ("plain", "computed mask")))

    def test_fused_attention_of_learned_data(self):
        """Batch (3) and steps (5) are free where nothing says which is which."""
        for name in ["plain", "unidirectional", "lengths", "computed lengths"]:
            with self.subTest(name):
                net = Net()
                h, = self.learned(net, 6, batch=3, steps=STEPS)
                mask = (net.constant([5, 3, 2], np.int32) if name == "lengths" else
                        net.node("Cast", net.constant([5, 3, 2], np.float32), to=onnx.TensorProto.INT32)
                        if name == "computed lengths" else "")
                h = net.node("Attention", h, net.weight("w", 6, 3 * HEADS * UNITS), net.weight("b", 3 * HEADS * UNITS), mask,
                             num_heads=HEADS, unidirectional=int(name == "unidirectional"), **FUSED)
                self.check(net, [self.summed(net, h, HEADS * UNITS, [0, 1])],
                           [6, HEADS, INSIDE, INSIDE] + {"plain": [3, STEPS], "unidirectional": [3]}.get(name, []))

    def test_what_only_gpus_run(self):
        net = Net()
        h = net.node("Attention", *self.learned(net, 6, batch=3), net.weight("w", 6, 3 * HEADS * UNITS), num_heads=HEADS,
                     do_rotary=1, **FUSED)
        self.check_groups(net.model(self.summed(net, h, HEADS * UNITS, [0, 1])), [6, HEADS, INSIDE, 3])  # the last one: batch
        net = Net()
        h = net.node("Attention", *self.learned(net, 6, batch=3), net.weight("w", 6, 3 * HEADS * UNITS), "",
                     net.node("Cast", net.weight("mask", 3, 1, 4, 4), to=onnx.TensorProto.INT32), num_heads=HEADS, **FUSED)
        self.check_groups(net.model(self.summed(net, h, HEADS * UNITS, [0, 1])), [6, HEADS, INSIDE, INSIDE])
        net = Net()  # lengths, where queries start and where keys start: of packed sequences
        k, v = self.projected(net, net.input(BATCH, STEPS, 7), 7, k=HEADS * UNITS, v=HEADS * UNITS)
        h = net.node("MultiHeadAttention", *self.learned(net, HEADS * UNITS), k, v, "",
                     net.constant([3, 3, 0, 4, 8, 0, 5, 10], np.int32), num_heads=HEADS, **FUSED)
        self.check_groups(net.model(self.summed(net, h, HEADS * UNITS)), [HEADS, INSIDE, INSIDE])

    def test_embeddings_of_one_token_know_their_places(self):
        """Tokens are all the same; segments come from weights, as do what counts and where it stands."""
        net = Net()
        ids = net.constant(np.full((3, STEPS), 2), np.int32)
        numbers = [net.node("Cast", net.constant(net.random.integers(0, 2, (3, STEPS)), np.float32), to=onnx.TensorProto.INT32)
                   for _ in range(3)]
        h, lengths = net.node("EmbedLayerNormalization", ids, numbers[0], net.weight("words", 7, 6), net.weight("places", 9, 6),
                              net.weight("segments", 2, 6), net.weight("scale", 6), net.weight("shift", 6), *numbers[1:],
                              outputs=2, **FUSED)
        lengths = net.node("Mul", net.node("Cast", lengths, to=onnx.TensorProto.FLOAT), net.weight("share", 3))
        h = net.node("Add", self.summed(net, net.node("Mul", h, net.weight("map", 3, STEPS, 1)), 6, [0, 1]),
                     net.node("ReduceSum", lengths))
        self.check(net, [h], [6])

    def test_rotary_embedding_of_learned_data(self):
        for split in [False, True]:
            with self.subTest(split=split):
                net = Net(opset=23)
                q, k, v = self.learned(net, HEADS * UNITS, HEADS * UNITS, HEADS * 2, batch=3)
                if split:
                    q, k, v = (net.node("Transpose", net.node("Reshape", part, net.constant([0, 0, HEADS, -1])),
                                        perm=[0, 2, 1, 3]) for part in (q, k, v))
                tables = [net.weight("cos", 3, 4, UNITS // 2), net.weight("sin", 3, 4, UNITS // 2)]
                q, k = (net.node("RotaryEmbedding", part, *tables, **({} if split else {"num_heads": HEADS}))
                        for part in (q, k))
                h = net.node("Attention", q, k, v, **({} if split else {"q_num_heads": HEADS, "kv_num_heads": HEADS}))
                if split:
                    h = net.node("Reshape", net.node("Transpose", h, perm=[0, 2, 1, 3]), net.constant([0, 0, -1]))
                self.check(net, [self.summed(net, h, HEADS * 2, [0, 1])], [HEADS, VALUES])

    def test_a_bert_layer_as_onnx_runtime_fuses_it(self):
        net, kind = Net(), np.int32
        ids, segments = (net.integers(below, BATCH, STEPS, name=name, kind=kind) for below, name in ((11, "ids"), (2, "parts")))
        h = net.node("EmbedLayerNormalization", ids, segments, net.weight("words", 11, 12), net.weight("positions", 9, 12),
                     net.weight("segments", 2, 12), net.weight("g0", 12), net.weight("s0", 12), outputs=2, **FUSED)[0]
        a = net.node("Attention", h, net.weight("w", 12, 36), net.weight("b", 36), num_heads=HEADS, **FUSED)
        a = net.node("MatMul", a, net.weight("o", 12, 12))
        h = net.node("SkipLayerNormalization", a, h, net.weight("g1", 12), net.weight("s1", 12), net.weight("ob", 12), **FUSED)
        m = net.node("BiasGelu", net.node("MatMul", h, net.weight("up", 12, 10)), net.weight("upb", 10), **FUSED)
        m = net.node("FastGelu", net.node("MatMul", m, net.weight("mid", 10, 8)), net.weight("midb", 8), **FUSED)
        m = net.node("QuickGelu", net.node("Gelu", net.node("MatMul", m, net.weight("mid2", 8, 9)), **FUSED), **FUSED)
        m = net.node("MatMul", m, net.weight("down", 9, 12))
        h, sums = (lambda y: (y[0], y[3]))(net.node("SkipLayerNormalization", m, h, net.weight("g2", 12), net.weight("s2", 12),
                                                    outputs=4, **FUSED))
        h = net.node("Add", h, sums)
        h = net.node("SkipSimplifiedLayerNormalization", h, h, net.weight("g3", 12), **FUSED)
        h = net.node("SimplifiedLayerNormalization", h, net.weight("g4", 12), axis=-1)
        self.check(net, [net.dense(h, "out", 12, 3)], [12, HEADS, INSIDE, INSIDE, 10, 8, 9])

    def test_fused_products(self):
        for a, b in [(0, 0), (0, 1), (1, 0), (1, 1)]:
            with self.subTest(a=a, b=b):
                net = Net()
                h = net.node("Relu", net.dense(net.input(BATCH, STEPS, 7), "in", 7, 6))
                if a:
                    h = net.node("Transpose", h, perm=[0, 2, 1])
                h = net.node("FusedMatMul", h, net.weight("w", *((8, 6) if b else (6, 8))), transA=a, transB=b, alpha=0.7,
                             **FUSED)
                self.check(net, [net.dense(net.node("Relu", h), "out", 8, 3)], [6, 8])

    def test_fused_convolution(self):
        net = Net()
        h = net.node("Relu", net.node("Conv", net.input(1, 3, 6, 6), net.weight("w0", 8, 3, 1, 1)))
        h = net.node("FusedConv", h, net.weight("w1", 8, 8, 3, 3), net.weight("b1", 8), h, activation="Relu",
                     pads=[1, 1, 1, 1], **FUSED)
        h = net.node("FusedConv", h, net.weight("w2", 5, 8, 3, 3), net.weight("b2", 5), activation="Relu", **FUSED)
        self.check(net, [net.node("Conv", h, net.weight("w3", 2, 5, 1, 1))], [8, 5])

    def quantised(self, net, name, rows, columns):
        values = net.random.integers(-127, 128, (rows, columns))
        scale = net.constant(net.random.uniform(0.01, 0.02, columns), np.float32)
        return net.node("DequantizeLinear", net.constant(values, np.int8), scale, net.constant(np.zeros(columns), np.int8),
                        axis=1)

    def quantised_net(self):
        net = Net()
        h = net.node("Relu", net.node("MatMul", net.input(BATCH, 7), self.quantised(net, "w1", 7, 9)))
        scale, zero = net.constant(0.05, np.float32), net.constant(3, np.uint8)
        h = net.node("DequantizeLinear", net.node("QuantizeLinear", h, scale, zero), scale, zero)
        return net, net.node("MatMul", h, self.quantised(net, "w2", 9, 4))

    def test_quantised_weights_move_with_their_scales(self):
        net, y = self.quantised_net()
        self.check(net, [y], [9], aligns=False)

    def test_quantised_weights_are_not_averaged(self):
        net, y = self.quantised_net()
        onnx.save(net.model(y), self.path("a.onnx"))
        run_json("permute", self.path("a.onnx"), "-o", self.path("b.onnx"), "--random", "--no-verify")
        done = run(self.path("a.onnx"), self.path("b.onnx"), "-o", self.path("m.onnx"), "--no-verify")
        self.assertEqual(done.returncode, 4)
        self.assertIn("quantised weights differ", done.stderr)
        self.assertFalse(os.path.exists(self.path("m.onnx")))

    def test_numbers_stay(self):
        """Tokens are compared with a table of numbers: what moves must be weights."""
        net = Net()
        ids = net.integers(6, BATCH, 3)
        hot = net.node("Equal", net.node("Unsqueeze", ids, net.constant([2])), net.constant([[[0, 1, 2, 3, 4, 5]]]))
        h = net.node("Relu", net.dense(net.node("Cast", hot, to=onnx.TensorProto.FLOAT), "in", 6, 8))
        self.check(net, [net.dense(h, "out", 8, 2)], [8])


if __name__ == "__main__":
    unittest.main(verbosity=2)
