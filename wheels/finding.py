"""What the doctor finds."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    subject: str
    text: str
    fix: str = ""  # empty where nothing is wrong
