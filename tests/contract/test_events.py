import math

import pytest

from contract.events import decode, encode


def test_an_event_is_one_line_and_comes_back_as_it_was():
    line = encode("warning", code="frames_missing", message="line one\nline two, naïve")
    assert "\n" not in line
    assert decode(line) == {"event": "warning", "code": "frames_missing", "message": "line one\nline two, naïve"}


@pytest.mark.parametrize("line", ["", "INFO: Created TensorFlow Lite XNNPACK delegate", "[1, 2]", '{"a": 1}', '{"event": 3}', "12"])
def test_what_is_not_an_event_is_told_apart(line):
    assert decode(line) is None


def test_a_value_that_is_not_a_number_never_reaches_the_reader():
    with pytest.raises(ValueError, match="JSON"):
        encode("progress", fps=math.nan)
