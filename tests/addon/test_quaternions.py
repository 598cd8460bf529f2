import numpy as np
from kinolift_extension.addon.quaternions import of_matrices
from mathutils import Quaternion


def test_rotations_of_every_kind_become_quaternions():
    generator = np.random.default_rng(0)
    wanted = generator.normal(size=(300, 4))
    wanted[:60] *= 1e-3 ** generator.integers(0, 2, size=(60, 4))  # half turns, where one part or three vanish
    wanted /= np.linalg.norm(wanted, axis=1, keepdims=True)
    found = of_matrices(np.array([Quaternion(row).to_matrix() for row in wanted], dtype=float))
    np.testing.assert_allclose(found * np.sign(np.sum(found * wanted, axis=1, keepdims=True)), wanted, atol=2e-6)
