"""The camera's tilt, the field of view, the path and the feet on rendered pairs, whose cameras and motions are known exactly.

    python benchmarks/world.py --data PAIRS [--every 1] [--feet auto|always|never]

PAIRS is a folder of rendered pairs (docs/data.md); judged are people and motions that nothing learnt from. Each is captured three times:
with the true focal length, with the one that a capture estimates, and with the usual one. Prints the angle between the true and the found
up (median, 90th percentile), the errors of tilt and roll (root mean square, degrees), that of the field of view, the error of the world
positions after one turn about the vertical and one level shift (mean and median, mm), MPJPE and PA-MPJPE (mm), the speed of toes that stand
still in the truth (cm/s; the mean of the segments' means, then of all such frames together), the share of their frames in which the foot
is known to stand, how much the heels of those feet are higher or lower over flat than the truth's (mm), and of the frames in which the
truth's foot moves at over 0.5 m/s the share in which it is taken to stand. The cameras
here look from 40 degrees down to 20 up, all equally often, and have 35 to 85 degrees: more kinds than people's cameras, for which the
product is made.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
import numpy.typing as npt  # noqa: E402
from rich.table import Table  # noqa: E402

from benchmarks.accuracy import NAMES, TOES, Truth, errors, world_errors  # noqa: E402
from benchmarks.wide import print_wide  # noqa: E402
from contract.failure import ExitCode, Failure  # noqa: E402
from contract.motion_file import Motion  # noqa: E402
from contract.options import DEFAULT_FOV, CaptureOptions  # noqa: E402
from contract.skeleton import ARMATURE_24, BODY_22  # noqa: E402
from engine.cameras.pinhole import camera_matrix, field_of_view  # noqa: E402
from engine.datasets.detections import Segment, load_detections  # noqa: E402
from engine.datasets.split import split_segments  # noqa: E402
from engine.kinematics.assemble import build_motion  # noqa: E402
from engine.kinematics.focal import estimate_fov  # noqa: E402
from engine.kinematics.ground import camera_rotation  # noqa: E402
from engine.kinematics.proportions import ANKLE_HEIGHT, TOE_HEIGHT  # noqa: E402
from engine.kinematics.take import Camera, Performer  # noqa: E402
from engine.kinematics.upright import angles, up_of  # noqa: E402
from engine.kinematics.world import ANKLES  # noqa: E402
from engine.kinematics.world import TOES as TOE_JOINTS  # noqa: E402
from engine.person.face import face_direction  # noqa: E402
from engine.person.track import Track, body_points  # noqa: E402
from engine.poses import PoseModel  # noqa: E402
from engine.progress import Progress  # noqa: E402

Array = npt.NDArray[np.float64]

FPS = 30.0
STILL = 0.15  # m/s: a toe of the truth that is slower stands
KINDS = ("true", "estimated", "usual")
FLAT = 20.0  # of a hundred frames in which a toe stands the heel is as low as in flat feet
MOVING = 0.5  # m/s: a foot of the truth of which both ends are faster is on its way
FIGURES = ("up", "tilt", "roll", "fov", "world", "mpjpe", "pa", "slide", "standing", "heel", "still", "mistaken", "moving")
_JUDGED = (*NAMES, *TOES)


def track_of(segment: Segment) -> Track:
    """The segment as a capture's track; pixels of the picture that the detector saw."""
    if segment.camera is None:
        raise Failure("bad_input", "The pairs do not name their cameras; make them anew (docs/data.md).")
    camera, count = segment.camera, len(segment.truth)
    image = segment.rays * camera.focal + np.array(camera.size) / 2
    return Track(
        np.arange(count) / FPS, image.astype(np.float32), segment.visibility, segment.world, segment.detected, [slice(0, count)], FPS,
        count, int(segment.detected.sum()), segment.detector,
    )  # fmt: skip


def true_world(segment: Segment) -> Array:
    """(T,22,3) metres, Z up, the ground at z=0: where the lower sole is in the lowest twentieth of the frames."""
    assert segment.camera is not None
    world = segment.truth.astype(float) @ camera_rotation(up_of(segment.camera.tilt, segment.camera.roll)).T
    ankles, toes = world[:, ANKLES, 2] - ANKLE_HEIGHT * segment.stature, world[:, TOE_JOINTS, 2] - TOE_HEIGHT * segment.stature
    world[..., 2] -= np.percentile(np.minimum(ankles, toes).min(1), 5)
    return world


def over_flat(motion: Motion) -> Array:
    """(T,2) mm by which the heels are higher over the toes than in the rest pose, whose feet are flat."""
    ankles, toes = ([ARMATURE_24.index(f"{end}.{side}") for side in "LR"] for end in ("ankle", "toe"))
    rise = motion.positions_world[:, ankles, 2] - motion.positions_world[:, toes, 2]
    return np.asarray(1000.0 * (rise + motion.rest_offsets[toes, 2]), float)


def over_flat_of(truth: Array, still: npt.NDArray[np.bool_]) -> Array:
    """The same of (T,22,3) joints without a rest pose: flat is how low the heels get over toes that stand still (T,2)."""
    rise = truth[:, ANKLES, 2] - truth[:, TOE_JOINTS, 2]
    flat = np.array([np.percentile(rise[still[:, foot], foot], FLAT) if still[:, foot].any() else np.nan for foot in range(2)])
    return np.asarray(1000.0 * (rise - flat), float)


def judge(segment: Segment, motion: Motion) -> dict[str, float]:
    """FIGURES of one captured segment: degrees, mm, cm/s, a share (nan where no toe stands), numbers of frames."""
    assert segment.camera is not None
    truth = true_world(segment)
    tilt, roll = angles(motion.camera_to_world[2, :3])
    off = float(motion.camera_to_world[2, :3] @ up_of(segment.camera.tilt, segment.camera.roll))
    chosen = [BODY_22.index(n) for n in _JUDGED]
    exact = Truth(segment.truth[:, chosen[:-2]].astype(float), truth[:, chosen], FPS, segment.stature)
    ours = motion.positions_world[:, [ARMATURE_24.index(n) for n in _JUDGED]].astype(float)
    error, slide, _ = world_errors(ours, motion.times, exact)
    limbs = motion.positions_camera[:, [ARMATURE_24.index(n) for n in NAMES]].astype(float)
    plain, aligned, _ = errors(limbs, motion.times, exact)
    toe_speed, ankle_speed = (np.linalg.norm(np.gradient(truth[:, ends], 1 / FPS, axis=0), axis=-1) for ends in (TOE_JOINTS, ANKLES))
    still, moving = toe_speed < STILL, np.minimum(toe_speed, ankle_speed) > MOVING
    stands = still & motion.contacts
    seen = 2 * np.degrees(np.arctan(max(segment.camera.size) / 2 / segment.camera.focal))
    return {
        "up": float(np.degrees(np.arccos(np.clip(off, -1, 1)))),
        "tilt": tilt - segment.camera.tilt,
        "roll": (roll - segment.camera.roll + 180) % 360 - 180,
        "fov": field_of_view(motion.camera_matrix, segment.camera.size) - float(seen),
        "world": error,
        "mpjpe": plain,
        "pa": aligned,
        "slide": slide if still.any() else float("nan"),
        "standing": float(motion.contacts[still].mean()) if still.any() else float("nan"),
        "heel": float(np.abs(over_flat(motion) - over_flat_of(truth, still))[stands].mean()) if stands.any() else float("nan"),
        "still": float(still.sum()),
        "mistaken": float(motion.contacts[moving].sum()),
        "moving": float(moving.sum()),
    }


def capture(segment: Segment, model: PoseModel, kind: str, options: CaptureOptions) -> Motion:
    """The motion of a segment with the focal length of that kind."""
    assert segment.camera is not None
    track, size = track_of(segment), segment.camera.size
    true = 2 * float(np.degrees(np.arctan(max(size) / 2 / segment.camera.focal)))
    matrix = camera_matrix(size, true if kind == "true" else DEFAULT_FOV)
    poses = model.run(
        track, matrix, segment.stature, steps=options.steps, hypotheses=options.hypotheses, seed=options.seed, progress=Progress(),
        refiner=options.refiner,
    )  # fmt: skip
    points, confidence = body_points(track.image, track.visibility, track.detector)
    if kind == "estimated":
        matrix = camera_matrix(size, estimate_fov(poses.joints, points, confidence, size, segment.stature, FPS).degrees)
    performer = Performer.of(poses, track, points, confidence, face_direction(track, matrix))
    return build_motion(performer, Camera(matrix, size, gravity=poses.up), replace(options, height=segment.stature))


def summary(rows: list[dict[str, float]]) -> list[str]:
    """One line of the table."""
    at = {name: np.array([row[name] for row in rows]) for name in FIGURES}

    def rms(name: str) -> str:
        return f"{np.sqrt(np.nanmean(at[name] ** 2)):.1f}"

    return [
        f"{np.median(at['up']):.1f}", f"{np.percentile(at['up'], 90):.1f}", rms("tilt"), rms("roll"), rms("fov"),
        f"{at['world'].mean():.0f}", f"{np.median(at['world']):.0f}", *(f"{at[name].mean():.1f}" for name in ("mpjpe", "pa")),
        f"{np.nanmean(at['slide']):.1f}", f"{np.nansum(at['slide'] * at['still']) / max(at['still'].sum(), 1):.1f}",
        f"{np.nanmean(at['standing']):.3f}", f"{np.nanmean(at['heel']):.0f}", f"{at['mistaken'].sum() / max(at['moving'].sum(), 1):.3f}",
    ]  # fmt: skip


def main() -> int:
    """Prints the table; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, required=True, help="folder of rendered pairs (*.npz)")
    parser.add_argument("--every", type=int, default=1, help="judge every so many of the segments (default %(default)s)")
    parser.add_argument("--feet", default="auto")
    read = parser.parse_args()
    table = Table(
        "focal", "up", "90 %", "tilt", "roll", "fov", "world", "median", "MPJPE", "PA", "slide", "of all", "stand", "heel", "wrong"
    )  # fmt: skip
    try:
        options = CaptureOptions(feet=read.feet).check()
        chosen = split_segments(load_detections(read.data)).validation[:: max(read.every, 1)]
        if not chosen:
            raise Failure("bad_input", f"{read.data} holds no held-out people in held-out motions; render some with --only validation.")
        model = PoseModel("cpu")
        for kind in KINDS:
            table.add_row(kind, *summary([judge(s, capture(s, model, kind, options)) for s in chosen]))
    except Failure as failure:
        print(failure.message, file=sys.stderr)
        return int(failure.exit_code)
    print_wide(table, f"{len(chosen)} segments of {sum(len(s.truth) for s in chosen)} frames")
    return int(ExitCode.DONE)


if __name__ == "__main__":
    sys.exit(main())
