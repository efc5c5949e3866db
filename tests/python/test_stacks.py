"""Projections in one array, [..., parts, units], that are picked apart: units of each part have an order of their own only when
nothing else is done with the array. ONNX Runtime judges that no reordering changes the model."""
import unittest

import numpy as np

from common import run
from nets import Net, NetTest, own

BATCH, STEPS, IN, PARTS, UNITS, HEADS = 2, 5, 7, 3, 6, 2


class Stacks(NetTest):
    def setUp(self):
        super().setUp()
        self.net = Net()
        self.x = self.net.input(BATCH, STEPS, IN)

    def stack(self, *last):
        """Projections, [batch, steps, parts, units or heads, units]."""
        net = self.net
        shape = [0, 0, PARTS, *(last or (UNITS,))]
        return net.node("Reshape", net.dense(self.x, "stack", IN, PARTS * UNITS), net.constant(shape))

    def picked(self, stack, axis, parts=range(PARTS)):
        return [self.net.node("Gather", stack, self.net.constant(i - PARTS if i == 2 else i), axis=axis) for i in parts]

    def end(self, parts):
        """Each part [batch, steps, units] to the output by weights of its own."""
        net = self.net
        y = None
        for i, part in enumerate(parts):
            z = net.dense(net.node("Tanh", part), f"out{i}", UNITS, 3)
            y = net.node("Add", y, z) if y else z
        return y

    def check_own(self, y):
        return self.check(self.net, [y], [UNITS] * PARTS)

    def check_alike(self, y):
        return self.check(self.net, [y], [UNITS])

    def test_picked(self):
        self.check_own(self.end(self.picked(self.stack(), 2)))

    def test_picked_from_behind(self):
        self.check_own(self.end(self.picked(self.stack(), -2)))

    def test_split(self):
        for sizes in [[1, 1, 1], None]:
            with self.subTest(sizes=sizes):
                self.setUp()
                net = self.net
                more = [net.constant(sizes)] if sizes else []
                parts = net.node("Split", self.stack(), *more, outputs=PARTS, axis=2)
                self.check_own(self.end([net.node("Squeeze", part, net.constant([2])) for part in parts]))

    def test_moved(self):
        """As PyTorch's MultiheadAttention exports it: a new axis in front changes places with the parts and goes."""
        net = self.net
        h = net.node("Unsqueeze", net.node("Identity", self.stack()), net.constant([0]))
        h = net.node("Squeeze", net.node("Transpose", h, perm=[3, 1, 2, 0, 4]), net.constant([3]))
        self.check_own(self.end(self.picked(h, 0)))

    def test_axes_before_and_behind(self):
        """New axes on both sides, which go again: only those in front of the parts count."""
        net = self.net
        h = net.node("Unsqueeze", self.stack(), net.constant([2, -1]))  # [batch, steps, 1, parts, units, 1]
        h = net.node("Squeeze", net.node("Squeeze", h, net.constant([2])), net.constant([-1]))
        self.check_own(self.end(self.picked(net.node("Transpose", h, perm=[2, 0, 1, 3]), 0)))

    def test_lists_as_attributes(self):
        """As they are before operator set 13; parts that are moved behind steps."""
        net = self.net = Net(opset=11)
        self.x = net.input(BATCH, STEPS, IN)
        h = net.node("Transpose", net.node("Unsqueeze", self.stack(), axes=[0]), perm=[1, 0, 3, 2, 4])
        h = net.node("Squeeze", h, axes=[1])  # [batch, parts, steps, units]
        parts = net.node("Split", h, outputs=PARTS, axis=1, split=[1, 1, 1])
        self.check_own(self.end([net.node("Squeeze", part, axes=[1]) for part in parts]))

    def test_squeezed_by_sizes(self):
        """Without a list of axes Squeeze is not followed."""
        net = self.net
        self.check_alike(self.end(self.picked(net.node("Squeeze", net.node("Unsqueeze", self.stack(), net.constant([0]))), 2)))

    def test_a_turn_that_leaves_the_parts_behind(self):
        """Steps are picked, and not parts."""
        net = self.net
        h = net.node("Transpose", self.stack(), perm=[0, 2, 1, 3])
        y = self.end(self.picked(h, 2))
        self.check(net, [net.node("ReduceSum", y, net.constant([1]), keepdims=0)], [PARTS, UNITS])

    def test_parts_of_one_axis_more(self):
        net = self.net
        parts = [net.node("Squeeze", part, net.constant([2])) for part in self.picked(self.stack(1, UNITS), 2)]
        self.check_own(self.end(parts))

    def test_more_axes_than_are_understood(self):
        net = self.net
        axes = list(range(2, 16))
        h = net.node("Unsqueeze", self.stack(), net.constant(axes))
        h = net.node("Squeeze", h, net.constant(axes))
        model = net.model(self.end(self.picked(h, 2)))
        self.assertEqual(self.check_groups(model, None)["groups"], [])

    def test_reversed(self):
        """Transpose without an order: [units, parts, steps, batch]."""
        net = self.net
        parts = self.picked(net.node("Transpose", self.stack()), 1)
        self.check_own(self.end([net.node("Transpose", part) for part in parts]))

    def test_heads(self):
        """Parts of several axes."""
        net = self.net
        h = net.node("Transpose", self.stack(HEADS, UNITS // HEADS), perm=[2, 0, 3, 1, 4])
        parts = [net.node("Reshape", net.node("Transpose", part, perm=[0, 2, 1, 3]), net.constant([0, 0, UNITS]))
                 for part in self.picked(h, 0)]
        found = self.check(net, [self.end(parts)], None)
        self.assertEqual(sum(group["kind"] == "blocks" for group in found["groups"]), PARTS, found)

    def test_shape_is_looked_at(self):
        net = self.net
        stack = self.stack()
        steps = net.node("Gather", net.node("Shape", stack), net.constant([1]), axis=0)
        y = self.end(self.picked(stack, 2))
        self.check_own(net.node("Mul", y, net.node("Cast", steps, to=1)))

    def test_weights_of_parts(self):
        """Each unit by a number that all parts share."""
        net = self.net
        self.check_alike(self.end(self.picked(net.node("Mul", self.stack(), net.weight("scale", UNITS)), 2)))

    def test_parts_that_compete(self):
        self.check_alike(self.end(self.picked(self.net.node("Softmax", self.stack(), axis=2), 2)))

    def test_parts_that_are_added(self):
        net = self.net
        stack = self.stack()
        y = self.end(self.picked(stack, 2))
        total = net.dense(net.node("Tanh", net.node("ReduceSum", stack, net.constant([2]), keepdims=0)), "all", UNITS, 3)
        self.check_alike(net.node("Add", y, total))

    def test_several_at_a_time(self):
        net = self.net
        stack = self.stack()
        two = net.node("ReduceSum", net.node("Gather", stack, net.constant([0, 1]), axis=2), net.constant([2]), keepdims=0)
        self.check_alike(self.end([two, *self.picked(stack, 2, [2])]))

    def test_parts_of_all_and_none(self):
        net = self.net
        parts = net.node("Split", self.stack(), net.constant([3, 0, 0]), outputs=3, axis=2)
        y = self.end([net.node("ReduceSum", part, net.constant([2]), keepdims=0) for part in parts])
        self.assertEqual(self.check(net, [y], None)["groups"], [])

    def test_units_that_are_split(self):
        """Into as many pieces as there are parts."""
        net = self.net
        stack = self.stack()
        y = self.end(self.picked(stack, 2))
        pieces = net.node("Split", stack, outputs=3, axis=3)
        for i, piece in enumerate(pieces):
            z = net.node("ReduceSum", net.node("Tanh", piece), net.constant([2]), keepdims=0)
            y = net.node("Add", y, net.dense(z, f"piece{i}", UNITS // 3, 3))
        self.check(net, [y], [UNITS // 3] * 3)

    def test_parts_of_two(self):
        net = self.net
        stack = self.stack()
        parts = net.node("Split", stack, net.constant([2, 1]), outputs=2, axis=2)
        two = net.node("ReduceSum", parts[0], net.constant([2]), keepdims=0)
        self.check(net, [self.end([two, net.node("Squeeze", parts[1], net.constant([2]))])], [2, UNITS])

    def test_index_that_is_not_known(self):
        net = self.net
        stack = self.stack()
        where = net.node("ArgMax", net.node("ReduceMean", self.x, axes=[0, 2], keepdims=0), axis=0, keepdims=0)
        where = net.node("Mod", where, net.constant(PARTS))
        self.check_alike(self.end([*self.picked(stack, 2), net.node("Gather", stack, where, axis=2)]))

    def test_units_that_are_picked(self):
        """Not the parts but a unit of each: it and its like in other parts stay."""
        net = self.net
        stack = self.stack()
        one = net.dense(net.node("Gather", stack, net.constant(1), axis=3), "one", PARTS, 3)
        found = self.check(net, [net.node("Add", self.end(self.picked(stack, 2)), one)], None)
        self.assertEqual(found["groups"], [])

    def test_output(self):
        """What comes out as it is has no order of its own."""
        net = self.net
        stack = self.stack()
        found = self.check(net, [self.end(self.picked(stack, 2)), stack], None)
        self.assertEqual(found["groups"], [])

    def test_one_matrix_for_two(self):
        """Both times it is stacked, or once it is and once all parts get the same, whichever comes first."""
        for kinds in [["own", "own"], ["own", "alike"], ["alike", "own"]]:
            with self.subTest(kinds):
                self.setUp()
                net = self.net
                y, w = [], net.weight("stack", IN, PARTS * UNITS)
                for i, kind in enumerate(kinds):
                    h = net.node("Reshape", net.node("MatMul", net.node("Relu", self.x) if i else self.x, w),
                                 net.constant([0, 0, PARTS, UNITS]))
                    h = net.node("Mul", h, net.weight("scale", UNITS)) if kind == "alike" else h
                    parts = [net.node("Tanh", part) for part in self.picked(h, 2)]
                    y += [net.node("MatMul", part, net.weight(f"out{i}{k}", UNITS, 3)) for k, part in enumerate(parts)]
                self.check(net, [net.node("Sum", *y)], [UNITS] * (PARTS if kinds[0] == kinds[1] else 1))

    def test_parts_across_units(self):
        """Ten units and nine steps as three by three by ten: no part is made of whole units."""
        net = Net()
        x = net.input(BATCH, 9, IN)
        h = net.node("Transpose", net.dense(x, "w", IN, 10), perm=[0, 2, 1])
        h = net.node("Reshape", h, net.constant([0, 3, 3, 10]))
        parts = [net.node("ReduceSum", net.node("Tanh", net.node("Gather", h, net.constant(i), axis=1)), net.constant([1]),
                          keepdims=0) for i in range(3)]
        y = net.node("Sum", *[net.dense(part, f"out{i}", 10, 3) for i, part in enumerate(parts)])
        self.assertEqual(self.check(net, [y], None)["groups"], [])

    def test_units_of_one_part_beside_the_stack(self):
        """Units of the first part lie on another axis of what is picked from: they stay when another part is picked."""
        net = Net()
        h = net.dense(net.input(STEPS, IN), "stack", IN, PARTS * UNITS)
        first = net.node("Slice", h, net.constant([0]), net.constant([UNITS]), net.constant([1]))
        both = net.node("Reshape", net.node("MatMul", net.node("Transpose", first, perm=[1, 0]), h),
                        net.constant([0, PARTS, UNITS]))
        y = []
        for i in range(PARTS):
            part = net.node("Tanh", net.node("Gather", both, net.constant(i), axis=1))
            y.append(net.node("MatMul", net.node("MatMul", net.weight(f"left{i}", 3, UNITS), part), net.weight(f"right{i}", UNITS, 3)))
        self.check(net, [net.node("Sum", *y)], [UNITS] * PARTS)

    def test_a_part_that_is_a_square(self):
        """Both axes of the first part are of one space, those of the second are not."""
        net = Net()
        x = net.input(STEPS, IN)
        a = net.node("Tanh", net.dense(x, "a", IN, 4))
        square = net.node("Reshape", net.node("Einsum", a, a, equation="na,nb->nab"), net.constant([0, 16]))
        both = net.node("Concat", square, net.dense(x, "b", IN, 16), axis=1)
        both = net.node("Reshape", both, net.constant([0, 2, 4, 4]))
        y = []
        for i in range(2):
            part = net.node("Tanh", net.node("Gather", both, net.constant(i), axis=1))
            y.append(net.node("Einsum", part, net.weight(f"left{i}", 4, 3), net.weight(f"right{i}", 4, 3),
                              equation="nbc,bd,cd->nd"))
        self.check(net, [net.node("Sum", *y)], [4, 4, 4])

    def test_parts_within_blocks(self):
        """[heads, parts, units]: parts stay alike, so that units show behind heads."""
        net = self.net
        h = net.node("Reshape", net.dense(self.x, "stack", IN, HEADS * PARTS * UNITS), net.constant([0, 0, HEADS, PARTS, UNITS]))
        q, k, v = (net.node("Transpose", part, perm=[0, 2, 1, 3]) for part in self.picked(h, 3))
        scores = net.node("Softmax", net.node("MatMul", q, net.node("Transpose", k, perm=[0, 1, 3, 2])), axis=-1)
        h = net.node("Transpose", net.node("MatMul", scores, v), perm=[0, 2, 1, 3])
        h = net.node("Reshape", h, net.constant([0, 0, HEADS * UNITS]))
        self.check(net, [net.dense(h, "out", HEADS * UNITS, 3)], [HEADS, own(UNITS, HEADS)])

    def test_one_part(self):
        """Is no stack: what pins other axes of one element has nothing to do with it."""
        net = self.net
        one = net.node("Gather", net.node("Reshape", net.dense(self.x, "w", IN, UNITS), net.constant([0, 0, 1, UNITS])),
                       net.constant(0), axis=2)
        boxes, scores = (net.node("Reshape", net.node("Slice", self.x, net.constant([0]), net.constant([size]), net.constant([2])),
                                  net.constant(shape)) for size, shape in [(4, [1, -1, 4]), (1, [1, 1, -1])])
        more = net.node("NonMaxSuppression", boxes, scores, net.constant([1]))  # all its axes are pinned
        more = net.node("ReduceSum", net.node("Cast", more, to=1), keepdims=0)
        self.check(net, [net.node("Add", net.dense(net.node("Tanh", one), "out", UNITS, 3), more)], [UNITS])

    def test_nodes_that_read_it_many_times(self):
        """No operator does; each level would be followed many times as often as the one before."""
        for count, wide in [(1, 30), (8, 8)]:
            with self.subTest(nodes=count, inputs=wide):
                self.setUp()
                net = self.net
                level = [self.stack()] * wide
                for _ in range(11):
                    level = [net.node("Identity", *level) for _ in range(count)] * (wide // count)
                y = [self.net.node("Gather", h, net.constant(0), axis=2) for h in level[:count]]
                with open(self.path("a.onnx"), "wb") as file:
                    file.write(net.model(*y).SerializeToString())
                self.assertEqual(run("inspect", self.path("a.onnx")).returncode, 0)

    def test_a_first_output_that_is_left_out(self):
        """A model that nothing runs, but that must not be followed to where there is nothing."""
        for kind in ["Reshape", "Transpose"]:
            with self.subTest(kind):
                self.setUp()
                net = self.net
                stack = self.stack()
                moved = net.node("Transpose", stack, perm=[2, 0, 1, 3])
                model = net.model(self.end(self.picked(moved, 0)))
                node = next(node for node in model.graph.node if node.op_type == kind)
                node.output.insert(0, "")
                with open(self.path("a.onnx"), "wb") as file:
                    file.write(model.SerializeToString())
                self.assertEqual(run("inspect", self.path("a.onnx")).returncode, 0)


if __name__ == "__main__":
    unittest.main()
