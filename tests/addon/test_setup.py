"""Check Setup's findings."""

from __future__ import annotations

import sys

from kinolift_extension.addon import setup


def test_no_python():
    (finding,) = setup.findings("/no/such/python")
    assert not finding.good
    assert finding.text == (
        "The worker's Python /no/such/python does not run (No such file or directory); set another in the preferences of Kinolift."
    )


def test_what_is_missing_is_named_with_the_command(monkeypatch):
    monkeypatch.setattr(setup, "MODULES", {"numpy": "numpy", "no_such_module": "some-package"})
    found = setup.findings(sys.executable)
    assert (
        found[0].good
        and found[0].text.startswith("The worker runs on Python 3.")
        and any(f.good and f.text.startswith("numpy ") for f in found)
    )
    (bad,) = (finding for finding in found if "some-package" in finding.text)
    assert not bad.good and bad.text.endswith(f"{sys.executable} -m pip install some-package")
