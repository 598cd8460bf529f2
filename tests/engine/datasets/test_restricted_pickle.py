import pickle
import zipfile

import numpy as np
import pytest

from contract.failure import Failure
from engine.datasets.restricted_pickle import load_npz


class Evil:
    def __reduce__(self):
        return eval, ("open('evil', 'w').write('!')",)


class Harmless:
    pass


def write_pickled(path, value, protocol, name="positions_3d"):
    """An .npz whose object array was pickled by another version of Python or numpy."""
    array = np.empty((), object)
    array[()] = value
    header = np.lib.format.header_data_from_array_1_0(array)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open(f"{name}.npy", "w") as file:
        np.lib.format.write_array_header_1_0(file, header)
        file.write(pickle.dumps(array, protocol=protocol))


NESTED = {"S1": {"Walking 1": [np.arange(12, dtype=np.float32).reshape(2, 3, 2), np.float32(2.5), "text", (1, None)]}}


def same(a, b):
    if isinstance(a, dict):
        return a.keys() == b.keys() and all(same(a[k], b[k]) for k in a)
    if isinstance(a, list | tuple):
        return len(a) == len(b) and all(map(same, a, b))
    return np.array_equal(a, b) if isinstance(a, np.ndarray) else a == b


def test_what_numpy_writes_is_read(tmp_path):
    path = tmp_path / "a.npz"
    np.savez_compressed(path, positions_3d=NESTED, plain=np.arange(3))
    read = load_npz(path)
    assert same(read["positions_3d"], NESTED) and np.array_equal(read["plain"], [0, 1, 2])


@pytest.mark.parametrize("protocol", [2, 3, 4, 5])
def test_every_protocol_is_read(tmp_path, protocol):
    write_pickled(tmp_path / "a.npz", NESTED, protocol)
    assert same(load_npz(tmp_path / "a.npz")["positions_3d"], NESTED)


@pytest.mark.parametrize(
    ("value", "named"),
    [
        ({"S1": Evil()}, r"(builtins|__builtin__)\.eval"),
        ([Harmless()], "Harmless"),
        ([np.array([Harmless()])], "Harmless"),
        ([set()], "set"),
    ],
)
@pytest.mark.parametrize("protocol", [2, 4])
def test_more_than_data_is_refused_and_never_run(tmp_path, monkeypatch, value, named, protocol):
    monkeypatch.chdir(tmp_path)
    write_pickled(tmp_path / "a.npz", value, protocol)
    with pytest.raises(Failure, match=named) as caught:
        load_npz(tmp_path / "a.npz")
    assert "it was not opened" in caught.value.message and caught.value.exit_code == 3
    assert not (tmp_path / "evil").exists()


def test_a_damaged_download_is_told_apart(tmp_path):
    whole = tmp_path / "a.npz"
    np.savez_compressed(whole, positions_3d={"S1": np.random.default_rng(0).normal(size=4000)})
    content = whole.read_bytes()
    cut = tmp_path / "cut.npz"
    for length in (0, 10, len(content) // 2, len(content) - 5):
        cut.write_bytes(content[:length])
        with pytest.raises(Failure, match="download it again"):
            load_npz(cut)
    cut.write_bytes(content[:2000] + b"\0" * 50 + content[2050:])
    with pytest.raises(Failure, match="download it again"):
        load_npz(cut)
    cut.write_text("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 134\n")
    with pytest.raises(Failure, match="placeholder of Git LFS"):
        load_npz(cut)
    with pytest.raises(Failure, match="no file"):
        load_npz(tmp_path / "none.npz")
