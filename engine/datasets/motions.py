"""A folder of motion capture in any format that Kinolift reads, as clips of BODY_22."""

from __future__ import annotations

from pathlib import Path

from engine.datasets.mocap import MocapClip, load_mocap


def load_motions(folder: Path) -> list[MocapClip]:
    """Every clip of the folder. Raises Failure `no_such_file` where there is none, `bad_input` for a file of another layout."""
    return load_mocap(folder)
