"""Arms and legs of a rig: mirrored pairs of chains by their shape, or the bones that their names say. No bpy here.

A limb by shape is the three joints of a chain whose lengths are most like a person's; twist bones in line, helpers beside it and fingers
lose against them by their lengths. A limb by name is a chain whose names say its parts in their order, so that an ambiguous word (a
shoulder, a leg, a foot) is what the others leave it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import combinations

import numpy as np
import numpy.typing as npt

from .. import quaternions as q
from .names import ARM_ROLES, LEG_ROLES
from .tree import Tree

Array = npt.NDArray[np.float64]

# Of the rig's longest extent: a shorter chain is no limb.
LIMB = 0.15
# Two chains are mirrored where their lengths differ by less than this share.
ALIKE = 0.2
# A chain must be this straight within each part of a limb: its chord over its length, to this power.
STRAIGHT = 4
# An arm that ends at the wrist, with no bone for the hand.
NO_HAND = 0.3
# A limb whose third part is the chain's last bone, of unknown length.
LAST = 0.7
# Parts of a limb shorter than this share of the rig's extent are none: two bones at one place.
SHORT = 5e-3
# A foot that does not hang on its shin is its foot where the shin would have such a length, of the thigh's.
LOOSE = (0.55, 1.7)
# A clearer name of a bone farther out counts less than this beside one farther in.
NEARER = 1e-3


@dataclass(frozen=True)
class Kind:
    """`parts`: the roles of the three joints; (second part / first part, third / second) of a person's limb, and how far each may be off,
    both as logarithms."""

    name: str
    roles: tuple[str, ...]  # all, from the body outwards
    parts: tuple[str, str, str]
    usual: tuple[float, float]


ARM = Kind("arm", ARM_ROLES, ("upper_arm", "forearm", "hand"), (0.9, 0.7))
LEG = Kind("leg", LEG_ROLES, ("thigh", "shin", "foot"), (0.95, 0.45))
SPREAD = (0.25, 0.5)


@dataclass(frozen=True)
class Limb:
    """`chain`: its bones from where it branches off; `bones`: its three parts, the last -1 where it ends at a tail; `points` (3,3): where
    these start; `score` 0..1: how like a person's; `named`: role -> 0..1, of those that a name found; `extra`: collar bone and toes so."""

    chain: tuple[int, ...]
    bones: tuple[int, int, int]
    points: Array
    score: float
    named: dict[str, float] = field(default_factory=dict)
    extra: dict[str, int] = field(default_factory=dict)

    def before(self) -> tuple[int, ...]:
        """Bones of the chain before its first part."""
        return self.chain[: self.chain.index(self.bones[0])]

    def after(self) -> tuple[int, ...]:
        """Bones of the chain beyond its third part."""
        return self.chain[self.chain.index(self.bones[2]) + 1 :] if self.bones[2] in self.chain else ()


@dataclass(frozen=True)
class Pair:
    """Two limbs that leave `parent` (-1: no bone carries both). Named ones: the left first."""

    parent: int
    limbs: tuple[Limb, Limb]
    score: float
    named: bool = False

    @property
    def across(self) -> Array:
        """From the second limb to the first, unit length."""
        return q.unit((self.limbs[0].points - self.limbs[1].points).sum(axis=0))

    @property
    def start(self) -> Array:
        return (self.limbs[0].points[0] + self.limbs[1].points[0]) / 2

    @property
    def end(self) -> Array:
        return (self.limbs[0].points[2] + self.limbs[1].points[2]) / 2


def pairs_by_shape(tree: Tree, kind: Kind, all_bones: bool = False) -> Iterator[Pair]:
    """Mirrored chains that leave the same bone. Bones whose names say something else (hair, a skirt, a helper, the other kind of limb) are
    left out, unless `all_bones`."""
    other = "leg" if kind is ARM else "arm"

    def allowed(chain: Sequence[int]) -> bool:
        readings = [tree.readings[bone] for bone in chain[:4]]
        return all_bones or not (readings[0].apart or any(reading.limb == other for reading in readings))

    for parent, children in enumerate(tree.children):
        far = [c for c in children if tree.reach[c] > LIMB * tree.extent and allowed(tree.chain(c))]
        for a, b in combinations(far, 2):
            chains = tree.chain(a), tree.chain(b)
            pair = _pair(tree, kind, parent, chains) if abs(tree.reach[a] - tree.reach[b]) <= ALIKE * max(tree.reach[[a, b]]) else None
            if pair is None:
                pair = _pair(tree, kind, parent, tree.mirrored_chains(a, b))
            if pair is not None:
                yield pair


def _pair(tree: Tree, kind: Kind, parent: int, chains: tuple[tuple[int, ...], tuple[int, ...]]) -> Pair | None:
    found = [_limb(tree, chain, kind) for chain in chains]
    first, second = found
    if first is None or second is None or first[1] != second[1]:
        return None
    limbs = first[0], second[0]
    parts = [np.linalg.norm(np.diff(limb.points, axis=0), axis=1) for limb in limbs]
    if np.abs(parts[0] - parts[1]).max() > ALIKE * parts[0].max() or min(parts[0].sum(), parts[1].sum()) < LIMB * tree.extent / 2:
        return None
    across = limbs[0].points - limbs[1].points
    lengths = np.linalg.norm(across, axis=1)
    if lengths.min() < 1e-3 * tree.extent or abs(np.linalg.norm(across.sum(axis=0)) - lengths.sum()) > 0.1 * lengths.sum():
        return None  # chains one behind the other, not mirrored
    return Pair(parent, limbs, float(np.sqrt(limbs[0].score * limbs[1].score)))


def _limb(tree: Tree, chain: tuple[int, ...], kind: Kind) -> tuple[Limb, tuple[int, int, int]] | None:
    """The three joints along the chain whose lengths are most like those of an arm or a leg."""
    points = np.vstack([tree.heads[list(chain)], tree.tails[chain[-1]]])
    lengths = np.concatenate([[0.0], np.cumsum(np.linalg.norm(np.diff(points, axis=0), axis=1))])
    total = lengths[-1]
    if total <= 0:
        return None
    best: tuple[float, tuple[int, int, int]] | None = None
    for i, j, k in combinations(range(len(points)), 3):
        if k == len(chain) and kind is LEG:  # a foot needs a bone
            continue
        chords = np.linalg.norm(points[j] - points[i]), np.linalg.norm(points[k] - points[j])
        if min(chords) < 0.05 * total:
            continue
        # where a limb's last bone ends is not known: files without tails get lengths that their importer makes up
        rest = np.linalg.norm(points[k + 1 :] - points[k], axis=1).max() if k < len(chain) - 1 else kind.usual[1] * chords[1]
        off = [np.log(max(value, 1e-6) / usual) for value, usual in zip((chords[1] / chords[0], rest / chords[1]), kind.usual, strict=True)]
        score = np.exp(-0.5 * sum((o / s) ** 2 for o, s in zip(off, SPREAD, strict=True)))
        score *= ((chords[0] / (lengths[j] - lengths[i])) * (chords[1] / (lengths[k] - lengths[j]))) ** STRAIGHT
        score *= (chords[0] + chords[1]) / total
        if k >= len(chain) - 1:
            score *= NO_HAND if k == len(chain) else LAST
        elif kind is ARM and len(_long(tree, chain[k])) >= 3:  # fingers
            score = np.sqrt(score)
        if best is None or score > best[0]:
            best = float(score), (i, j, k)
    if best is None:
        return None
    score, (i, j, k) = best
    bones = chain[i], chain[j], chain[k] if k < len(chain) else -1
    return Limb(chain, bones, points[[i, j, k]], score), (i, j, k)


def _long(tree: Tree, bone: int) -> list[int]:
    """Children that reach at least half as far as the longest one."""
    reach = [tree.reach[c] + np.linalg.norm(tree.heads[c] - tree.heads[bone]) for c in tree.children[bone]]
    return [c for c, r in zip(tree.children[bone], reach, strict=True) if r > 0.5 * max(reach)]


def pair_by_name(tree: Tree, kind: Kind) -> Pair | None:
    """The two limbs whose names say what they are; None where the names of a side do not."""
    chains = [_named_chain(tree, kind, side) for side in "LR"]
    if not all(chains):
        return None
    firsts = [next(chain[role] for role in kind.roles if role in chain) for chain in chains]
    parent = tree.common(firsts)
    limbs = []
    for chain, first in zip(chains, firsts, strict=True):
        limbs.append(_named_limb(tree, kind, chain, first, parent))
    return Pair(parent, (limbs[0], limbs[1]), float(np.mean([limb.score for limb in limbs])), named=True)


def _named_limb(tree: Tree, kind: Kind, chain: dict[str, int], first: int, parent: int) -> Limb:
    path = tree.above(first)
    start = path[path.index(parent) - 1] if parent in path and parent != first else first
    parts = [chain.get(role, -1) for role in kind.parts]
    last = parts[2] if parts[2] >= 0 and parts[1] in tree.above(parts[2]) else parts[1]
    down = tree.above(last)
    way = down[: down.index(start) + 1][::-1]
    end = tree.heads[parts[2]] if parts[2] >= 0 else tree.tails[parts[1]]
    named = {role: tree.readings[bone].parts[role] for role, bone in chain.items()}
    points = np.stack([tree.heads[parts[0]], tree.heads[parts[1]], end])
    extra = {role: bone for role, bone in chain.items() if role not in kind.parts}
    score = float(np.mean([named[role] for role in kind.parts if role in named]))
    return Limb((*way, *tree.chain(last)[1:]), (parts[0], parts[1], parts[2]), points, score, named, extra)


def _named_chain(tree: Tree, kind: Kind, side: str) -> dict[str, int]:
    """Role -> bone of one side: of all chains whose names say parts of the limb in their order the clearest; {} where none says enough."""
    needed = kind.parts[:2] if kind is ARM else kind.parts
    # bone -> role number -> (worth, the chain up to here)
    best: dict[int, dict[int, tuple[float, dict[str, int]]]] = {}
    candidates: list[tuple[float, dict[str, int]]] = []
    for bone in tree.outwards:
        reading = tree.readings[bone]
        if reading.side != side or not reading.parts:
            continue
        path = [above for above in tree.above(bone)[1:] if above in best]
        for number, role in enumerate(kind.roles):
            if role not in reading.parts:
                continue
            worth = reading.parts[role] + 0.02 * reading.layer - NEARER * tree.depths[bone]
            # a limb starts at its collar bone or its first part, and leaves none out
            start = role in (kind.roles[0], kind.parts[0])
            previous = kind.roles[number - 1] if number else ""
            options: list[tuple[float, dict[str, int]]] = [(0.0, {})] if start else []
            for above in path:
                for before, (so_far, chain) in best[above].items():
                    last = chain[kind.roles[before]]
                    apart = float(np.linalg.norm(tree.heads[bone] - tree.heads[last]))
                    if kind.roles[before] == previous and (apart > SHORT * tree.extent or previous == "clavicle"):
                        options.append((so_far, chain))
            if not options:
                continue
            so_far, chain = max(options, key=lambda option: option[0])
            entry = so_far + worth, {**chain, role: bone}
            best.setdefault(bone, {})[number] = entry
            candidates.append(entry)
    candidates += _loose_ends(tree, kind, candidates, side)
    whole = [entry for entry in candidates if all(role in entry[1] for role in needed)]
    return max(whole, key=lambda entry: entry[0])[1] if whole else {}


def _loose_ends(tree: Tree, kind: Kind, chains: Sequence[tuple[float, dict[str, int]]], side: str) -> list[tuple[float, dict[str, int]]]:
    """Limbs without a foot or hand, with one that hangs elsewhere (on the root, as in game rigs with IK) but stands at the limb's end."""
    first, second, end = kind.parts
    found = []
    for worth, chain in chains:
        if second not in chain or end in chain:
            continue
        last = chain[second]
        usual = float(np.linalg.norm(tree.heads[last] - tree.heads[chain[first]]))
        for bone, reading in enumerate(tree.readings):
            if reading.side != side or reading.parts.get(end, 0.0) <= 0.5 or last in tree.above(bone):
                continue
            # where a leaf's tail is says nothing, so that the two parts' lengths must do
            share = float(np.linalg.norm(tree.heads[bone] - tree.heads[last])) / usual
            if LOOSE[0] < share < LOOSE[1]:
                tips = [b for b in tree.below(bone)[1:] if tree.readings[b].parts.get("toe", 0.0) > 0.5 and tree.readings[b].side == side]
                score = worth + reading.parts[end] - 0.1 * abs(np.log(share)) - NEARER * tree.depths[bone]
                found.append((score, chain | {end: bone} | ({"toe": tips[0]} if tips and kind is LEG else {})))
    return found
