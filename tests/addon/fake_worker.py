"""Stands in for `python -m engine capture VIDEO -o MOTION ...` in the add-on's tests: says the same events, makes a motion up.

Called as: fake_worker.py PART FRAMES FPS -m engine capture VIDEO -o MOTION [options]. PART is what it plays:
fine, slow (a pause after every step), nobody, dies, killed (waits for a signal), no_torch, old_schema, warns, no_preview,
shy (ignores SIGTERM), shots (two takes), stays (takes orders as the worker does, where it is asked to stay),
deserts (says that it stays, and leaves at the first order).
"""

from __future__ import annotations

import importlib.util
import json
import os
import signal
import sys
import time
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1]))

part, frames, fps = sys.argv[1], int(sys.argv[2]), float(sys.argv[3])
words = sys.argv[4:]
if words[:3] == ["-m", "engine", "people"]:
    from contract.events import encode

    if part == "nobody":
        print(encode("error", code="no_person", message=f"Nobody is in the first frame of {words[3]}; choose another start."), flush=True)
        sys.exit(4)
    if "--picture" in words:
        from zlib import compress, crc32

        def chunk(kind: bytes, data: bytes) -> bytes:
            return len(data).to_bytes(4, "big") + kind + data + crc32(kind + data).to_bytes(4, "big")

        rows = b"".join(b"\0" + bytes([200, 100, 50]) * 16 for _ in range(9))
        header = (16).to_bytes(4, "big") + (9).to_bytes(4, "big") + bytes([8, 2, 0, 0, 0])
        png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", compress(rows)) + chunk(b"IEND", b"")
        Path(words[words.index("--picture") + 1]).write_bytes(png)
    people = [{"number": n, "box": [40.0 * n, 10.0, 20.0, 60.0], "box_time": 0.5} for n in (1, 2)]
    print(encode("result", people=[] if part == "old_schema" else people, width=160, height=90, time=0.5), flush=True)
    sys.exit(0)
if words[:3] != ["-m", "engine", "capture"]:
    sys.exit(f"not a capture: {words}")
video, motion_path = words[3], Path(words[words.index("-o") + 1])
print("a library that talks on stdout", flush=True)
print("worker log", json.dumps(words), file=sys.stderr, flush=True)


def say(event: str, **fields: object) -> None:
    from contract.events import encode

    print(encode(event, **fields), flush=True)


if part == "no_torch":
    sys.exit("ModuleNotFoundError: No module named 'torch'")
if part == "dies":
    print("Segmentation fault somewhere", file=sys.stderr)
    sys.exit(7)
if part == "nobody":
    say("error", code="no_person", message=f"Nobody was found in {video}; choose a clip that shows one person.")
    sys.exit(4)
if part == "shy":
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
for stage in ("detect", "lift", "refine"):
    for done in range(0, frames + 1, max(1, frames // 10)):
        say("progress", stage=stage, done=done, total=frames, fps=41.2)
        if part in ("slow", "killed", "shy"):
            time.sleep(float(os.environ.get("KINOLIFT_TEST_PAUSE", "0.05")))
if part in ("killed", "shy"):
    time.sleep(60)
if part == "warns":
    say("warning", code="frames_missing", message="Nobody was found between 1.0 s and 2.0 s; that stretch was left out.")

from contract import motion_file, skeleton  # noqa: E402
from contract.failure import Failure  # noqa: E402

spec = importlib.util.spec_from_file_location("synthetic", HERE / "synthetic.py")
synthetic = importlib.util.module_from_spec(spec)
spec.loader.exec_module(synthetic)
motion = synthetic.make_motion(motion_file, skeleton, frames, fps, provenance={"source": video, "words": words, "process": os.getpid()})
if part == "old_schema":
    motion_file.SCHEMA = "kinolift.motion/0"
if part == "shots":
    takes = []
    for label in ("shot1", "shot3"):
        path = motion_path.with_name(f"{motion_path.stem}.{label}.npz")
        motion_file.save_motion(motion, path)
        if "--preview" in words:
            picture = Path(words[words.index("--preview") + 1])
            picture.with_name(f"{picture.stem}.{label}.mp4").write_bytes(label.encode())
        takes.append({"motion": str(path), "label": label, "summary": {"frames": frames}})
    say("result", motion=takes[0]["motion"], summary=takes[0]["summary"], takes=takes)
    sys.exit(0)
try:
    motion_file.save_motion(motion, motion_path)
except Failure as failure:
    say("error", code=failure.code, message=failure.message)
    sys.exit(failure.exit_code)
if part == "no_preview":
    failed = {"code": "disk_full", "message": "The preview does not fit on the disk; free some space."}
    say("result", motion=str(motion_path), summary={"frames": frames}, failed=failed)
    sys.exit(5)
if "--preview" in words:
    Path(words[words.index("--preview") + 1]).write_bytes(b"pictures")
if "--keep-detection" in words:
    Path(words[words.index("--keep-detection") + 1]).write_bytes(b"detected")
if part not in ("stays", "deserts") or not os.environ.get("KINOLIFT_STAY"):
    say("result", motion=str(motion_path), summary={"frames": frames})
    sys.exit(0)
say("result", motion=str(motion_path), summary={"frames": frames}, stays=True)
for order in sys.stdin:
    if part == "deserts":
        sys.exit(9)
    words = json.loads(order)
    say("progress", stage="motion", done=0, total=0, fps=0.0)
    time.sleep(float(os.environ.get("KINOLIFT_TEST_PAUSE", "0")))
    if "--seed" in words and words[words.index("--seed") + 1] == "666":
        say("error", code="no_person", message="Nobody is there any more; choose another seed.")
        sys.exit(4)
    told = {"source": words[1], "words": words, "process": os.getpid()}
    made = synthetic.make_motion(motion_file, skeleton, frames, fps, provenance=told)
    motion_file.save_motion(made, Path(words[words.index("-o") + 1]))
    say("result", motion=words[words.index("-o") + 1], summary={"frames": frames}, stays=True)
