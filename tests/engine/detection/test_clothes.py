"""Colours of clothes."""

import numpy as np

from engine.detection.clothes import colours_of, unlike
from engine.detection.landmarks import LANDMARKS


def dressed(shirt: tuple[int, int, int], trousers: tuple[int, int, int], light: float = 1.0, x: int = 100) -> np.ndarray:
    image = np.full((300, 300, 3), 128, np.uint8)
    image[50:150, x - 40 : x + 40], image[150:280, x - 40 : x + 40] = shirt, trousers
    return (image * light).astype(np.uint8)


def row(x: float = 100.0) -> np.ndarray:
    marks = np.zeros((33, 6), np.float32)
    for joint, y in (("shoulder", 55), ("hip", 150), ("knee", 220)):
        for side, off in (("L", 25), ("R", -25)):
            marks[LANDMARKS.index(f"{joint}.{side}"), :2] = x + off, y
    return marks


def test_the_same_clothes_are_alike_elsewhere_and_in_less_light() -> None:
    red = colours_of(dressed((200, 30, 30), (30, 30, 160)), row())
    darker = colours_of(dressed((200, 30, 30), (30, 30, 160), 0.7, 200), row(200.0))
    other = colours_of(dressed((30, 160, 40), (30, 30, 160)), row())
    assert red is not None and darker is not None and other is not None
    assert red.dtype == np.uint8 and unlike(red, red) < 1e-6
    assert unlike(red, darker) < 0.1 and 0.4 < unlike(red, other) <= 1.0


def test_of_somebody_outside_of_the_picture_nothing_is_known() -> None:
    assert colours_of(dressed((200, 30, 30), (30, 30, 160)), row(-200.0)) is None
    assert colours_of(dressed((200, 30, 30), (30, 30, 160)), row(1e6)) is None
