"""How long an accelerator waits for the harness: a stub takes the time that a real one would.

    python -m benchmarks.idle [--items 40] [--candidates 10] [--readers 8] [--wall]

The network takes 4 ms for each sample of a batch, the VAE 15 ms for a batch of eight pictures, the
text encoder 5 ms for eight texts (estimates for Stable Diffusion 2.1 at 512 pixels on an H100).
Image retrieval among ten pictures that no other item shows: JPEG files of 640 x 480 pixels, decoded
and resized for real. Printed: the share of the time in which the device had nothing to do, reading
one by one and reading ahead, on the full budget and with sequential stopping; and how much of that
was before its first batch.

The time is that of a machine where nobody else has the cores: the processor's time of the thread
that feeds the device, as measured, and what that thread waits for. Pictures are decoded by
`--readers` threads of which each has a core; how long one takes is measured, too. So figures of a
busy machine are about those of a quiet one. Left out is that Python's lock makes threads wait.

With `--wall` the harness's own threads decode, the stub sleeps, and the time is the clock's: for a
machine with nothing else to do.
"""

from __future__ import annotations

import argparse
import heapq
import tempfile
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gdbench.data.images import FileImage
from gdbench.models import load_model
from gdbench.models.diffusion_itm.batching import Evaluation
from gdbench.models.diffusion_itm.conditioning import Prompt
from gdbench.protocol import ImageRef, Item, Query


def pictures(folder: Path, count: int, lists: int) -> list[FileImage]:
    """JPEG files of smooth noise; every first of a list of candidates has a white corner."""
    from PIL import Image

    rng = np.random.default_rng(0)
    files = []
    for number in range(count):
        small = rng.integers(0, 256, (60, 80, 3), dtype=np.uint8)
        image = Image.fromarray(small).resize((640, 480), Image.Resampling.BICUBIC)
        image.paste("white" if number % lists == 0 else "black", (0, 0, 16, 16))
        path = folder / f"{number:05d}.jpg"
        image.save(path, quality=92)
        files.append(FileImage(path))
    return files


class Clock:
    """Seconds that this thread computed, and that it waited for others."""

    def __init__(self) -> None:
        self._not_counted = time.thread_time()

    def now(self) -> float:
        """Since it was made."""
        return time.thread_time() - self._not_counted

    def wait(self, until: float) -> None:
        """Nothing happens here until then."""
        self._not_counted -= max(0.0, until - self.now())

    def back_to(self, moment: float) -> None:
        """What was computed since then was computed elsewhere."""
        self._not_counted += self.now() - moment


class WallClock(Clock):
    """The clock on the wall."""

    def now(self) -> float:
        """See `Clock`."""
        return time.perf_counter()

    def wait(self, until: float) -> None:
        """See `Clock`."""
        time.sleep(max(0.0, until - self.now()))


class Readers:
    """As `gdbench.models.reading.Reading`, of threads with a core each."""

    def __init__(self, work: Callable[[ImageRef], Tensor], clock: Clock, threads: int) -> None:
        self.work, self.clock = work, clock
        self._free = [0.0] * threads
        self._coming: dict[str, tuple[Tensor, float]] = {}

    def begin(self, images: Iterable[ImageRef]) -> None:
        """Begin with some pictures that will be asked for."""
        for image in images:
            if image.sha256 not in self._coming:
                now = self.clock.now()
                read = self.work(image)
                done = max(now, heapq.heappop(self._free)) + self.clock.now() - now
                self.clock.back_to(now)
                heapq.heappush(self._free, done)
                self._coming[image.sha256] = read, done

    def take(self, image: ImageRef) -> Tensor:
        """What became of a picture; what was not begun is done by this thread."""
        if image.sha256 not in self._coming:
            return self.work(image)
        read, done = self._coming.pop(image.sha256)
        self.clock.wait(done)
        return read


class Device:
    """A queue of work that takes its time without a core of this machine.

    Work begins when it is given or when what came before is done, and from the latter to the former
    the device waits.
    """

    def __init__(self, clock: Clock, pass_ms: float, vae_ms: float, *, waits: bool) -> None:
        """`waits`: whoever gives pictures or texts waits for them."""
        self.clock, self.pass_ms, self.vae_ms, self.waits = clock, pass_ms, vae_ms, waits
        self.idle = self.at_first = 0.0
        self.begun = self.free = clock.now()
        self.batches = 0
        self.rng = np.random.default_rng(1)

    def give(self, milliseconds: float) -> float:
        """Queue work; when it will be done."""
        now = self.clock.now()
        self.idle += max(0.0, now - self.free)
        self.free = max(now, self.free) + milliseconds / 1000
        return self.free

    def encode(self, milliseconds: float) -> None:
        """Work of an encoder."""
        done = self.give(milliseconds)
        if self.waits:
            self.clock.wait(done)

    def shares(self) -> tuple[float, float]:
        """Of the time until now in which the device waited, and before its first batch."""
        whole = self.free - self.begun
        return self.idle / whole, self.at_first / whole

    def attach(self, model: Any) -> None:
        """Put the stub in the place of network, VAE and text encoder."""
        shape = model.pipeline.latent_shape
        null, prompt = (Prompt({"text": torch.zeros(1)}) for _ in range(2))

        def launch(part: Sequence[Evaluation], rows: int) -> Batch:
            errors = self.rng.normal(20.0, 0.2, len(part)).astype(np.float32)
            # the right picture is a clear case, as most are
            right = [e.prompt is prompt and float(e.latent[0, 0, 0]) == 1.0 for e in part]
            done = self.give(self.pass_ms * rows)
            if not self.batches:
                self.at_first = self.idle
            self.batches += 1
            return Batch(part, errors - np.array(right, np.float32), self, done)

        def latents(pixels: Tensor) -> Tensor:
            # one picture alone takes about a third of what eight take
            self.encode(self.vae_ms if len(pixels) > 1 else self.vae_ms / 3)
            marked = (pixels[:, 0, 0, 0] > 242).float()  # a white corner
            return marked[:, None, None, None].expand(-1, *shape).clone()

        def condition(texts: Sequence[str]) -> list[Prompt]:
            self.encode(5.0 if len(texts) > 1 else 3.0)
            return [prompt if text else null for text in texts]

        # the stub reaches where a device would be
        model.batcher._launch = launch  # noqa: SLF001 # as the line above says
        # with the scaling of pixels, which a device does
        model.encoders._encode_pixels = latents  # noqa: SLF001 # as above
        model.pipeline.condition = condition
        model.pipeline.unread = lambda _: None


@dataclass(frozen=True)
class Batch:
    """As `gdbench.models.diffusion_itm.batching.Running`."""

    part: Sequence[Evaluation]
    errors: NDArray[np.float32]
    device: Device
    done: float

    def wait(self) -> NDArray[np.float32]:
        """Wait until the device would be done."""
        self.device.clock.wait(self.done)
        return self.errors


def idle(
    items: Sequence[Item], options: argparse.Namespace, *, ahead: bool, stop: str
) -> tuple[float, float]:
    """Shares of the time in which the device waited, in all and before its first batch."""
    model: Any = load_model("mini-sd", samples=options.samples, batch_size=16, stop=stop)
    # pictures are resized to what Stable Diffusion 2.1 takes
    model.pipeline.resolution = 512
    model.encoders.reads_ahead = ahead
    # as on an accelerator, where one batch runs while the next is made ready
    model.engine.in_flight = 2 if ahead else 1
    clock = WallClock() if options.wall else Clock()
    if not options.wall:
        # the benchmark reaches where threads would be
        work = model.encoders._pixels  # noqa: SLF001 # as the line above says
        model.encoders._reading = Readers(work, clock, options.readers)  # noqa: SLF001 # the same
    device = Device(clock, options.pass_ms, options.vae_ms, waits=not ahead)
    device.attach(model)
    for _ in model.score_items(items):
        pass
    return device.shares()


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, default=40)
    parser.add_argument("--candidates", type=int, default=10)
    parser.add_argument("--samples", type=int, default=20)
    parser.add_argument("--readers", type=int, default=8, help="simulated; not with --wall")
    parser.add_argument("--wall", action="store_true", help="by the clock, with real threads")
    parser.add_argument("--pass-ms", type=float, default=4.0)
    parser.add_argument("--vae-ms", type=float, default=15.0)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        files = pictures(Path(folder), options.items * options.candidates, options.candidates)
        items = [
            Item(
                f"i{k}",
                tuple(files[k * options.candidates : (k + 1) * options.candidates]),
                (f"text {k}",),
                Query.IMAGE_RETRIEVAL,
                (0,),
                "",
            )
            for k in range(options.items)
        ]
        for stop in ("none", "sequential"):
            for ahead in (False, True):
                waits, first = idle(items, options, ahead=ahead, stop=stop)
                name = "read ahead" if ahead else "one by one"
                print(
                    f"stop {stop:<11}{name:<11} the device waits {100 * waits:5.1f} % "
                    f"({100 * first:.1f} % before its first batch)",
                    flush=True,
                )


if __name__ == "__main__":
    main()
