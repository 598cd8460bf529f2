"""Outputs on a real disk: every name of an input is refused, other people's files stay, nothing is left half-written."""

from __future__ import annotations

import errno
import os
import socket
import tempfile
from pathlib import Path

import pytest

from contract import outputs
from contract.failure import ExitCode, Failure
from contract.outputs import check_folder, check_outputs, write_text, written_beside


@pytest.fixture
def video(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    path = tmp_path / "in.mp4"
    path.write_bytes(b"the only copy")
    return path


def other_name(video: Path, how: str) -> Path:
    """Another name of the same file, as each system has them."""
    folder, name = video.parent, video.parent / "other.mp4"
    if how == "the same":
        return video
    if how == "relative":
        return Path("in.mp4")
    if how == "with dots":
        (folder / "sub").mkdir()
        return Path("sub") / ".." / "in.mp4"
    if how == "symbolic link":
        name.symlink_to(video)
    elif how == "hard link":
        os.link(video, name)
    elif how == "through a linked folder":
        (folder / "linked").symlink_to(folder, target_is_directory=True)
        return folder / "linked" / "in.mp4"
    return name


@pytest.mark.parametrize("how", ["the same", "relative", "with dots", "symbolic link", "hard link", "through a linked folder"])
@pytest.mark.parametrize("overwrite", [False, True])
def test_no_output_is_an_input_by_any_name(video: Path, how: str, overwrite: bool) -> None:
    name = other_name(video, how)
    before = sorted(entry.name for entry in video.parent.iterdir())
    for output, source in ((name, video), (video, name)):
        with pytest.raises(Failure, match="is an input") as raised:
            check_outputs([video.parent / "fine.mp4", output], ["missing.mp4", source], overwrite=overwrite)
        assert raised.value.exit_code == ExitCode.BAD_ARGUMENTS
    assert video.read_bytes() == b"the only copy" and sorted(entry.name for entry in video.parent.iterdir()) == before


def test_another_case_is_the_same_file_where_the_disk_says_so(video: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Played on disks that heed case: there the file of another case is a link to the first, as its identity shows."""
    upper = video.with_name("IN.MP4")
    if not upper.exists():
        os.link(video, upper)
    with pytest.raises(Failure, match="is an input"):
        check_outputs([upper], [video])
    if outputs._ignores_case(video.parent):
        return
    assert len(check_outputs(["new.mp4", "NEW.mp4"])) == 2
    monkeypatch.setattr(outputs, "_ignores_case", lambda folder: True)
    with pytest.raises(Failure, match="named twice"):
        check_outputs(["new.mp4", "NEW.mp4"])


def test_an_output_twice(video: Path) -> None:
    (video.parent / "sub").mkdir()
    with pytest.raises(Failure, match="named twice"):
        check_outputs(["a.mp4", "sub/../a.mp4"])
    (video.parent / "link.mp4").symlink_to(video)
    with pytest.raises(Failure, match="named twice"):
        check_outputs(["link.mp4", "in.mp4"], overwrite=True)


def test_a_file_of_the_users_stays_unless_told(video: Path) -> None:
    with pytest.raises(Failure, match=r"in\.mp4 exists and is not recognised as made by Kinolift; .* --overwrite") as raised:
        check_outputs([video])
    assert raised.value.exit_code == ExitCode.BAD_ARGUMENTS
    assert check_outputs([video], overwrite=True) == [video]
    broken = video.with_name("broken.mp4")
    broken.symlink_to("nowhere.mp4")
    with pytest.raises(Failure, match="exists"):
        check_outputs([broken])
    assert video.read_bytes() == b"the only copy"


@pytest.mark.parametrize(
    ("name", "kinds", "code", "words"),
    [
        ("take.gif", (".mp4",), "unknown_extension", "'.gif' is not a kind of file that can be written; use .mp4"),
        ("take", (".mp4",), "unknown_extension", "no extension"),
        (".mp4", (".mp4",), "unknown_extension", "no extension"),
        ("no/take.mp4", (), "not_writable", "does not exist"),
        ("in.mp4/take.mp4", (), "not_writable", "does not exist"),
        (".", (), "not_writable", "is a folder"),
        ("x" * 300 + ".mp4", (), "not_writable", "too long"),
        ("/".join(["y" * 200] * 30) + ".mp4", (), "not_writable", "too long"),
        ("take\udcff.mp4", (), "not_writable", "not valid UTF-8"),
        ("nul\0.mp4", (), "not_writable", "cannot be printed"),
        ("two\nlines.mp4", (), "not_writable", "cannot be printed"),
    ],
)
def test_names_that_cannot_be_written_are_found_at_once(video: Path, name: str, kinds: tuple[str, ...], code: str, words: str) -> None:
    with pytest.raises(Failure, match=words) as raised:
        check_outputs([name], kinds=kinds, overwrite=True)
    assert raised.value.code == code and raised.value.message.endswith(".")
    assert [entry.name for entry in video.parent.iterdir()] == ["in.mp4"]


def test_the_longest_name_that_the_disk_takes_is_written(tmp_path: Path) -> None:
    longest = os.pathconf(tmp_path, "PC_NAME_MAX") if hasattr(os, "pathconf") else 200
    (path,) = check_outputs([tmp_path / ("x" * (longest - 4) + ".npz")])
    write_text("whole", path)
    assert path.read_text(encoding="utf-8") == "whole" and list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(not hasattr(socket, "AF_UNIX"), reason="special files")
def test_what_is_no_file_is_not_replaced(video: Path) -> None:
    os.mkfifo(video.parent / "pipe.mp4")
    with pytest.raises(Failure, match="is not a file"):
        check_outputs(["pipe.mp4"], overwrite=True)


def test_a_folder_that_may_not_be_written(video: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The super-user may write anywhere, so the refusal is played."""

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(tempfile, "mkdtemp", refuse)
    with pytest.raises(Failure, match="cannot be written") as raised:
        check_outputs(["take.mp4"])
    assert raised.value.code == "not_writable"


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "take.json"
    path.write_text("old")
    with pytest.raises(Failure, match="The disk is full") as raised, written_beside(path) as beside:
        beside.write_text("half")
        raise OSError(errno.ENOSPC, "No space left on device")
    assert raised.value.code == "disk_full"
    with pytest.raises(Failure, match="Nothing was written"), written_beside(path):
        pass
    with pytest.raises(KeyboardInterrupt), written_beside(path) as beside:
        beside.write_text("half")
        raise KeyboardInterrupt
    assert path.read_text() == "old" and list(tmp_path.iterdir()) == [path]


def test_neighbours_with_likely_names_stay(tmp_path: Path) -> None:
    """A temporary file must not be one of the user's: `take.part` beside `take.json`."""
    for name in ("take.part", ".take.part", "take.json.part", ".take.json.part"):
        (tmp_path / name).write_text("the user's")
    write_text("new", tmp_path / "take.json")
    assert sorted(p.read_text() for p in tmp_path.iterdir()) == ["new", *["the user's"] * 4]


def test_folders(tmp_path: Path) -> None:
    assert check_folder(tmp_path / "a" / "b") == tmp_path / "a" / "b" and list((tmp_path / "a" / "b").iterdir()) == []
    (tmp_path / "file").touch()
    for bad in (tmp_path / "file", tmp_path / "file" / "b"):
        with pytest.raises(Failure, match="is a file; name a folder"):
            check_folder(bad)
