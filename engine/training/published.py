"""What others have published on the two benchmarks, each with where it was read."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Published:
    """A method's figures; the keys are the columns of our tables. `keypoints`: "cpn" or "gt". `frames`: how many it looks at."""

    method: str
    data: str
    keypoints: str
    frames: int
    figures: dict[str, float]
    source: str


def _h36m(method: str, keypoints: str, frames: int, p1: float, p2: float | None, source: str) -> Published:
    return Published(method, "h36m", keypoints, frames, {"P1 mm": p1} | ({} if p2 is None else {"P2 mm": p2}), source)


def _3dhp(method: str, frames: int, pck: float, auc: float, mpjpe: float, source: str) -> Published:
    return Published(method, "mpi_inf_3dhp", "gt", frames, {"PCK %": pck, "AUC %": auc, "MPJPE mm": mpjpe}, source)


# Numbers of single frames come first: a method that sees one frame is to be compared with those.
PUBLISHED = (
    _h36m("Jiang & Chen 2024 (this paper)", "cpn", 1, 49.40, 39.05, "README of jjkislele/monoMotionDiff"),
    _h36m("SimpleBaseline 2017", "cpn", 1, 62.9, None, "table 1 in GONGJIA0208/Diffpose"),
    _h36m("GraphSH 2021", "cpn", 1, 51.9, None, "table 1 in GONGJIA0208/Diffpose"),
    _h36m("GraFormer 2022", "cpn", 1, 51.8, None, "table 1 in GONGJIA0208/Diffpose"),
    _h36m("DiffPose 2023", "cpn", 1, 49.7, None, "table 1 in GONGJIA0208/Diffpose"),
    _h36m("HTNet 2023", "cpn", 1, 48.9, 39.0, "README of HTNet"),
    _h36m("DC-GCT 2023", "cpn", 1, 48.4, 38.2, "README of DC-GCT"),
    _h36m("DRPose 2024", "cpn", 1, 47.94, 38.11, "test log in DRPose's repository"),
    _h36m("PoseGRAF 2025", "cpn", 1, 48.1, 38.3, "README of PoseGRAF"),
    _h36m("VideoPose3D 2019", "cpn", 243, 46.8, 36.5, "README of facebookresearch/VideoPose3D"),
    _h36m("MixSTE 2022", "cpn", 243, 40.9, None, "table 1 in GONGJIA0208/Diffpose"),
    _h36m("SimpleBaseline 2017", "gt", 1, 45.5, None, "table 1 in GONGJIA0208/Diffpose"),
    _h36m("GraphSH 2021", "gt", 1, 35.8, None, "table 1 in GONGJIA0208/Diffpose"),
    _h36m("GraFormer 2022", "gt", 1, 35.2, None, "table 1 in GONGJIA0208/Diffpose"),
    _h36m("HTNet 2023", "gt", 1, 34.0, None, "README of HTNet"),
    _h36m("DC-GCT 2023", "gt", 1, 32.4, None, "README of DC-GCT"),
    _h36m("DiffPose 2023", "gt", 1, 31.6, None, "table 1 in GONGJIA0208/Diffpose"),
    _h36m("DRPose 2024", "gt", 1, 30.47, None, "test log in DRPose's repository"),
    _h36m("VideoPose3D 2019", "gt", 243, 37.2, None, "README of facebookresearch/VideoPose3D"),
    _h36m("MixSTE 2022", "gt", 243, 21.6, None, "table 1 in GONGJIA0208/Diffpose"),
    _3dhp("PoseFormer 2021", 9, 88.6, 56.4, 77.1, "README of Diff3DHPE"),
    _3dhp("MixSTE 2022", 27, 94.4, 66.5, 54.9, "README of Diff3DHPE"),
    _3dhp("P-STMO-S 2022", 81, 97.9, 75.8, 32.2, "README and spreadsheet of paTRICK-swk/P-STMO"),
    _3dhp("D3DP 2023 (J-Agg, annot3, mean of the sequences)", 243, 97.72, 78.11, 29.77, "CSV files in paTRICK-swk/D3DP"),
    _3dhp("Diff3DHPE 2023", 27, 99.1, 84.8, 19.6, "README of Diff3DHPE; its issue 3 finds 33 with the released weights"),
)


def peers(data: str, keypoints: str) -> list[Published]:
    """Those measured on the same data with the same kind of 2D; a mixture's 2D is that of its file."""
    kind = keypoints.removesuffix("_gmm")
    return [row for row in PUBLISHED if row.data == data and row.keypoints == kind]
