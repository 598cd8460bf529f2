from __future__ import annotations

import getpass
import socket
import zipfile
from pathlib import Path

import pytest

from contract.failure import Failure
from wheels import doctor, doctor_report
from wheels.environment import LOG, Environment
from wheels.finding import Finding


@pytest.fixture
def person(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Somebody with a name of her own; the home of hers."""
    home = tmp_path / "home" / "magdalena"
    home.mkdir(parents=True)
    monkeypatch.setattr(getpass, "getuser", lambda: "magdalena")
    monkeypatch.setattr(socket, "gethostname", lambda: "castle-7")
    monkeypatch.setattr(Path, "home", lambda: home)
    return home


@pytest.mark.usefixtures("person")
@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("/home/magdalena/Films/secret project/a.mp4", "<folder>/a.mp4"),
        ("cannot open '/mnt/Müller/clips/x.py', line 3", "cannot open '<folder>/x.py', line 3"),
        (r"C:\\Users\\Jo\\kino.log gone", "<folder>/kino.log gone"),
        ("--index-url https://magdalena:word@host.example/simple", "--index-url <address>"),
        ("by Magdalena on castle-7", "by <user> on <machine>"),
        ("PATH=/opt/studio/bin/python", "PATH=<folder>/python"),
        ("onnxruntime 1.32.0, 1/2 done, and/or", "onnxruntime 1.32.0, 1/2 done, and/or"),
    ],
)
def test_names_are_taken_out(text: str, left: str) -> None:
    found = doctor_report.without_names(text)
    assert found == left


def test_the_report_holds_what_a_fault_needs_and_no_names(tmp_path: Path, person: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = person / ".venv"
    folder.mkdir()
    (folder / LOG).write_text(f"$ {person}/.venv/bin/pip install scipy\nmagdalena was here\n")
    monkeypatch.setenv("KINOLIFT_PYTHON", str(person / "cuda" / "python"))
    monkeypatch.setenv("SECRET_TOKEN", "xyzzy")
    environment = Environment(folder, person / "python", "3.11", ("numpy",), 0)
    doctor_report.write_report(tmp_path / "report.zip", environment, [Finding("Disk", f"full at {person}/x", "free some")])
    with zipfile.ZipFile(tmp_path / "report.zip") as archive:
        texts = {name: archive.read(name).decode() for name in archive.namelist()}
    assert set(texts) == {"findings.txt", "machine.json", "environment.json", "version.txt", "setup.log"}
    whole = "\n".join(texts.values())
    assert "wrong  Disk: full at <home>/x  -> free some" in texts["findings.txt"] and "install scipy" in texts["setup.log"]
    assert "KINOLIFT_PYTHON" in whole and 'id = "kinolift"' in whole and "cores" in texts["machine.json"]
    assert "magdalena" not in whole and "castle" not in whole and "xyzzy" not in whole and str(tmp_path) not in whole


def test_a_report_replaces_nothing_and_its_name_is_looked_at_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "findings", lambda _: pytest.fail("the work began"))
    (tmp_path / "a.zip").write_text("mine")
    environment = Environment(tmp_path / ".venv", tmp_path / "python", "3.11", ("numpy",), 0)
    for name in ("a.zip", "a.txt", "none/a.zip"):
        with pytest.raises(Failure):
            doctor.main(environment, ["--report", str(tmp_path / name)])
    assert (tmp_path / "a.zip").read_text() == "mine"
