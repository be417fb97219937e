"""Small ONNX files written field by field as protobuf, so that no package is needed to make one."""

from __future__ import annotations


def varint(value: int) -> bytes:
    out = b""
    while value > 127:
        out, value = out + bytes([value & 127 | 128]), value >> 7
    return out + bytes([value])


def field(number: int, value: bytes | int | str) -> bytes:
    """One protobuf field: a number, or bytes with their length."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    raw = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(raw)) + raw


def tensor_info(name: str, *axes: int | str) -> bytes:
    """A float tensor's name and shape, as graphs state their inputs and outputs."""
    shape = b"".join(field(1, field(1, axis) if isinstance(axis, int) else field(2, axis)) for axis in axes)
    return field(1, name) + field(2, field(1, field(1, 1) + field(2, shape)))


def model(graph: bytes) -> bytes:
    """A whole file around a graph: format 8, operators of version 13."""
    return field(1, 8) + field(7, graph) + field(8, field(2, 13))
