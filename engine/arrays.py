"""Code that is written once for numpy, which captures compute with, and for torch, which trains: `xp = namespace(x)`, the array API."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy.typing as npt
from array_api_compat import array_namespace, device

Array: TypeAlias = Any  # a numpy array or a torch tensor; what a function takes it gives back

LEAST_LENGTH = 1e-12  # of a vector that is made a unit one


def namespace(x: Array) -> Any:
    """The functions of the array API for arrays such as `x`: `xp.concat`, `xp.mean(..., axis=...)` and so on."""
    return array_namespace(x)


def constant(values: npt.ArrayLike, like: Array) -> Array:
    """The values as an array of the kind, type and device of `like`."""
    return namespace(like).asarray(values, dtype=like.dtype, device=device(like))


def unit(vectors: Array) -> Array:
    """Vectors (..,C) at a length of 1; zero stays zero."""
    xp = namespace(vectors)
    length = xp.sqrt(xp.sum(vectors * vectors, axis=-1, keepdims=True))
    return vectors / xp.clip(length, min=LEAST_LENGTH)


def flat(x: Array, axes: int = 2) -> Array:
    """The last `axes` axes as one."""
    return namespace(x).reshape(x, (*x.shape[:-axes], -1))
