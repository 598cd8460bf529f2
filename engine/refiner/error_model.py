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

import torch
from torch import Tensor

from engine.refiner.embedding import STATE_CHANNELS
from engine.refiner.mixture import Mixture
from engine.refiner.schedule import standard_normal

OPTIONAL = ("thresholds", "deviate_seconds", "component_seconds")  # of a stored model: files of a plain mixture have none


@dataclass
class LastFrame:
    """What lasts from one call of `ErrorModel.course` to the next: the numbers of its last frame. A new one begins anew."""

    time: float | None = None
    rank: Tensor | None = None
    unit: Tensor | None = None


@dataclass(frozen=True)
class ErrorModel:
    """`classes`: K mixtures of J joints, the least confident first, all with the same number of components.

    thresholds (J, K-1), rising: a joint's class is how many of them its confidence reaches; infinite where a joint has fewer classes.
    deviate_seconds (J, 5), component_seconds (J,): time constants, 0 where nothing lasts.
    """

    classes: tuple[Mixture, ...]
    thresholds: Tensor
    deviate_seconds: Tensor
    component_seconds: Tensor

    def __post_init__(self) -> None:
        joints = self.joints
        wanted = ((joints, len(self.classes) - 1), (joints, STATE_CHANNELS), (joints,))
        for name, shape in zip(OPTIONAL, wanted, strict=True):
            values = getattr(self, name)
            if values.shape != shape:
                raise ValueError(f"{name} of shape {tuple(values.shape)} instead of {shape}")
        if any(mixture.weights.shape != self.classes[0].weights.shape for mixture in self.classes):
            raise ValueError("the classes have different numbers of joints or components")
        if bool((self.thresholds.diff(dim=1) < 0).any()) or bool(torch.isnan(self.thresholds).any()):
            raise ValueError("each joint's thresholds must rise")
        for seconds in (self.deviate_seconds, self.component_seconds):
            if not bool(torch.isfinite(seconds).all()) or bool((seconds < 0).any()):
                raise ValueError("time constants must be at least 0 seconds")

    @classmethod
    def of(cls, mixture: Mixture) -> ErrorModel:
        """A single mixture for any confidence, of which nothing lasts."""
        joints, like = len(mixture.weights), mixture.weights
        return cls((mixture,), like.new_zeros(joints, 0), like.new_zeros(joints, STATE_CHANNELS), like.new_zeros(joints))

    @property
    def joints(self) -> int:
        """J."""
        return len(self.classes[0].weights)

    @cached_property
    def lasts(self) -> bool:
        """Whether anything of a draw lasts to the next frame."""
        return bool((self.deviate_seconds > 0).any()) or bool((self.component_seconds > 0).any())

    def classify(self, confidence: Tensor | None, shape: tuple[int, ...] = ()) -> Tensor:
        """(..,J) int64: the class of confidences (..,J), each 0 to 1; all 0, of `shape` (.., J), for None where there is one class."""
        if confidence is None:
            if len(self.classes) > 1:
                raise ValueError("this mixture depends on the detector's confidence, and none is given")
            return torch.zeros(shape or (self.joints,), dtype=torch.long)
        edges = self.thresholds.to(confidence)
        return (confidence[..., None] >= edges).sum(dim=-1)

    def mean(self, confidence: Tensor | None = None) -> Tensor:
        """(..,J,5): the mean residual at confidences (..,J); (J,5) without."""
        return self._of_class(self._means_of_classes, self.classify(confidence))

    def draw(
        self, shape: tuple[int, ...], like: Tensor, generator: torch.Generator | None = None, confidence: Tensor | None = None
    ) -> tuple[Tensor, Tensor]:
        """`shape` draws that know nothing of each other: (component's mean, deviate around it), both (*shape, J, 5).

        confidence: (*shape, J) or what broadcasts to it. The type and device are those of `like`.
        """
        home = like.device if generator is None else generator.device
        rank = torch.rand(*shape, self.joints, 1, generator=generator, device=home).to(like.device)
        unit = standard_normal((*shape, self.joints, STATE_CHANNELS), like, generator)
        return self._place(rank, unit, confidence)

    def course(
        self, count: int, times: Tensor, like: Tensor, generator: torch.Generator | None = None, confidence: Tensor | None = None,
        last: LastFrame | None = None,
    ) -> tuple[Tensor, Tensor]:  # fmt: skip
        """`count` courses over T frames: what `draw` gives, both (count, T, J, 5), but lasting over the frames.

        times: (T,) seconds; frames far apart (another take) are unrelated. confidence: (T,J). last: the draws go on
        from this frame of the call before, and it becomes the last of these.
        """
        frames, last = len(times), last or LastFrame()
        if not self.lasts:
            return self.draw((count, frames), like, generator, confidence)
        home = like.device if generator is None else generator.device
        shape, begin = (count, frames, self.joints, 1), like.new_empty(0, device=home)
        ranks, kept = (torch.rand(shape, generator=generator, device=home, dtype=like.dtype) for _ in range(2))
        units = standard_normal((count, frames, self.joints, STATE_CHANNELS), begin, generator)
        # before the first frame there is none, or the last of the call before
        clock = torch.cat([torch.full((1,), torch.inf if last.time is None else last.time, dtype=torch.float64), times.double().cpu()])
        stays = {name: _stays(clock.diff().abs(), getattr(self, f"{name}_seconds")).to(begin) for name in ("deviate", "component")}
        rank = ranks[:, 0] if last.rank is None else last.rank
        unit = units[:, 0] if last.unit is None else last.unit
        fresh = (1.0 - stays["deviate"].square()).sqrt()
        for t in range(frames):
            rank = ranks[:, t] = torch.where(kept[:, t] < stays["component"][t, :, None], rank, ranks[:, t])
            unit = units[:, t] = stays["deviate"][t] * unit + fresh[t] * units[:, t]
        last.time, last.rank, last.unit = float(clock[-1]), rank, unit
        return self._place(ranks.to(like.device), units.to(like.device), confidence)

    def to_tensors(self) -> dict[str, Tensor]:
        """A plain dictionary of float64 tensors, as safetensors stores: a single class as `Mixture.to_tensors` has it, several stacked."""
        each = [mixture.to_tensors() for mixture in self.classes]
        stored = each[0] if len(each) == 1 else {name: torch.stack([part[name] for part in each]) for name in each[0]}
        others = {f"mixture.{name}": getattr(self, name) for name in OPTIONAL}
        return stored | {name: value.double().cpu().contiguous() for name, value in others.items() if value.numel()}

    @classmethod
    def from_tensors(cls, tensors: Mapping[str, Tensor]) -> ErrorModel:
        """The inverse of `to_tensors`, also of a plain mixture's; other entries are ignored, ValueError for a missing or misshapen one."""
        weights = tensors.get("mixture.weights")
        if weights is None or weights.ndim == 2:
            plain = cls.of(Mixture.from_tensors(tensors))
        else:
            names = [f"mixture.{name}" for name in ("weights", "means", "covariances")]
            parts = [Mixture.from_tensors({n: tensors[n][k] for n in names if n in tensors}) for k in range(len(weights))]
            joints = parts[0].weights.new_full((weights.shape[1], len(parts) - 1), torch.inf)
            plain = cls(tuple(parts), joints, *(getattr(cls.of(parts[0]), name) for name in ("deviate_seconds", "component_seconds")))
        given = {name: tensors[f"mixture.{name}"].double() for name in OPTIONAL if f"mixture.{name}" in tensors}
        return cls(plain.classes, **{name: given.get(name, getattr(plain, name)) for name in OPTIONAL})

    @cached_property
    def _means(self) -> Tensor:
        return torch.stack([mixture.means for mixture in self.classes])

    @cached_property
    def _means_of_classes(self) -> Tensor:
        return torch.stack([mixture.mean for mixture in self.classes])

    @cached_property
    def _factors(self) -> Tensor:
        return torch.stack([mixture.factors for mixture in self.classes])

    @cached_property
    def _edges(self) -> Tensor:
        """(K,J,M-1): the last edge is left out, so that rounding in the sum cannot name a component that does not exist."""
        return torch.stack([mixture.weights.double().cumsum(dim=1)[:, :-1] for mixture in self.classes])

    def _of_class(self, values: Tensor, classes: Tensor) -> Tensor:
        """values (K,J,..) at classes (..,J), on the classes' device."""
        return values.to(classes.device)[classes, torch.arange(self.joints, device=classes.device)]

    def _place(self, rank: Tensor, unit: Tensor, confidence: Tensor | None) -> tuple[Tensor, Tensor]:
        """(mean, deviate) from ranks (..,J,1) and unit deviates (..,J,5)."""
        classes = self.classify(confidence, unit.shape[:-1]).to(unit.device).expand(unit.shape[:-1])
        component = (rank >= self._of_class(self._edges, classes).to(rank)).sum(dim=-1)
        joint = torch.arange(self.joints, device=unit.device)
        means = self._means.to(unit)[classes, joint, component]
        factors = self._factors.to(unit)[classes, joint, component]
        return means, (factors @ unit[..., None])[..., 0]


def _stays(gaps: Tensor, seconds: Tensor) -> Tensor:
    """(T, ..) exp(-gap / seconds) of gaps (T,) and time constants (..); 0 where the constant is."""
    wide = gaps.view(-1, *(1,) * seconds.ndim)
    seconds = seconds.double().cpu()
    return torch.where(seconds > 0, torch.exp(-wide / seconds.clamp_min(1e-9)), torch.zeros_like(seconds))
