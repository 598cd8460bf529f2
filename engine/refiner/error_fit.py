"""Fitting an error model: classes of confidence, a mixture in each by expectation maximisation, and how long what it says lasts."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from engine.refiner.error_model import ErrorModel
from engine.refiner.layout import STATE_CHANNELS
from engine.refiner.mixture import Mixture

Array = npt.NDArray[np.float64]

FIT_FRAMES = 8000  # residuals a class that a mixture is fitted to: more change it by less than the seed does
LEAST_IN_CLASS = 200  # residuals that a joint's class must hold to be one: a component of 5 x 5 covariances needs some
LASTING_FRAMES = 20_000  # frames that time constants are measured on, taken from the front so that they stay sequences
LAGS = (1, 2, 3, 5, 8, 13, 21, 34)  # frames between the two of a pair
LONGEST = 2.0  # seconds between the two of a pair: beyond, they are two takes or tell nothing
APART = 100.0 * LONGEST  # seconds to put between two takes, so that what lasts within one has nothing to do with another
SECONDS = np.geomspace(0.005, 20.0, 60)  # the time constants tried: below the first nothing lasts at any video's rate
LEAST_PAIRS = 100
LEAST_DEVIATION = 1e-6  # channels that hardly vary (the root's xyz) are not stretched to unit variance before a fit


@dataclass(frozen=True)
class Fit:
    """How a model is fitted. components: of a mixture. classes: of confidence, where a joint's confidence varies enough to make them."""

    components: int = 3
    classes: int = 2
    seed: int = 0


def fit(residuals: Tensor | Array, components: int = 3, seed: int = 0) -> Mixture:
    """Fit a mixture to each joint by expectation maximisation.

    residuals: (N, J, 5), the guess minus the truth, N at least `components`. The same seed gives the same mixture.
    """
    # part of the training extra; what only judges or reads a model does without it
    from sklearn.mixture import GaussianMixture

    data = np.asarray(residuals, dtype=np.float64)
    if data.ndim != 3 or data.shape[2] != STATE_CHANNELS:
        raise ValueError(f"expected residuals of shape (N, J, {STATE_CHANNELS}), not {data.shape}")
    if len(data) < max(components, 2):
        raise ValueError(f"{len(data)} residuals are too few for {components} components")
    if not np.isfinite(data).all():
        raise ValueError("the residuals hold values that are not numbers")
    weights, means, covariances = [], [], []
    for joint in range(data.shape[1]):
        values = data[:, joint]
        # In its own units the screen's hundredths would count for nothing beside metres when the fit is begun.
        scale = np.maximum(values.std(axis=0), LEAST_DEVIATION)
        found = GaussianMixture(components, covariance_type="full", random_state=seed, max_iter=200).fit(values / scale)
        order = np.argsort(-found.weights_, kind="stable")
        weights.append(found.weights_[order] / found.weights_.sum())
        means.append(found.means_[order] * scale)
        covariances.append(found.covariances_[order] * scale[:, None] * scale)
    return Mixture(*(torch.from_numpy(np.stack(part)) for part in (weights, means, covariances)))


def fit_errors(
    residuals: Tensor | Array, how: Fit, confidence: Tensor | Array | None = None, times: Tensor | Array | None = None
) -> ErrorModel:
    """A model of residuals (N,J,5), the guess minus the truth.

    confidence (N,J): without it there is one class. times (N,): seconds of the frames, in their order, with a jump of more than LONGEST
    between takes; without it nothing lasts. Raises ValueError for residuals that are too few or no numbers.
    """
    data = np.asarray(residuals, dtype=np.float64)
    if data.ndim != 3 or data.shape[2] != STATE_CHANNELS:
        raise ValueError(f"expected residuals of shape (N, J, {STATE_CHANNELS}), not {data.shape}")
    joints = data.shape[1]
    sure = np.ones(data.shape[:2]) if confidence is None else np.asarray(confidence, dtype=np.float64)
    thresholds = find_thresholds(sure, how.classes)
    chosen = np.random.default_rng(how.seed).permutation(len(data))
    parts = [[fit(rows, how.components, how.seed) for rows in _rows(data, sure, thresholds, chosen, j)] for j in range(joints)]
    # a joint with fewer classes repeats its last, which its infinite thresholds keep out of reach
    per_class = [[of[min(k, len(of) - 1)] for of in parts] for k in range(thresholds.shape[1] + 1)]
    mixtures = tuple(
        Mixture(*(torch.cat([getattr(m, name) for m in row]) for name in ("weights", "means", "covariances"))) for row in per_class
    )
    like = mixtures[0].weights
    plain = ErrorModel(mixtures, torch.from_numpy(thresholds), like.new_zeros(joints, STATE_CHANNELS), like.new_zeros(joints))
    return plain if times is None else lasting(plain, data, sure, np.asarray(times, dtype=np.float64))


def lasting(model: ErrorModel, residuals: Array, confidence: Array, times: Array) -> ErrorModel:
    """The model with the time constants of residuals (N,J,5) at confidences (N,J) and times (N,); see `fit_errors`."""
    data, sure, clock = (values[:LASTING_FRAMES] for values in (residuals, confidence, times))
    deviates, components = explain(model, data, sure)
    classes = model.classify(torch.from_numpy(sure)).numpy()
    kept = [components_last(components[:, j], classes[:, j], clock) for j in range(model.joints)]
    return replace(model, deviate_seconds=torch.from_numpy(deviates_last(deviates, clock)), component_seconds=torch.tensor(kept).double())


def find_thresholds(confidence: Array, classes: int, least: int = LEAST_IN_CLASS) -> Array:
    """(J, K-1): quantiles of each joint's confidences (N,J) that part them into classes of at least `least`; the missing ones infinite.

    K is the largest number of classes that a joint has, at most `classes`.
    """
    found: list[list[float]] = []
    for values in confidence.T:
        edges: list[float] = []
        for share in np.linspace(0.0, 1.0, classes + 1)[1:-1]:
            edge = float(np.quantile(values, share))
            below = values < edge
            if edges:
                below &= values >= edges[-1]
            if below.sum() >= least and (values >= edge).sum() >= least:
                edges.append(edge)
        found.append(edges)
    most = max(len(edges) for edges in found)
    return np.array([edges + [np.inf] * (most - len(edges)) for edges in found]).reshape(len(found), most)


def _rows(data: Array, sure: Array, thresholds: Array, chosen: npt.NDArray[np.int64], joint: int) -> list[Array]:
    """The residuals (n,1,5) of a joint in each of its own classes, in the order of `chosen`, at most FIT_FRAMES."""
    edges = thresholds[joint][np.isfinite(thresholds[joint])]
    classes = (sure[chosen, joint][:, None] >= edges).sum(axis=1)
    return [data[chosen[classes == k][:FIT_FRAMES], joint][:, None] for k in range(len(edges) + 1)]


def explain(model: ErrorModel, residuals: Array, confidence: Array) -> tuple[Array, npt.NDArray[np.int64]]:
    """What the model's draws would have been: unit deviates (N,J,5) around the likeliest component, and the components (N,J)."""
    frames, joints = residuals.shape[:2]
    deviates, components = np.zeros(residuals.shape), np.zeros((frames, joints), dtype=np.int64)
    classes = model.classify(torch.from_numpy(confidence)).numpy()
    for k, mixture in enumerate(model.classes):
        roots, means = mixture.factors.numpy(), mixture.means.numpy()
        with np.errstate(divide="ignore"):
            weights = np.log(mixture.weights.numpy())  # a component of weight 0 explains nothing
        for j in range(joints):
            rows = np.flatnonzero(classes[:, j] == k)
            off = residuals[rows, None, j] - means[j]
            units = np.stack([np.linalg.solve(root, off[:, m].T).T for m, root in enumerate(roots[j])], axis=1)
            log = weights[j] - np.log(np.diagonal(roots[j], axis1=1, axis2=2)).sum(axis=1) - 0.5 * np.square(units).sum(axis=2)
            components[rows, j] = log.argmax(axis=1)
            deviates[rows, j] = units[np.arange(len(rows)), components[rows, j]]
    return deviates, components


def deviates_last(deviates: Array, times: Array) -> Array:
    """(J,5) seconds of the autoregression that fits unit deviates (N,J,5) at times (N,) best."""
    flat = deviates.reshape(len(deviates), -1)
    size = np.sqrt(np.square(flat).mean(axis=0))
    flat = flat / np.where(size > 0, size, 1.0)
    products, gaps = [], []
    for lag in LAGS:
        gap, near = _pairs(times, lag)
        products.append((flat[lag:] * flat[:-lag])[near])
        gaps.append(gap)
    return time_constants(np.concatenate(products), np.concatenate(gaps)).reshape(deviates.shape[1:])


def components_last(components: npt.NDArray[np.int64], classes: npt.NDArray[np.int64], times: Array) -> float:
    """Seconds that the rank behind a joint's components (N,) is kept for on average, from frames of one class (N,).

    Two frames of a class have the same component with probability p + (1 - p) exp(-dt / seconds), p by chance.
    """
    chance = {k: float(np.square(np.bincount(components[classes == k]) / (classes == k).sum()).sum()) for k in np.unique(classes)}
    products, gaps = [], []
    for lag in LAGS:
        gap, near = _pairs(times, lag)
        first, second, k = components[:-lag][near], components[lag:][near], classes[:-lag][near]
        p = np.array([chance[c] for c in k])
        use = (k == classes[lag:][near]) & (p < 1.0)
        products.append(((first == second)[use] - p[use]) / (1.0 - p[use]))
        gaps.append(gap[use])
    return float(time_constants(np.concatenate(products)[:, None], np.concatenate(gaps))[0])


def time_constants(products: Array, gaps: Array) -> Array:
    """(C,) seconds s such that exp(-gap / s) is nearest to `products` (P,C) over pairs with gaps (P,); 0 where nothing lasts or pairs
    are too few."""
    if len(gaps) < LEAST_PAIRS:
        return np.zeros(products.shape[1])
    curves = np.exp(-gaps / SECONDS[:, None])
    # the squared distance without what no constant changes
    losses = np.square(curves).sum(axis=1)[:, None] - 2.0 * curves @ products
    best = losses.argmin(axis=0)
    return np.where(losses[best, np.arange(len(best))] < 0.0, np.where(best > 0, SECONDS[best], 0.0), 0.0)


def _pairs(times: Array, lag: int) -> tuple[Array, npt.NDArray[np.bool_]]:
    """(gaps of the pairs that count, which of the N - lag pairs those are)."""
    gaps = times[lag:] - times[:-lag]
    near = (gaps > 0.0) & (gaps <= LONGEST)
    return gaps[near], near
