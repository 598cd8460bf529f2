"""A made-up skinned human, read from a file, and somebody who walks on the spot."""

from __future__ import annotations

import numpy as np
import pytest

from contract.skeleton import BODY_22
from engine.datasets.human import read_human
from engine.datasets.mocap import MocapClip
from tests.engine.datasets import bodies, test_drive_human


@pytest.fixture(scope="session")
def human(tmp_path_factory):
    return read_human(bodies.write_body(tmp_path_factory.mktemp("human") / "stick.glb", test_drive_human.rest_pose()))


@pytest.fixture(scope="session")
def steps_clip():
    """frames -> a clip of so many."""

    def made(frames):
        motion = test_drive_human.steps(frames)
        positions = np.stack([motion[n] for n in BODY_22.joints], axis=1).astype(np.float32)
        return MocapClip("made_up", 4, "steps", "me", True, 30.0, positions)

    return made
