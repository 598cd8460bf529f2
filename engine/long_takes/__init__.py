"""The one room that knows that an hour does not fit into memory: columns on disk, stages mapped over pieces with overlap."""

from engine.long_takes.growing import Growing
from engine.long_takes.scratch import give_back, let_go, let_go_of_file
from engine.long_takes.stages import Columns, each, gathered, joined, made, mapped, mapped_on, mapped_over_time, scan, thinned
from engine.long_takes.timeline import Timeline

__all__ = [
    "Columns", "Growing", "Timeline", "each", "gathered", "give_back", "joined", "let_go", "let_go_of_file", "made", "mapped",
    "mapped_on", "mapped_over_time", "scan", "thinned",
]  # fmt: skip
