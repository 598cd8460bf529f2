"""A rig in every frame at once: how its bones are turned and where they are, and the keys that make them so."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from .. import quaternions as q
from .follow import UNKNOWN, Follow
from .rig import Rig

Array = npt.NDArray[np.float64]

IDENTITY = np.array([1.0, 0.0, 0.0, 0.0])


class _Given(dict[int, Array]):
    """Bone -> what it was given; tells when that changes."""

    def __init__(self, changed: Callable[[], None]) -> None:
        super().__init__()
        self._changed = changed

    def __setitem__(self, bone: int, value: Array) -> None:
        super().__setitem__(bone, value)
        self._changed()

    def pop(self, bone: int, *default: Any) -> Any:
        self._changed()
        return super().pop(bone, *default)


class Pose:
    """The rig in every frame, in armature space.

    `turns`: bone -> (T,4) or (4,) from rest, for bones that are turned by keys; `path`: bone -> (T,3) the place of its head, for bones
    that are moved by keys. Every other bone is where its parent, its own pose of now and its constraints (`Rig.follows`) put it.
    """

    def __init__(self, rig: Rig, frames: int) -> None:
        self.rig = rig
        self.frames = frames
        self._turned: dict[int, Array] = {}
        self._placed: dict[int, Array] = {}
        self.turns: dict[int, Array] = _Given(self._forget)
        self.path: dict[int, Array] = _Given(self._forget)

    def turn(self, bone: int) -> Array:
        """(T,4) or (4,): the bone's turn from rest."""
        mover = self._mover(bone)
        if mover < 0:
            return IDENTITY
        if mover in self.turns:
            return self.turns[mover]
        if mover not in self._turned:
            self._stand(mover)
        return self._turned[mover]

    def moved(self) -> list[int]:
        """Bones that need keys on their location."""
        return sorted({*self.path, *(bone for bone in self.rig.held if bone in self.turns)})

    def carrier(self, bone: int) -> Array:
        """(T,4) or (4,): the turn that the bone would have without one of its own."""
        return self.turn(int(self.rig.parents[bone])) if self.rig.inherits[bone] else IDENTITY

    def home(self, bone: int) -> Array:
        """(T,3) or (3,): where the parents put the bone's head, without a location of its own."""
        parent = int(self.rig.parents[bone])
        return self.rig.heads[bone] if parent < 0 else self._carried(bone, parent)

    def head(self, bone: int) -> Array:
        """(T,3) or (3,): where the bone's head is."""
        if bone in self.path:
            return self.path[bone]
        if bone not in self._placed:
            mover = self._mover(bone)
            if bone in self.rig.held and bone in self.turns:
                self._placed[bone] = self._carried(bone, self.rig.held[bone])
            elif mover == bone and bone in self.turns:
                self._placed[bone] = self._from_own(bone, self.rig.shift[bone])
            elif mover == bone:
                self._stand(bone)
            else:
                self._placed[bone] = self.rig.heads[bone] if mover < 0 else self._carried(bone, mover)
        return self._placed[bone]

    def rotation(self, bone: int) -> Array:
        """(T,4): the bone's own rotation, in its own axes."""
        return np.broadcast_to(self._own_rotation(bone, self.turn(bone)), (self.frames, 4))

    def location(self, bone: int) -> Array:
        """(T,3): the bone's own location, in the axes in which Blender measures it and the armature's units."""
        return np.broadcast_to(self._own_location(bone, self.head(bone)), (self.frames, 3))

    def _forget(self) -> None:
        self._turned.clear()
        self._placed.clear()

    def _carried(self, bone: int, carrier: int) -> Array:
        return self.head(carrier) + q.rotate(self.turn(carrier), self.rig.heads[bone] - self.rig.heads[carrier])

    def _mover(self, bone: int) -> int:
        """The bone itself or the nearest above it that does anything but follow its parent; -1 where none does."""
        rig = self.rig
        while bone >= 0 and rig.plain[bone] and bone not in self.turns and bone not in self.path:
            bone = int(rig.parents[bone])
        return bone

    def _stand(self, bone: int) -> None:
        """Works out where a bone that is not turned by keys is: its pose of now, then its constraints in their order."""
        turn = self._from_own_rotation(bone, self.rig.basis[bone])
        head = self.path[bone] if bone in self.path else self._from_own(bone, self.rig.shift[bone])
        for follow in self.rig.follows.get(bone, ()):
            if follow.kind == UNKNOWN:
                continue
            goal_turn, goal_head = self._goal(bone, follow, turn, head)
            turn = goal_turn if follow.share == 1.0 else q.between(turn, goal_turn, follow.share)
            head = head + follow.share * (goal_head - head)
        self._turned[bone], self._placed[bone] = turn, head

    def _goal(self, bone: int, follow: Follow, turn: Array, head: Array) -> tuple[Array, Array]:
        """Turn and head where the constraint alone would have the bone that is at `turn` and `head` without it."""
        rig, target = self.rig, follow.target
        if follow.kind == "ARMATURE":
            carried = q.rotate(self.turn(target), head - rig.heads[target])
            return q.multiply(self.turn(target), turn), self.head(target) + carried
        goal_turn, goal_head = turn, head
        if follow.kind != "COPY_LOCATION":
            if follow.local:
                goal_turn = self._from_own_rotation(bone, self._own_rotation(target, self.turn(target)))
            else:
                axes = q.multiply(rig.axes[target], q.conjugate(rig.axes[bone]))
                goal_turn = q.multiply(self.turn(target), axes)
        if follow.kind != "COPY_ROTATION":
            if follow.local:
                goal_head = self._from_own(bone, self._own_location(target, self.head(target)))
            else:
                reach = follow.along * (rig.tails[target] - rig.heads[target])
                goal_head = self.head(target) + q.rotate(self.turn(target), reach)
        return goal_turn, goal_head

    def _own_rotation(self, bone: int, turn: Array) -> Array:
        axes = self.rig.axes[bone]
        inner = q.multiply(q.conjugate(self.carrier(bone)), turn)
        return q.multiply(q.multiply(q.conjugate(axes), inner), axes)

    def _from_own_rotation(self, bone: int, rotation: Array) -> Array:
        axes = self.rig.axes[bone]
        return q.multiply(self.carrier(bone), q.multiply(q.multiply(axes, rotation), q.conjugate(axes)))

    def _own_location(self, bone: int, head: Array) -> Array:
        away = q.rotate(q.conjugate(self.turn(int(self.rig.parents[bone]))), head - self.home(bone))
        return away @ self._location_axes(bone)

    def _from_own(self, bone: int, location: Array) -> Array:
        home = self.home(bone)
        if not location.any():
            return home
        return home + q.rotate(self.turn(int(self.rig.parents[bone])), location @ self._location_axes(bone).T)

    def _location_axes(self, bone: int) -> Array:
        """(3,3) at rest: the bone's own axes, or its parent's where the bone's Local Location is off."""
        parent = int(self.rig.parents[bone])
        if self.rig.local[bone]:
            return self.rig.rest[bone]
        return self.rig.rest[parent] if parent >= 0 else np.eye(3)
