"""How a camera turned over the take, from what the background did.

Two pictures from one place differ by a rotation, whatever the scene: the line of sight to a corner in the keyframe, turned, is the line of
sight to it here. So each frame gives a rotation, robustly, from the corners outside the person, and the keyframes are linked by their own.
Where the camera also travelled, near and far corners disagree; then the rotation that most agree on is used, and said to be less sure.
Where the background grows or shrinks as a whole the lens zooms, or the camera comes nearer: the turning is found without that. Where
nothing else than that it turned is left then, near corners and far ones alike, it zoomed, and each frame has a lens of its own.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.spatial.transform import Rotation, Slerp

from engine.cameras.pinhole import sights
from engine.cameras.zoom import sizes_of, zoom_of, zooms
from engine.detection.background_rows import Background
from engine.detection.detector import Detections
from engine.detection.landmarks import LANDMARKS
from engine.long_takes import mapped

Array = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]

# A corner fits a rotation within this share of the picture's longer side: 1.3 pixels of the small copy that it was followed on.
FITS = 0.004
# A rotation is trusted with so many corners that fit, this share of those that were found, over this share of the picture's longer side.
LEAST, SHARE, SPREAD = 8, 0.5, 0.2
# ... and, of a picture that a turn smears which is faster than so many degrees a frame, with this share it still tells better than none how
# the next keyframe lies to the last.
QUICK, LINKS = 1.0, 0.3
# Where fewer frames than this share have such a rotation, the background gives too little; nor is a gap of so many seconds bridged.
KNOWN, GAP = 0.7, 1.5
# In so many of them nothing of the frame before was found again, though both show so many corners: then it moved too fast. Of fewer,
# those on people who move may be most. Frames so near to such a one (seconds) are unsure.
FAST, RICH, AROUND = 0.1, 32, 0.25
# ... unless the camera stands still in all that are known, and these are so many: then it did so in between.
STILL_KNOWN = 0.3
# A camera whose turns stay within this angle (degrees) nearly always stands still: what is left is the trembling of what is measured.
STILL = 0.25
_NEARLY_ALWAYS = 98.0  # percent
# The camera travels where fewer than this share of the corners that were found fit the rotation, in the median frame.
TRAVELS = 0.8
# Clothes, hair and the trunk's own breadth reach so far from the bones, as a share of the longer side of the box around the person.
REACH = 0.12
_BONES = [
    (LANDMARKS.index(a), LANDMARKS.index(b))
    for a, b in (
        ("nose", "shoulder.L"), ("nose", "shoulder.R"), ("shoulder.L", "shoulder.R"), ("hip.L", "hip.R"), ("shoulder.L", "hip.R"),
        ("shoulder.R", "hip.L"),
        *((f"{a}.{side}", f"{b}.{side}") for side in "LR" for a, b in (
            ("shoulder", "hip"), ("shoulder", "elbow"), ("elbow", "wrist"), ("wrist", "index"), ("hip", "knee"), ("knee", "ankle"),
            ("ankle", "toe"),
        )),
    )
]  # fmt: skip
_GOES_ON = 2  # frames that show nothing, over which a camera that turns goes on turning
_DRAWS = 48  # pairs of corners tried a frame
_ROUNDS = 6  # of the refinement
_CHUNK = 256  # frames at a time


@dataclass(frozen=True)
class Turning:
    """`kind`: `still`, `turning`, `travelling` (it turns, and moves too), `sliding` (it is still, and the picture a window that slides over
    a larger one), `unknown` (the background gives too little), `not measured`.

    `times` (K,) seconds; `turns` (K,3,3): each frame's camera axes to those of the take's middle camera; None where it does not turn or is
    not known to. `degrees`: the widest angle between two of its directions. `share`: of the corners that fit, in the median frame.
    `growth`: the background's largest size over its smallest, 1 where it stays. `slid` (K,2): by how many pixels the middle of a sliding
    picture lies beside that of the take's middle one; `side`: its longer side. `zoom` (K,): where the lens zooms, its focal length beside
    the median one. `lost` (N,): seconds at which the picture moved so fast that nothing of it was found again, None where it never did;
    `too_fast`: so often that nothing is known of the camera.
    """

    kind: str
    degrees: float = 0.0
    share: float = 0.0
    times: Array | None = None
    turns: Array | None = None
    growth: float = 1.0
    slid: Array | None = None
    side: int = 0
    zoom: Array | None = None
    lost: Array | None = None
    too_fast: bool = False

    def unsure(self, times: Array) -> Flags | None:
        """(T,) whether how the camera looked at `times` (T,) seconds is a guess; None where it is of none."""
        if self.lost is None:
            return None
        if self.too_fast:
            return np.ones(len(times), bool)
        lost = self.lost
        return mapped(lambda some: np.abs(some[:, None] - lost[None]).min(1) <= AROUND, times, dtype=bool)

    @property
    def one_lens(self) -> bool:
        """Whether all frames are seen through the same."""
        return self.times is None or (self.slid is None and self.zoom is None)

    def lenses(self, times: Array, matrix: Array) -> Array | None:
        """(T,3,3) the camera matrices at `times` (T,) seconds of a camera of that `matrix` (3,3) that zooms or whose picture slides; None
        where it does neither. The first is its lens in the median of the take's frames. The second looks as at the take's middle, and the
        picture is another part of what it sees."""
        if self.times is None or self.one_lens:
            return None
        known, slid, zoom = self.times, self.slid, self.zoom

        def lenses(some: Array) -> Array:
            out = np.tile(matrix, (len(some), 1, 1))
            for axis in range(2):
                if slid is not None:  # what lies in the middle here lies beside it there
                    out[:, axis, 2] -= np.interp(some, known, slid[:, axis])
                if zoom is not None:
                    out[:, axis, axis] *= np.interp(some, known, zoom)
            return out

        return mapped(lenses, times, dtype=np.float64)

    def at(self, times: Array) -> Array | None:
        """(T,3,3) the turns at `times` (T,) seconds, on the shortest arcs in between; None where there are none."""
        if self.times is None or self.turns is None:
            return None
        known, turns = self.times, Slerp(self.times, Rotation.from_matrix(self.turns))
        return mapped(lambda some: turns(np.clip(some, known[0], known[-1])).as_matrix(), times, dtype=np.float64)

    @property
    def summary(self) -> dict[str, Any]:
        """For the capture's summary; plain values."""
        if self.kind == "not measured":
            return {}
        told = {"camera": self.kind, "camera_turns_degrees": round(self.degrees, 1), "background_percent": round(100 * self.share)}
        if self.slid is not None:
            told["picture_slides_percent"] = round(100 * float(np.ptp(self.slid, axis=0).max()) / self.side)
        told |= {"background_growth": round(self.growth, 3)} if self.growth > 1.0 else {}
        return told | ({"zoom": round(float(self.zoom.max() / self.zoom.min()), 3)} if self.zoom is not None else {})

    @property
    def warnings(self) -> list[str]:
        """What a person should know."""
        told = []
        if self.zoom is not None:
            told.append(
                f"The background changes its size by {100 * (self.growth - 1):.0f} percent: the camera is taken to zoom, and its lens is "
                "followed. If it came nearer or went away instead, the person's way towards the camera and back is not to be trusted."
            )
        elif self.growth > 1.0:
            told.append(
                f"The background changes its size by {100 * (self.growth - 1):.0f} percent: the camera zooms, or comes nearer or goes "
                "away. That is not followed, so the person's way towards the camera and back is not to be trusted."
            )
        if self.too_fast:
            told.append(
                "The camera moved too fast to be followed: of most pictures little is found again in the next. It is taken to have stood "
                "still, and all frames are unsure."
            )
        elif self.lost is not None:
            moments = ", ".join(f"{moment:.1f}" for moment in _moments(self.lost))
            told.append(
                f"The camera moved too fast to be followed at {moments} seconds: it is taken to look the same way before and after, and "
                "the frames around are unsure."
            )
        if self.kind == "unknown" and not self.too_fast:
            told.append("Too little of the background is seen to tell whether the camera moved; it is taken to have stood still.")
        if self.kind == "travelling":
            told.append(
                f"The camera seems to have moved from its place, not only turned: its turning (by {self.degrees:.0f} degrees) is "
                "taken out, and the person's path through the room is not to be trusted."
            )
        return told


def find_turning(
    background: Background, person: npt.NDArray[np.float32], matrix: Array, size: tuple[int, int], believe: bool = False
) -> Turning:
    """How the camera turned; `person` (K,33,2), see `outlines`; `matrix` (3,3) of its lens, picture `size` (width, height). `believe`: that
    it did turn, however little is known."""
    if len(background) < 2:
        return Turning("unknown")
    seen = seen_outside(background, person)
    sizes, logs, growth = sizes_of(background, seen, matrix, size)
    same = np.ones(len(background))
    rotations, fitting, linking = _to_keys(background, seen, matrix, size, same, same)
    zoom = None
    if growth > 1.0:
        without = _to_keys(background, seen, matrix, size, same, sizes)
        if np.median(without[1]) < np.median(fitting):  # a guessed lens is wrong, and the camera turns
            growth = 1.0
        elif zooms(sizes, fitting, without[1], TRAVELS):
            zoom = zoom_of(logs, background.times)
            rotations, fitting, linking = _to_keys(background, seen, matrix, size, zoom / sizes, zoom)
        else:
            rotations, fitting, linking = without
    turns, known = _linked(background, rotations, linking, fitting)
    fast = _fast(background)
    if fast.mean() >= FAST and not believe:
        return Turning("unknown", share=float(np.median(fitting)), lost=background.times[fast], too_fast=True)
    found = replace(_kind(background, turns, known, fitting, believe), lost=background.times[fast] if fast.any() else None)
    if found.kind == "unknown":
        return found  # of what nobody knows the size is not known either
    if zoom is None or found.kind == "travelling":
        return replace(found, growth=growth)
    return replace(found, growth=growth, zoom=zoom, times=background.times)


def _fast(background: Background) -> Flags:
    """(K,) frames that show corners, none of which was there before: the first of a place that nothing leads to."""
    corners = np.isfinite(background.corners[..., 0]).sum(1)
    out = np.asarray((background.key == background.index) & (corners >= RICH))
    before = np.concatenate([[False], corners[:-1] >= RICH])  # behind a black picture, or one of a plain wall, nobody moved
    return out & before


def _moments(times: Array) -> Array:
    """The first of each of the stretches without a pause that these `times` (N,) seconds make."""
    return np.asarray(times[np.diff(times, prepend=-math.inf) > 2 * AROUND])


def _kind(background: Background, turns: Array, known: Flags, fitting: Array, believe: bool) -> Turning:
    """What the rotations (K,3,3) from the first frame say, where they are `known` (K,), and the shares (K,) of corners that fit them."""
    if known.sum() < 2 or (not believe and known.mean() < STILL_KNOWN):
        return Turning("unknown", share=float(np.median(fitting)))
    times, turns, share = background.times[known], turns[known], float(np.median(fitting[known]))
    from_middle = Rotation.from_matrix(turns) * Rotation.from_matrix(turns).mean().inv()
    angles = np.degrees(from_middle.magnitude())
    if not believe and 2 * np.percentile(angles, _NEARLY_ALWAYS) <= STILL:
        return Turning("still", share=share)
    if not believe and (known.mean() < KNOWN or _longest_gap(background.times, known) > GAP):
        return Turning("unknown", share=share)
    kind = "travelling" if share < TRAVELS else "turning"
    # at all frames: in between on the shortest arcs, before the first and after the last as there
    middle = Rotation.from_matrix(turns).mean()
    way = Slerp(times, Rotation.from_matrix(turns).inv())(np.clip(background.times, times[0], times[-1]))
    return Turning(kind, _widest(turns), share, background.times, (middle * way).as_matrix())


def outlines(background: Background, detections: Detections) -> npt.NDArray[np.float32]:
    """(K,33,2) the person's landmarks in the frames of the background, which are among those of the detections, pixels; NaN where nobody
    is."""
    at = np.clip(np.searchsorted(detections.times, background.times - 1e-6), 0, len(detections) - 1)
    points = np.array(detections.image[at], np.float32)
    points[~detections.detected[at]] = np.nan
    return points


def outside(points: Array, outline: npt.NDArray[np.float32]) -> Flags:
    """(K,N) whether the points (K,N,2) lie farther from the person's bones, of landmarks (K,33,2), than a body and its clothes reach. All
    do where nobody is."""
    person = outline.astype(float)
    reach = REACH * (person.max(1) - person.min(1)).max(-1)
    near = np.zeros(points.shape[:2], bool)
    with np.errstate(invalid="ignore"):
        for a, b in _BONES:
            bone = (person[:, b] - person[:, a])[:, None]
            off = points - person[:, None, a]
            along = np.clip((off * bone).sum(-1) / np.maximum((bone**2).sum(-1), 1e-9), 0.0, 1.0)
            near |= np.linalg.norm(off - along[..., None] * bone, axis=-1) <= reach[:, None]
    return ~near


def seen_outside(background: Background, person: npt.NDArray[np.float32]) -> Flags:
    """(K,N) which corners were found and lie outside the person, here and in the keyframe."""
    place = np.clip(np.searchsorted(background.index, background.key), 0, len(background) - 1)
    seen = np.isfinite(background.corners[..., 2])
    for start in range(0, len(background), _CHUNK):
        part = slice(start, start + _CHUNK)
        there, here = (background.corners[part, :, k : k + 2].astype(float) for k in (0, 2))
        then = np.where((background.index[place] == background.key)[part, None, None], person[place[part]], np.nan)
        seen[part] &= outside(there, then) & outside(here, person[part])
    return seen


def _to_keys(
    background: Background, seen: Flags, matrix: Array, size: tuple[int, int], before: Array, now: Array
) -> tuple[Array, Array, Flags]:
    """(K,3,3) the rotations from each frame's keyframe to it, (K,) the share of its `seen` corners (K,N) that fit, and (K,) whether it
    links the two. `before`, `now` (K,): how large the background is in the keyframe and in the frame, beside what the lens of that `matrix`
    (3,3) shows; that is taken out."""
    side, middle = max(size), np.array(size) / 2
    rotations, fitting, linking = np.tile(np.eye(3), (len(background), 1, 1)), np.zeros(len(background)), np.zeros(len(background), bool)
    reach = FITS * side / float(matrix[0, 0])
    for start in range(0, len(background), _CHUNK):
        part = slice(start, start + _CHUNK)
        there, here = (background.corners[part, :, k : k + 2].astype(float) for k in (0, 2))
        alike = (middle + (points - middle) / of[part, None, None] for points, of in ((there, before), (here, now)))
        first, second = (sights(np.nan_to_num(points), matrix) for points in alike)
        rotations[part], fits = _rotations(first, second, seen[part], reach)
        count, found = fits.sum(1), seen[part].sum(1)
        fitting[part] = count / np.maximum(found, 1)
        wide = _spread(here, fits) >= SPREAD * side
        linking[part] = (count >= LEAST) & (fitting[part] >= LINKS) & wide
    return rotations, fitting, linking


def _rotations(first: Array, second: Array, seen: Flags, reach: float) -> tuple[Array, Flags]:
    """(K,3,3) the rotations that turn the unit vectors `first` (K,N,3) into `second`, where `seen` (K,N), and which vectors fit within
    `reach` radians: of many pairs the one that most agree with, refined on these."""
    frames, count = seen.shape
    generator = np.random.default_rng(0)
    best, most = np.tile(np.eye(3), (frames, 1, 1)), _fits(np.eye(3)[None], first, second, seen, reach).sum(1)
    chance = seen + 1e-9
    for _ in range(_DRAWS):
        # two different corners of each frame
        order = np.argsort(generator.random((frames, count)) / chance, axis=1)[:, :2]
        a, b = (np.take_along_axis(v, order[..., None], 1) for v in (first, second))
        tried = _frames(b[:, 0], b[:, 1]) @ _frames(a[:, 0], a[:, 1]).swapaxes(1, 2)
        agree = _fits(tried, first, second, seen, reach).sum(1)
        better = agree > most
        best[better], most[better] = tried[better], agree[better]
    for _ in range(_ROUNDS):
        off = np.linalg.norm(second - first @ best.swapaxes(1, 2), axis=-1)
        weight = seen * np.maximum(1 - (off / (2 * reach)) ** 2, 0.0) ** 2
        u, _, vt = np.linalg.svd((weight[..., None] * second).swapaxes(1, 2) @ first)
        u[:, :, 2] *= np.sign(np.linalg.det(u @ vt))[:, None]
        best = np.where((weight > 0).sum(1)[:, None, None] >= 2, u @ vt, best)
    return best, _fits(best, first, second, seen, reach)


def _fits(rotations: Array, first: Array, second: Array, seen: Flags, reach: float) -> Flags:
    off = np.linalg.norm(second - first @ rotations.swapaxes(1, 2), axis=-1)
    return np.asarray(seen & (off <= reach))


def _frames(a: Array, b: Array) -> Array:
    """(K,3,3) right-handed axes, in columns, of which `a` (K,3) is the first and `b` lies in the plane of the first two."""
    normal = np.cross(a, b)
    normal /= np.maximum(np.linalg.norm(normal, axis=-1, keepdims=True), 1e-12)
    return np.stack([a, np.cross(normal, a), normal], -1)


def _spread(points: Array, fits: Flags) -> Array:
    """(K,) the longer side of the box around the points (K,N,2) that fit, pixels."""
    low = np.where(fits[..., None], points, np.inf).min(1)
    high = np.where(fits[..., None], points, -np.inf).max(1)
    return np.asarray(np.where(fits.any(1), (high - low).max(1), 0.0))


def _linked(background: Background, rotations: Array, linking: Flags, fitting: Array) -> tuple[Array, Flags]:
    """(K,3,3) the rotations from the first frame to each, and (K,) whether they are known: by the rotations to the keyframes, which come
    before, where these are `linking` (K,) and most corners are `fitting` (K,). Of a camera that turns fast what fits fewer will do, and
    what shows nothing of what was seen before goes on as it turned, for a moment; else it is where it was."""
    out, known = np.tile(np.eye(3), (len(rotations), 1, 1)), np.zeros(len(rotations), bool)
    keys: dict[int, Array] = {}
    since = 0  # frames that showed nothing
    for k, (index, key) in enumerate(zip(background.index.tolist(), background.key.tolist(), strict=True)):
        before = out[k - 1] if k else np.eye(3)
        fast = k > 1 and np.trace(before @ out[k - 2].T) <= 1 + 2 * math.cos(math.radians(QUICK))
        sure = fitting[k] >= SHARE
        since = 0 if key != index and linking[k] and (sure or fast) else since + 1
        if not since:
            if key not in keys:  # of a part of a take: the keyframe lies before it
                keys[key] = rotations[k].T @ before
            out[k], known[k] = rotations[k] @ keys[key], sure
        elif fast and since <= _GOES_ON:
            out[k] = before @ out[k - 2].T @ before
        else:
            out[k], known[k] = before, k == 0
        keys[index] = out[k]
    return out, known


def _longest_gap(times: Array, known: Flags) -> float:
    """Seconds."""
    return float(np.diff(times[known], prepend=times[0], append=times[-1]).max())


def _widest(turns: Array) -> float:
    """Degrees between the two directions of the camera (K,3,3) that lie farthest apart, nearly: from the middle and back."""
    ways = turns[:, 2]
    middle = ways.mean(0)
    far = ways[int(np.argmin(ways @ middle))]
    across = float(np.degrees(np.arccos(np.clip(ways @ far, -1, 1))).max())
    whole = np.degrees((Rotation.from_matrix(turns) * Rotation.from_matrix(turns[:1]).inv()).magnitude().max())
    return max(across, float(whole)) if math.isfinite(across) else 0.0
