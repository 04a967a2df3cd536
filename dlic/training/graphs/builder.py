"""A graph under construction: operators, constants, and weights by reference to weights.safetensors."""

import json
import struct
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray
from onnx import ModelProto, NodeProto, TensorProto, ValueInfoProto, helper, numpy_helper

from dlic.checkpoints.manifest import WEIGHTS

OPSET, IR_VERSION = 20, 9  # the first opset with Gelu; ONNX Runtime 1.17 and later read both
STORED = {"F32": TensorProto.FLOAT, "F16": TensorProto.FLOAT16}  # safetensors' names of types


@dataclass(frozen=True)
class StoredWeight:
    """The place of one array in weights.safetensors."""

    dtype: str  # as safetensors names it
    shape: tuple[int, ...]
    offset: int  # bytes from the start of the file
    length: int  # bytes


def stored_weights(data: bytes) -> dict[str, StoredWeight]:
    """The places of all arrays in the bytes of a safetensors file."""
    (size,) = struct.unpack("<Q", data[:8])
    entries = {name: entry for name, entry in json.loads(data[8 : 8 + size]).items() if name != "__metadata__"}
    return {
        name: StoredWeight(entry["dtype"], tuple(entry["shape"]), 8 + size + start, end - start)
        for name, entry in entries.items()
        for start, end in [entry["data_offsets"]]
    }


class Graph:
    """Values are strings, the names that operators give to their results."""

    def __init__(self, weights: dict[str, StoredWeight]):
        self._weights = weights
        self._nodes: list[NodeProto] = []
        self._initializers: dict[str, TensorProto] = {}
        self._inputs: list[ValueInfoProto] = []
        self._outputs: list[ValueInfoProto] = []
        self._known: dict[Any, str] = {}  # weights and constants by content

    def input(self, name: str, dtype: DTypeLike, shape: Sequence[int | str]) -> str:
        """A value that a caller gives; sizes by name may be any."""
        self._inputs.append(helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(np.dtype(dtype)), shape))
        return name

    def output(self, name: str, value: str, dtype: DTypeLike, shape: Sequence[int | str]) -> None:
        """A value that a caller gets."""
        self._nodes.append(helper.make_node("Identity", [value], [name]))
        self._outputs.append(helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(np.dtype(dtype)), shape))

    def op(self, kind: str, *values: str, **attributes: Any) -> str:
        """The result of an operator."""
        result = f"{kind}_{len(self._nodes)}"
        self._nodes.append(helper.make_node(kind, values, [result], **attributes))
        return result

    def constant(self, value: Any, dtype: DTypeLike = np.float32) -> str:
        """An array that stands in the graph itself."""
        array: NDArray[Any] = np.asarray(value, dtype)
        key = (array.tobytes(), array.shape, array.dtype)
        if key not in self._known:
            self._known[key] = f"constant_{len(self._known)}"
            self._initializers[self._known[key]] = numpy_helper.from_array(array, self._known[key])
        return self._known[key]

    def shape(self, *sizes: int) -> str:
        """A shape as a constant."""
        return self.constant(sizes, np.int64)

    def weight(self, name: str) -> str:
        """A trained weight as float32, by its name in the checkpoint."""
        if name not in self._known:
            stored = self._weights[name]
            self._initializers[name] = _external(name, stored)
            self._known[name] = name if stored.dtype == "F32" else self.op("Cast", name, to=TensorProto.FLOAT)
        return self._known[name]

    def to_bytes(self) -> bytes:
        """The graph as a file."""
        graph = helper.make_graph(self._nodes, "dlic", self._inputs, self._outputs, list(self._initializers.values()))
        model: ModelProto = helper.make_model(
            graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION, producer_name="dlic"
        )
        return model.SerializeToString(deterministic=True)


def _external(name: str, stored: StoredWeight) -> TensorProto:
    tensor = TensorProto(name=name, dims=stored.shape, data_type=STORED[stored.dtype], data_location=TensorProto.EXTERNAL)
    for key, value in (("location", WEIGHTS), ("offset", str(stored.offset)), ("length", str(stored.length))):
        tensor.external_data.add(key=key, value=value)
    return tensor
