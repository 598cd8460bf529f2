import argparse

import pytest

from contract.failure import EXIT_CODES, ExitCode, Failure
from contract.options import CaptureOptions, add_arguments, parse_moment


def parsed(words):
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    return CaptureOptions.from_arguments(parser.parse_args(words))


def test_defaults_are_the_same_read_and_built():
    assert parsed([]) == CaptureOptions()


def test_arguments_say_the_same_again():
    options = CaptureOptions(
        start="1.5",
        end="75f",
        height=1.82,
        fov=70.0,
        device="cpu",
        hypotheses=5,
        steps=3,
        seed=7,
        smooth=0.0,
        root="in-place",
        feet="never",
    )
    assert parsed(options.arguments()) == options


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--height", "17"], "--height is 17; it goes from 0.3 to 3 metres"),
        (["--height", "nan"], "--height is nan"),
        (["--fov", "300"], "--fov is 300"),
        (["--smooth", "2"], "--smooth is 2"),
        (["--hypotheses", "0"], "--hypotheses is 0"),
        (["--start", "soon"], "--start is 'soon'; give seconds"),
        (["--end", "7.5f"], "--end is '7.5f'"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(words, said):
    with pytest.raises(Failure) as failure:
        parsed(words)
    assert said in failure.value.message
    assert failure.value.exit_code == ExitCode.BAD_ARGUMENTS


@pytest.mark.parametrize(("text", "moment"), [("", None), ("2", (2.0, "s")), ("2.5s", (2.5, "s")), ("75f", (75.0, "f"))])
def test_moments(text, moment):
    assert parse_moment(text, "--start") == moment


def test_every_failure_has_an_exit_code_and_an_unknown_one_is_a_mistake_of_ours():
    assert all(Failure(code, "said").exit_code == exit_code for code, exit_code in EXIT_CODES.items())
    with pytest.raises(ValueError, match="unknown failure code"):
        Failure("no_such_code", "said")
