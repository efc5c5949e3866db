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


def source(index, orders, groups):
    """Where each element of an axis comes from: new[i] = old[source[i]]. Orders and groups by id."""
    return source_of(index, np.arange(index["size"]), orders, groups, {})


def source_of(index, i, orders, groups, blocks):
    """Of elements i; `blocks`: in which block of a group each is, by the factors of products further out."""
    size = index["size"]
    if "group" in index:
        group = groups[index["group"]]
        if size == group["size"]:
            return orders[group["id"]][i]
        return orders[group["id"]][blocks[group["parent"]] * size + i] % size
    if "concat" in index:
        made, start = np.zeros_like(i), 0
        for part in index["concat"]:
            here = (i >= start) & (i < start + part["size"])
            within = {group: block[here] for group, block in blocks.items()}
            made[here] = start + source_of(part, i[here] - start, orders, groups, within)
            start += part["size"]
        return made
    if "product" in index:
        made, inner = np.zeros_like(i), size
        for part in index["product"]:
            inner //= part["size"]
            made += inner * source_of(part, i // inner, orders, groups, blocks)
            if "group" in part:
                group = groups[part["group"]]
                has_own = group.get("blocks", 1) > 1 and part["size"] == group["size"]
                units = group["size"] // group.get("blocks", 1)
                at = (group["parent"], i // inner // units) if has_own else (group["id"], i // inner)
                blocks = {**blocks, at[0]: at[1]}
            i = i % inner
        return made
    return i


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


def counts_in_blocks(index, groups):
    """Is something on the axis the inside of a block, that each block has in an order of its own?"""
    if "group" in index:
        return index["size"] != groups[index["group"]]["size"]
    return any(counts_in_blocks(part, groups) for part in index.get("concat", []) + index.get("product", []))


def moved(array, indices, orders, groups):
    """An array with these indices of axes, by number."""
    if any(counts_in_blocks(index, groups) for index in indices.values()):  # blocks may lie on another axis: all as one
        axes = [indices.get(k, {"size": size, "fixed": ""}) for k, size in enumerate(array.shape)]
        parts = [part for axis in axes for part in axis.get("product", [axis])]
        rows = source({"size": array.size, "product": parts}, orders, groups)
        return array.reshape(-1)[rows].reshape(array.shape)
    for k, index in indices.items():
        rows = source(index, orders, groups)
        array = np.take(array, rows, k) if (rows != np.arange(len(rows))).any() else array
    return array


def reorder(arrays, found, orders):
    """The arrays that may have moved. Orders of all groups by id."""
    groups, tensors = {group["id"]: group for group in found["groups"]}, {}
    for axis in found["axes"]:
        tensors.setdefault(axis["tensor"], {})[axis["axis"]] = axis["index"]
    return {name: moved(arrays[name], indices, orders, groups) for name, indices in tensors.items()}


def with_inputs(model, names):
    """Makes these constants inputs of the graph; they may be anywhere in it."""
    for name, tensor, take_out in list(tensors_of(model.graph)):
        if name in names:
            take_out()
            model.graph.input.append(onnx.helper.make_tensor_value_info(name, tensor.data_type, tensor.dims))
    return model
