"""Quaternions wxyz over whole arrays: (...,4). No bpy here."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


def multiply(a: Array, b: Array) -> Array:
    """a after b; shapes broadcast."""
    aw, ax, ay, az = (a[..., i] for i in range(4))
    bw, bx, by, bz = (b[..., i] for i in range(4))
    result = np.empty(np.broadcast_shapes(a.shape, b.shape))
    result[..., 0] = aw * bw - ax * bx - ay * by - az * bz
    result[..., 1] = aw * bx + ax * bw + ay * bz - az * by
    result[..., 2] = aw * by - ax * bz + ay * bw + az * bx
    result[..., 3] = aw * bz + ax * by - ay * bx + az * bw
    return result


def conjugate(a: Array) -> Array:
    """The opposite rotations of unit quaternions."""
    return a * np.array([1.0, -1.0, -1.0, -1.0])


def rotate(a: Array, vectors: Array) -> Array:
    """(...,3): the vectors turned; shapes broadcast."""
    w, v = a[..., :1], a[..., 1:]
    once = 2 * cross(v, vectors)
    return vectors + w * once + cross(v, once)


def cross(a: Array, b: Array) -> Array:
    """(...,3) as np.cross, which is slower."""
    result = np.empty(np.broadcast_shapes(a.shape, b.shape))
    for i, j, k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        result[..., i] = a[..., j] * b[..., k] - a[..., k] * b[..., j]
    return result


def of_matrices(matrices: Array) -> Array:
    """(...,3,3) rotation matrices -> (...,4), by the largest of the four components, so that no root of little is taken."""
    m = np.asarray(matrices, dtype=np.float64)
    trace = np.trace(m, axis1=-2, axis2=-1)
    diagonal = np.stack([trace, m[..., 0, 0], m[..., 1, 1], m[..., 2, 2]], -1)
    table = np.empty((*m.shape[:-2], 4, 4))
    table[..., 0, 0] = 1 + trace
    for i in range(3):
        table[..., i + 1, i + 1] = 1 + 2 * m[..., i, i] - trace
        j, k = (i + 1) % 3, (i + 2) % 3
        table[..., 0, i + 1] = table[..., i + 1, 0] = m[..., k, j] - m[..., j, k]
        table[..., j + 1, k + 1] = table[..., k + 1, j + 1] = m[..., k, j] + m[..., j, k]
    best = np.argmax(diagonal, -1)
    row = np.take_along_axis(table, best[..., None, None], -2)[..., 0, :]
    result: Array = row / np.linalg.norm(row, axis=-1, keepdims=True)
    return result


def between(a: Array, b: Array, share: float | Array) -> Array:
    """Slerp from a to b (...,4) on the shorter way; shares 0..1, one or (...,1)."""
    dot = (a * b).sum(-1, keepdims=True)
    b = np.where(dot < 0, -b, b)
    angle = np.arccos(np.clip(np.abs(dot), 0.0, 1.0))
    sine = np.maximum(np.sin(angle), 1e-9)
    near = angle < 1e-6
    first = np.where(near, 1 - share, np.sin((1 - share) * angle) / sine)
    second = np.where(near, share, np.sin(share * angle) / sine)
    return unit(first * a + second * b)


def continuous(a: Array) -> Array:
    """(T,4) with the signs chosen so that neighbours are near each other; the first has w >= 0."""
    flips = np.einsum("ti,ti->t", a[1:], a[:-1]) < 0
    signs = np.concatenate([[1.0 if a[0, 0] >= 0 else -1.0], np.where(flips, -1.0, 1.0)])
    result: Array = a * np.cumprod(signs)[:, None]
    return result


def unit(vectors: Array) -> Array:
    """Unit length along the last axis; zeros stay."""
    # einsum: NumPy's own sums over a last axis this short take several times as long
    length = np.sqrt(np.einsum("...i,...i->...", vectors, vectors))
    result: Array = vectors / np.maximum(length, 1e-12)[..., None]
    return result


def swing(start: Array, end: Array) -> Array:
    """(...,4) the smallest rotation that turns the direction `start` (...,3) into `end`; half a turn about any square axis if opposite."""
    a, b = unit(np.asarray(start, dtype=np.float64)), unit(np.asarray(end, dtype=np.float64))
    a, b = np.broadcast_arrays(a, b)
    dot = (a * b).sum(-1, keepdims=True)
    result = np.concatenate([1 + dot, cross(a, b)], -1)
    helper = np.where(np.abs(a[..., :1]) < 0.9, np.array([1.0, 0, 0]), np.array([0, 1.0, 0]))
    half = np.concatenate([np.zeros_like(dot), unit(np.cross(a, helper))], -1)
    return unit(np.where(dot < -1 + 1e-9, half, result))


def frame(first: Array, second: Array) -> Array:
    """(...,3,3) right-handed frames in columns: `first`, `second` made square to it, and their cross product."""
    a = unit(first)
    b = unit(second - (second * a).sum(-1, keepdims=True) * a)
    return np.stack([a, b, cross(a, b)], -1)
