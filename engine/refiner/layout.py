"""What lifter and refiner have in common: how wide and deep a stack of graph attention and graph convolution is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Self

# The state of a joint: (u, v) screen-normalised, then (x, y, z) metres in camera axes relative to the root.
IMAGE_CHANNELS = 2
SPACE_CHANNELS = 3
STATE_CHANNELS = IMAGE_CHANNELS + SPACE_CHANNELS


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
