"""What the panel remembers: the options of a capture in the scene, and the state of the running one in the window manager."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

import bpy
from bpy.props import BoolProperty, CollectionProperty, EnumProperty, FloatProperty, IntProperty, PointerProperty, StringProperty

from ..contract.options import ALL, DEFAULT_FOV, MAIN_PERSON, MOST_PEOPLE, NO_REFINER, CaptureOptions
from . import quality
from .export.options import ExportOptions
from .export.programs import PROGRAMS
from .key_reduction import DEFAULT_DEGREES, DEFAULT_MILLIMETRES, HIGHEST_DEGREES, HIGHEST_MILLIMETRES
from .locale.said import translated, word
from .scene import AUTO, units_per_metre
from .video_facts import video_facts

if TYPE_CHECKING:
    from .capture import Progress

_default = CaptureOptions()
OF_REFINER: Final = ("hypotheses", "steps")  # what nobody but a refiner listens to
WHAT = [
    ("take", "This Take", "The captured armature"),
    ("character", "Character", "The character that got the motion, with its meshes"),
    ("all", "All Takes", "Every action of the character, or of the captured armature where there is none"),
]
SHOTS_OFFERED = 12  # by their numbers, in the panel
PICKED = "picked"
WHOSE = [
    (MAIN_PERSON, "Automatic", "Who is seen longest, large, in the middle and moving"),
    ("largest", "Largest", "Who is largest in the picture"),
    ("left", "Left", "Who is furthest to the left, on average"),
    ("right", "Right", "Who is furthest to the right, on average"),
    *((str(n), f"Person {n}", "By the number in the quality report of an earlier capture") for n in range(1, MOST_PEOPLE + 1)),
    (ALL, "All", "A take of everybody who is seen"),
    (PICKED, "In the Picture", "Who was chosen in the first frame; Find People shows it"),
]
# those that say how a motion is put into the scene, whether it was captured or loaded
PLACEMENT_PROPERTIES = ("scene_fps", "set_range", "add_camera", "simplify", "simplify_degrees", "simplify_mm")


def _redraw(self: object, context: bpy.types.Context) -> None:
    for window in context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "VIEW_3D":
                _redraw_sidebar(area)


def _redraw_sidebar(area: bpy.types.Area) -> None:
    """That alone: the view itself may show a scene that takes long to draw."""
    for region in area.regions:
        if region.type == "UI":
            region.tag_redraw()


def capture_properties() -> dict[str, object]:
    """The options as Blender's properties, the same for the scene and for the operator; the defaults are the contract's."""
    return {
        "height": FloatProperty(
            name="Height", description="The person's height in metres; it sets the scale of the motion", default=_default.height,
            min=0.3, max=3.0, step=1, precision=2,
        ),
        "fov": FloatProperty(
            name="Field of View",
            description="Of the camera, in degrees along the picture's longer side. 0: from the file if it says, else estimated",
            default=_default.fov, min=0.0, max=170.0, step=100, precision=1,
        ),
        "start": StringProperty(name="Start", description="Where to begin: seconds (2.5) or frames (75f). Empty: the beginning"),
        "end": StringProperty(name="End", description="Where to stop: seconds (2.5) or frames (75f). Empty: the end"),
        "detector": EnumProperty(
            name="Detector", description="Which of MediaPipe's networks finds the joints in the picture", default=_default.detector,
            items=[("heavy", "Heavy", "Nearer to the truth, and takes three times as long"),
                   ("full", "Full", "Quicker and less exact, most of all in depth")],
        ),
        "device": EnumProperty(
            name="Device", description="Where the networks behind the detector run", default=_default.device,
            items=[("auto", "Automatic", "The graphics card if it can be used, else the processor"),
                   ("cpu", "CPU", "The processor"), ("cuda", "CUDA", "An NVIDIA graphics card")],
        ),
        "hypotheses": IntProperty(
            name="Hypotheses", description="Refined guesses that are averaged. More are steadier and slower",
            default=_default.hypotheses, min=1, soft_max=10, max=1000,
        ),
        "steps": IntProperty(
            name="Steps", description="Steps of the diffusion refiner. 0 leaves it out", default=_default.steps, min=0, soft_max=10, max=50,
        ),
        "refiner": EnumProperty(
            name="Refiner", description="What refines the lifted poses; none is nearer to the truth on the whole", default=_default.refiner,
            items=(  # numbered as files of before have them
                (NO_REFINER, "None", "The lifted poses as they are", "NONE", 2),
                ("window", "Over Time", "Two seconds at a time, with gravity: straightens the legs of who stands", "NONE", 0),
                ("frame", "Single Frames", "The paper's network, which sees one frame at a time", "NONE", 1),
            ),
        ),
        "seed": IntProperty(name="Seed", description="The same seed gives the same motion", default=_default.seed, min=0),
        "smooth": FloatProperty(
            name="Smooth", description="Smoothing over time: 0 leaves the motion as it was found", default=_default.smooth,
            min=0.0, max=1.0, subtype="FACTOR",
        ),
        "feet": EnumProperty(
            name="Feet", description="Whether standing feet are held still", default=_default.feet,
            items=[("auto", "Automatic", "Standing feet are held on their spot, feet that really slide are not"),
                   ("always", "Always", "Feet are held wherever they touch the ground"),
                   ("never", "Never", "Feet stay where they were seen")],
        ),
        "root": EnumProperty(
            name="Root", description="What happens to the path through the room", default=_default.root,
            items=[("motion", "Motion", "The hips move through the room as the person did"),
                   ("in-place", "In Place", "The person stays on the spot")],
        ),
        "camera_motion": EnumProperty(
            name="Camera Motion", description="Whether the camera that filmed the video turned", default=_default.camera_motion,
            items=[("auto", "Automatic", "The background tells, and a still camera is left alone"),
                   ("still", "Still", "It stood still, whatever the background does"),
                   ("turning", "Turning", "It turned: believe what the background says, however little that is")],
        ),
        "level": EnumProperty(
            name="Level", description="What tells which way is up", default=_default.level,
            items=[("auto", "Automatic", "The scene's lines, the feet, balance and the body, each as far as it is sure"),
                   ("camera", "Camera", "The scene's lines, or a camera that was held level: for people who lie or hang"),
                   ("body", "Body", "The body and its feet alone: for a camera held askew, and a person who stands or walks")],
        ),
        "shot": EnumProperty(
            name="Shot", description="Which part of a video with cuts", default=_default.shot,
            items=[("longest", "Longest", "The shot that shows a person for longest"),
                   ("all", "All", "A take of every shot in which somebody is seen"),
                   *((str(n), f"Shot {n}", f"Number {n} in the order of time") for n in range(1, SHOTS_OFFERED + 1))],
        ),
        "person": StringProperty(
            name="Person",
            description="Whose motion: main, largest, left, right, a number, all, or a place in the picture such as 0.3,0.5",
            default=_default.person,
        ),
        "people": IntProperty(
            name="People", description="So many are looked for at most. 1: nobody beside the first who is found", default=_default.people,
            min=1, max=MOST_PEOPLE,
        ),
        "use_scene_camera": BoolProperty(
            name="Use Scene Camera",
            description=(
                "The scene's camera, which may move and zoom, is the one that filmed the video, solved beforehand; the video's first frame "
                "is the first of the scene's range. The motion lands where the person was"
            ),
            default=False,
        ),
        "scene_fps": EnumProperty(
            name="Frame Rate", description="Which frame rate the scene has afterwards", default=AUTO,
            items=[(AUTO, "Automatic", "A scene without animation gets the video's rate and range, any other keeps its own"),
                   ("keep", "Keep Scene's", "The scene keeps its rate, and keys stand on its frames in the right time"),
                   ("match", "The Video's", "The scene gets the video's rate and the frame range of the motion")],
        ),
        "set_range": BoolProperty(
            name="Set Frame Range", description="Gives the scene the frame range of the motion", default=False,
        ),
        "add_camera": BoolProperty(
            name="Add Camera",
            description=(
                "Adds the camera that filmed the video with the video behind it, makes it the scene's camera, "
                "and gives the render the video's size, where the scene is not animated already"
            ),
            default=True,
        ),
        **simplify_properties(),
        "play": BoolProperty(name="Play", description="Starts to play when the take is there", default=False),
        "motion_path": StringProperty(
            name="Keep Motion", description="Keeps the motion file here (.npz). Empty: it is not kept", subtype="FILE_PATH",
        ),
    }  # fmt: skip


def simplify_properties() -> dict[str, object]:
    """Whether and how far keys are reduced; see `key_reduction.Tolerance`."""
    return {
        "simplify": BoolProperty(
            name="Simplify", description="Fewer keys, within the errors below. Else there is a key on every frame", default=False,
        ),
        "simplify_degrees": FloatProperty(
            name="Degrees", description="No bone turns off by more, seen from its parent, at any frame", default=DEFAULT_DEGREES,
            min=0.001, max=HIGHEST_DEGREES, step=10, precision=2,
        ),
        "simplify_mm": FloatProperty(
            name="Millimetres", description="No bone moves off by more, seen from its parent, at any frame", default=DEFAULT_MILLIMETRES,
            min=0.001, max=HIGHEST_MILLIMETRES, step=100, precision=2,
        ),
    }  # fmt: skip


def export_properties() -> dict[str, object]:
    """The options of an export as Blender's properties; the defaults are ExportOptions'."""
    default = ExportOptions()
    return {
        "takes": EnumProperty(
            name="Takes", description="Which actions go into the file", default="playing",
            items=[("playing", "Playing", "The action that the armature plays"),
                   ("clips", "All in One File", "Every action that moves this armature's bones, as clips of one .fbx, .glb or .blend"),
                   ("files", "A File Each", "Every action that moves this armature's bones, named after the file and the action")],
        ),
        "mesh": BoolProperty(name="Meshes", description="The meshes that the armature moves go into the file", default=default.mesh),
        "fbx_preset": EnumProperty(
            name="FBX for", description="The program that an FBX file is for: its axes, scale and root bone", default=default.fbx_preset,
            items=[("blender", "Blender", "The armature as it is; the file's header tells unit and axes"),
                   ("unreal", "Unreal", "Centimetres, a root bone, only bones that deform"),
                   ("unity", "Unity", "Metres, Y up, nothing turned or scaled at the top, only bones that deform")],
        ),
        "fbx_root": EnumProperty(
            name="Added Root", description="What a root bone does that Unreal's preset adds where there is none", default=default.fbx_root,
            items=[("still", "Stays", "It stays at the origin, and the hips carry the path"),
                   ("path", "Path", "It carries the path along the ground"),
                   ("heading", "Path and Heading", "It carries the path, and turns with the body about the vertical")],
        ),
    }  # fmt: skip


def _facts(self: KinoliftSettings, context: bpy.types.Context) -> None:
    self.video_facts = video_facts(self.video)
    if self.person not in (MAIN_PERSON, ALL):
        self.person = MAIN_PERSON  # the one chosen was another video's


def _whose(self: KinoliftSettings) -> int:
    return next((number for number, (name, *_) in enumerate(WHOSE) if name == self.person), len(WHOSE) - 1)


def _set_whose(self: KinoliftSettings, value: int) -> None:
    if WHOSE[value][0] != PICKED:
        self.person = WHOSE[value][0]


def _height(self: KinoliftSettings) -> float:
    return float(self.height * units_per_metre(self.id_data))


def _set_height(self: KinoliftSettings, value: float) -> None:
    self.height = value / units_per_metre(self.id_data)


def _quality(self: KinoliftSettings) -> int:
    return [name for name, *_ in quality.ITEMS].index(quality.quality_of(self))


def _set_quality(self: KinoliftSettings, value: int) -> None:
    quality.set_quality(self, quality.ITEMS[value][0])


class KinoliftSettings(bpy.types.PropertyGroup):
    """Of the scene: saved with the file."""

    __annotations__ = {
        # not a FILE_PATH: its button would open a browser that shows all files
        "video": StringProperty(name="Video", description="The video to capture", update=_facts),
        "video_facts": StringProperty(),
        "height_shown": FloatProperty(
            name="Height", description="The person's height; it sets the scale of the motion", unit="LENGTH", get=_height, set=_set_height,
        ),
        "person_shown": EnumProperty(
            name="Person", description="Whose motion is captured, where several people are seen", items=WHOSE, get=_whose, set=_set_whose,
        ),
        "quality": EnumProperty(name="Quality", items=quality.ITEMS, get=_quality, set=_set_quality),
        "export_what": EnumProperty(name="What", items=WHAT),
        "export_program": EnumProperty(
            name="For", description="The program that the file is for",
            items=[(name, program.title, program.description) for name, program in PROGRAMS.items()],
        ),
        "fov_known": BoolProperty(
            name="Field of View",
            description="Give the camera's field of view. Else it is read from the file, or estimated from the person",
        ),
        **capture_properties(),
        # where a person types one, a usual value is a better start than the 0 that stands for none
        "fov": FloatProperty(
            name="Field of View",
            description="Of the camera, in degrees along the picture's longer side",
            default=DEFAULT_FOV,
            min=5.0,
            max=170.0,
            step=100,
            precision=1,
        ),
    }

    def options(self) -> dict[str, object]:
        """The properties of the capture operator."""
        chosen = {name: getattr(self, name) for name in capture_properties()}
        if not self.fov_known:
            chosen["fov"] = 0.0
        if self.refiner == NO_REFINER:  # greyed out: kept for who asks for one again
            chosen |= {name: getattr(_default, name) for name in OF_REFINER}
        return chosen


class KinoliftNote(bpy.types.PropertyGroup):
    text: StringProperty()  # type: ignore[valid-type]


class KinoliftPerson(bpy.types.PropertyGroup):
    """Of the first frame: the number in the picture, and the place that says who it is."""

    number: IntProperty()  # type: ignore[valid-type]
    place: StringProperty()  # type: ignore[valid-type]


class KinoliftFinding(bpy.types.PropertyGroup):
    text: StringProperty()  # type: ignore[valid-type]
    good: BoolProperty()  # type: ignore[valid-type]


STEPS = ("video", "capture", "review", "character", "export")  # the panel's folds, in the order of the work
_folding: list[str] = []  # while one fold is opened, the others close without asking back


def _one_open(name: str) -> object:
    def update(self: KinoliftStatus, context: bpy.types.Context) -> None:
        if not _folding and getattr(self, f"open_{name}"):
            _folding.append(name)
            for other in STEPS:
                if other != name:
                    setattr(self, f"open_{other}", False)
            _folding.clear()

    return update


def follow(context: bpy.types.Context, step: str) -> None:
    """Opens the fold of the step that comes next."""
    setattr(context.window_manager.kinolift, f"open_{step}", True)


class KinoliftStatus(bpy.types.PropertyGroup):
    """Of the window manager: the setup, the running capture, the last result and the open fold; never saved."""

    __annotations__ = {
        "missing": StringProperty(),
        "findings": CollectionProperty(type=KinoliftFinding),
        "running": BoolProperty(),
        "waiting": IntProperty(),
        "cancel": BoolProperty(),
        "text": StringProperty(),
        "stage": StringProperty(),
        "rate": StringProperty(),
        "fraction": FloatProperty(min=0.0, max=1.0),  # no `update`: with one Blender draws the whole window anew, changed or not
        "summary": StringProperty(),
        "quality": StringProperty(),
        "error": StringProperty(),
        "notes": CollectionProperty(type=KinoliftNote),
        "exported": StringProperty(),
        "looking": BoolProperty(update=_redraw),
        "people": CollectionProperty(type=KinoliftPerson),
        "people_of": StringProperty(),
        **{
            f"open_{name}": BoolProperty(name="Open", description="Show this step", default=name == STEPS[0], update=_one_open(name))
            for name in STEPS
        },
    }

    def clear(self) -> None:
        """The capture's part; the setup's stays."""
        self.idle()
        self.clear_result()

    def idle(self) -> None:
        """Nothing runs."""
        self.running = self.cancel = False
        self.waiting = 0
        self.text = self.stage = self.rate = ""
        self.fraction = 0.0
        _redraw(self, bpy.context)

    def clear_result(self) -> None:
        """What the last capture told."""
        self.summary = self.quality = self.error = ""
        self.notes.clear()

    def tell(self, summary: str, quality: str, notes: Sequence[str]) -> None:
        """What a capture has made."""
        self.clear_result()
        self.summary, self.quality = summary, quality
        for note in notes:
            self.notes.add().text = note

    def show(self, progress: Progress, waiting: int) -> None:
        """Where the running capture stands."""
        text = word("{done} of {total}").format(done=progress.done, total=progress.total) if progress.total > 0 else ""
        now = (True, waiting, progress.stage_text, text, translated(progress.pace))
        if now == (self.running, self.waiting, self.stage, self.text, self.rate) and abs(self.fraction - progress.fraction) < 1e-6:
            return
        self.running, self.waiting, self.stage, self.text, self.rate = now
        self.fraction = progress.fraction
        _redraw(self, bpy.context)


CLASSES = (KinoliftSettings, KinoliftPerson, KinoliftNote, KinoliftFinding, KinoliftStatus)


def attach() -> None:
    bpy.types.Scene.kinolift = PointerProperty(type=KinoliftSettings)
    bpy.types.WindowManager.kinolift = PointerProperty(type=KinoliftStatus)


def detach() -> None:
    del bpy.types.Scene.kinolift
    del bpy.types.WindowManager.kinolift
