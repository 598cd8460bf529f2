"""Mixed motions of a batch against those of one run after another, which are tested against other routes themselves."""

import numpy as np
import pytest
import torch

from engine.datasets.mixed_motion import Mixing, choose_parts, draw_mixed
from engine.training.mixtures import Stretch, gather
from tests.engine.datasets.test_mixed_motion import moving

LENGTHS = (90, 40, 120)
CLIPS = [moving(seed, frames) for seed, frames in enumerate(LENGTHS)]
JOINED = torch.from_numpy(np.concatenate(CLIPS))
FIRST = np.cumsum((0, *LENGTHS[:-1]))


def stretch(frames, random):
    """(clip, start, frames) of a clip that is long enough."""
    frames = min(frames, max(LENGTHS))
    clip = int(random.choice([k for k, length in enumerate(LENGTHS) if length >= frames]))
    return clip, int(random.integers(0, LENGTHS[clip] - frames + 1)), frames


@pytest.mark.parametrize(
    "mixing", [Mixing(*shares) for shares in ((0, 0, 0, 0), (1, 0, 0, 0), (0, 1, 0, 0), (0, 0, 1, 0), (0, 0, 0, 1), (0.5, 0.5, 0.5, 0.5))]
)
@pytest.mark.parametrize("frames", [2, 30, 100])
def test_a_batch_is_what_one_run_after_another_gives(frames, mixing):
    """The same draws; at 100 frames a faster take than the clips are long is played slower."""
    random, again = (np.random.default_rng(7) for _ in range(2))

    def draw(count):
        clip, start, length = stretch(count, random)
        return Stretch(int(FIRST[clip]) + start, length)

    def draw_frames(count):
        clip, start, length = stretch(count, again)
        return CLIPS[clip][start : start + length]

    runs = [choose_parts(draw, frames, mixing, random) for _ in range(9)]
    expected = np.stack([draw_mixed(draw_frames, frames, mixing, again) for _ in range(9)])
    np.testing.assert_allclose(gather(JOINED, runs, frames).numpy(), expected, atol=1e-12)
    single = gather(JOINED.float(), runs, frames)
    assert single.dtype == torch.float32
    np.testing.assert_allclose(single.numpy(), expected, atol=1e-5)


def test_everything_stays_on_the_device():
    random = np.random.default_rng(0)
    runs = [choose_parts(lambda count: Stretch(10, count), 20, Mixing(0.6, 0.6, 0.6), random) for _ in range(8)]
    found = gather(JOINED.to("meta"), runs, 20)
    assert found.device.type == "meta" and found.shape == (8, 20, 22, 3)
