"""Keys in bulk, and the only place that knows how actions are laid out in each Blender.

Blender 5.0 and later keep curves in an action's channel bag, 4.4 and 4.5 too but with other helpers, 4.3 and before in
the action itself. On 4.4 and 4.5 the old `action.fcurves.new` still runs and makes curves that move nothing, so the branch
is taken on `slots`, which only the new layout has.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import bpy
import numpy as np
import numpy.typing as npt

_SAME_FRAME: Final = 1e-3  # frames: keys nearer to each other are one


class Curves:
    """Where the animation curves of one owner are made. Get one from `new_action`."""

    def __init__(self, fcurves: Any, groups: Any) -> None:
        self._fcurves = fcurves
        self._groups = groups
        properties = bpy.types.Keyframe.bl_rna.properties
        self._linear = properties["interpolation"].enum_items["LINEAR"].value
        self._constant = properties["interpolation"].enum_items["CONSTANT"].value
        self._generated = properties["type"].enum_items["GENERATED"].value

    def write(
        self,
        data_path: str,
        group: str,
        frames: npt.NDArray[np.float64],
        values: npt.NDArray[np.float64],
        held: npt.NDArray[np.bool_],
    ) -> int:
        """One curve per column, a key on every frame; returns the number of keys.

        Args:
            data_path: the property, seen from the owner of the action; an array of C numbers.
            group: name of the channel group, made where it does not exist yet.
            frames: (T,) rising scene frames.
            values: (T,C) in the property's own unit.
            held: (T,) True where the value stays until the next key instead of moving towards it.

        Keys are of the type Generated, so that the user's own stand out among them.
        """
        for _ in self.writing(data_path, group, frames, values, held):
            pass
        return values.size

    def writing(
        self,
        data_path: str,
        group: str,
        frames: npt.NDArray[np.float64],
        values: npt.NDArray[np.float64],
        held: npt.NDArray[np.bool_],
    ) -> Iterator[None]:
        """The steps of `write`, a curve each."""
        count, channels = values.shape
        channel_group = self._groups.get(group) or self._groups.new(group)
        interpolation = np.where(held, self._constant, self._linear).astype(np.int32)
        kinds = np.full(count, self._generated, dtype=np.int32)
        coordinates = np.empty((count, 2), dtype=np.float32)
        coordinates[:, 0] = frames
        for channel in range(channels):
            curve = self._fcurves.new(data_path, index=channel)
            curve.group = channel_group
            coordinates[:, 1] = values[:, channel]
            points = curve.keyframe_points
            points.add(count)
            points.foreach_set("co", coordinates.ravel())
            points.foreach_set("interpolation", interpolation)
            points.foreach_set("type", kinds)
            curve.update()
            yield


def new_action(owner: bpy.types.Object | bpy.types.Camera, name: str) -> Curves:
    """Gives the owner a new action and returns where its curves are made."""
    animation = owner.animation_data or owner.animation_data_create()
    action = bpy.data.actions.new(name)
    if not hasattr(action, "slots"):  # 4.3 and before
        animation.action = action
        return Curves(action.fcurves, action.groups)
    slot = action.slots.new("OBJECT" if isinstance(owner, bpy.types.Object) else "CAMERA", owner.name)
    if bpy.app.version >= (5, 0, 0):
        from bpy_extras.anim_utils import action_ensure_channelbag_for_slot

        bag = action_ensure_channelbag_for_slot(action, slot)
    else:
        strip = action.layers.new("Layer").strips.new(type="KEYFRAME")
        bag = strip.channelbag(slot, ensure=True)
    animation.action = action
    animation.action_slot = slot
    return Curves(bag.fcurves, bag.groups)


def curves_of(owner: bpy.types.Object) -> Any:
    """The curves of the action that the owner plays, or an empty list."""
    animation = owner.animation_data
    if animation is None or animation.action is None:
        return []
    action = animation.action
    if not hasattr(action, "slots"):
        return action.fcurves
    for layer in action.layers:
        for strip in layer.strips:
            bag = strip.channelbag(animation.action_slot)
            if bag is not None:
                return bag.fcurves
    return []


def actions_for(armature: bpy.types.Object) -> list[bpy.types.Action]:
    """The actions of the file that move bones, all of them bones of this armature; by name."""
    names = {bone.name for bone in armature.data.bones}
    found = []
    for action in bpy.data.actions:
        paths = (curve.data_path for curve in _all_curves(action))
        bones = {bpy.utils.unescape_identifier(match[1]) for match in map(_BONE.match, paths) if match}
        if bones and bones <= names:
            found.append(action)
    return sorted(found, key=lambda action: action.name)


# the bone in a curve's data path; names keep their quotes and backslashes behind a backslash
_BONE = re.compile(r'pose\.bones\["((?:[^"\\]|\\.)*)"\]')


def _all_curves(action: bpy.types.Action) -> list[Any]:
    if not hasattr(action, "slots"):
        return list(action.fcurves)
    return [curve for layer in action.layers for strip in layer.strips for bag in strip.channelbags for curve in bag.fcurves]


@dataclass(frozen=True)
class Keys:
    """The keys of one curve. frames, values: (T,); held: (T,) constant until the next; linear: (T,) straight to the next; kinds: (T,)."""

    frames: npt.NDArray[np.float64]
    values: npt.NDArray[np.float64]
    held: npt.NDArray[np.bool_]
    linear: npt.NDArray[np.bool_]
    kinds: npt.NDArray[np.int32]


def read_keys(curve: bpy.types.FCurve) -> Keys:
    points = curve.keyframe_points
    coordinates = np.empty(2 * len(points), dtype=np.float32)
    interpolation, kinds = np.empty(len(points), dtype=np.int32), np.empty(len(points), dtype=np.int32)
    points.foreach_get("co", coordinates)
    points.foreach_get("interpolation", interpolation)
    points.foreach_get("type", kinds)
    ways = bpy.types.Keyframe.bl_rna.properties["interpolation"].enum_items
    frames, values = coordinates.reshape(-1, 2).astype(np.float64).T
    return Keys(frames, values, interpolation == ways["CONSTANT"].value, interpolation == ways["LINEAR"].value, kinds)


def replace_keys(
    curve: bpy.types.FCurve, keys: Keys, slopes: npt.NDArray[np.float64] | None = None, closed: npt.NDArray[np.bool_] | None = None
) -> None:
    """Gives the curve these keys alone: straight lines, or Bézier curves with these `slopes` (T,) in values a frame.

    `closed`: (T,) the slope says nothing about the stretch after the key. A Bézier curve whose handles lie at a third of each
    stretch is the cubic through both keys with both slopes.
    """
    properties = bpy.types.Keyframe.bl_rna.properties
    count = len(keys.frames)
    way = properties["interpolation"].enum_items["LINEAR" if slopes is None else "BEZIER"].value
    constant = properties["interpolation"].enum_items["CONSTANT"].value
    points = curve.keyframe_points
    points.clear()
    points.add(count)
    points.foreach_set("co", np.stack([keys.frames, keys.values], axis=1).astype(np.float32).ravel())
    points.foreach_set("interpolation", np.where(keys.held, constant, way).astype(np.int32))
    points.foreach_set("type", keys.kinds)
    if slopes is not None:
        thirds = np.diff(keys.frames) / 3
        flat = np.zeros(count, bool) if closed is None else closed
        for side, before in (("left", True), ("right", False)):
            reach = np.concatenate([thirds[:1], thirds]) if before else np.concatenate([thirds, thirds[-1:]])
            slope = np.where(np.concatenate([[False], flat[:-1]]) if before else flat, 0.0, slopes)
            sign = -1.0 if before else 1.0
            handle = np.stack([keys.frames + sign * reach, keys.values + sign * reach * slope], axis=1)
            free = properties[f"handle_{side}_type"].enum_items["FREE"].value
            points.foreach_set(f"handle_{side}_type", np.full(count, free, dtype=np.int32))
            points.foreach_set(f"handle_{side}", handle.astype(np.float32).ravel())
    curve.update()


def change_rotation(curves: Sequence[bpy.types.FCurve], frames: npt.NDArray[np.float64], rotations: npt.NDArray[np.float64]) -> None:
    """Gives the four curves of one rotation these keys in these frames, straight to the next; what is keyed elsewhere stays.

    frames (F,) rising; rotations (F,4) wxyz, each of the sign that is nearer to the one before. All are of the sign of what the curves have
    in the first frame; where that is another one at the last, the keys behind it get the other sign, which is the same rotation.
    """
    there = np.array([curve.evaluate(float(frames[0])) for curve in curves])
    last = np.array([curve.evaluate(float(frames[-1])) for curve in curves])
    rotations = rotations if there @ rotations[0] >= 0 else -rotations
    turned_over = bool(last @ rotations[-1] < 0)
    for channel, curve in enumerate(curves):
        if turned_over:
            _turn_over(curve, float(frames[-1]))
        _change_values(curve, frames, rotations[:, channel])


def _turn_over(curve: bpy.types.FCurve, last: float) -> None:
    """The keys behind a frame with the other sign."""
    points = curve.keyframe_points
    for field in ("co", "handle_left", "handle_right"):
        places = np.empty(2 * len(points), dtype=np.float32)
        points.foreach_get(field, places)
        pairs = places.reshape(-1, 2)
        if field == "co":
            behind = pairs[:, 0] > last + _SAME_FRAME
        pairs[behind, 1] *= -1.0
        points.foreach_set(field, places)


def _change_values(curve: bpy.types.FCurve, frames: npt.NDArray[np.float64], values: npt.NDArray[np.float64]) -> None:
    """Keys of one curve: see `change_rotation`. Those that are there keep their type; new ones are of the type Generated."""
    points = curve.keyframe_points
    there = _nearest(read_keys(curve).frames, frames)
    for frame, value, known in zip(frames.tolist(), values.tolist(), there >= 0, strict=True):
        if not known:
            points.insert(frame, value, options={"FAST"}, keyframe_type="GENERATED")
    keys = read_keys(curve)
    at = _nearest(keys.frames, frames)
    places = np.stack([keys.frames, keys.values], 1).astype(np.float32)
    linear = bpy.types.Keyframe.bl_rna.properties["interpolation"].enum_items["LINEAR"].value
    interpolation = np.empty(len(points), dtype=np.int32)
    points.foreach_get("interpolation", interpolation)
    interpolation[at[:-1]] = linear
    # what lies between two of them is theirs alone
    within = (keys.frames > frames[0]) & (keys.frames < frames[-1])
    places[within, 1] = np.interp(keys.frames[within], frames, values)
    places[at, 1] = values
    points.foreach_set("co", places.ravel())
    points.foreach_set("interpolation", interpolation)
    curve.update()


def _nearest(keyed: npt.NDArray[np.float64], frames: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    """(F,) which of the rising keys (K,) lies on each frame; -1 where none does."""
    if not len(keyed):
        return np.full(len(frames), -1)
    after = np.clip(np.searchsorted(keyed, frames), 1, max(len(keyed) - 1, 1))
    before = after - 1
    after = np.minimum(after, len(keyed) - 1)
    at = np.where(frames - keyed[before] < keyed[after] - frames, before, after)
    return np.where(np.abs(keyed[at] - frames) < _SAME_FRAME, at, -1)


def play(owner: bpy.types.Object, action: bpy.types.Action | None) -> None:
    """Lets the owner play an action, by the slot that moves objects where the action has slots; None: nothing any more."""
    animation = owner.animation_data or owner.animation_data_create()
    animation.action = action
    if action is not None and hasattr(action, "slots") and animation.action_slot is None:
        suitable = [slot for slot in action.slots if slot.target_id_type in ("OBJECT", "UNSPECIFIED")]
        if suitable:
            animation.action_slot = suitable[0]


@contextlib.contextmanager
def playing(owner: bpy.types.Object, action: bpy.types.Action | None) -> Iterator[None]:
    """For as long as the block runs the owner plays this action; then what it played before."""
    animation = owner.animation_data or owner.animation_data_create()
    before, slot = animation.action, getattr(animation, "action_slot", None)
    play(owner, action)
    try:
        yield
    finally:
        animation.action = before
        if before is not None and slot is not None:
            animation.action_slot = slot


@contextlib.contextmanager
def named(action: bpy.types.Action, name: str) -> Iterator[None]:
    """For as long as the block runs the action has this very name, without a number: another one that has it steps aside."""
    before = action.name
    holder = next((other for other in bpy.data.actions if other.name == name and other.library is None and other != action), None)
    if holder is not None:
        holder.name = f"{name} (yours)"
    action.name = name
    try:
        yield
    finally:
        action.name = before
        if holder is not None:
            holder.name = name


def add_clip(owner: bpy.types.Object, action: bpy.types.Action, name: str) -> None:
    """Puts the action on a track of its own, over its own frames; the exporters make one animation of each track."""
    animation = owner.animation_data or owner.animation_data_create()
    track = animation.nla_tracks.new()
    track.name = name
    strip = track.strips.new(name, round(action.frame_range[0]), action)
    strip.name = name
    if hasattr(strip, "action_slot") and strip.action_slot is None:
        strip.action_slot = action.slots[0]
    strip.extrapolation = "NOTHING"  # else the longest strip's end would colour the frames of the others


def frame_range(owner: bpy.types.Object) -> tuple[float, float]:
    """First and last keyed frame of the action that the owner plays; (0, 0) without keys."""
    curves = [curve for curve in curves_of(owner) if len(curve.keyframe_points)]
    if not curves:
        return 0.0, 0.0
    first = min(curve.keyframe_points[0].co[0] for curve in curves)
    last = max(curve.keyframe_points[-1].co[0] for curve in curves)
    return float(first), float(last)
