import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from engine import startup

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT / "examples" / "sample.mp4"


def start(*words):
    return subprocess.Popen(
        [sys.executable, "-m", "engine", *map(str, words)], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )


def finish(process):
    out, err = process.communicate(timeout=120)
    return process.returncode, [json.loads(line) for line in out.splitlines()], err


def test_events_then_a_result(tmp_path):
    code, events, _ = finish(start("capture", SAMPLE, "-o", tmp_path / "take.npz", "--end", "6f", "--hypotheses", 1))
    assert code == 0
    assert events[0] == {"event": "progress", "stage": "start", "done": 0, "total": 0, "fps": 0.0}
    assert events[-1]["event"] == "result" and events[-1]["motion"] == str(tmp_path / "take.npz")
    assert events[-1]["summary"]["frames"] == 6
    assert [p.name for p in tmp_path.iterdir()] == ["take.npz"]


@pytest.mark.parametrize(
    ("words", "exit_code", "code"),
    [
        (["capture"], 2, "bad_arguments"),
        (["capture", SAMPLE, "-o", "take.npz", "--height", "nine"], 2, "bad_arguments"),
        (["capture", SAMPLE, "-o", "take.npz", "--height", "9"], 2, "bad_arguments"),
        (["capture", "none.mp4", "-o", "take.npz"], 3, "no_such_file"),
        (["capture", SAMPLE, "-o", "take.avi"], 2, "unknown_extension"),
        (["capture", SAMPLE, "-o", "take.npz", "--start", "99"], 2, "bad_arguments"),
    ],
)
def test_every_failure_is_an_event_and_an_exit_code(words, exit_code, code, tmp_path):
    words = [str(tmp_path / w) if w in ("take.npz", "take.avi") else w for w in words]
    returned, events, _ = finish(start(*words))
    assert (returned, events[-1]["event"], events[-1]["code"]) == (exit_code, "error", code)
    assert not list(tmp_path.iterdir())


@pytest.mark.skipif(sys.platform == "win32", reason="Windows ends processes without a signal")
def test_being_ended_in_the_middle_leaves_nothing(tmp_path):
    process = start("capture", SAMPLE, "-o", tmp_path / "take.npz")
    for line in process.stdout:
        if json.loads(line).get("stage") == "detect":
            break
    time.sleep(0.5)
    process.send_signal(signal.SIGTERM)
    returned, events, _ = finish(process)
    assert returned == 130 and events[-1]["code"] == "cancelled"
    assert not list(tmp_path.iterdir())


@pytest.fixture(scope="module")
def detection(tmp_path_factory):
    """What is kept of the sample's first frames."""
    folder = tmp_path_factory.mktemp("kept")
    code, _, err = finish(start("capture", SAMPLE, "-o", folder / "take.npz", "--end", "6f", "--keep-detection", folder / "d.npz"))
    assert code == 0, err
    return folder / "d.npz"


def staying(*words, stay="60"):
    environment = os.environ | {startup.WATCH_VARIABLE: "1", startup.STAY_VARIABLE: stay}
    return subprocess.Popen(
        [sys.executable, "-m", "engine", *map(str, words)], cwd=ROOT, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def answer(process):
    """The last event of the order at hand."""
    for line in process.stdout:
        event = json.loads(line)
        if event["event"] in ("result", "error"):
            return event
    return None


def test_a_worker_that_stays_does_one_order_after_the_other(detection, tmp_path):
    process = staying("capture", detection, "-o", tmp_path / "a.npz")
    first = answer(process)
    assert first["stays"] and process.poll() is None
    for name, smooth in (("b", "0.9"), ("c", "0.1")):
        process.stdin.write(json.dumps(["capture", str(detection), "-o", str(tmp_path / f"{name}.npz"), "--smooth", smooth]) + "\n")
        process.stdin.flush()
        event = answer(process)
        assert event["stays"] and event["motion"] == str(tmp_path / f"{name}.npz")
    process.stdin.close()  # whoever started it is gone
    assert process.wait(10) == 130 and sorted(path.name for path in tmp_path.iterdir()) == ["a.npz", "b.npz", "c.npz"]


def test_it_leaves_when_its_time_is_over_and_after_a_failure(detection, tmp_path):
    process = staying("capture", detection, "-o", tmp_path / "a.npz", stay="0.2")
    assert answer(process)["stays"] and process.wait(10) == 0
    process = staying("capture", detection, "-o", tmp_path / "b.npz")
    assert answer(process)["stays"]
    process.stdin.write(json.dumps(["capture", str(tmp_path / "none.npz"), "-o", str(tmp_path / "c.npz")]) + "\n")
    process.stdin.flush()
    assert answer(process)["code"] == "no_such_file" and process.wait(10) == 3
    process = staying("capture", detection, "-o", tmp_path / "d.npz")
    assert answer(process)["stays"]
    process.stdin.write("no list\n")
    process.stdin.flush()
    assert answer(process)["code"] == "bad_arguments" and process.wait(10) == 2


def test_nobody_is_kept_waiting_by_a_worker_that_was_not_asked_to_stay(detection, tmp_path):
    code, events, _ = finish(start("capture", detection, "-o", tmp_path / "a.npz"))
    assert code == 0 and "stays" not in events[-1]
