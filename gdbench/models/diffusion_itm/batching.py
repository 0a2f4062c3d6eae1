"""Full U-Net batches of one fixed size, and what to do when memory runs out."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gdbench.environment import device_bytes_for
from gdbench.memory import attempted, capped, free_memory, halved
from gdbench.models.device_clock import DeviceClock
from gdbench.models.diffusion_itm.conditioning import Conditions, Prompt, Shapes
from gdbench.models.diffusion_itm.denoiser import Denoiser

logger = logging.getLogger(__name__)

CPU_BATCH = 16
LARGEST_BATCH = 128
_SHARE_OF_FREE = 0.8  # the rest is for the encoders and for fragmentation


class Evaluation(NamedTuple):
    """One sample-evaluation of the network: a noised image under one prompt."""

    latent: Tensor  # (C, H, W) float32 on the device
    prompt: Prompt
    k: int  # index into the run's timesteps


@dataclass(frozen=True)
class Running:
    """A batch that was given to the device."""

    part: Sequence[Evaluation]
    errors: Tensor
    """On the CPU, shape (rows,); there once `done` is."""
    done: torch.cuda.Event | None = None
    """None: at once."""

    def wait(self) -> NDArray[np.float32]:
        """The errors, shape (len(part),)."""
        if self.done is not None:
            self.done.synchronize()
        found: NDArray[np.float32] = self.errors.numpy()[: len(self.part)]
        return found


def _power_of_two(limit: int) -> int:
    size = 1
    while 2 * size <= limit:
        size *= 2
    return size


def _shape(n: int, size: int) -> int:
    """How many rows n evaluations run in: `size`, or fewer where most would be padding."""
    rows = CPU_BATCH
    while rows < min(n, size):
        rows *= 2
    return min(rows, size)


class Batcher:
    """Runs evaluations in batches of one shape; smaller ones are padded.

    `noise` gives the noise of the k-th timestep on the device. The size is found from free memory
    at the first batch; `asked` is taken instead where it fits. When a batch runs out of memory
    the size is halved and the same evaluations are run again: nothing that was computed is lost.
    Compiled by `compiler` (see `compile_from_here`) all batches of a prompt's shapes have one size,
    and compiling takes no device time.
    """

    def __init__(
        self,
        denoiser: Denoiser,
        timesteps: Sequence[int],
        noise: Callable[[int], Tensor],
        clock: DeviceClock,
        asked: int | None = None,
        *,
        compiler: Callable[[], None] = lambda: None,
    ) -> None:
        self.denoiser, self.timesteps, self.noise = denoiser, tuple(timesteps), noise
        self.clock, self.device, self.dtype = clock, clock.device, denoiser.dtype
        self.asked = asked
        self.compiled = False
        self._compiler: Callable[[], None] | None = compiler  # None: it was called
        self._or_else_plain = self._cannot_compile = False
        self._warm: set[Shapes] = set()  # compiled for
        # None until it is found; what is asked and surely fits needs no look at the memory
        self.size = asked if asked is not None and asked <= CPU_BATCH else None
        self._buffers: dict[str, Tensor] = {}
        self.evaluations = 0  # asked for
        self.padding = 0  # run for nothing, to keep the shape
        self.out_of_memory = 0
        self.progress: Callable[[int], None] | None = None  # called with `evaluations`

    def compile_from_here(self, *, or_else_plain: bool = False) -> None:
        """Run the network compiled from the next batch on.

        With `or_else_plain` it is run as it is where the compiler fails, and a line says so.
        """
        if self._cannot_compile:
            return
        if self._compiler is not None:
            self._compiler()
            self._compiler = None
        self.compiled, self._or_else_plain = True, or_else_plain

    def plain_from_here(self) -> None:
        """Run the network as it is from the next batch on."""
        self.compiled = False

    def size_for(self, sample: Callable[[], Evaluation]) -> int:
        """The batch size; `sample` gives an evaluation to probe with the first time."""
        if self.size is None:
            self.size = self._find_size(sample())
            logger.debug("batch size %d", self.size)
        return self.size

    def _find_size(self, sample: Evaluation) -> int:
        if self.asked is not None and self.asked <= LARGEST_BATCH and self.device.type == "cuda":
            # a device says when it has no more, and then the size is halved
            return self.asked
        most = self._fits(sample)
        if self.asked is not None:
            return capped(self.asked, most)
        # A fixed size where it fits: a repeated run then has the same shapes to the last bit.
        usual = LARGEST_BATCH if self.device.type == "cuda" else CPU_BATCH
        return _power_of_two(min(usual, most))

    def _fits(self, sample: Evaluation) -> int:
        """How many samples free memory holds, about."""
        if self.device.type != "cuda":
            # Twelve feature maps of the first level and as many of its tokens are alive at most.
            each = 320 * sample.latent[0].numel() * 4 * 24
            return int(_SHARE_OF_FREE * free_memory(self.device) / each)

        def run(n: int) -> None:
            # of as many pictures, which take more than prompts of one picture
            part = [sample._replace(latent=sample.latent.clone()) for _ in range(n)]
            self._launch(part, n, plain=True).wait()

        def bytes_for(n: int) -> int:
            return device_bytes_for(lambda: run(n), str(self.device))

        # what libraries take once and keep (workspaces, algorithms) is no sample's
        run(2)
        one, two = bytes_for(1), bytes_for(2)
        each = max(two - one, 1)
        return int((_SHARE_OF_FREE * free_memory(self.device) - one) / each)

    def run(self, evaluations: Sequence[Evaluation]) -> NDArray[np.float32]:
        """L2 norms of the prediction errors, shape (n,), in the order given.

        The prompts must have the same shapes.

        Raises GdbenchError where even one sample does not fit.
        """
        results: list[NDArray[np.float32]] = []
        done = 0
        while done < len(evaluations):
            results.append(self.finish(self.start(evaluations[done:])))
            done += len(results[-1])
        return np.concatenate(results) if results else np.empty(0, np.float32)

    def start(self, evaluations: Sequence[Evaluation]) -> Running:
        """Give a device the first of some evaluations, as many as a batch takes.

        An accelerator works on them while this thread goes on; see `finish`. Raises as `run`.
        """
        while True:
            size = self.size_for(lambda: evaluations[0])
            part = evaluations[:size]
            if self.compiled and part[0].prompt.shapes not in self._warm:
                self._warm_up(part, size)
            # a compiled network is compiled again for each new shape, and at last not at all
            rows = size if self.compiled else _shape(len(part), size)
            running = attempted(lambda: self._launch(part, rows))  # noqa: B023 # called at once
            if running is not None:
                self.padding += rows - len(part)
                return running
            self._shrink(size)

    def finish(self, running: Running) -> NDArray[np.float32]:
        """Wait for a batch that was started, as `run`."""
        errors = attempted(running.wait)
        if errors is None:
            # some devices say only here that memory ran out
            self._shrink(self.size or 1)
            return self.run(running.part)
        self.evaluations += len(running.part)
        if self.progress is not None:
            self.progress(self.evaluations)
        return errors

    def _warm_up(self, part: Sequence[Evaluation], rows: int) -> None:
        """Compile, in time that is nobody's."""
        start = time.perf_counter()
        try:
            with self.clock.stopped():
                done = attempted(lambda: self._launch(part, rows).wait())
        except Exception as error:
            # compilers raise what they like
            if not self._or_else_plain:
                raise
            reason = (str(error).strip() or type(error).__name__).splitlines()[0]
            logger.warning("the network could not be compiled and is run as it is: %s", reason)
            self.compiled, self._cannot_compile = False, True
            return
        if done is not None:
            self._warm.add(part[0].prompt.shapes)
            logger.info("compiled in %.0f s", time.perf_counter() - start)

    def _shrink(self, size: int) -> None:
        self.out_of_memory += 1
        self._buffers.clear()
        self._warm.clear()
        self.size = halved(size, self.device, "evaluations")

    def _launch(self, part: Sequence[Evaluation], size: int, *, plain: bool = False) -> Running:
        padded = [*part, *([part[-1]] * (size - len(part)))]
        place: dict[tuple[int, int], int] = {}  # noised image -> its row
        rows: list[Evaluation] = []
        owner = []
        for evaluation in padded:
            key = (id(evaluation.latent), evaluation.k)
            if key not in place:
                place[key] = len(rows)
                rows.append(evaluation)
            owner.append(place[key])
        as_it_is = self._compiler is None and (plain or not self.compiled)
        stance = torch.compiler.set_stance("force_eager") if as_it_is else nullcontext()
        with self.clock.running(), torch.inference_mode(), stance:
            errors = self.denoiser.errors(
                self._stacked("latents", [row.latent for row in rows], size),
                self._stacked("noise", [self.noise(row.k) for row in rows], size),
                self._numbers([self.timesteps[row.k] for row in rows]),
                self._conditions([evaluation.prompt for evaluation in padded], size),
                self._numbers(owner),
            ).float()
        if self.device.type != "cuda":
            return Running(part, errors.cpu())
        # behind this batch and before the next: who waits for it waits for no other
        copied = errors.to("cpu", non_blocking=True)
        done = torch.cuda.Event()  # type: ignore[no-untyped-call] # torch's
        done.record(torch.cuda.current_stream(self.device))
        return Running(part, copied, done)

    def _numbers(self, values: Sequence[int]) -> Tensor:
        """On the device; nothing waits for the copy."""
        return torch.tensor(values).to(self.device, non_blocking=True)

    def _conditions(self, prompts: Sequence[Prompt], size: int) -> Conditions:
        return {
            name: self._stacked(f"prompt {name}", [p.tensors[name] for p in prompts], size)
            for name in prompts[0].tensors
        }

    def _stacked(self, name: str, rows: Sequence[Tensor], size: int) -> Tensor:
        """Rows side by side in a buffer that is kept from batch to batch.

        Large buffers that come and go between small ones that stay (cached latents) tear holes
        into the heap, which then grows with the number of items.
        """
        buffer = self._buffers.get(name)
        if buffer is None or buffer.shape[1:] != rows[0].shape or len(buffer) != size:
            buffer = rows[0].new_empty((size, *rows[0].shape))
            self._buffers[name] = buffer
        return torch.stack(tuple(rows), out=buffer[: len(rows)])
