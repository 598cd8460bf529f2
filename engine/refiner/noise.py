"""Forward processes: how a true pose turns into a noisy one, as the published code has it and as the paper says, on a mixture.

The paper fits a mixture to the uncertain pose, draws a component G by its weight, and diffuses towards it:

    h_k = mu_G + sqrt(abar_k) (h_0 - mu_G) + sqrt(1 - abar_k) eps_G

Its schedule never reaches abar = 0, so mu_G and eps_G have to be scaled before the state of any step looks like the pose a
lifter gives. Here the mixture is that of the residuals, guess minus truth, with means m_G and covariances S_G in the state's
own units, and the scale follows from one demand: **at the start step K the state is distributed like the guess itself**,
h_0 + m_G + N(0, S_G). Hence, with everything measured from the true pose,

    mu_G = h_0 + m_G / (1 - sqrt(abar_K)),    eps_G ~ N(0, S_G / (1 - abar_K)),
    h_k  = h_0 + a_k m_G + b_k N(0, S_G),     a_k = (1 - sqrt(abar_k)) / (1 - sqrt(abar_K)),  b_k = sigma_k / sigma_K.

Steps below K hold less of the same error, steps above K more. What the network learns to predict is the whole noise,
eps = (h_k - sqrt(abar_k) h_0) / sigma_k, mean shift included, so that every sampler of the plain diffusion fits unchanged.

Where the detector says how sure it is, m_G and S_G are those of its confidence; where the frames are a sequence, what is drawn lasts
over them (error_model.py).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from engine.arrays import Array, Generator, constant, namespace
from engine.refiner.error_model import ErrorModel, LastFrame
from engine.refiner.mixture import Mixture
from engine.refiner.schedule import Schedule, standard_normal

# The published code's noise: a tenth of a unit in (u, v), a metre in (x, y, z).
RELEASED_SCALES = (0.1, 0.1, 1.0, 1.0, 1.0)
# Of the noise, drawn around the guess for each of several hypotheses: enough that they differ.
AMPLITUDE = 0.5


@dataclass(frozen=True)
class Frames:
    """What is known of B frames beside their poses. confidence (B,J): the detector's, 0 to 1. times (B,): seconds; where they are given the
    frames are a sequence, of which a jump in time begins another. last: of the frames before, to go on from.
    None: not known."""

    confidence: Array | None = None
    times: Array | None = None
    last: LastFrame | None = None


UNKNOWN = Frames()


class Process(Protocol):
    """A forward process: how a true pose turns into a noisy one, and where hypotheses about a guess begin."""

    schedule: Schedule
    start_step: int

    def forward(
        self, h0: Array, t: Array, generator: Generator | None = None, confidence: Array | None = None
    ) -> tuple[Array, Array]:
        """(h_t, eps), h_t = sqrt(abar_t) h0 + sigma_t eps. h0: (B, J, 5); t: (B,); confidence: (B, J) of the detector, 0 to 1."""
        ...

    def start(
        self, guess: Array, hypotheses: int = 1, amplitude: float = 0.0, generator: Generator | None = None,
        frames: Frames = UNKNOWN,
    ) -> tuple[Array, int]:  # fmt: skip
        """(states (H, B, J, 5), their step) around `guess` (B, J, 5)."""
        ...


class FixedNoise:
    """The published code's process: the same Gaussian noise for every joint, `scales` a channel at sigma = 1."""

    def __init__(self, schedule: Schedule, start_step: int, scales: tuple[float, ...] = RELEASED_SCALES) -> None:
        self.schedule = schedule
        self.start_step = start_step
        self.scales = scales

    def forward(
        self, h0: Array, t: Array, generator: Generator | None = None, confidence: Array | None = None,
        scales: Array | None = None,
    ) -> tuple[Array, Array]:  # fmt: skip
        """See `Process.forward`; the confidence changes nothing. scales (B,J,5): of every pose and joint its own, at sigma = 1."""
        eps = standard_normal(h0.shape, h0, generator) * (constant(self.scales, h0) if scales is None else scales)
        return self.schedule.q_sample(h0, t, eps), eps

    def start(
        self, guess: Array, hypotheses: int = 1, amplitude: float = 0.0, generator: Generator | None = None,
        frames: Frames = UNKNOWN,
    ) -> tuple[Array, int]:  # fmt: skip
        """The guess itself at the start step with amplitude 0, all hypotheses equal, as published; see `MixtureNoise.start`."""
        states = namespace(guess).broadcast_to(guess, (hypotheses, *guess.shape))
        if amplitude > 0.0:
            noise = standard_normal(states.shape, guess, generator) * constant(self.scales, guess)
            states = states + amplitude * self.schedule.sigma(self.start_step) * noise
        return states, widened_step(self.schedule, self.start_step, amplitude)


class MixtureNoise:
    """The paper's process on what detector and lifter get wrong; `start_step` is the K of the module's first lines."""

    def __init__(self, schedule: Schedule, start_step: int, errors: ErrorModel | Mixture) -> None:
        self.schedule = schedule
        self.start_step = start_step
        self.errors = ErrorModel.of(errors) if isinstance(errors, Mixture) else errors

    def forward(
        self, h0: Array, t: Array, generator: Generator | None = None, confidence: Array | None = None,
        times: Array | None = None,
    ) -> tuple[Array, Array]:  # fmt: skip
        """See `Process.forward`; one component is drawn for each joint of each pose. times (B,): as in `Frames`; what is drawn lasts."""
        if times is None:
            centre, around = self.errors.draw((len(h0),), h0, generator, confidence)
        else:
            centre, around = (values[0] for values in self.errors.course(1, times, h0, generator, confidence))
        kept, sigma = self.schedule.coefficients(t, h0)
        start_kept, start_sigma = self.schedule.alpha_bar(self.start_step) ** 0.5, self.schedule.sigma(self.start_step)
        # (1 - sqrt(abar)) / sigma = sigma / (1 + sqrt(abar)), which does not cancel where abar is near 1.
        eps = sigma / (1.0 + kept) * (h0 + centre * ((1.0 + start_kept) / start_sigma**2)) + around / start_sigma
        return kept * h0 + sigma * eps, eps

    def start(
        self, guess: Array, hypotheses: int = 1, amplitude: float = 1.0, generator: Generator | None = None,
        frames: Frames = UNKNOWN,
    ) -> tuple[Array, int]:  # fmt: skip
        """Hypotheses drawn around a guess in pairs: guess +- amplitude (r - mean r), r drawn from the mixture for every pair.

        The two of a pair cancel in the mean what they have in common, so that the mean is not worse than the guess for the noise
        that was put on it; an odd last hypothesis has no partner. guess: (B, J, 5). Returns states (H, B, J, 5) and the step they
        belong to: the guess holds one error of the mixture, the draw another, so the step is the one of deviation
        sqrt(1 + amplitude^2) sigma_K. The guess already holds the mean residual once, which is why the draw is centred. In a
        sequence a hypothesis keeps its error from frame to frame as the lifter does. Amplitude 0 gives the guess itself at step K.
        """
        states = namespace(guess).broadcast_to(guess, (hypotheses, *guess.shape))
        if amplitude > 0.0:
            pairs = (hypotheses + 1) // 2
            if frames.times is None:
                centre, around = self.errors.draw((pairs, len(guess)), guess, generator, frames.confidence)
            else:
                centre, around = self.errors.course(pairs, frames.times, guess, generator, frames.confidence, frames.last)
            drawn, xp = centre + around - self.errors.mean(guess, frames.confidence), namespace(guess)
            states = states + amplitude * xp.reshape(xp.stack([drawn, -drawn], axis=1), (-1, *guess.shape))[:hypotheses]
        return states, widened_step(self.schedule, self.start_step, amplitude)


def widened_step(schedule: Schedule, start_step: int, amplitude: float) -> int:
    """The step whose noise holds that of `start_step` and an independent one, `amplitude` times as large, on top."""
    return schedule.start_step((1.0 + amplitude**2) ** 0.5 * schedule.sigma(start_step))
