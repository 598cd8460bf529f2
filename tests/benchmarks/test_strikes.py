import numpy as np
import pytest

from benchmarks.strikes import LIMBS, STAGES, Found, chosen, rows, share, speed, stills, strikes
from contract.skeleton import BODY_22
from engine.datasets.detections import Segment


def jab(peak: float, seconds: float = 2.0, at: float = 1.0, fps: float = 30.0) -> np.ndarray:
    """(T,22,3): the left wrist moves with a speed of peak * exp(-((t - at) / 0.1)^2), all else stands."""
    t = np.arange(round(seconds * fps) + 1) / fps
    out = np.zeros((len(t), 22, 3))
    out[1:, BODY_22.index("wrist.L"), 0] = np.cumsum(peak * np.exp(-(((t[1:] - 0.5 / fps - at) / 0.1) ** 2))) / fps
    return out


def test_a_strike_is_found_where_it_is_and_measured_by_its_peak():
    wrists = speed(jab(6.0))[:, [BODY_22.index("wrist.L"), BODY_22.index("wrist.R")]]
    assert strikes(wrists, 3.0) == [(30, 0)] or strikes(wrists, 3.0) == [(29, 0)]
    assert strikes(wrists, 7.0) == []
    late = speed(jab(4.5, at=1.06))[:, BODY_22.index("wrist.L")]
    assert share(late, wrists[:, 0], 30) == pytest.approx(0.75, rel=0.03)


def test_still_stretches_are_those_in_which_nothing_moves():
    found = list(stills(speed(jab(6.0))))
    assert len(found) == 2 and found[0].start == 0 and found[1].stop == 60
    assert all(s.stop - s.start > 15 for s in found)


def test_the_fastest_and_the_still_are_chosen():
    def segment(peak, seconds):
        truth = jab(peak, seconds).astype(np.float32)
        count = len(truth)
        return Segment(
            np.zeros((count, 33, 2)), np.ones((count, 33)), np.zeros((count, 33, 3)), truth, np.ones(count, bool), "s", 0, "h", 1.7
        )

    everyone = [segment(4.0, 2.0), segment(6.0, 2.0), segment(0.0, 2.0), segment(2.0, 0.2)]
    picked = chosen(everyone, 3.0, 1)
    assert [any(s is p for p in picked) for s in everyone] == [True, True, False, False]  # the slower striker stands still for long


def test_the_last_row_is_of_all():
    motions = {}
    for name, shares in (("a", [0.9, 1.0]), ("b", [1.3])):
        motions[name] = Found([5.0] * len(shares), {s: list(shares) for s in STAGES})
    motions["b"].still = {s: [0.02, 0.04] for s in (*STAGES, "truth")}
    *_, last = rows(motions)
    assert last[:3] == ["all", "3", "5.0"] and last[3].startswith("1.00") and last[-1] == "3.0"
    assert last[6] == "67 %" and len(LIMBS) == 12
