"""Work in steps."""

from __future__ import annotations

import threading

import pytest
from kinolift_extension.addon.steps import drained, elsewhere


def test_what_is_done_elsewhere_is_waited_for_in_steps():
    go, here = threading.Event(), []

    def work():
        here.append(threading.current_thread())
        go.wait(10)
        return 7

    steps = elsewhere(work)
    next(steps)
    next(steps)
    go.set()
    assert drained(steps) == 7 and here != [threading.current_thread()]


def test_its_failure_is_raised_here():
    with pytest.raises(TimeoutError, match="mine"):
        drained(elsewhere(lambda: (_ for _ in ()).throw(TimeoutError("mine"))))


def test_who_gives_it_up_waits_for_its_end():
    go, done = threading.Event(), []
    steps = elsewhere(lambda: (go.wait(10), done.append(1)))
    next(steps)
    threading.Timer(0.05, go.set).start()
    steps.close()
    assert done == [1]
