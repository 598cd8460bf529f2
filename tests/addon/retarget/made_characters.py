"""Small armatures with the bone names, parents and extra bones of public rigs (names are facts), on one made-up person in several rest poses.

A character is a list of rows (bone, parent, head) and the truth: role -> bones. Names are patterns: {S} stands for a side as the rig spells it.
"""

# ruff: noqa: E501 (the characters are a table)

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import bpy
import numpy as np
from mathutils import Matrix, Vector

Row = tuple[str, "str | None", tuple[float, float, float]]
# (pattern, parent pattern, where it starts from its parent's head, step between its bones, how many); {n} counts them from 1
Extra = tuple[str, str, tuple[float, float, float], tuple[float, float, float], int]

# Metres, Z up, facing -Y; the left side's places.
CENTRE = {"root": (0, 0, 0), "hips": (0, 0, 1.0), "neck": (0, 0.01, 1.5), "head": (0, 0, 1.6)}
CHEST = (0, 0.02, 1.38)
LIMBS = {
    "clavicle": (0.03, 0, 1.45), "upper_arm": (0.18, 0, 1.45), "forearm": (0.45, 0, 1.45), "hand": (0.7, 0, 1.45), "fingers": (0.79, 0, 1.45),
    "thigh": (0.1, 0, 0.95), "shin": (0.1, -0.01, 0.5), "foot": (0.1, 0.01, 0.08), "toe": (0.1, -0.12, 0.02), "tip": (0.1, -0.2, 0.02),
}  # fmt: skip
ARM, LEG = ("clavicle", "upper_arm", "forearm", "hand"), ("thigh", "shin", "foot", "toe")
FINGERS = ("Thumb", "Index", "Middle", "Ring", "Pinky")


@dataclass
class Character:
    """`found`: how the mapping says that it was found. `loose`: patterns that hang on another bone than their chain's; `lost`: no truth."""

    title: str
    rows: list[Row] = field(default_factory=list)
    truth: dict[str, tuple[str, ...]] = field(default_factory=dict)
    found: str = "names"
    connected: tuple[str, ...] = ()


def places(pose: str) -> dict[str, np.ndarray]:
    """Role -> place of the left side and the middle, in the pose: T, A, relaxed (elbows bent too) or crouched (trunk forward, knees bent)."""
    at = {role: np.array(point, float) for role, point in {**CENTRE, **LIMBS, "chest": CHEST}.items()}
    drop = {"T": 0, "A": 45, "relaxed": 65, "crouched": 50}[pose]
    bend = {"relaxed": 25, "crouched": 60}.get(pose, 0)
    _turn(at, ("forearm", "hand", "fingers"), "upper_arm", "Y", drop)
    _turn(at, ("hand", "fingers"), "forearm", "X", -bend)
    if pose == "crouched":
        above = ("chest", "neck", "head", "clavicle", "upper_arm", "forearm", "hand", "fingers")
        _turn(at, above, "hips", "X", 50)
        _turn(at, ("shin", "foot", "toe", "tip"), "thigh", "X", -75)
        _turn(at, ("foot", "toe", "tip"), "shin", "X", 110)
        _turn(at, ("toe", "tip"), "foot", "X", -35)
        low = at["toe"][2] - 0.02
        at = {role: point if role == "root" else point - (0, 0, low) for role, point in at.items()}
    return at


def _turn(at: dict[str, np.ndarray], roles: Sequence[str], pivot: str, axis: str, degrees: float) -> None:
    turn = np.array(Matrix.Rotation(np.radians(degrees), 3, axis))
    for role in roles:
        at[role] = turn @ (at[role] - at[pivot]) + at[pivot]


def make(
    title: str, centre: Sequence[tuple[str, str | None]], arm: Sequence[tuple[str, str | None]], leg: Sequence[tuple[str, str | None]],
    sides: tuple[str, str] = ("Left", "Right"), pose: str = "T", fingers: str = "", extras: Sequence[Extra] = (),
    parents: dict[str, str | None] | None = None, found: str = "names", connected: tuple[str, ...] = (), prefix: str = "",
) -> Character:  # fmt: skip
    """A character. `centre`, `arm`, `leg`: (pattern, role) from the root outwards, None for a bone that has no role and stands between its
    neighbours; the arms hang on the last spine bone. `parents`: what hangs elsewhere. `fingers`: a pattern with {F} and {n}."""
    at = places(pose)
    made = Character(title, found=found, connected=tuple(prefix + name for name in connected))
    parents = parents or {}
    spines = [name for name, role in centre if role == "spine"]
    necks = [name for name, role in centre if role == "neck"]
    rows: dict[str, tuple[str | None, np.ndarray]] = {}
    before: str | None = None
    for number, (name, role) in enumerate(centre):
        if role == "spine":
            share = (spines.index(name) + 1) / len(spines)
            point = at["hips"] + (at["chest"] - at["hips"]) * share
            if len(spines) == 1:
                point = at["hips"] + 0.15 * (at["chest"] - at["hips"])
        elif role == "neck":
            point = at["neck"] + (at["head"] - at["neck"]) * necks.index(name) / len(necks)
        elif role is not None:
            point = at[role]
        else:
            after = next((at[r] for _, r in centre[number + 1 :] if r in at), at["hips"])
            point = after if before is None else (rows[before][1] + after) / 2
        rows[name] = (parents.get(name, before), point)
        before = name
        if role is not None:
            made.truth[role] = (*made.truth.get(role, ()), prefix + name)
    carrier = {"arm": spines[-1] if spines else next(n for n, r in centre if r == "hips"), "leg": next(n for n, r in centre if r == "hips")}
    for which, chain in (("arm", arm), ("leg", leg)):
        for number, side in enumerate(sides):
            mirror = np.array([1, 1, 1]) if number == 0 else np.array([-1, 1, 1])
            before = parents.get(which, carrier[which])
            for place, (pattern, role) in enumerate(chain):
                name = pattern.replace("{S}", side).replace("{s}", side[0])
                if role is None:
                    following = next((at[r] for _, r in chain[place + 1 :] if r in at), None)
                    last = next((at[r] for _, r in chain[:place][::-1] if r in at), at["hips"] if which == "leg" else at["chest"])
                    point = (last + following) / 2 if following is not None else last + (at["tip"] - at["toe"] if which == "leg" else 0.05)
                else:
                    point = at[role]
                    made.truth[f"{role}.{'LR'[number]}"] = (prefix + name,)
                parent = parents[pattern].replace("{S}", side) if parents.get(pattern) else before
                rows[name] = (parent, point * mirror)
                before = name
            hand = next((p.replace("{S}", side) for p, r in chain if r == "hand"), None)
            if which == "arm" and fingers and hand is not None:
                out = (at["fingers"] - at["hand"]) * mirror
                for finger, which_finger in enumerate(FINGERS):
                    spread = np.array([0, 0.03 * (finger - 2), 0]) + (np.array([0, -0.04, 0]) - 0.6 * out if which_finger == "Thumb" else 0)
                    first, second = (fingers.replace("{S}", side).replace("{F}", which_finger).replace("{n}", str(n)) for n in (1, 2))
                    rows[first] = (hand, rows[hand][1] + out + spread)
                    rows[second] = (first, rows[first][1] + 0.4 * out)
    for pattern, parent, start, step, count in extras:
        for number, side in enumerate(sides) if "{S}" in pattern else ((0, ""),):
            mirror = np.array([1, 1, 1]) if number == 0 else np.array([-1, 1, 1])
            above = parent.replace("{S}", side)
            for n in range(count):
                name = pattern.replace("{S}", side).replace("{n}", str(n + 1)) + (f"_{n}" if n and "{n}" not in pattern else "")
                known = above in rows
                rows[name] = (above if known else None, (rows[above][1] if known else 0) + np.array(start if n == 0 else step) * mirror)
                above = name
    assert all(parent is None or parent in rows for parent, _ in rows.values()), (title, [p for p, _ in rows.values() if p not in rows])
    if "Root" in rows and "root" not in made.truth:
        made.truth["root"] = (prefix + "Root",)
    waiting = list(rows)
    while waiting:  # parents before children
        name = next(name for name in waiting if rows[name][0] not in waiting)
        waiting.remove(name)
        parent, point = rows[name]
        made.rows.append((prefix + name, None if parent is None else prefix + parent, (float(point[0]), float(point[1]), float(point[2]))))
    return made


def build(character: Character) -> bpy.types.Object:
    """The armature in the scene; tails stand on the first child that is a little away, or go on as the parent does."""
    data = bpy.data.armatures.new(character.title)
    rig = bpy.data.objects.new(character.title, data)
    bpy.context.collection.objects.link(rig)
    bpy.context.view_layer.objects.active = rig
    bpy.ops.object.mode_set(mode="EDIT")
    roled = {name for names in character.truth.values() for name in names}
    for name, parent, head in character.rows:
        made = data.edit_bones.new(name)
        made.head = head
        made.tail = Vector(head) + Vector((0, 0, 0.03))
        made.parent = None if parent is None else data.edit_bones[parent]
    for made in data.edit_bones:
        nearby = [child for child in made.children if (child.head - made.head).length > 1e-3]
        nearby.sort(key=lambda child: child.name not in roled)
        if nearby:
            made.tail = nearby[0].head
        elif made.parent and (made.head - made.parent.head).length > 1e-3:
            made.tail = made.head + (made.head - made.parent.head).normalized() * 0.06
    for name in character.connected:
        bone = data.edit_bones[name]
        bone.parent.tail = bone.head
        bone.use_connect = True
    bpy.ops.object.mode_set(mode="OBJECT")
    return rig


def _pairs(*entries: str) -> list[tuple[str, str | None]]:
    """ "Hips=hips" -> (Hips, hips); without a role: None."""
    return [(entry.partition("=")[0], entry.partition("=")[2] or None) for entry in entries]


LR, lr = ("L", "R"), ("l", "r")
MIXAMO = (
    _pairs("Hips=hips", "Spine=spine", "Spine1=spine", "Spine2=spine", "Neck=neck", "Head=head", "HeadTop_End"),
    _pairs("{S}Shoulder=clavicle", "{S}Arm=upper_arm", "{S}ForeArm=forearm", "{S}Hand=hand"),
    _pairs("{S}UpLeg=thigh", "{S}Leg=shin", "{S}Foot=foot", "{S}ToeBase=toe", "{S}Toe_End"),
)
UNREAL = (
    _pairs("root=root", "pelvis=hips", "spine_01=spine", "spine_02=spine", "spine_03=spine", "neck_01=neck", "head=head"),
    _pairs("clavicle_{S}=clavicle", "upperarm_{S}=upper_arm", "lowerarm_{S}=forearm", "hand_{S}=hand"),
    _pairs("thigh_{S}=thigh", "calf_{S}=shin", "foot_{S}=foot", "ball_{S}=toe"),
)
BIPED = (
    _pairs("=root", " Pelvis=hips", " Spine=spine", " Spine1=spine", " Spine2=spine", " Neck=neck", " Head=head", " HeadNub"),
    _pairs(" {S} Clavicle=clavicle", " {S} UpperArm=upper_arm", " {S} Forearm=forearm", " {S} Hand=hand"),
    _pairs(" {S} Thigh=thigh", " {S} Calf=shin", " {S} Foot=foot", " {S} Toe0=toe", " {S} Toe0Nub"),
)
HUMAN = (
    _pairs("Hips=hips", "Spine=spine", "Chest=spine", "Neck=neck", "Head=head"),
    _pairs("{S}Shoulder=clavicle", "{S}UpperArm=upper_arm", "{S}LowerArm=forearm", "{S}Hand=hand"),
    _pairs("{S}UpperLeg=thigh", "{S}LowerLeg=shin", "{S}Foot=foot", "{S}Toes=toe"),
)
KAYKIT = (
    _pairs("root=root", "hips=hips", "spine=spine", "chest=spine", "head=head"),
    _pairs("upperarm.{S}=upper_arm", "lowerarm.{S}=forearm", "wrist.{S}=hand", "hand.{S}"),
    _pairs("upperleg.{S}=thigh", "lowerleg.{S}=shin", "foot.{S}=foot", "toes.{S}=toe"),
)
QUATERNIUS = (
    _pairs("Bone=root", "Body", "Hips=hips", "Abdomen=spine", "Torso=spine", "Neck=neck", "Head=head"),
    _pairs("Shoulder{S}=clavicle", "UpperArm{S}=upper_arm", "LowerArm{S}=forearm", "Palm{S}=hand"),
    _pairs("UpperLeg{S}=thigh", "LowerLeg{S}=shin", "Foot{S}=foot"),
)
MMD = (
    _pairs("全ての親=root", "センター", "グルーブ", "腰=hips", "上半身=spine", "上半身2=spine", "首=neck", "頭=head"),
    _pairs("{S}肩P", "{S}肩=clavicle", "{S}腕=upper_arm", "{S}腕捩", "{S}ひじ=forearm", "{S}手捩", "{S}手首=hand"),
    _pairs("{S}足=thigh", "{S}ひざ=shin", "{S}足首=foot", "{S}つま先=toe"),
)
DOWN, OUT, BACK, AHEAD = (0, 0, -0.12), (0.15, 0, 0), (0, 0.12, 0), (0, -0.12, 0)
TWIN_TAILS = ((0.12, 0.05, 0.15), (0.1, 0.02, -0.1))


def _hair(pattern: str, head: str) -> Extra:
    """As long as an arm and as many bones: what was taken for arms."""
    return (pattern, head, TWIN_TAILS[0], TWIN_TAILS[1], 6)


def characters() -> list[Character]:
    """All that are people, in docs/rigs.md's order."""
    return [
        make("Mixamo", *MIXAMO, prefix="mixamorig:", fingers="{S}Hand{F}{n}", found="mixamo"),
        make("Mixamo with a sword", *MIXAMO, prefix="mixamorig:", fingers="{S}Hand{F}{n}", found="mixamo", pose="A",
             extras=[("Sword_joint{n}", "RightHand", (-0.05, -0.1, 0), (0, -0.45, 0.05), 3)]),
        make("Ready Player Me", *MIXAMO, fingers="{S}Hand{F}{n}", found="mixamo", pose="A",
             extras=[("{S}Eye", "Head", (0.03, -0.08, 0.06), DOWN, 1)]),
        make("HumanIK, Unity-chan", *MIXAMO, prefix="Character1_", fingers="{S}Hand{F}{n}", found="names", extras=[
            ("J_{S}_HairTail_00_{n}", "Head", *TWIN_TAILS, 6), ("J_{S}_HeadRibbon_00_{n}", "Head", (0.06, 0.05, 0.2), OUT, 3),
            ("J_Mune_root_{S}", "Spine2", (0.05, -0.05, 0), (0, -0.1, 0), 2), ("J_{S}_Skirt_00_{n}", "Hips", (0.12, 0, -0.05), (0.05, 0, -0.2), 3),
            ("J_{S}_SusoBack_00_{n}", "Hips", (0.08, 0.1, -0.05), (0.05, 0.05, -0.2), 3)]),
        make("HumanIK with a reference", [("Reference", "root"), *MIXAMO[0]], *MIXAMO[1:], prefix="Hero_", found="names", pose="A"),
        make("Unreal mannequin", *UNREAL, lr, fingers="{F}_0{n}_{S}", found="unreal_4", pose="A", extras=[
            ("upperarm_twist_01_{S}", "upperarm_{S}", (0.1, 0, -0.1), OUT, 1), ("thigh_twist_01_{S}", "thigh_{S}", (0, 0, -0.2), DOWN, 1),
            ("ik_foot_root", "root", (0, 0.01, 0), DOWN, 1), ("ik_foot_{S}", "ik_foot_root", (0.1, 0, 0.08), DOWN, 1),
            ("ik_hand_root", "root", (0, 0.01, 0), DOWN, 1), ("ik_hand_gun", "ik_hand_root", (-0.6, 0, 1.2), DOWN, 1),
            ("ik_hand_{S}", "ik_hand_gun", (0.1, 0, 0), DOWN, 1), ("weapon_r", "hand_r", (0, -0.05, 0), AHEAD, 1)]),
        make("MetaHuman", _pairs("root=root", "pelvis=hips", *(f"spine_0{n}=spine" for n in range(1, 6)), "neck_01=neck", "neck_02=neck", "head=head"),
             *UNREAL[1:], lr, fingers="{F}_0{n}_{S}", found="unreal_5", pose="A", extras=[
            ("thigh_correctiveRoot_{S}", "thigh_{S}", (0, 0, -0.02), DOWN, 1), ("calf_knee_{S}", "calf_{S}", (0, -0.05, 0), DOWN, 1),
            ("spine_04_latissimus_{S}", "spine_04", (0.1, 0.05, 0), DOWN, 1), ("FACIAL_{S}_Ear", "head", (0.08, 0, 0.05), DOWN, 2)]),
        make("Unity humanoid", _pairs("Root=root", *(f"{n}={r}" for n, r in HUMAN[0])), *HUMAN[1:], found="unity_humanoid"),
        make("Unity humanoid with a lamp", *HUMAN, prefix="Hero-", pose="relaxed",
             extras=[("Lamp_{n}", "LeftHand", (0.02, -0.05, -0.1), (0, 0, -0.2), 4)]),
        make("3ds Max Biped", *BIPED, LR, prefix="Bip001", fingers=" {S} {F}{n}", pose="A", parents={"leg": " Spine", " {S} Clavicle": " Neck"},
             extras=[(" Footsteps", "-", (0, 0, 0.01), DOWN, 1), (" Ponytail1{n}", " Head", (0, 0.1, 0.1), (0, 0.1, -0.15), 5), (" Prop1", " R Hand", OUT, OUT, 1)]),
        make("ValveBiped", [(n.replace(" ", "_"), r) for n, r in BIPED[0][1:]], [(n.replace(" ", "_"), r) for n, r in BIPED[1]],
             [(n.replace(" ", "_"), r) for n, r in BIPED[2]], LR, prefix="ValveBiped.Bip01", pose="A", extras=[
            ("_{S}_Bicep", "_{S}_UpperArm", (0.1, 0, 0), OUT, 1), ("_{S}_Ulna", "_{S}_Forearm", (0.1, 0, 0), OUT, 1), (".weapon_bone", "_R_Hand", OUT, OUT, 2)]),
        make("Team Fortress", _pairs("pelvis=hips", "spine_0=spine", "spine_1=spine", "spine_2=spine", "spine_3=spine", "neck=neck", "head=head"),
             _pairs("collar_{S}=clavicle", "upperArm_{S}=upper_arm", "lowerArm_{S}=forearm", "hand_{S}=hand"),
             _pairs("hip_{S}=thigh", "knee_{S}=shin", "foot_{S}=foot", "toe_{S}=toe"), LR, prefix="bip_", fingers="{F}_{n}_{S}"),
        make("Daz Genesis 8", _pairs("hip=hips", *(f"{n}=spine" for n in ("abdomenLower", "abdomenUpper", "chestLower", "chestUpper")),
                                      "neckLower=neck", "neckUpper=neck", "head=head"),
             _pairs("{S}Collar=clavicle", "{S}ShldrBend=upper_arm", "{S}ShldrTwist", "{S}ForearmBend=forearm", "{S}ForearmTwist", "{S}Hand=hand"),
             _pairs("{S}ThighBend=thigh", "{S}ThighTwist", "{S}Shin=shin", "{S}Foot=foot", "{S}Metatarsals", "{S}Toe=toe"), lr, found="daz_g8", pose="A",
             parents={"leg": "pelvis"}, extras=[("pelvis", "hip", (0, 0, -0.02), DOWN, 1), ("{S}Pectoral", "chestUpper", (0.08, -0.1, 0), AHEAD, 1),
                                                ("{S}Ear", "head", (0.08, 0, 0.06), DOWN, 1)]),
        make("Daz Genesis 9", _pairs("hip=hips", *(f"spine{n}=spine" for n in range(1, 5)), "neck1=neck", "neck2=neck", "head=head"),
             _pairs("{S}_shoulder=clavicle", "{S}_upperarm=upper_arm", "{S}_forearm=forearm", "{S}_hand=hand"),
             _pairs("{S}_thigh=thigh", "{S}_shin=shin", "{S}_foot=foot", "{S}_metatarsals", "{S}_toes=toe"), lr, found="daz_g9", pose="A",
             parents={"leg": "pelvis"}, extras=[("pelvis", "hip", (0, 0, -0.02), DOWN, 1), ("{S}_upperarmtwist1", "{S}_upperarm", (0.05, 0, -0.05), OUT, 1)]),
        make("Poser", _pairs("hip=hips", "abdomen=spine", "chest=spine", "neck=neck", "head=head"),
             _pairs("{S}Collar=clavicle", "{S}Shldr=upper_arm", "{S}ForeArm=forearm", "{S}Hand=hand"),
             _pairs("{S}Thigh=thigh", "{S}Shin=shin", "{S}Foot=foot", "{S}Toe=toe"), lr),
        make("Reallusion", _pairs("BoneRoot=root", "Hip=hips", "Waist=spine", "Spine01=spine", "Spine02=spine", "NeckTwist01=neck", "NeckTwist02=neck", "Head=head"),
             _pairs("{S}_Clavicle=clavicle", "{S}_Upperarm=upper_arm", "{S}_Forearm=forearm", "{S}_Hand=hand"),
             _pairs("{S}_Thigh=thigh", "{S}_Calf=shin", "{S}_Foot=foot", "{S}_ToeBase=toe"), LR, prefix="CC_Base_", pose="A", found="reallusion_cc",
             parents={"leg": "Pelvis"}, extras=[
            ("Pelvis", "Hip", (0, 0, -0.01), DOWN, 1), ("{S}_ThighTwist01", "{S}_Thigh", (0, 0, -0.1), DOWN, 2),
            ("{S}_Breast", "Spine02", (0.08, -0.1, -0.05), AHEAD, 1), ("{S}_KneeShareBone", "{S}_Calf", (0, -0.01, 0), DOWN, 1)]),
        make("VRoid", _pairs("Root=root", "J_Bip_C_Hips=hips", "J_Bip_C_Spine=spine", "J_Bip_C_Chest=spine", "J_Bip_C_UpperChest=spine",
                             "J_Bip_C_Neck=neck", "J_Bip_C_Head=head"),
             _pairs("J_Bip_{S}_Shoulder=clavicle", "J_Bip_{S}_UpperArm=upper_arm", "J_Bip_{S}_LowerArm=forearm", "J_Bip_{S}_Hand=hand"),
             _pairs("J_Bip_{S}_UpperLeg=thigh", "J_Bip_{S}_LowerLeg=shin", "J_Bip_{S}_Foot=foot", "J_Bip_{S}_ToeBase=toe"), LR, found="vrm_0", extras=[
            ("J_Sec_{S}_Bust{n}", "J_Bip_C_UpperChest", (0.06, -0.1, 0), (0, -0.06, 0), 2), ("J_Sec_Hair{n}_{S}", "J_Bip_C_Head", *TWIN_TAILS, 6),
            ("J_Sec_{S}_SkirtSide{n}", "J_Bip_C_Hips", (0.12, 0, -0.1), (0.02, 0, -0.15), 3)]),
        make("MikuMikuDance", *MMD, ("左", "右"), pose="A", parents={"leg": "下半身", "上半身": "腰"}, extras=[
            ("下半身", "腰", (0, 0, 0.02), DOWN, 1), ("{S}足ＩＫ親", "全ての親", (0.1, 0, 0.0), DOWN, 1), ("{S}足ＩＫ", "{S}足ＩＫ親", (0, 0, 0.08), DOWN, 1),
            ("{S}つま先ＩＫ", "{S}足ＩＫ", (0, -0.12, -0.06), DOWN, 1), ("腰キャンセル{S}", "下半身", (0.1, 0, -0.07), DOWN, 1), ("{S}足D", "腰キャンセル{S}", (0, 0, 0), DOWN, 1),
            ("{S}ひざD", "{S}足D", (0, -0.01, -0.45), DOWN, 1), ("{S}足首D", "{S}ひざD", (0, 0.02, -0.42), DOWN, 1), ("{S}足先EX", "{S}足首D", (0, -0.12, -0.06), AHEAD, 1),
            ("{S}親指{n}", "{S}手首", (0.02, -0.03, 0), (0.03, 0, 0), 3), ("{S}中指{n}", "{S}手首", (0.08, 0, 0), (0.03, 0, 0), 3),
            ("{S}髪{n}", "頭", *TWIN_TAILS, 6), ("{S}胸", "上半身2", (0.06, -0.1, 0), AHEAD, 2)]),
        make("MikuMikuDance, with sides at the end", *[[(n.replace("{S}", "") + ".{S}" if "{S}" in n else n, r) for n, r in part] for part in MMD], LR, pose="A",
             parents={"leg": "下半身"}, extras=[("下半身", "腰", (0, 0, 0.02), DOWN, 1), ("足ＩＫ.{S}", "全ての親", (0.1, 0, 0.08), DOWN, 1)]),
        make("MikuMikuDance in English", _pairs("ParentNode=root", "Center", "Groove", "Waist=hips", "UpperBody=spine", "UpperBody2=spine", "Neck=neck", "Head=head"),
             _pairs("ShoulderP_{S}", "Shoulder_{S}=clavicle", "Arm_{S}=upper_arm", "ArmTwist_{S}", "Elbow_{S}=forearm", "WristTwist_{S}", "Wrist_{S}=hand"),
             _pairs("Leg_{S}=thigh", "Knee_{S}=shin", "Ankle_{S}=foot"), LR, pose="A", parents={"leg": "LowerBody"}, extras=[
            ("LowerBody", "Waist", (0, 0, 0.02), DOWN, 1), ("LegIK_{S}", "ParentNode", (0.1, 0, 0.08), DOWN, 1), ("LegD_{S}", "LowerBody", (0.1, 0, -0.07), DOWN, 1),
            ("KneeD_{S}", "LegD_{S}", (0, -0.01, -0.45), DOWN, 1), ("AnkleD_{S}", "KneeD_{S}", (0, 0.02, -0.42), DOWN, 1)]),
        make("Auto-Rig Pro, exported", _pairs("root.x=hips", "spine_01.x=spine", "spine_02.x=spine", "spine_03.x=spine", "neck.x=neck", "head.x=head"),
             _pairs("shoulder.{S}=clavicle", "arm_stretch.{S}=upper_arm", "forearm_stretch.{S}=forearm", "hand.{S}=hand"),
             _pairs("thigh_stretch.{S}=thigh", "leg_stretch.{S}=shin", "foot.{S}=foot", "toes_01.{S}=toe"), lr, found="auto_rig_pro", pose="A",
             extras=[("arm_twist.{S}", "arm_stretch.{S}", (0.05, 0, -0.05), OUT, 1), ("c_ear_01.{S}", "head.x", (0.08, 0, 0.08), OUT, 2)]),
        make("MakeHuman", _pairs("root=hips", *(f"spine0{n}=spine" for n in range(5, 0, -1)), "neck01=neck", "neck02=neck", "neck03=neck", "head=head"),
             _pairs("clavicle.{S}=clavicle", "shoulder01.{S}", "upperarm01.{S}=upper_arm", "upperarm02.{S}", "lowerarm01.{S}=forearm", "lowerarm02.{S}", "wrist.{S}=hand"),
             _pairs("pelvis.{S}", "upperleg01.{S}=thigh", "upperleg02.{S}", "lowerleg01.{S}=shin", "lowerleg02.{S}", "foot.{S}=foot", "toe1-1.{S}=toe"), LR,
             found="mpfb_default", pose="A", extras=[("breast.{S}", "spine02", (0.08, -0.1, 0.05), AHEAD, 1)]),
        make("MakeHuman, renamed by an exporter", _pairs("root=hips", *(f"spine0{n}=spine" for n in range(5, 0, -1)), "neck01=neck", "neck02=neck", "head=head"),
             _pairs("clavicle_{S}=clavicle", "shoulder01_{S}", "upperarm01_{S}=upper_arm", "upperarm02_{S}", "lowerarm01_{S}=forearm", "lowerarm02_{S}", "wrist_{S}=hand"),
             _pairs("pelvis_{S}", "upperleg01_{S}=thigh", "upperleg02_{S}", "lowerleg01_{S}=shin", "lowerleg02_{S}", "foot_{S}=foot", "toe1-1_{S}=toe"), LR,
             pose="A", extras=[("breast_{S}", "spine02", (0.08, -0.1, 0.05), AHEAD, 1)]),
        make("Quaternius", *QUATERNIUS, LR, found="names", parents={"Foot{S}": "Bone", "Body": "Bone"}, extras=[
            ("PoleTarget{S}", "Bone", (0.1, -0.6, 0.5), DOWN, 1), ("LowerLeg{S}_end", "LowerLeg{S}", (0, 0.02, -0.42), DOWN, 1),
            ("Thumb{S}", "Palm{S}", (0.02, -0.05, 0), OUT, 2)]),
        make("Quaternius with a sword", *QUATERNIUS, LR, found="names", pose="A", parents={"Foot{S}": "Bone", "Body": "Bone"}, extras=[
            ("Weapon.{n}", "PalmR", (-0.05, -0.05, 0), (0, -0.3, 0), 4)]),
        make("KayKit", *KAYKIT, lr, found="names", extras=[
            ("handslot.{S}", "hand.{S}", (0.05, 0, 0), OUT, 1), ("kneeIK.{S}", "root", (0.1, -0.6, 0.5), DOWN, 1), ("elbowIK.{S}", "root", (0.5, 0.5, 1.4), DOWN, 1),
            ("control-heel-roll.{S}", "root", (0.1, 0.05, 0), DOWN, 1), ("control-toe-roll.{S}", "control-heel-roll.{S}", (0, -0.17, 0.02), DOWN, 1),
            ("control-foot-roll.{S}", "control-toe-roll.{S}", (0, 0.05, 0.0), DOWN, 1), ("heelIK.{S}", "control-foot-roll.{S}", (0, 0.08, 0.05), DOWN, 1)]),
        make("Kenney", _pairs("Root=root", "Hips=hips", "Spine=spine", "Chest=spine", "UpperChest=spine", "Neck=neck", "Head=head"),
             _pairs("{S}Shoulder=clavicle", "{S}Arm=upper_arm", "{S}ForeArm=forearm", "{S}Hand=hand"),
             _pairs("{S}UpLeg=thigh", "{S}Leg=shin", "{S}Foot=foot", "{S}Toes=toe"), extras=[
            ("{S}FootCtrl", "Root", (0.1, 0, 0), DOWN, 1), ("{S}FootRollCtrl", "{S}FootCtrl", (0, 0, 0.03), DOWN, 1), ("{S}FootIK", "{S}FootRollCtrl", (0, 0, 0.05), DOWN, 1),
            ("{S}KneeCtrl", "Root", (0.1, -0.5, 0.5), DOWN, 1)]),
        make("Synty", _pairs("Root=root", "Hips=hips", "Spine_01=spine", "Spine_02=spine", "Spine_03=spine", "Neck=neck", "Head=head"),
             _pairs("Clavicle_{S}=clavicle", "Shoulder_{S}=upper_arm", "Elbow_{S}=forearm", "Hand_{S}=hand"),
             _pairs("UpperLeg_{S}=thigh", "LowerLeg_{S}=shin", "Ankle_{S}=foot", "Ball_{S}=toe", "Toes_{S}"), LR, fingers="{F}Finger_0{n}_{S}",
             extras=[("Eyebrows", "Head", (0, -0.1, 0.08), DOWN, 1), ("Eyes", "Head", (0, -0.1, 0.06), DOWN, 1)]),
        make("SMPL-X", _pairs("pelvis=hips", "spine1=spine", "spine2=spine", "spine3=spine", "neck=neck", "head=head"),
             _pairs("{S}_collar=clavicle", "{S}_shoulder=upper_arm", "{S}_elbow=forearm", "{S}_wrist=hand"),
             _pairs("{S}_hip=thigh", "{S}_knee=shin", "{S}_ankle=foot", "{S}_foot=toe"), ("left", "right"), fingers="{S}_{F}{n}",
             extras=[("jaw", "head", (0, -0.03, 0), AHEAD, 1), ("{S}_eye_smplhf", "head", (0.03, -0.08, 0.05), AHEAD, 1)]),
        make("SMPL", _pairs("Pelvis=hips", "Spine1=spine", "Spine2=spine", "Spine3=spine", "Neck=neck", "Head=head"),
             _pairs("{S}_Collar=clavicle", "{S}_Shoulder=upper_arm", "{S}_Elbow=forearm", "{S}_Wrist=hand", "{S}_Hand"),
             _pairs("{S}_Hip=thigh", "{S}_Knee=shin", "{S}_Ankle=foot", "{S}_Foot=toe"), LR, prefix="m_avg_"),
        make("CMU's BVH", _pairs("Hips=hips", "LowerBack=spine", "Spine=spine", "Spine1=spine", "Neck=neck", "Neck1=neck", "Head=head"), MIXAMO[1],
             _pairs("{s}HipJoint", *(f"{n}={r}" for n, r in MIXAMO[2][:4])), found="mpfb_cmu"),
        make("CMU's ASF", _pairs("root=hips", "lowerback=spine", "upperback=spine", "thorax=spine", "lowerneck=neck", "upperneck=neck", "head=head"),
             _pairs("{S}clavicle=clavicle", "{S}humerus=upper_arm", "{S}radius=forearm", "{S}wrist=hand", "{S}hand"),
             _pairs("{S}hipjoint", "{S}femur=thigh", "{S}tibia=shin", "{S}foot=foot", "{S}toes=toe"), lr,
             extras=[("{S}thumb", "{S}wrist", (0.03, -0.03, 0), OUT, 1)]),
        make("Joint names of a BVH", _pairs("Hips=hips", "Chest=spine", "Chest2=spine", "Neck=neck", "Head=head"),
             _pairs("{S}Collar=clavicle", "{S}Shoulder=upper_arm", "{S}Elbow=forearm", "{S}Wrist=hand"),
             _pairs("{S}Hip=thigh", "{S}Knee=shin", "{S}Ankle=foot", "{S}Toe=toe")),
        make("Xsens", _pairs("Pelvis=hips", "L5=spine", "L3=spine", "T12=spine", "T8=spine", "Neck=neck", "Head=head"), _pairs("{S}Shoulder=clavicle", "{S}UpperArm=upper_arm", "{S}ForeArm=forearm", "{S}Hand=hand"),
             _pairs("{S}UpperLeg=thigh", "{S}LowerLeg=shin", "{S}Foot=foot", "{S}Toe=toe")),
        make("Kinect", _pairs("HipCenter=hips", "Spine=spine", "ShoulderCenter=spine", "Head=head"),
             _pairs("Shoulder{S}=upper_arm", "Elbow{S}=forearm", "Wrist{S}=hand", "Hand{S}"), _pairs("Hip{S}=thigh", "Knee{S}=shin", "Ankle{S}=foot", "Foot{S}=toe")),
        make("Second Life", _pairs("mPelvis=hips", "mTorso=spine", "mChest=spine", "mNeck=neck", "mHead=head"),
             _pairs("mCollar{S}=clavicle", "mShoulder{S}=upper_arm", "mElbow{S}=forearm", "mWrist{S}=hand"),
             _pairs("mHip{S}=thigh", "mKnee{S}=shin", "mAnkle{S}=foot", "mFoot{S}", "mToe{S}=toe"), extras=[
            ("mHindLimbsRoot", "mPelvis", (0, 0.2, 0), BACK, 1), ("mHindLimb{n}{S}", "mHindLimbsRoot", (0.12, 0.05, 0), (0, 0.05, -0.3), 4),
            ("mTail{n}", "mPelvis", (0, 0.1, 0), (0, 0.15, 0), 6), ("mWingsRoot", "mChest", (0, 0.1, 0), BACK, 1), ("mWing{n}{S}", "mWingsRoot", (0.1, 0.1, 0.1), (0.2, 0.1, 0.05), 4),
            ("mFaceEar{n}{S}", "mHead", (0.08, 0, 0.08), (0.02, 0, 0.04), 2)]),
        make("Roblox R15", _pairs("HumanoidRootPart=root", "LowerTorso=hips", "UpperTorso=spine", "Head=head"), _pairs("{S}UpperArm=upper_arm", "{S}LowerArm=forearm", "{S}Hand=hand"),
             _pairs("{S}UpperLeg=thigh", "{S}LowerLeg=shin", "{S}Foot=foot")),
        make("Advanced Skeleton", _pairs("Root_M=hips", "Spine1_M=spine", "Spine2_M=spine", "Chest_M=spine", "Neck_M=neck", "Head_M=head", "HeadEnd_M"),
             _pairs("Scapula_{S}=clavicle", "Shoulder_{S}=upper_arm", "ShoulderPart1_{S}", "Elbow_{S}=forearm", "ElbowPart1_{S}", "Wrist_{S}=hand"),
             _pairs("Hip_{S}=thigh", "HipPart1_{S}", "Knee_{S}=shin", "KneePart1_{S}", "Ankle_{S}=foot", "Toes_{S}=toe", "ToesEnd_{S}"), LR),
        make("mGear", _pairs("spine_C0_pelvis_jnt=hips", "spine_C0_01_jnt=spine", "spine_C0_02_jnt=spine", "spine_C0_03_jnt=spine", "neck_C0_0_jnt=neck", "neck_C0_head_jnt=head"),
             _pairs("shoulder_{S}0_shoulder_jnt=clavicle", "arm_{S}0_0_jnt=upper_arm", "arm_{S}0_1_jnt=forearm", "arm_{S}0_end_jnt=hand"),
             _pairs("leg_{S}0_0_jnt=thigh", "leg_{S}0_1_jnt=shin", "leg_{S}0_end_jnt=foot", "foot_{S}0_0_jnt=toe"), LR, found="structure", pose="A"),
        make("Skyrim", _pairs("NPC Root [Root]=root", "NPC COM [COM ]=hips", "NPC Spine [Spn0]=spine", "NPC Spine1 [Spn1]=spine", "NPC Spine2 [Spn2]=spine", "NPC Neck [Neck]=neck", "NPC Head [Head]=head"),
             _pairs("NPC {S} Clavicle [{S}Clv]=clavicle", "NPC {S} UpperArm [{S}Uar]=upper_arm", "NPC {S} Forearm [{S}Lar]=forearm", "NPC {S} Hand [{S}Hnd]=hand"),
             _pairs("NPC {S} Thigh [{S}Thg]=thigh", "NPC {S} Calf [{S}Clf]=shin", "NPC {S} Foot [{S}ft ]=foot", "NPC {S} Toe0 [{S}Toe]=toe"), LR, pose="A",
             parents={"leg": "NPC Pelvis [Pelv]"}, extras=[("NPC Pelvis [Pelv]", "NPC COM [COM ]", (0, 0, -0.02), DOWN, 1), ("WEAPON", "NPC R Hand [RHnd]", (-0.05, 0, 0), OUT, 1), ("NPC {S} Breast", "NPC Spine2 [Spn2]", (0.08, -0.1, 0), AHEAD, 1)]),
        make("GTA", _pairs("SKEL_ROOT=root", "SKEL_Pelvis=hips", "SKEL_Spine0=spine", "SKEL_Spine1=spine", "SKEL_Spine2=spine", "SKEL_Spine3=spine", "SKEL_Neck_1=neck", "SKEL_Head=head"),
             _pairs("SKEL_{S}_Clavicle=clavicle", "SKEL_{S}_UpperArm=upper_arm", "SKEL_{S}_Forearm=forearm", "SKEL_{S}_Hand=hand"),
             _pairs("SKEL_{S}_Thigh=thigh", "SKEL_{S}_Calf=shin", "SKEL_{S}_Foot=foot", "SKEL_{S}_Toe0=toe"), LR, pose="A", extras=[
            ("RB_{S}_ThighRoll", "SKEL_{S}_Thigh", (0, 0, -0.1), DOWN, 1), ("MH_{S}_Knee", "SKEL_{S}_Calf", (0, -0.04, 0), DOWN, 1),
            ("PH_{S}_Hand", "SKEL_{S}_Hand", (0.05, 0, -0.05), OUT, 1), ("IK_{S}_Hand", "SKEL_{S}_Hand", (0.04, 0, -0.04), OUT, 1)]),
        make("XNALara", _pairs("root ground=root", "root hips=hips", "spine lower=spine", "spine middle=spine", "spine upper=spine", "head neck lower=neck", "head neck upper=head"),
             _pairs("arm {S} shoulder 1=clavicle", "arm {S} shoulder 2=upper_arm", "arm {S} elbow=forearm", "arm {S} wrist=hand"),
             _pairs("leg {S} thigh=thigh", "leg {S} knee=shin", "leg {S} ankle=foot", "leg {S} toes=toe"), ("left", "right"), pose="A", parents={"leg": "pelvis"}, extras=[
            ("pelvis", "root hips", (0, 0, -0.02), DOWN, 1), ("boob {S} {n}", "spine upper", (0.08, -0.1, 0), AHEAD, 2), ("arm {S} finger 1{n}", "arm {S} wrist", (0.08, 0, -0.08), OUT, 2)]),
        make("glTF sample, CesiumMan", _pairs("Skeleton_torso_joint_1=hips", "Skeleton_torso_joint_2=spine", "torso_joint_3=spine", "Skeleton_neck_joint_1=neck", "Skeleton_neck_joint_2=head"),
             _pairs("Skeleton_arm_joint_{S}__4_=upper_arm", "Skeleton_arm_joint_{S}__3_=forearm", "Skeleton_arm_joint_{S}__2_=hand"),
             _pairs("leg_joint_{S}_1=thigh", "leg_joint_{S}_2=shin", "leg_joint_{S}_3=foot", "leg_joint_{S}_5=toe"), LR, found="structure", pose="A"),
        make("Blender Studio, deform bones", _pairs("root=root", "DEF-Hips=hips", "DEF-Spine1=spine", "DEF-Spine2=spine", "DEF-Chest=spine", "DEF-Neck=neck", "DEF-Head=head"),
             _pairs("DEF-Clavicle.{S}=clavicle", "DEF-UpperArm1.{S}=upper_arm", "DEF-UpperArm2.{S}", "DEF-Forearm1.{S}=forearm", "DEF-Forearm2.{S}", "DEF-Wrist.{S}=hand"),
             _pairs("DEF-Thigh1.{S}=thigh", "DEF-Thigh2.{S}", "DEF-Knee1.{S}=shin", "DEF-Knee2.{S}", "DEF-Foot.{S}=foot", "DEF-Toes.{S}=toe"), LR, pose="A", extras=[
            ("DEF-Ear.{S}", "DEF-Head", (0.08, 0, 0.05), OUT, 2), ("DEF-Hair{n}.{S}", "DEF-Head", *TWIN_TAILS, 6), ("IK-Foot.{S}", "root", (0.1, 0.01, 0.08), AHEAD, 1),
            ("TGT-Eyes", "root", (0, -1, 1.6), AHEAD, 1)]),
        make("Blender's own words", _pairs("master=root", "pelvis=hips", "spine=spine", "spine.001=spine", "spine.002=spine", "neck=neck", "head=head"),
             _pairs("shoulder.{S}=clavicle", "upper_arm.{S}=upper_arm", "forearm.{S}=forearm", "hand.{S}=hand"), _pairs("thigh.{S}=thigh", "shin.{S}=shin", "foot.{S}=foot", "toe.{S}=toe"), LR, pose="A",
             extras=[("heel.02.{S}", "foot.{S}", (0, 0.08, -0.08), BACK, 1), ("breast.{S}", "spine.002", (0.08, -0.1, 0), AHEAD, 1), ("ear.{S}", "head", (0.08, 0, 0.05), OUT, 3)]),
        make("Ears and a tail", *HUMAN, prefix="Cat_", extras=[("Ear{S}{n}", "Head", (0.08, 0, 0.15), (0.02, 0, 0.12), 4), ("Tail{n}", "Hips", (0, 0.1, 0), (0, 0.15, -0.05), 7)]),
        make("Hips that are connected", *KAYKIT, lr, connected=("hips",)),
        make("Crouched", *UNREAL, lr, found="unreal_4", pose="crouched", extras=[("cape_{n}", "spine_03", (0, 0.1, 0), (0, 0.1, -0.2), 6)]),
        make("Crouched, by its names", *HUMAN, prefix="Rogue_", pose="crouched"),
        make("Spine beside the pelvis", _pairs("root=root", "Hips=hips", "Spine=spine", "Chest=spine", "Neck=neck", "Head=head"), *HUMAN[1:], prefix="Hero_", parents={"Spine": "root", "leg": "Hips"}),
        make("Hands and feet on the root", *HUMAN, prefix="Puppet_", parents={"{S}Foot": "Root", "{S}Hand": "Root", "Hips": "Root"}, extras=[("Root", "-", (0, 0, 0), DOWN, 1)]),
        make("Names that say nothing", *[[(f"b{k}{i:02d}" + (".{S}" if k else ""), r) for i, (_, r) in enumerate(part)] for k, part in enumerate(UNREAL)], ("1", "2"), pose="A", found="structure"),
        make("Names that say nothing, with a sword", *[[(f"b{k}{i:02d}" + (".{S}" if k else ""), r) for i, (_, r) in enumerate(part)] for k, part in enumerate(UNREAL)], ("1", "2"), pose="A",
             found="structure", extras=[("z{n}", "b103.2", (-0.03, -0.1, -0.03), (0, -0.35, 0), 4)]),
    ]  # fmt: skip


# Animals in their rest poses: rows as in `rigs.PERSON`, the left side only where a name ends in .L.
FROG = (
    ("Root", None, (0, 0, 0)), ("Body", "Root", (0, 0.25, 0.2)), ("Chest", "Body", (0, -0.1, 0.4)), ("Head", "Chest", (0, -0.25, 0.48)),
    ("Jaw", "Head", (0, -0.35, 0.45)),
    ("Thigh.L", "Body", (0.1, 0.25, 0.18)), ("Shin.L", "Thigh.L", (0.3, 0.0, 0.25)), ("Foot.L", "Shin.L", (0.18, 0.3, 0.05)),
    ("Toe.L", "Foot.L", (0.25, 0.0, 0.0)), ("ToeTip.L", "Toe.L", (0.28, -0.15, 0.0)),
    ("UpperArm.L", "Chest", (0.12, -0.12, 0.36)), ("Forearm.L", "UpperArm.L", (0.2, -0.05, 0.2)), ("Hand.L", "Forearm.L", (0.18, -0.18, 0.02)),
    ("Finger.L", "Hand.L", (0.2, -0.25, 0.0)),
)  # fmt: skip
RAPTOR = (
    ("root", None, (0, 0, 0)), ("pelvis", "root", (0, 0, 1.0)), ("spine1", "pelvis", (0, -0.3, 1.15)), ("spine2", "spine1", (0, -0.6, 1.35)),
    ("neck1", "spine2", (0, -0.8, 1.5)), ("head", "neck1", (0, -0.95, 1.75)), ("jaw", "head", (0, -1.05, 1.7)),
    *((f"tail{n}", f"tail{n - 1}" if n > 1 else "pelvis", (0, 0.25 * n, 1.0)) for n in range(1, 7)),
    ("thigh.L", "pelvis", (0.15, 0, 0.95)), ("calf.L", "thigh.L", (0.17, -0.25, 0.6)), ("foot.L", "calf.L", (0.17, 0.12, 0.35)),
    ("toe.L", "foot.L", (0.17, -0.02, 0.03)), ("claw.L", "toe.L", (0.17, -0.15, 0.0)),
    ("upperarm.L", "spine2", (0.12, -0.62, 1.2)), ("lowerarm.L", "upperarm.L", (0.14, -0.55, 1.0)), ("hand.L", "lowerarm.L", (0.14, -0.7, 0.9)),
    ("finger.L", "hand.L", (0.14, -0.78, 0.85)),
)  # fmt: skip
BIRD = (
    ("root", None, (0, 0, 0)), ("hips", "root", (0, 0, 0.5)), ("spine", "hips", (0, -0.05, 0.65)), ("chest", "spine", (0, -0.1, 0.8)),
    ("neck", "chest", (0, -0.12, 0.95)), ("head", "neck", (0, -0.15, 1.05)), ("beak", "head", (0, -0.25, 1.03)), ("tail", "hips", (0, 0.2, 0.45)),
    ("leg_upper.L", "hips", (0.1, 0, 0.45)), ("leg_lower.L", "leg_upper.L", (0.1, -0.12, 0.3)), ("foot.L", "leg_lower.L", (0.1, 0.06, 0.2)),
    ("toe.L", "foot.L", (0.1, 0.0, 0.02)), ("claw.L", "toe.L", (0.1, -0.06, 0.0)),
    ("wing_upper_arm.L", "chest", (0.12, -0.1, 0.8)), ("wing_forearm.L", "wing_upper_arm.L", (0.4, -0.05, 0.8)), ("wing_hand.L", "wing_forearm.L", (0.7, -0.05, 0.8)),
    ("feather.L", "wing_hand.L", (1.0, 0, 0.8)),
)  # fmt: skip
HORSE = (
    ("Horse", None, (0, 0, 0)), ("Pelvis", "Horse", (0, 0.7, 1.3)), ("Spine", "Pelvis", (0, 0.3, 1.35)), ("Spine1", "Spine", (0, -0.3, 1.35)),
    ("Neck", "Spine1", (0, -0.7, 1.5)), ("Head", "Neck", (0, -1.1, 1.9)), ("Tail", "Pelvis", (0, 0.9, 1.3)), ("Tail1", "Tail", (0, 1.0, 0.8)),
    ("Thigh.L", "Pelvis", (0.2, 0.7, 1.2)), ("Calf.L", "Thigh.L", (0.2, 0.55, 0.85)), ("HorseLink.L", "Calf.L", (0.2, 0.85, 0.5)), ("Foot.L", "HorseLink.L", (0.2, 0.8, 0.15)),
    ("Toe0.L", "Foot.L", (0.2, 0.72, 0.05)),
    ("Clavicle.L", "Spine1", (0.15, -0.5, 1.3)), ("UpperArm.L", "Clavicle.L", (0.2, -0.6, 1.05)), ("Forearm.L", "UpperArm.L", (0.2, -0.5, 0.75)), ("Hand.L", "Forearm.L", (0.2, -0.55, 0.4)),
    ("Finger0.L", "Hand.L", (0.2, -0.6, 0.1)),
)  # fmt: skip
ANIMALS = {"frog": FROG, "raptor": RAPTOR, "bird": BIRD, "horse": HORSE}


def unclear() -> list[Character]:
    """People whose bones cannot be told for sure: names say nothing, and what else there is looks the same."""
    plain = [[(f"b{k}{i:02d}" + (".{S}" if k else ""), r) for i, (_, r) in enumerate(part)] for k, part in enumerate(UNREAL)]
    arms = [(0.09, 0, 0.04), (0.26, 0, 0)]
    no_feet = [plain[0], plain[1], plain[2][:3]]
    return [
        make("Four arms without names", *plain, ("1", "2"), found="structure", extras=[
            ("z{n}.{S}", "b003", (0.1, 0.06, 0.05), (0.26, 0, 0), 3), ("f{n}.{S}", "z3.{S}", (0.08, -0.02, 0), arms[0], 2)]),
        make("Feet that point nowhere", *no_feet, ("1", "2"), found="structure"),
    ]  # fmt: skip
