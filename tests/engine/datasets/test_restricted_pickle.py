import pickle
import tracemalloc
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


def raw(path, pickled, name="positions_3d"):
    """An .npz with these bytes for a pickle."""
    header = {"descr": "|O", "fortran_order": False, "shape": ()}
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive, archive.open(f"{name}.npy", "w") as file:
        np.lib.format.write_array_header_1_0(file, header)
        file.write(pickled)
    return path


OBJECT_DTYPE = b"cnumpy\ndtype\n(X\x01\x00\x00\x00OI0\nI1\ntR"
FLOAT_DTYPE = b"cnumpy\ndtype\n(X\x02\x00\x00\x00f8I0\nI1\ntR"
ARRAY = b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(I0\ntU\x01btR"
LAUGHS = b"]" + b"".join(b"\x94" + b"](" + b"h" + bytes([i]) * 1 + b"h%c" % i * 9 + b"e" for i in range(12)) + b"."


@pytest.mark.parametrize(
    ("pickled", "named"),
    [
        (b"cnumpy\nndarray\n((I1\nt" + OBJECT_DTYPE + b"U\x08AAAAAAAAtR.", "_Type|type|argument"),
        (ARRAY + b"(I1\n(I1\nt" + OBJECT_DTYPE + b"I0\nU\x08AAAAAAAAtb.", "objects made of bytes"),
        (b"cnumpy.core.numeric\n_frombuffer\n(U\x08AAAAAAAA" + OBJECT_DTYPE + b"(I1\ntU\x01CtR.", "objects made of bytes"),
        (b"cnumpy.core.multiarray\nscalar\n(" + OBJECT_DTYPE + b"U\x08AAAAAAAAtR.", "objects made of bytes"),
        (ARRAY + b"(I1\n(I1000000000\nt" + FLOAT_DTYPE + b"I0\nU\x08AAAAAAAAtb.", "not whole"),
        (ARRAY + b"(I1\n(L99999999999999999999L\nt" + FLOAT_DTYPE + b"I0\nU\x08AAAAAAAAtb.", "impossible shape"),
        (ARRAY + b".", "not whole"),
        (OBJECT_DTYPE + b"(I3\nU\x01|NNNI-1\nI-1\nI0\ntb.", "dtype|_Dtype"),  # flags that hide the objects
        (b"cnumpy\ndtype\n(X\x07\x00\x00\x00f8,f8,OI0\nI1\ntR.", "unusual kind"),
        (b"cnumpy\ndtype\n(X\x0a\x00\x00\x00S999999999I0\nI1\ntR.", "very large"),
        (b"]r\xff\xff\xff\xff.", "impossible number"),
        (b"]p4000000000\n.", "impossible number"),
        (b"](" * 5000 + b"e" * 5000 + b".", "nested too deep"),
        (b"]q\x00h\x00a.", "contain themselves"),
        (LAUGHS, "over and over"),
        (b"(i__builtin__\neval\n.", "INST"),
        (b"\x82\x01.", "EXT1"),
        (b"Pa\n.", "PERSID"),
        (b"X\xff\xff\xff\x7fa.", "cut off|expected|ValueError"),
        (b"\x80\x05\x96\xff\xff\xff\xff\xff\xff\xff\x7f.", "expected|cut off|too large|ValueError|size"),
        (b"", "cut off|exhausted|pickle"),
        (b"c_codecs\nencode\n(X\x01\x00\x00\x00aX\x06\x00\x00\x00zip_xxtR.", "encoding"),
    ],
)
def test_no_pickle_reaches_memory_that_is_not_its_own(tmp_path, pickled, named):
    tracemalloc.start()
    with pytest.raises(Failure, match=named) as caught:
        load_npz(raw(tmp_path / "a.npz", pickled))
    assert tracemalloc.get_traced_memory()[1] < 2**24
    tracemalloc.stop()
    assert caught.value.exit_code == 3 and "\n" not in caught.value.message


def test_what_is_referred_to_twice_is_read_twice_within_limits(tmp_path):
    points = np.arange(12.0).reshape(4, 3)
    np.savez(tmp_path / "a.npz", positions_3d={"S1": {"a": points, "b": points, "c": [points, points]}})
    read = load_npz(tmp_path / "a.npz")["positions_3d"]["S1"]
    assert all(np.array_equal(one, points) for one in (read["a"], read["b"], *read["c"]))


ARRAYS = [
    np.arange(3, dtype=">i4"), np.asfortranarray(np.arange(6.0).reshape(2, 3)), np.zeros((0, 17, 2)), np.array(["a", "bc"]),
    np.array([True, False]), np.array([[None, 1], ["a", {}]], dtype=object),
]  # fmt: skip


@pytest.mark.parametrize("array", ARRAYS)
@pytest.mark.parametrize("protocol", [2, 4, 5])
def test_arrays_of_every_kind_come_back(tmp_path, array, protocol):
    write_pickled(tmp_path / "a.npz", {"a": array}, protocol)
    read = load_npz(tmp_path / "a.npz")["positions_3d"]["a"]
    assert read.dtype == array.dtype and read.shape == array.shape and (read == array).all() and read.flags.writeable
