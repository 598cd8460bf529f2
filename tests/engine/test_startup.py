from __future__ import annotations

import gc
import os

import pytest

from engine import startup


def test_waiting_threads_rest_unless_told_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OMP_WAIT_POLICY", raising=False)
    startup.rest_while_waiting()
    assert os.environ["OMP_WAIT_POLICY"] == "PASSIVE"
    monkeypatch.setenv("OMP_WAIT_POLICY", "ACTIVE")
    startup.rest_while_waiting()
    assert os.environ["OMP_WAIT_POLICY"] == "ACTIVE"


def test_nothing_is_thrown_away_while_importing() -> None:
    assert gc.isenabled()
    try:
        with startup.importing():
            assert not gc.isenabled()
            frozen = gc.get_freeze_count()
        assert gc.isenabled() and gc.get_freeze_count() > frozen
        gc.disable()
        with startup.importing():
            pass
        assert not gc.isenabled(), "who had it off has it off"
    finally:
        gc.enable()
        gc.unfreeze()
