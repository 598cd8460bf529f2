"""Which way is up, all evidence together: the body, what the networks have learnt, the lines of the scene, how cameras are held."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from engine.cameras.level import SURE, SceneLines, level
from engine.kinematics.upright import degrees_between
from engine.kinematics.world import Up, agreed_up, between, lying

Array = npt.NDArray[np.float64]

# What the body says of up errs by so much (degrees), where it is upright and where it lies, crawls or hangs; the networks then.
UPRIGHT_ERROR, LYING_ERROR = 8.0, 15.0
# How sure lines have to be (`Level.share`) to be believed at all, and wholly: near to the body, where what else is possible by the lines is
# not so by the body, and far from it; and from where to where that goes over, degrees.
NEAR_SURE, FAR_SURE, NEAR = (0.45, 0.65), (0.75, SURE), (5.0, 8.0)
# Lines and body that differ by more than this (degrees) are told.
DISAGREE = 25.0


@dataclass(frozen=True)
class Levelled:
    """`up` as it is believed; `known_from`: `body`, `lines` or `camera` (held as cameras are); `apart`: degrees between lines that are sure
    and the body, 0 where there are none. `lies`: how much the person does, 0 (upright) to 1."""

    up: Array
    known_from: str
    apart: float = 0.0
    lies: float = 0.0


def levelled(found: Up, gravity: Array | None, lines: SceneLines | None, option: str) -> Levelled:
    """Up by the body, `found`, what the networks say, `gravity` (3,), and the scene's `lines`, as the option `level` wants.

    auto: lines are believed as far as they are sure, near to the body sooner, unless an upright body is far from them; else the body where
    it is upright, and where it is not, what agrees best with the networks, the lines there are and the habits of cameras; in between, what
    lies between. camera: without the body. body: nothing else.
    """
    if option == "body":
        return Levelled(found.believed, "body")
    if option == "camera":
        alone = level(lines, None, 0.0)
        return Levelled(alone.up, "lines" if alone.sure else "camera", lies=lying(degrees_between(alone.up, found.believed)))
    body, share = agreed_up(found, gravity)
    together = level(lines, body, UPRIGHT_ERROR + share * (LYING_ERROR - UPRIGHT_ERROR))
    apart = degrees_between(together.up, body)
    far = np.interp(apart, NEAR, (0.0, 1.0))
    limits = [(1.0 - far) * near + far * beyond for near, beyond in zip(NEAR_SURE, FAR_SURE, strict=True)]
    # of who is upright, as the networks say too, lines that are far off mislead
    trust = float(np.interp(together.share, limits, (0.0, 1.0))) if apart <= DISAGREE else 0.0
    up = between(between(body, together.up, share), together.up, trust)
    by_lines = trust >= 0.5 or (together.sure and share >= 0.5)
    known_from = "lines" if by_lines else "camera" if share >= 0.5 else "body"
    lies = 0.0 if share == 0.0 and trust == 0.0 else lying(degrees_between(up, found.believed))
    return Levelled(up, known_from, apart if together.sure else 0.0, lies)
