"""Tables of figures that stay whole where they are piped into a file, which rich takes for 80 columns wide."""

from __future__ import annotations

from rich.console import Console, RenderableType


def print_wide(*parts: RenderableType, least: int = 120) -> None:
    """Prints tables and lines to standard output, as wide as the window and at least `least` letters."""
    console = Console(width=max(Console().width, least))
    for part in parts:
        console.print(part)
