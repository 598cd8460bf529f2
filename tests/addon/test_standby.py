"""The worker that stays after a capture: what is refined is ordered from it, and whatever befalls it, the order is done."""

from __future__ import annotations

import os
import signal
import time

import pytest
from kinolift_extension.addon import standby, worker
from kinolift_extension.addon.capture import Capture
from kinolift_extension.contract.failure import Failure
from kinolift_extension.contract.options import CaptureOptions

OPTIONS = CaptureOptions()


@pytest.fixture(autouse=True)
def alone():
    yield
    standby.end()
    worker.end_all()


@pytest.fixture
def video(tmp_path):
    path = tmp_path / "dance.mp4"
    path.write_bytes(b"not looked at")
    return path


@pytest.fixture
def kept(tmp_path):
    path = tmp_path / "detection.npz"
    path.write_bytes(b"not looked at either")
    return path


def done(capture):
    """The process that made the motion."""
    until = time.monotonic() + 30
    while not capture.finished:
        capture.poll(0.05)
        assert time.monotonic() < until
    try:
        return capture.motion().provenance["process"]
    finally:
        capture.close()
        capture.close()  # twice is as once


def test_what_is_made_of_a_detection_is_made_by_the_worker_that_stayed(fake_python, video, kept):
    fake_python("stays")
    first = done(Capture(video, OPTIONS, stay=True))
    assert done(Capture(kept, OPTIONS, stay=True)) == first
    second = Capture(kept, CaptureOptions(height=1.9), stay=True)
    done(second)
    words = second.takes()[0].motion.provenance["words"]
    assert words[:2] == ["capture", str(kept)] and words[words.index("--height") + 1] == "1.9"
    assert done(Capture(kept, OPTIONS, stay=True)) == first
    assert done(Capture(kept, OPTIONS)) != first, "who does not ask for it gets a worker of its own"
    assert len(worker._alive) == 1, "and the one that stands by goes on standing by"
    assert done(Capture(video, OPTIONS, stay=True)) != first, "a video is looked at by a new one"
    assert len(worker._alive) == 1, "which stands by in place of the other"


def test_a_worker_that_does_not_say_that_it_stays_is_not_waited_for(fake_python, video, kept):
    fake_python("fine")
    first = done(Capture(video, OPTIONS, stay=True))
    assert not worker._alive and done(Capture(kept, OPTIONS, stay=True)) != first


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_one_that_was_killed_while_it_stood_by_is_replaced(fake_python, video, kept):
    fake_python("stays")
    first = done(Capture(video, OPTIONS, stay=True))
    os.kill(first, signal.SIGKILL)
    second = done(Capture(kept, OPTIONS, stay=True))
    assert second != first and len(worker._alive) == 1


def test_one_that_leaves_at_the_order_is_replaced(fake_python, video, kept):
    fake_python("deserts")
    first = done(Capture(video, OPTIONS, stay=True))
    assert done(Capture(kept, OPTIONS, stay=True)) != first


def test_one_that_is_killed_at_work_is_replaced(fake_python, video, kept, monkeypatch):
    monkeypatch.setenv("KINOLIFT_TEST_PAUSE", "0.5")
    fake_python("stays", frames=2)
    first = done(Capture(video, OPTIONS, stay=True))
    again = Capture(kept, OPTIONS, stay=True)
    time.sleep(0.2)
    os.kill(first, signal.SIGKILL)
    assert done(again) not in (None, first)


def test_its_failure_is_told_and_ends_it(fake_python, video, kept):
    fake_python("stays")
    done(Capture(video, OPTIONS, stay=True))
    with pytest.raises(Failure, match="Nobody is there any more") as raised:
        done(Capture(kept, CaptureOptions(seed=666), stay=True))
    assert raised.value.code == "no_person" and not worker._alive


def test_cancelling_ends_it(fake_python, video, kept, monkeypatch):
    monkeypatch.setenv("KINOLIFT_TEST_PAUSE", "0.5")
    fake_python("stays", frames=2)
    done(Capture(video, OPTIONS, stay=True))
    again = Capture(kept, OPTIONS, stay=True)
    again.poll(0.1)
    again.cancel()
    assert again.finished and not worker._alive and standby.take(worker.worker_python()) is None
    with pytest.raises(Failure, match="cancelled"):
        again.motion()


def test_another_python_gets_another_worker(fake_python, video, kept, tmp_path):
    python = fake_python("stays")
    first = done(Capture(video, OPTIONS, stay=True))
    other = tmp_path / "other_python"
    other.write_bytes(python.read_bytes())
    other.chmod(0o755)
    assert done(Capture(kept, OPTIONS, str(other), stay=True)) != first and len(worker._alive) == 1


def test_disabling_the_add_on_ends_it(blender, fake_python, video):
    from kinolift_extension import addon

    fake_python("stays")
    addon.register()
    process = done(Capture(video, OPTIONS, stay=True))
    os.kill(process, 0)
    addon.unregister()
    assert not worker._alive
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)
