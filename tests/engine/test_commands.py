import subprocess
import sys
from pathlib import Path

import pytest

from contract.failure import Failure
from engine import commands

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("raised", "code", "said"),
    [(Failure("bad_input", "It is broken; mend it."), 3, "It is broken; mend it."), (KeyboardInterrupt(), 130, "Cancelled."),
     (MemoryError(), 5, "out of memory")],
)  # fmt: skip
def test_every_end_is_a_sentence_and_an_exit_code(monkeypatch, capsys, raised, code, said):
    class Module:
        @staticmethod
        def main(arguments):
            raise raised

    monkeypatch.setattr(commands.importlib, "import_module", lambda name: Module)
    assert commands.run("evaluate", []) == code
    assert said in capsys.readouterr().err


def test_a_reader_that_leaves_is_no_fault():
    program = (
        "import sys\nfrom engine import commands\n"
        "class Module:\n    @staticmethod\n    def main(arguments):\n        [print('line') or sys.stdout.flush() for _ in range(100000)]\n"
        "commands.importlib.import_module = lambda name: Module\nsys.exit(commands.run('evaluate', []))\n"
    )
    process = subprocess.Popen([sys.executable, "-c", program], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "line\n"
    process.stdout.close()
    assert process.stderr is not None and "Traceback" not in process.stderr.read()
    assert process.wait() == 130
