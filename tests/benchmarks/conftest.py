"""What the tests of the benchmarks share."""

import pytest
import torch


@pytest.fixture(autouse=True)
def one_thread():
    """Networks so small are slower in several."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)
