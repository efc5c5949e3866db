"""The same model said differently: renamed, reordered, weights elsewhere or in another type."""
import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def renamed(model):
    """Every value, node and initializer gets a new name; graph inputs and outputs too."""
    model = onnx.ModelProto.FromString(model.SerializeToString())
    graph, names = model.graph, {}

    def new(name):
        return names.setdefault(name, f"renamed_{(len(names) * 7919) % 100003}") if name else name

    for value in [*graph.input, *graph.output, *graph.value_info, *graph.initializer]:
        value.name = new(value.name)
    for node in graph.node:
        node.name = new("node " + node.name)
        node.input[:] = [new(name) for name in node.input]
        node.output[:] = [new(name) for name in node.output]
    return model


def shuffled(model, seed):
    """Nodes in another valid order, initializers in any order."""
    model = onnx.ModelProto.FromString(model.SerializeToString())
    random = np.random.default_rng(seed)
    graph, left = model.graph, list(model.graph.node)
    ready = {value.name for value in [*graph.input, *graph.initializer]} | {""}
    order = []
    while left:
        able = [node for node in left if all(name in ready for name in node.input)]
        node = able[random.integers(len(able))]
        left = [other for other in left if other is not node]
        order.append(node)
        ready.update(node.output)
    tensors = [graph.initializer[i] for i in random.permutation(len(graph.initializer))]
    nodes = [onnx.NodeProto.FromString(node.SerializeToString()) for node in order]
    tensors = [onnx.TensorProto.FromString(tensor.SerializeToString()) for tensor in tensors]
    del graph.node[:], graph.initializer[:]
    graph.node.extend(nodes)
    graph.initializer.extend(tensors)
    return model


def as_constants(model):
    """Initializers become Constant nodes."""
    model = onnx.ModelProto.FromString(model.SerializeToString())
    graph = model.graph
    nodes = [helper.make_node("Constant", [], [tensor.name], value=tensor) for tensor in graph.initializer]
    nodes += [onnx.NodeProto.FromString(node.SerializeToString()) for node in graph.node]
    del graph.node[:], graph.initializer[:]
    graph.node.extend(nodes)
    return model


def in_float16(model):
    """Weights, inputs and outputs in float16."""
    model = onnx.ModelProto.FromString(model.SerializeToString())
    for tensor in model.graph.initializer:
        if tensor.data_type == TensorProto.FLOAT:
            tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(np.float16), tensor.name))
    for value in [*model.graph.input, *model.graph.output, *model.graph.value_info]:
        if value.type.tensor_type.elem_type == TensorProto.FLOAT:
            value.type.tensor_type.elem_type = TensorProto.FLOAT16
    for node in model.graph.node:
        for attribute in node.attribute:
            if node.op_type == "Constant" and attribute.t.data_type == TensorProto.FLOAT:
                array = numpy_helper.to_array(attribute.t).astype(np.float16)
                attribute.t.CopyFrom(numpy_helper.from_array(array))
    return model


def save_external(model, path, location):
    onnx.save_model(onnx.ModelProto.FromString(model.SerializeToString()), path, save_as_external_data=True,
                    all_tensors_to_one_file=True, location=location, size_threshold=0)
