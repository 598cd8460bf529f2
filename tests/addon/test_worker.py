"""The worker process: listened to, ended, and its deaths explained."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest
from kinolift_extension.addon import worker as module
from kinolift_extension.addon.worker import Worker, worker_environment, worker_python
from kinolift_extension.contract.failure import Failure


def run(code):
    return Worker([sys.executable, "-c", textwrap.dedent(code)], dict(os.environ))


def wait(worker, seconds=20.0):
    events = []
    until = time.monotonic() + seconds
    while not worker.finished:
        events += worker.poll(0.05)
        assert time.monotonic() < until, "the worker did not finish"
    return events + worker.poll()


def alive(process):
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def test_events_in_order_and_the_result():
    worker = run("""
        print('{"event": "progress", "stage": "detect", "done": 1, "total": 2}')
        print("chatter")
        print('{"event": "warning", "code": "x", "message": "careful"}')
        print('{"event": "result", "motion": "a.npz", "summary": {}}')
    """)
    assert [event["event"] for event in wait(worker)] == ["progress", "warning"]
    assert worker.result()["motion"] == "a.npz" and "chatter" in worker.log and worker not in module._alive


def test_a_flood_of_log_does_not_block():
    worker = run("""
        import sys
        for i in range(20000):
            print("log line", i, file=sys.stderr)
        print('{"event": "result", "motion": "a", "summary": {}}')
    """)
    wait(worker)
    worker.result()
    assert len(worker.log) == module.LOG_LINES and worker.log[-1] == "log line 19999"


@pytest.mark.parametrize(
    ("code", "kind", "sentence"),
    [
        ("print('{\"event\": \"error\", \"code\": \"no_person\", \"message\": \"Nobody.\"}'); exit(4)", "no_person", "Nobody."),
        ("print('{\"event\": \"error\", \"code\": \"unheard_of\", \"message\": \"Odd.\"}'); exit(9)", "internal", "Odd."),
        ("import sys; sys.exit('out of cheese')", "worker_died",
         "The worker stopped with code 1 before it was done: out of cheese; nothing was written, see the log."),
        ("print('{\"event\": \"result\", \"motion\": \"a\", \"summary\": {}}'); exit(3)", "worker_died",
         "The worker stopped with code 3 before it was done; nothing was written, see the log."),
        ("import nonexistent_torch", "bad_installation",
         f"The worker's Python {sys.executable} lacks a part that the capture needs (ModuleNotFoundError: No module named "
         "'nonexistent_torch'); install Kinolift again, or choose another Python in its preferences."),
    ],
)  # fmt: skip
def test_an_end_without_a_result_is_explained(code, kind, sentence):
    worker = run(code)
    wait(worker)
    with pytest.raises(Failure) as raised:
        worker.result()
    assert (raised.value.code, raised.value.message) == (kind, sentence)


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_killed_in_the_middle():
    worker = run("import time; time.sleep(60)")
    os.kill(worker.process_id, signal.SIGKILL)
    wait(worker)
    with pytest.raises(Failure) as raised:
        worker.result()
    assert raised.value.code == "worker_died"
    assert raised.value.message == (
        "The worker was ended from outside (SIGKILL) before it was done, and nothing was written; "
        "close other programs to free memory and try again."
    )


@pytest.mark.skipif(os.name != "posix", reason="process groups")
def test_cancel_ends_children_too_even_stubborn_ones(monkeypatch):
    monkeypatch.setattr(module, "PATIENCE", 0.5)
    worker = run("""
        import signal, subprocess, sys, time
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
        print('{"event": "progress", "stage": "x", "child": %d}' % child.pid, flush=True)
        time.sleep(60)
    """)
    child = None
    while child is None:
        child = next((event["child"] for event in worker.poll(0.1)), None)
    began = time.monotonic()
    worker.cancel()
    assert time.monotonic() - began < 5 and worker.finished and not alive(worker.process_id)
    until = time.monotonic() + 5
    while alive(child) and _state(child) != "Z" and time.monotonic() < until:
        time.sleep(0.05)
    assert not alive(child) or _state(child) == "Z"
    with pytest.raises(Failure) as raised:
        worker.result()
    assert raised.value.code == "cancelled"


def _state(process):
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return "Z"


@pytest.mark.skipif(os.name != "posix", reason="signals")
def test_killed_before_it_read_what_it_was_sent():
    """The order stays in the pipe's buffer, and closing the pipe tries once more to send it."""
    worker = run("import time\nprint('ready', flush=True)\ntime.sleep(60)")
    os.kill(worker._process.pid, signal.SIGKILL)
    os.waitid(os.P_PID, worker._process.pid, os.WEXITED | os.WNOWAIT)  # dead, and nobody has asked yet
    worker.send("an order")
    wait(worker)
    with pytest.raises(Failure) as raised:
        worker.result()
    assert raised.value.code == "worker_died" and worker not in module._alive


def test_cancel_after_the_end_changes_nothing():
    worker = run('print(\'{"event": "result", "motion": "a", "summary": {}}\')')
    wait(worker)
    worker.cancel()
    assert worker.result()["motion"] == "a"


def test_a_python_that_does_not_exist():
    with pytest.raises(Failure) as raised:
        Worker(["/no/such/python", "-m", "engine"])
    assert raised.value.code == "bad_installation"
    assert raised.value.message == (
        "The worker's Python /no/such/python cannot be started (No such file or directory); "
        "correct the path in the preferences of Kinolift or in KINOLIFT_PYTHON."
    )


def test_the_end_of_the_program_ends_the_worker():
    """A script that starts a worker and leaves must not leave it behind."""
    code = f"""
        import importlib.util, os, sys
        root = {str(module.ROOT)!r}
        spec = importlib.util.spec_from_file_location("ext", root + "/__init__.py", submodule_search_locations=[root])
        sys.modules["ext"] = package = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(package)
        from ext.addon.worker import Worker
        print(Worker([sys.executable, "-c", "import time; time.sleep(60)"], dict(os.environ)).process_id)
    """
    done = subprocess.run([sys.executable, "-c", textwrap.dedent(code)], capture_output=True, text=True, timeout=30, check=True)
    assert not alive(int(done.stdout))


def test_which_python(monkeypatch):
    monkeypatch.delenv("KINOLIFT_PYTHON", raising=False)
    assert worker_python() == sys.executable
    monkeypatch.setenv("KINOLIFT_PYTHON", "/elsewhere/python")
    assert worker_python() == "/elsewhere/python" and worker_python(" /my/python ") == "/my/python"


def test_the_wheels_are_for_our_own_python_only(monkeypatch):
    wheels = str(Path("/home/me/blender/extensions/.local/lib/python3.13/site-packages"))
    monkeypatch.setattr(sys, "path", [wheels, "/elsewhere/site-packages"])
    assert worker_environment(sys.executable)["PYTHONPATH"].split(os.pathsep) == [str(module.ROOT), wheels]
    assert worker_environment("/elsewhere/python3")["PYTHONPATH"] == str(module.ROOT)
