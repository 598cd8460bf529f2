"""What a bone's name tells: its side and its part of the body, in the ways rigs spell them; helpers, hair and clothes too. No bpy here.

A name is cut into words (`mixamorig:LeftForeArm` -> left, fore, arm; `lfemur` -> l, femur; 左足首 -> 左, 足首). A name whose words are all
known is clear; what else stands in it counts against it, unless most bones of the rig have it (Character1, Bip001, jnt).
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cache

_LEFT, _RIGHT = {"l", "left", "lft", "lf", "hidari", "左"}, {"r", "right", "rgt", "rt", "migi", "右"}
_UPPER, _LOWER = {"upper", "up", "upr"}, {"lower", "lo", "low", "lwr", "fore"}

# Word -> the roles that it may mean and how clearly. Words that are joints count for the bone that starts there.
# A wrist is where the hand starts, an ankle where the foot does: they go before a hand or a foot that hangs on them.
_PARTS: dict[str, dict[str, float]] = {
    "clavicle": {"clavicle": 1.0}, "clav": {"clavicle": 1.0}, "collar": {"clavicle": 1.0}, "collarbone": {"clavicle": 1.0},
    "scapula": {"clavicle": 0.9}, "shoulder": {"clavicle": 0.8, "upper_arm": 0.7}, "肩": {"clavicle": 1.0},
    "humerus": {"upper_arm": 1.0}, "shldr": {"upper_arm": 1.0}, "腕": {"upper_arm": 1.0},
    "forearm": {"forearm": 1.0}, "elbow": {"forearm": 0.9}, "radius": {"forearm": 1.0}, "ひじ": {"forearm": 1.0}, "肘": {"forearm": 1.0},
    "wrist": {"hand": 1.0}, "手首": {"hand": 1.0}, "hand": {"hand": 0.95}, "palm": {"hand": 0.8}, "fist": {"hand": 0.8},
    "thigh": {"thigh": 1.0}, "femur": {"thigh": 1.0}, "足": {"thigh": 1.0}, "太もも": {"thigh": 1.0},
    "shin": {"shin": 1.0}, "calf": {"shin": 1.0}, "tibia": {"shin": 1.0}, "knee": {"shin": 0.9}, "ひざ": {"shin": 1.0}, "膝": {"shin": 1.0},
    "ankle": {"foot": 1.0, "toe": 0.1}, "足首": {"foot": 1.0}, "foot": {"foot": 0.95, "toe": 0.5}, "feet": {"foot": 0.9},
    "toe": {"toe": 1.0}, "toes": {"toe": 1.0}, "ball": {"toe": 1.0}, "toebase": {"toe": 1.0}, "つま先": {"toe": 1.0}, "足先": {"toe": 0.9},
    "hip": {"hips": 0.9}, "hips": {"hips": 1.0}, "pelvis": {"hips": 1.0}, "センター": {"hips": 0.6}, "グルーブ": {"hips": 0.7},
    "腰": {"hips": 0.9}, "center": {"hips": 0.6}, "groove": {"hips": 0.6}, "cog": {"hips": 0.8}, "com": {"hips": 0.6},
    "waist": {"hips": 0.5, "spine": 0.6},
    "spine": {"spine": 1.0}, "chest": {"spine": 1.0}, "abdomen": {"spine": 1.0}, "torso": {"spine": 0.9}, "back": {"spine": 0.7},
    "thorax": {"spine": 1.0}, "ribcage": {"spine": 0.9}, "stomach": {"spine": 0.9}, "上半身": {"spine": 1.0}, "body": {"spine": 0.5},
    "neck": {"neck": 1.0}, "首": {"neck": 1.0},
    "head": {"head": 1.0}, "skull": {"head": 0.9}, "頭": {"head": 1.0},
    "root": {"root": 1.0}, "armature": {"root": 0.8}, "reference": {"root": 1.0}, "master": {"root": 0.8}, "全ての親": {"root": 1.0},
    "origin": {"root": 0.8}, "下半身": {"hips": 0.5},
}  # fmt: skip
# Of the words of one name the first group that is there says the part: LeftHandIndex is no hand, "arm left wrist" no arm.
_ORDER = (
    ("toe", "toes", "ball", "toebase", "つま先", "足先"), ("ankle", "足首", "foot", "feet"), ("wrist", "手首", "hand", "palm", "fist"),
    ("forearm", "elbow", "radius", "ひじ", "肘"), ("humerus", "shldr", "腕"),
    ("clavicle", "clav", "collar", "collarbone", "scapula", "shoulder", "肩"),
    ("knee", "ひざ", "膝", "shin", "calf", "tibia"), ("thigh", "femur", "足", "太もも"), ("neck", "首"), ("head", "skull", "頭"),
)  # fmt: skip

# Bones that move with a part of the body, or move it, and are not that part.
_HELPERS = {
    "twist", "roll", "ik", "ikk", "pole", "target", "tgt", "ctrl", "control", "ctl", "end", "nub", "leaf", "tip", "share", "helper", "hlp",
    "corrective", "offset", "attach", "attachment", "socket", "prop", "slot", "handslot", "null", "dummy", "muscle", "bulge", "mch", "goal",
    "part", "top", "pivot", "scale", "pt", "pv", "aim", "lookat", "guide", "snap", "grip", "heel", "bicep", "ulna", "trapezius", "latt",
    "metatarsal", "metatarsals", "steps", "footsteps", "jiggle", "physics", "phys", "ex", "捩", "捩れ", "ik親", "親", "先", "キャンセル",
    "補助", "ダミー", "操作", "回転", "adj", "orient", "rb", "ph", "mh", "visual", "bend_ctrl", "tweak", "vis", "con", "holder",
}  # fmt: skip
# What else a body has or wears.
_OTHERS = {
    "hair", "ponytail", "pigtail", "twintail", "braid", "bang", "bangs", "fringe", "ahoge", "sidelock", "ear", "ears", "earring", "eye",
    "eyes", "eyeball", "brow", "eyebrow", "eyebrows", "lid", "eyelid", "lash", "jaw", "mouth", "lip", "lips", "tongue", "teeth", "tooth",
    "nose", "nostril", "cheek", "chin", "face", "facial", "forehead", "temple", "breast", "breasts", "bust", "boob", "boobs", "mune",
    "pectoral", "pec", "skirt", "cape", "cloak", "coat", "cloth", "clothes", "dress", "robe", "ribbon", "headribbon", "tie", "necktie",
    "belt", "strap", "tail", "wing", "wings", "finger", "fingers", "thumb", "index", "middle", "mid", "ring", "pinky", "pinkie", "little",
    "carpal", "metacarpal", "sword", "katana", "blade", "weapon", "gun", "rifle", "pistol", "bow", "arrow", "quiver", "shield", "lamp",
    "lantern", "torch", "staff", "axe", "hammer", "spear", "knife", "stick", "bag", "backpack", "hat", "helmet", "glasses", "cap", "crown",
    "sleeve", "scarf", "hood", "butt", "buttock", "glute", "glutes", "belly", "genital", "rib", "ribs", "armor", "armour", "pad", "holster",
    "pouch", "horn", "horns", "antler", "halo", "feather", "camera", "cam", "string", "chain", "lapel", "pocket", "button", "knuckle",
    "claw", "claws", "whisker", "beard", "moustache", "mustache", "crotch", "antenna", "tassel",
    "指", "親指", "人指", "人差指", "中指", "薬指", "小指", "髪", "前髪", "後髪", "横髪", "目", "両目", "胸", "乳", "スカート", "袖", "尻",
    "尾", "しっぽ", "耳", "眉", "口", "舌", "歯", "リボン", "ネクタイ", "襟", "翼", "羽", "剣", "武器", "帽子", "メガネ",
}  # fmt: skip
_FINGERS = {"finger", "fingers", "thumb", "index", "middle", "mid", "ring", "pinky", "pinkie", "little", "carpal", "metacarpal", "knuckle",
            "指", "親指", "人指", "人差指", "中指", "薬指", "小指"}  # fmt: skip
# Parts of animals: on a limb they tell that it is an animal's.
ANIMAL_WORDS = {
    "paw", "hoof", "hooves", "talon", "fin", "flipper", "fetlock", "pastern", "hock", "stifle", "hind", "front", "rear", "foreleg",
    "forefoot", "forepaw", "hindleg", "hindfoot", "hindlimb", "forelimb", "cannon", "wing", "wings", "翼", "羽",
}  # fmt: skip
_NOISE = {
    "jnt", "joint", "joints", "bone", "bones", "bn", "def", "org", "fk", "skel", "skeleton", "sk", "bind", "rig", "char", "character",
    "bend", "stretch", "npc", "bip", "biped", "valve", "mixamorig", "human", "humanoid", "node", "sec", "jt", "main", "deform",
    "skin", "geo", "mstr", "bottom", "smplhf", "x", "m", "c", "j", "b", "s", "d", "p", "deg",
}  # fmt: skip
_SIDES = _LEFT | _RIGHT
_GENERIC = {"arm", "leg", "limb"}
_KNOWN = frozenset(_PARTS) | _HELPERS | _OTHERS | ANIMAL_WORDS | _NOISE | _SIDES | _UPPER | _LOWER | _GENERIC
_JAPANESE = sorted((word for word in _KNOWN if not word.isascii()), key=len, reverse=True)
# A lower-case name without gaps is cut into known words of at least this many letters.
_SHORTEST = 2
_CUTTABLE = {w for w in _KNOWN if w.isascii() and len(w) > _SHORTEST} | {"up", "lo", "ik"}
_TOKENS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+|[\u3040-\u30ff\u3400-\u9fffー]+")
# Latin letters as wide as Japanese ones.
_FULL_WIDTH = {0xFF21 + i: ord("A") + i for i in range(26)} | {0xFF41 + i: ord("a") + i for i in range(26)}
# Unknown words that so many bones have are the rig's own, as a prefix is.
_COMMON, _COMMON_SHARE = 6, 0.3
# What a name with unknown words is worth beside a clear one.
UNCLEAR = 0.7
ARM_ROLES, LEG_ROLES = ("clavicle", "upper_arm", "forearm", "hand"), ("thigh", "shin", "foot", "toe")


@dataclass(frozen=True)
class Reading:
    """What a name says. `parts`: role without its side -> 0..1, how clearly; empty for helpers, hair, clothes and the like (`apart`).

    `side`: "L", "R" or None. `limb`: "arm", "leg" or "". `layer`: below zero for bones of which a control rig has better ones.
    """

    parts: dict[str, float] = field(default_factory=dict)
    side: str | None = None
    limb: str = ""
    apart: bool = False
    animal: bool = False
    finger: bool = False
    layer: int = 0


def read_names(names: Sequence[str], carrying: Sequence[bool] = ()) -> list[Reading]:
    """What each name of a rig says, seen together. `carrying`: which bones others hang on: the end of a leg is then its foot, no mark."""
    words = [words_of(name) for name in names]
    for number, carries in enumerate(carrying):
        if carries and {"end", "leg"} <= set(words[number]):
            words[number] = tuple("ankle" if word == "end" else word for word in words[number])
    often = Counter(word for each in words for word in set(each) if word not in _SIDES)
    least = max(_COMMON, _COMMON_SHARE * len(names))
    common = {word for word, count in often.items() if count >= least and word not in _PARTS and word not in _GENERIC | _UPPER | _LOWER}
    return [_reading([word for word in each if word not in common]) for each in words]


def read_name(name: str) -> Reading:
    """What one name says by itself."""
    return _reading(words_of(name))


def side_of_name(name: str) -> str | None:
    """ "L", "R", or None where the name has no side or both."""
    return read_name(name).side


def name_supports(name: str, role: str) -> bool:
    """Whether the name has a word for the role."""
    return role.partition(".")[0] in read_name(name).parts


def _reading(words: Sequence[str]) -> Reading:
    known = {word for word in words if not word.isdigit()}
    left, right = bool(known & _LEFT), bool(known & _RIGHT)
    side = None if left == right else "L" if left else "R"
    animal = bool(known & ANIMAL_WORDS)
    parts, limb = _parts(known, side)
    others, helpers = known & _OTHERS, known & _HELPERS
    if "spine" in parts:  # "spine middle", "spine top"
        others, helpers = others - {"middle", "mid"}, helpers - {"top", "end"} if known & {"spine"} else helpers
    if "neck" in parts:  # a neck of twist bones is still the neck
        helpers = helpers - {"twist"}
    # what MikuMikuDance puts beside legs and shoulders
    copied = bool((known & {"d"} and limb == "leg") or (known & {"p", "c"} and known & {"肩", "shoulder"}))
    apart = bool(others or helpers or copied)
    if apart:
        return Reading({}, side, "", True, animal, bool(known & _FINGERS) and not helpers & {"ik"})
    strange = known - _KNOWN
    share = UNCLEAR if strange or animal else 1.0
    layer = 1 if "fk" in known else -1 if known & {"org", "def"} else 0
    return Reading({role: worth * share for role, worth in parts.items()}, side, limb, False, animal, layer=layer)


def _parts(known: set[str], side: str | None) -> tuple[dict[str, float], str]:
    upper, lower = bool(known & _UPPER), bool(known & _LOWER)
    for group in _ORDER:
        if found := [word for word in group if word in known]:
            parts = _PARTS[found[0]]
            break
    else:
        if "arm" in known:
            parts = {"upper_arm": 1.0} if upper else {"forearm": 1.0} if lower else {"upper_arm": 0.8}
        elif "leg" in known:
            parts = {"thigh": 1.0} if upper else {"shin": 1.0} if lower else {"shin": 0.8, "thigh": 0.7}
        elif known & {"body", "torso"} and lower:
            parts = {"hips": 0.6, "spine": 0.3}
        else:
            parts = next((_PARTS[word] for word in _PARTS if word in known), {})
    if side is not None and ("hip" in known or "hips" in known) and "hips" in parts:
        parts = {"thigh": 0.7}  # of one side: where the leg starts
    limb = "arm" if set(parts) & set(ARM_ROLES) or "arm" in known else "leg" if set(parts) & set(LEG_ROLES) or "leg" in known else ""
    middle = {role: worth for role, worth in parts.items() if role in ("root", "hips", "spine", "neck", "head")}
    if side is not None and middle:
        return {}, limb  # a hips bone of one side is none
    return parts, limb


def words_of(name: str) -> tuple[str, ...]:
    """The words of a name in small letters, sides and numbers too."""
    words: list[str] = []
    # a name space, and a file's number after a dot, say nothing
    for token in _TOKENS.findall(name.rpartition(":")[2].translate(_FULL_WIDTH)):
        word = token.lower()
        if not word.isascii():
            words += _cut_japanese(token)
        elif word in _KNOWN or word.isdigit():
            words.append(word)
        else:
            words += _cut(word) or (word,)
    return tuple(words)


@cache
def _cut(word: str) -> tuple[str, ...]:
    """Known words that the letters are made of, with one letter for a side before or after them; () where there are none."""
    for side, rest in (("", word), (word[0], word[1:]), (word[-1], word[:-1])):
        if (not side or side in "lr") and rest and (found := _whole(rest)):
            return (*found, side) if side else found
    return ()


def _whole(word: str) -> tuple[str, ...]:
    if word in _CUTTABLE:
        return (word,)
    for end in range(len(word) - _SHORTEST, _SHORTEST - 1, -1):
        if word[:end] in _CUTTABLE and (rest := _whole(word[end:])):
            return (word[:end], *rest)
    return (word[:-1],) if word[-1] == "s" and word[:-1] in _CUTTABLE else ()


def _cut_japanese(token: str) -> list[str]:
    words = []
    while token:
        word = next((word for word in _JAPANESE if token.startswith(word)), token[0])
        words.append(word)
        token = token[len(word) :]
    return words
