"""A video to look at: the captured skeleton over the footage, on the ground that was found there, and beside it the motion from the side,
standing on its ground. Where the camera turns, zooms or slides, below both the still background that its pictures show together.

Left limbs are blue, right ones orange (told apart by colour-blind eyes too), the trunk is white. A joint is a filled dot where
the detector saw it well and a hollow one where it did not; the ring around it is as wide as the refiner's hypotheses disagree.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from contract.failure import Failure
from contract.marks import MP4_BOX
from contract.motion_file import EXPECTED, Motion
from contract.outputs import check_outputs, written_beside
from engine.cameras.pinhole import project, to_camera
from engine.footage.video import Frame, open_video
from engine.panorama import Panorama, has_panorama
from engine.progress import Progress

Image = npt.NDArray[np.uint8]
Array = npt.NDArray[np.float64]
Colour = tuple[int, int, int]

# RGB; blue and orange of the palette of Okabe and Ito, which all common kinds of colour blindness tell apart
LEFT: Colour = (0, 114, 178)
RIGHT: Colour = (230, 120, 0)
MIDDLE: Colour = (245, 245, 245)
_EDGE: Colour = (25, 25, 25)
_PAPER: Colour = (250, 250, 248)
_GRID: Colour = (205, 205, 205)
_INK: Colour = (70, 70, 70)

SEEN = 0.5  # a joint of less confidence is drawn hollow
TALLEST = 720  # pixels: a preview needs no more, and 4K footage would take its time
_SUBPIXEL = 4  # bits that OpenCV's drawing takes for fractions of a pixel: whole pixels would tremble
_SQUARE = 0.5  # metres
_WIDE, _MOST_LINES = 10.0, 200  # metres of a path beyond which the squares are a metre wide; lines of the ground's grid
_PIECES = 12  # of each line
_NEAREST = 0.2  # metres before the camera, from where on the ground is drawn
_FAINT = 0.4  # how strongly it is drawn over the footage
_SIDE_FOV = 30.0  # degrees: a long lens, so that the view from the side is nearly a drawing to scale
_SIDE_TILT = np.radians(12.0)  # looking down a little, so that the ground is a plane and not a line


def side_colour(joint: str) -> Colour:
    """The colour of the bone that ends in that joint, and of the joint."""
    return LEFT if joint.endswith(".L") else RIGHT if joint.endswith(".R") else MIDDLE


def draw_skeleton(
    image: Image,
    points: Array,
    names: Sequence[str],
    parents: Sequence[int],
    *,
    depth: Array | None = None,
    confidence: Array | None = None,
    radius: Array | None = None,
) -> None:
    """Draws bones and joints into `image` (H,W,3) RGB, in place.

    points (J,2) pixels; depth (J,): what is nearer is drawn over what is farther; confidence (J,) 0..1: below SEEN a joint is hollow;
    radius (J,) pixels of the rings that say how unsure a joint is. Joints outside the picture do no harm.
    """
    width = max(1.0, image.shape[0] / 160)
    near = np.zeros(len(points)) if depth is None else np.asarray(depth, float)
    # pixel k's middle is at k + 0.5, and OpenCV draws at k; its integers end at 2^31 / 2^_SUBPIXEL
    points = np.clip(np.asarray(points, float) - 0.5, -1e5, 1e5)
    bones = sorted(((child, parent) for child, parent in enumerate(parents) if parent >= 0), key=lambda b: -(near[b[0]] + near[b[1]]))
    for child, parent in bones:
        for colour, extra in ((_EDGE, 0.8), (side_colour(names[child]), 0.0)):
            cv2.line(image, _place(points[parent]), _place(points[child]), colour, round(width + extra * width), cv2.LINE_AA, _SUBPIXEL)
    for joint in np.argsort(-near, kind="stable"):
        at, colour = _place(points[joint]), side_colour(names[joint])
        size = 1.1 * width
        if radius is not None and radius[joint] > size:
            cv2.circle(image, at, _length(radius[joint]), colour, 1, cv2.LINE_AA, _SUBPIXEL)
        seen = confidence is None or confidence[joint] >= SEEN
        cv2.circle(image, at, _length(size + 0.4 * width), _EDGE, -1, cv2.LINE_AA, _SUBPIXEL)
        cv2.circle(image, at, _length(size), colour if seen else _EDGE, -1, cv2.LINE_AA, _SUBPIXEL)
        if not seen:
            cv2.circle(image, at, _length(size), colour, max(1, round(width / 3)), cv2.LINE_AA, _SUBPIXEL)


def overlay(image: Image, motion: Motion, frame: int, rings: bool = True) -> Image:
    """The picture with the motion's skeleton of that frame as the camera sees it; `image` (H,W,3) RGB of any size, left as it is.

    `rings`: around each joint one as wide as the hypotheses disagree, where there are several.
    """
    rings = rings and motion.provenance.get("spread") != EXPECTED  # else all joints would have one, as wide as always
    matrix = motion.camera_matrix if motion.camera_lenses is None else motion.camera_lenses[frame]
    scale = image.shape[1] / float(motion.image_size[0])
    camera = motion.positions_camera[frame].astype(float)
    depth = np.maximum(camera[:, 2], 1e-3)
    drawn = image.copy()
    draw_skeleton(
        drawn,
        project(camera, matrix) * scale,
        [str(n) for n in motion.joint_names],
        motion.parents.tolist(),
        depth=depth,
        confidence=motion.confidence[frame],
        radius=motion.spread[frame] * matrix[0, 0] / depth * scale if rings else None,
    )
    return drawn


class Ground:
    """The ground that was found, as a grid around the motion's path that lies in the footage as the camera sees it. Where up or the ground
    are wrong, or the camera turned otherwise, it does not lie on what is seen. Its squares are half a metre wide, or a metre."""

    def __init__(self, motion: Motion) -> None:
        self.motion = motion
        places = motion.positions_world[:, :, :2].reshape(-1, 2)
        low, high = np.floor(places.min(0) - 0.5), np.ceil(places.max(0) + 0.5)
        step = _SQUARE if float((high - low).max()) < _WIDE else 2 * _SQUARE
        (left, back), (right, front) = low, high
        lines = [((x, back), (x, front)) for x in np.arange(left, right + step / 2, step)]
        lines += [((left, y), (right, y)) for y in np.arange(back, front + step / 2, step)]
        ends = np.array(lines[:_MOST_LINES], float)
        # in short pieces, of which those before the camera are drawn
        share = np.linspace(0, 1, _PIECES + 1)[:, None]
        points = ends[:, None, 0] * (1 - share) + ends[:, None, 1] * share
        self._points = np.concatenate([points, np.zeros((*points.shape[:-1], 1))], -1)

    def draw(self, image: Image, frame: int) -> Image:
        """The picture (H,W,3) RGB with the grid of that frame, faint; `image` is left as it is."""
        motion = self.motion
        camera = motion.camera_to_world if motion.camera_path is None else motion.camera_path[frame]
        matrix = motion.camera_matrix if motion.camera_lenses is None else motion.camera_lenses[frame]
        seen = to_camera(self._points.reshape(-1, 3), camera).reshape(self._points.shape)
        places = np.clip(project(seen, matrix) * image.shape[1] / float(motion.image_size[0]) - 0.5, -1e4, 1e4)
        before = seen[..., 2] > _NEAREST
        drawn = image.copy()
        for line, there in zip(places, before, strict=True):
            for k in np.flatnonzero(there[:-1] & there[1:]):
                cv2.line(drawn, _place(line[k]), _place(line[k + 1]), _PAPER, max(1, image.shape[0] // 480), cv2.LINE_AA, _SUBPIXEL)
        return np.asarray(cv2.addWeighted(image, 1 - _FAINT, drawn, _FAINT, 0.0), np.uint8)


class SideView:
    """The motion on its ground, seen at a right angle to the camera's own view; one still view that holds the whole path.

    size: (width, height) pixels. The grid's squares are half a metre wide.
    """

    def __init__(self, motion: Motion, size: tuple[int, int]) -> None:
        self.motion, self.size = motion, size
        self._names = [str(n) for n in motion.joint_names]
        points = motion.positions_world.reshape(-1, 3).astype(float)
        low, high = points.min(0), points.max(0)
        low[2] = min(low[2], 0.0)
        self._camera_to_world, self._matrix = _look_from_side(low, high, motion.camera_to_world[:3, 2], size)
        self._paper = self._ground(low, high, size)

    def draw(self, frame: int) -> Image:
        """(H,W,3) RGB of that frame, with the pelvis's path up to it on the ground."""
        drawn = self._paper.copy()
        path = self.motion.positions_world[: frame + 1, 0].astype(float) * np.array([1.0, 1.0, 0.0])
        cv2.polylines(drawn, [self._pixels(path)[:, None]], False, (150, 150, 150), 2, cv2.LINE_AA, _SUBPIXEL)
        joints = to_camera(self.motion.positions_world[frame].astype(float), self._camera_to_world)
        draw_skeleton(drawn, project(joints, self._matrix), self._names, self.motion.parents.tolist(), depth=joints[:, 2])
        return drawn

    def _pixels(self, points: Array) -> npt.NDArray[np.int32]:
        seen = project(to_camera(points, self._camera_to_world), self._matrix)
        return np.rint(np.clip(seen, -1e5, 1e5) * 2**_SUBPIXEL).astype(np.int32)

    def _ground(self, low: Array, high: Array, size: tuple[int, int]) -> Image:
        paper = np.full((size[1], size[0], 3), _PAPER, np.uint8)
        (left, back), (right, front) = np.floor(low[:2]) - 1, np.ceil(high[:2]) + 1
        lines = [((x, back, 0), (x, front, 0)) for x in np.arange(left, right + _SQUARE / 2, _SQUARE)]
        lines += [((left, y, 0), (right, y, 0)) for y in np.arange(back, front + _SQUARE / 2, _SQUARE)]
        for line in lines:
            a, b = self._pixels(np.array(line, float))
            cv2.line(paper, a.tolist(), b.tolist(), _GRID, 1, cv2.LINE_AA, _SUBPIXEL)
        return paper


def write_preview(
    video: str | os.PathLike[str], motion: Motion, out: str | os.PathLike[str], progress: Progress | None = None
) -> None:
    """Writes `out` (.mp4): one picture for every frame of the motion, the footage with the skeleton beside the view from the side,
    and a panorama below where the camera shows more than a picture.

    `video` is the file that the motion was captured from.
    Raises Failure: `bad_input` where the two do not belong together, what `open_video` raises, `not_writable`, `disk_full`. Nothing
    half-written is left under the final name.
    """
    (out,) = check_outputs([out], [video], (".mp4",), overwrite=True)
    opened = open_video(video)
    size = (opened.info.width, opened.info.height)
    if size != tuple(motion.image_size.tolist()):
        other = "{} x {}".format(*motion.image_size)
        raise Failure("bad_input", f"{video} is {size[0]} x {size[1]} pixels, the video that was captured {other}; give that one.")
    if progress is not None:
        progress.stage("preview", len(motion))
    scale = min(1.0, TALLEST / size[1])
    width, height = (2 * round(side * scale / 2) for side in size)  # most players want even sizes
    ground = Ground(motion)
    side = SideView(motion, (max(height * 3 // 4 // 2 * 2, 160), height))
    below = Panorama(motion, width + side.size[0], height // 2) if has_panorama(motion) else None
    whole = (width + side.size[0], height + (below.size[1] if below else 0))
    frames = opened.frames((max(0.0, float(motion.times[0]) - 1.0 / motion.fps), "s"), None)
    with written_beside(out) as unfinished:
        writer = cv2.VideoWriter(str(unfinished), cv2.VideoWriter.fourcc(*"mp4v"), motion.fps, whole)
        try:
            for k, frame in enumerate(_at_times(frames, motion.times)):
                picture = np.ascontiguousarray(cv2.resize(frame.image, (width, height), interpolation=cv2.INTER_AREA))
                strip = [] if below is None else [below.draw(picture, k)]
                picture = overlay(ground.draw(picture, k), motion, k)
                _write_words(picture, f"{motion.times[k]:.2f} s" + ("" if motion.detected[k] else "  filled in"))
                writer.write(cv2.cvtColor(np.vstack([np.hstack([picture, side.draw(k)]), *strip]), cv2.COLOR_RGB2BGR))
                if progress is not None:
                    progress.advance(k + 1)
        finally:
            writer.release()
        _check_written(unfinished, len(motion), out)
        with unfinished.open("ab") as file:
            file.write(MP4_BOX)


def _check_written(path: Path, frames: int, out: Path) -> None:
    """OpenCV says nothing when a write fails; a full disk shows in what can be read back."""
    written = cv2.VideoCapture(str(path))
    count = int(written.get(cv2.CAP_PROP_FRAME_COUNT))
    written.release()
    if count != frames:
        raise Failure("disk_full", f"The preview {out} could not be written whole; free some space on the disk and try again.")


def _at_times(frames: Iterable[Frame], times: Array) -> Iterator[Frame]:
    """For each time (rising, seconds) the frame nearest to it; the last frame again where the video has ended."""
    source = iter(frames)
    here = next(source)
    after = next(source, None)
    for time in times:
        while after is not None and abs(after.time - time) <= abs(here.time - time):
            here, after = after, next(source, None)
        yield here


def _look_from_side(low: Array, high: Array, forward: Array, size: tuple[int, int]) -> tuple[Array, Array]:
    """camera_to_world (4,4) and camera matrix (3,3) of a view from the right of `forward` that holds the box low..high (metres)."""
    ahead = np.array([forward[0], forward[1], 0.0])
    length = np.linalg.norm(ahead)
    ahead = ahead / length if length > 1e-6 else np.array([0.0, 1.0, 0.0])  # a camera that looks straight down has no ahead
    inward = np.array([-ahead[1], ahead[0], 0.0])  # from the right side, looking to the left
    z = np.cos(_SIDE_TILT) * inward + np.array([0, 0, -np.sin(_SIDE_TILT)])
    x = np.cross(z, [0.0, 0.0, 1.0])
    x /= np.linalg.norm(x)
    turn = np.stack([x, np.cross(z, x), z], axis=1)
    corners = np.array([[a, b, c] for a in (low[0], high[0]) for b in (low[1], high[1]) for c in (low[2], high[2])])
    middle = (low + high) / 2
    focal = max(size) / 2 / np.tan(np.radians(_SIDE_FOV) / 2)
    offset = (corners - middle) @ turn
    margin = 0.88  # of the half picture, so that limbs do not touch the edge
    distance = max((np.abs(offset[:, axis]) * focal / (margin * size[axis] / 2) - offset[:, 2]).max() for axis in (0, 1))
    pose = np.eye(4)
    pose[:3, :3], pose[:3, 3] = turn, middle - max(distance, 0.5) * z
    return pose, np.array([[focal, 0, size[0] / 2], [0, focal, size[1] / 2], [0, 0, 1]])


def _write_words(image: Image, words: str) -> None:
    size = image.shape[0] / 900
    at = (round(14 * size) + 4, image.shape[0] - round(14 * size) - 4)
    for colour, width in ((_PAPER, 4), (_INK, 1)):
        cv2.putText(image, words, at, cv2.FONT_HERSHEY_SIMPLEX, max(0.4, size), colour, width, cv2.LINE_AA)


def _place(point: Array) -> tuple[int, int]:
    """A point in pixels as OpenCV's fixed-point numbers."""
    return round(float(point[0]) * 2**_SUBPIXEL), round(float(point[1]) * 2**_SUBPIXEL)


def _length(pixels: float) -> int:
    return round(min(float(pixels), 1e5) * 2**_SUBPIXEL)
