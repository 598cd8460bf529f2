"""Retargeting from the sidebar: the character, the motion, the list of bones, and the operators behind the buttons."""

# ruff: noqa: N801 (Blender wants classes named so)

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Sequence
from pathlib import Path

import bpy
from bpy.props import BoolProperty, CollectionProperty, EnumProperty, FloatProperty, IntProperty, PointerProperty, StringProperty

from ...contract.failure import Failure
from ...contract.motion_file import Motion, load_motion
from .. import scene as scenes
from ..armature import is_kinolift
from ..keeping import record_of
from ..locale.said import translated, word
from ..manners import tell
from ..other_depths import shown_motion
from ..steps import elsewhere
from ..stepwise import Stepwise
from .linked import overridden, shown_armature
from .mapping import AUTO, find_mapping, presets, user_folder
from .presets import parse_switches, save_preset, switch_list
from .rates import rate_note
from .retarget import RetargetOptions, RetargetResult, retargeting
from .roles import CHAIN_ROLES, NAMES, ROLES, STRUCTURE, VRM, Mapping, role_title

# Below the first a guess is shown as one to look at; from the second on nothing was guessed, and no sureness is shown.
UNSURE, SURE = 0.7, 0.995

PREFIX_ENDS = ":_-.|"  # what ends the prefix of a rig's bone names

# Blender keeps no copy of the texts of a list that is made anew: they must live somewhere.
_preset_items: list[tuple[str, str, str]] = []


def _items(self: object, context: object) -> list[tuple[str, str, str]]:
    try:
        known = [(name, preset.title, word("The bone names of {rig}").format(rig=preset.title)) for name, preset in presets().items()]
    except Failure:  # a broken file of the user's: Find Bones says what is wrong with it
        known = []
    _preset_items[:] = [
        (AUTO, "Automatic", "The preset that fits best, else by shape and names"),
        (STRUCTURE, "By Shape", "From the places of the bones in the rest pose, and their names"),
        *known,
    ]
    return _preset_items


def _picked(self: KinoliftBone, context: object) -> None:
    self.sureness = 1.0 if self.bone else 0.0  # a person knows


def _short(self: KinoliftBone) -> str:
    """The bone's name without what all bones of the character begin with."""
    prefix = self.id_data.kinolift_retarget.prefix
    return self.bone.removeprefix(prefix) or self.bone


def _set_short(self: KinoliftBone, name: str) -> None:
    """From the search, which gives whole names, or as it was typed."""
    settings = self.id_data.kinolift_retarget
    whole = settings.prefix + name
    known = settings.target.data.bones if settings.target is not None else {}
    self.bone = whole if name and name not in known and whole in known else name


class KinoliftBone(bpy.types.PropertyGroup):
    """A row of the list: one bone of one role."""

    role: StringProperty()  # type: ignore[valid-type]
    bone: StringProperty(name="Bone", description="The bone that has this role", update=_picked)  # type: ignore[valid-type]
    sureness: FloatProperty(min=0.0, max=1.0)  # type: ignore[valid-type]
    short: StringProperty(  # type: ignore[valid-type]
        name="Bone", description="The bone that has this role, without the prefix of all names", get=_short, set=_set_short
    )


class KinoliftRetarget(bpy.types.PropertyGroup):
    """Of the scene: saved with the file."""

    target: PointerProperty(  # type: ignore[valid-type]
        type=bpy.types.Object,
        name="Character",
        description="The armature that gets the motion",
        poll=lambda _, thing: thing.type == "ARMATURE",
    )
    source: EnumProperty(  # type: ignore[valid-type]
        name="Motion",
        items=[("take", "Take", "An armature that a capture made"), ("file", "File", "A motion file that was kept (.npz)")],
    )
    take: PointerProperty(  # type: ignore[valid-type]
        type=bpy.types.Object,
        name="Take",
        description="The captured armature; empty: the one captured last",
        poll=lambda _, thing: is_kinolift(thing),
    )
    motion: StringProperty(name="Motion File", description="A motion file that was kept (.npz)", subtype="FILE_PATH")  # type: ignore[valid-type]
    preset: EnumProperty(name="Preset", description="How the character's bones are named", items=_items)  # type: ignore[valid-type]
    root: EnumProperty(  # type: ignore[valid-type]
        name="Root",
        description="What happens to the path through the room",
        items=[("motion", "Motion", "The character moves through the room"), ("in-place", "In Place", "The character stays on the spot")],
    )
    root_bone: EnumProperty(  # type: ignore[valid-type]
        name="Travel On",
        description="Which bone carries the path along the ground",
        items=[
            ("auto", "Automatic", "The root bone where there is one"),
            ("hips", "Hips", "The hips"),
            ("root", "Root Bone", "The root bone"),
        ],
    )
    feet: EnumProperty(  # type: ignore[valid-type]
        name="Feet",
        description="Whether standing feet are held on the ground",
        items=[
            ("auto", "Automatic", "Standing feet are held, and slide as far as the person's do"),
            ("always", "Always", "Standing feet are held on one spot each"),
            ("never", "Never", "Legs stay as they were turned"),
        ],
    )
    root_heading: BoolProperty(  # type: ignore[valid-type]
        name="Root Heading",
        description="The root bone turns with the person about the vertical, too",
    )
    use_ik: BoolProperty(  # type: ignore[valid-type]
        name="IK Controls",
        description="Keys go on the rig's IK controls of hands, feet and spine, and the rig is switched to IK; else on its FK controls",
    )
    bones: CollectionProperty(type=KinoliftBone)  # type: ignore[valid-type]
    active: IntProperty()  # type: ignore[valid-type]
    prefix: StringProperty()  # type: ignore[valid-type]
    found_on: StringProperty()  # type: ignore[valid-type]
    found_by: StringProperty()  # type: ignore[valid-type]
    controls: StringProperty(default="{}")  # type: ignore[valid-type]
    done: StringProperty()  # type: ignore[valid-type]
    error: StringProperty()  # type: ignore[valid-type]
    notes: StringProperty()  # type: ignore[valid-type]

    def say(self, done: str = "", error: str = "", notes: Sequence[str] = ()) -> None:
        """What the panel tells under its button, in place of what it told before; notes a line each."""
        self.done, self.error, self.notes = done, error, "\n".join(notes)


def found_title(preset: str) -> str:
    """What the panel calls the way in which the bones were found: a preset's title, its name where its file is gone or broken."""
    titles = {STRUCTURE: "Shape", NAMES: "Names", VRM: "VRM File"}
    if preset in titles:
        return titles[preset]
    try:
        found = presets().get(preset)
    except Failure:
        return preset
    return found.title if found is not None else preset


def show_mapping(settings: KinoliftRetarget, mapping: Mapping) -> None:
    """Fills the list: every role has a row, and chains a free one at their end to add a bone."""
    settings.bones.clear()
    settings.prefix = common_prefix([name for names in mapping.bones.values() for name in names])
    for role in ROLES:
        names: Sequence[str] = mapping.bones.get(role, ())
        for name in [*names, ""] if role in CHAIN_ROLES or not names else names:
            row = settings.bones.add()
            row.name = row.role = role
            row.bone = name
            row.sureness = mapping.sureness.get(role, 1.0) if name else 0.0
    settings.found_by = mapping.preset
    settings.controls = json.dumps({"ik": mapping.ik, "ik_rest": mapping.ik_rest, "switches": switch_list(mapping)})


def common_prefix(names: Sequence[str]) -> str:
    """What all the names begin with, as far as a separator ends it: mixamorig: of mixamorig:Hips and mixamorig:Spine."""
    if len(names) < 2:
        return ""
    first, last = min(names), max(names)
    same = next((i for i, (one, other) in enumerate(zip(first, last, strict=False)) if one != other), len(first))
    return first[: max(first.rfind(mark, 0, same) for mark in PREFIX_ENDS) + 1]


def listed_mapping(settings: KinoliftRetarget, armature: bpy.types.Object) -> Mapping:
    """The list as it stands now. Raises Failure `bad_rig` for bones that are not there or stand twice, and for
    required roles without one."""
    bones: dict[str, tuple[str, ...]] = {}
    sureness: dict[str, float] = {}
    for row in settings.bones:
        if row.bone:
            bones[row.role] = (*bones.get(row.role, ()), row.bone)
            sureness[row.role] = min(row.sureness, sureness.get(row.role, 1.0))
    names = [name for found in bones.values() for name in found]
    absent = sorted({name for name in names if name not in armature.data.bones})
    if absent:
        raise Failure("bad_rig", f"{armature.name} has no bones {', '.join(absent)}; press Find Bones again or pick others.")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise Failure("bad_rig", f"{', '.join(twice)} stands for two parts of the body; pick another bone for one of them.")
    controls = json.loads(settings.controls)
    ik = {role: name for role, name in controls.get("ik", {}).items() if name in armature.data.bones}
    rest = tuple(name for name in controls.get("ik_rest", ()) if name in armature.data.bones)
    switches = tuple(switch for switch in parse_switches(controls.get("switches", [])) or () if switch.bone in armature.data.bones)
    mapping = Mapping(bones, settings.found_by or STRUCTURE, sureness, ik, rest, switches)
    if missing := mapping.missing():
        settings.active = next(i for i, row in enumerate(settings.bones) if row.role == missing[0])  # the list scrolls there
        raise Failure("bad_rig", f"{armature.name} has no bone for {', '.join(map(role_title, missing))}; pick one in the list.")
    return mapping


def chosen_target(settings: KinoliftRetarget, context: bpy.types.Context) -> bpy.types.Object | None:
    """The character that was picked; else the one that is selected, if it is no take."""
    if settings.target is not None:
        return settings.target
    selected = [thing for thing in (context.object, *context.selected_objects) if thing is not None]
    own = (thing for thing in selected if thing.type == "ARMATURE" and not is_kinolift(thing))
    return next(own, None) or next(filter(None, map(shown_armature, selected)), None)


def chosen_take(settings: KinoliftRetarget, context: bpy.types.Context) -> bpy.types.Object | None:
    """The take that was picked; else the active one if it is a take, else the one made last in the scene."""
    if settings.take is not None:
        return settings.take
    if is_kinolift(context.object):
        return context.object
    takes = [thing for thing in context.scene.objects if is_kinolift(thing) and thing != settings.target]
    return takes[-1] if takes else None


def chosen_motion(settings: KinoliftRetarget, context: bpy.types.Context) -> tuple[Callable[[], Motion], str]:
    """How the motion is read, without Blender, and a name for the action. Raises Failure where none is chosen or its file is gone."""
    if settings.source == "file":
        if not settings.motion:
            raise Failure("bad_arguments", "No motion file is chosen; choose a .npz file that a capture kept.")
        path = Path(bpy.path.abspath(settings.motion))
        return lambda: load_motion(path), path.stem
    take = chosen_take(settings, context)
    if take is None:
        raise Failure("bad_arguments", "There is no take in the scene; capture a video first or choose a motion file.")
    return shown_motion(take), take.name


def _start_of(settings: KinoliftRetarget, context: bpy.types.Context) -> int:
    """The scene frame of the video's first frame: the take's, so that the character moves with it; of a file the scene's first."""
    take = chosen_take(settings, context) if settings.source == "take" else None
    start = record_of(take).get("start") if take is not None else None
    return start if isinstance(start, int) else int(context.scene.frame_start)


def retargeting_listed(
    settings: KinoliftRetarget, context: bpy.types.Context, writes: Callable[[], None]
) -> Generator[None, None, RetargetResult]:
    """The steps of what the panel shows: the motion onto the character, from the scene's first frame, at its rate. `writes` is called
    before the first that changes something."""
    target, scene = settings.target, context.scene
    if not settings.bones or settings.found_on != target.name:
        show_mapping(settings, find_mapping(target, settings.preset))
        settings.found_on = target.name
    mapping = listed_mapping(settings, target)
    read, name = chosen_motion(settings, context)
    rate = scenes.rate_of(scene)
    clip = yield from elsewhere(read)
    motion = yield from elsewhere(lambda: scenes.at_that_rate(clip, rate))
    start = _start_of(settings, context)
    take = chosen_take(settings, context) if settings.source == "take" else None
    apart = rate_note(take, clip, motion, start) if take is not None else ""
    if target.library is not None or target.override_library is not None:
        writes()
    found = overridden(target, scene, context.view_layer, context.object)
    target = settings.target = found.armature
    settings.found_on = target.name
    frames = scenes.key_frames(motion, start)
    # the panel offers these two only where they mean something; what was set for another character does not count then
    heading = settings.root_heading and settings.root_bone != "hips" and mapping.bone("root") is not None
    options = RetargetOptions(settings.root, settings.root_bone, settings.feet, heading, settings.use_ik and bool(mapping.ik))
    result = yield from retargeting(motion, target, mapping, options, frames, f"{name} on {target.name}", writes)
    result.notes.extend(filter(None, [found.note, apart]))
    return result


class _TargetOperator:
    """What the operators share: they need a character."""

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        if chosen_target(context.scene.kinolift_retarget, context) is None:
            cls.poll_message_set("Choose the character's armature first")  # type: ignore[attr-defined]
            return False
        return True

    def settings(self, context: bpy.types.Context) -> KinoliftRetarget:
        """The panel's, with the selected character taken for the one that nobody picked."""
        settings = context.scene.kinolift_retarget
        settings.target = chosen_target(settings, context)
        return settings

    def failed(self, settings: KinoliftRetarget, failure: Failure) -> set[str]:
        """Tells the failure in the panel, where it stays."""
        settings.say(error=failure.message)
        tell(self, bpy.context, failure.message)
        return {"CANCELLED"}


class KINOLIFT_OT_find_bones(_TargetOperator, bpy.types.Operator):
    """Find which bone of the character is what"""

    bl_idname = "kinolift.find_bones"
    bl_label = "Find Bones"
    bl_options = {"REGISTER", "UNDO"}  # noqa: RUF012

    def execute(self, context: bpy.types.Context) -> set[str]:
        settings = self.settings(context)
        try:
            show_mapping(settings, find_mapping(settings.target, settings.preset))
        except Failure as failure:
            return self.failed(settings, failure)
        settings.found_on = settings.target.name
        settings.say()
        return {"FINISHED"}


class KINOLIFT_OT_save_rig_preset(_TargetOperator, bpy.types.Operator):
    """Keep the list as a preset of your own, for every file"""

    bl_idname = "kinolift.save_rig_preset"
    bl_label = "Save as Preset"

    title: StringProperty(name="Name", description="The preset's name", default="My Rig")  # type: ignore[valid-type]

    def invoke(self, context: bpy.types.Context, event: bpy.types.Event) -> set[str]:
        return set(context.window_manager.invoke_props_dialog(self))

    def execute(self, context: bpy.types.Context) -> set[str]:
        settings = self.settings(context)
        try:
            folder = user_folder()
            if folder is None:
                raise Failure("not_writable", "Presets are kept in the extension's folder; install Kinolift as an extension.")
            name = bpy.path.clean_name(self.title.strip()).lower()
            if not name:
                raise Failure("bad_arguments", "The preset has no name; type one.")
            save_preset(listed_mapping(settings, settings.target), self.title.strip(), folder / f"{name}.json")
        except Failure as failure:
            return self.failed(settings, failure)
        self.report({"INFO"}, translated(f"Saved {folder / name}.json"))
        return {"FINISHED"}


class KINOLIFT_OT_retarget(Stepwise, _TargetOperator, bpy.types.Operator):
    """Put the motion on the character, as a new action"""

    bl_idname = "kinolift.retarget"
    bl_label = "Retarget"
    bl_options = {"UNDO"}  # noqa: RUF012

    _writing = False
    _before: bpy.types.Object | None = None

    def steps(self, context: bpy.types.Context) -> Generator[None, None, str]:
        settings = self.settings(context)
        self._before = settings.target
        result = yield from retargeting_listed(settings, context, self._writes)
        settings.say(result.summary(), notes=result.notes)
        context.scene.kinolift.export_what = "character"
        for note in result.notes:
            self.report({"WARNING"}, translated(note))
        return f"{settings.target.name}: {translated(settings.done)}"

    def can_stop(self) -> bool:
        return not self._writing

    def _writes(self) -> None:
        self._writing = True

    def _failed(self, context: bpy.types.Context, failure: Failure) -> set[str]:
        settings = context.scene.kinolift_retarget
        if settings.target != self._before and self._before is not None:  # a library override was made, and stays
            bpy.ops.ed.undo_push(message=word("Library Override"))
        return self.failed(settings, failure)


CLASSES = (
    KinoliftBone,
    KinoliftRetarget,
    KINOLIFT_OT_find_bones,
    KINOLIFT_OT_save_rig_preset,
    KINOLIFT_OT_retarget,
)


def attach() -> None:
    bpy.types.Scene.kinolift_retarget = PointerProperty(type=KinoliftRetarget)


def detach() -> None:
    del bpy.types.Scene.kinolift_retarget
