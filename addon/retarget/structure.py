"""Finding a body in a rig that no preset knows: by the shape of its bones first, by their names where shape cannot tell. No bpy here.

Nothing is assumed of the rig's size, of which way is up or where it faces: the legs are the mirrored pair of chains that hang opposite to
the spine, the arms the pair at the spine's other end, and the feet say which way is forward. A limb is the three joints of a chain whose
lengths are most like a person's; twist bones in line, helpers beside it and fingers lose against them by their lengths.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from ...contract.failure import Failure
from .. import quaternions as q
from .names import name_supports, side_of_name
from .roles import Mapping

Array = npt.NDArray[np.float64]

# Of the rig's longest extent: a shorter chain is no limb.
LIMB = 0.15
# Two chains are mirrored where their lengths differ by less than this share.
ALIKE = 0.2
# (second part / first part, third / second) of a person's limb, and how far each may be off, both as logarithms.
ARM, LEG = (0.9, 0.7), (0.95, 0.45)
SPREAD = (0.25, 0.5)
# A chain must be this straight within each part of a limb: its chord over its length, to this power.
STRAIGHT = 4
# An arm that ends at the wrist, with no bone for the hand.
NO_HAND = 0.3
# A limb whose third part is the chain's last bone, of unknown length.
LAST = 0.7
# Cosine: legs must point against the spine by more than this. A quadruped's are square to it.
AGAINST = -0.7
# In lengths of a leg: the head's joint is lower than this above the shoulders, and the hips are this near to where the legs branch.
HEAD_HEIGHT, HIPS_NEAR = 0.32, 0.25
# Of the foot's extent: the first bone that lies further out is the toes'.
TOE = 0.4


@dataclass(frozen=True)
class RestBone:
    """A bone in the rest pose: `head` and `tail` (3,) in the world, any unit; `parent` is a name, None for a root."""

    name: str
    parent: str | None
    head: Array
    tail: Array


@dataclass(frozen=True)
class _Limb:
    """Bones of a chain from where it branches off; `joints`: indices into `chain` of the limb's three parts, -1: the last bone's tail."""

    chain: tuple[int, ...]
    joints: tuple[int, int, int]
    points: Array  # (3, 3)
    score: float


@dataclass(frozen=True)
class _Pair:
    parent: int
    limbs: tuple[_Limb, _Limb]
    score: float

    @property
    def across(self) -> Array:
        """From the second limb to the first, unit length."""
        return q.unit((self.limbs[0].points - self.limbs[1].points).sum(axis=0))

    @property
    def start(self) -> Array:
        return (self.limbs[0].points[0] + self.limbs[1].points[0]) / 2


@dataclass(frozen=True)
class _Body:
    legs: _Pair
    arms: _Pair
    hips: int
    spine: tuple[int, ...]
    score: float


class _Tree:
    def __init__(self, bones: Sequence[RestBone]) -> None:
        index = {bone.name: i for i, bone in enumerate(bones)}
        self.bones = bones
        self.parents = [index[bone.parent] if bone.parent is not None else -1 for bone in bones]
        self.children: list[list[int]] = [[] for _ in bones]
        for i, parent in enumerate(self.parents):
            if parent >= 0:
                self.children[parent].append(i)
        self.heads = np.array([bone.head for bone in bones], dtype=float).reshape(-1, 3)
        self.tails = np.array([bone.tail for bone in bones], dtype=float).reshape(-1, 3)
        self.extent = float(np.linalg.norm(np.ptp(self.heads, axis=0))) if bones else 0.0
        self.reach = np.zeros(len(bones))
        self.next = [-1] * len(bones)
        for i in sorted(range(len(bones)), key=lambda b: -len(self.above(b))):
            self.reach[i] = np.linalg.norm(self.tails[i] - self.heads[i]) if not self.children[i] else 0.0
            for child in self.children[i]:
                reach = self.reach[child] + np.linalg.norm(self.heads[child] - self.heads[i])
                if reach >= self.reach[i]:
                    self.reach[i], self.next[i] = reach, child

    def above(self, bone: int) -> list[int]:
        """From the bone up to its root, itself first."""
        path = []
        while bone >= 0:
            path.append(bone)
            bone = self.parents[bone]
        return path

    def chain(self, bone: int) -> tuple[int, ...]:
        """From the bone outwards along the longest way."""
        path = [bone]
        while self.next[path[-1]] >= 0:
            path.append(self.next[path[-1]])
        return tuple(path)


def find_by_structure(bones: Sequence[RestBone], rig: str = "The rig") -> Mapping:
    """The roles of a rig's bones from their places in the rest pose (T, A or relaxed) and, for what places cannot tell, their names.

    Args:
        bones: of the rest pose, in any order, any unit and any orientation in the world.
        rig: what to call it in a failure.

    Raises Failure `bad_rig` that says what was not found: legs, arms, or that the legs stand square to the spine as an animal's do.
    """
    tree = _Tree(bones)
    pairs = {kind: list(_pairs(tree, kind)) for kind in (LEG, ARM)}
    body = max(_bodies(tree, pairs[LEG], pairs[ARM]), key=lambda b: b.score, default=None)
    if body is None:
        raise Failure("bad_rig", f"{rig} {_lack(tree, pairs[LEG], pairs[ARM])}; Kinolift needs a body with two legs and two arms.")
    return _roles(tree, body)


def stands_upright(mapping: Mapping, bones: Sequence[RestBone]) -> bool:
    """Whether the legs of a mapping hang opposite to the way from them to the arms, as in a person and not in an animal on all fours."""
    heads = {bone.name: bone.head for bone in bones}
    hip, arm, foot = (np.mean([heads[mapping.bones[f"{role}.{s}"][0]] for s in "LR"], axis=0) for role in ("thigh", "upper_arm", "foot"))
    return float(q.unit(foot - hip) @ q.unit(arm - hip)) < AGAINST


def _limb(tree: _Tree, start: int, kind: tuple[float, float]) -> _Limb | None:
    """The three joints along the longest way out of `start` whose lengths are most like those of an arm or a leg."""
    chain = tree.chain(start)
    points = np.vstack([tree.heads[list(chain)], tree.tails[chain[-1]]])
    lengths = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    total = lengths[-1]
    if total <= 0:
        return None
    best: _Limb | None = None
    for i, j, k in combinations(range(len(points)), 3):
        if k == len(chain) and kind is LEG:  # a foot needs a bone
            continue
        chords = np.linalg.norm(points[j] - points[i]), np.linalg.norm(points[k] - points[j])
        if min(chords) < 0.05 * total:
            continue
        # where a limb's last bone ends is not known: files without tails get lengths that their importer makes up
        rest = np.linalg.norm(points[k + 1 :] - points[k], axis=1).max() if k < len(chain) - 1 else kind[1] * chords[1]
        off = [np.log(max(value, 1e-6) / usual) for value, usual in zip((chords[1] / chords[0], rest / chords[1]), kind, strict=True)]
        score = np.exp(-0.5 * sum((o / s) ** 2 for o, s in zip(off, SPREAD, strict=True)))
        score *= ((chords[0] / (lengths[j] - lengths[i])) * (chords[1] / (lengths[k] - lengths[j]))) ** STRAIGHT
        score *= (chords[0] + chords[1]) / total
        if k >= len(chain) - 1:
            score *= NO_HAND if k == len(chain) else LAST
        elif kind is ARM and len(_long(tree, chain[k])) >= 3:  # fingers
            score = np.sqrt(score)
        if best is None or score > best.score:
            best = _Limb(chain, (i, j, k if k < len(chain) else -1), points[[i, j, k]], float(score))
    return best


def _long(tree: _Tree, bone: int) -> list[int]:
    """Children that reach at least half as far as the longest one."""
    reach = [tree.reach[c] + np.linalg.norm(tree.heads[c] - tree.heads[bone]) for c in tree.children[bone]]
    return [c for c, r in zip(tree.children[bone], reach, strict=True) if r > 0.5 * max(reach)]


def _pairs(tree: _Tree, kind: tuple[float, float]) -> Iterator[_Pair]:
    """Mirrored chains that leave the same bone."""
    for parent, children in enumerate(tree.children):
        far = [c for c in children if tree.reach[c] > LIMB * tree.extent]
        for a, b in combinations(far, 2):
            if abs(tree.reach[a] - tree.reach[b]) > ALIKE * max(tree.reach[a], tree.reach[b]):
                continue
            first, second = _limb(tree, a, kind), _limb(tree, b, kind)
            if first is None or second is None or first.joints != second.joints:
                continue
            parts = [np.linalg.norm(np.diff(limb.points, axis=0), axis=1) for limb in (first, second)]
            if np.abs(parts[0] - parts[1]).max() > ALIKE * parts[0].max():
                continue
            across = first.points - second.points
            lengths = np.linalg.norm(across, axis=1)
            if lengths.min() < 1e-3 * tree.extent or abs(np.linalg.norm(across.sum(axis=0)) - lengths.sum()) > 0.1 * lengths.sum():
                continue  # chains one behind the other, not mirrored
            yield _Pair(parent, (first, second), float(np.sqrt(first.score * second.score)))


def _bodies(tree: _Tree, legs: Sequence[_Pair], arms: Sequence[_Pair]) -> Iterator[_Body]:
    for leg in legs:
        for arm in arms:
            own = [{*limb.chain} for limb in (*leg.limbs, *arm.limbs)]
            if any(a & b for a, b in combinations(own, 2)) or arm.parent in own[0] | own[1] or leg.parent in own[2] | own[3]:
                continue
            # from where the chains branch off, or an animal's lower legs would do for legs
            low, high = (tree.heads[[limb.chain[0] for limb in pair.limbs]].mean(axis=0) for pair in (leg, arm))
            spine = q.unit(high - low)
            hang = q.unit((leg.limbs[0].points[2] + leg.limbs[1].points[2]) / 2 - low)
            alike = abs(float(leg.across @ arm.across))
            if float(hang @ spine) > AGAINST or alike < 0.8 or abs(float(leg.across @ spine)) > 0.4:
                continue
            above = tree.above(leg.parent)
            up = tree.above(arm.parent)
            common = next((bone for bone in above if bone in up), None)
            if common is None:
                continue
            length = float(np.linalg.norm(leg.limbs[0].points[2] - leg.start))
            # the hips carry legs and spine; a root on the ground that carries both is none
            near = np.linalg.norm(tree.heads[common] - leg.start) < HIPS_NEAR * length
            hips = common if near or leg.parent == common else leg.parent
            way = up[: up.index(common)][::-1]
            yield _Body(leg, arm, hips, tuple(b for b in way if b != hips), leg.score * arm.score * alike)


def _lack(tree: _Tree, legs: Sequence[_Pair], arms: Sequence[_Pair]) -> str:
    if not tree.bones:
        return "has no bones"
    no_legs = "has no legs that could be found: no mirrored pair of chains with thigh, shin and foot"
    if not legs:
        return no_legs
    if len({pair.parent for pair in (*legs, *arms)}) == 1:
        # legs have the rest of the body above them, arms have not
        pair = legs[0]
        limbs = {bone for limb in pair.limbs for bone in limb.chain}
        others = tree.heads[[b for b in range(len(tree.bones)) if b not in limbs and tree.parents[b] >= 0] or [pair.parent]].mean(axis=0)
        hang = q.unit((pair.limbs[0].points[2] + pair.limbs[1].points[2]) / 2 - pair.start)
        return "has no arms beside its legs that could be found" if float(hang @ q.unit(others - pair.start)) < AGAINST else no_legs
    return (
        "stands on all fours or has no legs that go on from its spine: no two legs that hang opposite to a spine with two arms were found"
    )


def _roles(tree: _Tree, body: _Body) -> Mapping:
    up = q.unit(body.arms.start - body.legs.start)
    length = float(np.linalg.norm(body.legs.limbs[0].points[2] - body.legs.start))
    left, sure_side = _left(tree, body, up)
    bones: dict[str, tuple[str, ...]] = {}
    sure: dict[str, float] = {}

    def give(role: str, found: Sequence[int], shape: float) -> None:
        if not found:
            return
        names = tuple(tree.bones[b].name for b in found)
        bones[role] = names
        # a name that says the same as the shape makes it surer; one that says nothing leaves it
        share = sum(name_supports(name, role) for name in names) / len(names)
        side = sure_side if role[-2:] in (".L", ".R") else 1.0
        sure[role] = round(min(1.0, shape * side + (1 - shape * side) * 0.7 * share), 2)

    root = tree.above(body.hips)[-1]
    give("root", [root] if root != body.hips else [], 0.7)
    give("hips", [body.hips], 0.9)
    give("spine", body.spine, 0.85)
    neck, head = _neck_and_head(tree, body, up, length)
    give("neck", neck, 0.7)
    give("head", head, 0.7)
    for pair, roles in ((body.arms, ("upper_arm", "forearm", "hand")), (body.legs, ("thigh", "shin", "foot"))):
        for number, limb in enumerate(pair.limbs):
            side = "L" if (number == 0) == (float(pair.across @ left) > 0) else "R"
            shape = 0.6 + 0.35 * min(1.0, limb.score**0.25)
            for role, joint in zip(roles, limb.joints, strict=True):
                give(f"{role}.{side}", [limb.chain[joint]] if joint >= 0 else [], shape)
            before = limb.chain[: limb.joints[0]]
            if pair is body.arms and before:
                lengths = np.linalg.norm(np.diff(tree.heads[list(limb.chain[: limb.joints[0] + 1])], axis=0), axis=1)
                give(f"clavicle.{side}", [before[int(lengths.argmax())]], 0.8)
            if pair is body.legs:
                give(f"toe.{side}", _toe(tree, limb), 0.7)
    return Mapping(bones, "structure", sure)


def _toe(tree: _Tree, limb: _Limb) -> list[int]:
    foot = limb.chain[limb.joints[2]]
    after = limb.chain[limb.joints[2] + 1 :]
    away = [float(np.linalg.norm(tree.heads[b] - tree.heads[foot])) for b in after]
    if not after:
        return []
    extent = max(*away, float(np.linalg.norm(tree.tails[after[-1]] - tree.heads[foot])))
    return [b for b, far in zip(after, away, strict=True) if far > TOE * extent][:1]


def _left(tree: _Tree, body: _Body, up: Array) -> tuple[Array, float]:
    """The direction of the rig's left, and how sure that is: by names that tell the sides apart, else by where feet point."""
    across = body.legs.across
    forward = np.zeros(3)
    for limb in body.legs.limbs:
        foot, toes = limb.chain[limb.joints[2]], _toe(tree, limb)
        point = tree.heads[toes[0]] - tree.heads[foot] if toes else tree.tails[foot] - tree.heads[foot]
        forward += point - up * float(point @ up)
    span = float(np.linalg.norm(body.legs.limbs[0].points[2] - body.legs.limbs[0].points[1]))
    if np.linalg.norm(forward) < 0.1 * span:  # feet that point nowhere: knees bend forward, elbows backward
        for pair, sign in ((body.legs, 1.0), (body.arms, -1.0)):
            for limb in pair.limbs:
                bend = limb.points[1] - (limb.points[0] + limb.points[2]) / 2
                forward = forward + sign * (bend - up * float(bend @ up))
    seen = float(np.cross(up, forward) @ across)
    votes = 0
    for pair in (body.legs, body.arms):
        same = 1 if float(pair.across @ across) > 0 else -1
        for number, limb in enumerate(pair.limbs):
            sides = [side_of_name(tree.bones[b].name) for b in limb.chain]
            votes += same * (1 if number == 0 else -1) * (sides.count("L") - sides.count("R"))
    if votes:
        return across * np.sign(votes), 1.0 if votes * seen > 0 else 0.8
    return across * (1.0 if seen >= 0 else -1.0), 0.95 if abs(seen) > 0.2 * span else 0.5


def _neck_and_head(tree: _Tree, body: _Body, up: Array, length: float) -> tuple[list[int], list[int]]:
    """The chain that rises from between the arms; the last of it that is no mark is the head."""
    middle = body.arms.start
    across = body.arms.across
    arms = {limb.chain[0] for limb in body.arms.limbs}

    def next_up(bone: int) -> int | None:
        def height(b: int) -> float:
            return float((tree.heads[b] - middle) @ up)

        central = [c for c in tree.children[bone] if c not in arms and abs(float((tree.heads[c] - middle) @ across)) < 0.04 * length]
        # something hangs from it or it is long: neither a breast nor a strap
        central = [c for c in central if height(c) + tree.reach[c] > 0.1 * length and height(c) > height(bone) - 1e-3 * length]
        return max(central, key=lambda c: (height(c), tree.reach[c]), default=None)

    chain: list[int] = []
    bone = next_up(body.arms.parent)
    while bone is not None:
        chain.append(bone)
        bone = next_up(bone)
    if not chain:
        return [], []
    heights = [float((tree.heads[b] - middle) @ up) / length for b in chain]

    faces = [i for i, b in enumerate(chain) if len(tree.children[b]) >= 3]
    low = [i for i, height in enumerate(heights) if height < HEAD_HEIGHT]
    named = [i for i in low if name_supports(tree.bones[chain[i]].name, "head") and side_of_name(tree.bones[chain[i]].name) is None]
    # a name says it; else the bone that the face hangs from; else the highest that is no mark of the skull's top
    head = named[0] if named else min(faces[0] if faces else len(chain) - 1, low[-1] if low else 0)
    while head > 0 and heights[head] - heights[head - 1] < 0.01:
        head -= 1
    return chain[:head], [chain[head]]
