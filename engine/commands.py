"""The engine's commands for a person at a terminal: plain text on standard output, one sentence on standard error where they fail.

(`capture` is not one of them: it is the worker, which speaks in events.) A command is a module with `main(arguments) -> exit code`.
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Sequence

from contract.failure import ExitCode, Failure
from contract.libraries import import_failure

# word -> module; the words stand in kinolift.py's COMMANDS too
COMMANDS: dict[str, str] = {
    "evaluate": "engine.training.evaluate",
    "train": "engine.training.command",
}


def run(word: str, arguments: Sequence[str]) -> int:
    """Runs a command of COMMANDS and returns its exit code."""
    try:
        return int(importlib.import_module(COMMANDS[word]).main(arguments))
    except Failure as failure:
        print(failure.message, file=sys.stderr)
        return int(failure.exit_code)
    except ImportError as error:
        missing = import_failure(error)
        print(missing.message, file=sys.stderr)
        return int(missing.exit_code)
    except KeyboardInterrupt:
        print("Cancelled.", file=sys.stderr)
        return int(ExitCode.CANCELLED)
    except MemoryError:
        print("The machine ran out of memory; close other programs, or take a part of the data with --every.", file=sys.stderr)
        return int(ExitCode.NO_RESOURCES)
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 - so that the interpreter's own flush finds no broken pipe
        return int(ExitCode.CANCELLED)
