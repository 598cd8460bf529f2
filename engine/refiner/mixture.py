"""A Gaussian mixture for each joint over what detector and lifter get wrong in its (u, v, x, y, z); error_fit.py fits them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from engine.arrays import Array, doubles, namespace, stored
from engine.refiner.layout import STATE_CHANNELS

# Added to a covariance's diagonal before its root is taken, so that a singular one, even of zeros, has one.
JITTER = 1e-18
RELATIVE_JITTER = 1e-12


@dataclass(frozen=True)
class Mixture:
    """A Gaussian mixture a joint over the residuals of its (u, v, x, y, z).

    weights: (J, M), each row sums to 1. means: (J, M, 5). covariances: (J, M, 5, 5). Components come with falling weight;
    one of weight 0 is never drawn, so (1, 0, 0) is an ordinary Gaussian. All are numpy's, or all torch's.
    """

    weights: Array
    means: Array
    covariances: Array

    def __post_init__(self) -> None:
        joints, components = self.weights.shape
        if self.means.shape != (joints, components, STATE_CHANNELS):
            raise ValueError(f"means of shape {tuple(self.means.shape)} for weights of shape {(joints, components)}")
        if self.covariances.shape != (joints, components, STATE_CHANNELS, STATE_CHANNELS):
            raise ValueError(f"covariances of shape {tuple(self.covariances.shape)} for weights of shape {(joints, components)}")
        xp = namespace(self.weights)
        if not all(bool(xp.all(xp.isfinite(part))) for part in (self.weights, self.means, self.covariances)):
            raise ValueError("the mixture holds values that are not numbers")
        if bool(xp.any(self.weights < 0)) or bool(xp.any(xp.abs(xp.sum(self.weights, axis=1) - 1.0) > 1e-4)):
            raise ValueError("each joint's weights must be at least 0 and sum to 1")

    @cached_property
    def factors(self) -> Array:
        """(J, M, 5, 5) float64: lower-triangular roots of the covariances."""
        covariances = doubles(self.covariances)
        jitter = JITTER + RELATIVE_JITTER * np.trace(covariances, axis1=-2, axis2=-1)
        roots = np.linalg.cholesky(covariances + jitter[..., None, None] * np.eye(STATE_CHANNELS))
        return namespace(self.covariances).asarray(roots)

    @cached_property
    def mean(self) -> Array:
        """(J, 5): the mean residual."""
        return namespace(self.means).sum(self.weights[..., None] * self.means, axis=1)

    @cached_property
    def covariance(self) -> Array:
        """(J, 5, 5): the covariance of the whole mixture, its components' means included."""
        centred = self.means - self.mean[:, None]
        each = self.covariances + centred[..., :, None] * centred[..., None, :]
        return namespace(each).sum(self.weights[..., None, None] * each, axis=1)

    def to_tensors(self) -> dict[str, Array]:
        """A plain dictionary of float64 arrays, numpy's or torch's as the mixture is, as safetensors stores."""
        return {f"mixture.{name}": stored(getattr(self, name)) for name in ("weights", "means", "covariances")}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Array]) -> Mixture:
        """The inverse of `to_tensors`; other entries are ignored, a missing one is a ValueError."""
        names = ("weights", "means", "covariances")
        missing = [name for name in names if f"mixture.{name}" not in tensors]
        if missing:
            raise ValueError(f"no mixture here: {', '.join(missing)} missing")
        return cls(*(stored(tensors[f"mixture.{name}"]) for name in names))
