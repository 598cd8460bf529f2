"""Imports go one way through the rooms of the engine, and across none of the borders of addon, contract and engine."""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from engine import long_takes

ROOT = Path(__file__).parents[2]
# Each storey may import those above it in this list. Rooms of one storey do not know of each other.
STOREYS = (
    {"contract"},
    {"arrays", "progress", "weights_file"},  # what every room may say and read
    {"recall"},
    {"onnx_network", "torch_weights"},
    {"footage", "long_takes"},
    {"detection"},
    {"person", "cameras"},
    {"lifter"},
    {"refiner"},  # works on the lifter's guess, in the space of its codec
    {"torch_networks"},  # only where torch runs them
    {"networks"},
    {"poses"},
    {"kinematics"},
    {"panorama"},
    {"preview", "view"},
    {"finish"},
    {"beside"},
    {"startup"},
    {"loading"},
    {"capture"},
    {"datasets"},
    {"training"},
    {"commands"},
    {"__main__"},
)
# datasets and training stand beside the capture: they may use its rooms, and nothing of it uses them.
BESIDE = {"datasets", "training"}
LEVEL = {room: level for level, rooms in enumerate(STOREYS) for room in rooms}


def modules_of(tree: ast.Module, package: list[str]) -> Iterator[str]:
    """The full names of what a module imports, anywhere in it: of `from engine.refiner import noise` it is `engine.refiner.noise`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            yield from (f"{module}.{alias.name}" for alias in node.names)


def imports(folder: Path) -> Iterator[tuple[str, str]]:
    """(file, imported name) of every module below ROOT / folder."""
    for path in sorted(folder.rglob("*.py")):
        place = path.relative_to(ROOT)
        for name in modules_of(ast.parse(path.read_text(encoding="utf-8")), list(place.parts[:-1])):
            yield place.as_posix(), name


def room(name: str) -> str:
    """The room of an imported name or of a file, of the engine's or `contract`."""
    parts = name.removesuffix(".py").replace("/", ".").split(".")
    return parts[1] if parts[0] == "engine" and len(parts) > 1 else parts[0]


def against_the_order(pairs: Iterator[tuple[str, str]]) -> list[str]:
    wrong = []
    for file, name in pairs:
        ours, other = room(file), room(name)
        if name.split(".")[0] not in ("engine", "contract") or ours == other or ours == "__init__":
            continue
        if LEVEL[other] >= LEVEL[ours] or (other in BESIDE and ours not in BESIDE):
            wrong.append(f"{file} imports {name}")
    return wrong


def test_every_room_has_its_storey():
    rooms = {path.stem for path in (ROOT / "engine").iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()}
    assert rooms - {"__init__"} == LEVEL.keys() - {"contract"}


def test_no_import_runs_back_up():
    assert against_the_order(imports(ROOT / "engine")) == []


def test_one_room_knows_pieces():
    """Others say what is made of frames; how a take is cut, where its columns lie and when memory goes is long_takes' own."""
    said = {f"engine.long_takes.{name}" for name in (*long_takes.__all__, "banded.solved")}
    users = [(file, name) for file, name in imports(ROOT / "engine") if name.startswith("engine.long_takes") and room(file) != "long_takes"]
    assert [f"{file} imports {name}" for file, name in users if name not in said] == []
    assert len(users) > 30 and not said & {"engine.long_takes.pieces", "engine.long_takes.long_array", "engine.long_takes.windows"}


@pytest.mark.parametrize(
    ("file", "name"),
    [
        ("engine/lifter/network.py", "engine.refiner.graph"),
        ("engine/cameras/known.py", "engine.person.track"),
        ("engine/datasets/gmm.py", "engine.training.loop"),
        ("engine/capture.py", "engine.datasets.mocap"),
        ("engine/weights_file.py", "engine.poses.LIFTER_FILE"),
    ],
)
def test_an_import_against_the_order_is_found(file, name):
    assert against_the_order(iter([(file, name)])) == [f"{file} imports {name}"]


def test_relative_and_late_imports_are_read():
    tree = ast.parse("def f():\n    from ..training import loop\nimport engine.poses as p\nfrom . import noise\n")
    assert sorted(modules_of(tree, ["engine", "refiner"])) == ["engine.poses", "engine.refiner.noise", "engine.training.loop"]


@pytest.mark.parametrize(("folder", "never"), [("engine", "bpy"), ("engine", "addon"), ("contract", "engine"), ("contract", "addon")])
def test_the_sides_do_not_import_each_other(folder, never):
    assert [f"{file} imports {name}" for file, name in imports(ROOT / folder) if name.split(".")[0] == never] == []


def test_the_addon_never_imports_the_engine_nor_its_packages():
    never = {"engine", "torch", "onnxruntime", "cv2", "mediapipe", "scipy", "safetensors"}
    assert [f"{file} imports {name}" for file, name in imports(ROOT / "addon") if name.split(".")[0] in never] == []
