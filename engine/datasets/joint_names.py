"""From a motion capture file's own joints to BODY_22: by the names that the common skeletons use."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from contract.failure import Failure
from contract.motion_file import RATES
from contract.reading import shown
from contract.skeleton import BODY_22

Array = npt.NDArray[np.floating]

MOST_NODES = 2000  # a person with all fingers and a face has a few hundred
LARGEST_TEXT = 2**29  # bytes of a motion as text: ten hours of it
LARGEST_MOTION = 2**28, 100  # bytes of the places and rotations of all nodes: so many in any case, and so many times the file's size

END = ".end"  # the tip of a bone without children is a node of that name after the bone's

# For each joint the names that stand for it, the best first; {S} is left or right, {s} l or r. CMU's BVH and ASF, MotionBuilder's,
# Mixamo's, DAZ's, Kaydara's. Compared without case, separators and the prefix before a colon.
_NAMES: dict[str, tuple[str, ...]] = {
    "hip": ("{S}upleg", "{s}thigh", "{s}femur", "{S}upperleg", "{S}thigh", "{S}hip"),
    "knee": ("{S}leg", "{s}shin", "{s}tibia", "{S}lowerleg", "{S}shin", "{S}knee"),
    "ankle": ("{S}foot", "{s}foot", "{S}ankle"),
    "toe": (
        "{S}toebase.end", "{S}toe.end", "{S}toes.end", "{s}toes.end", "{S}foot.end", "{s}foot.end", "{S}toebase", "{S}toe", "{S}ankle.end",
    ),
    "shoulder": ("{S}arm", "{s}shldr", "{s}humerus", "{S}upperarm", "{S}shoulder"),
    "elbow": ("{S}forearm", "{s}forearm", "{s}radius", "{S}lowerarm", "{S}elbow"),
    "wrist": ("{S}fingerbase", "{S}hand", "{s}hand", "{S}wrist"),
    "hand": (
        "{S}handmiddle1", "{s}mid1", "{S}handindex1.end", "{S}handindex1", "{s}fingers.end", "{S}hand.end", "{s}hand.end", "{S}wrist.end",
    ),
}  # fmt: skip
_MIDDLE: dict[str, tuple[str, ...]] = {
    "neck": ("neck1", "upperneck", "neck", "lowerneck"),
    "head": ("head",),
    "head_top": ("head.end", "headtop", "headend", "headtopend"),
}
# The base of the neck where no joint stands for it: 1.1 of the way from the hips to the shoulders, as for the detector's landmarks.
_NECK = 1.1
SKULL = 0.115  # of the stature, from the base of the skull to its top
LEGS = 0.491  # thigh and shin, of the stature
HAND = 0.09  # metres from the wrist to the knuckles, where the file has no hand
SHORTEST_SKULL = 0.8  # of SKULL: a head's tip nearer than that is no top of a head
LONGEST_HAND = 1.2  # of HAND: a hand's tip farther than that is a finger's
# Skeletons without a neck: their head's bone begins in the neck, half way up from the spine, and this share of it is below the skull.
HEAD_SHARE = 0.55


@dataclass(frozen=True)
class Nodes:
    """What a file holds: `names` and `parents` (-1 for the root), and `positions` (T,N,3), in the file's own units and axes."""

    names: tuple[str, ...]
    parents: tuple[int, ...]
    positions: Array


def check_size(frames: int, nodes: int, size: int) -> None:
    """ValueError for a motion that a file of `size` bytes cannot hold, or only by nodes that stand still in all of its frames."""
    least, times = LARGEST_MOTION
    if nodes > MOST_NODES:
        raise ValueError(f"it has more than {MOST_NODES} joints")
    if 96 * frames * nodes > max(least, times * size):
        raise ValueError(f"{frames} frames of {nodes} joints are more than it can hold")


def check_rate(fps: float) -> float:
    """The frames a second, or ValueError where nothing records so many or few."""
    if not RATES[0] <= fps <= RATES[1]:
        raise ValueError(f"{fps:g} frames a second are no rate of motion capture")
    return fps


def plain_name(name: str) -> str:
    """Without what files write differently: case, separators, a prefix such as `mixamorig:`."""
    stem, end = (name[: -len(END)], END) if name.endswith(END) else (name, "")
    return "".join(c for c in stem.rsplit(":", 1)[-1].lower() if c.isalnum()) + end


def body_22(nodes: Nodes, what: str) -> Array:
    """(T,22,3) in the file's units and axes. `what` names the file in the Failure `bad_input` for joints that cannot be found."""
    places = {plain_name(name): i for i, name in reversed(list(enumerate(nodes.names)))}
    found: dict[str, Array] = {}
    for joint, names in _NAMES.items():
        for side, letter in (("left", "L"), ("right", "R")):
            place = _first(places, [n.format(S=side, s=side[0]) for n in names])
            if place is not None:
                found[f"{joint}.{letter}"] = nodes.positions[:, place]
    for joint, names in _MIDDLE.items():
        place = _first(places, names)
        if place is not None:
            found[joint] = nodes.positions[:, place]
    missing = [
        f"{joint}.{s}" for joint in ("hip", "knee", "ankle", "shoulder", "elbow", "wrist") for s in "LR" if f"{joint}.{s}" not in found
    ]
    if missing:
        there = ", ".join(shown(name) for name in nodes.names[:12])
        raise Failure("bad_input", f"{what} has no joint for {', '.join(missing)}; its joints are {there} ...")
    neck, head = _first(places, _MIDDLE["neck"]), _first(places, _MIDDLE["head"])
    if neck is None and head is not None and nodes.parents[head] >= 0:
        below, above = nodes.positions[:, nodes.parents[head]], nodes.positions[:, head]
        found["neck"] = (below + above) / 2
        if "head_top" in found:
            found["head"] = above + HEAD_SHARE * (found["head_top"] - above)
        neck = head
    return assemble(found, _spine(nodes, neck))


def assemble(found: Mapping[str, Array], spine: Sequence[Array] = ()) -> Array:
    """(T,22,3) from named joints (T,3), the twelve of the limbs at least. `spine`: joints between pelvis and neck, from below.

    The pelvis is the middle of the hips; spine and chest lie at 1/2 and 3/4 of the way along pelvis, `spine`, neck.
    """
    joints = dict(found)
    pelvis = (found["hip.L"] + found["hip.R"]) / 2
    shoulders = (found["shoulder.L"] + found["shoulder.R"]) / 2
    neck = found.get("neck", pelvis + _NECK * (shoulders - pelvis))
    head = found.get("head", neck + 0.3 * (shoulders - pelvis) * 0.5)
    legs = sum(_length(found[f"hip.{s}"], found[f"knee.{s}"]) + _length(found[f"knee.{s}"], found[f"ankle.{s}"]) for s in "LR") / 2
    skull = SKULL * legs / LEGS
    tip = found.get("head_top")
    if tip is None or _length(head, tip) < SHORTEST_SKULL * skull:
        joints["head_top"] = head + skull * _direction(head - neck if tip is None else tip - head)
    hand = HAND * legs / (LEGS * 1.7)  # in the file's units, of a person as large as this one
    for s in "LR":
        wrist = found[f"wrist.{s}"]
        tip = found.get(f"hand.{s}")
        if tip is None or not 0.3 * hand < _length(wrist, tip) < LONGEST_HAND * hand:
            short = tip is None or _length(wrist, tip) <= 0.3 * hand
            joints[f"hand.{s}"] = wrist + hand * _direction(wrist - found[f"elbow.{s}"] if short or tip is None else tip - wrist)
        if f"toe.{s}" not in found:
            raise Failure("bad_input", f"The motion has no toe.{s}.")
    joints |= {"pelvis": pelvis, "neck": neck, "head": head}
    chain = [pelvis, *spine, neck]
    joints["spine"], joints["chest"] = _along(chain, 0.5), _along(chain, 0.75)
    return np.stack([joints[name] for name in BODY_22.joints], axis=1)


def _first(places: Mapping[str, int], names: Sequence[str]) -> int | None:
    return next((places[name] for name in names if name in places), None)


def _spine(nodes: Nodes, neck: int | None) -> list[Array]:
    """The joints between the root and the neck, from below; those at the root's own place say nothing."""
    chain: list[Array] = []
    place = -1 if neck is None else nodes.parents[neck]
    while place > 0:
        chain.insert(0, nodes.positions[:, place])
        place = nodes.parents[place]
    return chain


def _length(a: Array, b: Array) -> float:
    return float(np.median(np.linalg.norm(a - b, axis=-1)))


def _direction(vector: Array) -> Array:
    return vector / np.maximum(np.linalg.norm(vector, axis=-1, keepdims=True), 1e-9)


def _along(chain: Sequence[Array], share: float) -> Array:
    """The point at that share of a chain's length, by fixed shares of its pieces, so that it bends with them."""
    lengths = [_length(a, b) for a, b in pairwise(chain)]
    rest = share * sum(lengths)
    for i, length in enumerate(lengths):
        if rest <= length or i == len(lengths) - 1:
            part = rest / max(length, 1e-9)
            return chain[i] + part * (chain[i + 1] - chain[i])
        rest -= length
    raise AssertionError("unreachable")
