"""Symmetries of operators that the built-in executor does not run: ONNX Runtime says that reordering changes nothing."""
import unittest

import numpy as np
from onnx import TensorProto, numpy_helper

from nets import Net, NetTest, own


class Operators(NetTest):
    def recurrent(self, kind, gates, direction="forward", layers=1, states=None, **attributes):
        net = Net()
        x, size, units = net.input(5, 2, 4), 4, 6
        ways = 2 if direction == "bidirectional" else 1
        if states == "zero":
            zeros = net.node("Slice", net.node("ConstantOfShape", net.constant([ways + 1, 2, units])), net.constant([1]),
                             net.constant([ways + 1]), net.constant([0]))
        for layer in range(layers):
            parameters = [net.weight(f"w{layer}", ways, gates * units, size), net.weight(f"r{layer}", ways, gates * units, units),
                          net.weight(f"b{layer}", ways, 2 * gates * units)]
            if states == "zero":  # of all layers
                parameters += ["", zeros]
            if states == "learned":
                parameters += ["", net.weight(f"h{layer}", ways, 2, units)]
                if kind == "LSTM":
                    parameters += [net.weight(f"s{layer}", ways, 2, units), net.weight(f"p{layer}", ways, 3 * units)]
            y = net.node(kind, x, *parameters, outputs=2, hidden_size=units, direction=direction, **attributes)[0]
            x = net.node("Reshape", net.node("Transpose", y, perm=[0, 2, 1, 3]), net.constant([0, 0, -1]))
            size = ways * units
        return net, net.dense(x, "head", size, 3), [units] * layers

    def test_lstm(self):
        for more in [{}, {"direction": "reverse"}, {"direction": "bidirectional"}, {"layers": 2, "direction": "bidirectional"},
                     {"states": "learned"}, {"states": "zero", "layers": 2}]:
            with self.subTest(**more):
                net, y, groups = self.recurrent("LSTM", 4, **more)
                self.check(net, [y], groups)

    def test_gru_and_rnn(self):
        for kind, gates, more in [("GRU", 3, {"linear_before_reset": 1}), ("GRU", 3, {"direction": "bidirectional"}),
                                  ("RNN", 1, {"layers": 2}), ("GRU", 3, {"states": "learned"})]:
            with self.subTest(kind, **more):
                net, y, groups = self.recurrent(kind, gates, **more)
                self.check(net, [y], groups)

    def test_steps_and_batches_of_weights(self):
        """Data made of weights: its batch (3) is free, unless states or lengths are of it; its steps (5) never are."""
        for name in ["plain", "states", "lengths", "computed lengths"]:
            for kind, gates in [("LSTM", 4), ("GRU", 3)]:
                with self.subTest(name, kind=kind):
                    net = Net()
                    lengths = (net.constant([5, 2, 4], np.int32) if name == "lengths" else
                               net.node("Cast", net.constant([5, 2, 4], np.float32), to=TensorProto.INT32)
                               if name == "computed lengths" else "")
                    states = [net.weight("h", 2, 3, 6)] + [net.weight("c", 2, 3, 6)] * (kind == "LSTM")
                    y = net.node(kind, net.weight("data", 5, 3, 4), net.weight("w", 2, gates * 6, 4),
                                 net.weight("r", 2, gates * 6, 6), "", lengths, *(states if name == "states" else []),
                                 hidden_size=6, direction="bidirectional")
                    y = net.node("Einsum", y, net.weight("out", 2, 6, 3), equation="tdbu,duo->o")
                    y = net.node("Add", y, net.dense(net.input(2, 2), "skip", 2, 3))
                    self.check(net, [y], [4, 6] + [3] * (name != "lengths"))

    def test_last_states_of_an_lstm(self):
        net = Net()
        outputs = net.node("LSTM", net.input(5, 2, 4), net.weight("w", 1, 24, 4), net.weight("r", 1, 24, 6), outputs=3,
                           hidden_size=6)
        rows = [net.node("Squeeze", value, net.constant([0])) for value in outputs[1:]]
        self.check(net, [net.dense(net.node("Concat", *rows, axis=1), "head", 12, 3)], [6])

    def test_layer_normalization(self):
        net = Net()
        h = net.dense(net.input(2, 5, 4), "w1", 4, 8)
        h = net.node("LayerNormalization", h, net.weight("scale", 8), net.weight("shift", 8), axis=-1)
        h = net.node("Relu", net.dense(h, "w2", 8, 6))
        h = net.node("LayerNormalization", h, net.weight("scale2", 5, 6), axis=1)
        self.check(net, [net.dense(h, "w3", 6, 3)], [8, 6])

    def test_instance_and_mean_variance_normalization(self):
        net = Net()
        h = net.node("Conv", net.input(2, 3, 6, 6), net.weight("w1", 8, 3, 3, 3))
        h = net.node("Relu", net.node("InstanceNormalization", h, net.weight("scale", 8), net.weight("shift", 8)))
        h = net.node("Conv", h, net.weight("w2", 5, 8, 3, 3))
        h = net.node("Relu", net.node("MeanVarianceNormalization", h))
        h = net.node("LpNormalization", net.node("Conv", h, net.weight("w3", 4, 5, 1, 1)), axis=1)
        self.check(net, [net.node("Conv", h, net.weight("w4", 2, 4, 1, 1))], [8, 5, 4])

    def test_group_normalization_moves_blocks_and_their_inside(self):
        net = Net(opset=18)
        h = net.node("Conv", net.input(2, 3, 6, 6), net.weight("w1", 8, 3, 3, 3))
        h = net.node("GroupNormalization", h, net.weight("scale", 4), net.weight("shift", 4), num_groups=4)
        self.check(net, [net.node("Conv", net.node("Relu", h), net.weight("w2", 2, 8, 3, 3))], [4, own(2, 4)])

    def test_transposed_convolution(self):
        for groups in [1, 2]:
            with self.subTest(groups=groups):
                net = Net()
                h = net.node("Relu", net.node("Conv", net.input(1, 3, 5, 5), net.weight("w1", 8, 3, 3, 3)))
                h = net.node("ConvTranspose", h, net.weight("w2", 8, 6 // groups, 3, 3), net.weight("b2", 6), group=groups,
                             strides=[2, 2], pads=[1, 1, 1, 1], output_padding=[1, 1])
                h = net.node("Flatten", net.node("Relu", h))
                self.check(net, [net.dense(h, "w3", 6 * 36, 2)], [8, 6] if groups == 1 else [2, own(4, 2), own(3, 2)])

    def test_transposed_convolution_along_units(self):
        for groups in [1, 3]:
            with self.subTest(groups=groups):
                net = Net()
                h = net.node("Relu", net.dense(net.input(2, 3, 4), "w1", 4, 8))
                h = net.node("ConvTranspose", h, net.weight("w2", 3, 6 // groups, 3), group=groups)
                self.check(net, [net.node("ReduceSum", net.node("Relu", h), net.constant([1, 2]))],
                           [6] if groups == 1 else [2])

    def test_einsum(self):
        net = Net()
        h = net.node("Relu", net.node("Einsum", net.input(2, 5, 4), net.weight("w1", 4, 3, 6), equation="btc,chd->bthd"))
        h = net.node("Einsum", h, net.weight("w2", 3, 6, 7), equation="bthd, hde -> bte")
        h = net.node("Einsum", net.node("Tanh", h), net.weight("w3", 7, 2), equation="bte,ec->btc")
        self.check(net, [h], [3, own(6, 3), 7])

    def test_einsum_that_broadcasts(self):
        """An axis of one element under the letter of a longer one."""
        for first in [True, False]:
            with self.subTest(first=first):
                net = Net()
                h, one = net.node("Relu", net.dense(net.input(2, 4), "w1", 4, 8)), net.weight("one", 1)
                h = net.node("Einsum", *((one, h) if first else (h, one)), equation="u,bu->bu" if first else "bu,u->bu")
                h = net.node("Tanh", net.node("Add", h, net.weight("bias", 8)))
                self.check(net, [net.dense(h, "w2", 8, 3)], [8])

    def test_einsum_of_a_diagonal_or_with_an_ellipsis_stays(self):
        net = Net()
        h = net.node("Einsum", net.dense(net.input(2, 4), "w1", 4, 8), net.weight("w2", 8, 3), equation="...c,cd->...d")
        h = net.node("Add", h, net.node("Einsum", net.weight("w3", 3, 3), equation="ii->i"))
        self.check(net, [h], [], seeds=1)

    def test_shapes_that_the_model_computes(self):
        """As exporters write the padding of a list, and expand with -1 for axes that stay."""
        net = Net()
        h = net.node("Relu", net.node("Conv", net.input(2, 3, 6), net.weight("w1", 8, 3, 3)))
        zeros = net.node("ConstantOfShape", net.constant([4]), value=numpy_helper.from_array(np.array([0])))
        pads = net.node("Concat", net.constant([2, 1]), zeros, axis=0)
        pads = net.node("Slice", net.node("Reshape", pads, net.constant([-1, 2])), net.constant([-1]),
                        net.constant([-2**63 + 1]), net.constant([0]), net.constant([-1]))
        pads = net.node("Reshape", net.node("Transpose", pads, perm=[1, 0]), net.constant([-1]))
        pads = net.node("Cast", pads, to=TensorProto.INT64)
        h = net.node("Relu", net.node("Conv", net.node("Pad", h, pads), net.weight("w2", 6, 8, 3)))
        shape = net.constant([2, 6, -1, 5])
        ones = net.node("Where", net.node("Equal", shape, net.node("Mul", net.constant([1, 1, 1, 1]), net.constant(-1))),
                        net.constant([1, 1, 1, 1]), shape)
        h = net.node("Expand", net.node("Unsqueeze", h, net.constant([2])), ones)
        self.check(net, [net.dense(net.node("ReduceMean", h, axes=[2, 3], keepdims=0), "head", 6, 2)], [8, 6])

    def test_resampled_and_padded_images(self):
        net = Net()
        h = net.node("Relu", net.node("Conv", net.input(1, 3, 5, 5), net.weight("w1", 8, 3, 3, 3)))
        h = net.node("Resize", h, "", net.constant([1, 1, 2, 2], np.float32), mode="linear")
        h = net.node("Pad", h, net.constant([0, 0, 1, 1, 0, 0, 1, 1]), mode="reflect")
        h = net.node("Relu", net.node("Conv", h, net.weight("w2", 6, 8, 3, 3)))
        h = net.node("Resize", h, "", "", net.constant([1, 6, 3, 3]), mode="nearest")
        h = net.node("Tile", h, net.constant([1, 1, 2, 1]))
        self.check(net, [net.dense(net.node("Flatten", h), "w3", 6 * 18, 2)], [8, 6])

    def test_resampling_of_old_operator_sets(self):
        for opset, kind in [(9, "Upsample"), (10, "Resize")]:
            for scales, groups in [([1, 1, 2, 2], [8, 5]), ([1, 2, 1, 1], [5])]:
                with self.subTest(kind, scales=scales):
                    net = Net(opset=opset)
                    h = net.node("Relu", net.node("Conv", net.input(1, 3, 5, 5), net.weight("w1", 8, 3, 3, 3)))
                    h = net.node(kind, h, net.constant(scales, np.float32), mode="nearest")
                    h = net.node("Relu", net.node("Conv", h, net.weight("w2", 5, 8 * scales[1], 1, 1)))
                    self.check(net, [net.node("Conv", h, net.weight("w3", 2, 5, 1, 1))], groups)

    def test_order_that_counts_stays(self):
        """A weight behind each operator would move with the units, were they free."""
        for name, size, use in [
                ("ArgMax", 1, lambda net, h: net.node("Cast", net.node("ArgMax", h, axis=1), to=TensorProto.FLOAT)),
                ("TopK", 3, lambda net, h: net.node("TopK", h, net.constant([3]), outputs=2)[0]),
                ("LRN", 6, lambda net, h: net.node("Squeeze", net.node("LRN", net.node("Unsqueeze", h, net.constant([2, 3])),
                                                                       size=3, alpha=0.5), net.constant([2, 3]))),
                ("CumSum", 6, lambda net, h: net.node("CumSum", h, net.constant(1))),
                # Of equal elements, which these are, it takes the first.
                ("Hardmax", 6, lambda net, h: net.node("Hardmax", net.node("Clip", h, net.constant(9, np.float32)))),
                ("Trilu", 6, lambda net, h: net.node("Trilu", h)),
                ("Pad", 7, lambda net, h: net.node("Pad", h, net.constant([0, 1, 0, 0]))),
                ("Tile", 12, lambda net, h: net.node("Tile", h, net.constant([1, 2])))]:
            with self.subTest(name):
                net = Net()
                h = net.node("Relu", net.dense(net.input(2, 4), "w1", 4, 8))
                h = use(net, net.dense(h, "w2", 8, 6))
                self.check(net, [net.node("ReduceSum", net.node("Mul", h, net.weight("map", size)))], [8], seeds=3)

    def test_axes_beside_the_order_move(self):
        net = Net()
        h = net.node("Relu", net.node("Conv", net.input(2, 3, 6), net.weight("w1", 8, 3, 3)))
        h = net.node("CumSum", net.node("Trilu", h), net.constant(2))  # Trilu of channels and steps: both stay
        self.check(net, [net.node("Conv", h, net.weight("w2", 2, 8, 1))], [], seeds=1)
        net = Net()
        h = net.node("Relu", net.node("Conv", net.input(2, 3, 6), net.weight("w1", 8, 3, 3)))
        h = net.node("CumSum", h, net.constant(2))
        h = net.node("TopK", h, net.constant([2]), axis=2, outputs=2)[0]
        self.check(net, [net.node("Conv", h, net.weight("w2", 2, 8, 1))], [8])


if __name__ == "__main__":
    unittest.main(verbosity=2)
