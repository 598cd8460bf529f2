"""The same small person in every format, written by scipy's rotations, and read back where the joints are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from contract.failure import Failure
from contract.skeleton import BODY_22
from engine.datasets.asf_amc import read_amc, read_asf
from engine.datasets.bvh import read_bvh
from engine.datasets.mocap import load_mocap
from engine.datasets.motions import load_motions, upright
from tests.engine.datasets.test_motion_benchmark import write_motions

# name, parent, offset in metres (y up): a person as MotionBuilder names it; the last of a limb is the tip of an end site
BONES = (
    ("Hips", "", (0, 0.92, 0)), ("Spine", "Hips", (0, 0.12, 0)), ("Spine1", "Spine", (0, 0.15, 0)), ("Neck", "Spine1", (0, 0.25, 0)),
    ("Head", "Neck", (0, 0.1, 0.01)), ("Head.end", "Head", (0, 0.2, 0)),
    *((n.replace("S", side, 1), p.replace("S", side, 1) if p.startswith("S") and p not in ("Spine1",) else p, (sign * o[0], *o[1:]))
      for side, sign in (("Left", 1), ("Right", -1)) for n, p, o in (
        ("SShoulder", "Spine1", (0.03, 0.2, 0)), ("SArm", "SShoulder", (0.15, 0, 0)), ("SForeArm", "SArm", (0.28, 0, 0)),
        ("SHand", "SForeArm", (0.25, 0, 0)), ("SHand.end", "SHand", (0.09, 0, 0)), ("SUpLeg", "Hips", (0.09, 0, 0)),
        ("SLeg", "SUpLeg", (0, -0.43, 0)), ("SFoot", "SLeg", (0, -0.41, 0)), ("SToeBase", "SFoot", (0, -0.05, 0.12)),
        ("SToeBase.end", "SToeBase", (0, 0, 0.06)),
    )),
)  # fmt: skip
NAMES = [name for name, _, _ in BONES]
PARENTS = [NAMES.index(parent) if parent else -1 for _, parent, _ in BONES]
OFFSETS = np.array([offset for *_, offset in BONES], float)
FRAMES = 12


def angles(seed=0):
    """(T,N,3) degrees about z, x, y of every node, and the hips' path (T,3) metres."""
    rng = np.random.default_rng(seed)
    swing = np.sin(np.linspace(0, 2, FRAMES))[:, None, None] * rng.uniform(-40, 40, (1, len(BONES), 3))
    return swing, np.linspace([0, 0.92, 0], [0.5, 0.9, 0.2], FRAMES)


def posed(swing, path):
    """(T,N,3) metres, y up: each node's place by composing scipy's rotations."""
    places, turns = [], []
    for i, parent in enumerate(PARENTS):
        own = Rotation.from_euler("ZXY", swing[:, i], degrees=True)
        if parent < 0:
            places.append(path)
            turns.append(own)
        else:
            places.append(places[parent] + turns[parent].apply(np.tile(OFFSETS[i], (FRAMES, 1))))
            turns.append(turns[parent] * own)
    return np.stack(places, 1)


def write_bvh(path: Path, scale=100.0, fps=30.0, seed=0):
    swing, way = angles(seed)
    lines, order = ["HIERARCHY"], []

    def joint(i, depth):
        pad = "  " * depth
        offset = "OFFSET " + " ".join(f"{v * scale:.6f}" for v in OFFSETS[i])
        if NAMES[i].endswith(".end"):
            lines.extend([f"{pad}End Site", f"{pad}{{", f"{pad}  {offset}", f"{pad}}}"])
            return
        root = PARENTS[i] < 0
        channels = "6 Xposition Yposition Zposition Zrotation Xrotation Yrotation" if root else "3 Zrotation Xrotation Yrotation"
        lines.extend([f"{pad}{'ROOT' if root else 'JOINT'} {NAMES[i]}", f"{pad}{{", f"{pad}  {offset}", f"{pad}  CHANNELS {channels}"])
        order.append(i)
        for k in [k for k, p in enumerate(PARENTS) if p == i]:
            joint(k, depth + 1)
        lines.append(f"{pad}}}")

    joint(0, 0)
    lines += ["MOTION", f"Frames: {FRAMES}", f"Frame Time: {1 / fps:.7f}"]
    for t in range(FRAMES):
        lines.append(" ".join(f"{v:.6f}" for v in [*(way[t] * scale), *swing[t][order].reshape(-1)]))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("\n".join(lines) + "\n")
    return posed(swing, way)


def expected(places, side="L"):
    long = {"L": "Left", "R": "Right"}[side]
    names = {"hip": "UpLeg", "knee": "Leg", "ankle": "Foot", "toe": "ToeBase.end", "shoulder": "Arm", "elbow": "ForeArm", "wrist": "Hand",
             "hand": "Hand.end"}  # fmt: skip
    return {f"{joint}.{side}": places[:, NAMES.index(long + name)] for joint, name in names.items()}


def check(positions, places, tolerance=1e-4):
    """The clip is the person, turned upright and moved so that the ground and the first pelvis are at zero."""
    want = expected(places, "L") | expected(places, "R")
    want |= {"neck": places[:, NAMES.index("Neck")], "head": places[:, NAMES.index("Head")], "head_top": places[:, NAMES.index("Head.end")]}
    pelvis = (want["hip.L"] + want["hip.R"]) / 2
    for name, place in want.items():
        local = place - pelvis
        turned = np.stack([local[:, 0], -local[:, 2], local[:, 1]], -1)
        got = positions[:, BODY_22.index(name)] - positions[:, 0]
        np.testing.assert_allclose(got, turned, atol=tolerance, err_msg=name)
    assert np.abs(positions[0, 0, :2]).max() < 1e-6


@pytest.mark.parametrize("scale", [1.0, 100.0, 1000.0, 1 / 0.0254])
def test_bvh_in_any_unit(tmp_path, scale):
    places = write_bvh(tmp_path / "walk.bvh", scale)
    bvh = read_bvh(tmp_path / "walk.bvh")
    assert set(bvh.nodes.names) == set(NAMES)
    order = [bvh.nodes.names.index(name) for name in NAMES]
    np.testing.assert_allclose(bvh.nodes.positions[:, order] / scale, places, atol=1e-4)
    (clip,) = load_motions(tmp_path)
    check(clip.positions, places)
    assert clip.fps == pytest.approx(30.0, rel=1e-4) and clip.name == "walk"


def test_spine_and_chest_lie_on_the_chain(tmp_path):
    write_bvh(tmp_path / "still.bvh", seed=0)
    (clip,) = load_motions(tmp_path)
    pelvis, spine, chest, neck = (clip.positions[0, BODY_22.index(j)] for j in ("pelvis", "spine", "chest", "neck"))
    # frame 0 is the rest pose: a straight chain of 0.12 + 0.15 + 0.25
    np.testing.assert_allclose(spine - pelvis, [0, 0, 0.26], atol=1e-3)
    np.testing.assert_allclose(chest - pelvis, [0, 0, 0.39], atol=1e-3)
    np.testing.assert_allclose(neck - pelvis, [0, 0, 0.52], atol=1e-3)


def test_fast_files_are_thinned_and_people_told_apart(tmp_path):
    write_bvh(tmp_path / "07_01.bvh", fps=120.0)
    write_bvh(tmp_path / "anna" / "run.bvh")
    clips = load_motions(tmp_path)
    assert [(c.name, c.subject, len(c.positions)) for c in clips] == [("07_01", "07", 3), ("anna/run", "anna", FRAMES)]
    assert clips[0].fps == pytest.approx(30.0, rel=1e-4)


def test_up_is_where_the_head_is():
    body = np.zeros((4, 22, 3))
    body[:, BODY_22.index("head"), 1] = 1.6
    assert (upright(body)[:, BODY_22.index("head"), 2] == 1.6).all()
    assert (upright(upright(body)) == upright(body)).all()


def test_kinolifts_own_files_are_read_as_before(tmp_path):
    write_motions(tmp_path / "set.npz")
    write_bvh(tmp_path / "raw" / "walk.bvh")
    assert [c.name for c in load_motions(tmp_path)] == [c.name for c in load_mocap(tmp_path)]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda t: t[: len(t) // 3], "cut off"), (lambda t: t[:-40], "numbers for 12 frames"), (lambda t: "", "cut off"),
        (lambda t: t.replace("Frames: 12", "Frames: 13"), "for 13 frames"),
        (lambda t: t.replace("LeftUpLeg", "Wing"), "no joint for hip.L"),
        (lambda t: t.replace("LeftUpLeg", "Wing").replace("Spine1", "Sp\0ne"), r"its joints are Hips, Spine, Sp\\x00ne, "),
        (lambda t: t.replace("Yrotation", "Yspin", 1), "unknown channel 'Yspin'"), (lambda t: t.replace("MOTION", "NOTION"), "NOTION"),
        (lambda t: t.replace("Frame Time: 0.0333333", "Frame Time: 0"), "make no sense"),
    ],
)  # fmt: skip
def test_broken_bvh(tmp_path, change, said):
    write_bvh(tmp_path / "walk.bvh")
    (tmp_path / "walk.bvh").write_text(change((tmp_path / "walk.bvh").read_text()))
    with pytest.raises(Failure, match=said):
        load_motions(tmp_path)


def test_a_giant_is_refused_and_an_empty_folder_too(tmp_path):
    with pytest.raises(Failure, match="no motion capture"):
        load_motions(tmp_path)
    write_bvh(tmp_path / "walk.bvh", scale=7.0)
    with pytest.raises(Failure, match="in no unit that is known"):
        load_motions(tmp_path)


ASF = """:version 1.10
:name ASF
:units
  mass 1.0
  length {length}
  angle deg
:root
  order TX TY TZ RX RY RZ
  axis XYZ
  position 0 0 0
  orientation 0 0 0
:bonedata
{bones}:hierarchy
  begin
{tree}  end
"""


def write_asf_amc(folder: Path, fps=120):
    """A bone a child, named after the joint where it begins; its own axes are turned. Returns places (T, bones, 3) metres and ends."""
    rng = np.random.default_rng(3)
    tree = {
        "root": ["lhipjoint", "rhipjoint", "lowerback"], "lhipjoint": ["lfemur"], "rhipjoint": ["rfemur"], "lowerback": ["upperneck"],
        "upperneck": ["head"], **{f"{s}{a}": [f"{s}{b}"] for s in "lr" for a, b in
        (("femur", "tibia"), ("tibia", "foot"), ("foot", "toes"), ("clavicle", "humerus"), ("humerus", "radius"), ("radius", "hand"))},
    }  # fmt: skip
    tree["lowerback"] += ["lclavicle", "rclavicle"]
    vectors = {
        "hipjoint": (0.09, -0.03, 0), "femur": (0, -0.43, 0), "tibia": (0, -0.41, 0), "foot": (0, -0.05, 0.12), "toes": (0, 0, 0.06),
        "lowerback": (0, 0.45, 0), "upperneck": (0, 0.1, 0), "head": (0, 0.2, 0), "clavicle": (0.17, 0.02, 0), "humerus": (0.28, 0, 0),
        "radius": (0.25, 0, 0), "hand": (0.09, 0, 0),
    }  # fmt: skip
    names = [child for children in tree.values() for child in children]
    unit = 0.0254 / 0.45
    bones, motion, axes, dofs = "", {}, {}, {}
    for i, name in enumerate(names):
        plain = name[1:] if name[0] in "lr" and name[1:] in vectors else name
        vector = np.array(vectors[plain]) * ((-1, 1, 1) if name[0] == "r" and plain != name else (1, 1, 1)) / unit
        length = np.linalg.norm(vector)
        axes[name], dofs[name] = rng.uniform(-60, 60, 3), "rx ry rz" if i % 3 else "rx rz"
        direction = vector / length
        bones += f"  begin\n    id {i + 1}\n    name {name}\n    direction {direction[0]:.8f} {direction[1]:.8f} {direction[2]:.8f}\n"
        bones += (
            f"    length {length:.8f}\n    axis {axes[name][0]:.6f} {axes[name][1]:.6f} {axes[name][2]:.6f} XYZ\n    dof {dofs[name]}\n"
        )
        bones += "    limits (-180.0 180.0)\n  end\n"
        swing = np.sin(np.linspace(0.3, 1.0, FRAMES))[:, None] * rng.uniform(-30, 30, 3)
        motion[name] = np.round(swing, 4) * np.array([1, "ry" in dofs[name], 1])
        vectors[name] = tuple(vector)
    lines = "".join(f"    {parent} {' '.join(children)}\n" for parent, children in tree.items())
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "07.asf").write_text(ASF.format(length=0.45, bones=bones, tree=lines))
    way, turn = np.linspace([0, 16, 0], [4, 16, 3], FRAMES), np.linspace([5, 10, -5], [20, -20, 10], FRAMES)
    text = [":FULLY-SPECIFIED", ":DEGREES", *([f":SAMPLES-PER-SECOND {fps}"] if fps != 120 else [])]
    for t in range(FRAMES):
        text.append(str(t + 1))
        text.append("root " + " ".join(f"{v:.6f}" for v in [*way[t], *turn[t]]))
        for name in names:
            values = [motion[name][t][{"x": 0, "y": 1, "z": 2}[d[1]]] for d in dofs[name].split()]
            text.append(f"{name} " + " ".join(f"{v:.6f}" for v in values))
    (folder / "07_01.amc").write_text("\n".join(text) + "\n")
    # once more, by scipy: extrinsic xyz is Rz Ry Rx
    parent_of = {child: parent for parent, children in tree.items() for child in children}
    start, end, total = {"root": way}, {"root": way}, {"root": Rotation.from_euler("xyz", turn, degrees=True)}
    for name in sorted(names, key=lambda n: _depth(n, parent_of)):
        parent = parent_of[name]
        own = Rotation.from_euler("xyz", axes[name], degrees=True)
        total[name] = total[parent] * own * Rotation.from_euler("xyz", motion[name], degrees=True) * own.inv()
        start[name] = end[parent]
        end[name] = start[name] + total[name].apply(np.tile(np.array(vectors[name]), (FRAMES, 1)))
    return {n: v * unit for n, v in start.items()}, {n: v * unit for n, v in end.items()}


def _depth(name, parent_of):
    return 0 if name == "root" else 1 + _depth(parent_of[name], parent_of)


def test_asf_and_amc(tmp_path):
    start, end = write_asf_amc(tmp_path)
    nodes, fps = read_amc(tmp_path / "07_01.amc", read_asf(tmp_path / "07.asf"))
    assert fps == 120.0
    for name, place in start.items():
        np.testing.assert_allclose(nodes.positions[:, nodes.names.index(name)], place, atol=1e-5, err_msg=name)
    np.testing.assert_allclose(nodes.positions[:, nodes.names.index("ltoes.end")], end["ltoes"], atol=1e-5)
    (clip,) = load_motions(tmp_path)
    assert clip.subject == "07" and clip.name == "07_01" and clip.fps == 30.0 and len(clip.positions) == 3
    knee = clip.positions[:, BODY_22.index("knee.R")] - clip.positions[:, BODY_22.index("hip.R")]
    want = (start["rtibia"] - start["rfemur"])[::4]
    np.testing.assert_allclose(knee, np.stack([want[:, 0], -want[:, 2], want[:, 1]], -1), atol=1e-4)


def test_what_is_wrong_with_asf_and_amc_is_said(tmp_path):
    write_asf_amc(tmp_path, fps=60)
    assert load_motions(tmp_path)[0].fps == 30.0
    motion = (tmp_path / "07_01.amc").read_text()
    skeleton = (tmp_path / "07.asf").read_text()
    for change, said in (
        (motion.replace("lfemur", "lwing"), "lwing that the skeleton does not move"),
        (motion[: motion.index("rhand", len(motion) // 2)], "not all of them"),
        ("", "cut off"),
    ):  # fmt: skip
        (tmp_path / "07_01.amc").write_text(change)
        with pytest.raises(Failure, match=said):
            load_motions(tmp_path)
    (tmp_path / "07_01.amc").write_text(motion)
    cut, renamed = skeleton[: len(skeleton) // 2], skeleton.replace("name lfemur", "name thigh")
    for change, said in ((cut, "not an ASF skeleton"), (renamed, "does not describe")):
        (tmp_path / "07.asf").write_text(change)
        with pytest.raises(Failure, match=said):
            load_motions(tmp_path)
    (tmp_path / "07.asf").unlink()
    with pytest.raises(Failure, match="no skeleton"):
        load_motions(tmp_path)


def test_the_raw_samples_are_the_clips_that_were_made_of_them(shared):
    """Another converter's joints of the same takes, in millimetres: within two, but for what hangs on the CMU take's thorax.

    Its takes were straightened afterwards: bodies raised over their feet by up to 25 mm, knees solved anew, heads turned up.
    """
    folder = shared / "data" / "mocap"
    known = {(c.source, c.name): c.positions for c in load_mocap(folder)}
    raw = {c.name: c.positions for c in load_motions(folder / "raw")}
    for name, source, shift, tolerance in (
        ("cmu_utilities_49_02", ("cmu_utilities", "49_02"), 0, 0.010), ("snu_tiling_1_chair", ("snu_tiling", "1/chair"), 0, 0.0035),
        ("snu_vsports_basketball_s_003_6_1", ("snu_vsports_basketball", "s_003_6_1"), 28, 0.005),
    ):  # fmt: skip
        theirs, ours = known[source], raw[name][shift:]
        count = min(len(theirs), len(ours))
        local = [p[:count] - p[:count, :1] for p in (theirs, ours)]
        error = np.linalg.norm(local[0] - local[1], axis=-1).max(axis=0)
        at = dict(zip(BODY_22.joints, error, strict=True))
        kept = [at[joint] for joint in at if joint.split(".")[0] not in ("knee", "ankle", "toe", "head", "head_top")]
        assert count > 300 and max(kept) < tolerance and max(at["hip.L"], at["hip.R"]) < 0.002, (name, at)
        assert max(at[f"{joint}.{side}"] for joint in ("ankle", "toe") for side in "LR") < 0.028, (name, at)
