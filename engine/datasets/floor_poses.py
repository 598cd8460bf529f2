"""Poses of people on the floor, a few angles each, drawn within what joints allow: kinds, how often, and which lead to which."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
from scipy.spatial.transform import Rotation


@dataclass(frozen=True)
class Leg:
    """Degrees. hip: thigh forwards, outwards, turned inwards; knee bent; foot: toes down."""

    hip: tuple[float, float, float]
    knee: float
    foot: float = 20.0


@dataclass(frozen=True)
class Arm:
    """Degrees. hand: from the shoulder forwards (180: over the head) and outwards; elbow bent; elbow_out: 0 to the back, 90 aside."""

    hand: tuple[float, float]
    elbow: float
    elbow_out: float = 30.0


@dataclass(frozen=True)
class Pose:
    """Degrees. lies: how somebody who stands facing -Y is turned to lie so (a rotation vector). trunk, head: bent forwards, to the left,
    turned left. support: joints on the floor, whose plane decides how the body lies; `lies` says only roughly then."""

    lies: tuple[float, float, float]
    legs: tuple[Leg, Leg]
    arms: tuple[Arm, Arm]
    trunk: tuple[float, float, float] = (0.0, 0.0, 0.0)
    head: tuple[float, float, float] = (0.0, 0.0, 0.0)
    support: tuple[str, ...] = ()

    @property
    def carried(self) -> float:
        """1 of who is up on hands, elbows, knees or feet, 0 of who lies or sits."""
        return float(bool(self.support) and "shoulder.L" not in self.support)


def _both(draw: Callable[[], tuple[float, ...]], random: np.random.Generator, alike: float) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Two draws, as often as `alike` says the second nearly the first."""
    first = draw()
    second = tuple(v + random.normal(0, 4) for v in first) if random.random() < alike else draw()
    return first, second


def _legs(random: np.random.Generator, alike: float, *ranges: tuple[float, float]) -> tuple[Leg, Leg]:
    """ranges: hip forwards, outwards, inwards, knee, foot."""
    a, b = _both(lambda: tuple(random.uniform(*r) for r in ranges), random, alike)
    return Leg((a[0], a[1], a[2]), max(a[3], 0), a[4]), Leg((b[0], b[1], b[2]), max(b[3], 0), b[4])


def _arms(random: np.random.Generator, alike: float, *ranges: tuple[float, float]) -> tuple[Arm, Arm]:
    """ranges: hand forwards, outwards, elbow, elbow aside."""
    a, b = _both(lambda: tuple(random.uniform(*r) for r in ranges), random, alike)
    return Arm((a[0], a[1]), max(a[2], 0), a[3]), Arm((b[0], b[1]), max(b[2], 0), b[3])


def _small(random: np.random.Generator, *sigma: float) -> tuple[float, float, float]:
    return (float(random.normal(0, sigma[0])), float(random.normal(0, sigma[1])), float(random.normal(0, sigma[2])))


def _bent(random: np.random.Generator, forwards: tuple[float, float], aside: float, turned: float) -> tuple[float, float, float]:
    """Of a trunk or head: bent forwards evenly between two angles, to the side and turned by what is normal with these deviations."""
    return (float(random.uniform(*forwards)), float(random.normal(0, aside)), float(random.normal(0, turned)))


def _plank(random: np.random.Generator) -> Pose:
    knees = random.random() < 0.2
    arms = _arms(random, 0.9, (70, 110), (0, 25), (0, 110), (0, 80))
    legs = _legs(random, 0.85, (-5, 20), (0, 18), (-5, 5), (70, 110) if knees else (0, 15), (-20, 20))
    ends = "knee" if knees else "toe"
    return Pose((90, 0, 0), legs, arms, _small(random, 8, 3, 4), _bent(random, (-50, 15), 5, 15),
                ("wrist.L", "wrist.R", f"{ends}.L", f"{ends}.R"))  # fmt: skip


def _forearms(random: np.random.Generator) -> Pose:
    legs = _legs(random, 0.85, (-5, 25), (0, 15), (-5, 5), (0, 20), (-20, 20))
    arms = _arms(random, 0.9, (105, 135), (0, 20), (75, 105), (-20, 20))
    return Pose((90, 0, 0), legs, arms, _small(random, 8, 4, 4), _bent(random, (-40, 20), 5, 15),
                ("elbow.L", "elbow.R", "toe.L", "toe.R"))  # fmt: skip


def _all_fours(random: np.random.Generator) -> Pose:
    legs = _legs(random, 0.35, (55, 125), (0, 20), (-10, 10), (60, 125), (0, 75))
    arms = _arms(random, 0.35, (55, 120), (-5, 20), (0, 60), (0, 60))
    return Pose((90, 0, 0), legs, arms, _bent(random, (-23, 33), 6, 8),
                _bent(random, (-60, 30), 8, 20), ("wrist.L", "wrist.R", "knee.L", "knee.R"))  # fmt: skip


def _bear(random: np.random.Generator) -> Pose:
    legs = _legs(random, 0.5, (60, 130), (0, 20), (-10, 10), (20, 90), (-25, 30))
    arms = _arms(random, 0.5, (70, 150), (-5, 20), (0, 50), (0, 60))
    return Pose((90, 0, 0), legs, arms, _bent(random, (-16, 32), 6, 6),
                _bent(random, (-40, 40), 8, 20), ("wrist.L", "wrist.R", "toe.L", "toe.R"))  # fmt: skip


def _supine(random: np.random.Generator) -> Pose:
    bent = random.random()
    ranges = ((-5, 10), (0, 25), (-25, 5), (0, 15), (10, 60)) if bent < 0.4 else ((20, 75), (-5, 30), (-15, 10), (40, 125), (0, 45))
    if bent > 0.8:
        ranges = ((30, 110), (0, 25), (-10, 10), (0, 100), (0, 50))  # legs in the air
    arms = _arms(random, 0.5, (-10, 180), (0, 70), (0, 110), (0, 90))
    return Pose((-90, random.normal(0, 6), random.normal(0, 6)), _legs(random, 0.6, *ranges), arms,
                _bent(random, (-5, 25), 6, 8), _bent(random, (-10, 35), 10, 30))  # fmt: skip


def _prone(random: np.random.Generator) -> Pose:
    legs = _legs(random, 0.6, (-8, 8), (0, 30), (-30, 10), (0, 95) if random.random() < 0.3 else (0, 12), (30, 80))
    arms = _arms(random, 0.6, (-10, 175), (0, 60), (0, 120), (30, 100))
    return Pose((90, random.normal(0, 6), random.normal(0, 6)), legs, arms, _bent(random, (-35, 5), 5, 6),
                _bent(random, (-45, 5), 10, 35))  # fmt: skip


def _aside(random: np.random.Generator) -> Pose:
    side = random.choice([-1.0, 1.0])
    turn = Rotation.from_euler("x", -90, degrees=True) * Rotation.from_euler("z", side * random.uniform(55, 115), degrees=True)
    legs = _legs(random, 0.4, (0, 90), (-5, 15), (-10, 10), (5, 110), (0, 50))
    arms = _arms(random, 0.3, (10, 130), (-10, 40), (0, 120), (0, 90))
    lies = np.degrees(turn.as_rotvec())
    return Pose((float(lies[0]), float(lies[1]), float(lies[2])), legs, arms, _bent(random, (-5, 25), 8, 10),
                _small(random, 15, 12, 20))  # fmt: skip


def _sitting(random: np.random.Generator) -> Pose:
    back = random.uniform(-30, 20)
    how = random.random()
    if how < 0.4:
        ranges = ((60 - back, 100 - back), (0, 35), (-30, 5), (0, 25), (0, 40))  # legs ahead
    elif how < 0.75:
        ranges = ((75, 125), (0, 35), (-20, 10), (60, 130), (0, 40))  # knees up
    else:
        ranges = ((75, 105), (45, 65), (-60, -30), (105, 140), (0, 40))  # cross-legged
    hands = (-60, -20) if back < -10 and random.random() < 0.7 else (0, 95)  # behind, or anywhere
    arms = _arms(random, 0.6, hands, (0, 35), (0, 30) if hands[1] < 0 else (0, 110), (0, 60))
    return Pose((back, random.normal(0, 4), 0.0), _legs(random, 0.7, *ranges), arms, _bent(random, (-5, 35), 7, 12),
                _small(random, 15, 8, 25))  # fmt: skip


def _kneeling(random: np.random.Generator) -> Pose:
    legs = _legs(random, 0.8, (0, 60), (0, 20), (-10, 10), (75, 150), (30, 80))
    arms = _arms(random, 0.5, (-20, 130), (0, 60), (0, 110), (0, 70))
    return Pose((random.uniform(-10, 25), 0.0, 0.0), legs, arms, _bent(random, (-10, 35), 7, 12), _small(random, 15, 8, 25))


def _half_kneeling(random: np.random.Generator) -> Pose:
    up = Leg((random.uniform(70, 110), random.uniform(0, 20), 0.0), random.uniform(70, 120), random.uniform(-10, 20))
    down = Leg((random.uniform(-10, 25), random.uniform(0, 12), 0.0), random.uniform(75, 110), random.uniform(-10, 60))
    arms = _arms(random, 0.4, (-20, 110), (0, 45), (0, 100), (0, 70))
    legs = (up, down) if random.random() < 0.5 else (down, up)
    return Pose((random.uniform(-5, 30), 0.0, 0.0), legs, arms, _bent(random, (-5, 30), 7, 12), _small(random, 15, 8, 25))


def _squatting(random: np.random.Generator) -> Pose:
    legs = _legs(random, 0.85, (60, 125), (5, 30), (-20, 5), (70, 145), (-25, 10))
    arms = _arms(random, 0.6, (10, 110), (0, 30), (0, 100), (0, 70))
    return Pose((15.0, 0.0, 0.0), legs, arms, _bent(random, (5, 40), 6, 8), _small(random, 15, 8, 20),
                ("ankle.L", "ankle.R", "toe.L", "toe.R"))  # fmt: skip


def _bridge(random: np.random.Generator) -> Pose:
    legs = _legs(random, 0.85, (-15, 25), (0, 20), (-5, 5), (70, 115), (0, 30))
    arms = _arms(random, 0.8, (-30, 10), (5, 40), (0, 20), (0, 40))
    return Pose((-90, 0, 0), legs, arms, _small(random, 5, 3, 3), (random.uniform(10, 40), 0.0, 0.0),
                ("shoulder.L", "shoulder.R", "ankle.L", "ankle.R"))  # fmt: skip


POSES: Final[Mapping[str, Callable[[np.random.Generator], Pose]]] = {
    "plank": _plank, "forearms": _forearms, "all fours": _all_fours, "bear": _bear, "supine": _supine, "prone": _prone, "aside": _aside,
    "sitting": _sitting, "kneeling": _kneeling, "half kneeling": _half_kneeling, "squatting": _squatting, "bridge": _bridge,
}  # fmt: skip
SHARES: Final = {
    "plank": 0.16, "forearms": 0.04, "all fours": 0.18, "bear": 0.06, "supine": 0.16, "prone": 0.09, "aside": 0.08, "sitting": 0.1,
    "kneeling": 0.05, "half kneeling": 0.03, "squatting": 0.03, "bridge": 0.02,
}  # fmt: skip
NEIGHBOURS: Final = {
    "plank": ("prone", "all fours", "bear", "forearms"),
    "forearms": ("plank", "prone"),
    "all fours": ("plank", "kneeling", "bear", "prone"),
    "bear": ("all fours", "plank", "squatting"),
    "supine": ("aside", "sitting", "bridge"),
    "prone": ("plank", "aside", "all fours"),
    "aside": ("supine", "prone", "sitting"),
    "sitting": ("supine", "aside", "kneeling", "half kneeling", "squatting"),
    "kneeling": ("all fours", "half kneeling", "sitting"),
    "half kneeling": ("kneeling", "squatting"),
    "squatting": ("half kneeling", "bear"),
    "bridge": ("supine",),
}
