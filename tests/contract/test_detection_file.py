from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from contract.detection_file import (
    FARTHEST,
    GRID,
    SCHEMA,
    DetectionFile,
    Facts,
    OtherPeople,
    SeenBackground,
    corners_rounded,
    load_detection,
    packed,
    rounded,
    save_detection,
    unpacked,
)
from contract.failure import Failure
from contract.marks import made_by_us

FACTS = Facts(
    name="clip.mp4", sha256="ab" * 32, bytes=1234, width=640, height=480, fps=29.97, frame_count=90, duration=3.003, rotation=90,
    variable_rate=False, fov_degrees=61.5, file_fps=29.97, mirrored=False, first=10, span=(1.0, 2.0), start="1", end="61f",
    detector="heavy", weights="cd" * 32, versions={"mediapipe": "1.2"}, cores=2, warnings=(("truncated", "It is cut off."),),
)  # fmt: skip


def a_detection(frames: int = 40) -> DetectionFile:
    """Somebody who trembles, with a frame without anybody and one that was not looked at."""
    rng = np.random.default_rng(4)
    frame = np.delete(np.arange(frames), [3, 7]).astype(np.int32)
    steps = rng.normal(size=(len(frame), 33, 6)) * [1.5, 1.5, 0.01, 0.005, 0.005, 0.008]
    rows = rounded(np.cumsum(steps, axis=0) + np.array([300, 200, 0.5, 0.1, -0.4, 0.0]))
    return DetectionFile(np.arange(frames) / 29.97, np.arange(frames) == 7, frame, rows, FACTS)


def test_a_detection_comes_back_as_it_was(tmp_path: Path) -> None:
    kept = a_detection()
    save_detection(kept, tmp_path / "a.npz")
    back = load_detection(tmp_path / "a.npz")
    for name in ("times", "skipped", "frame", "rows"):
        before, after = getattr(kept, name), getattr(back, name)
        assert before.dtype == after.dtype
        np.testing.assert_array_equal(before, after, name)
    assert back.facts == FACTS
    assert made_by_us(tmp_path / "a.npz") and [path.name for path in tmp_path.iterdir()] == ["a.npz"]


def test_what_was_seen_of_the_background_comes_back_to_the_last_bit(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    corners = corners_rounded(rng.uniform(0, 640, (1, 60, 4)) + np.cumsum(rng.normal(size=(30, 60, 4)), axis=0))
    corners[rng.uniform(size=(30, 60)) < 0.3, 2:] = np.nan
    corners[:, 50:] = np.nan
    seen = SeenBackground(np.arange(10, 40, dtype=np.int32), np.repeat([10, 20], 15).astype(np.int32), corners,
                          np.array([10, 10, 35], np.int32), corners_rounded(rng.uniform(0, 640, (3, 4))))  # fmt: skip
    kept = dataclasses.replace(a_detection(), seen=seen)
    save_detection(kept, tmp_path / "a.npz")
    back = load_detection(tmp_path / "a.npz").seen
    assert back is not None
    for name in ("frame", "key", "corners", "line_frame", "lines"):
        before, after = getattr(seen, name), getattr(back, name)
        assert before.dtype == after.dtype
        np.testing.assert_array_equal(before, after, name)
    save_detection(dataclasses.replace(kept, seen=dataclasses.replace(seen, key=seen.key[::-1].copy())), tmp_path / "b.npz")
    with pytest.raises(Failure, match="its background is in no order"):
        load_detection(tmp_path / "b.npz")


def test_a_detection_without_anybody_comes_back_too(tmp_path: Path) -> None:
    kept = dataclasses.replace(a_detection(), frame=np.zeros(0, np.int32), rows=np.zeros((0, 33, 6), np.float32))
    save_detection(kept, tmp_path / "a.npz")
    assert load_detection(tmp_path / "a.npz").rows.shape == (0, 33, 6)


def test_packed_is_what_the_documentation_says_and_as_small(tmp_path: Path) -> None:
    """Read again by a plain loop; a minute of somebody who trembles by 1.5 pixels and 5 mm."""
    kept = a_detection(1800)
    low, high = packed(kept.rows)
    for mark, column in ((0, 0), (5, 2), (32, 5)):
        place = 0
        for k in range(200):
            folded = int(low[mark, column, k]) + 256 * int(high[mark, column, k])
            place += -(folded + 1) // 2 if folded % 2 else folded // 2
            assert place / GRID[column] == kept.rows[k, mark, column]
    save_detection(kept, tmp_path / "a.npz")
    assert (tmp_path / "a.npz").stat().st_size < 500_000
    np.testing.assert_array_equal(unpacked(low, high), kept.rows)


def test_what_is_far_out_of_the_picture_stays_on_the_grid() -> None:
    far = np.full((2, 33, 6), 1e9)
    far[1] *= -1
    rows = rounded(far)
    assert np.isfinite(rows).all() and np.abs(rows * GRID).max() == FARTHEST
    np.testing.assert_array_equal(unpacked(*packed(rows)), rows)


def arrays_of(kept: DetectionFile) -> dict[str, Any]:
    low, high = packed(kept.rows)
    facts = json.dumps(dataclasses.asdict(kept.facts))
    return {"schema": SCHEMA, "times": kept.times, "skipped": kept.skipped, "frame": kept.frame, "low": low, "high": high, "facts": facts}


def facts_with(**changed: Any) -> str:
    return json.dumps(dataclasses.asdict(FACTS) | changed)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"schema": "kinolift.motion/1"}, "its schema is 'kinolift.motion/1'"),
        ({"low": None}, "it lacks low"),
        ({"times": np.arange(40.0)[::-1]}, "times do not rise"),
        ({"times": np.arange(39.0)}, "is due"),
        ({"times": np.zeros((2, 20))}, "no list"),
        ({"frame": np.arange(38, dtype=np.int32)[::-1].copy()}, "in no order"),
        ({"frame": np.arange(38, dtype=np.int32) + 9}, "in no order"),
        ({"frame": np.arange(38, dtype=np.int64)}, "is due"),
        ({"skipped": np.ones(40, bool)}, "not looked at"),
        ({"high": np.full((33, 6, 38), 65535, np.uint16)}, "outside of any picture"),
        ({"facts": "{}"}, "facts are not those"),
        ({"facts": "[1"}, "line 1"),
        ({"facts": facts_with(fps="30")}, "its fps is '30'"),
        ({"facts": facts_with(width=-3)}, "its width is -3"),
        ({"facts": facts_with(span=[2.0, 1.0])}, "ends before it begins"),
        ({"facts": facts_with(warnings=[["a"]])}, "warnings are no texts"),
        ({"facts": facts_with(bytes=1.5)}, "its bytes is 1.5"),
        ({"facts": facts_with(mirrored=0)}, "flags"),
    ],
)
def test_a_file_that_is_not_one_is_told_in_a_sentence(tmp_path: Path, changed: dict[str, Any], said: str) -> None:
    arrays = {name: value for name, value in (arrays_of(a_detection()) | changed).items() if value is not None}
    np.savez_compressed(tmp_path / "a.npz", **arrays)
    with pytest.raises(Failure, match=said) as failure:
        load_detection(tmp_path / "a.npz")
    assert failure.value.code == "bad_input" and failure.value.message.endswith("; capture the video again.")


def test_a_damaged_file_is_told_in_a_sentence(tmp_path: Path) -> None:
    save_detection(a_detection(), tmp_path / "a.npz")
    whole = (tmp_path / "a.npz").read_bytes()
    for damaged in (whole[: len(whole) // 2], whole[:900] + bytes(300) + whole[1200:], b""):
        (tmp_path / "b.npz").write_bytes(damaged)
        with pytest.raises(Failure, match="not a detection file that can be read") as failure:
            load_detection(tmp_path / "b.npz")
        assert failure.value.message.count("\n") == 0


def other_people() -> OtherPeople:
    rng = np.random.default_rng(6)
    frame = np.r_[np.arange(8, 30), np.arange(20, 40)].astype(np.int32)
    rows = rounded(np.cumsum(rng.normal(size=(42, 33, 6)), axis=0) + 200)
    dressed, wearer = np.array([0, 9, 25], np.int32), np.array([0, 1, 2], np.int32)
    return OtherPeople(frame, np.repeat([1, 2], (22, 20)).astype(np.int32), rows, dressed, wearer, rng.integers(0, 255, (3, 40), np.uint8))


def test_others_come_back_to_the_last_bit(tmp_path: Path) -> None:
    kept = dataclasses.replace(a_detection(), others=other_people(), facts=dataclasses.replace(FACTS, people=3))
    save_detection(kept, tmp_path / "a.npz")
    back = load_detection(tmp_path / "a.npz")
    assert back.others is not None and back.facts.people == 3
    for field in dataclasses.fields(OtherPeople):
        before, after = getattr(kept.others, field.name), getattr(back.others, field.name)
        assert before.dtype == after.dtype
        np.testing.assert_array_equal(before, after, field.name)


@pytest.mark.parametrize(
    ("name", "wrong", "said"),
    [
        ("slot", np.zeros(42, np.int32), "numbered wrongly"),
        ("slot", np.full(42, 8, np.int32), "numbered wrongly"),
        ("wearer", np.array([0, -1, 2], np.int32), "numbered wrongly"),
        ("frame", np.full(42, 40, np.int32), "frames that there are not"),
        ("dressed", np.array([0, 1, 4000], np.int32), "frames that there are not"),
        ("frame", np.full(42, 5, np.int32), "in no order"),
        ("frame", np.r_[np.arange(7, 29), np.arange(20, 40)].astype(np.int32), "in no order"),
        ("colours", np.zeros((3, 39), np.uint8), "colours is"),
        ("dressed", np.zeros((3, 1), np.int32), "no list"),
    ],
)
def test_others_that_cannot_be_are_refused(tmp_path: Path, name: str, wrong: Any, said: str) -> None:
    kept = dataclasses.replace(a_detection(), others=dataclasses.replace(other_people(), **{name: wrong}))
    save_detection(kept, tmp_path / "a.npz")
    with pytest.raises(Failure, match=said):
        load_detection(tmp_path / "a.npz")


def test_files_of_before_anybody_else_was_looked_for_are_read(tmp_path: Path) -> None:
    save_detection(a_detection(), tmp_path / "a.npz")
    with np.load(tmp_path / "a.npz") as file:
        arrays = dict(file)
    facts = json.loads(str(arrays["facts"]))
    del facts["people"]
    arrays["facts"] = np.array(json.dumps(facts))
    np.savez(tmp_path / "b.npz", **arrays)
    assert load_detection(tmp_path / "b.npz").facts.people == 1
