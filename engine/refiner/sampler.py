"""Running the diffusion backwards: DDIM, several hypotheses, and averaging with the mirrored pose."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np

from contract.skeleton import Skeleton
from engine.arrays import Array, Generator, constant, namespace, without_gradients
from engine.lifter.mirror import POINT_SIGNS, mirrored_joints
from engine.refiner.layout import IMAGE_CHANNELS
from engine.refiner.schedule import CLEAN, Schedule, standard_normal

# States refined at once: enough to fill the processor, small enough for the activations to stay in its caches.
BATCH = 128


class Model(Protocol):
    """Anything that predicts noise as `Refiner.forward` does."""

    def __call__(self, x: Array, t: Array, p: Array | None = None) -> Array: ...


@runtime_checkable
class WholeSampler(Protocol):
    """A model that runs a whole deterministic sampling by itself, `batch` states at a time at best (see cuda.py)."""

    batch: int

    def sample(self, schedule: Schedule, x: Array, guide: Array | None, times: Sequence[int]) -> Array:
        """What `Ddim.sample` gives with eta 0."""
        ...


@dataclass(frozen=True)
class Refined:
    """The refined poses: `pose` (B, J, 5), the mean of the hypotheses; `hypotheses` (H, B, J, 5); `spread` (B, J) metres."""

    pose: Array
    hypotheses: Array
    spread: Array


class Ddim:
    """The deterministic sampler (Song et al. 2021); `eta` above 0 adds noise at each step, 1 being ancestral sampling."""

    def __init__(self, schedule: Schedule, eta: float = 0.0) -> None:
        self.schedule = schedule
        self.eta = eta

    def step(self, x: Array, noise: Array, t: int, before: int, generator: Generator | None = None) -> Array:
        """The state at step `before` (-1: clean) from the state `x` at step `t` and the noise predicted in it."""
        now, then = self.schedule.alpha_bar(t), self.schedule.alpha_bar(before)
        clean = (x - (1.0 - now) ** 0.5 * noise) / now**0.5
        fresh = self.eta * ((1.0 - now / then) * (1.0 - then) / (1.0 - now)) ** 0.5
        kept = max(1.0 - then - fresh**2, 0.0) ** 0.5
        x = then**0.5 * clean + kept * noise
        if fresh > 0.0:
            x = x + fresh * standard_normal(x.shape, x, generator)
        return x

    def sample(self, model: Model, x: Array, guide: Array | None, times: Sequence[int], generator: Generator | None = None) -> Array:
        """The clean state: from `x` (B, J, 5) at step times[0] through the falling `times`, then to the clean step."""
        if list(times) != sorted(set(times), reverse=True) or not times:
            raise ValueError(f"the steps must fall: {list(times)}")
        if isinstance(model, WholeSampler) and self.eta == 0.0:
            return model.sample(self.schedule, x, guide, times)
        for t, before in zip(times, (*times[1:], CLEAN), strict=True):
            steps = constant(np.full(len(x), t), x, whole=True)
            x = self.step(x, model(x, steps, guide), t, before, generator)
        return x


def refine(
    model: Model,
    skeleton: Skeleton,
    sampler: Ddim,
    states: Array,
    guide: Array | None,
    times: Sequence[int],
    *,
    flip: bool = True,
    guide_signs: Sequence[float] = POINT_SIGNS,
    generator: Generator | None = None,
    batch: int | None = None,
) -> Refined:
    """Refine hypotheses and average them, without gradients.

    states: (H, B, J, 5), the starting states at step times[0]. guide: (B, J, C), the same for every hypothesis. With `flip`
    each is refined as it is and mirrored, and the two results averaged. The xyz of the result are relative to the root.
    `batch` states at once, mirrored ones counted; None: what suits the model. `spread` is the deviation of the hypotheses'
    joints from their mean, root of the mean square over hypotheses, 0 for one.
    The same generator state gives the same result, whatever `batch` is, as long as eta is 0.
    """
    xp = namespace(states)
    hypotheses, poses = states.shape[:2]
    x = xp.reshape(states, (-1, *states.shape[2:]))
    p = None if guide is None else xp.concat([guide] * hypotheses, axis=0)
    if batch is None:
        batch = model.batch if isinstance(model, WholeSampler) else BATCH
    step = max(1, batch // 2 if flip else batch)
    done = []
    for start in range(0, len(x), step):
        part = slice(start, start + step)
        state, context = x[part], None if p is None else p[part]
        if flip:
            state = xp.concat([state, mirrored_joints(state, skeleton)], axis=0)
            context = None if context is None else xp.concat([context, mirrored_joints(context, skeleton, guide_signs)], axis=0)
        with without_gradients(x):
            clean = sampler.sample(model, state, context, times, generator)
        if flip:
            half = len(clean) // 2
            clean = (clean[:half] + mirrored_joints(clean[half:], skeleton)) / 2.0
        done.append(clean)
    found = xp.concat(done, axis=0) if done else x
    image, space = found[..., :IMAGE_CHANNELS], found[..., IMAGE_CHANNELS:]
    refined = xp.reshape(xp.concat([image, space - space[:, :1]], axis=-1), (hypotheses, poses, *x.shape[1:]))
    pose = xp.mean(refined, axis=0)
    apart = (refined - pose)[..., IMAGE_CHANNELS:]
    spread = xp.sqrt(xp.mean(xp.sum(apart * apart, axis=-1), axis=0))
    return Refined(pose, refined, spread)
