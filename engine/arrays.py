"""Code that is written once for numpy, which captures compute with, and for torch, which trains: `xp = namespace(x)`, the array API."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import numpy.typing as npt
from array_api_compat import array_namespace, device, is_numpy_array, to_device

if TYPE_CHECKING:
    import torch

Array: TypeAlias = Any  # a numpy array or a torch tensor; what a function takes it gives back
Generator: TypeAlias = "np.random.Generator | torch.Generator"  # of random numbers

LEAST_LENGTH = 1e-12  # of a vector that is made a unit one


def namespace(x: Array) -> Any:
    """The functions of the array API for arrays such as `x`: `xp.concat`, `xp.mean(..., axis=...)` and so on."""
    return array_namespace(x)


def constant(values: npt.ArrayLike, like: Array, whole: bool = False) -> Array:
    """The values as an array of the kind, type and device of `like`; whole numbers of 64 bits if wanted."""
    xp = namespace(like)
    return xp.asarray(values, dtype=xp.int64 if whole else like.dtype, device=device(like))


def unit(vectors: Array) -> Array:
    """Vectors (..,C) at a length of 1; zero stays zero."""
    xp = namespace(vectors)
    length = xp.sqrt(xp.sum(vectors * vectors, axis=-1, keepdims=True))
    return vectors / xp.clip(length, min=LEAST_LENGTH)


def flat(x: Array, axes: int = 2) -> Array:
    """The last `axes` axes as one."""
    return namespace(x).reshape(x, (*x.shape[:-axes], -1))


def normal(shape: Sequence[int], like: Array, generator: Generator | None = None) -> Array:
    """Unit deviates of the kind, type and device of `like`. Numpy's generator serves both; torch's, or none, draws for torch."""
    if isinstance(generator, np.random.Generator) or is_numpy_array(like):
        drawn = generator if isinstance(generator, np.random.Generator) else np.random.default_rng()
        return constant(drawn.standard_normal(tuple(shape)), like)
    import torch

    home = like.device if generator is None else generator.device
    return torch.randn(tuple(shape), generator=generator, dtype=like.dtype, device=home).to(like.device)


def uniform(shape: Sequence[int], like: Array, generator: Generator | None = None) -> Array:
    """Uniform deviates, 0 to 1, of the kind, type and device of `like`; the generator as in `normal`."""
    if isinstance(generator, np.random.Generator) or is_numpy_array(like):
        drawn = generator if isinstance(generator, np.random.Generator) else np.random.default_rng()
        return constant(drawn.random(tuple(shape)), like)
    import torch

    home = like.device if generator is None else generator.device
    return torch.rand(tuple(shape), generator=generator, dtype=like.dtype, device=home).to(like.device)


def doubles(x: Array) -> npt.NDArray[np.float64]:
    """The values as numpy's float64."""
    return np.asarray(to_device(x, "cpu"), dtype=np.float64)


def stored(x: Array) -> Array:
    """As a weights file holds it: float64 on the processor, one number beside the other."""
    return np.ascontiguousarray(x, dtype=np.float64) if is_numpy_array(x) else x.detach().double().cpu().contiguous()


def without_gradients(like: Array) -> AbstractContextManager[object]:
    """A context in which torch keeps nothing for gradients; for numpy there is nothing to do."""
    if is_numpy_array(like):
        return nullcontext()
    import torch

    return torch.inference_mode()
