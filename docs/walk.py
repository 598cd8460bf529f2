"""The walk of a first-time user through the panel, with the mouse and the keyboard, and the pictures of docs/manual.md from it.

    blender --enable-event-simulate --window-geometry 0 0 1600 1000 --python docs/walk.py -- VIDEO FOLDER [--rig RIG] [--shots VIDEO]

Run it in a Blender that has Kinolift enabled. Every action is printed with what came of it, FOLDER gets manual_video.png and its like,
and Blender closes in the end, with exit code 1 where something was not as it should be. VIDEO's first three seconds are captured, and its
path is seen in the pictures; RIG (.fbx, .glb) is the character; the video of `--shots` has cuts. Files are chosen in Blender's own browser,
whose fields are filled in by the script; a rig is imported by Blender's operator. Without a screen: `xvfb-run -s "-screen 0 1600x1000x24"`
before it and LIBGL_ALWAYS_SOFTWARE=1 in the environment. Before the pictures go into the repository, `mogrify +dither -colors 96` makes
them a third.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import bpy

sys.path.insert(0, str(Path(__file__).resolve().parent))

import hands
import screen
from hands import DRAWN, Place, click, find, middle, move, press, region, view, write

SCALE = 1.25  # interface scale, so that the text can be read on a page
HEADER = 25.0 if bpy.app.version < (5, 0, 0) else 20.5  # pixels from one header of a fold to the next at a scale of 1
SECONDS = "3"
STILL = 3.0  # seconds after which something is done
LONGEST = 600.0  # seconds that anything may take
FOLDS = ("video", "capture", "review", "character", "export")


class Walk:
    """Goes its way and tells of it."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.number = folder, 0
        self.headers: list[Place] = []
        self.faults: list[str] = []

    @property
    def status(self) -> Any:
        return bpy.context.window_manager.kinolift

    @property
    def settings(self) -> Any:
        return view()[0].scene.kinolift

    def say(self, action: str, came: str) -> None:
        self.number += 1
        print(f"{self.number:3}  {action}: {came}", flush=True)

    def fault(self, what: str) -> None:
        """Something is not as it should be, and the walk goes on."""
        self.faults.append(what)
        print(f"     NOT AS IT SHOULD BE: {what}", flush=True)

    def picture(self, name: str) -> Iterator[float]:
        """Of the screen, once panels that have grown have pushed those under them away."""
        for _ in range(8):
            region("UI").tag_redraw()
            yield DRAWN / 2
        yield from move(middle())
        yield DRAWN
        screen.screenshot(self.folder / f"{name}.png", *view())

    def push(self, button: str, came: Callable[[], str] = lambda: "") -> Iterator[float]:
        """Finds a button and clicks it."""
        at = yield from find(button)
        if at is None:
            raise RuntimeError(f"there is no button {button} in the panel")
        yield from click(at)
        self.say(f"click {button}", came() or "done")

    def fill(self, name: str, text: str) -> Iterator[float]:
        """Types into a field: Enter over it, the text, Enter."""
        at = yield from find(name)
        if at is None:
            raise RuntimeError(f"there is no field {name} in the panel")
        yield from press("RET", at)
        yield DRAWN
        yield from write(text, at)
        self.say(f"Enter over {name}, {text}, Enter", self.status.error or "done")

    def until(self, done: Callable[[], bool], what: str) -> Iterator[float]:
        began = time.perf_counter()
        while not done():
            if self.status.error or time.perf_counter() - began > LONGEST:
                raise RuntimeError(f"{what}: {self.status.error or 'it takes too long'}")
            yield 0.02
        self.say(what, f"{time.perf_counter() - began:.1f} s")
        yield DRAWN

    def fold(self, name: str) -> Iterator[float]:
        """Clicks the header of a fold. Where those are is found out first: with all folds closed they stand under one another."""
        yield from hands.scroll_up()
        if not self.headers:
            yield from self._find_headers()
        now = next((each for each in FOLDS if getattr(self.status, f"open_{each}")), None)
        if now not in (None, name):
            yield from click(self.headers[FOLDS.index(now)])
        if now != name:
            yield from click(self.headers[FOLDS.index(name)])
        if not getattr(self.status, f"open_{name}"):
            raise RuntimeError(f"the fold {name} does not open")
        self.say(f"click the header {FOLDS.index(name) + 1}", f"{name} is open")

    def _find_headers(self) -> Iterator[float]:
        """The first one opens and closes its fold; the others lie under it, where that is closed."""
        sidebar = region("UI")
        x = sidebar.x + sidebar.width // 2
        for y in range(sidebar.y + sidebar.height - round(34 * SCALE), sidebar.y + sidebar.height - round(70 * SCALE), -4):
            before = self.status.open_video
            yield from click((x, y))
            if self.status.open_video != before:
                self.headers = [(x, round(y - HEADER * SCALE * (number + 0.4))) for number in range(len(FOLDS))]
                return
        raise RuntimeError("the headers of the folds are not found")

    def choose(self, path: Path) -> Iterator[float]:
        """In the file browser that has opened."""
        yield from self.until(lambda: any(browsers()), "the file browser is open")
        window, area = next(browsers())
        area.spaces.active.params.directory = str(path.parent).encode()
        area.spaces.active.params.filename = path.name
        yield 2 * DRAWN
        inside = next(each for each in area.regions if each.type == "WINDOW")
        with bpy.context.temp_override(window=window, area=area, region=inside):
            bpy.ops.file.execute()
        yield 2 * DRAWN
        self.say(f"choose {path.name}", self.status.error or "taken")


def browsers() -> Iterator[tuple[bpy.types.Window, bpy.types.Area]]:
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "FILE_BROWSER":
                yield window, area


def addon(name: str) -> Any:
    """A module of the add-on, or of the rest of the extension."""
    package = next(each.module for each in bpy.context.preferences.addons if each.module.rsplit(".", 1)[-1] == "kinolift")
    return import_module(f"{package}.{name}")


def keys(name: str) -> int:
    """How many the take of that name has."""
    return sum(len(curve.keyframe_points) for curve in addon("addon.keyframes").curves_of(bpy.data.objects[name]))


def steps(walk: Walk, words: argparse.Namespace) -> Iterator[float]:
    """One action after the other."""
    status, scene = walk.status, view()[0].scene
    yield from move(middle())
    yield from press("N", middle())
    yield 4 * DRAWN
    walk.say("N over the view", "the sidebar is open" if region("UI").width > 1 else "no sidebar")
    bpy.context.preferences.view.ui_scale = SCALE
    yield 4 * DRAWN
    there = yield from hands.find_tab("Kinolift")
    walk.say("click the tab Kinolift", "it is in front" if there else "it is not there")
    yield from walk.push("kinolift.choose_video")
    yield from walk.choose(words.video)
    yield from walk.fill("kinolift.end", SECONDS)
    yield from walk.push("kinolift.find_people")
    yield from walk.until(lambda: not status.looking, "people are found")
    yield from walk.picture("manual_video")
    yield from walk.fold("capture")
    yield from walk.picture("manual_capture")
    yield from walk.push("kinolift.capture_video")
    yield from walk.until(lambda: not status.running or status.fraction > 0.3, "the capture is on its way")
    yield from walk.picture("manual_progress")
    yield from walk.until(lambda: not status.running, "the take is there")
    scene.frame_set((scene.frame_start + scene.frame_end) // 2)
    yield from walk.picture("manual_review")
    take = bpy.context.object.name
    yield from review(walk, take)
    if words.rig is not None:
        yield from character(walk, words.rig)
    yield from walk.fold("export")
    yield from walk.picture("manual_export")
    yield from walk.push("kinolift.export_for")
    file = walk.folder / "walk.fbx"
    yield from walk.choose(file)
    yield from walk.until(file.is_file, "the file is written")
    walk.say("look at the file", f"{file.stat().st_size / 1e6:.1f} MB; the panel says: {status.exported}")
    if words.shots is not None:
        yield from shots(walk, words.shots)
    yield from motion_file(walk, take)


def review(walk: Walk, name: str) -> Iterator[float]:
    """Where it is unsure, Refine Again and its undo, fewer keys and the redo panel."""
    status, scene = walk.status, view()[0].scene
    unsure = yield from find("kinolift.next_unsure")
    if unsure is not None:
        before = scene.frame_current
        yield from click(unsure)
        walk.say("click kinolift.next_unsure", f"frame {before} -> {scene.frame_current}")
        yield from walk.picture("walk_unsure")
    yield from other_depth(walk, name)
    yield from walk.fill("kinolift.smooth", "0.9")
    yield from walk.push("kinolift.refine_with_settings")
    yield from walk.until(lambda: not status.running, "the take has its new motion")
    walk.say("read what the panel says", status.summary)
    yield from walk.picture("manual_refined")
    yield from press("Z", middle(), ctrl=True)
    yield 3 * DRAWN
    walk.say("Ctrl Z over the view", f"the panel says: {status.summary or 'nothing of what is undone'}")
    many = keys(name)
    yield from walk.push("kinolift.simplify")
    fewer = yield from settled(lambda: keys(name))
    walk.say("look at the keys", f"{many} -> {fewer}")
    if fewer >= many:
        walk.fault("Simplify Keys has left all keys")
    yield from walk.picture("walk_simplified")
    yield from redo(walk, name, fewer)


def other_depth(walk: Walk, name: str) -> Iterator[float]:
    """A limb that points the other way in depth, and its undo. After an undo the scene and the take are other objects than before."""
    scene, depths = view()[0].scene, addon("addon.other_depths")
    frames = [frame for frame in range(scene.frame_start, scene.frame_end + 1) if depths.limbs_at(bpy.data.objects[name], frame)]
    if not frames:
        walk.say("look for limbs that can point another way", "there are none")
        return
    before = scene.frame_current
    frame = frames[len(frames) // 2]
    scene.frame_set(frame)
    limb = sorted(depths.limbs_at(bpy.data.objects[name], frame))[0]  # the others' buttons are grey
    yield from walk.push(f"kinolift.other_depth(limb={limb!r}")
    yield from walk.until(lambda: bool(depths.taken_of(bpy.data.objects[name])), "the limb points the other way")
    yield from walk.picture("walk_other_depth")
    yield from press("Z", middle(), ctrl=True)
    yield 3 * DRAWN
    taken = depths.taken_of(bpy.data.objects[name])
    walk.say("Ctrl Z over the view", f"taken: {taken}")
    if taken:
        walk.fault("the limb still points the other way")
    view()[0].scene.frame_set(before)


def settled(value: Callable[[], int]) -> Iterator[float]:
    """The value once it has stood still for some seconds."""
    before, since = value(), time.perf_counter()
    while time.perf_counter() - since < STILL:
        yield 0.1
        if value() != before:
            before, since = value(), time.perf_counter()
    return before


def redo(walk: Walk, name: str, fewer: int) -> Iterator[float]:
    """The panel of the last operator, in the view's lower left corner: a larger error leaves fewer keys, in one step of undo."""
    panel = next((each for each in view()[1].regions if each.type == "HUD" and each.width > 1), None)
    if panel is None:
        walk.fault("there is no panel of the last operator")
        return
    closed = panel.height
    yield from click((panel.x + 60, panel.y + panel.height // 2))
    yield 2 * DRAWN
    walk.say("click the panel of the last operator", f"{closed} -> {panel.height} pixels high")
    for number in (1, 0):
        at = panel.x + round(0.75 * panel.width), panel.y + round((16 + 22 * number) * SCALE)
        yield from move(at)
        yield DRAWN
        yield from press("RET", at)
        yield DRAWN
        yield from write("5", at)
        yield DRAWN
    now = yield from settled(lambda: keys(name))
    walk.say("5 into its fields", f"keys {fewer} -> {now}")
    if now >= fewer:
        walk.fault("the redo panel has changed nothing")
    yield from walk.picture("walk_redone")


def character(walk: Walk, rig: Path) -> Iterator[float]:
    """The motion on the rig, seen from the front."""
    scene = view()[0].scene
    window, area = view()
    with bpy.context.temp_override(window=window, area=area, region=region("WINDOW")):
        if rig.suffix.lower() == ".fbx":
            bpy.ops.import_scene.fbx(filepath=str(rig))
        else:
            bpy.ops.import_scene.gltf(filepath=str(rig), disable_bone_shape=True)
    yield 2 * DRAWN
    walk.say(f"File > Import {rig.name}", f"{bpy.context.object.name if bpy.context.object else 'nothing'} is active")
    yield from walk.fold("character")
    yield from walk.push("kinolift.find_bones")
    yield from walk.push("kinolift.retarget")
    settings = scene.kinolift_retarget
    yield from walk.until(lambda: bool(settings.done or settings.error), "the character has the motion")
    walk.say("read what the panel says", settings.error or settings.done)
    with bpy.context.temp_override(window=window, area=area, region=region("WINDOW")):
        bpy.ops.view3d.view_axis(type="FRONT")
        bpy.ops.view3d.view_selected()
    yield from walk.picture("manual_character")


def shots(walk: Walk, video: Path) -> Iterator[float]:
    """A video with cuts, and the take of its next shot."""
    status = walk.status
    walk.settings.end = ""
    yield from walk.fold("video")
    yield from walk.push("kinolift.choose_video")
    yield from walk.choose(video)
    yield from walk.push("kinolift.capture_video")
    yield from walk.until(lambda: not status.running, "the take is there")
    first = bpy.context.object.name
    yield from walk.picture("walk_shot")
    yield from walk.push("kinolift.next_shot")
    yield from walk.until(lambda: not status.running, "the take of the next shot is there")
    walk.say("look at the take", f"{first} -> {bpy.context.object.name}")
    yield from walk.picture("walk_next_shot")


def motion_file(walk: Walk, take: str) -> Iterator[float]:
    """Load Motion, of a file that was kept."""
    file = walk.folder / "walk.npz"
    addon("contract.motion_file").save_motion(addon("addon.keeping").motion_of(bpy.data.objects[take]), file)
    yield from walk.fold("capture")
    yield from open_part(walk, "kinolift.load_motion")
    before = set(bpy.data.armatures)
    yield from walk.push("kinolift.load_motion")
    yield from walk.choose(file)
    yield from walk.until(lambda: set(bpy.data.armatures) != before, "the motion file is an armature")
    yield from walk.picture("walk_loaded")


def open_part(walk: Walk, wanted: str) -> Iterator[float]:
    """Clicks where no button is, down the fold, until that button is there: headers of its parts."""
    yield from hands.scroll_up()
    sidebar = region("UI")
    x = sidebar.x + sidebar.width // 2
    for y in range(walk.headers[1][1] - 20, sidebar.y + 20, -16):
        yield from move((x, y))
        if hands.under_the_mouse():
            continue
        yield from click((x, y))
        if not walk.status.open_capture:
            raise RuntimeError(f"{wanted} is in no part of the fold")
        for below in range(y, sidebar.y + 6, -6):
            yield from move((x, below))
            if wanted in hands.under_the_mouse():
                return


def closing(walk: Walk, todo: Iterator[float]) -> Iterator[float]:
    code = 1
    try:
        yield from todo
        code = min(1, len(walk.faults))
    except Exception:
        traceback.print_exc()
        screen.screenshot(walk.folder / "walk_stopped.png", *view())
        print("The walk is not complete; walk_stopped.png shows where it ended.", flush=True)
    yield DRAWN
    sys.stdout.flush()
    os._exit(code)  # Blender asks whether what was made is to be saved


def main() -> None:
    parser = argparse.ArgumentParser(prog="blender --enable-event-simulate --python docs/walk.py --", description=__doc__.splitlines()[0])
    parser.add_argument("video", type=Path)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--rig", type=Path)
    parser.add_argument("--shots", type=Path)
    words = parser.parse_args(sys.argv[sys.argv.index("--") + 1 :] if "--" in sys.argv else [])
    bpy.context.preferences.view.show_splash = False
    bpy.context.preferences.use_preferences_save = False  # nothing of this may stay in the settings of whoever runs it
    bpy.context.preferences.view.filebrowser_display_type = "SCREEN"
    walk = Walk(words.folder.absolute())
    todo = closing(walk, steps(walk, words))
    bpy.app.timers.register(lambda: next(todo, None), first_interval=2.0)


main()
