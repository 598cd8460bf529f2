"""People between and beyond the bodies at hand, and other clothes for them.

The humans share one topology (they come from one base mesh), so a weighted mean of their vertices and bones is a body too; a negative
weight goes beyond them. Everybody's clothes fit every body: a point of them moves as the skin nearest to it does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from contract.failure import Failure
from engine.datasets.drive_human import Rest
from engine.datasets.human import Human, Worn, smooth_normals

Array = npt.NDArray[np.float64]

BETWEEN = "+"  # joins the bodies' names in a blend's
BEYOND = 0.25  # a blend may take so much from a body as a negative weight
LOOSE = 0.025  # metres that shirt and trousers may stand off the body at most
PAINTED = 0.15  # of people have clothes that are only painted on the body
OTHERS = (("shoes", 0.25), ("hair", 0.4))  # how often these come from another wardrobe than the clothes
TIGHTS = 0.15  # of people wear tights where the legs show
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

    vertices = mean([h.vertices for h in humans])
    rest = Rest(
        {name: mean([h.rest.head[name] for h in humans]) for name in first.rest.head},
        {name: mean([h.rest.tail[name] for h in humans]) for name in first.rest.tail},
        first.rest.parent,
    )
    return replace(
        first, name=BETWEEN.join(h.name for h in humans), vertices=vertices, normals=smooth_normals(vertices, first.faces, first.seam),
        rest=rest, wardrobe=first.wardrobe if len(humans) == 1 else (),
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


def put_on(human: Human, things: Sequence[Worn], owner: str, tights: bool = False) -> Human:
    """The human in these things, standing on their soles. What of the body they hide is left out, and what shirt, trousers and shoes were
    painted on the body is skin now, or tights where the trousers were. owner: who is named as the outfit's."""
    kinds = {thing.kind for thing in things}
    skin = human.parts.index("skin") if "skin" in human.parts else 0
    bared = [name for name, kind in (("shirt", "clothes"), ("trousers", "clothes"), ("shoes", "shoes")) if kind in kinds]
    part = human.part.copy()
    for name in bared:
        if name in human.parts and not (tights and name == "trousers"):
            part[part == human.parts.index(name)] = skin
    hidden = np.any([thing.hides for thing in things], axis=0)
    parts = list(human.parts)
    rows: dict[str, list[npt.NDArray[Any]]] = {
        "vertices": [human.vertices], "faces": [human.faces[~hidden[human.faces].all(axis=1)]], "part": [part], "bones": [human.bones],
        "weights": [human.weights], "seam": [human.seam],
    }  # fmt: skip
    count, seams = len(human.vertices), int(human.seam.max()) + 1
    for thing in things:
        parts += [name for name in thing.parts if name not in parts]
        named = np.array([parts.index(name) for name in thing.parts], np.int32)
        row: tuple[npt.NDArray[Any], ...] = (
            thing.fitted(human.vertices), thing.faces + count, named[thing.part], thing.bones, thing.weights, thing.seam + seams,
        )  # fmt: skip
        for name, values in zip(rows, row, strict=True):
            rows[name].append(values)
        count, seams = count + len(thing.off), seams + int(thing.seam.max()) + 1
    arrays: dict[str, npt.NDArray[Any]] = {name: np.concatenate(values) for name, values in rows.items()}
    sole = [0.0, 0.0, min(0.0, float(arrays["vertices"][:, 2].min()))]
    arrays["vertices"] = arrays["vertices"] - sole
    head, tail = ({name: at - sole for name, at in ends.items()} for ends in (human.rest.head, human.rest.tail))
    rest = Rest(head, tail, human.rest.parent)
    normals = smooth_normals(arrays["vertices"], arrays["faces"], arrays["seam"])
    return replace(
        human, vertices=arrays["vertices"], normals=normals, faces=arrays["faces"], part=arrays["part"], parts=tuple(parts),
        bones=arrays["bones"], weights=arrays["weights"], rest=rest, seam=arrays["seam"], wardrobe=(), outfit=owner,
    )  # fmt: skip


def draw_person(humans: Sequence[Human], random: np.random.Generator) -> Human:
    """A body, blended or not, in the clothes of one of the humans, with the shoes and the hair of others at times; or with clothes that
    are painted on it."""
    body = draw_blend(humans, random)
    owners = [human for human in humans if human.wardrobe]
    if not owners or random.random() < PAINTED:
        return dress(body, random)
    owner = owners[random.integers(len(owners))]
    things = list(owner.wardrobe)
    names = [owner.name]
    for kind, share in OTHERS:
        other = owners[random.integers(len(owners))]
        if random.random() < share and any(thing.kind == kind for thing in other.wardrobe):
            things = [thing for thing in things if thing.kind != kind] + [thing for thing in other.wardrobe if thing.kind == kind]
            names.append(other.name)
    if all(thing.kind != "clothes" for thing in things):
        body = dress(body, random)
    return put_on(body, things, BETWEEN.join(names), bool(random.random() < TIGHTS))


def bodies_of(name: str) -> tuple[str, ...]:
    """The bodies that a human of this name is made of."""
    return tuple(name.split(BETWEEN))
