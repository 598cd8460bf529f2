"""`kinolift.py setup`: makes the environment now, and the detector's model where it is missing or damaged."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from contract.failure import ExitCode

from .environment import CUDA, Environment
from .fetch import make_model


def main(environment: Environment, arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="kinolift.py setup", description="Makes the environment in .venv, or checks that it is there.")
    parser.add_argument("--cuda", action="store_true", help="with torch and CUDA, for an NVIDIA GPU (4 GB more on Linux)")
    parser.add_argument("--again", action="store_true", help="make it anew, whatever is there")
    options = parser.parse_args(arguments)
    executable = environment.prepare((CUDA,) if options.cuda else (), finish=make_model, again=options.again)
    make_model(executable)  # an environment that was ready says nothing of the model file
    print("Kinolift is set up.")
    return int(ExitCode.DONE)
