"""Pictures of a room from cameras that are known: drawn from a texture on the sphere of directions, so that every turn is exact."""

from __future__ import annotations

import numpy as np

SIZE = 320, 240
FOCAL = 300.0


def texture(seed: int = 0) -> np.ndarray:
    """(180,720) grey over height and bearing, half a degree each: soft blobs."""
    noise = np.random.default_rng(seed).uniform(0, 255, (45, 180))
    return np.kron(noise, np.ones((4, 4)))


def picture(rotation: np.ndarray, seen: np.ndarray, focal: float = FOCAL) -> np.ndarray:
    """(240,320,3) RGB of the directions around a camera whose axes `rotation` (3,3) turns to those of the room."""
    x, y = np.meshgrid(np.arange(SIZE[0]) + 0.5, np.arange(SIZE[1]) + 0.5)
    rays = np.stack([(x - SIZE[0] / 2) / focal, (y - SIZE[1] / 2) / focal, np.ones_like(x)], -1) @ rotation.T
    bearing = np.degrees(np.arctan2(rays[..., 0], rays[..., 2])) * 2 + 360
    height = np.degrees(np.arctan2(rays[..., 1], np.hypot(rays[..., 0], rays[..., 2]))) * 2 + 90
    left, top = np.floor(bearing).astype(int), np.clip(np.floor(height).astype(int), 0, 178)
    u, v = bearing - left, np.clip(height - top, 0, 1)
    upper = seen[top, left % 720] * (1 - u) + seen[top, (left + 1) % 720] * u
    lower = seen[top + 1, left % 720] * (1 - u) + seen[top + 1, (left + 1) % 720] * u
    return np.repeat(np.rint(upper * (1 - v) + lower * v).astype(np.uint8)[..., None], 3, -1)


def turned(yaw: float, pitch: float = 0.0, roll: float = 0.0) -> np.ndarray:
    """(3,3) camera axes to those of the room; degrees."""
    y, p, r = np.radians([yaw, pitch, roll])
    about_y = np.array([[np.cos(y), 0, np.sin(y)], [0, 1, 0], [-np.sin(y), 0, np.cos(y)]])
    about_x = np.array([[1, 0, 0], [0, np.cos(p), -np.sin(p)], [0, np.sin(p), np.cos(p)]])
    about_z = np.array([[np.cos(r), -np.sin(r), 0], [np.sin(r), np.cos(r), 0], [0, 0, 1]])
    return about_y @ about_x @ about_z
