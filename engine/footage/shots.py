"""Where a video is cut: frames in their order, those that begin another shot marked, while they are decoded anyway.

Two pictures are compared by blocks of a small copy: of each block, how well it is found again near its place in the other. That does not
mind a pan, a person who walks through, or a light that is switched on; what fast pans and people who fill the picture leave unlike lasts
for several frames, a cut for one step. A flash is no cut, for the picture before it comes back; black and white frames are passed over,
so that a fade to black is one cut. In a dissolve no step differs from its neighbours, but every picture is a mixture of the one before and
the one behind it, which nothing that moves is: there the other shot begins where the mixture ends.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

import cv2
import numpy as np
import numpy.typing as npt

from engine.footage.video import Frame

Small = npt.NDArray[np.uint8]

_SIDE: Final = 48  # pixels of the small copy's longer side
_BLOCK: Final = 8  # ... and of its blocks
_SEARCH: Final = 4  # ... by which a block may move from frame to frame, a twelfth of the picture's width
_PLAIN: Final = 4.0  # grey values by which a block without texture varies at most
_BLANK: Final = 5.0  # ... and a whole picture that shows nothing
_TONE: Final = 0.6  # of the variation within the picture, by which a plain block may change its colour and be the same
_ALIKE: Final = 2.5  # mean grey values by which the picture differs at most where nobody needs to look closer
_UNLIKE: Final = 0.22  # of the picture that is not found again behind a cut, at least: within shots of the clips here it is 0.12 at most
_LASTS: Final = 0.65  # of a cut's unlikeness that a step beside it may have
_NEAR: Final = 3  # frames to either side that are looked at: a flash is shorter
_WAIT: Final = 8  # frames that are held back at most
_MIXED: Final = 36  # frames that a dissolve takes at most, and those beside it
_MIXTURES: Final = 4  # pictures that are mixtures, at least
_OFF: Final = 0.3  # of what differs from the one shot to the other, by which a mixture may be off: people move meanwhile


@dataclass
class _Held:
    """A frame that waits for those behind it; `small` None where there is nothing to compare."""

    frame: Frame
    small: Small | None
    settled: bool = field(default=False)


def marked(frames: Iterable[Frame]) -> Iterator[Frame]:
    """The frames in their order, with `begins` set where another shot begins; the first one's is not. A few are held back meanwhile."""
    before: deque[Small] = deque(maxlen=_NEAR)  # pictures of the frames that were given, nothing of blank ones
    lately: deque[Small] = deque(maxlen=_MIXED)  # the last pictures, held back or not, of this shot
    held: deque[_Held] = deque()
    for frame in frames:
        held.append(_Held(frame, None if frame.skipped else _small(frame.image)))
        if (small := held[-1].small) is not None:
            lately.append(small)
        while held and (_settled(held) or len(held) > _WAIT):
            given = _given(held, before, is_dissolve(lately))
            if given.begins:
                lately = deque((one.small for one in held if one.small is not None), _MIXED)
            yield given
    while held:
        yield _given(held, before)


def is_dissolve(pictures: Sequence[Small]) -> bool:
    """Whether the last of these pictures, one a frame, shows another shot than the first, and those between are mixtures of both, ever more
    of the last; it has ended by now."""
    if len(pictures) < _MIXTURES + 4 or float(np.abs(pictures[0].astype(np.int16) - pictures[-1]).mean()) <= 2 * _ALIKE:
        return False
    all_of_them = np.stack([picture.reshape(-1) for picture in pictures]).astype(np.float32)
    off = all_of_them - all_of_them[0]
    whole = off[-1]
    size = float(whole @ whole)
    shares = off @ whole / size
    between = (shares > 0.1) & (shares < 0.9)
    steps = np.diff(shares)
    # from none to all: before it nearly none, behind it nearly all, and there it goes on no longer
    if between.sum() < _MIXTURES or not (shares[:2] < 0.1).all() or not (shares[-3:] > 0.9).all() or (steps < -0.1).any():
        return False
    if steps[-2:].max() > 0.5 * steps[between[1:]].mean():
        return False
    rest = np.linalg.norm(off - np.clip(shares, 0.0, 1.0)[:, None] * whole, axis=1) / np.sqrt(size)
    return float(np.median(rest[between])) <= _OFF and unlikeness(pictures[0], pictures[-1]) >= _UNLIKE


def unlikeness(a: Small, b: Small) -> float:
    """0..1, how much of picture `a` is not found again in `b`, both (h,w,3) of one shape."""
    if float(np.abs(a.astype(np.int16) - b).mean()) <= _ALIKE:
        return 0.0
    height, width = (side // _BLOCK * _BLOCK for side in a.shape[:2])
    blocks = _windows(a[:height, :width])[::_BLOCK, ::_BLOCK]
    # a border of the picture's edge, in which blocks that move out are not found
    wide = _windows(cv2.copyMakeBorder(b[:height, :width], _SEARCH, _SEARCH, _SEARCH, _SEARCH, cv2.BORDER_REPLICATE))
    there = np.lib.stride_tricks.sliding_window_view(wide, (2 * _SEARCH + 1,) * 2, (0, 1))[::_BLOCK, ::_BLOCK]  # type: ignore[call-overload]
    there = np.ascontiguousarray(np.moveaxis(there, 2, -1)).reshape(*blocks.shape[:2], -1, blocks.shape[2])
    textured = np.linalg.norm(blocks[..., :-3], axis=-1) > _PLAIN * _BLOCK
    found = there[..., :-3] @ blocks[..., :-3, None]
    sizes = np.linalg.norm(there[..., :-3], axis=-1) * np.linalg.norm(blocks[..., None, :-3], axis=-1)
    same = (found[..., 0] / np.maximum(sizes, 1e-6)).max(-1).clip(0.0, 1.0)
    # of a plain block correlation says nothing, and its colour little, as far as the light has not changed everywhere
    (light, varies), (other, varied) = ((p.mean((0, 1)), np.maximum(p.std((0, 1)).mean(), _BLANK)) for p in (a, b))
    tones = (there[..., -3:] - other) / varied - (blocks[..., None, -3:] - light) / varies
    toned = np.abs(tones).max(-1).min(-1) > _TONE
    weight = np.where(textured, 1.0, 0.5)
    return float((weight * np.where(textured, 1.0 - same, toned)).sum() / weight.sum())


def _windows(picture: Small) -> npt.NDArray[np.float32]:
    """(h,w,3) -> at every place a block has, its grey values without their mean, in a row, and behind them its mean colour."""
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    places = np.lib.stride_tricks.sliding_window_view(grey, (_BLOCK, _BLOCK))
    flat = places.reshape(*places.shape[:2], -1)
    ends = [slice(_BLOCK // 2, _BLOCK // 2 + size) for size in flat.shape[:2]]
    colour = cv2.blur(picture, (_BLOCK, _BLOCK))[ends[0], ends[1]].astype(np.float32)
    return np.concatenate([flat - flat.mean(-1, keepdims=True), colour], -1)


def _small(image: npt.NDArray[np.uint8]) -> Small | None:
    """A small copy of a picture, None of one that shows nothing."""
    height, width = image.shape[:2]
    every = max(1, min(height, width) // (2 * _SIDE))  # every pixel of a large picture says no more, and takes longer
    scale = _SIDE / max(height, width)
    size = max(_BLOCK, round(width * scale)), max(_BLOCK, round(height * scale))
    small = np.asarray(cv2.resize(image[::every, ::every], size, interpolation=cv2.INTER_AREA), np.uint8)
    return small if float(small.std(axis=(0, 1)).max()) > _BLANK else None


def _settled(held: deque[_Held]) -> bool:
    """Whether all that is to be known of the first one is there."""
    return held[0].small is None or sum(one.small is not None for one in held) >= _NEAR


def _given(held: deque[_Held], before: deque[Small], dissolved: bool = False) -> Frame:
    """The first of those that are held, marked; it goes to those before. `dissolved`: one shot has dissolved into another by now."""
    small = held[0].small
    after = [one.small for one in held if one.small is not None][:_NEAR]
    frame = held.popleft().frame
    if small is None:
        return frame
    begins = bool(before) and (dissolved or _is_cut(list(before), after))
    if begins:
        before.clear()
    before.append(small)
    return replace(frame, begins=True) if begins else frame


def _is_cut(before: list[Small], after: list[Small]) -> bool:
    """Whether the shot changes from the last of the pictures `before` to the first of those `after`."""
    step = unlikeness(before[-1], after[0])
    if step < _UNLIKE:
        return False
    if any(unlikeness(a, b) < _UNLIKE * _LASTS for a in before for b in after):
        return False  # a flash, or what passes before the lens: the picture comes back
    beside = [unlikeness(*pair) for pair in (before[-2:], after[:2]) if len(pair) == 2]
    return all(other < _LASTS * step for other in beside)
