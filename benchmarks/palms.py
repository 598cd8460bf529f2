"""Does the detector see how a hand is turned? Renders people whose forearms are turned by known angles and reads the palm.

    python benchmarks/palms.py --humans HUMANS --mocap MOCAP [--segments 40] [--larger 1] [--seed 1] [--only training]

HUMANS and MOCAP as for `python -m engine.datasets.rendering` (docs/data.md), whose motions turn no forearm. Here each is turned about its
own line by up to 85 degrees to either side, half of it in the forearm and all of it in the hand, by an angle that swings slowly. The palm
is read from the detector's world landmarks: from the little finger to the index finger, at right angles to the hand, as an angle from where
a hand lies that is not turned. Everything else (arm, hand, that angle's zero) is the exact truth, so that only the palm is judged. Prints,
by how surely the hand is seen and how it is turned: frames, the mean of what is read, how alike the readings are (1: all the same, 0: any),
and the mean error in degrees of the readings, and of saying that no hand is turned. `--larger`: that many times the pixels each way.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402
import numpy.typing as npt  # noqa: E402
import torch  # noqa: E402
from rich.table import Table  # noqa: E402
from scipy.spatial.transform import Rotation  # noqa: E402

from benchmarks.wide import print_wide  # noqa: E402
from contract.failure import ExitCode, Failure  # noqa: E402
from contract.options import CHOICES, DEFAULT_DETECTOR  # noqa: E402
from contract.skeleton import BODY_22  # noqa: E402
from engine.datasets.drive_human import Drive  # noqa: E402
from engine.datasets.human import Human, joints, read_human  # noqa: E402
from engine.datasets.mocap import MocapClip, load_mocap  # noqa: E402
from engine.datasets.motion_draw import MotionDraw  # noqa: E402
from engine.datasets.rendering import Renderer  # noqa: E402
from engine.datasets.shot import FPS, Shot, make_shot  # noqa: E402
from engine.datasets.split import HELD_OUT_HUMANS, HELD_OUT_SOURCES  # noqa: E402
from engine.detection.detector import Detector  # noqa: E402
from engine.detection.landmarks import LANDMARKS  # noqa: E402
from engine.footage.video import Frame  # noqa: E402
from engine.kinematics.turns import direction, swing  # noqa: E402
from engine.lifter.codec import view_rotation  # noqa: E402

Array = npt.NDArray[np.float64]

SIDES = {"L": "Left", "R": "Right"}
FARTHEST = 85.0  # degrees that a forearm is turned at most
SURE = (0.0, 0.5, 0.85, 0.95)  # visibility of the least sure of the hand's landmarks
TURNED = (-90, -45, -15, 15, 45, 90)  # degrees
_TRUNK = [LANDMARKS.index(f"{joint}.{side}") for joint in ("hip", "shoulder") for side in "LR"]


@dataclass(frozen=True)
class Palm:
    """One hand in the frames in which a person was found: how far it is `turned` and how far it is `read` to be, (T,) degrees, mirrored for
    the right hand; `sure` (T,) 0..1, the visibility of its least sure landmark."""

    turned: Array
    read: Array
    sure: Array


def across(human: Human, side: str) -> Array:
    """(3,) unit vector of the rest pose from the little finger's knuckle to the index finger's, at right angles to the hand.

    It is the direction in which the mesh of the knuckles is widest."""
    bone, rest = human.bone_names.index(f"{SIDES[side]}FingerBase"), human.rest.head
    share = (human.weights * (human.bones == bone)).sum(1)
    hand = direction(rest[f"{SIDES[side]}HandFinger1"] - rest[f"{SIDES[side]}Hand"])
    knuckles = human.vertices[share > 0.5]
    knuckles = _square(knuckles - knuckles.mean(0), hand)
    widest = np.linalg.svd(knuckles, full_matrices=False)[2][0]
    return np.asarray(widest * np.sign(widest @ (rest[f"{side}Thumb"] - rest[f"{SIDES[side]}FingerBase"])))


def turn_forearms(shot: Shot, turned: dict[str, Array]) -> Shot:
    """The shot with the forearms turned by `turned` (T,) radians about the way from elbow to wrist; hands point where they did."""
    turns, at = dict(shot.pose.rotation), {name: shot.truth[:, j] for j, name in enumerate(BODY_22.joints)}
    rest = shot.human.rest
    for side, name in SIDES.items():
        along = direction(at[f"wrist.{side}"] - at[f"elbow.{side}"])
        half = Rotation.from_rotvec(along * turned[side][:, None] / 2).as_matrix()
        turns[f"{name}ForeArm"] = half @ shot.pose.rotation[f"{name}ForeArm"]
        whole = half @ turns[f"{name}ForeArm"]
        held = whole @ (rest.head[f"{name}FingerBase"] - rest.head[f"{name}Hand"])
        hand = swing(held, at[f"hand.{side}"] - at[f"wrist.{side}"]) @ whole
        carried = {f"{name}Hand"}
        for bone, parent in rest.parent.items():
            if bone in carried or parent in carried:
                carried.add(bone)
                turns[bone] = hand
    return replace(shot, pose=Drive(turns, shot.pose.root))


def read_palm(world: Array, side: str, hand: Array, zero: Array) -> Array:
    """(T,) degrees about `hand` (T,3) unit from `zero` (T,3) unit to the palm of world landmarks (T,33,3), mirrored for the right."""
    palm = _square(world[:, LANDMARKS.index(f"index.{side}")] - world[:, LANDMARKS.index(f"pinky.{side}")], hand)
    angle = np.degrees(np.arctan2((np.cross(zero, palm) * hand).sum(-1), (zero * palm).sum(-1)))
    return np.asarray(angle if side == "L" else -angle)


def palms(shot: Shot, turned: dict[str, Array], rows: list[npt.NDArray[np.float32] | None]) -> Iterator[Palm]:
    """Both hands of a shot whose forearms are turned by `turned` (T,) radians, by what the detector said of each frame."""
    found = np.array([row is not None for row in rows])
    if not found.any():
        return
    values = np.stack([row for row in rows if row is not None]).astype(float)
    slopes = (values[:, _TRUNK, :2].mean(1) - np.array(shot.camera.size) / 2) / shot.camera.focal
    view = view_rotation(torch.from_numpy(slopes)).numpy()
    world = np.einsum("tij,tkj->tki", view, values[..., 3:])
    at = shot.camera.axes(joints(shot.human, shot.pose))[found]
    for side, name in SIDES.items():
        hand = direction(at[:, BODY_22.index(f"hand.{side}")] - at[:, BODY_22.index(f"wrist.{side}")])
        true = (shot.pose.rotation[f"{name}Hand"][found] @ across(shot.human, side))
        true = (shot.camera.rotation[found] @ true[..., None])[..., 0]
        angle = turned[side][found]
        # a hand at rest lies in line with its forearm, so that a turn about that one is a turn about the hand's own line
        zero = np.asarray(Rotation.from_rotvec(-hand * angle[:, None]).apply(direction(_square(true, hand))))
        seen = values[:, [LANDMARKS.index(f"{part}.{side}") for part in ("wrist", "pinky", "index", "thumb")], 2].min(1)
        yield Palm(np.degrees(angle if side == "L" else -angle), read_palm(world, side, hand, zero), seen)


def measure(
    humans: list[Human], clips: list[MocapClip], segments: int, larger: float, random: np.random.Generator, model: str = DEFAULT_DETECTOR
) -> list[Palm]:
    """The palms of so many rendered segments, as that model of the detector reads them."""
    detector = Detector(model)
    out: list[Palm] = []
    motions = MotionDraw(clips)
    with Renderer() as renderer:
        for _ in range(segments):
            shot = make_shot(humans, motions, random)
            width, height = (int(larger * side) for side in shot.camera.size)
            camera = replace(shot.camera, focal=shot.camera.focal * larger, size=(width, height))
            turned = {side: _swinging(len(shot.truth), random) for side in SIDES}
            shot = turn_forearms(replace(shot, camera=camera), turned)
            frames = (Frame(k, k / FPS, picture) for k, picture in enumerate(renderer.frames(shot, random)))
            out += palms(shot, turned, [row for _, row in detector.rows(frames)])
    return out


def rows_of(found: list[Palm]) -> list[list[str]]:
    """The table's lines."""
    turned, read, sure = (np.concatenate([getattr(palm, name) for palm in found]) for name in ("turned", "read", "sure"))
    off = np.abs((read - turned + 180) % 360 - 180)
    lines = []
    for low, high in zip(SURE, (*SURE[1:], 1.01), strict=True):
        for first, last in pairwise(TURNED):
            chosen = (sure >= low) & (sure < high) & (turned >= first) & (turned < last)
            if chosen.any():
                mean = np.exp(1j * np.radians(read[chosen])).mean()
                lines.append([
                    f"{low:.2f}-{min(high, 1):.2f}", f"{first} to {last}", str(chosen.sum()), f"{np.degrees(np.angle(mean)):.0f}",
                    f"{abs(mean):.2f}", f"{off[chosen].mean():.0f}", f"{np.abs(turned[chosen]).mean():.0f}",
                ])  # fmt: skip
    return lines


def _swinging(frames: int, random: np.random.Generator) -> Array:
    """(T,) radians: a turn that swings slowly about one that stays."""
    seconds = np.arange(frames) / FPS
    wave = random.uniform(0, 60) * np.sin(2 * np.pi * (random.uniform(0.2, 1.0) * seconds + random.random()))
    return np.asarray(np.radians(np.clip(random.uniform(-60, 60) + wave, -FARTHEST, FARTHEST)))


def _square(vectors: Array, to: Array) -> Array:
    """The part of the vectors at right angles to unit vectors."""
    return vectors - (vectors * to).sum(-1, keepdims=True) * to


def main() -> int:
    """Prints the table; returns the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--humans", type=Path, required=True, help="folder of skinned humans (*.glb)")
    parser.add_argument("--mocap", type=Path, required=True, help="folder of motion capture (*.npz)")
    parser.add_argument("--segments", type=int, default=40, help="of 60 to 100 frames (default %(default)s)")
    parser.add_argument("--larger", type=float, default=1.0, help="times the pixels each way (default %(default)s)")
    parser.add_argument("--only", choices=("training", "validation"), default="training", help="which bodies and sources of motion")
    parser.add_argument("--detector", choices=CHOICES["detector"], default=DEFAULT_DETECTOR)
    parser.add_argument("--seed", type=int, default=1)
    read = parser.parse_args()
    try:
        held_out = read.only == "validation"
        humans = [h for h in map(read_human, sorted(read.humans.glob("*.glb"))) if (h.name in HELD_OUT_HUMANS) == held_out]
        clips = [clip for clip in load_mocap(read.mocap) if (clip.source in HELD_OUT_SOURCES) == held_out]
        if not humans or not clips:
            raise Failure("no_such_file", "There are no humans (.glb) or no motions there; check the paths.")
        found = measure(humans, clips, read.segments, read.larger, np.random.default_rng(read.seed), read.detector)
    except Failure as failure:
        print(failure.message, file=sys.stderr)
        return int(failure.exit_code)
    table = Table("visibility", "turned, degrees", "frames", "mean reading", "alike", "error of the reading", "of no turn")
    for line in rows_of(found):
        table.add_row(*line)
    print_wide(table, f"{sum(len(palm.read) for palm in found)} hands and frames, {read.segments} segments")
    return int(ExitCode.DONE)


if __name__ == "__main__":
    sys.exit(main())
