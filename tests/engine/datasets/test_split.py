from dataclasses import replace

import pytest

from contract.failure import Failure
from engine.datasets.detections import load_detections
from engine.datasets.mocap import load_mocap
from engine.datasets.split import FOLDS, HELD_OUT_HUMANS, HELD_OUT_SOURCES, clips_of, people_of, split_segments, training_motions
from tests.engine.datasets import figures
from tests.engine.datasets.pairs import write_pairs


def test_no_body_and_no_source_is_on_both_sides(tmp_path):
    write_pairs(tmp_path / "p.npz", segments=6)
    split = split_segments(load_detections(tmp_path))
    assert split.train and split.validation
    assert not {s.human for s in split.train} & {s.human for s in split.validation}
    assert not {s.source for s in split.train} & {s.source for s in split.validation}


def test_a_blend_is_held_out_whole_or_not_at_all(tmp_path):
    write_pairs(tmp_path / "p.npz", segments=6)
    segments = load_detections(tmp_path)
    split = split_segments(segments)
    known, kept = split.train[0], split.validation[0]
    both = [replace(known, human=f"{known.human}+{known.human}"), replace(kept, human=f"{kept.human}+{kept.human}")]
    mixed = [replace(s, human=f"{known.human}+{kept.human}") for s in (known, kept)]
    assert split_segments(both).train == both[:1] and split_segments(both).validation == both[1:]
    assert split_segments(mixed).train == [] and split_segments(mixed).validation == []


def test_validation_may_be_told_whom_to_hold_out(tmp_path):
    """Never the usual ones, which stay apart; of what is trained on otherwise, nothing is on both sides."""
    write_pairs(tmp_path / "p.npz", segments=6)
    known = split_segments(load_detections(tmp_path)).train[0]
    kept = load_detections(tmp_path)[1]
    segments = [replace(known, human=h, source=s) for h in ("teen", "adult_heavy", "adult_heavy+teen") for s in ("one", "two")] + [kept]

    def names(given):
        return [(s.human, s.source) for s in given]

    by_source = split_segments(segments, ["two"])
    assert {s.source for s in by_source.train} == {"one"} and {s.source for s in by_source.validation} == {"two"}
    by_body = split_segments(segments, ["teen"])
    assert {s.human for s in by_body.train} == {"adult_heavy"} and {s.human for s in by_body.validation} == {"teen"}
    both = split_segments(segments, ["teen", "two"])
    assert names(both.train) == [("adult_heavy", "one")] and names(both.validation) == [("teen", "two")]
    for name in (kept.human, kept.source, "nobody"):
        with pytest.raises(Failure, match=f"{name} cannot be held out; the training pairs have the bodies adult_heavy, teen"):
            split_segments(segments, [name])


def test_held_out_sources_lend_no_motions_either(shared):
    clips = load_mocap(shared / "data" / "mocap")
    held_out = sum(c.source in HELD_OUT_SOURCES for c in clips)
    assert held_out and len(training_motions(clips)) == len(clips) - held_out
    more = sum(c.source == "snu_tiling" for c in clips)
    assert more and len(training_motions(clips, ["snu_tiling"])) == len(clips) - held_out - more


def test_what_is_held_out_exists_in_the_real_data(shared):
    segments = load_detections(shared / "data" / "detections")
    assert {s.human for s in segments} >= {"adult_f", "adult_m_tall"} and {s.source for s in segments} >= HELD_OUT_SOURCES
    folder = shared / "data" / "humans"
    assert {path.stem for path in folder.rglob("*.glb")} >= HELD_OUT_HUMANS
    split = split_segments(segments)
    assert len(split.train) > 1000 and len(split.validation) > 50


def test_folds_share_nobody_and_no_motion_and_leave_nothing_out():
    names = [f"p{k}" for k in range(7)] + sorted(HELD_OUT_HUMANS)
    people = [people_of(names, fold) for fold in range(FOLDS)]
    assert sorted(name for part in people for name in part) == [f"p{k}" for k in range(7)] and len(set(map(len, people))) <= 2
    found = [figures.clip(figures.standing(60), f"{k}") for k in range(5)]
    found = [replace(clip, index=k) for k, clip in enumerate(found)]
    parts = [clips_of(found, fold) for fold in range(FOLDS)]
    assert sorted(clip.name for part in parts for clip in part) == [str(k) for k in range(5)]
