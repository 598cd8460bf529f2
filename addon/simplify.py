"""Fewer keys on an action, within a stated error. What is arithmetic in it is `key_reduction`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass

import bpy
import numpy as np

from . import keyframes
from .key_reduction import Array, Error, Mask, Tolerance, closed_after, distance, reducing, rotation_error, slopes
from .scene import units_per_metre
from .steps import drained

# Blender keeps times and values in 32 bits; the reduction stays this much inside the tolerance, so that rounding cannot leave it
MARGIN = 0.99
BATCH = 20_000  # samples that are looked at in one step
EVALUATED = 1000  # frames of curves that have to be evaluated in one step
READING, WRITING = 0.3, 0.8  # shares of the whole: until the curves are read, and until they are changed


@dataclass
class _Channels:
    """The curves of one property, sampled on common frames."""

    curves: Sequence[bpy.types.FCurve]
    frames: Array
    values: Array  # (T,C)
    held: Mask
    kinds: np.ndarray


@dataclass
class _Reduced:
    """Which keys stay, (T,); the slopes at them, (T,C); and after which of them nothing runs on, (T,)."""

    of: _Channels
    kept: Mask
    slopes: Array
    closed: Mask


def simplify(armature: bpy.types.Object, tolerance: Tolerance) -> tuple[int, int]:
    """Reduces the keys of the action that the armature plays; returns how many there were and are. The whole of `simplifying`."""
    return drained(simplifying(armature, tolerance))


def simplifying(
    armature: bpy.types.Object, tolerance: Tolerance, tell: Callable[[float], None] = lambda share: None
) -> Generator[None, None, tuple[int, int]]:
    """The steps of `simplify`, each short; `tell` hears the share that is done.

    Of every bone (and of the object) the rotation, as quaternions or Euler angles, is reduced as one, and so is the location; each
    stays within the tolerance of where it was on every key's frame and on every whole frame between the first and the last. Both
    are relative to the bone's parent. Other curves, and curves with modifiers, stay as they are. What is left are Bézier curves.
    No curve is changed before all are known: whoever gives it up before the share is `WRITING` has changed nothing.
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
    for number, (path, curves) in enumerate(groups.items()):
        tell(READING * number / len(groups))
        curves.sort(key=lambda curve: curve.array_index)
        kind = _kind(armature, path, len(curves))
        if kind:
            by_kind[kind].append((yield from _sampling(curves)))
    batches = [(kind, batch) for kind, channels in by_kind.items() for batch in _batches(channels)]
    found: list[_Reduced] = []
    for number, (kind, batch) in enumerate(batches):
        tell(READING + (WRITING - READING) * number / len(batches))
        if kind == "location":
            steps = _reducing(batch, distance, tolerance.millimetres / scale)
        elif kind == "quaternion":
            steps = _reducing(batch, rotation_error, tolerance.degrees)
        else:
            steps = _reducing(batch, _euler_error(kind), tolerance.degrees)
        found += yield from steps
    for number, less in enumerate(found):
        each, kept = less.of, less.kept
        for channel, curve in enumerate(each.curves):
            tell(WRITING + (1 - WRITING) * number / len(found))
            yield
            keys = keyframes.Keys(each.frames[kept], each.values[kept, channel], each.held[kept], ~each.held[kept], each.kinds[kept])
            keyframes.replace_keys(curve, keys, less.slopes[kept, channel], less.closed[kept])
    after = sum(len(curve.keyframe_points) for curve in keyframes.curves_of(armature))
    return before, after


def _batches(channels: Sequence[_Channels]) -> Iterator[list[_Channels]]:
    """Channels of one width, so many together that a look at all their samples is short; many short curves are quicker together."""
    batch: list[_Channels] = []
    for each in sorted(channels, key=lambda each: each.values.shape[1]):
        if batch and (batch[0].values.shape[1] != each.values.shape[1] or sum(len(one.frames) for one in [*batch, each]) > BATCH):
            yield batch
            batch = []
        batch.append(each)
    if batch:
        yield batch


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


def _sampling(curves: Sequence[bpy.types.FCurve]) -> Generator[None, None, _Channels]:
    keys = []
    for curve in curves:
        keys.append(keyframes.read_keys(curve))
        yield
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
        rows: list[list[float]] = []
        for frame in sampled.tolist():
            rows.append([curve.evaluate(frame) for curve in curves])
            if len(rows) % EVALUATED == 0:
                yield
        values = np.array(rows)
        return _Channels(curves, sampled, values, np.zeros(len(sampled), bool), np.full(len(sampled), first.kinds[0]))
    values = np.stack([np.interp(sampled, each.frames, each.values) for each in keys], axis=1)
    held, kinds = np.zeros(len(sampled), bool), np.full(len(sampled), first.kinds[0])
    at = np.searchsorted(sampled, frames)
    held[at], kinds[at] = first.held, first.kinds
    held[-1] = False
    return _Channels(curves, sampled, values, held, kinds)


def _reducing(channels: Sequence[_Channels], error: Error, tolerance: float) -> Generator[None, None, list[_Reduced]]:
    """All of a batch at once, one curve after another."""
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
    yield
    keep = yield from reducing(frames, values, forced, held, error, MARGIN * tolerance, tangents, closed)
    own = [slice(end - size, end) for end, size in zip(ends, sizes, strict=True)]
    return [_Reduced(each, keep[part], tangents[part], closed[part]) for each, part in zip(channels, own, strict=True)]


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
