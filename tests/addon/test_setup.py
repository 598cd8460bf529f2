"""Check Setup's findings: each names what is wrong, the field to change, and never an install into a Python of the system's."""

from __future__ import annotations

import sys

import pytest
from kinolift_extension.addon import setup


@pytest.fixture(autouse=True)
def no_variable(monkeypatch):
    monkeypatch.delenv("KINOLIFT_PYTHON", raising=False)


def bad(found):
    return [finding for finding in found if not finding.good]


def test_a_preference_that_names_no_python():
    (finding,) = bad(setup.findings("/no/such/python"))
    assert finding.text == (
        "/no/such/python, which Worker Python above names, does not run (No such file or directory): "
        "choose another there, or empty the field for Blender's own Python."
    )
    assert setup.problem([finding]) == "Worker Python does not run"


def test_a_variable_that_names_no_python(monkeypatch):
    monkeypatch.setenv("KINOLIFT_PYTHON", "/no/such/python")
    (finding,) = bad(setup.findings())
    assert "KINOLIFT_PYTHON names, does not run" in finding.text and finding.line == "KINOLIFT_PYTHON does not run"


@pytest.mark.skipif(sys.platform == "win32", reason="a shell's script")
@pytest.mark.parametrize(("script", "why"), [("echo nonsense", "code 0"), ("echo '{}'", ""), ("echo oh dear >&2; exit 3", "oh dear")])
def test_a_program_that_is_no_python(tmp_path, script, why):
    program = tmp_path / "python"
    program.write_text(f"#!/bin/sh\n{script}\n")
    program.chmod(0o755)
    (finding,) = bad(setup.findings(str(program)))
    assert "does not run" in finding.text and why in finding.text


def test_what_is_missing_is_named_with_the_field_that_mends_it(monkeypatch):
    monkeypatch.setattr(setup, "MODULES", {"numpy": "numpy", "no_such_module": "some-package"})
    for preferred, words in (("", "no some-package for this Blender's Python 3."), (sys.executable, "above names lacks some-package")):
        found = setup.findings(preferred)
        assert found[0].good and found[0].text.startswith("The worker runs on Python 3.")
        assert any(finding.good and finding.text.startswith("It has numpy ") for finding in found)
        (missing,) = bad(found)
        assert words in missing.text and "Worker Python above" in missing.text
        assert "pip" not in missing.text
        assert setup.problem(found) == missing.line != ""


def test_networks_that_are_missing(monkeypatch, tmp_path):
    monkeypatch.setattr(setup, "ROOT", tmp_path)
    monkeypatch.setattr(setup, "MODULES", {"sys": "sys"})
    (finding,) = bad(setup.findings(sys.executable))
    assert "*.safetensors" in finding.text and "install Kinolift's zip again" in finding.text
    assert setup.problem([finding]) == "Networks are missing"


def test_the_panels_words_fit_one_line_of_the_narrowest_sidebar():
    check = setup.Check("/no/such/python")
    assert check.finished
    lines = [finding.line for finding in (check._does_not_run(), check._lacks("a, b", "3.14.2"))]
    assert all(0 < len(line) <= 32 for line in lines)


def test_a_check_that_is_given_up_leaves_no_process(tmp_path):
    check = setup.Check(sys.executable)
    check.end()
    assert check._process is not None and check._process.returncode is not None
