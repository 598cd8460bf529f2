"""The worker that stays after a capture, so that the next order finds everything loaded: at most one, for some minutes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from .worker import STAY_VARIABLE, Worker, worker_environment

STAY: Final = 600  # seconds: as long as a take is looked at before its next setting is tried; idle it needs memory and nothing else


@dataclass(frozen=True)
class _Standing:
    worker: Worker
    python: str
    environment: dict[str, str]


_standing: list[_Standing] = []


def environment(python: str) -> dict[str, str]:
    """The environment of a worker that is to stay."""
    return worker_environment(python) | {STAY_VARIABLE: str(STAY)}


def take(python: str) -> Worker | None:
    """The worker that stands by, if it runs in that Python and as one would be started now. Another one is ended."""
    if not _standing:
        return None
    found = _standing.pop()
    if found.worker.stays and (found.python, found.environment) == (python, environment(python)):
        return found.worker
    found.worker.cancel()
    return None


def keep(worker: Worker, python: str, started_in: dict[str, str]) -> None:
    """Lets the worker, which stays, stand by, in place of another one."""
    end()
    _standing.append(_Standing(worker, python, started_in))


def end() -> None:
    """Ends the worker that stands by, if there is one."""
    while _standing:
        _standing.pop().worker.cancel()
