"""The data sets that `train` and `evaluate` know by name."""

from __future__ import annotations

from contract.failure import Failure
from engine.datasets.benchmark import Loader, PoseClips, Source, Split
from engine.datasets.field_joints import with_joints_of
from engine.datasets.human36m import load_human36m
from engine.datasets.motion_benchmark import load_motion_benchmark
from engine.datasets.mpi_inf_3dhp import load_3dhp
from engine.datasets.rendered import load_rendered

LOADERS: dict[str, Loader] = {
    "h36m": load_human36m,
    "mpi_inf_3dhp": load_3dhp,
    "mocap": load_motion_benchmark,
    "detections": load_rendered,
}


def load_poses(source: Source, split: Split) -> PoseClips:
    """One split of a data set. Raises Failure where the name is unknown, and whatever the data set's loader raises."""
    if source.data not in LOADERS:
        raise Failure("bad_arguments", f"There is no data set {source.data}; there are {', '.join(sorted(LOADERS))}.")
    return with_joints_of(LOADERS[source.data](source, split), source.skeleton)
