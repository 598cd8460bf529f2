"""The networks of a capture, loaded beside the detection."""

from __future__ import annotations

from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

from engine import startup
from engine.long_takes import give_back
from engine.recall import Recall

if TYPE_CHECKING:
    from engine.poses import PoseModel


def _load_model(device: str) -> PoseModel:
    """Beside the detection: scipy and the networks take a second to load, and the detector does without them."""
    with startup.importing():
        import engine.kinematics.assemble  # noqa: F401 - for later
        from engine.poses import PoseModel

        return PoseModel(device)


class Loading:
    """The networks, loaded beside the detection as soon as its first frame is there: before, both would take turns at importing, and the
    window would wait for its first frame half as long again."""

    def __init__(self, loader: ThreadPoolExecutor, device: str, recall: Recall | None = None) -> None:
        self._loader, self._device, self._recall = loader, device, recall or Recall()
        self._future: Future[PoseModel] | None = None
        self._frames = 0
        self._loaded = False

    def while_detecting(self) -> None:
        """To be called before every frame. Raises the failure of the loading as soon as there is one, not after an hour of detection."""
        self._frames += 1
        if self._frames > 1 and not self._loaded and self._begun.done():
            self._begun.result()
            self._loaded = True
            give_back()  # what the imports needed for a moment

    def result(self) -> PoseModel:
        """Waits for it."""
        return self._begun.result()

    @property
    def _begun(self) -> Future[PoseModel]:
        if self._future is None:
            self._future = self._loader.submit(self._recall.held, "networks", self._device, lambda: _load_model(self._device))
        return self._future
