"""What a bone can be to a motion: the roles, and the mapping of a rig's bones to them. No bpy here."""

from __future__ import annotations

from dataclasses import dataclass, field

# Roles that hold one bone each, with the joint of ARMATURE_24 at which the bone starts and the one that it points at.
LIMB_ROLES: dict[str, tuple[str, str]] = {
    f"{role}.{side}": (f"{start}.{side}", f"{end}.{side}")
    for side in "LR"
    for role, start, end in (
        ("clavicle", "clavicle", "shoulder"),
        ("upper_arm", "shoulder", "elbow"),
        ("forearm", "elbow", "wrist"),
        ("hand", "wrist", "hand"),
        ("thigh", "hip", "knee"),
        ("shin", "knee", "ankle"),
        ("foot", "ankle", "toe"),
    )
}
# The toes' own bone turns with the foot; it is mapped so that contacts can be held at its end.
TOE_ROLES = ("toe.L", "toe.R")
# Roles that hold a chain of one bone or more, from the hips upwards. `spine` is everything between the hips and the neck.
CHAIN_ROLES = ("spine", "neck")
ROLES = ("root", "hips", *CHAIN_ROLES, "head", *LIMB_ROLES, *TOE_ROLES)
# Without these a rig cannot carry a person's motion. Clavicles, neck, toes, hands, a root and even a spine may be missing.
REQUIRED_ROLES = ("hips", *(f"{role}.{side}" for role in ("upper_arm", "forearm", "thigh", "shin", "foot") for side in "LR"))
# A required role whose bone is less sure than this stops the command: a person has to look.
SURE_ENOUGH = 0.6
_SIDES = {"L": "Left", "R": "Right"}
# `Mapping.preset` where no preset named the bones: a VRM file did, their names did, or their places.
VRM, NAMES, STRUCTURE = "vrm", "names", "structure"


@dataclass(frozen=True)
class Switch:
    """What a rig has to be set to for FK or IK: `property` of `bone`, a custom one or one of Blender's own, and its values; None: left."""

    bone: str
    property: str
    fk: float | None = None
    ik: float | None = None


@dataclass(frozen=True)
class Mapping:
    """Which bones of a rig have which role.

    `bones`: role -> bone names, from the body outwards; one name for single roles. `sureness`: role -> 0..1, 1 where a preset named the
    bone. `preset`: the preset's identifier, or "names" or "structure" where the bones were found by name or by shape and name. `found`:
    role -> "name" or "shape" where neither a preset nor a file said it. `ik`: for rigs with IK controls,
    `foot.L` and the like -> the control bone. `ik_rest`: controls that would spoil what the IK controls do unless they are at rest.
    `switches`: what says whether FK or IK bones move the limbs.
    """

    bones: dict[str, tuple[str, ...]]
    preset: str
    sureness: dict[str, float] = field(default_factory=dict)
    ik: dict[str, str] = field(default_factory=dict)
    ik_rest: tuple[str, ...] = ()
    switches: tuple[Switch, ...] = ()
    found: dict[str, str] = field(default_factory=dict)

    def bone(self, role: str) -> str | None:
        """The first bone of the role, None where the rig has none."""
        names = self.bones.get(role, ())
        return names[0] if names else None

    def missing(self) -> tuple[str, ...]:
        """Required roles that no bone has."""
        return tuple(role for role in REQUIRED_ROLES if not self.bones.get(role))


def role_title(role: str) -> str:
    """upper_arm.L -> Left Upper Arm."""
    if role == "root":
        return "Root Bone"  # Root alone is what happens to the path
    part, _, side = role.partition(".")
    return " ".join(filter(None, (_SIDES.get(side, ""), part.replace("_", " ").title())))
