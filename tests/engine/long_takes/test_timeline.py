from engine.long_takes.timeline import Timeline


def test_a_timeline_knows_its_frames() -> None:
    assert Timeline([slice(0, 5), slice(5, 9)], 30.0).frames == 9
    assert Timeline.of(7, 30.0).runs == [slice(0, 7)]
    assert [window.kept for window in Timeline.of(7, 30.0).windows(None)] == [slice(0, 7)]


def test_a_part_of_a_timeline() -> None:
    whole = Timeline([slice(0, 10), slice(10, 20), slice(20, 30)], 25.0)
    assert whole.cut(slice(5, 20)).runs == [slice(0, 5), slice(5, 15)]
    assert whole.cut(slice(12, 18)).runs == [slice(0, 6)]
    assert whole.cut(slice(None)) == whole
