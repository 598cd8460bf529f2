"""People between and beyond the bodies at hand, and other clothes for them.

The humans share one topology (they come from one base mesh), so a weighted mean of their vertices and bones is a body too; a negative
weight goes beyond them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from contract.failure import Failure
from engine.datasets.drive_human import Rest
from engine.datasets.human import Human

Array = npt.NDArray[np.float64]

BETWEEN = "+"  # joins the bodies' names in a blend's
BEYOND = 0.25  # a blend may take so much from a body as a negative weight
LOOSE = 0.025  # metres that shirt and trousers may stand off the body at most
# What each garment may leave bare: part, the bones it no longer covers, how often.
BARE = (
    ("shirt", ("ForeArm",), 0.45), ("shirt", ("Arm", "ForeArm"), 0.12), ("trousers", ("Leg",), 0.3), ("shoes", ("Foot", "ToeBase"), 0.1),
)  # fmt: skip


def blend(humans: Sequence[Human], weights: Array) -> Human:
    """The mean of humans of one topology; weights sum to one. Raises Failure `bad_input` where the meshes differ."""
    first = humans[0]
    for human in humans[1:]:
        if human.vertices.shape != first.vertices.shape or human.bone_names != first.bone_names or human.parts != first.parts:
            raise Failure(
                "bad_input", f"{human.name} and {first.name} have other meshes, so they cannot be blended; give humans of one base mesh."
            )

    def mean(arrays: Sequence[Array]) -> Array:
        return np.asarray(np.tensordot(weights, np.stack(arrays), axes=1))

    normals = mean([h.normals for h in humans])
    rest = Rest(
        {name: mean([h.rest.head[name] for h in humans]) for name in first.rest.head},
        {name: mean([h.rest.tail[name] for h in humans]) for name in first.rest.tail},
        first.rest.parent,
    )
    return replace(
        first, name=BETWEEN.join(h.name for h in humans), vertices=mean([h.vertices for h in humans]),
        normals=normals / np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9), rest=rest,
    )  # fmt: skip


def draw_blend(humans: Sequence[Human], random: np.random.Generator) -> Human:
    """One of the humans, or two or three of them blended at random."""
    count = min(len(humans), int(random.integers(1, 4)))
    chosen = [humans[k] for k in random.permutation(len(humans))[:count]]
    weights = random.dirichlet(np.ones(count)) * (1 + BEYOND) - BEYOND / count if count > 1 else np.ones(1)
    return blend(chosen, weights / weights.sum())


def dress(human: Human, random: np.random.Generator) -> Human:
    """The human with sleeves, trouser legs or shoes left off at times (those vertices become skin) and looser clothes."""
    if "skin" not in human.parts:
        return human
    part, skin = human.part.copy(), human.parts.index("skin")
    main = human.bones[np.arange(len(part)), np.argmax(human.weights, axis=1)]
    for garment, bones, share in BARE:
        if garment in human.parts and random.random() < share:
            bare = [k for k, name in enumerate(human.bone_names) if name.removeprefix("Left").removeprefix("Right") in bones]
            part[(human.part == human.parts.index(garment)) & np.isin(main, bare)] = skin
    vertices = human.vertices.copy()
    for garment in ("shirt", "trousers"):
        if garment in human.parts:
            worn = part == human.parts.index(garment)
            vertices[worn] += random.uniform(0, LOOSE) * human.normals[worn]
    return replace(human, part=part, vertices=vertices)


def bodies_of(name: str) -> tuple[str, ...]:
    """The bodies that a human of this name is made of."""
    return tuple(name.split(BETWEEN))
