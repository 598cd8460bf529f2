"""A rig's bones at rest as a tree: what hangs on what, how far it reaches. No bpy here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from .names import Reading, read_names

Array = npt.NDArray[np.float64]

# Of the rig's longest extent: bones whose counterpart on the other side is farther than this from its mirror image have none.
MIRROR_NEAR = 0.04


@dataclass(frozen=True)
class RestBone:
    """A bone in the rest pose: `head` and `tail` (3,) in the world, any unit; `parent` is a name, None for a root."""

    name: str
    parent: str | None
    head: Array
    tail: Array


class Tree:
    """Bones by number. `reach`: the longest way outwards from a bone's head, and `next` the child on it (-1: none)."""

    def __init__(self, bones: Sequence[RestBone]) -> None:
        index = {bone.name: i for i, bone in enumerate(bones)}
        self.bones = bones
        self.parents = [index[bone.parent] if bone.parent is not None else -1 for bone in bones]
        self.children: list[list[int]] = [[] for _ in bones]
        for i, parent in enumerate(self.parents):
            if parent >= 0:
                self.children[parent].append(i)
        self.readings: list[Reading] = read_names([bone.name for bone in bones], [bool(children) for children in self.children])
        self.heads = np.array([bone.head for bone in bones], dtype=float).reshape(-1, 3)
        self.tails = np.array([bone.tail for bone in bones], dtype=float).reshape(-1, 3)
        self.extent = float(np.linalg.norm(np.ptp(self.heads, axis=0))) if bones else 0.0
        self.depths = [len(self.above(bone)) for bone in range(len(bones))]
        self.outwards = sorted(range(len(bones)), key=lambda bone: self.depths[bone])
        self.reach = np.zeros(len(bones))
        self.next = [-1] * len(bones)
        for i in reversed(self.outwards):
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

    def common(self, bones: Sequence[int]) -> int:
        """The nearest bone that is above all of them or one of them itself; -1 where there is none."""
        shared = [set(self.above(bone)) for bone in bones]
        return next((bone for bone in self.above(bones[0]) if all(bone in path for path in shared)), -1)

    def below(self, bone: int) -> list[int]:
        """The bone and all that hang on it."""
        found = [bone]
        for each in found:
            found += self.children[each]
        return found

    def mirrored_chains(self, first: int, second: int) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """The longest chains from two bones outwards that are mirror images: what one side alone holds, a sword or a lamp, is left out."""
        normal = self.heads[first] - self.heads[second]
        length = float(np.linalg.norm(normal))
        if length < 1e-9:
            return (first,), (second,)
        normal = normal / length
        middle = (self.heads[first] + self.heads[second]) / 2

        def longest(a: int, b: int) -> tuple[float, tuple[int, ...], tuple[int, ...]]:
            best: tuple[float, tuple[int, ...], tuple[int, ...]] = (0.0, (), ())
            for one in self.children[a]:
                image = self.heads[one] - 2 * float((self.heads[one] - middle) @ normal) * normal
                others = [(float(np.linalg.norm(self.heads[other] - image)), other) for other in self.children[b]]
                away, other = min(others, default=(np.inf, -1))
                if away > MIRROR_NEAR * self.extent:
                    continue
                reach, left, right = longest(one, other)
                reach += float(np.linalg.norm(self.heads[one] - self.heads[a]))
                if reach > best[0]:
                    best = reach, (one, *left), (other, *right)
            return best

        _, left, right = longest(first, second)
        return (first, *left), (second, *right)
