"""Which foot stands, with hysteresis: by the height and speed of the lifted foot, or because its points lie still in the picture.

The detector's points are far better than the depth of a lifted pose: a foot that stays where it is in the picture stands, on the
ground or on a step, even where the pose says that it glides.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from engine.kinematics.smoothing import penalty, smooth_runs, velocity

Array = npt.NDArray[np.float64]
Floats = npt.NDArray[np.floating]
Flags = npt.NDArray[np.bool_]

# A contact begins below the first and ends above the second: height of the sole (m) and speed of the slower end of the foot (m/s), the
# lifted one; and of the speed that pose and picture have together, see `believed_speed`. The latter two were chosen on rendered
# pairs that no network learnt from (benchmarks/world.py): 96 % of still toes are in contact, 92 % by the lifted speed alone.
LOW, HIGH = 0.06, 0.10
SLOW, FAST = 0.40, 0.70
BELIEVED_SLOW, BELIEVED_FAST = 0.35, 0.60
# A foot whose slower end is slower than this (m/s) stands wherever the ground may be.
STANDS = 0.30
# Shorter contacts are noise, shorter gaps are jitter (seconds).
SHORTEST_CONTACT = 0.10
SHORTEST_GAP = 0.07
# A foot also stands while its points move slower than this across the line of sight (m/s at the person's distance), for at
# least so long (seconds), and ends as soon as they are faster than the second; how fast the lifted foot is then says nothing.
# Of still toes in the clips climb and walk, on which the two were chosen, 67 to 100 % are under the first; of the feet under it 95 to
# 100 % are still. Of the rendered pairs' feet that lie still in the picture for so long while the lifted one moves at more than 1.2 m/s,
# 60 % are still and 80 % slower than 0.3 m/s.
SEEN_SLOW, SEEN_FAST, SEEN_SECONDS = 0.15, 0.30, 0.2
# ... and the detector is as sure of an end of the foot as this.
SEEN_CONFIDENCE = 0.5
# A point that is seen to move faster than this (m/s) while the lifted foot is slow jumps because the detector does, as where legs cross.
SEEN_JUMP = 0.5
# Where it is not seen, this much of the lifted speed stands for the mean of both.
UNSEEN_SHARE = 0.67
# Speeds are taken from feet smoothed at this frequency, so that the detector's tremble does not count as motion.
SPEED_HZ = 5.0


def find_contacts(
    ankles: Array, toes: Array, ankle_height: float, toe_height: float, runs: list[slice], fps: float, seen: Floats | None = None
) -> Flags:
    """(T,2) contacts of the left and right foot.

    ankles, toes (T,2,3) world metres, Z up, ground at z=0; the heights (m) are those of the joints above the sole of a planted foot;
    seen (T,2,2) m/s, as from `seen_speed`.
    """
    return contacts_of(signs(ankles, toes, ankle_height, toe_height, runs, fps, seen), runs, fps)


def signs(
    ankles: Array, toes: Array, ankle_height: float, toe_height: float, runs: list[slice], fps: float, seen: Floats | None = None
) -> Flags:
    """(T,4,2) what each foot does, from the same as in `find_contacts`: it is low and slow enough for a contact to begin, and to last; and
    lies still in the picture, and calmly enough to go on doing so."""
    height = np.minimum(ankles[..., 2] - ankle_height, toes[..., 2] - toe_height)
    lifted = np.stack([speed(ankles, runs, fps), speed(toes, runs, fps)], 1)
    slower = (lifted if seen is None else believed_speed(lifted, seen)).min(1)
    slow, fast = (SLOW, FAST) if seen is None else (BELIEVED_SLOW, BELIEVED_FAST)
    begins = (height < LOW) & (slower < slow)
    lasts = (height < HIGH) & (slower < fast)
    still, calm = np.zeros((2, *height.shape), bool)
    if seen is not None:
        still, calm = seen.min(1) < SEEN_SLOW, seen.min(1) < SEEN_FAST
    return np.stack([begins, lasts, still, calm], 1)


def contacts_of(found: Flags, runs: list[slice], fps: float) -> Flags:
    """(T,2) contacts from `signs` (T,4,2): these may last however long, so they are told for the whole take at once."""
    begins, lasts, still, calm = (found[:, sign] for sign in range(4))
    out = np.zeros(begins.shape, bool)
    for run in runs:
        for foot in range(out.shape[1]):
            flags = hysteresis(begins[run, foot], lasts[run, foot])
            flags |= hysteresis(_without_short(still[run, foot], SEEN_SECONDS * fps, keep_ends=True), calm[run, foot])
            out[run, foot] = without_jitter(flags, fps)
    return out


def without_jitter(flags: Flags, fps: float) -> Flags:
    """(T,) contacts of one foot and one run without gaps and contacts that are too short to be any."""
    flags = ~_without_short(~flags, SHORTEST_GAP * fps, keep_ends=True)
    return _without_short(flags, SHORTEST_CONTACT * fps, keep_ends=True)


def seen_speed(directions: Array, depth: Array, confidence: Floats, camera_to_world: Array, runs: list[slice], fps: float) -> Array:
    """(T,2,2) m/s: how fast the ends of each foot move across the line of sight, infinite where one is not seen; (T, end, foot).

    directions (T,2,2,3): the feet's rays in camera axes with z = 1, ankles then toes of the left and right foot, (T, end, foot, 3);
    depth (T,) metres of the person; confidence (T,2,2); camera_to_world (4,4) or (T,4,4).
    """
    cameras = np.broadcast_to(camera_to_world, (len(depth), 4, 4))
    sight = np.einsum("tij,tefj->tefi", cameras[:, :3, :3], directions)
    points = sight * depth[:, None, None, None] + cameras[:, None, None, :3, 3]
    steady = smooth_runs(points.reshape(len(points), 4, 3), np.ones((len(points), 4)), runs, fps, SPEED_HZ) if (
        penalty(SPEED_HZ, fps) > 0) else points.reshape(len(points), 4, 3)  # fmt: skip
    moved = velocity(steady, runs, fps).reshape(points.shape)
    along = sight / np.linalg.norm(sight, axis=-1, keepdims=True)
    across = np.linalg.norm(moved - (moved * along).sum(-1, keepdims=True) * along, axis=-1)
    return np.where(confidence > SEEN_CONFIDENCE, across, np.inf)


def believed_speed(lifted: Array, seen: Floats) -> Array:
    """m/s: the geometric mean of the lifted speed of a point and the one that is seen, of any one shape; infinite `seen` is not seen."""
    return np.where(np.isfinite(seen), np.sqrt(lifted * np.minimum(seen, SEEN_JUMP)), UNSEEN_SHARE * lifted)


def standing(ankles: Array, toes: Array, runs: list[slice], fps: float, seen: Floats | None = None) -> Flags:
    """(T,2) feet of which one end hardly moves, wherever the ground may be; ankles, toes (T,2,3) metres; seen as for `find_contacts`."""
    lifted = np.stack([speed(ankles, runs, fps), speed(toes, runs, fps)], 1)
    if seen is None:
        return lifted.min(1) < SLOW
    return believed_speed(lifted, seen).min(1) < STANDS


def hysteresis(begins: Flags, lasts: Flags) -> Flags:
    """(T,) every stretch of `lasts` that holds at least one frame of `begins`."""
    out = np.zeros(len(lasts), bool)
    for stretch in stretches(lasts | begins):
        out[stretch] = begins[stretch].any()
    return out


def stretches(flags: Flags) -> list[slice]:
    """The stretches of True frames."""
    outside = np.concatenate([[False], flags, [False]])
    edges = np.flatnonzero(outside[1:] != outside[:-1])
    return [slice(a, b) for a, b in edges.reshape(-1, 2).tolist()]


def _without_short(flags: Flags, shortest: float, keep_ends: bool) -> Flags:
    """Without stretches of fewer than `shortest` frames; those at either end may be the rest of longer ones."""
    out = flags.copy()
    for stretch in stretches(flags):
        at_end = stretch.start == 0 or stretch.stop == len(flags)
        if stretch.stop - stretch.start < shortest and not (keep_ends and at_end):
            out[stretch] = False
    return out


def speed(points: Array, runs: list[slice], fps: float) -> Array:
    """(T,J) metres per second of points (T,J,3), without the detector's tremble."""
    weights = np.ones(points.shape[:2])
    steady = smooth_runs(points, weights, runs, fps, SPEED_HZ) if penalty(SPEED_HZ, fps) > 0 else points
    return np.linalg.norm(velocity(steady, runs, fps), axis=-1)
