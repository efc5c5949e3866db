"""Symmetries through If, Loop and Scan, judged by ONNX Runtime: what their bodies use of the net around them, and
weights of their own."""
import unittest

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from common import run, run_json
from nets import Net, NetTest

BATCH, WIDE, STEPS = 3, 7, 5
BOOL, INT64 = TensorProto.BOOL, TensorProto.INT64


def choice(net, name="choice"):
    """An input that both values are tried of."""
    net.inputs.append(helper.make_tensor_value_info(name, BOOL, []))
    for feed in [net.feeds, *net.more_feeds]:
        feed[name] = np.array(True)
    net.more_feeds += [{**feed, name: np.array(False)} for feed in [net.feeds, *net.more_feeds]]
    return name


def branch(net, condition, then, otherwise, outputs=1):
    return net.node("If", condition, then_branch=then, else_branch=otherwise, outputs=outputs)


def start(units=6):
    net = Net()
    x = net.input(BATCH, 4)
    return net, net.node("Relu", net.dense(x, "in", 4, units))


def of_any_rank(net, holder):
    """Six numbers of the input, in their order, on one axis or behind another one."""
    flat, deep = holder.body("f_"), holder.body("d_")
    row = net.input(6, name="row")
    return branch(holder, choice(net, "deep"), deep.graph(deep.node("Unsqueeze", row, deep.constant([0]))),
                  flat.graph(flat.node("Identity", row)))


class Branches(NetTest):
    def test_captured_weights(self):
        """Units before, inside and behind: weights of the net that branches use move with what they meet there."""
        net, h = start()
        then, otherwise = net.body("t_"), net.body("e_")
        net.weight("w1", 6, 5), net.weight("w2", 5, WIDE), net.weight("w3", 6, WIDE), net.weight("b3", WIDE)
        a = then.node("MatMul", then.node("Tanh", then.node("MatMul", h, "w1")), "w2")
        b = otherwise.node("Relu", otherwise.node("Add", otherwise.node("MatMul", h, "w3"), "b3"))
        y = branch(net, choice(net), then.graph(a), otherwise.graph(b))
        self.check(net, [net.dense(y, "out", WIDE, 2)], [6, 5, WIDE])

    def test_own_weights(self):
        for as_nodes in (False, True):
            with self.subTest(as_nodes=as_nodes):
                net, h = start()
                then, otherwise = net.body("t_", as_nodes), net.body("e_", as_nodes)
                a = then.dense(then.node("Tanh", then.dense(h, "t_1", 6, 5)), "t_2", 5, WIDE)
                b = otherwise.dense(h, "e_1", 6, WIDE)
                y = branch(net, choice(net), then.graph(a), otherwise.graph(b))
                self.check(net, [net.dense(y, "out", WIDE, 2)], [6, 5, WIDE])

    def test_same_names_in_both_branches(self):
        """Names of one branch mean nothing in the other."""
        net, h = start()
        graphs = []
        for units in (5, 8):
            body = net.body("s_", as_nodes=units == 5)
            graphs.append(body.graph(body.dense(body.node("Relu", body.dense(h, "w", 6, units)), "v", units, WIDE)))
        y = branch(net, choice(net), *graphs)
        self.check(net, [net.dense(y, "out", WIDE, 2)], [6, 5, 8, WIDE])

    def test_nested_branches(self):
        net, h = start()
        inner, outer = net.body("i_"), net.body("o_")
        one, two, three = net.body("1_"), net.body("2_", as_nodes=True), net.body("3_")
        net.weight("w", 6, WIDE)
        g = outer.node("Tanh", outer.dense(h, "o_1", 6, 5))
        a = one.node("Add", one.dense(g, "1_1", 5, WIDE), one.node("MatMul", h, "w"))
        b = two.dense(two.node("Relu", two.dense(g, "2_1", 5, 9)), "2_2", 9, WIDE)
        inside = branch(outer, choice(net, "second"), one.graph(a), two.graph(b))
        y = branch(net, choice(net), outer.graph(inside), three.graph(three.node("MatMul", h, "w")))
        self.check(net, [net.dense(y, "out", WIDE, 2)], [6, 5, 9, WIDE])

    def test_branches_that_only_pass(self):
        """A branch may give what it captures, weights too, and have no nodes."""
        net, h = start()
        then, otherwise = net.body("t_"), net.body("e_")
        net.weight("bias", BATCH, 6)
        y = branch(net, choice(net), then.graph(then.node("Identity", h)), otherwise.graph(otherwise.node("Identity", "bias")))
        self.check(net, [net.dense(y, "out", 6, 2)], [6])

    def test_two_results(self):
        net, h = start()
        then, otherwise = net.body("t_"), net.body("e_")
        graphs = [body.graph(body.dense(h, p + "1", 6, 5), body.dense(h, p + "2", 6, WIDE))
                  for body, p in ((then, "t"), (otherwise, "e"))]
        y, z = branch(net, choice(net), *graphs, outputs=2)
        self.check(net, [net.dense(y, "y", 5, 2), net.dense(z, "z", WIDE, 2)], [6, 5, WIDE])

    def test_ranks_that_differ(self):
        """The units that come out have an axis of their own in each branch: they stay."""
        net, h = start()
        then, otherwise = net.body("t_"), net.body("e_")
        a = then.dense(h, "t", 6, 5)
        b = otherwise.node("Unsqueeze", otherwise.dense(h, "e", 6, 5), otherwise.constant([0]))
        y = branch(net, choice(net), then.graph(a), otherwise.graph(b))
        y = net.node("Reshape", y, net.constant([BATCH, 5]))
        self.check(net, [net.dense(y, "out", 5, 2)], [6])
        fixed = {(f["tensor"], f["axis"]): f["reason"] for f in run_json("inspect", self.path("a.onnx"))["fixed"]}
        self.assertIn("(If)", fixed["t", 1])
        self.assertIn("branch", fixed["e", 1])

    def test_rank_that_one_branch_takes_for_granted(self):
        """LSTM tells that its input has three axes, but where it does not run there may be two: axis 1 is then the
        units', whose largest is at a place."""
        net, h = start()
        flat, deep = net.body("f_"), net.body("d_")
        c = choice(net)
        y = branch(net, c, deep.graph(deep.node("Unsqueeze", h, deep.constant([0]))), flat.graph(flat.node("Identity", h)))
        then, otherwise = net.body("t_"), net.body("e_")
        net.weight("w", 1, 4 * 5, 6), net.weight("r", 1, 4 * 5, 5)
        a = then.node("ReduceMean", then.node("LSTM", y, "w", "r", hidden_size=5), axes=[1, 2, 3], keepdims=0)
        v = otherwise.node("MatMul", y, net.weight("v", 6, WIDE))
        b = otherwise.node("ReduceMean", otherwise.node("Cast", otherwise.node("ArgMax", v, axis=1, keepdims=0), to=1))
        z = branch(net, c, then.graph(then.node("ReduceMean", a, keepdims=0)), otherwise.graph(otherwise.node(
            "Squeeze", b)))
        self.check(net, [z], [5])

    def test_number_or_something_of_any_rank(self):
        """What one branch gives is a single number, but the other one's units meet those of the net."""
        for turned in (False, True):
            with self.subTest(turned=turned):
                net, h = start()
                one, other = net.body("1_"), net.body("2_")
                graphs = [one.graph(one.node("Identity", one.constant(0.5, np.float32))), other.graph(of_any_rank(net, other))]
                y = branch(net, choice(net), *(graphs[::-1] if turned else graphs))
                self.check(net, [net.dense(net.node("Tanh", net.node("Add", h, y)), "out", 6, 2)], [])

    def test_sizes_that_differ(self):
        """How many units are picked depends on the branch."""
        net, h = start()
        then, otherwise = net.body("t_"), net.body("e_")
        y = branch(net, choice(net), then.graph(then.node("Identity", then.constant(np.ones(6), np.float32))),
                   otherwise.graph(otherwise.node("Identity", otherwise.constant(np.ones(3), np.float32))))
        picked = net.node("Slice", h, net.constant([0]), net.node("Shape", y), net.constant([1]))
        self.check(net, [net.node("ReduceMax", picked, axes=[1])], [])

    def test_value_that_a_branch_pins(self):
        """What one branch needs in order stays, also for the other one."""
        net, h = start()
        then, otherwise = net.body("t_"), net.body("e_")
        net.weight("w", 6, 5)
        a = then.node("CumSum", h, then.constant(1))
        y = branch(net, choice(net), then.graph(a), otherwise.graph(otherwise.node("Relu", h)))
        self.check(net, [net.dense(y, "out", 6, 2)], [])
        self.assertTrue(any("(CumSum)" in f["reason"] for f in run_json("inspect", self.path("a.onnx"))["fixed"]))

    def test_integers_that_a_branch_gives(self):
        """They cannot be averaged: they stay, and what they meet."""
        net, h = start()
        then, otherwise = net.body("t_"), net.body("e_")
        a = then.node("Identity", then.constant([1, 5, 3, 2, 4, 6]))
        b = otherwise.node("Cast", net.weight("w", 6), to=INT64)
        y = branch(net, choice(net), then.graph(a, kinds=[INT64]), otherwise.graph(b, kinds=[INT64]))
        self.check(net, [net.dense(net.node("Mul", h, net.node("Cast", y, to=1)), "out", 6, 2)], [])

    def test_captures_of_an_unknown_operator_inside(self):
        net, h = start()
        then, otherwise = net.body("t_"), net.body("e_")
        a = then.node("com.example.Odd", h)
        graphs = [then.graph(a), otherwise.graph(otherwise.node("Relu", h))]
        y = branch(net, choice(net), *graphs)
        onnx.save(net.model(net.dense(y, "out", 6, 2)), self.path("a.onnx"))
        self.assertEqual(run_json("inspect", self.path("a.onnx"))["groups"], [])


class Pairs(NetTest):
    """Models with branches meet each other."""

    def built(self, seed, change=lambda body: None, last="Relu", hoist=False):
        net = Net()
        net.random = np.random.default_rng(seed)
        h = net.node("Relu", net.dense(net.input(BATCH, 4), "in", 4, 6))
        then, otherwise = net.body("t_"), net.body("e_", as_nodes=True)
        a = then.dense(then.node("Tanh", then.dense(h, "t1", 6, 5)), "t2", 5, WIDE)
        b = otherwise.node(last, (net if hoist else otherwise).dense(h, "e1", 6, WIDE))
        y = branch(net, choice(net), then.graph(a), otherwise.graph(b))
        return net.model(net.dense(y, "out", WIDE, 2))

    def test_branches_that_differ_in_weights_are_merged(self):
        onnx.save(self.built(1), self.path("a.onnx"))
        onnx.save(self.built(2), self.path("b.onnx"))
        run_json(self.path("a.onnx"), self.path("b.onnx"), "-o", self.path("m.onnx"), "--method", "none", "--no-verify")
        found = [{t.name: numpy_helper.to_array(t) for t in self.own(self.path(f + ".onnx"))} for f in "abm"]
        self.assertEqual(set(found[0]), {"t1", "t1_bias", "t2", "t2_bias", "e1", "e1_bias"})
        for name, merged in found[2].items():
            np.testing.assert_allclose(merged, (found[0][name] + found[1][name]) / 2, atol=1e-6)

    def own(self, path):
        node = next(node for node in onnx.load(path).graph.node if node.op_type == "If")
        for attribute in node.attribute:
            yield from attribute.g.initializer
            yield from (inner.attribute[0].t for inner in attribute.g.node if inner.op_type == "Constant")

    def test_branches_in_another_order_of_attributes(self):
        a, b = self.built(1), self.built(2)
        node = next(node for node in b.graph.node if node.op_type == "If")
        attributes = list(node.attribute)
        del node.attribute[:]
        node.attribute.extend(reversed(attributes))
        self.assertEqual(self.aligned(a, b).returncode, 0)

    def aligned(self, a, b):
        onnx.save(a, self.path("a.onnx"))
        onnx.save(b, self.path("b.onnx"))
        return run(self.path("a.onnx"), self.path("b.onnx"), "-o", self.path("m.onnx"), "--no-verify")

    def test_other_operators_inside_are_named(self):
        done = self.aligned(self.built(1), self.built(2, last="Tanh"))
        self.assertEqual(done.returncode, 4)
        self.assertIn("Relu", done.stderr)
        self.assertIn("Tanh", done.stderr)

    def test_branches_the_other_way_round_are_refused(self):
        a, b = self.built(1), self.built(2)
        node = next(node for node in b.graph.node if node.op_type == "If")
        node.attribute[0].name, node.attribute[1].name = node.attribute[1].name, node.attribute[0].name
        self.assertEqual(self.aligned(a, b).returncode, 4)

    def test_planted_permutation_is_found(self):
        onnx.save(self.built(3), self.path("a.onnx"))
        run_json("permute", self.path("a.onnx"), "-o", self.path("b.onnx"), "--random", "--no-verify")
        report = run_json(self.path("a.onnx"), self.path("b.onnx"), "-o", self.path("m.onnx"), "--no-verify")
        self.assertGreater(report["distance"]["before"], 0)
        self.assertEqual(report["distance"]["after"], 0)
        self.assertEqual(onnx.load(self.path("a.onnx")), onnx.load(self.path("m.onnx")))


class Loops(NetTest):
    def rnn(self, body, state, x, units, inputs, **where):
        """One step: the next state."""
        own = where.get("own", body)
        w, r, b = own.weight("wx", inputs, units), own.weight("wh", units, units), own.weight("wb", units)
        mixed = body.node("Add", body.node("MatMul", x, w), body.node("MatMul", state, r))
        return body.node("Tanh", body.node("Add", mixed, b))

    def test_scan(self):
        """A recurrent net step by step: its units, those of its input, and those that each step computes of the state."""
        for own in (False, True):
            for more in ({}, {"scan_input_directions": [1], "scan_output_directions": [1]},
                         {"scan_input_axes": [1], "scan_output_axes": [-1]}):
                with self.subTest(own=own, **more):
                    net = Net()
                    axis = more.get("scan_input_axes", [0])[0]
                    x = net.input(*((STEPS, BATCH, 4) if axis == 0 else (BATCH, STEPS, 4)))
                    x = net.node("Relu", net.dense(x, "in", 4, 6))
                    s = net.weight("state", BATCH, WIDE)
                    body = net.body("b_")
                    h = self.rnn(body, body.input("h"), body.input("xt"), WIDE, 6, own=body if own else net)
                    made = body.node("Relu", body.dense(h, "made", WIDE, 5))
                    graph = body.graph(h, made)
                    last, all_made = net.node("Scan", s, x, body=graph, num_scan_inputs=1, outputs=2, **more)
                    if more.get("scan_output_axes"):
                        all_made = net.node("Transpose", all_made, perm=[0, 2, 1])
                    self.check(net, [net.dense(last, "out", WIDE, 2), net.dense(all_made, "out2", 5, 2)], [6, WIDE, 5])

    def test_scan_over_weights(self):
        """Each step has a row of a table: the rows stay, their units move."""
        net = Net()
        x = net.node("Relu", net.dense(net.input(STEPS, BATCH, 4), "in", 4, 6))
        body = net.body("b_")
        h, xt, row = (body.input(name) for name in ("h", "xt", "row"))
        new = body.node("Tanh", body.node("Add", h, body.node("Mul", xt, row)))
        last = net.node("Scan", net.weight("state", BATCH, 6), x, net.weight("table", STEPS, 6),
                        body=body.graph(body.node("Add", new, xt)), num_scan_inputs=2)
        found = self.check(net, [net.dense(last, "out", 6, 2)], [6])
        self.assertIn({"tensor": "table", "axis": 1}, found["groups"][0]["axes"])

    def test_steps_that_a_weight_sums_over(self):
        """What all steps have made, one after the other, meets a weight that has a row for each step."""
        net = Net()
        x = net.node("Relu", net.dense(net.input(STEPS, BATCH, 4), "in", 4, 6))
        body = net.body("b_")
        new = body.node("Tanh", body.node("Add", body.input("h"), body.input("xt")))
        _, made = net.node("Scan", net.weight("state", BATCH, 6), x, body=body.graph(new, body.node("Neg", new)),
                           num_scan_inputs=1, outputs=2)
        y = net.node("MatMul", net.node("Transpose", made, perm=[1, 2, 0]), net.weight("steps", STEPS, 8))
        y = net.node("ReduceMax", net.node("Relu", y), axes=[2], keepdims=0)
        self.check(net, [net.dense(y, "out", 6, 2)], [6, 8])

    def loop(self, net, body, states, *outputs, steps=None, kinds=None):
        """A Loop of STEPS steps; `outputs` are those of the body after its condition."""
        condition = body.node("Identity", body.inputs[1].name)
        kinds = [BOOL] + (kinds or [TensorProto.FLOAT] * len(outputs))
        graph = body.graph(condition, *outputs, kinds=kinds)
        count = net.constant(STEPS if steps is None else steps)
        return net.node("Loop", count, net.constant(True, bool), *states, body=graph, outputs=len(outputs))

    def step(self, net, prefix="b_", as_nodes=False):
        body = net.body(prefix, as_nodes)
        body.input(prefix + "i", 0, INT64), body.input(prefix + "go", 0, BOOL)
        return body

    def test_loop(self):
        """The state's units, and those that a step computes inside and puts out."""
        for own in (False, True):
            for steps in (STEPS, 0):
                with self.subTest(own=own, steps=steps):
                    net, h = start()
                    body = self.step(net, as_nodes=own)
                    holder = body if own else net
                    s = body.input("s")
                    inner = body.node("Relu", body.node("MatMul", s, holder.weight("up", 6, 9)))
                    new = body.node("Add", s, body.node("MatMul", inner, holder.weight("down", 9, 6)))
                    new = body.node("Mul", new, body.node("Sigmoid", body.node("Cast", "b_i", to=1)))
                    made = body.dense(new, "made", 6, 5)
                    last, each = self.loop(net, body, [h], new, made, steps=steps)
                    outputs = [net.dense(last, "out", 6, 2)]
                    if steps:
                        outputs.append(net.dense(each, "out2", 5, 2))
                    self.check(net, outputs, [6, 9, 5])

    def test_two_states_that_change_places(self):
        """The units of both are one group."""
        net, h = start()
        g = net.dense(h, "g", 6, 6)
        body = self.step(net)
        a, b = body.input("a"), body.input("b")
        last, other = self.loop(net, body, [h, g], body.node("Tanh", b), body.node("Neg", a))
        self.check(net, [net.dense(last, "out", 6, 2), net.dense(other, "out2", 6, 2)], [6])

    def test_state_that_a_step_reorders(self):
        net, h = start()
        body = self.step(net)
        s = body.input("s")
        turned = body.node("Gather", s, body.constant([1, 2, 3, 4, 5, 0]), axis=1)
        last = self.loop(net, body, [h], turned)
        self.check(net, [net.dense(last, "out", 6, 2)], [])

    def test_state_that_grows(self):
        """The units move, the axis that grows does not: inside, its size is none that is known before."""
        net, h = start()
        body = self.step(net)
        s = body.input("s")
        new = body.node("Concat", s, body.node("Tanh", body.node("MatMul", h, net.weight("w", 6, 6))), axis=0)
        size = body.node("Cast", body.node("Shape", s), to=1)
        scale = body.node("ReduceMin", size)
        last, each = self.loop(net, body, [h], new, scale)
        y = net.node("ReduceMean", net.dense(last, "out", 6, 2), axes=[0])
        self.check(net, [y, each], [6])

    def test_state_that_grows_from_one(self):
        """In the first step its row meets all rows of a weight, in the second each row meets its own: they stay."""
        net, h = start()
        body = self.step(net)
        s = body.input("s")
        made = body.node("ReduceSum", body.node("Mul", s, net.weight("rows", 2, 6)), body.constant([0]), keepdims=0)
        row = net.node("Slice", h, net.constant([0]), net.constant([1]))
        new = body.node("Concat", s, body.node("Neg", body.node("Exp", row)), axis=0)
        _, each = self.loop(net, body, [row], new, made, steps=2)
        self.check(net, [net.dense(each, "out", 6, 2)], [6])

    def test_state_whose_units_grow(self):
        """Their size is not the same from step to step: nothing of them moves. Only what a step hides does."""
        net, h = start()
        body = self.step(net)
        s = body.input("s")
        hidden = body.node("Relu", body.dense(h, "hide", 6, 4))
        new = body.node("Concat", s, body.dense(hidden, "show", 4, 2), axis=1)
        last = self.loop(net, body, [h], new)
        y = net.node("CumSum", last, net.constant(1))
        self.check(net, [y], [4])

    def test_state_that_changes_its_rank(self):
        """After the first step it has an axis more."""
        net, h = start()
        body = self.step(net)
        s = body.input("s")
        new = body.node("Unsqueeze", body.node("Relu", s), body.constant([0]))
        last = self.loop(net, body, [h], new)
        y = net.node("Reshape", last, net.constant([BATCH, 6]))
        self.check(net, [net.dense(y, "out", 6, 2)], [])

    def test_state_that_gets_axes_behind(self):
        """The same sizes as before, and one more axis after each step: nothing is taken for granted."""
        net, h = start()
        body = self.step(net)
        new = body.node("Unsqueeze", body.node("Relu", body.input("s")), body.constant([-1]))
        y = net.node("Reshape", self.loop(net, body, [h], new), net.constant([BATCH, 6]))
        self.check(net, [net.dense(y, "out", 6, 2)], [])

    def test_number_that_becomes_something_of_any_rank(self):
        net, h = start()
        body = self.step(net)
        body.input("s")
        last = self.loop(net, body, [net.constant(0.5, np.float32)], of_any_rank(net, body))
        self.check(net, [net.dense(net.node("Tanh", net.node("Add", h, last)), "out", 6, 2)], [])

    def test_state_of_another_rank_than_the_result(self):
        """It begins with one axis, and the first step replaces it by what has two: the net puts these out as they are."""
        net, h = start()
        body = self.step(net)
        body.input("s")
        new = body.node("Relu", body.node("MatMul", h, net.weight("w", 6, WIDE)))
        self.check(net, [self.loop(net, body, [net.weight("first", WIDE)], new)], [6])

    def test_one_state_unsettles_another(self):
        """The size of one is what the other had a step before."""
        net, h = start()
        body = self.step(net)
        a, b = body.input("a"), body.input("b")
        new_a = body.node("Concat", a, h, axis=0)
        last_a, last_b = self.loop(net, body, [h, h], new_a, body.node("Tanh", a))
        y = [net.node("ReduceMean", net.dense(v, f"out{i}", 6, 2), axes=[0]) for i, v in enumerate((last_a, last_b))]
        self.check(net, y, [6])

    def test_loop_without_steps_gives_what_it_got(self):
        """A body that would not fit what it gets, but never runs."""
        net, h = start()
        body = self.step(net)
        s = body.input("s")
        last = self.loop(net, body, [h], body.dense(body.node("Relu", s), "w", 6, 6), steps=0)
        self.check(net, [net.dense(last, "out", 6, 2)], [6])

    def test_branch_in_a_loop_in_a_branch(self):
        net, h = start()
        outer, other = net.body("o_"), net.body("x_")
        body = self.step(outer)
        s = body.input("s")
        then, otherwise = body.body("t_"), body.body("e_", as_nodes=True)
        even = body.node("Equal", body.node("Mod", "b_i", body.constant(2)), body.constant(0))
        a = then.dense(then.node("Tanh", then.dense(s, "t1", 6, 9)), "t2", 9, 6)
        b = otherwise.node("Relu", otherwise.dense(s, "e1", 6, 6))
        new = branch(body, even, then.graph(a), otherwise.graph(b))
        last = self.loop(outer, body, [h], new)
        y = branch(net, choice(net), outer.graph(last), other.graph(other.node("Relu", h)))
        self.check(net, [net.dense(y, "out", 6, 2)], [6, 9])

    def test_scan_of_long_ago(self):
        """Until opset 8 it counted samples itself: what goes in and comes out stays, what lies between may move."""
        net = Net(opset=8)
        x = net.node("Relu", net.dense(net.input(BATCH, STEPS, 4), "in", 4, 6))
        body = net.body("b_")
        new = body.node("Tanh", body.node("Add", body.input("h", 1), body.input("xt", 1)))
        around = net.node("Relu", net.dense(net.input(2, 4, name="around"), "other", 4, 7))
        hidden = body.node("Relu", body.node("MatMul", around, body.weight("hide", 7, 5)))
        graph = body.graph(new, body.node("MatMul", hidden, body.weight("show", 5, 3)))
        last, made = net.node("Scan", "", net.weight("state", BATCH, 6), x, body=graph, num_scan_inputs=1, outputs=2)
        self.check(net, [last, made], [5, 7])

    def test_sequence_as_state(self):
        """A list of tensors is no tensor: what goes into it stays."""
        net, h = start()
        body = self.step(net)
        kind = helper.make_sequence_type_proto(helper.make_tensor_type_proto(TensorProto.FLOAT, None))
        body.inputs.append(helper.make_value_info("list", kind))
        hidden = body.dense(body.node("Relu", body.dense(h, "w", 6, 5)), "v", 5, 4)
        new = body.node("SequenceInsert", "list", hidden)
        graph = body.graph(body.node("Identity", "b_go"), kinds=[BOOL])
        graph.output.append(helper.make_value_info(new, kind))
        listed = net.node("Loop", net.constant(STEPS), net.constant(True, bool), net.node("SequenceEmpty"), body=graph)
        y = net.node("ConcatFromSequence", listed, axis=1)
        self.check(net, [net.node("CumSum", y, net.constant(1))], [6, 5])


if __name__ == "__main__":
    unittest.main()
