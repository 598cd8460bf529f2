import io

from engine.training.display import Display, peak_of
from engine.training.loop import Line


def test_a_pipe_gets_lines_and_the_share_of_peak():
    out = io.StringIO()
    with Display(10, out, peak=1e12) as display:
        display.step(3, 5.0)  # soon after the start: nothing yet
        display.line(Line(10, 0.5, 1e-3, 2.0, 1234.0, 250e9, {"error": 7.0}))
    assert out.getvalue() == "step 10 of 10: loss 0.5, error 7.00; 1,234 poses/s, 250.0 GFLOP/s (25.0 % of peak)\n"


def test_only_known_devices_have_a_peak():
    assert peak_of("NVIDIA H200") == 989e12 and peak_of("Unknown") is None
