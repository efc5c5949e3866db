"""Models built by hand, and the check that ONNX Runtime sees no change when they are reordered."""
import hashlib
import json
import os

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from common import ToolTest, run_json, session

SEEDS = 20
TRIED = int(os.environ.get("NET_SEEDS", SEEDS))  # of these, the last
# Reordering sums moves float32 outputs of these small models by some 1e-7 to 1e-6.
TOLERANCE = 1e-5


class Net:
    """A model under construction: weights are named by what they are, values by number."""

    def __init__(self, opset=17):
        self.random = np.random.default_rng(7)
        self.nodes, self.tensors, self.inputs, self.feeds, self.opset = [], [], [], {}, opset
        self.more_feeds = []  # what else to judge the model by: inputs that differ from self.feeds
        self.prefix = ""

    def input(self, *shape, name="x"):
        self.inputs.append(helper.make_tensor_value_info(name, TensorProto.FLOAT, shape))
        self.feeds[name] = self.random.standard_normal(shape).astype(np.float32)
        return name

    def integers(self, below, *shape, name="ids", kind=np.int64):
        self.inputs.append(helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(np.dtype(kind)), shape))
        self.feeds[name] = self.random.integers(0, below, shape).astype(kind)
        return name

    def weight(self, name, *shape):
        value = self.random.standard_normal(shape) / np.sqrt(np.prod(shape[1:]) if len(shape) > 1 else 1)
        self.tensors.append(numpy_helper.from_array(value.astype(np.float32), name))
        return name

    def constant(self, value, kind=np.int64):
        name = f"{self.prefix}c{len(self.tensors)}"
        self.tensors.append(numpy_helper.from_array(np.array(value, kind), name))
        return name

    def node(self, kind, *inputs, outputs=1, **attributes):
        names = [f"{self.prefix}v{len(self.nodes)}_{i}" for i in range(outputs)]
        self.nodes.append(helper.make_node(kind, list(inputs), names, **attributes))
        return names[0] if outputs == 1 else names

    def body(self, prefix, as_nodes=False):
        """A subgraph under construction: it may use everything of the net. Its weights are initializers, or nodes."""
        return Body(self, prefix, as_nodes)

    def dense(self, x, name, inputs, units):
        return self.node("Add", self.node("MatMul", x, self.weight(name, inputs, units)), self.weight(name + "_bias", units))

    def model(self, *outputs):
        graph = helper.make_graph(self.nodes, "net", self.inputs,
                                  [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs],
                                  self.tensors)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", self.opset),
                                                        helper.make_opsetid("com.microsoft", 1)])
        model.ir_version = 8 if self.opset < 20 else 10
        return model


class Body(Net):
    def __init__(self, net, prefix, as_nodes):
        super().__init__(net.opset)
        self.random, self.prefix, self.as_nodes = net.random, prefix, as_nodes

    def input(self, name, rank=None, kind=TensorProto.FLOAT):
        shape = None if rank is None else [None] * rank
        self.inputs.append(helper.make_tensor_value_info(name, kind, shape))
        return name

    def graph(self, *outputs, kinds=None):
        nodes, tensors = list(self.nodes), list(self.tensors)
        if self.as_nodes:
            nodes = [helper.make_node("Constant", [], [tensor.name], value=tensor) for tensor in tensors] + nodes
            tensors = []
        kinds = kinds or [TensorProto.FLOAT] * len(outputs)
        ends = [helper.make_tensor_value_info(name, kind, None) for name, kind in zip(outputs, kinds, strict=True)]
        return helper.make_graph(nodes, self.prefix + "body", self.inputs, ends, tensors)


def constants(graph):
    """All constants of a graph and its subgraphs, by where they are."""
    found = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    for number, node in enumerate(graph.node):
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.TENSOR:
                found[f"{node.output[0]}.{attribute.name}"] = numpy_helper.to_array(attribute.t)
            elif attribute.type == onnx.AttributeProto.GRAPH:
                inner = constants(attribute.g)
                found.update({f"{number}/{attribute.name}/{name}": value for name, value in inner.items()})
    return found


def own(units, blocks):
    """How check() is told of a group inside blocks, with an order of its own in each."""
    return f"{blocks} x {units}"


def group_text(group):
    blocks = group.get("blocks", 1)
    return str(group["size"]) if blocks == 1 else own(group["size"] // blocks, blocks)


def keep(model, groups):
    """Leaves a model and its groups in the folder KEEP_NETS, for tests/mutation.py."""
    folder, content = os.environ.get("KEEP_NETS"), model.SerializeToString()
    if folder:
        name = os.path.join(folder, hashlib.sha256(content).hexdigest()[:16])
        with open(name + ".onnx", "wb") as file:
            file.write(content)
        with open(name + ".json", "w") as file:
            json.dump(sorted(map(str, groups)), file)


class NetTest(ToolTest):
    def check_groups(self, model, groups):
        onnx.save(model, self.path("a.onnx"))
        found = run_json("inspect", self.path("a.onnx"))
        if groups is not None:
            keep(model, groups)
            self.assertEqual(sorted(group_text(group) for group in found["groups"]), sorted(map(str, groups)), found)
        return found

    def check(self, net, outputs, groups, seeds=SEEDS, aligns=True):
        """Finds groups of exactly these sizes (see own(); None: of any), moves them all without changing what ONNX Runtime computes, and finds
        back where they were."""
        model = net.model(*outputs)
        found = self.check_groups(model, groups)
        feeds = [net.feeds, *net.more_feeds]
        running = session(model, optimises=False)
        reference = [x for feed in feeds for x in running.run(None, feed)]
        for seed in range(max(0, seeds - TRIED), seeds):
            run_json("permute", self.path("a.onnx"), "-o", self.path("b.onnx"), "--random", "--seed", seed, "--no-verify")
            running = session(self.path("b.onnx"), optimises=False)
            for x, y in zip(reference, (y for feed in feeds for y in running.run(None, feed)), strict=True):
                self.assertTrue(np.isfinite(x).all())
                np.testing.assert_allclose(y, x, rtol=0, atol=TOLERANCE * np.abs(x).max(), err_msg=f"seed {seed}")
        is_open = bool(found["groups"])
        for method in ["weights", "deep-align"] if is_open and aligns else []:
            report = run_json(self.path("a.onnx"), self.path("b.onnx"), "-o", self.path("m.onnx"), "--method", method,
                              "--no-verify")
            self.assertEqual(report["distance"]["after"], 0, method)
        before, after = (constants(onnx.load(self.path(f)).graph) for f in ("a.onnx", "b.onnx"))
        if is_open:
            self.assertTrue(any(not np.array_equal(before[name], after[name]) for name in before))
        return found
