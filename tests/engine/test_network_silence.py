"""Nothing that a capture loads speaks to the network, though two of its libraries would by themselves."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

import engine

ROOT = Path(__file__).resolve().parents[2]
SESSION = ".ses"  # what ONNX Runtime's reporting leaves in the temporary folder as soon as it begins
DETECT = (
    "import engine, os, sys\n"
    "if len(sys.argv) > 1:\n    os.environ['https_proxy'] = os.environ['HTTPS_PROXY'] = sys.argv[1]\n"
    "from engine.detection.detector import Detector\nfrom engine.footage.video import open_video\nfrom pathlib import Path\n"
    "print(len(list(Detector('full').rows(open_video(Path('examples/sample.mp4')).frames(None, (3.0, 'f'))))))"
)


def run(code: str, folder: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """In a process that nobody has forbidden anything."""
    kept = {name: value for name, value in os.environ.items() if name != "ORT_DISABLE_TELEMETRY" and "proxy" not in name.lower()}
    environment = kept | dict.fromkeys(("TMPDIR", "TEMP", "TMP"), str(folder))
    done = subprocess.run([sys.executable, "-c", code, *words], cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-500:]
    return done


@pytest.mark.parametrize("module", ["engine.onnx_network", "engine.poses", "engine.capture"])
def test_onnx_runtime_reports_to_nobody(tmp_path: Path, module: str) -> None:
    run(f"import {module}, onnxruntime, os; assert os.environ['ORT_DISABLE_TELEMETRY'] == '1'", tmp_path)
    assert not (tmp_path / SESSION).exists()


def test_it_would_without_that_word(tmp_path: Path) -> None:
    """Else the test above would pass whatever the engine does."""
    run("import onnxruntime", tmp_path)
    if not (tmp_path / SESSION).exists():
        pytest.skip("this wheel of ONNX Runtime reports to nobody by itself")


def test_what_mediapipe_sends_goes_to_the_proxy_that_the_environment_names(tmp_path: Path) -> None:
    """Which the engine sets to nobody; here it is a listener, so that there is something to be seen."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        listener.settimeout(10.0)
        assert run(DETECT, tmp_path, f"http://127.0.0.1:{listener.getsockname()[1]}").stdout.split() == ["3"]
        try:
            connection, _ = listener.accept()
        except TimeoutError:
            pytest.skip("this wheel of MediaPipe reports to nobody by itself")
        with connection:
            assert connection.recv(100).startswith(b"CONNECT ")


def test_nobody_answers_there_and_the_work_is_done_all_the_same(tmp_path: Path) -> None:
    address, _, port = engine.NOBODY.removeprefix("http://").partition(":")
    with pytest.raises(OSError), socket.create_connection((address, int(port)), timeout=2.0):
        pass
    names = ("http_proxy", "https_proxy", "all_proxy")
    told = "import os; " + "; ".join(f"assert os.environ[{name!r}] == os.environ[{name.upper()!r}] == engine.NOBODY" for name in names)
    assert run(f"{DETECT}\n{told}", tmp_path).stdout.split() == ["3"]
