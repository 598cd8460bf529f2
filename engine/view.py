"""How the camera looks on: through what lens, how it turns, and where it is, as far as that is known or found.

What needs scipy is imported only where it is used: a capture begins without it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from contract.camera_path import CameraPath
from contract.motion_file import Motion
from contract.options import DEFAULT_FOV, CaptureOptions
from engine.cameras.pinhole import camera_matrix, field_of_view
from engine.detection.detector import Detections
from engine.footage.video import VideoInfo
from engine.long_takes import mapped

if TYPE_CHECKING:
    from engine.cameras.level import SceneLines
    from engine.cameras.search import CameraSearch
    from engine.cameras.turning import Turning
    from engine.poses import Poses

Floats = npt.NDArray[np.floating]


@dataclass(frozen=True)
class Sight:
    """Through what the camera is taken to look: `matrix` (3,3), `fov` degrees along the longer side, and where that is `known_from`: the
    `option`, the `file`, the known `camera`, how it was `turning`, or the `estimate` from the poses; and the standard `error` of the last
    two, degrees."""

    matrix: npt.NDArray[np.float64]
    fov: float
    known_from: str
    error: float | None = None


@dataclass(frozen=True)
class View:
    """How the camera looks on: through what (`sight`), on a picture of `size` (width, height), and how it turns, found by `search` for that
    sight; or `known`, then nothing of that is found."""

    sight: Sight
    size: tuple[int, int]
    search: CameraSearch
    turning: Turning
    known: CameraPath | None

    def cameras(self, times: npt.NDArray[np.float64], fps: float) -> npt.NDArray[np.float64] | None:
        """(T,4,4) where a known camera is at these times."""
        if self.known is None:
            return None
        from engine.cameras.known import cameras_at

        return cameras_at(self.known, times, fps)

    def estimated(self, poses: Poses, points: Floats, confidence: Floats, height: float, fps: float) -> View:
        """With the lens from the poses and where joints are seen, (T,22,2) px and how surely (T,22), where nothing better is known."""
        if self.sight.known_from not in ("estimate", "turning"):
            return self
        from engine.kinematics.focal import FieldOfView, estimate_fov

        found = estimate_fov(poses.joints, points, confidence, self.size, height, fps)
        known_from, turned = "estimate", self.search.lens
        if turned is not None:
            both = found.weighed(FieldOfView.of_size(*turned))
            known_from, found = "turning" if turned[1] < found.size_error else "estimate", both
        sight = Sight(camera_matrix(self.size, found.degrees), found.degrees, known_from, found.error)
        return replace(self, sight=sight, turning=self.search.found(sight.matrix))

    def as_through_one_lens(self, detections: Detections) -> Detections:
        """What was seen, as a picture that neither slides nor zooms would have shown it."""
        lenses = self.turning.lenses(detections.times, self.sight.matrix)
        if lenses is None:
            return detections
        from engine.cameras.known import through_one_lens

        return through_one_lens(detections, lenses, self.sight.matrix)

    def lenses(self, times: npt.NDArray[np.float64], fps: float) -> npt.NDArray[np.float64] | None:
        """(T,3,3) through which each frame was seen, where that is not the one of `sight`."""
        if self.known is None or not self.known.zooms:
            return self.turning.lenses(times, self.sight.matrix)
        from engine.cameras.known import lenses_at

        return lenses_at(self.known, times, fps, self.size)

    def in_picture(self, points: Floats, times: npt.NDArray[np.float64], fps: float) -> npt.NDArray[np.bool_] | None:
        """(T,J) which of the points (T,J,2) of a picture through one lens the frame showed; None where all were seen through that."""
        lenses = self.lenses(times, fps)
        if lenses is None:
            return None
        from engine.cameras.known import other_lens

        matrix, size = self.sight.matrix, self.size

        def inside(some: Floats, shown_by: npt.NDArray[np.float64]) -> npt.NDArray[np.bool_]:
            shown = other_lens(some, matrix, shown_by)
            return np.asarray(((shown >= 0) & (shown <= size)).all(-1))

        return mapped(inside, points, lenses)

    def scene_lines(self) -> SceneLines | None:
        """The straight lines of the scene, as far as they were looked for."""
        background, outline = self.search.background, self.search.person
        if background is None or outline is None:
            return None
        from engine.cameras.level import scene_lines

        matrix, times = self.sight.matrix, background.times
        lenses = self.turning.lenses(times, matrix)
        return scene_lines(background, outline, matrix if lenses is None else lenses, self.size, self.turning.at(times))


def before_one_background(people: list[Detections]) -> list[Detections]:
    """What was seen of each of the people in a shot, with the background's corners that lie on none of them: each is taken out of what her
    camera is found by, but not the others."""
    if len(people) < 2 or people[0].background is None:
        return people
    from engine.cameras.turning import outlines, seen_outside

    background = people[0].background
    corners = np.array(background.corners)
    for one in people:
        corners[~seen_outside(background, outlines(background, one)), 2:] = np.nan
    return [replace(one, background=replace(background, corners=corners)) for one in people]


def first_view(detections: Detections, info: VideoInfo, options: CaptureOptions, known: CameraPath | None) -> View:
    """As far as it is known before there are poses."""
    from engine.cameras.search import CameraSearch

    size = (info.width, info.height)
    sight = _sight(info, options, known)
    search = CameraSearch(detections, size, "known" if known else options.camera_motion)
    if sight.known_from == "estimate" and (turned := search.lens) is not None:
        from engine.cameras.turned_lens import fov_of

        fov = fov_of(turned[0])
        sight = Sight(camera_matrix(size, fov), fov, "turning")
    return View(sight, size, search, search.found(sight.matrix), known)


def _sight(info: VideoInfo, options: CaptureOptions, known: CameraPath | None) -> Sight:
    """What is known before there are poses; where nothing is, a usual lens, to lift the poses with from which it is then estimated."""
    size = (info.width, info.height)
    if known is not None:
        from engine.cameras.known import middle_lens

        matrix = middle_lens(known, size)
        return Sight(matrix, field_of_view(matrix, size), "camera")
    if options.fov:
        fov, known_from = options.fov, "option"
    elif info.fov_degrees:
        fov, known_from = info.fov_degrees, "file"
    else:
        fov, known_from = DEFAULT_FOV, "estimate"
    return Sight(camera_matrix(size, fov), fov, known_from)


def without_zoom(detections: Detections, info: VideoInfo, known: CameraPath | None) -> Detections:
    """What was seen without the zoom. Before anything else: to who follows the person over time, a zoom would look like somebody else."""
    if known is None or not known.zooms:
        return detections
    from engine.cameras.known import lenses_at, middle_lens, through_one_lens

    size = (info.width, info.height)
    return through_one_lens(detections, lenses_at(known, detections.times, info.fps, size), middle_lens(known, size))


def with_its_lenses(motion: Motion, view: View) -> None:
    """The motion gets the lenses of a camera that zooms, or whose picture slides, through which its points are seen again."""
    matrix = motion.camera_matrix
    lenses = view.lenses(motion.times, motion.fps)
    if lenses is None:
        return
    from engine.cameras.known import other_lens

    motion.image_points = mapped(lambda points, seen_by: other_lens(points, matrix, seen_by), motion.image_points, lenses)
    motion.camera_matrix, motion.camera_lenses = lenses[0], lenses  # as the camera's place, that of the first frame
