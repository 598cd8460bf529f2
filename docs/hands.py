"""A hand on the mouse and the keyboard of Blender's window, for scripts: buttons are found as a person finds them, by going over them.

Needs `blender --enable-event-simulate`. What takes time is a generator; what it yields is the time in seconds until the next step.
"""

from __future__ import annotations

from collections.abc import Iterator

import bpy

STEP = 12  # pixels between two places that are looked at: two a button
COLUMNS = ((0.5, 0.81), (0.7, 0.25, 0.9, 0.1))  # shares of the sidebar's width at which buttons are looked for, the likely ones first
GAP = 26  # such places without a button, after which there are no more: a picture has none
NEXT = 0.0  # seconds: as soon as what has happened is drawn
DRAWN = 0.3
NOTCHES = 4  # of the wheel, between two parts of a sidebar that is longer than the window
SCROLLED = 8  # so often

Place = tuple[int, int]


def view() -> tuple[bpy.types.Window, bpy.types.Area]:
    """The window and its largest 3D view."""
    window = bpy.context.window_manager.windows[0]
    return window, max((area for area in window.screen.areas if area.type == "VIEW_3D"), key=lambda area: area.width * area.height)


def region(kind: str) -> bpy.types.Region:
    return next(each for each in view()[1].regions if each.type == kind)


def middle() -> Place:
    """Of the view."""
    shown = region("WINDOW")
    return shown.x + shown.width // 3, shown.y + shown.height // 2


def move(at: Place) -> Iterator[float]:
    view()[0].event_simulate(type="MOUSEMOVE", value="NOTHING", x=at[0], y=at[1])
    yield NEXT
    yield NEXT


def press(key: str, at: Place, text: str = "", **held: bool) -> Iterator[float]:
    """A key, a button of the mouse or the wheel; `text` is what the key writes, `held` are shift, ctrl and alt."""
    window = view()[0]
    if key.startswith("WHEEL"):
        window.event_simulate(type=key, value="PRESS", x=at[0], y=at[1], **held)
    else:
        for value in ("PRESS", "RELEASE"):
            written = {"unicode": text} if text and value == "PRESS" else {}
            window.event_simulate(type=key, value=value, x=at[0], y=at[1], **written, **held)
            yield NEXT
    yield NEXT


def click(at: Place) -> Iterator[float]:
    yield from move(at)
    yield from press("LEFTMOUSE", at)
    yield DRAWN


_DIGITS = ("ZERO", "ONE", "TWO", "THREE", "FOUR", "FIVE", "SIX", "SEVEN", "EIGHT", "NINE")
_KEYS = {".": "PERIOD", "_": "MINUS", "-": "MINUS", " ": "SPACE"} | {str(digit): name for digit, name in enumerate(_DIGITS)}


def write(text: str, at: Place) -> Iterator[float]:
    """Into the field that is being edited, of which all is marked; ends with Enter."""
    for letter in text:
        key = _KEYS.get(letter, letter.upper())
        yield from press(key, at, letter)
    yield from press("RET", at)
    yield DRAWN


def under_the_mouse() -> str:
    """The command or the property of the button there, as Blender's own Copy Python Command and Copy Data Path have it; "" of none."""
    window, area = view()
    with bpy.context.temp_override(window=window, area=area, region=region("UI")):
        for copy in (bpy.ops.ui.copy_python_command_button, bpy.ops.ui.copy_data_path_button):
            if copy.poll():
                copy()
                return str(bpy.context.window_manager.clipboard)
    return ""


def find(name: str) -> Iterator[float]:
    """Goes over the sidebar until the button with that in its command or property is under the mouse; returns the place, or None."""
    yield from scroll_up()
    for part in range(SCROLLED):
        if part:
            yield from scroll("WHEELDOWNMOUSE", NOTCHES)
        sidebar = region("UI")
        for shares in COLUMNS[: 1 if part else None]:
            empty = 0
            for y in range(sidebar.y + sidebar.height - STEP, sidebar.y + STEP, -STEP):
                empty += 1
                for x in (sidebar.x + round(share * (sidebar.width - 20)) for share in shares):
                    yield from move((x, y))
                    found = under_the_mouse()
                    if name in found:
                        at = x, y - STEP // 3  # a little further inside
                        yield from move(at)
                        return at
                    empty = 0 if found else empty
                if empty > GAP:
                    break
        if empty > GAP:  # the panel's end was seen
            return None
    return None


def scroll_up() -> Iterator[float]:
    if _scrolled:
        yield from scroll("WHEELUPMOUSE", 2 * sum(_scrolled))
        _scrolled.clear()


def scroll(way: str, notches: int) -> Iterator[float]:
    """Over the panel's title: where the sidebar is empty the wheel is the view's."""
    sidebar = region("UI")
    at = sidebar.x + sidebar.width // 3, sidebar.y + sidebar.height - 20
    yield from move(at)
    for _ in range(notches):
        yield from press(way, at)
    if way == "WHEELDOWNMOUSE":
        _scrolled.append(notches)
    yield DRAWN


_scrolled: list[int] = []  # notches since the sidebar was at its top


def find_tab(title: str) -> Iterator[float]:
    """Clicks down the tabs at the edge until that one is in front; returns whether it is."""
    sidebar = region("UI")
    x = sidebar.x + sidebar.width - 8
    for y in range(sidebar.y + sidebar.height - 20, sidebar.y + 20, -12):
        if sidebar.active_panel_category == title:
            return True
        yield from click((x, y))
    return bool(sidebar.active_panel_category == title)
