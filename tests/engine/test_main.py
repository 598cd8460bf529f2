import json
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

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
