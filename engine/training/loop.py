"""The one training loop, of lifter and refiner alike: on a CPU, on a GPU, or on several under torchrun.

A learner draws batches and says what is lost on them; everything else is here: optimiser, rate, moving average, mixed precision,
validation, checkpoints that go on bit for bit, several processes, and the orderly end at Ctrl-C.
"""

from __future__ import annotations

import copy
import json
import math
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import numpy as np
import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from contract.failure import Failure
from engine.training import checkpoint
from engine.training.precision import PRECISIONS, products
from engine.training.processes import Interrupt, Processes

Batch = tuple[Tensor, ...]  # every tensor's first axis counts the rows
Forward = Callable[..., Any]
Figures = dict[str, float]
M = TypeVar("M", bound=nn.Module)

DECAYS = ("cosine", "one_cycle", "stairs")
OPTIMISERS = ("adamw", "adam")
USUAL_SHARE = 0.02  # of a new loss in the usual one: a memory of fifty batches
ONE_CYCLE_FIRST, ONE_CYCLE_LAST = 25.0, 1e4  # torch's own divisors of the highest rate, and of the first
STOP_EVERY = 10  # steps between two agreements of several processes on whether to stop


@dataclass(frozen=True)
class LoopRecipe:
    """How a network is trained, whatever it learns.

    batch: rows of all processes together. decay: "cosine" (linear warm-up, half a cosine down to a hundredth), "one_cycle" (torch's
    OneCycleLR) or "stairs" (times `stair_factor` every `stair_steps`). ema: decay of the moving average that is judged and shipped, 0 for
    none. clip: largest norm of the gradient. spike: batches whose loss is so many times the usual one are passed over, 0 for none.
    """

    steps: int = 4000
    batch: int = 128
    learning_rate: float = 1e-3
    warm_up: int = 200
    decay: str = "cosine"
    stair_factor: float = 0.9
    stair_steps: int = 1
    optimiser: str = "adamw"
    weight_decay: float = 0.0
    ema: float = 0.99
    clip: float = 1.0
    spike: float = 0.0
    precision: str = "bf16"
    validate_every: int = 500
    seed: int = 0

    def __post_init__(self) -> None:
        for name, allowed in (("decay", DECAYS), ("optimiser", OPTIMISERS), ("precision", PRECISIONS)):
            if getattr(self, name) not in allowed:
                raise Failure("bad_arguments", f"{name} is one of {', '.join(allowed)}, not {getattr(self, name)!r}.")
        if self.steps < 1 or self.batch < 1 or self.validate_every < 1:
            raise Failure("bad_arguments", "steps, batch and validate_every must be at least 1.")
        if not 0.0 <= self.ema < 1.0:
            raise Failure("bad_arguments", f"ema must be at least 0 and below 1, not {self.ema}.")


class Learner(Protocol):
    """What is learnt. `frames` a row of a batch are counted as poses."""

    frames: int

    def draw(self, rows: int) -> Batch:
        """The next batch, on the device: the same in every process, as all draw from the same seed."""
        ...

    def loss(self, forward: Forward, batch: Batch) -> Tensor:
        """The mean loss over the rows. `forward` is the network in the recipe's precision."""
        ...

    def validate(self, model: Any) -> Figures:
        """Figures of a network (in eval mode) on what was held out of the training subjects."""
        ...

    def state(self) -> dict[str, Any]:
        """Where its random numbers stand: tensors and strings."""
        ...

    def load_state(self, state: Mapping[str, Any]) -> None:
        """The inverse of `state`."""
        ...


class Draws:
    """The random numbers of a learner: `rng` chooses on the CPU, `generator` makes noise on the device."""

    def __init__(self, seed: int, device: torch.device | str = "cpu") -> None:
        self.rng = np.random.default_rng(seed)
        self.generator = torch.Generator(device).manual_seed(seed)

    def state(self) -> dict[str, Any]:
        """Plain enough for `torch.load(weights_only=True)`."""
        return {"rng": json.dumps(self.rng.bit_generator.state), "generator": self.generator.get_state()}

    def load_state(self, state: Mapping[str, Any]) -> None:
        """The inverse of `state`."""
        self.rng.bit_generator.state = json.loads(state["rng"])
        self.generator.set_state(state["generator"].cpu())


class Drawing:
    """A learner all of whose state are its draws."""

    draws: Draws

    def state(self) -> dict[str, Any]:
        """Where its random numbers stand."""
        return self.draws.state()

    def load_state(self, state: Mapping[str, Any]) -> None:
        """The inverse of `state`."""
        self.draws.load_state(state)


class Ema:
    """Exponential moving average of a module's parameters, which is what is judged and shipped."""

    def __init__(self, module: nn.Module, decay: float) -> None:
        self.decay = decay
        self.values: dict[str, Tensor] = {name: value.detach().clone() for name, value in module.state_dict().items()}
        self._floats = [name for name, value in self.values.items() if value.is_floating_point()]

    @torch.no_grad()
    def update(self, module: nn.Module, step: int) -> None:
        """Follows closely at first: the decay is at most (1 + step) / (10 + step)."""
        decay = min(self.decay, (1 + step) / (10 + step))
        now = module.state_dict()
        torch._foreach_lerp_([self.values[name] for name in self._floats], [now[name] for name in self._floats], 1 - decay)
        for name in self.values.keys() - set(self._floats):
            self.values[name].copy_(now[name])


@dataclass(frozen=True)
class Line:
    """One validation: what is told, logged and kept. `poses_per_second` and `flops` (floating-point operations a second, two for a
    multiplication and addition) count training alone."""

    step: int
    loss: float
    learning_rate: float
    seconds: float
    poses_per_second: float
    flops: float
    figures: Figures

    def to_dict(self) -> dict[str, float]:
        """Flat."""
        plain = asdict(self)
        return {**{name: value for name, value in plain.items() if name != "figures"}, **self.figures}


Listener = Callable[[Line], None]
Ticker = Callable[[int, float], None]  # steps done, poses a second: called often, must be quick


@dataclass(frozen=True)
class Run:
    """Where and how a training runs, which does not decide what it gives.

    file: the checkpoint; None writes none. resume: go on from it. save_every: steps between two checkpoints, by default between two
    validations. until: end well after so many steps, though the recipe's schedule goes on (early stopping). stop_at: end after so many
    steps as Ctrl-C would. on_line, on_step: who listens.
    """

    device: torch.device | str = "cpu"
    file: Path | None = None
    resume: bool = False
    save_every: int | None = None
    until: int | None = None
    stop_at: int | None = None
    on_line: tuple[Listener, ...] = ()
    on_step: tuple[Ticker, ...] = ()
    processes: Processes = field(default_factory=Processes)

    def also(self, listener: Listener) -> Run:
        """With one more who hears of every validation."""
        return replace(self, on_line=(*self.on_line, listener))


def lines_into(path: Path) -> Listener:
    """Appends every validation to a file, a JSON object a line."""

    def write(line: Line) -> None:
        with path.open("a", encoding="utf-8") as out:
            out.write(json.dumps({name: round(value, 6) for name, value in line.to_dict().items()}) + "\n")

    return write


@dataclass(frozen=True)
class Trained(Generic[M]):
    """`model`: the moving average, in eval mode. `raw`: the last step's own weights. `lines`: the learning curve."""

    model: M
    raw: M
    lines: tuple[Line, ...]

    @property
    def figures(self) -> Figures:
        """Of the last validation."""
        return self.lines[-1].figures if self.lines else {}


def learning_rate(step: int, recipe: LoopRecipe) -> float:
    """The rate of a step (from 0)."""
    peak = recipe.learning_rate
    if recipe.decay == "stairs":
        return peak * recipe.stair_factor ** (step // recipe.stair_steps)
    if recipe.decay == "one_cycle":
        return _one_cycle(step, recipe)
    if step < recipe.warm_up:
        return peak * (step + 1) / recipe.warm_up
    part = (step - recipe.warm_up) / max(1, recipe.steps - recipe.warm_up)
    return peak * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, part))))


def _one_cycle(step: int, recipe: LoopRecipe) -> float:
    """torch.optim.lr_scheduler.OneCycleLR in closed form, so that a step's rate needs no history."""
    peak = recipe.learning_rate
    first, last = peak / ONE_CYCLE_FIRST, peak / ONE_CYCLE_FIRST / ONE_CYCLE_LAST
    rise = min(0.3, recipe.warm_up / recipe.steps) * recipe.steps - 1
    if step <= rise:
        start, end, part = first, peak, step / rise
    else:
        start, end, part = peak, last, (step - rise) / max(1.0, recipe.steps - 1 - rise)
    return end + (start - end) / 2 * (1 + math.cos(math.pi * min(1.0, part)))


def make_optimiser(model: nn.Module, recipe: LoopRecipe) -> torch.optim.Optimizer:
    """One fused kernel for all parameters."""
    kind = torch.optim.AdamW if recipe.optimiser == "adamw" else torch.optim.Adam
    return kind(model.parameters(), lr=recipe.learning_rate, weight_decay=recipe.weight_decay, fused=True)


def pose_flops(learner: Learner, model: nn.Module, device: torch.device, rows: int = 2) -> float:
    """Floating-point operations of one pose's training step (forward and backward), by torch's counter; leaves everything as it was."""
    kept, random = learner.state(), checkpoint.random_state(device)
    batch, counter = learner.draw(rows), FlopCounterMode(display=False)
    with counter:
        learner.loss(model, batch).backward()
    model.zero_grad(set_to_none=True)
    learner.load_state(kept)
    checkpoint.set_random_state(random, device)
    return counter.get_total_flops() / (rows * learner.frames)


def train(
    learner: Learner,
    model: M,
    recipe: LoopRecipe,
    *,
    layout: Mapping[str, Any],
    run: Run | None = None,
) -> Trained[M]:
    """Trains `model` in place, on the device where it is.

    layout: whatever says what network this is and what it learns; a checkpoint of another is refused. Failure `cancelled` after Ctrl-C or
    SIGTERM, with the checkpoint written; `bad_input` for a checkpoint that does not fit; `bad_arguments` where one would be overwritten.
    """
    run = run or Run()
    processes, file = run.processes, run.file
    if recipe.batch % processes.count:
        raise Failure("bad_arguments", f"A batch of {recipe.batch} cannot be shared by {processes.count} processes; choose a multiple.")
    device = next(model.parameters()).device
    torch.manual_seed(recipe.seed + processes.rank)  # dropout: of its own in every process
    model.train()
    optimiser, ema = make_optimiser(model, recipe), Ema(model, recipe.ema)
    judged = copy.deepcopy(model).eval()
    start, seconds, usual, lines = 0, 0.0, 0.0, list[Line]()
    end = recipe.steps if run.until is None else min(recipe.steps, run.until)
    settings = {"layout": dict(layout), "recipe": asdict(recipe)}
    if run.resume and file is not None:
        kept = checkpoint.load(file, settings, device)
        model.load_state_dict(kept["model"])
        optimiser.load_state_dict(kept["optimiser"])
        ema.values = kept["ema"]
        learner.load_state(kept["learner"])
        if processes.leads:
            checkpoint.set_random_state(kept["random"], device)
        else:  # the checkpoint holds the leader's, and no two processes are to drop the same
            torch.manual_seed(recipe.seed + processes.rank + processes.count * kept["step"])
        start, seconds, usual = kept["step"], kept["seconds"], kept["usual"]
        lines = [Line(**line) for line in json.loads(kept["lines"])]
    elif file is not None and file.exists() and processes.leads:
        raise Failure("bad_arguments", f"{file} already holds a training; go on with --resume, or choose another folder with --out.")
    flops = pose_flops(learner, model, device) if run.on_line else 0.0
    processes.ready()
    wrapped = processes.wrap(model)

    def forward(*inputs: Any) -> Any:
        with products(device, recipe.precision):
            return wrapped(*inputs)

    def save(step: int) -> None:
        if file is None or not processes.leads:
            return
        checkpoint.save(file, settings, {
            "model": model.state_dict(), "optimiser": optimiser.state_dict(), "ema": ema.values, "learner": learner.state(),
            "random": checkpoint.random_state(device), "step": step, "seconds": seconds, "usual": usual,
            "lines": json.dumps([asdict(line) for line in lines]),
        })  # fmt: skip

    running, since = torch.zeros((), device=device), start
    rows, done = recipe.batch // processes.count, start
    mine = slice(processes.rank * rows, (processes.rank + 1) * rows)
    with Interrupt() as interrupt:
        began = time.perf_counter()
        for step in range(start, end):
            for group in optimiser.param_groups:
                group["lr"] = learning_rate(step, recipe)
            batch = learner.draw(recipe.batch)
            loss = learner.loss(forward, batch if processes.count == 1 else tuple(part[mine] for part in batch))
            optimiser.zero_grad(set_to_none=True)
            loss.backward()
            value = processes.mean(loss.detach())
            if recipe.spike:
                now = float(value)
                usual = now if step == 0 else usual
                passed_over = now >= recipe.spike * usual  # one impossible batch would undo thousands of steps
                usual += USUAL_SHARE * (min(now, recipe.spike * usual) - usual)
            else:
                passed_over = False
            if not passed_over:
                nn.utils.clip_grad_norm_(model.parameters(), recipe.clip, foreach=True)
                optimiser.step()
                ema.update(model, step)
            running += value
            done = step + 1
            if run.on_step and processes.leads:
                speed = (done - since) * recipe.batch * learner.frames / max(time.perf_counter() - began, 1e-9)
                for ticker in run.on_step:
                    ticker(done, speed)
            last = done == end
            if done % recipe.validate_every == 0 or last:
                mean = float(running) / (done - since)  # waits for the device: its work belongs to the time
                elapsed = time.perf_counter() - began
                seconds += elapsed
                speed = (done - since) * recipe.batch * learner.frames / elapsed
                if not math.isfinite(mean):
                    raise Failure("bad_input", f"The loss is no number after {done} steps; lower learning_rate or mend the data.")
                judged.load_state_dict(ema.values)
                line = Line(done, mean, learning_rate(step, recipe), seconds, speed, speed * flops, learner.validate(judged))
                lines.append(line)
                running, since = torch.zeros((), device=device), done
                for listener in run.on_line if processes.leads else ():
                    listener(line)
                began = time.perf_counter()
            stop = processes.agree(interrupt.asked or done == run.stop_at, done % STOP_EVERY == 0 or last or done == run.stop_at)
            if done % (run.save_every or recipe.validate_every) == 0 or last or stop:
                save(done)
            if stop and not last:
                raise Failure("cancelled", f"Stopped after {done} of {recipe.steps} steps{_how_to_go_on(file)}.")
    judged.load_state_dict(ema.values)
    return Trained(judged, model.eval(), tuple(lines))


def _how_to_go_on(file: Path | None) -> str:
    return "; nothing was written" if file is None else "; the same command with --resume goes on from there"
