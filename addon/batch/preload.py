"""Loaded by every process of a cluster's worker before its first clip: the extension, under the name that the client's tasks know."""

import sys
from pathlib import Path

ROOT = str(Path(__file__).resolve().parents[2])
if ROOT not in sys.path:
    sys.path.insert(0, ROOT)

import kinolift  # noqa: E402 - which lies in ROOT

kinolift.load_extension()
