"""The worker: `python -m engine capture VIDEO -o MOTION.npz ...`, events on standard output, its log on standard error.
`people VIDEO` looks at the first picture alone: see `engine.detection.first_look`. A worker that is asked to (`engine.startup`) stays after
a capture and takes further ones as lines on its standard input.

The other words are commands for a person: see `engine.commands`.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from pathlib import Path
from queue import Empty, SimpleQueue
from types import FrameType
from typing import TYPE_CHECKING, Any, NoReturn

from contract.events import encode
from contract.failure import ExitCode, Failure
from contract.libraries import import_failure
from contract.options import DEFAULT_PEOPLE, MOST_PEOPLE, CaptureOptions, add_arguments
from contract.outputs import add_overwrite_argument
from engine import startup
from engine.commands import COMMANDS, run

if TYPE_CHECKING:
    from engine.recall import Recall


def main(arguments: Sequence[str] | None = None, recall: Recall | None = None) -> int:
    """Runs one command and returns its exit code; the last line on standard output is a result or an error. `recall`: of a worker that
    stays."""
    words = sys.argv[1:] if arguments is None else arguments
    if words and words[0] in COMMANDS:
        return run(words[0], words[1:])
    parser = _Parser(prog="python -m engine", description="Kinolift's worker; one JSON event a line on standard output.")
    commands = parser.add_subparsers(dest="command", required=True)
    capture = commands.add_parser("capture", help="video -> motion file")
    capture.add_argument("video", type=Path, help="or a detection that was kept, .npz")
    capture.add_argument("-o", "--output", type=Path, required=True, help="the motion file, .npz")
    capture.add_argument("--preview", type=Path, help="a video of the skeleton over the footage, .mp4")
    capture.add_argument("--keep-detection", type=Path, help="where the detection is kept, .npz; one that fits is used instead of another")
    capture.add_argument("--world", type=Path, help="a motion file of the same video, .npz: the motion is put into its world")
    add_arguments(capture)
    add_overwrite_argument(capture)
    _add_people_parser(commands)
    signal.signal(signal.SIGTERM, _end)
    try:
        read = parser.parse_args(arguments)
        if read.command == "people":
            return _people(read)
        options = CaptureOptions.from_arguments(read)
        _say("progress", stage="start", done=0, total=0, fps=0.0)  # before the heavy imports: the window shows life at once
        startup.few_arenas()
        from engine.capture import capture_to_file
        from engine.progress import Progress, lines_to

        progress = Progress(lines_to(sys.stdout))
        written, failed = capture_to_file(
            read.video, read.output, options, progress, read.preview, read.overwrite, read.keep_detection, recall, read.world
        )
        # a motion without its preview is a result all the same, with the preview's exit code
        lacks: dict[str, object] = {} if failed is None else {"failed": {"code": failed.code, "message": failed.message}}
        if recall is not None and failed is None:
            lacks["stays"] = True
        takes = [{"motion": str(take.path), "label": take.label, "summary": take.summary} for take in written]
        _say("result", motion=takes[0]["motion"], summary=takes[0]["summary"], takes=takes, **lacks)
        return int(ExitCode.DONE if failed is None else failed.exit_code)
    except Failure as failure:
        return _fail(failure)
    except KeyboardInterrupt:
        return _fail(Failure("cancelled", "Cancelled; nothing was written."))
    except MemoryError:
        return _fail(
            Failure("out_of_memory", "The machine ran out of memory; close other programs or capture a part with --start and --end.")
        )
    except BrokenPipeError:
        return int(ExitCode.CANCELLED)  # nobody listens any more
    except ImportError as error:
        return _fail(import_failure(error))
    except Exception as error:
        traceback.print_exc()
        return _fail(Failure("internal", f"Kinolift failed ({type(error).__name__}: {error}); the log has the details, please report it."))


def _serve(words: Sequence[str], orders: SimpleQueue[str] | None, stay: float) -> int:
    """Captures; and where it is to stay for so many seconds, what it is ordered to within them, with all that is loaded and known by then.
    An order is a line: the words as a JSON list. What fails ends the worker."""
    if orders is None or not stay:
        return main(words)
    from engine.recall import Recall

    recall = Recall()
    while (code := main(words, recall)) == ExitCode.DONE:
        try:
            from engine.long_takes import give_back

            give_back(cycles=True)
            words = json.loads(orders.get(timeout=stay))
            if not isinstance(words, list):
                raise ValueError(words)
        except Empty:
            break
        except ValueError:
            return _fail(Failure("bad_arguments", "An order to the worker is a line with a JSON list of words."))
        except KeyboardInterrupt:  # nobody needs it any more
            return int(ExitCode.CANCELLED)
    return code


def _people(read: argparse.Namespace) -> int:
    """Who is in the first picture, to choose whose motion a capture is of."""
    _say("progress", stage="start", done=0, total=0, fps=0.0)
    from engine.detection.first_look import people

    _say("result", **people(read.video, read.start, read.end, read.people, read.picture, read.overwrite))
    return int(ExitCode.DONE)


def _add_people_parser(commands: Any) -> None:
    people = commands.add_parser("people", help="who is in the first picture of a video")
    people.add_argument("video", type=Path)
    people.add_argument("--start", default="", metavar="T", help="look from here on: seconds (2.5) or frames (75f)")
    people.add_argument("--end", default="", metavar="T", help="... and up to here")
    people.add_argument("--people", type=int, choices=range(1, MOST_PEOPLE + 1), default=DEFAULT_PEOPLE, metavar="N", help="at most")
    people.add_argument("--picture", type=Path, help="the picture with a number a person, .png")
    add_overwrite_argument(people)


class _Parser(argparse.ArgumentParser):
    """Tells of bad arguments as every other failure."""

    def error(self, message: str) -> NoReturn:
        raise Failure("bad_arguments", f"{message[:1].upper()}{message[1:]}; see {self.prog} --help.")


def _say(event: str, **fields: object) -> None:
    print(encode(event, **fields), flush=True)


def _fail(failure: Failure) -> int:
    try:
        _say("error", code=failure.code, message=failure.message)
    except BrokenPipeError:
        sys.stdout = open(os.devnull, "w", encoding="utf-8")  # noqa: PTH123, SIM115 - so that the interpreter's own flush finds no broken pipe
    return int(failure.exit_code)


def _end(_signal: int, _frame: FrameType | None) -> NoReturn:
    """Being ended is being cancelled: temporary files are removed on the way out."""
    raise KeyboardInterrupt


def _leave(code: int) -> NoReturn:
    """Ends the worker without the interpreter's own end, which takes thousands of modules apart."""
    with contextlib.suppress(BrokenPipeError):
        sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)


if __name__ == "__main__":
    if sys.argv[1:2] == ["capture"]:
        parent = startup.end_with_parent()
        _leave(_serve(sys.argv[1:], parent, startup.stay_seconds()))
    sys.exit(main())
