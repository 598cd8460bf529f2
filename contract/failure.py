"""Failures a person is told of: one clear sentence, a short code for programs, and the exit code of the command."""

from __future__ import annotations

from enum import IntEnum


class ExitCode(IntEnum):
    """The exit codes of every command, inside and outside Blender."""

    DONE = 0
    INTERNAL = 1  # a fault of ours: the traceback is in the log
    BAD_ARGUMENTS = 2  # an option or an output that cannot be used
    BAD_INPUT = 3  # a file that is missing, damaged or not what it should be
    NOBODY = 4  # no person was found in the video
    NO_RESOURCES = 5  # disk full, out of memory, no CUDA, an incomplete installation
    CANCELLED = 130  # Ctrl-C, Esc, or the worker was ended


# The short code of each failure, as it stands in the worker's error event, and the exit code that goes with it.
EXIT_CODES = {
    "bad_arguments": ExitCode.BAD_ARGUMENTS,
    "unknown_extension": ExitCode.BAD_ARGUMENTS,
    "not_writable": ExitCode.BAD_ARGUMENTS,
    "bad_input": ExitCode.BAD_INPUT,
    "no_such_file": ExitCode.BAD_INPUT,
    "not_a_video": ExitCode.BAD_INPUT,
    "bad_motion": ExitCode.BAD_INPUT,
    "bad_rig": ExitCode.BAD_INPUT,
    "no_person": ExitCode.NOBODY,
    "disk_full": ExitCode.NO_RESOURCES,
    "out_of_memory": ExitCode.NO_RESOURCES,
    "no_cuda": ExitCode.NO_RESOURCES,
    "bad_installation": ExitCode.NO_RESOURCES,
    "worker_died": ExitCode.NO_RESOURCES,
    "cancelled": ExitCode.CANCELLED,
    "internal": ExitCode.INTERNAL,
}


class Failure(Exception):
    """Something the user can act on. `message` is one sentence: what is wrong and what to do."""

    def __init__(self, code: str, message: str) -> None:
        if code not in EXIT_CODES:
            raise ValueError(f"unknown failure code {code!r}")
        super().__init__(message)
        self.code = code
        self.message = message

    @property
    def exit_code(self) -> ExitCode:
        return EXIT_CODES[self.code]
