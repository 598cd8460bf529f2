"""Finding a body in a rig that no preset knows: by the names of its bones where they are clear, by the rest pose's shape where they say
nothing. No bpy here.

Nothing is assumed of the rig's size, of which way is up or where it faces: by shape the legs are the mirrored pair of chains that hang
opposite to the spine, the arms the pair at the spine's other end, and the feet say which way is forward. Names that say arms and legs go
before that, and bones whose names say hair, clothes or a helper are no limbs.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt

from ...contract.failure import Failure
from .. import quaternions as q
from .animal import why_no_person
from .limbs import ARM, LEG, Limb, Pair, pair_by_name, pairs_by_shape
from .names import name_supports
from .roles import NAMES, STRUCTURE, Mapping
from .tree import RestBone, Tree

Array = npt.NDArray[np.float64]

# Cosine: legs must point against the spine by more than this. A quadruped's are square to it; where names say the limbs, `animal` judges.
AGAINST = -0.7
# In lengths of a leg: the head's joint is lower than this above the shoulders, and the hips are this near to where the legs branch.
HEAD_HEIGHT, HIPS_NEAR = 0.32, 0.25
# Of the foot's extent: the first bone that lies further out is the toes'.
TOE = 0.4
# How sure a clear name makes, one whose word other bones have to explain, and one with unknown words.
CLEAR, EXPLAINED, UNCLEAR = 0.98, 0.92, 0.8
# A body that is less like a person's than another one in the same rig by less than this share is as good as that.
RIVAL = 0.5
# What sureness is left where two bodies are alike, and where bones had to be taken whose names say something else.
RIVALLED, IN_SPITE = 0.5, 0.6


@dataclass(frozen=True)
class _Body:
    legs: Pair
    arms: Pair
    hips: int
    spine: tuple[int, ...]
    score: float


def find_by_structure(bones: Sequence[RestBone], rig: str = "The rig") -> Mapping:
    """The roles of a rig's bones from their names and from their places in the rest pose (T, A, relaxed, crouched).

    Args:
        bones: of the rest pose, in any order, any unit and any orientation in the world.
        rig: what to call it in a failure.

    Returns the mapping, `preset` "names" where names say all four limbs and "structure" else; `found` tells for each role whether a name
    or the shape said it. Raises Failure `bad_rig` that says what was not found: legs, arms, or that it is an animal's body.
    """
    tree = Tree(bones)
    named = {kind.name: pair_by_name(tree, kind) for kind in (ARM, LEG)}
    doubt = 1.0
    for all_bones in (False, True):
        pairs = {kind.name: list(pairs_by_shape(tree, kind, all_bones)) for kind in (ARM, LEG) if named[kind.name] is None}
        pairs |= {name: [pair] for name, pair in named.items() if pair is not None}
        bodies = sorted(_bodies(tree, pairs["leg"], pairs["arm"]), key=lambda b: b.score, reverse=True)
        if bodies:
            doubt = IN_SPITE if all_bones else 1.0
            break
    if not bodies:
        raise Failure("bad_rig", f"{rig} {_lack(tree, pairs['leg'], pairs['arm'])}; Kinolift needs a body with two legs and two arms.")
    body = bodies[0]
    mapping = _roles(tree, body, doubt * _rivalled(bodies))
    if reason := why_no_person(mapping, bones):
        raise Failure("bad_rig", f"{rig} {reason}; Kinolift needs a body with two legs and two arms.")
    return mapping


def _rivalled(bodies: Sequence[_Body]) -> float:
    """1 where the best body stands alone; less where another pair of limbs would do nearly as well: twin tails beside arms."""
    best = bodies[0]
    own = {bone for pair in (best.legs, best.arms) for limb in pair.limbs for bone in limb.bones}
    others = [
        body.score / best.score
        for body in bodies[1:]
        for pair in (body.legs, body.arms)
        if not own & {bone for limb in pair.limbs for bone in limb.bones}
    ]
    nearest = max(others, default=0.0)
    return 1.0 if nearest < RIVAL else 1.0 - RIVALLED * (nearest - RIVAL) / (1.0 - RIVAL)


def _bodies(tree: Tree, legs: Sequence[Pair], arms: Sequence[Pair]) -> Iterator[_Body]:
    for leg in legs:
        for arm in arms:
            own = [{*limb.chain} for limb in (*leg.limbs, *arm.limbs)]
            if any(a & b for a, b in combinations(own, 2)) or arm.parent in own[0] | own[1] or leg.parent in own[2] | own[3]:
                continue
            alike = abs(float(leg.across @ arm.across))
            if leg.named and arm.named:
                alike = 1.0
            else:
                # from where the chains branch off, or an animal's lower legs would do for legs
                low, high = (tree.heads[[limb.chain[0] for limb in pair.limbs]].mean(axis=0) for pair in (leg, arm))
                spine = q.unit(high - low)
                hang = q.unit(leg.end - low)
                if float(hang @ spine) > AGAINST or alike < 0.8 or abs(float(leg.across @ spine)) > 0.4:
                    continue
            found = _trunk(tree, leg, arm)
            if found is not None:
                yield _Body(leg, arm, *found, leg.score * arm.score * alike)


def _trunk(tree: Tree, leg: Pair, arm: Pair) -> tuple[int, tuple[int, ...]] | None:
    """The hips, and the bones from there to where the arms branch off; None where nothing carries both."""
    ends = [limb.bones[0] for limb in (*leg.limbs, *arm.limbs)]
    common = tree.common(ends)
    readings = tree.readings
    named = [bone for bone, reading in enumerate(readings) if reading.parts.get("hips", 0.0) >= 0.5 and reading.side is None]
    if common < 0 and not named:
        return None
    length = float(np.linalg.norm(leg.limbs[0].points[2] - leg.limbs[0].points[0]))
    above = tree.above(common) if common >= 0 else []
    if common in named:
        hips = common
    elif clear := [bone for bone in above[1:] if bone in named and np.linalg.norm(tree.heads[bone] - leg.start) < 2 * HIPS_NEAR * length]:
        hips = clear[0]  # legs that hang on the spine, above the pelvis
    elif common >= 0 and np.linalg.norm(tree.heads[common] - leg.start) < HIPS_NEAR * length:
        hips = common
    else:
        # a root on the ground that carries legs and spine is no hips; what the legs hang on is, and the spine will be held to it
        beside = [bone for bone in named if bone in tree.above(leg.limbs[0].bones[0])] if leg.parent in (common, -1) else [leg.parent]
        beside = beside or sorted(named, key=lambda bone: float(np.linalg.norm(tree.heads[bone] - leg.start)))
        hips = common if not beside or np.linalg.norm(tree.heads[beside[0]] - leg.start) > length else beside[0]
    if hips < 0:
        return None
    return hips, _spine(tree, hips, common, arm)


def _spine(tree: Tree, hips: int, common: int, arm: Pair) -> tuple[int, ...]:
    up = tree.above(arm.parent) if arm.parent >= 0 else []
    way = list(up[: up.index(hips)] if hips in up else up[: up.index(common)] if common in up else up)[::-1]
    if own := [bone for bone in way if bone != hips and not _is_neck(tree, bone)]:
        return tuple(own)
    # arms that hang on the root: the spine is the longest chain of bones that are called so
    best: tuple[int, ...] = ()
    for bone in range(len(tree.bones)):
        chain = [b for b in tree.above(bone)[::-1] if tree.readings[b].parts.get("spine", 0.0) >= 0.5 and tree.readings[b].side is None]
        if bone in chain and len(chain) > len(best) and hips not in chain:
            best = tuple(chain)
    return best


def _is_neck(tree: Tree, bone: int) -> bool:
    parts = tree.readings[bone].parts
    return parts.get("neck", 0.0) > 0.5 or parts.get("head", 0.0) > 0.5


def _lack(tree: Tree, legs: Sequence[Pair], arms: Sequence[Pair]) -> str:
    if not tree.bones:
        return "has no bones"
    no_legs = "has no legs that could be found: no mirrored pair of chains with thigh, shin and foot"
    if not legs:
        return no_legs
    if not arms:
        return "has no arms beside its legs that could be found"
    if len({pair.parent for pair in (*legs, *arms)}) == 1:
        # legs have the rest of the body above them, arms have not
        pair = legs[0]
        limbs = {bone for limb in pair.limbs for bone in limb.chain}
        others = tree.heads[[b for b in range(len(tree.bones)) if b not in limbs and tree.parents[b] >= 0] or [pair.parent]].mean(axis=0)
        hang = q.unit(pair.end - pair.start)
        return "has no arms beside its legs that could be found" if float(hang @ q.unit(others - pair.start)) < AGAINST else no_legs
    return (
        "stands on all fours or has no legs that go on from its spine: no two legs that hang opposite to a spine with two arms were found"
    )


class _Roles:
    """Bones by role, how each was found and how sure it is."""

    def __init__(self, tree: Tree, side: float, doubt: float) -> None:
        self.tree, self.side, self.doubt = tree, side, doubt
        self.bones: dict[str, tuple[str, ...]] = {}
        self.sure: dict[str, float] = {}
        self.how: dict[str, str] = {}

    def by_shape(self, role: str, found: Sequence[int], shape: float) -> None:
        """`shape`: how sure the shape alone makes."""
        if not found:
            return
        names = tuple(self.tree.bones[b].name for b in found)
        # a name that says the same as the shape makes it surer; one that says nothing leaves it
        share = sum(name_supports(name, role) for name in names) / len(names)
        own = shape * (self.side if role[-2:] in (".L", ".R") else 1.0)
        self._give(role, names, (own + (1 - own) * 0.7 * share) * self.doubt, "shape")

    def by_name(self, role: str, found: Sequence[int], worth: float) -> None:
        """`worth`: how clearly the names say it."""
        if not found:
            return
        sure = CLEAR if worth >= 0.9 else EXPLAINED if worth > 0.6 else UNCLEAR
        own = sure * (self.side if role[-2:] in (".L", ".R") else 1.0)
        self._give(role, tuple(self.tree.bones[b].name for b in found), own, "name")

    def _give(self, role: str, names: tuple[str, ...], sure: float, how: str) -> None:
        self.bones[role], self.sure[role], self.how[role] = names, round(min(1.0, sure), 2), how


def _roles(tree: Tree, body: _Body, doubt: float) -> Mapping:
    up = q.unit(body.arms.start - body.legs.start)
    left, sure_side = _left(tree, body, up)
    # a pair by name is sure by itself; what else may be doubtful is the other
    roles = _Roles(tree, sure_side, doubt)
    root = tree.above(body.hips)[-1]
    root = root if root != body.hips and root not in body.spine else -1
    hips_word, root_word = (tree.readings[bone].parts.get(role, 0.0) for bone, role in ((body.hips, "hips"), (root, "root")))
    if root >= 0:
        roles.by_name("root", [root], root_word) if root_word >= 0.5 else roles.by_shape("root", [root], 0.7)
    roles.by_name("hips", [body.hips], hips_word) if hips_word >= 0.5 else roles.by_shape("hips", [body.hips], 0.9)
    _middle(roles, "spine", body.spine, 0.85)
    neck, head = _neck_and_head(tree, body, up)
    _middle(roles, "neck", neck, 0.7)
    _middle(roles, "head", head, 0.7)
    for pair, kind in ((body.arms, ARM), (body.legs, LEG)):
        for number, limb in enumerate(pair.limbs):
            first_is_left = float(pair.across @ left) > 0
            side = "L" if ((number == 0) == first_is_left if not pair.named else number == 0) else "R"
            shape = 0.6 + 0.35 * min(1.0, limb.score**0.25)
            for role, bone in zip(kind.parts, limb.bones, strict=True):
                if role in limb.named:
                    roles.by_name(f"{role}.{side}", [bone], limb.named[role])
                elif pair.named:
                    roles.by_shape(f"{role}.{side}", _hand(tree, limb), 0.7)
                else:
                    roles.by_shape(f"{role}.{side}", [bone] if bone >= 0 else [], shape)
            for role, bone in limb.extra.items():
                roles.by_name(f"{role}.{side}", [bone], limb.named[role])
            if kind is ARM and "clavicle" not in limb.extra:
                roles.by_shape(f"clavicle.{side}", _collar(tree, limb), 0.8)
            if kind is LEG and "toe" not in limb.extra:
                roles.by_shape(f"toe.{side}", _toe(tree, limb), 0.7)
    named = body.legs.named and body.arms.named
    return Mapping(roles.bones, NAMES if named else STRUCTURE, roles.sure, found=roles.how)


def _middle(roles: _Roles, role: str, found: Sequence[int], shape: float) -> None:
    """A part of the middle: said by its names where most of them do."""
    worth = [roles.tree.readings[bone].parts.get(role, 0.0) for bone in found]
    if found and sum(w >= 0.5 for w in worth) > len(found) / 2:
        roles.by_name(role, found, max(worth))
    else:
        roles.by_shape(role, found, shape)


def _hand(tree: Tree, limb: Limb) -> list[int]:
    """The bone at the end of a forearm whose hand no name says."""
    after = limb.chain[limb.chain.index(limb.bones[1]) + 1 :]
    upper = float(np.linalg.norm(limb.points[1] - limb.points[0]))
    far = [b for b in after if np.linalg.norm(tree.heads[b] - limb.points[1]) > 0.5 * upper and not tree.readings[b].apart]
    return far[:1]


def _collar(tree: Tree, limb: Limb) -> list[int]:
    before = limb.before()
    if not before:
        return []
    lengths = np.linalg.norm(np.diff(tree.heads[[*before, limb.bones[0]]], axis=0), axis=1)
    clear = [i for i, bone in enumerate(before) if not tree.readings[bone].apart]
    return [before[max(clear, key=lambda i: float(lengths[i]))]] if clear else []


def _toe(tree: Tree, limb: Limb) -> list[int]:
    foot, after = limb.bones[2], limb.after()
    away = [float(np.linalg.norm(tree.heads[b] - tree.heads[foot])) for b in after]
    if not after:
        return []
    extent = max(*away, float(np.linalg.norm(tree.tails[after[-1]] - tree.heads[foot])))
    return [b for b, far in zip(after, away, strict=True) if far > TOE * extent and not tree.readings[b].apart][:1]


def _left(tree: Tree, body: _Body, up: Array) -> tuple[Array, float]:
    """The direction of the rig's left, and how sure that is: by names that tell the sides apart, else by where feet point."""
    across = body.legs.across
    forward = np.zeros(3)
    for limb in body.legs.limbs:
        foot = limb.bones[2]
        toes = [limb.extra["toe"]] if "toe" in limb.extra else _toe(tree, limb)
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
            sides = [tree.readings[b].side for b in limb.chain]
            votes += same * (1 if number == 0 else -1) * (sides.count("L") - sides.count("R"))
    if votes:
        return across * np.sign(votes), 1.0 if votes * seen > 0 or abs(seen) < 0.2 * span else 0.8
    return across * (1.0 if seen >= 0 else -1.0), 0.95 if abs(seen) > 0.2 * span else 0.5


def _neck_and_head(tree: Tree, body: _Body, up: Array) -> tuple[list[int], list[int]]:
    """By their names; else the chain that rises from between the arms, whose last that is no mark is the head."""
    limbs = {bone for pair in (body.arms, body.legs) for limb in pair.limbs for bone in limb.chain}
    taken = limbs | {body.hips, *body.spine}
    free = [b for b, reading in enumerate(tree.readings) if reading.side is None and b not in taken]
    heads = [b for b in free if tree.readings[b].parts.get("head", 0.0) > 0.5]
    if not heads:
        return _rising(tree, body, up)
    # the clearest; of several one on the spine, and of these the first
    worth = {b: tree.readings[b].parts["head"] + (0.2 if body.spine and body.spine[-1] in tree.above(b) else 0.0) for b in heads}
    head = max(heads, key=lambda b: (round(worth[b], 3), tree.readings[b].layer, -tree.depths[b]))
    between = [b for b in tree.above(head)[1:][::-1] if b in free and not tree.readings[b].apart]
    low = tree.common([head, body.arms.parent]) if body.arms.parent >= 0 else -1
    stop = set(tree.above(low)) if low >= 0 else set()
    neck = [b for b in between if _is_neck(tree, b) or (b not in stop and not tree.readings[b].parts and b not in tree.above(body.hips))]
    if not neck:  # beside the head
        neck = [b for b in free if tree.readings[b].parts.get("neck", 0.0) > 0.5][:1]
    return neck, [head]


def _rising(tree: Tree, body: _Body, up: Array) -> tuple[list[int], list[int]]:
    middle, across = body.arms.start, body.arms.across
    length = float(np.linalg.norm(body.legs.limbs[0].points[2] - body.legs.start))
    arms = {limb.chain[0] for limb in body.arms.limbs}

    def next_up(bone: int) -> int | None:
        def height(b: int) -> float:
            return float((tree.heads[b] - middle) @ up)

        central = [c for c in tree.children[bone] if c not in arms and abs(float((tree.heads[c] - middle) @ across)) < 0.04 * length]
        central = [c for c in central if not tree.readings[c].apart]
        # something hangs from it or it is long: neither a breast nor a strap
        central = [c for c in central if height(c) + tree.reach[c] > 0.1 * length and height(c) > height(bone) - 1e-3 * length]
        return max(central, key=lambda c: (height(c), tree.reach[c]), default=None)

    chain: list[int] = []
    bone = next_up(body.arms.parent) if body.arms.parent >= 0 else None
    while bone is not None:
        chain.append(bone)
        bone = next_up(bone)
    if not chain:
        return [], []
    heights = [float((tree.heads[b] - middle) @ up) / length for b in chain]

    faces = [i for i, b in enumerate(chain) if len(tree.children[b]) >= 3]
    low = [i for i, height in enumerate(heights) if height < HEAD_HEIGHT]
    # the bone that the face hangs from; else the highest that is no mark of the skull's top
    head = min(faces[0] if faces else len(chain) - 1, low[-1] if low else 0)
    while head > 0 and heights[head] - heights[head - 1] < 0.01:
        head -= 1
    return chain[:head], [chain[head]]
