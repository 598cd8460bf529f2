"""The field's tables: Human3.6M's two protocols by action, MPI-INF-3DHP's PCK, AUC and MPJPE by sequence, and errors by subject."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from contract.failure import Failure
from contract.skeleton import H36M_17
from engine.datasets.benchmark import PoseClip, PoseClips
from engine.training.metrics import mpjpe, pa_mpjpe

Array = npt.NDArray[np.floating]

ACTIONS = (
    "Directions", "Discussion", "Eating", "Greeting", "Phoning", "Photo", "Posing", "Purchases", "Sitting", "SittingDown", "Smoking",
    "Waiting", "WalkDog", "Walking", "WalkTogether",
)  # fmt: skip
PCK_MILLIMETRES = 150.0
AUC_MILLIMETRES = np.arange(0.0, 151.0, 5.0)  # 31 thresholds; at 0 nothing is nearer, so the area is at most 30/31
# MPI-INF-3DHP's PCK leaves out the pelvis, the spine and the middle of the head (Human3.6M's nose).
PCK_JOINTS = tuple(i for i, name in enumerate(H36M_17.joints) if name not in ("pelvis", "spine", "nose"))


@dataclass(frozen=True)
class Row:
    """One line of a table: what it is about, how many frames, and its figures by column."""

    name: str
    frames: int
    figures: dict[str, float]


@dataclass(frozen=True)
class Table:
    """Rows and their averages. `used` names the average that the field compares by; `notes` say what to know of the figures."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]
    averages: tuple[Row, ...]
    used: str
    notes: tuple[str, ...] = ()

    @property
    def result(self) -> Row:
        """The average that is used."""
        return next(row for row in self.averages if row.name == self.used)


def plain_mean(name: str, rows: Sequence[Row]) -> Row:
    """Every row counts alike."""
    columns = rows[0].figures
    return Row(name, sum(r.frames for r in rows), {c: float(np.mean([r.figures[c] for r in rows])) for c in columns})


def frame_mean(name: str, rows: Sequence[Row]) -> Row:
    """Every frame counts alike."""
    weights = [r.frames for r in rows]
    return Row(name, sum(weights), {c: float(np.average([r.figures[c] for r in rows], weights=weights)) for c in rows[0].figures})


def rooted(poses: Array) -> npt.NDArray[np.float64]:
    """(..,J,3) with joint 0 at the origin, in double precision."""
    values = np.asarray(poses, dtype=np.float64)
    return values - values[..., :1, :]


def human36m_table(clips: PoseClips, poses: Sequence[Array]) -> Table:
    """Protocol 1 (MPJPE about the root) and 2 (after Procrustes of every single pose), mm, by action.

    An action is the first word of a take's name, over all its subjects, takes and cameras; the average is that of the actions, unweighted.
    All 17 joints count, the root too, whose error is 0. poses: one (T,17,3) a clip, metres.
    """
    names = sorted({clip.action.split(" ")[0] for clip in clips.clips}, key=lambda name: ACTIONS.index(name) if name in ACTIONS else 99)
    rows = []
    for name in names:
        pairs = [(c, p) for c, p in zip(clips.clips, poses, strict=True) if c.action.split(" ")[0] == name]
        rows.append(_errors(name, pairs))
    notes = []
    missing = [name for name in ACTIONS if name not in names]
    if missing:
        notes.append(f"not comparable: {len(missing)} of the 15 actions are missing ({', '.join(missing)})")
    return Table(
        "Human3.6M", ("P1 mm", "P2 mm"), tuple(rows), (plain_mean("mean of the actions", rows), frame_mean("mean of the frames", rows)),
        "mean of the actions", tuple(notes),
    )  # fmt: skip


def subject_table(clips: PoseClips, poses: Sequence[Array]) -> Table:
    """MPJPE about the root and PA-MPJPE, mm, all joints, by subject; the average is that of the frames."""
    rows = []
    for name in sorted({clip.subject for clip in clips.clips}):
        rows.append(_errors(name, [(c, p) for c, p in zip(clips.clips, poses, strict=True) if c.subject == name]))
    averages = (frame_mean("mean of the frames", rows), plain_mean("mean of the subjects", rows))
    return Table(f"{clips.data} ({clips.skeleton.name})", ("P1 mm", "P2 mm"), tuple(rows), averages, "mean of the frames")


def _errors(name: str, pairs: Sequence[tuple[PoseClip, Array]]) -> Row:
    first, second = [], []
    for clip, predicted in pairs:
        a, b = rooted(predicted)[clip.valid], rooted(clip.poses)[clip.valid]
        first.append(mpjpe(a, b))
        second.append(pa_mpjpe(a, b))
    p1, p2 = np.concatenate(first), np.concatenate(second)
    return Row(name, len(p1), {"P1 mm": float(p1.mean()), "P2 mm": float(p2.mean())})


def joint_errors(predicted: Array, truth: Array) -> npt.NDArray[np.float64]:
    """(T,J) millimetres between poses in metres, each about its own root."""
    return np.linalg.norm(rooted(predicted) - rooted(truth), axis=-1) * 1000.0


def pck(errors: Array) -> float:
    """Per cent of the 14 joints of (T,17) errors that lie strictly nearer than 150 mm."""
    return float((errors[:, PCK_JOINTS] < PCK_MILLIMETRES).mean() * 100.0)


def auc(errors: Array) -> float:
    """Per cent: the mean of the PCK curve over the thresholds 0, 5, .. 150 mm, strict as well."""
    return float((errors[:, PCK_JOINTS, None] < AUC_MILLIMETRES).mean() * 100.0)


def mpi_inf_3dhp_table(clips: PoseClips, poses: Sequence[Array]) -> Table:
    """PCK@150, AUC and MPJPE (all 17 joints) of the valid frames, by test sequence.

    The field averages the six sequences in two ways: over the frames (P-STMO and those after it) and the sequences alike (D3DP). Both are
    given; the one used is that over the frames.
    """
    rows = []
    for clip, predicted in zip(clips.clips, poses, strict=True):
        errors = joint_errors(predicted, clip.poses)[clip.valid]
        rows.append(Row(clip.subject, len(errors), {"PCK %": pck(errors), "AUC %": auc(errors), "MPJPE mm": float(errors.mean())}))
    averages = (frame_mean("mean of the frames", rows), plain_mean("mean of the sequences", rows))
    notes = ("P-STMO's own weights count TS6 with 452 frames, of which the annotations call 392 valid",)
    return Table("MPI-INF-3DHP", ("PCK %", "AUC %", "MPJPE mm"), tuple(rows), averages, "mean of the frames", notes)


TABLES = {"h36m": human36m_table, "mpi_inf_3dhp": mpi_inf_3dhp_table}


def table_of(clips: PoseClips, poses: Sequence[Array]) -> Table:
    """The table of the clips' data set. Raises Failure `bad_input` for poses that do not fit or are not finite."""
    if len(poses) != len(clips.clips) or not clips.clips:
        raise Failure("bad_input", f"There are poses for {len(poses)} clips and {len(clips.clips)} clips to judge.")
    for clip, predicted in zip(clips.clips, poses, strict=True):
        if predicted.shape != clip.poses.shape:
            raise Failure("bad_input", f"{clip.name}: the poses are an array of {predicted.shape} instead of {clip.poses.shape}.")
        if not np.isfinite(predicted[clip.valid]).all():
            raise Failure("bad_input", f"{clip.name}: the poses hold NaN or infinity.")
    return TABLES.get(clips.data, subject_table)(clips, poses)
