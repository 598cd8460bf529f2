"""A capture as one would write it down: one process, one thing after another, every library as it comes.

OpenCV reads a picture, MediaPipe's own model looks at it, then the next; afterwards lifting, refining by the network as PyTorch runs it,
and the motion. What the product does otherwise (threads, processes, the landmark network without its mask, the fused refiner) is
measured against this.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from contract.motion_file import Motion
    from contract.options import CaptureOptions
    from engine.detection.detector import Detections, Detector
    from engine.footage.video import Frame, Video
    from engine.poses import PoseModel


def plain_model(device: str) -> PoseModel:
    """Lifter and refiner, the refiner as the module that it was trained as."""
    from engine.poses import LIFTER_FILE, REFINER_FILE, WINDOW_FILE, PoseModel
    from engine.torch_networks import TorchNetworks

    model = PoseModel(device)
    networks = TorchNetworks(model.device, LIFTER_FILE, REFINER_FILE, WINDOW_FILE, lambda *_: None)
    networks.use(networks.plain)
    model.networks, model.notices = networks, []
    return model


def plain_frames(video: Video) -> Iterator[Frame]:
    """The frames one by one, decoded when they are asked for: no thread of its own, no queue."""
    import cv2

    from engine.footage.video import Frame

    capture = cv2.VideoCapture(str(video.info.path))
    try:
        index = 0
        while True:
            whole, image = capture.read()
            if not whole:
                return
            yield Frame(index, index / video.info.fps, cv2.cvtColor(image, cv2.COLOR_BGR2RGB))  # type: ignore[arg-type]
            index += 1
    finally:
        capture.release()


def plain_detections(video: Video, detector: Detector) -> Detections:
    """The person in every frame; `detector` with the whole model."""
    from engine.progress import Progress

    return detector.detect(plain_frames(video), video.info, Progress())


def plain_loop(video: Video, detector: Detector, model: PoseModel, options: CaptureOptions) -> Motion:
    """The whole capture."""
    from engine.finish import finish
    from engine.progress import Progress

    return finish(plain_detections(video, detector), video.info, lambda: model, options, None, Progress()).motion
