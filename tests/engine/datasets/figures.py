"""People made by computation: joints (T,22,3) of somebody who stands, walks, squats or lies, metres, Z up, facing -Y, the floor at 0."""

from __future__ import annotations

import numpy as np

from contract.skeleton import BODY_22
from engine.datasets.mocap import MocapClip

THIGH = SHIN = 0.43
ANKLE = 0.08
UPPER, FORE = 0.28, 0.26


def body(pelvis: np.ndarray, ankles: dict[str, np.ndarray], elbow: float = 20.0, lean: float = 5.0) -> np.ndarray:
    """pelvis (T,3), ankles {"L", "R"} (T,3); elbow, lean: degrees. Knees go where two bones of the leg's lengths meet, forwards."""
    count = len(pelvis)
    up = np.array([0.0, -np.sin(np.radians(lean)), np.cos(np.radians(lean))])
    at = {"pelvis": pelvis}
    for name, height in (("spine", 0.25), ("chest", 0.38), ("neck", 0.5), ("head", 0.6), ("head_top", 0.79)):
        at[name] = pelvis + height * up
    bent = np.radians(elbow)
    for side, sign in (("L", 1.0), ("R", -1.0)):
        hip = pelvis + np.array([sign * 0.09, 0, 0])
        ankle = ankles[side]
        along = ankle - hip
        distance = np.linalg.norm(along, axis=-1, keepdims=True)
        out = np.sqrt(np.maximum(THIGH**2 - (distance / 2) ** 2, 0))
        forward = np.array([0.0, -1.0, 0.0]) - (along / distance) * ((along / distance) @ [0.0, -1.0, 0.0])[:, None]
        knee = hip + along / 2 + out * forward / np.linalg.norm(forward, axis=-1, keepdims=True)
        shoulder = pelvis + 0.46 * up + [sign * 0.18, 0, 0]
        low = shoulder - [0, 0, UPPER]
        wrist = low + FORE * np.array([0, -np.sin(bent), -np.cos(bent)])
        hand = wrist + 0.08 * np.array([0, -np.sin(bent), -np.cos(bent)])
        toe = ankle + np.array([0, -0.17, -0.06])
        names = ("hip", "knee", "ankle", "toe", "shoulder", "elbow", "wrist", "hand")
        for name, place in zip(names, (hip, knee, ankle, toe, shoulder, low, wrist, hand), strict=True):
            at[f"{name}.{side}"] = place
    return np.stack([np.broadcast_to(at[name], (count, 3)) for name in BODY_22.joints], axis=1)


def standing(frames: int, knee: float = 15.0, elbow: float = 20.0) -> np.ndarray:
    """Somebody who stands with knees and elbows bent by so many degrees; 70 degrees and more are a crouch or a squat."""
    height = ANKLE + (THIGH + SHIN) * np.cos(np.radians(knee) / 2)
    sway = 0.005 * np.sin(np.linspace(0, 6, frames))
    pelvis = np.stack([sway, np.zeros(frames), np.full(frames, height)], axis=1)
    return body(pelvis, {side: np.tile([sign * 0.1, 0, ANKLE], (frames, 1)) for side, sign in (("L", 1.0), ("R", -1.0))}, elbow)


def walking(frames: int, speed: float = 1.2) -> np.ndarray:
    """Somebody who walks: each foot stands for half a second, in which the pelvis passes over it on a nearly straight leg."""
    time = np.arange(frames) / 30.0
    pelvis = np.stack([np.zeros(frames), -speed * time, np.zeros(frames)], axis=1)
    ankles, heights = {}, []
    for side, sign, phase in (("L", 1.0, 0.0), ("R", -1.0, 0.5)):
        cycle = (time + phase) % 1.0
        stands = cycle < 0.5
        back = np.where(stands, speed * (cycle - 0.25), speed / 4 * np.cos(2 * np.pi * (cycle - 0.5)))  # behind the pelvis
        lift = np.where(stands, 0.0, 0.1 * np.sin(2 * np.pi * (cycle - 0.5)) ** 2)
        ankles[side] = np.stack([np.full(frames, sign * 0.1), pelvis[:, 1] + back, ANKLE + lift], axis=1)
        heights.append(np.where(stands, ANKLE + np.sqrt(0.995**2 * (THIGH + SHIN) ** 2 - back**2), np.inf))
    pelvis[:, 2] = np.minimum(*heights) - 0.002
    return body(pelvis, ankles)


def lying(frames: int) -> np.ndarray:
    """Somebody who lies on the back: a standing one laid down."""
    places = standing(frames)
    return np.stack([places[..., 0], -places[..., 2] + 1.0, places[..., 1] + 0.12], axis=-1)


def clip(positions: np.ndarray, name: str, source: str = "made_up") -> MocapClip:
    """A clip of motion capture."""
    return MocapClip(source, 0, name, "me", True, 30.0, positions.astype(np.float32))


def clips(frames: int = 200) -> list[MocapClip]:
    """One clip of each kind but `upright`, as bent as the training motions once were."""
    return [
        clip(standing(frames), "stands"), clip(walking(frames), "walks"), clip(standing(frames, 100.0), "squats"),
        clip(lying(frames), "lies"),
    ]  # fmt: skip
