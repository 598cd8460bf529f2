import argparse

import pytest

from contract.failure import EXIT_CODES, ExitCode, Failure
from contract.options import HIGHEST_SEED, CaptureOptions, Place, add_arguments, parse_moment, read_person, real, whole


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
        refiner="frame",
        hypotheses=5,
        steps=3,
        seed=7,
        smooth=0.0,
        root="in-place",
        feet="never",
        camera_motion="turning",
        level="camera",
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
        (["--start", "9" * 400], "no video lasts longer than 1000000 s"),
        (["--end", "9" * 400 + "f"], "no video lasts longer than 1000000000 frames"),
        (["--start", "\u0664"], "give seconds"),
        (["--height", "9" * 400], "--height is inf"),
        (["--seed", "9" * 26], "--seed is 99999999999999999999999999; it goes from 0"),
        (["--seed", "-1"], "--seed is -1"),
        (["--steps", "9" * 30], "--steps is 9"),
        (["--steps", "2"], "--steps is of a refiner, and none is asked for; add --refiner window"),
        (["--hypotheses", "5"], "--hypotheses is of a refiner, and none is asked for; add --refiner window"),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(words, said):
    with pytest.raises(Failure) as failure:
        parsed(words)
    assert said in failure.value.message and len(failure.value.message) < 200
    assert failure.value.exit_code == ExitCode.BAD_ARGUMENTS


@pytest.mark.parametrize(("text", "moment"), [("", None), ("2", (2.0, "s")), ("2.5s", (2.5, "s")), ("75f", (75.0, "f"))])
def test_moments(text, moment):
    assert parse_moment(text, "--start") == moment


def test_every_failure_has_an_exit_code_and_an_unknown_one_is_a_mistake_of_ours():
    assert all(Failure(code, "said").exit_code == exit_code for code, exit_code in EXIT_CODES.items())
    with pytest.raises(ValueError, match="unknown failure code"):
        Failure("no_such_code", "said")


@pytest.mark.parametrize("name", ["hypotheses", "steps", "seed"])
def test_whole_numbers_beyond_everything_are_told_from_scripts_and_commands(name, capsys):
    with pytest.raises(Failure, match=f"--{name} is a number of many digits"):
        CaptureOptions(**{name: 10**400}).check()
    with pytest.raises(SystemExit) as end:
        parsed([f"--{name}", "9" * 5000])
    assert end.value.code == ExitCode.BAD_ARGUMENTS and len(capsys.readouterr().err.splitlines()[-1]) < 200


def test_the_highest_seed_is_taken():
    assert parsed(["--seed", str(HIGHEST_SEED)]).seed == HIGHEST_SEED


@pytest.mark.parametrize(
    ("kind", "text", "said"),
    [
        (whole(1), "0", "0 is too small; it takes 1 or more"),
        (whole(1, 9), "10", "10 is too large; it takes 9 or less"),
        (whole(), "1.5", "'1.5' is not a whole number"),
        (whole(), "9" * 41, "more digits"),
        (real(0.0, 1.0), "1.5", "1.5 is too large"),
        (real(), "nan", "'nan' is not a number"),
        (real(), "9" * 400, "is not a number"),
        (real(), "x\x1b[31m", "is not a number"),
    ],
)
def test_numbers_of_other_commands_are_checked_as_they_are_read(kind, text, said):
    with pytest.raises(argparse.ArgumentTypeError) as refused:
        kind(text)
    assert said in str(refused.value) and str(refused.value).isprintable()
    assert whole(1, 9)("9") == 9 and real(0.0, 1.0)("0.5") == 0.5


@pytest.mark.parametrize("shot", ["longest", "all", "1", "27"])
def test_a_shot_is_a_number_the_longest_or_all(shot: str) -> None:
    assert parsed(["--shot", shot]).shot == shot
    assert parsed(CaptureOptions(shot=shot).arguments()).shot == shot


@pytest.mark.parametrize("shot", ["0", "-1", "two", "1.5", "", "9" * 400, "\u0661"])
def test_other_shots_are_refused(shot: str) -> None:
    with pytest.raises(Failure, match="--shot") as failure:
        CaptureOptions(shot=shot).check()
    assert failure.value.code == "bad_arguments" and len(failure.value.message) < 150


@pytest.mark.parametrize("person", ["main", "largest", "left", "right", "all", "1", "12", "0.5,0.25", ".5,1@2.75", "0,1"])
def test_a_person_is_a_number_a_word_or_a_place(person: str) -> None:
    assert parsed(["--person", person]).person == person
    assert parsed(CaptureOptions(person=person, people=3).arguments()) == CaptureOptions(person=person, people=3)


def test_a_place_is_read() -> None:
    assert read_person("0.5,.25@2") == Place(0.5, 0.25, 2.0) and read_person("0,1") == Place(0.0, 1.0)
    assert read_person("3") == 3 and read_person("left") == "left"


@pytest.mark.parametrize(
    "person", ["0", "-1", "two", "", "1.5,0.5", "0.5", "0.5,0.5@", "0.5,nan", "0.5,0.5@-1", "9" * 400, "\u0661", "1e-3,0"]
)
def test_other_people_are_refused(person: str) -> None:
    with pytest.raises(Failure, match="--person") as failure:
        CaptureOptions(person=person).check()
    assert failure.value.code == "bad_arguments" and len(failure.value.message) < 210


@pytest.mark.parametrize("people", [0, 9, -1, 10**30])
def test_so_many_people_are_not_followed(people: int) -> None:
    with pytest.raises(Failure, match="--people"):
        CaptureOptions(people=people).check()


def test_what_may_give_several_takes_says_so() -> None:
    assert CaptureOptions(shot="all").several and CaptureOptions(person="all").several and not CaptureOptions(person="2").several
