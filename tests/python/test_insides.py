"""Insides of blocks: where each block has an order of its own, and where all must have the same. ONNX Runtime judges that
no reordering changes the model; the groups say that none is missing."""
import itertools
import json
import unittest

import numpy as np
from onnx import TensorProto, helper

from common import run, run_json, session
from nets import Net, NetTest, own

HEADS, UNITS, STEPS, BATCH, IN = 3, 4, 5, 2, 7


class Insides(NetTest):
    def setUp(self):
        super().setUp()
        self.net = Net()
        self.x = self.net.input(BATCH, STEPS, IN)

    def heads(self, name, units=UNITS, perm=(0, 2, 1, 3)):
        """A projection of x, [batch, heads, steps, units] or in another order."""
        net = self.net
        flat = net.dense(self.x, name, IN, HEADS * units)
        return net.node("Transpose", net.node("Reshape", flat, net.constant([0, 0, HEADS, -1])), perm=perm)

    def out(self, h, units=UNITS):
        """From [batch, heads, steps, units] to the output."""
        net = self.net
        flat = net.node("Reshape", net.node("Transpose", h, perm=[0, 2, 1, 3]), net.constant([0, 0, HEADS * units]))
        return net.dense(flat, "out", HEADS * units, 3)

    def scores(self, q=None, k=None):
        net = self.net
        return net.node("MatMul", q or self.heads("q"), k or self.heads("k", perm=(0, 2, 3, 1)))

    def attend(self, scores, v=None, units=UNITS):
        net = self.net
        return net.node("MatMul", net.node("Softmax", scores, axis=-1), v or self.heads("v", units))

    def choice(self):
        """An input for If; the model is judged by both."""
        net = self.net
        net.inputs.append(helper.make_tensor_value_info("choice", TensorProto.BOOL, []))
        net.feeds["choice"] = np.array(True)
        net.more_feeds.append({**net.feeds, "choice": np.array(False)})
        return "choice"

    def test_attention(self):
        self.check(self.net, [self.out(self.attend(self.scores(), units=2), 2)], [HEADS, own(UNITS, HEADS), own(2, HEADS)])

    def test_attention_by_einsum(self):
        net = self.net
        q, k, v = (self.heads(name, perm=(0, 1, 2, 3)) for name in "qkv")
        scores = net.node("Softmax", net.node("Einsum", q, k, equation="bthd,bshd->bhts"), axis=-1)
        h = net.node("Einsum", scores, v, equation="bhts,bshd->bhtd")
        self.check(net, [self.out(h)], [HEADS, own(UNITS, HEADS), own(UNITS, HEADS)])

    def test_attention_by_fused_products(self):
        scores = self.net.node("FusedMatMul", self.heads("q"), self.heads("k"), domain="com.microsoft", transB=1, alpha=0.5)
        self.check(self.net, [self.out(self.attend(scores))], [HEADS, own(UNITS, HEADS), own(UNITS, HEADS)])

    def test_attention_with_fused_projections(self):
        """Queries, keys and values are split off, or picked one by one, which leaves the others."""
        for is_split in [True, False]:
            with self.subTest(is_split=is_split):
                self.setUp()
                net = self.net
                flat = net.node("Reshape", net.dense(self.x, "qkv", IN, 3 * HEADS * UNITS),
                                net.constant([0, 0, 3, HEADS, UNITS]))
                flat = net.node("Transpose", flat, perm=[2, 0, 3, 1, 4])
                if is_split:
                    parts = net.node("Split", flat, net.constant([1, 1, 1]), outputs=3, axis=0)
                    q, k, v = (net.node("Squeeze", part, net.constant([0])) for part in parts)
                else:
                    q, k, v = (net.node("Gather", flat, net.constant(i), axis=0) for i in range(3))
                h = self.attend(self.scores(q, net.node("Transpose", k, perm=[0, 1, 3, 2])), v)
                self.check(net, [self.out(h)], [HEADS, own(UNITS, HEADS), own(UNITS, HEADS)])

    def test_scale_that_all_heads_share(self):
        """A norm of queries inside of each head, with one scale for all heads: one order for all of them."""
        net = self.net
        q = net.node("Mul", self.heads("q"), net.weight("scale", UNITS))
        self.check(net, [self.out(self.attend(self.scores(q), units=2), 2)], [HEADS, UNITS, own(2, HEADS)])

    def test_scale_of_each_head(self):
        """On axes of their own in a constant, which is seen with both as one."""
        net = self.net
        q = net.node("Mul", self.heads("q"), net.weight("scale", HEADS, 1, UNITS))
        self.check(net, [self.out(self.attend(self.scores(q), units=2), 2)], [HEADS, own(UNITS, HEADS), own(2, HEADS)])

    def test_projections_of_each_head(self):
        """Kernels [in, heads, units], [heads, in, units] and [heads, units, out], as einsums of heads have them."""
        net = self.net
        q = net.node("Einsum", self.x, net.weight("q", IN, HEADS, UNITS), equation="bte,ehd->bhtd")
        k = net.node("Einsum", self.x, net.weight("k", HEADS, IN, UNITS), equation="bte,hed->bhdt")
        v = net.node("Einsum", self.x, net.weight("v", HEADS, 2, IN), equation="bte,hde->bhtd")
        y = net.node("Einsum", self.attend(self.scores(q, k), v), net.weight("out", HEADS, 2, 3), equation="bhtd,hdo->bto")
        self.check(net, [y], [HEADS, own(UNITS, HEADS), own(2, HEADS)])

    def test_kernels_that_are_too_large_to_list(self):
        """Kernels [heads, in, units] of more than four million weights have one order for all heads."""
        for inputs, own_order in [(1400, True), (1500, False)]:
            net = Net()
            h = net.node("Einsum", net.input(1, inputs), net.constant(np.zeros((2, inputs, 1400), np.float32)), equation="be,hed->bhd")
            y = net.node("Einsum", net.node("Relu", h), net.weight("out", 2, 1400, 3), equation="bhd,hdo->bo")
            with open(self.path("a.onnx"), "wb") as file:
                file.write(net.model(y).SerializeToString())
            found = run_json("inspect", self.path("a.onnx"))["groups"]
            self.assertEqual(any(group.get("blocks", 1) > 1 for group in found), own_order, found)

    def test_units_before_their_heads(self):
        """Kernels [units, heads, in]: blocks behind their insides are not looked for."""
        net = self.net
        q = net.node("Einsum", self.x, net.weight("q", UNITS, HEADS, IN), equation="bte,dhe->bhtd")
        self.check(net, [self.out(self.attend(self.scores(q), units=2), 2)], [HEADS, UNITS, own(2, HEADS)])

    def test_operators_that_move_heads_as_a_whole(self):
        """What takes steps or samples apart, joins, picks or repeats them, or works number by number, keeps each unit in its
        head."""
        def concat(net, h):
            return net.node("Concat", h, h, axis=2)

        def split(net, h):
            return net.node("Split", h, net.constant([2, STEPS - 2]), outputs=2, axis=2)[1]

        def cut(net, h):
            return net.node("Slice", h, net.constant([1]), net.constant([4]), net.constant([2]))

        def pick(net, h):
            return net.node("Gather", h, net.constant([3, 0, 3]), axis=2)

        def repeat(net, h):
            return net.node("Expand", h, net.constant([BATCH, HEADS, STEPS, UNITS]))

        def stretch(net, h):
            return net.node("Squeeze", net.node("Unsqueeze", h, net.constant([0])), net.constant([0]))

        def flatten(net, h):
            return net.node("Reshape", net.node("Flatten", h, axis=2), net.constant([BATCH, HEADS, STEPS, UNITS]))

        def scale(net, h):
            return net.node("Tanh", net.node("Mul", h, net.constant(0.5, np.float32)))

        def cap(net, h):
            return net.node("Clip", h, "", net.constant(0.7, np.float32))

        def by_its_size(net, h):
            return net.node("Div", net.node("Reshape", h, net.node("Shape", h)), net.node("Cast", net.node("Size", h), to=1))

        for change in [concat, split, cut, pick, repeat, stretch, flatten, scale, cap, by_its_size]:
            with self.subTest(change.__name__):
                self.setUp()
                h = change(self.net, self.attend(self.scores()))
                self.check(self.net, [self.out(h)], [HEADS, own(UNITS, HEADS), own(UNITS, HEADS)], seeds=4, aligns=False)

    def test_group_normalisation(self):
        """As it is exported: the groups on an axis of their own, what is inside behind it with all positions."""
        net = Net()
        h = net.node("Conv", net.input(2, 3, 6, 6), net.weight("w1", 12, 3, 1, 1), net.weight("b1", 12))
        flat = net.node("Reshape", h, net.constant([0, 4, -1]))
        flat = net.node("InstanceNormalization", flat, net.constant(np.ones(4), np.float32), net.constant(np.zeros(4), np.float32))
        h = net.node("Reshape", flat, net.node("Shape", h))
        h = net.node("Relu", net.node("Mul", h, net.weight("scale", 12, 1, 1)))
        self.check(net, [net.node("Conv", h, net.weight("w2", 2, 12, 1, 1))], [4, own(3, 4)])

    def test_heads_that_a_branch_uses(self):
        """What it does with them is looked at as if it stood outside."""
        net, choice = self.net, self.choice()
        scores, flat = net.node("Softmax", self.scores(), axis=-1), net.dense(self.x, "v", IN, HEADS * UNITS)
        net.weight("out", HEADS * UNITS, 3)
        graphs = []
        for kind in ["Tanh", "Relu"]:
            body = net.body(kind)
            v = body.node("Transpose", body.node("Reshape", body.node(kind, flat), body.constant([0, 0, HEADS, UNITS])),
                          perm=(0, 2, 1, 3))
            h = body.node("Transpose", body.node("MatMul", scores, v), perm=(0, 2, 1, 3))
            graphs.append(body.graph(body.node("MatMul", body.node("Reshape", h, body.constant([0, 0, HEADS * UNITS])), "out")))
        y = net.node("If", choice, then_branch=graphs[0], else_branch=graphs[1])
        self.check(net, [y], [HEADS, own(UNITS, HEADS), own(UNITS, HEADS)])

    def test_heads_that_a_branch_sums_over(self):
        """Queries and keys go into the branches, scores come out."""
        net, choice = self.net, self.choice()
        q, k, graphs = self.heads("q"), self.heads("k", perm=(0, 2, 3, 1)), []
        for kind in ["Tanh", "Relu"]:
            body = net.body(kind)
            graphs.append(body.graph(body.node("MatMul", body.node(kind, q), k)))
        scores = net.node("If", choice, then_branch=graphs[0], else_branch=graphs[1])
        self.check(net, [self.out(self.attend(scores))], [HEADS, own(UNITS, HEADS), own(UNITS, HEADS)])

    def test_softmax_over_heads(self):
        """Units of one index compete across the heads."""
        v = self.net.node("Softmax", self.heads("v"), axis=1)
        self.check(self.net, [self.out(self.attend(self.scores(), v))], [HEADS, own(UNITS, HEADS), UNITS])

    def test_mean_over_heads(self):
        h = self.net.node("ReduceMean", self.attend(self.scores()), axes=[1], keepdims=0)
        self.check(self.net, [self.net.dense(h, "out", UNITS, 3)], [HEADS, own(UNITS, HEADS), UNITS])

    def test_sum_over_heads(self):
        """A unit of each head, added up: those of one index meet."""
        for equation in ["bhtd->btd", "bhtd,bht->btd"]:
            with self.subTest(equation):
                self.setUp()
                net = self.net
                h = self.attend(self.scores())
                more = [net.node("ReduceMax", h, axes=[3], keepdims=0)] if "," in equation else []
                h = net.node("Einsum", h, *more, equation=equation)
                self.check(net, [net.dense(net.node("Tanh", h), "out", UNITS, 3)], [HEADS, own(UNITS, HEADS), UNITS])

    def test_heads_that_are_mixed_and_added(self):
        """A residual makes the heads behind a mix of heads the same as before it."""
        mixes = {"Einsum": lambda net, h: net.node("Einsum", h, net.weight("mix", HEADS, HEADS), equation="bhtd,hg->bgtd"),
                 "MatMul": lambda net, h: net.node("Transpose", net.node(
                     "MatMul", net.node("Transpose", h, perm=[0, 2, 3, 1]), net.weight("mix", HEADS, HEADS)), perm=[0, 3, 1, 2]),
                 "Conv": lambda net, h: net.node("Conv", h, net.weight("mix", HEADS, HEADS, 1, 1)),
                 "others": lambda net, h: net.node("Einsum", h, net.node("ReduceMean", h, axes=[2, 3], keepdims=0),
                                                   equation="bhtd,bg->bgtd")}
        for name, mix in mixes.items():
            with self.subTest(name):
                self.setUp()
                net = self.net
                h = self.attend(self.scores())
                self.check(net, [self.out(net.node("Tanh", net.node("Add", h, mix(net, h))))],
                           [HEADS, own(UNITS, HEADS), UNITS])

    def test_groups_that_are_mixed_and_added(self):
        net = Net()
        h = net.node("Relu", net.node("Conv", net.input(2, 3, 6, 6), net.weight("w1", 8, 3, 1, 1)))
        h = net.node("Relu", net.node("Conv", h, net.weight("w2", 12, 2, 3, 3), group=4))
        apart = net.node("Reshape", h, net.constant([0, 4, 3, -1]))
        apart = net.node("Add", apart, net.node("Einsum", apart, net.weight("mix", 4, 4), equation="bgcp,gh->bhcp"))
        h = net.node("Relu", net.node("Reshape", apart, net.node("Shape", h)))
        self.check(net, [net.node("Conv", h, net.weight("w3", 2, 12, 1, 1))], [4, own(2, 4), 3])

    def test_units_beside_those_that_are_summed(self):
        """Heads and units are summed as one, and take the heads of the units beside them along."""
        net = self.net
        v = self.heads("v", perm=(0, 1, 2, 3))
        pairs = net.node("Einsum", net.node("Tanh", v), v, equation="bthd,bthe->bthde")
        pairs = net.node("Transpose", net.node("Reshape", pairs, net.constant([0, 0, HEADS * UNITS, UNITS])), perm=[0, 1, 3, 2])
        h = net.node("Transpose", net.node("MatMul", pairs, net.weight("w", HEADS * UNITS, HEADS)), perm=[0, 1, 3, 2])
        h = net.node("Reshape", net.node("Tanh", net.node("Add", h, v)), net.constant([0, 0, HEADS * UNITS]))
        self.check(net, [net.dense(h, "out", HEADS * UNITS, 3)], [HEADS, UNITS])

    def test_units_that_meet_their_mean_over_heads(self):
        """It has no head of its own, whatever it meets then."""
        net = self.net
        h = self.attend(self.scores())
        h = net.node("Einsum", net.node("Einsum", h, equation="bhtd->btd"), h, equation="btd,bhtd->bth")
        self.check(net, [net.dense(h, "out", HEADS, 3)], [HEADS, own(UNITS, HEADS), UNITS])

    def test_units_that_meet_units_of_their_head(self):
        """Each unit times each of the same head: which is which shows no more, so that one order for all is left."""
        net = self.net
        v = self.heads("v")
        pairs = net.node("Tanh", net.node("Einsum", v, v, equation="bhtd,bhte->bhtde"))
        y = net.node("ReduceMax", pairs, axes=[1, 3, 4], keepdims=0)
        found = self.check(net, [net.node("MatMul", y, net.weight("out", STEPS, 2))], None)
        self.assertIn(HEADS, [group["size"] for group in found["groups"]])
        self.assertFalse(any(group.get("blocks", 1) > 1 for group in found["groups"]), found)

    def test_heads_that_are_mixed(self):
        """Talking heads: scores are mixed across heads, queries and keys are not."""
        net = self.net
        mixed = net.node("Einsum", self.scores(), net.weight("mix", HEADS, HEADS), equation="bhts,hg->bgts")
        found = self.check(net, [self.out(self.attend(mixed))], [HEADS, HEADS, own(UNITS, HEADS), own(UNITS, HEADS)])
        self.assertEqual(sum(group["kind"] == "blocks" for group in found["groups"]), 2)

    def test_values_that_are_mixed(self):
        """Each head's output is a mix of all heads' values, unit by unit."""
        net = self.net
        h = net.node("Einsum", self.attend(self.scores()), net.weight("mix", HEADS, HEADS), equation="bhtd,hg->bgtd")
        self.check(net, [self.out(h)], [HEADS, HEADS, own(UNITS, HEADS), UNITS])

    def test_queries_that_meet_keys_of_all_heads(self):
        """Summed over units for each two heads: a unit of one stands beside that of another."""
        for equation, axes in [("bhtd,bgds->bhgts", [2]), ("bhtd,bgds->bgts", None), ("bhtd,bgds->bts", None)]:
            with self.subTest(equation):
                self.setUp()
                net = self.net
                y = net.node("Einsum", self.heads("q"), self.heads("k", perm=(0, 2, 3, 1)), equation=equation)
                y = net.node("ReduceSum", net.node("Tanh", y), net.constant(axes), keepdims=0) if axes else net.node("Tanh", y)
                found = self.check(net, [y], None)
                self.assertFalse(any(group.get("blocks", 1) > 1 for group in found["groups"]), found)

    def grouped(self, each=2, softmax=-1, keys=1):
        """Query heads that share the values, and keys, of HEADS: [batch, heads, each, steps, units] of each projection."""
        net = self.net
        parts = [net.node("Transpose", net.node("Reshape", net.dense(self.x, name, IN, HEADS * count * units),
                                                net.constant([0, 0, HEADS, count, units])), perm=perm)
                 for name, count, units, perm in [("q", each, UNITS, (0, 2, 3, 1, 4)), ("k", keys, UNITS, (0, 2, 3, 4, 1)),
                                                  ("v", 1, 3, (0, 2, 3, 1, 4))]]
        h = net.node("MatMul", net.node("Softmax", net.node("MatMul", *parts[:2]), axis=softmax), parts[2])
        return net.node("Transpose", h, perm=(0, 3, 1, 2, 4))

    def test_grouped_queries(self):
        """Units of keys and values have an order in each head, and so have the query heads that share it."""
        net = self.net
        flat = net.node("Reshape", self.grouped(), net.constant([0, 0, HEADS * 2 * 3]))
        self.check(net, [net.dense(flat, "out", HEADS * 2 * 3, 3)], [HEADS, own(2, HEADS), own(UNITS, HEADS), own(3, HEADS)])

    def test_grouped_queries_with_keys_of_their_own(self):
        """Units of queries and keys lie in query heads, which lie in heads: of two levels one is found."""
        net = self.net
        flat = net.node("Reshape", self.grouped(keys=2), net.constant([0, 0, HEADS * 2 * 3]))
        self.check(net, [net.dense(flat, "out", HEADS * 2 * 3, 3)], [HEADS, own(2, HEADS), own(UNITS, HEADS), own(3, HEADS)])

    def test_grouped_queries_come_back_by_weights(self):
        """The orders of query heads and of units are judged by one another in the weights that have both."""
        net = self.net
        flat = net.node("Reshape", self.grouped(), net.constant([0, 0, HEADS * 2 * 3]))
        with open(self.path("a.onnx"), "wb") as file:
            file.write(net.model(net.dense(flat, "out", HEADS * 2 * 3, 3)).SerializeToString())
        for seed in range(20):
            run_json("permute", self.path("a.onnx"), "-o", self.path("b.onnx"), "--random", "--seed", seed, "--no-verify")
            made = run_json(self.path("a.onnx"), self.path("b.onnx"), "-o", self.path("m.onnx"), "-m", "weights", "--no-verify")
            self.assertEqual(made["distance"]["after"], 0, seed)

    def test_grouped_queries_by_copies(self):
        """Keys and values repeated, as PyTorch's models do it."""
        net = self.net
        copies = []
        for name, units, perm in [("k", UNITS, (0, 1, 3, 2)), ("v", 3, (0, 1, 2, 3))]:
            h = net.node("Unsqueeze", self.heads(name, units), net.constant([2]))
            h = net.node("Expand", h, net.constant([BATCH, HEADS, 2, STEPS, units]))
            copies.append(net.node("Transpose", net.node("Reshape", h, net.constant([0, HEADS * 2, STEPS, units])), perm=perm))
        q = net.node("Reshape", net.dense(self.x, "q", IN, HEADS * 2 * UNITS), net.constant([0, 0, HEADS * 2, UNITS]))
        scores = net.node("Softmax", net.node("MatMul", net.node("Transpose", q, perm=(0, 2, 1, 3)), copies[0]), axis=-1)
        h = net.node("Transpose", net.node("MatMul", scores, copies[1]), perm=(0, 2, 1, 3))
        flat = net.node("Reshape", h, net.constant([0, 0, HEADS * 2 * 3]))
        self.check(net, [net.dense(flat, "out", HEADS * 2 * 3, 3)], [HEADS, own(2, HEADS), own(UNITS, HEADS), own(3, HEADS)])

    def test_grouped_queries_that_compete(self):
        """A softmax over the query heads of a head leaves all orders as they are; one over the heads, none of values."""
        all_own = [HEADS, own(2, HEADS), own(UNITS, HEADS), own(3, HEADS)]
        for kind, axis, expected in [("Softmax", 2, all_own), ("LogSoftmax", 2, all_own), ("Softmax", 1, None),
                                     ("LogSoftmax", 1, None)]:
            with self.subTest(kind, axis=axis):
                self.setUp()
                net = self.net
                h = net.node("Reshape", net.node(kind, self.grouped(), axis=axis + 1), net.constant([0, 0, HEADS * 2 * 3]))
                found = self.check(net, [net.dense(h, "out", HEADS * 2 * 3, 3)], expected)
                values = [g for g in found["groups"] if any(place["tensor"] == "v" for place in g["axes"]) and g["size"] % HEADS == 0]
                self.assertEqual(any(g.get("blocks", 1) > 1 for g in values), axis == 2, found)

    def test_queries_that_meet_keys_of_all_heads_too(self):
        """The heads are the same ones, by scores within each; sums over one index of them are no sums over two."""
        for equation, own_order in [("bhtd,bgds->bhgts", False), ("bhtd,bgds->bts", False), ("bhtd,bgds->bhts", False),
                                    ("bhtd,bgds,gh->bts", False), ("bhtd,bhds->bts", True), ("bhtd,bhds->bhts", True)]:
            with self.subTest(equation):
                self.setUp()
                net = self.net
                q, k = self.heads("q"), self.heads("k", perm=(0, 2, 3, 1))
                more = [net.weight("mix", HEADS, HEADS)] if "gh" in equation else []
                y = net.node("Tanh", net.node("Einsum", q, k, *more, equation=equation))
                axes = [k for k, letter in enumerate(equation.split("->")[1]) if letter in "hg"]
                y = net.node("ReduceSum", y, net.constant(axes), keepdims=0) if axes else y
                z = net.node("ReduceSum", net.node("Tanh", net.node("MatMul", q, k)), net.constant([1]), keepdims=0)
                found = self.check(net, [net.node("Add", y, z)], None)
                self.assertEqual(any(group.get("blocks", 1) > 1 for group in found["groups"]), own_order, found)

    def test_heads_twice(self):
        """Each unit with each head's sum: of the two heads behind which it lies one is its own, whichever comes first."""
        for equation in ["bthd,btg->bthgd", "bthd,btg->btghd"]:
            with self.subTest(equation):
                self.setUp()
                net = self.net
                q = self.heads("q", perm=(0, 1, 2, 3))
                sums = net.node("ReduceSum", net.node("Tanh", q), net.constant([3]), keepdims=0)
                y = net.node("Tanh", net.node("Einsum", q, sums, equation=equation))
                flat = net.node("Reshape", y, net.constant([0, 0, HEADS * HEADS * UNITS]))
                self.check(net, [net.dense(flat, "out", HEADS * HEADS * UNITS, 3)], [HEADS, UNITS])

    def test_groups_of_channels(self):
        """Inputs and outputs of a grouped convolution have an order for each group."""
        for operator, more in [("Conv", {}), ("FusedConv", {"domain": "com.microsoft", "activation": "Relu"})]:
            with self.subTest(operator):
                net = Net()
                h = net.node("Relu", net.node("Conv", net.input(2, 3, 6, 6), net.weight("w1", 8, 3, 1, 1)))
                h = net.node("Relu", net.node(operator, h, net.weight("w2", 12, 2, 3, 3), net.weight("b2", 12), group=4, **more))
                self.check(net, [net.node("Conv", h, net.weight("w3", 2, 12, 1, 1))], [4, own(2, 4), own(3, 4)])

    def test_channels_of_many(self):
        net = Net()
        h = net.node("Relu", net.node("Conv", net.input(2, 3, 6, 6), net.weight("w1", 8, 3, 1, 1)))
        h = net.node("Relu", net.node("Conv", h, net.weight("w2", 16, 1, 3, 3), group=8))
        self.check(net, [net.node("Conv", h, net.weight("w3", 2, 16, 1, 1))], [8, own(2, 8)])

    def saved(self):
        """A model with attention, a reordering of it, and the file of its permutations."""
        model = self.net.model(self.out(self.attend(self.scores(), units=2), 2))
        with open(self.path("a.onnx"), "wb") as file:
            file.write(model.SerializeToString())
        run_json("permute", self.path("a.onnx"), "-o", self.path("b.onnx"), "--random", "--seed", 3, "--save-permutation",
                 self.path("p.json"))
        with open(self.path("p.json")) as file:
            saved = json.load(file)
        found = run_json("inspect", self.path("a.onnx"))["groups"]
        return saved, {group["id"]: group for group in found}

    def apply(self, saved, groups):
        with open(self.path("q.json"), "w") as file:
            json.dump({**saved, "groups": groups}, file)
        return run("permute", self.path("a.onnx"), "-o", self.path("c.onnx"), "--permutation", self.path("q.json"))

    def test_permutations_are_gathers_of_their_axes(self):
        """What the file says of insides, applied by NumPy to the axes that it names, is what the tool wrote."""
        import onnx
        from onnx import numpy_helper
        saved, found = self.saved()
        before, after = ({t.name: numpy_helper.to_array(t) for t in onnx.load(self.path(f)).graph.initializer}
                         for f in ("a.onnx", "b.onnx"))
        expected = dict(before)
        for group in saved["groups"]:
            if found[group["id"]]["kind"] == "blocks":
                continue  # their insides take them along
            for axis in group["axes"]:
                name, k = axis.rsplit(":", 1)
                expected[name] = np.take(expected[name], group["permutation"], int(k))
        for name, value in expected.items():
            np.testing.assert_array_equal(value, after[name], name)

    def test_parts_of_a_permutation_file(self):
        """Blocks alone take their insides along; an inside alone takes its blocks, and these the other insides."""
        saved, found = self.saved()
        reference = session(self.path("a.onnx")).run(None, self.net.feeds)[0]
        parts = [subset for count in (1, 2) for subset in itertools.combinations(saved["groups"], count)]
        for groups in parts:
            with self.subTest([group["id"] for group in groups]):
                self.assertEqual(self.apply(saved, groups).returncode, 0)
                result = session(self.path("c.onnx")).run(None, self.net.feeds)[0]
                np.testing.assert_allclose(result, reference, rtol=0, atol=1e-5 * np.abs(reference).max())

    def test_one_order_for_all_heads(self):
        """Insides may be given as one order for all blocks."""
        saved, found = self.saved()
        inside = next(group for group in saved["groups"] if found[group["id"]]["kind"] == "inside")
        units = inside["size"] // HEADS
        short = {**inside, "size": units, "permutation": [*range(1, units), 0]}
        self.assertEqual(self.apply(saved, [short]).returncode, 0)
        long = {**inside, "permutation": [h * units + (i + 1) % units for h in range(HEADS) for i in range(units)]}
        with open(self.path("c.onnx"), "rb") as file:
            first = file.read()
        self.assertEqual(self.apply(saved, [long]).returncode, 0)
        with open(self.path("c.onnx"), "rb") as file:
            self.assertEqual(first, file.read())

    def test_insides_that_leave_their_blocks_are_refused(self):
        saved, found = self.saved()
        inside = next(group for group in saved["groups"] if found[group["id"]]["kind"] == "inside")
        blocks = next(group for group in saved["groups"] if found[group["id"]]["kind"] == "blocks")
        torn = {**inside, "permutation": [inside["size"] - 1, *range(inside["size"] - 1)]}
        other = {**blocks, "permutation": blocks["permutation"][1:] + blocks["permutation"][:1]}
        for groups in ([torn], [other, inside]):
            done = self.apply(saved, groups)
            self.assertEqual(done.returncode, 3, done.stderr)
            self.assertIn("blocks", done.stderr)


if __name__ == "__main__":
    unittest.main()
