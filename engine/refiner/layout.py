"""What lifter and refiner have in common: how wide and deep a stack of graph attention and graph convolution is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Final, Self

from contract.skeleton import BODY_22
from engine.lifter.codec import FEATURES

# The state of a joint: (u, v) screen-normalised, then (x, y, z) metres in camera axes relative to the root.
IMAGE_CHANNELS = 2
SPACE_CHANNELS = 3
STATE_CHANNELS = IMAGE_CHANNELS + SPACE_CHANNELS
STRIDE: Final = 2  # of the lifter's frames the refiner over windows refines one: what a guess gets wrong changes slowly


@dataclass(frozen=True)
class GraphLayout:
    """The defaults are the published ones. dropout: of the residuals; attention_dropout, conv_dropout: inside the layers."""

    hidden: int = 96
    layers: int = 5
    heads: int = 4
    dropout: float = 0.25
    attention_dropout: float = 0.1
    conv_dropout: float = 0.1

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for a checkpoint's header."""
        return asdict(self)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The inverse of `to_dict`, where JSON made lists of tuples; ValueError for a name that this version does not know."""
        unknown = set(values) - {field.name for field in fields(cls)}
        if unknown:
            raise ValueError(f"unknown settings: {', '.join(sorted(unknown))}")
        known: dict[str, Any] = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
        return cls(**known)


@dataclass(frozen=True)
class WindowConfig:
    """hidden: channels of a node; width: of the trunk; dilations: of the trunk's blocks over time, a group for each graph block.

    hints: channels of the lifter's own hidden features; guide: channels of the context a joint.
    """

    hidden: int = 16
    heads: int = 1
    width: int = 320
    dilations: tuple[tuple[int, ...], ...] = ((1, 2, 4), (1, 2, 4))
    hints: int = 384
    features: int = FEATURES
    guide: int = 6
    dropout: float = 0.0

    def __post_init__(self) -> None:
        # a settings file and a header have lists
        object.__setattr__(self, "dilations", tuple(tuple(group) for group in self.dilations))

    @property
    def reach(self) -> int:
        """Frames (of its own, STRIDE of the lifter's) before and after that a frame's pose depends on."""
        return sum(d for group in self.dilations for d in group)

    @property
    def conditions(self) -> int:
        """Channels of what `conditions` makes."""
        return self.features + self.hints + 2 * 3 * len(BODY_22) + len(BODY_22) + 7

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """From a weights file's header."""
        return cls(**values)

    def to_dict(self) -> dict[str, Any]:
        """For a weights file's header."""
        return asdict(self)
