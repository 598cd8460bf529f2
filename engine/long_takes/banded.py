"""Least squares over a long run: a banded system solved stretch by stretch, exactly, without ever being in memory whole.

Every stretch is solved as if those after it were known, which leaves a small system for the first unknowns of the next one. When the last
stretch is solved, the way back puts in what had been left open.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from scipy.linalg import solveh_banded

from engine.long_takes.scratch import let_go, long_array
from engine.long_takes.windows import pieces

Array = npt.NDArray[np.float64]


def solved(system: Callable[[slice], tuple[Array, Array]], frames: int, size: int, *beside: npt.NDArray[np.floating] | None) -> Array:
    """(T,C) the x of A x = b; A is symmetric, positive definite and banded, with C = `size` unknowns a frame.

    system(frames) gives n frames of it: the lower bands of A, (D+1,nC) as scipy's solveh_banded takes them but with the entries that
    reach into the frames behind, and b (nC,). D must not be above that of two frames, 2C. `beside`: the columns that it looks at.
    """
    out: Array = long_array((frames, size), np.float64)
    parts, reach = list(pieces(frames)), 0
    # what the unknowns of each stretch give way where one of the next stretch's first is moved by 1
    links = long_array((frames, size, 2 * size), np.float64) if len(parts) > 1 else None
    matrix, right = np.zeros((0, 0)), np.zeros(0)
    for part in parts:
        bands, values = system(part)
        for below in range(reach):
            bands[below, : reach - below] -= np.diagonal(matrix, -below)
        values[:reach] -= right
        width = len(bands) - 1
        reach = min(width, size * (frames - part.stop))
        link = _links(bands, reach)
        both = solveh_banded(bands, np.column_stack([values, link]), lower=True, check_finite=False)
        matrix, right = link[-width:].T @ both[-width:, 1:], link[-width:].T @ both[-width:, 0]
        out[part] = both[:, 0].reshape(-1, size)
        if links is not None:
            links[part, :, :reach] = both[:, 1:].reshape(part.stop - part.start, size, reach)
        let_go(out, links, *beside)
    for part in reversed(parts[:-1]):
        assert links is not None
        behind = out[part.stop : part.stop + 2].ravel()
        out[part] -= links[part, :, : len(behind)] @ behind
        let_go(out, links)
    return out


def _links(bands: Array, reach: int) -> Array:
    """(N,reach) the entries of lower bands (D+1,N) in the `reach` rows behind the N-th."""
    width, count = len(bands) - 1, bands.shape[1]
    out = np.zeros((count, reach))
    for column in range(max(count - width, 0), count):
        rows = np.arange(min(width - (count - column) + 1, reach))
        out[column, rows] = bands[count - column + rows, column]
    return out
