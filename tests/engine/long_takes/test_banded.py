import numpy as np
import pytest

from engine.long_takes import windows
from engine.long_takes.banded import solved


def system(frames: int, width: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """A symmetric, positive definite A (3T,3T) of that many lower bands beside the diagonal, and b (3T,)."""
    rng = np.random.default_rng(seed)
    lower = np.tril(rng.normal(size=(3 * frames, 3 * frames)))
    lower[np.subtract.outer(np.arange(3 * frames), np.arange(3 * frames)) > width] = 0.0
    return lower @ lower.T + np.eye(3 * frames), rng.normal(size=3 * frames)


def bands_of(matrix: np.ndarray, columns: slice, width: int) -> np.ndarray:
    """(width+1,N) lower bands of some columns, those that reach behind them too."""
    out = np.zeros((width + 1, columns.stop - columns.start))
    for band in range(width + 1):
        for column in range(columns.start, min(columns.stop, len(matrix) - band)):
            out[band, column - columns.start] = matrix[column + band, column]
    return out


@pytest.mark.parametrize("width", [6, 4, 1])
@pytest.mark.parametrize(("frames", "piece"), [(1, 5), (5, 5), (11, 5), (12, 4), (9, 2), (10, 3)])
def test_pieces_give_what_the_whole_system_gives(monkeypatch: pytest.MonkeyPatch, frames: int, piece: int, width: int) -> None:
    """Against the dense matrix solved at once; also where the last piece has a single frame."""
    monkeypatch.setattr(windows, "PIECE", piece)
    matrix, right = system(frames, width)
    asked: list[slice] = []

    def part(at: slice) -> tuple[np.ndarray, np.ndarray]:
        asked.append(at)
        inside = slice(3 * at.start, 3 * at.stop)
        return bands_of(matrix, inside, width), right[inside].copy()

    out = solved(part, frames, 3)
    np.testing.assert_allclose(out.ravel(), np.linalg.solve(matrix, right), atol=1e-9)
    assert max(at.stop - at.start for at in asked) <= piece  # never more of the system than a piece
