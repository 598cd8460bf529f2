from __future__ import annotations

import zipfile
import zlib
from pathlib import Path

import pytest

from contract.failure import ExitCode, Failure
from contract.reading import LARGEST_JSON, LONGEST_REASON, parse_json, read_limited, reading, reason, shown


def told(path: Path, error: BaseException, code: str = "bad_input") -> Failure:
    with pytest.raises(Failure) as caught, reading(path, "preset", "mend it", code):
        raise error
    return caught.value


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (ValueError("its times do not rise"), "its times do not rise"),
        (KeyError("poses"), "it lacks poses"),
        (IndexError("list index out of range"), "IndexError: list index out of range"),
        (EOFError(), "it is cut off"),
        (zlib.error("Error -3"), "its compressed data are damaged"),
        (zipfile.BadZipFile("x"), "it is cut off or damaged"),
        (RecursionError("deep"), "it is nested too deep"),
        (OverflowError("big"), "it holds a number that is too large"),
        (PermissionError(13, "Permission denied"), "Permission denied"),
        (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "bad"), "it is not UTF-8 text"),
    ],
)
def test_each_error_is_one_sentence_with_exit_code_3(tmp_path: Path, error: BaseException, said: str) -> None:
    failure = told(tmp_path / "a.json", error)
    assert failure.message == f"{tmp_path / 'a.json'} is not a preset that can be read ({said}); mend it."
    assert failure.exit_code == ExitCode.BAD_INPUT


def test_what_is_not_there_and_what_does_not_fit_into_memory_are_told_apart(tmp_path: Path) -> None:
    assert told(tmp_path / "a", FileNotFoundError(2, "No such file")).code == "no_such_file"
    assert told(tmp_path / "a", MemoryError()).code == "out_of_memory"
    assert told(tmp_path / "a", ValueError("x"), "bad_motion").code == "bad_motion"
    (tmp_path / "a").write_text("version https://git-lfs.github.com/spec/v1\n")
    assert "placeholder of Git LFS" in told(tmp_path / "a", ValueError("x")).message


def test_a_failure_and_a_fault_of_ours_pass(tmp_path: Path) -> None:
    with pytest.raises(Failure, match="already told"), reading(tmp_path, "preset", "mend it"):
        raise Failure("no_person", "already told")
    with pytest.raises(KeyboardInterrupt), reading(tmp_path, "preset", "mend it"):
        raise KeyboardInterrupt


def test_what_is_quoted_of_a_file_is_short_and_printable() -> None:
    text = reason(ValueError("could not convert '" + "9" * 5000 + "\x1b[31m\n'"))
    assert len(text) <= LONGEST_REASON and text.isprintable()
    assert "\x1b" not in reason(ValueError("a\x1b[31m\nb")) and "\n" not in reason(ValueError("a\nb"))


def test_paths_are_printed_whatever_their_names_hold() -> None:
    assert shown("a\nb") == "a\\nb"
    shown("a\udcff.npz").encode("utf-8")


@pytest.mark.parametrize("text", ["[" * 100_000 + "]" * 100_000, '{"a":' * 50_000, "NaN", "[Infinity]", "1" * 5000, "{", "", '"\\ud800"'])
def test_json_that_is_none_is_a_value_error(text: str) -> None:
    with pytest.raises(ValueError):
        parse_json(text)


def test_json_comes_as_it_is_and_within_limits(tmp_path: Path) -> None:
    assert parse_json('{"a": [1, 2.5, null, "ä"]}') == {"a": [1, 2.5, None, "ä"]}
    assert parse_json(b'"\\ud83d\\ude00"') == "\U0001f600"
    with pytest.raises(ValueError, match="larger"):
        parse_json(b" " * (LARGEST_JSON + 1))
    (tmp_path / "a").write_bytes(b"12345")
    assert read_limited(tmp_path / "a", 5) == b"12345"
    with pytest.raises(ValueError, match="larger"):
        read_limited(tmp_path / "a", 4)
