"""Layouts of the networks over time. They stand in weights files' headers and are read without torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Self

from contract.skeleton import BODY_22
from engine.lifter.codec import FEATURES


@dataclass(frozen=True)
class TemporalLayout:
    """Layout of a network over time; it stands in the weights file's metadata."""

    width: int = 384
    dilations: tuple[int, ...] = (1, 2, 4, 8, 1, 2, 4)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """From a weights file's header."""
        return cls(**{**values, "dilations": tuple(values["dilations"])})

    @property
    def reach(self) -> int:
        """Frames before and after that a frame's pose depends on."""
        return sum(self.dilations)


@dataclass(frozen=True)
class LifterConfig(TemporalLayout):
    """Layout of the lifter."""

    joints: int = len(BODY_22)
    features: int = FEATURES


@dataclass(frozen=True)
class GravityLayout(TemporalLayout):
    """Layout of the network that finds up."""

    width: int = 160
    joints: int = len(BODY_22)
    features: int = FEATURES

    @property
    def inputs(self) -> int:
        """Features of the codec, the guess, and the camera's own up."""
        return self.features + 3 * self.joints + 3

    def to_dict(self) -> dict[str, Any]:
        """For a weights file's header."""
        return asdict(self)
