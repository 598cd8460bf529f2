"""What detector and lifter get wrong over time: a mixture for each joint and class of the detector's confidence, and how long it lasts.

A residual is the mean of a component and a deviate around it, root times unit deviate. Both are drawn from numbers that do not
know of the class: a uniform number, the `rank`, that picks a component by the weights of the class, and five unit deviates. From a
frame to the next, `dt` seconds later, the rank is kept with probability exp(-dt / component_seconds) and drawn anew otherwise, and
each deviate follows the autoregression of first order with the correlation exp(-dt / deviate_seconds). So every frame for itself is
distributed as the mixture of its class says, whatever the classes before it, and the residuals are as related over time as the time
constants say, at any frame rate.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from engine.arrays import Array, Generator, constant, doubles, namespace, normal, stored, uniform
from engine.refiner.layout import STATE_CHANNELS
from engine.refiner.mixture import Mixture

OPTIONAL = ("thresholds", "deviate_seconds", "component_seconds")  # of a stored model: files of a plain mixture have none


@dataclass
class LastFrame:
    """What lasts from one call of `ErrorModel.course` to the next: the numbers of its last frame. A new one begins anew."""

    time: float | None = None
    rank: Array | None = None
    unit: Array | None = None


@dataclass(frozen=True)
class ErrorModel:
    """`classes`: K mixtures of J joints, the least confident first, all with the same number of components.

    thresholds (J, K-1), rising: a joint's class is how many of them its confidence reaches; infinite where a joint has fewer classes.
    deviate_seconds (J, 5), component_seconds (J,): time constants, 0 where nothing lasts.
    Numbers are numpy's or torch's; what is drawn is of the kind of the array that it is drawn like.
    """

    classes: tuple[Mixture, ...]
    thresholds: Array
    deviate_seconds: Array
    component_seconds: Array

    def __post_init__(self) -> None:
        joints = self.joints
        wanted = ((joints, len(self.classes) - 1), (joints, STATE_CHANNELS), (joints,))
        for name, shape in zip(OPTIONAL, wanted, strict=True):
            values = getattr(self, name)
            if values.shape != shape:
                raise ValueError(f"{name} of shape {tuple(values.shape)} instead of {shape}")
        if any(mixture.weights.shape != self.classes[0].weights.shape for mixture in self.classes):
            raise ValueError("the classes have different numbers of joints or components")
        edges = doubles(self.thresholds)
        if np.isnan(edges).any() or (edges[:, 1:] < edges[:, :-1]).any():
            raise ValueError("each joint's thresholds must rise")
        for seconds in (doubles(self.deviate_seconds), doubles(self.component_seconds)):
            if not np.isfinite(seconds).all() or (seconds < 0).any():
                raise ValueError("time constants must be at least 0 seconds")

    @classmethod
    def of(cls, mixture: Mixture) -> ErrorModel:
        """A single mixture for any confidence, of which nothing lasts."""
        joints, zeros = len(mixture.weights), namespace(mixture.weights).zeros
        dtype = mixture.weights.dtype
        return cls((mixture,), *(zeros(shape, dtype=dtype) for shape in ((joints, 0), (joints, STATE_CHANNELS), (joints,))))

    @property
    def joints(self) -> int:
        """J."""
        return len(self.classes[0].weights)

    @cached_property
    def lasts(self) -> bool:
        """Whether anything of a draw lasts to the next frame."""
        return bool((doubles(self.deviate_seconds) > 0).any()) or bool((doubles(self.component_seconds) > 0).any())

    def classify(self, confidence: Array | None, shape: tuple[int, ...] = ()) -> Array:
        """(..,J) int64: the class of confidences (..,J), each 0 to 1; numpy's 0 of `shape` (.., J), for None where there is one class."""
        if confidence is None:
            if len(self.classes) > 1:
                raise ValueError("this mixture depends on the detector's confidence, and none is given")
            return np.zeros(shape or (self.joints,), dtype=np.int64)
        xp = namespace(confidence)
        return xp.sum(xp.astype(confidence[..., None] >= constant(self.thresholds, confidence), xp.int64), axis=-1)

    def mean(self, like: Array, confidence: Array | None = None) -> Array:
        """(..,J,5): the mean residual at confidences (..,J), (J,5) without, as an array of the kind of `like`."""
        return self._of_class(self._means_of_classes, constant(self.classify(confidence), like, whole=True), like)

    def draw(
        self, shape: tuple[int, ...], like: Array, generator: Generator | None = None, confidence: Array | None = None
    ) -> tuple[Array, Array]:
        """`shape` draws that know nothing of each other: (component's mean, deviate around it), both (*shape, J, 5).

        confidence: (*shape, J) or what broadcasts to it. Kind, type and device are those of `like`.
        """
        rank = uniform((*shape, self.joints, 1), like, generator)
        unit = normal((*shape, self.joints, STATE_CHANNELS), like, generator)
        return self._place(rank, unit, confidence)

    def course(
        self, count: int, times: Array, like: Array, generator: Generator | None = None, confidence: Array | None = None,
        last: LastFrame | None = None,
    ) -> tuple[Array, Array]:  # fmt: skip
        """`count` courses over T frames: what `draw` gives, both (count, T, J, 5), but lasting over the frames.

        times: (T,) seconds; frames far apart (another take) are unrelated. confidence: (T,J). last: the draws go on
        from this frame of the call before, and it becomes the last of these.
        """
        frames, last = len(times), last or LastFrame()
        if not self.lasts:
            return self.draw((count, frames), like, generator, confidence)
        xp = namespace(like)
        ranks, kept = (uniform((count, frames, self.joints, 1), like, generator) for _ in range(2))
        units = normal((count, frames, self.joints, STATE_CHANNELS), like, generator)
        # before the first frame there is none, or the last of the call before
        clock = np.concatenate([[np.inf if last.time is None else last.time], doubles(times)])
        gaps = np.abs(np.diff(clock))
        deviate, component = _stays(gaps, doubles(self.deviate_seconds)), _stays(gaps, doubles(self.component_seconds))
        stays, fresh = constant(deviate, like), constant(np.sqrt(1.0 - deviate**2), like)
        keeps = kept < constant(component[..., None], like)
        rank = ranks[:, 0] if last.rank is None else last.rank
        unit = units[:, 0] if last.unit is None else last.unit
        for t in range(frames):
            rank = ranks[:, t] = xp.where(keeps[:, t], rank, ranks[:, t])
            unit = units[:, t] = stays[t] * unit + fresh[t] * units[:, t]
        last.time, last.rank, last.unit = float(clock[-1]), rank, unit
        return self._place(ranks, units, confidence)

    def to_tensors(self) -> dict[str, Array]:
        """A plain dictionary of float64 arrays, as safetensors stores: a single class as `Mixture.to_tensors` has it, several stacked."""
        each = [mixture.to_tensors() for mixture in self.classes]
        parts = each[0] if len(each) == 1 else {name: namespace(each[0][name]).stack([part[name] for part in each]) for name in each[0]}
        others = {f"mixture.{name}": getattr(self, name) for name in OPTIONAL}
        return parts | {name: stored(value) for name, value in others.items() if 0 not in value.shape}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Array]) -> ErrorModel:
        """The inverse of `to_tensors`, also of a plain mixture's; other entries are ignored, ValueError for a missing or misshapen one."""
        weights = tensors.get("mixture.weights")
        if weights is None or weights.ndim == 2:
            plain = cls.of(Mixture.from_tensors(tensors))
        else:
            names = [f"mixture.{name}" for name in ("weights", "means", "covariances")]
            parts = [Mixture.from_tensors({n: tensors[n][k] for n in names if n in tensors}) for k in range(len(weights))]
            joints = namespace(weights).full((weights.shape[1], len(parts) - 1), np.inf, dtype=parts[0].weights.dtype)
            plain = cls(tuple(parts), joints, *(getattr(cls.of(parts[0]), name) for name in ("deviate_seconds", "component_seconds")))
        given = {name: stored(tensors[f"mixture.{name}"]) for name in OPTIONAL if f"mixture.{name}" in tensors}
        return cls(plain.classes, **{name: given.get(name, getattr(plain, name)) for name in OPTIONAL})

    @cached_property
    def _means(self) -> npt.NDArray[np.float64]:
        return np.stack([doubles(mixture.means) for mixture in self.classes])

    @cached_property
    def _means_of_classes(self) -> npt.NDArray[np.float64]:
        return np.stack([doubles(mixture.mean) for mixture in self.classes])

    @cached_property
    def _factors(self) -> npt.NDArray[np.float64]:
        return np.stack([doubles(mixture.factors) for mixture in self.classes])

    @cached_property
    def _edges(self) -> npt.NDArray[np.float64]:
        """(K,J,M-1): the last edge is left out, so that rounding in the sum cannot name a component that does not exist."""
        return np.stack([doubles(mixture.weights).cumsum(axis=1)[:, :-1] for mixture in self.classes])

    def _of_class(self, values: npt.NDArray[np.float64], classes: Array, like: Array) -> Array:
        """values (K,J,..) at classes (..,J), of the kind of `like`."""
        return constant(values, like)[classes, constant(np.arange(self.joints), like, whole=True)]

    def _place(self, rank: Array, unit: Array, confidence: Array | None) -> tuple[Array, Array]:
        """(mean, deviate) from ranks (..,J,1) and unit deviates (..,J,5)."""
        xp, shape = namespace(unit), tuple(unit.shape[:-1])
        classes = xp.broadcast_to(constant(self.classify(confidence, shape), unit, whole=True), shape)
        component = xp.sum(xp.astype(rank >= self._of_class(self._edges, classes, rank), xp.int64), axis=-1)
        joint = constant(np.arange(self.joints), unit, whole=True)
        means = constant(self._means, unit)[classes, joint, component]
        factors = constant(self._factors, unit)[classes, joint, component]
        return means, (factors @ unit[..., None])[..., 0]


def _stays(gaps: npt.NDArray[np.float64], seconds: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """(T, ..) exp(-gap / seconds) of gaps (T,) and time constants (..); 0 where the constant is."""
    wide = gaps.reshape(-1, *(1,) * seconds.ndim)
    return np.where(seconds > 0, np.exp(-wide / np.maximum(seconds, 1e-9)), 0.0)
