"""Fewer keys on an action, within a stated error. What is arithmetic in it is `key_reduction`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import bpy
import numpy as np

from . import keyframes
from .key_reduction import Array, Error, Mask, Tolerance, closed_after, distance, reduce_keys, rotation_error, slopes
from .scene import units_per_metre

# Blender keeps times and values in 32 bits; the reduction stays this much inside the tolerance, so that rounding cannot leave it
MARGIN = 0.99


@dataclass
class _Channels:
    """The curves of one property, sampled on common frames."""

    curves: Sequence[bpy.types.FCurve]
    frames: Array
    values: Array  # (T,C)
    held: Mask
    kinds: np.ndarray


def simplify(armature: bpy.types.Object, tolerance: Tolerance) -> tuple[int, int]:
    """Reduces the keys of the action that the armature plays; returns how many there were and are.

    Of every bone (and of the object) the rotation, as quaternions or Euler angles, is reduced as one, and so is the location; each
    stays within the tolerance of where it was on every key's frame and on every whole frame between the first and the last. Both
    are relative to the bone's parent. Other curves, and curves with modifiers, stay as they are. What is left are Bézier curves.
    """
    tolerance.check()
    scene = next(iter(armature.users_scene), bpy.context.scene)
    # a bone's location -> millimetres
    scale = 1000.0 * float(np.mean(armature.matrix_world.to_scale())) / units_per_metre(scene)
    groups: dict[str, list[bpy.types.FCurve]] = defaultdict(list)
    before = after = 0
    for curve in keyframes.curves_of(armature):
        before += len(curve.keyframe_points)
        if not len(curve.modifiers) and not curve.mute and len(curve.keyframe_points):
            groups[curve.data_path].append(curve)
    by_kind: dict[str, list[_Channels]] = defaultdict(list)
    for path, curves in groups.items():
        curves.sort(key=lambda curve: curve.array_index)
        kind = _kind(armature, path, len(curves))
        if kind:
            by_kind[kind].append(_sample(curves))
    for kind, channels in by_kind.items():
        if kind == "location":
            for width in {each.values.shape[1] for each in channels}:
                _reduce([each for each in channels if each.values.shape[1] == width], distance, tolerance.millimetres / scale)
        elif kind == "quaternion":
            _reduce(channels, rotation_error, tolerance.degrees)
        else:
            _reduce(channels, _euler_error(kind), tolerance.degrees)
    after = sum(len(curve.keyframe_points) for curve in keyframes.curves_of(armature))
    return before, after


def _kind(armature: bpy.types.Object, path: str, channels: int) -> str:
    """ "location", "quaternion", an order of Euler angles such as "XYZ", or "" for what is left alone."""
    owner_path, _, name = path.rpartition(".")
    if name == "location":
        return "location"
    if name == "rotation_quaternion" and channels == 4:
        return "quaternion"
    if name == "rotation_euler" and channels == 3:
        try:
            owner = armature.path_resolve(owner_path) if owner_path else armature
        except ValueError:  # a bone that is not there any more
            return ""
        order = str(owner.rotation_mode)
        return order if len(order) == 3 else ""
    return ""


def _sample(curves: Sequence[bpy.types.FCurve]) -> _Channels:
    keys = [keyframes.read_keys(curve) for curve in curves]
    first = keys[0]
    common = all(len(each.frames) == len(first.frames) and np.array_equal(each.frames, first.frames) for each in keys)
    simple = common and all(bool((each.linear | each.held).all()) and np.array_equal(each.held, first.held) for each in keys)
    frames = np.unique(np.concatenate([each.frames for each in keys]))
    whole = np.arange(np.ceil(frames[0]), np.floor(frames[-1]) + 1)
    if simple and not first.held.all():
        # frames inside a stretch that is held need no look
        whole = whole[~first.held[np.searchsorted(first.frames, whole, side="right") - 1]]
    sampled = np.union1d(frames, whole)
    if not simple:
        values = np.array([[curve.evaluate(frame) for curve in curves] for frame in sampled.tolist()])
        return _Channels(curves, sampled, values, np.zeros(len(sampled), bool), np.full(len(sampled), first.kinds[0]))
    values = np.stack([np.interp(sampled, each.frames, each.values) for each in keys], axis=1)
    held, kinds = np.zeros(len(sampled), bool), np.full(len(sampled), first.kinds[0])
    at = np.searchsorted(sampled, frames)
    held[at], kinds[at] = first.held, first.kinds
    held[-1] = False
    return _Channels(curves, sampled, values, held, kinds)


def _reduce(channels: Sequence[_Channels], error: Error, tolerance: float) -> None:
    """All of a kind at once, one curve after another."""
    frames, values = np.concatenate([each.frames for each in channels]), np.concatenate([each.values for each in channels])
    held = np.concatenate([each.held for each in channels])
    sizes = np.array([len(each.frames) for each in channels])
    ends = np.cumsum(sizes)
    forced = np.zeros(len(frames), bool)
    forced[ends - 1] = forced[ends - sizes] = True
    forced[:-1] |= held[:-1]
    forced[1:] |= held[:-1]
    closed = closed_after(frames, held)
    closed[ends - 1] = True
    tangents = slopes(frames, values, closed)
    keep = reduce_keys(frames, values, forced, held, error, MARGIN * tolerance, tangents, closed)
    for each, end, size in zip(channels, ends, sizes, strict=True):
        own = slice(end - size, end)
        kept = keep[own]
        for channel, curve in enumerate(each.curves):
            keys = keyframes.Keys(each.frames[kept], each.values[kept, channel], each.held[kept], ~each.held[kept], each.kinds[kept])
            keyframes.replace_keys(curve, keys, tangents[own][kept, channel], closed[own][kept])


def _euler_error(order: str) -> Error:
    return lambda one, other: rotation_error(euler_to_quaternion(one, order), euler_to_quaternion(other, order))


def euler_to_quaternion(angles: Array, order: str) -> Array:
    """(N,3) radians about X, Y and Z -> (N,4) wxyz; `order` as Blender words it: the first letter's turn comes first."""
    total = np.zeros((len(angles), 4))
    total[:, 0] = 1
    for letter in order:
        axis = "XYZ".index(letter)
        w, x = np.cos(angles[:, axis] / 2)[:, None], np.sin(angles[:, axis] / 2)[:, None]
        unit = np.eye(3)[axis]
        vector = total[:, 1:]
        total = np.concatenate(
            [w * total[:, :1] - x * vector[:, axis : axis + 1], w * vector + x * total[:, :1] * unit + x * np.cross(unit, vector)], axis=1
        )
    return total
