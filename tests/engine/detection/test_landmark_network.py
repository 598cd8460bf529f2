"""Against the whole network, and against MediaPipe's own reader of TFLite files, which the code under test does not use."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np
import pytest

from engine.detection import landmark_network, model_bundle, tflite_file
from engine.detection.detector import Detector
from engine.footage.video import Frame, open_video

SAMPLE = Path(__file__).parents[3] / "examples" / "sample.mp4"
pytestmark = pytest.mark.skipif(
    not all(model.file.is_file() for model in model_bundle.MODELS.values()), reason="the models have not been made: run the set-up"
)


@pytest.fixture(scope="module", params=model_bundle.MODELS)
def name(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def whole(name: str) -> bytes:
    with zipfile.ZipFile(model_bundle.MODELS[name].file) as archive:
        return archive.read(model_bundle.LANDMARKS_NAME)


def _graph(tflite: bytes):  # type: ignore[no-untyped-def]
    return tflite_file.parsed(tflite).subgraphs[0]


def test_exactly_what_only_the_mask_needs_is_gone(whole: bytes) -> None:
    before, after = _graph(whole), _graph(landmark_network.prune(whole))
    assert list(after.outputs) == [before.outputs[k] for k in (0, 1, 1, 3, 4)]
    assert list(before.tensors[before.outputs[2]].shape) == [1, 256, 256, 1]

    def key(operator: object) -> tuple[object, ...]:
        return operator.opcodeIndex, tuple(operator.inputs), tuple(operator.outputs)  # type: ignore[attr-defined]

    kept, all_of_them = [key(o) for o in after.operators], [key(o) for o in before.operators]
    assert [o for o in all_of_them if o in kept] == kept  # the same ones, in the same order
    made = {t for o in after.operators for t in o.outputs}
    needed = {int(t) for o in after.operators for t in o.inputs} | {int(t) for t in after.outputs}
    ever_made = {t for o in before.operators for t in o.outputs}
    assert needed & ever_made <= made  # nothing is missing
    assert all(needed.intersection(o.outputs) for o in after.operators)  # and nothing is left that nobody needs
    assert len(all_of_them) - len(kept) == 46
    # the layers at the mask's resolution are among those that are gone
    assert not any(list(after.tensors[o.outputs[0]].shape)[1:3] == [256, 256] for o in after.operators)


def test_the_weights_stay_and_a_second_time_changes_nothing(whole: bytes) -> None:
    pruned = landmark_network.prune(whole)
    assert len(pruned) == len(whole)
    changed = np.flatnonzero(np.frombuffer(pruned, np.uint8) != np.frombuffer(whole, np.uint8))
    assert 0 < len(changed) < 4 * 700  # offsets of operators, their number, one output
    assert landmark_network.prune(pruned) == pruned


def test_the_other_network_stays_as_it_is(name: str) -> None:
    data = model_bundle.read(model_bundle.MODELS[name])
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        assert model_bundle.bundle({name: archive.read(name) for name in archive.namelist()}) == data
    with zipfile.ZipFile(io.BytesIO(data)) as before, zipfile.ZipFile(io.BytesIO(landmark_network.without_mask(data))) as after:
        assert after.testzip() is None and after.namelist() == before.namelist()
        assert after.read("pose_detector.tflite") == before.read("pose_detector.tflite")


def test_the_landmarks_are_the_same_to_the_last_bit(name: str) -> None:
    frames: list[Frame] = list(open_video(SAMPLE).frames(None, (12.0, "f")))
    ours, theirs = ([row for _, row in Detector(name, whole=w).rows(iter(frames))] for w in (False, True))
    assert sum(row is not None for row in theirs) == 12
    for a, b in zip(ours, theirs, strict=True):
        assert a is not None and b is not None
        np.testing.assert_array_equal(a, b)
