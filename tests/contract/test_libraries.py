from __future__ import annotations

import pytest

from contract.failure import ExitCode
from contract.libraries import LIBRARIES, import_failure


@pytest.mark.parametrize("library", LIBRARIES, ids=lambda library: library.soname)
def test_a_missing_library_is_told_with_the_command_that_installs_it(library) -> None:
    failure = import_failure(ImportError(f"{library.soname}: cannot open shared object file: No such file or directory"))
    assert failure.exit_code == ExitCode.NO_RESOURCES and failure.code == "bad_installation"
    assert library.soname in failure.message and f"`sudo apt-get install {library.debian}`" in failure.message


def test_an_unknown_library_and_a_missing_package() -> None:
    assert "libnone.so.3" in import_failure(ImportError("libnone.so.3: cannot open shared object file: x")).message
    assert "kinolift.py setup --again" in import_failure(ModuleNotFoundError("No module named 'cv2'")).message
