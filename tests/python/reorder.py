"""What `onnx-align inspect --json` says of a model's groups, applied by NumPy: a second opinion on what they mean, and many
reorderings of large models with one session of ONNX Runtime."""
import numpy as np
import onnx
from onnx import numpy_helper


def tensors_of(graph):
    """All constants as (name, tensor, how to take it out of the graph), those of subgraphs included."""
    for tensor in list(graph.initializer):
        yield tensor.name, tensor, lambda tensor=tensor: graph.initializer.remove(tensor)
    for node in list(graph.node):
        for attribute in node.attribute:
            if attribute.type == onnx.AttributeProto.GRAPH:
                yield from tensors_of(attribute.g)
            elif node.op_type == "Constant" and attribute.name == "value":
                yield node.output[0], attribute.t, lambda node=node: graph.node.remove(node)


def constants(model):
    return {name: numpy_helper.to_array(tensor) for name, tensor, _ in tensors_of(model.graph)}


def source(index, orders):
    """Where each element of an axis comes from: new[i] = old[source[i]]."""
    if "group" in index:
        return orders[index["group"]]
    if "concat" in index:
        before = np.cumsum([0, *(part["size"] for part in index["concat"])])
        return np.concatenate([start + source(part, orders) for start, part in zip(before, index["concat"])])
    if "product" in index:
        made = np.zeros(1, np.int64)
        for part in index["product"]:
            made = (made[:, None] * part["size"] + source(part, orders)).reshape(-1)
        return made
    return np.arange(index["size"])


def identities(groups):
    return {group["id"]: np.arange(group["size"]) for group in groups}


def follow(orders, groups):
    """Takes units that have an order of their own in each block to where their blocks are now."""
    for group in groups:
        blocks = group.get("blocks", 1)
        if blocks > 1:
            units = group["size"] // blocks
            own = {rows[0] // units: rows for rows in orders[group["id"]].reshape(blocks, units)}
            orders[group["id"]] = np.concatenate([own[block] for block in orders[group["parent"]]])
    return orders


def alone(groups, group, random):
    """One group in a random order, all others as they are: blocks take along what is inside, insides stay in theirs."""
    orders, blocks = identities(groups), group.get("blocks", 1)
    units = group["size"] // blocks
    orders[group["id"]] = np.concatenate([block * units + random.permutation(units) for block in range(blocks)])
    return follow(orders, groups)


def reorder(arrays, axes, orders):
    """The arrays that are not as they were."""
    changed = {}
    for axis in axes:
        name = axis["tensor"]
        rows = source(axis["index"], orders)
        if (rows != np.arange(len(rows))).any():
            changed[name] = np.take(changed.get(name, arrays[name]), rows, axis["axis"])
    return changed


def with_inputs(model, names):
    """Makes these constants inputs of the graph; they may be anywhere in it."""
    for name, tensor, take_out in list(tensors_of(model.graph)):
        if name in names:
            take_out()
            model.graph.input.append(onnx.helper.make_tensor_value_info(name, tensor.data_type, tensor.dims))
    return model
