"""Items in, errors out: work is shared between items and packed into full batches.

An item becomes a `Job`. A plan says which timesteps a job needs next (all of them, or a few until
a stopping rule is content). Evaluations are drawn from the oldest unfinished job on, so that a
batch spans candidates, timesteps and items, and results leave in the order of the items. What is
held in memory depends on the batch size, never on the number of items.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from gdbench.errors import InputError, ModelOutputError
from gdbench.models.devices import advice_for
from gdbench.models.diffusion_itm.batching import Batcher, Evaluation, Running
from gdbench.models.diffusion_itm.cache import LRU, ArrayFolder
from gdbench.models.diffusion_itm.conditioning import Prompt, Shapes
from gdbench.models.diffusion_itm.encoders import Encoders
from gdbench.protocol import Item, Known, Scores

Cells = NDArray[np.bool_]  # (n_images, n_texts): which pairs are still of interest

CACHE_BYTES = 64 * 2**20  # of unconditional errors: 130,000 pictures at 50 timesteps
_OVERHEAD_BYTES = 256  # of an entry
_IN_FLIGHT = 2  # batches that an accelerator has at once: one runs while the next is made ready


class SharedErrors:
    """Unconditional errors of one picture, computed once for all items that show it."""

    __slots__ = ("drawn", "values")

    def __init__(self, n_timesteps: int) -> None:
        self.values = np.full(n_timesteps, np.nan, np.float32)
        self.drawn = np.zeros(n_timesteps, bool)  # computed, or on its way in an earlier batch


class Job:
    """An item on its way: what it needs encoded, and the errors found so far.

    Equal texts and equal pictures of an item are evaluated once, so that they tie exactly.
    """

    def __init__(self, item: Item, n_timesteps: int, plan: Plan, age: int) -> None:
        self.item, self.plan, self.age = item, plan, age
        digests = [image.sha256 for image in item.images]
        self.images = list(dict.fromkeys(digests))
        self.texts = list(dict.fromkeys(item.texts))
        self.image_index = [self.images.index(digest) for digest in digests]
        self.text_index = [self.texts.index(text) for text in item.texts]
        self.latents: list[Tensor] = []
        self.prompts: list[Prompt] = []
        self.truncated = 0
        self.errors = np.full((len(self.images), len(self.texts), n_timesteps), np.nan, np.float32)
        self.shared: list[SharedErrors] = []
        self.needed = np.zeros((len(self.images), n_timesteps), bool)  # unconditional
        self.pending = 0  # drawn, not yet computed
        self.work: Iterator[tuple[int, int, int]] = iter(())
        self.exhausted = False  # all evaluations of the block are drawn
        self.done = False

    def __lt__(self, other: Job) -> bool:
        return self.age < other.age

    def conditional(self) -> NDArray[np.float32]:
        """Errors of shape (n_images, n_texts, n_timesteps) of the item as it was given."""
        return self.errors[np.ix_(self.image_index, self.text_index)]

    def take_over(self, earlier: Scores) -> None:
        """Start from the errors of an earlier run of the first timesteps of the same order."""
        if earlier.errors is None:
            return
        n = earlier.errors.shape[-1]
        for place, image in enumerate(self.image_index):
            for column, text in enumerate(self.text_index):
                self.errors[image, text, :n] = earlier.errors[place, column]
            base = earlier.unconditional_errors
            if self.shared and base is not None:
                self.shared[image].values[:n] = base[place]
                self.shared[image].drawn[:n] = True
                self.needed[image, :n] = True

    def unconditional(self) -> NDArray[np.float32] | None:
        """Unconditional errors (n_images, n_timesteps), NaN where this item did not need them."""
        if not self.shared:
            return None
        values = np.stack([shared.values for shared in self.shared])
        found: NDArray[np.float32] = np.where(self.needed, values, np.float32(np.nan))
        return found[self.image_index]


class _Drawn(NamedTuple):
    job: Job
    image: int
    text: int  # -1: the empty prompt
    k: int


class _Waiting:
    """Evaluations that are drawn and not computed, sorted by the shapes of their prompts.

    A batch has prompts of the same shapes, so that shapes stay few and nothing depends on what
    shares the batch.
    """

    def __init__(self) -> None:
        self._by_shapes: dict[Shapes, list[_Drawn]] = {}

    def add(self, shapes: Shapes, drawn: _Drawn) -> None:
        """Put one more behind the others of its shapes."""
        self._by_shapes.setdefault(shapes, []).append(drawn)

    def first(self) -> _Drawn | None:
        """The one that waits longest in the fullest group, None where there is none."""
        return max(self._by_shapes.values(), key=len)[0] if self._by_shapes else None

    def is_full(self, size: int) -> bool:
        """Whether a batch of this size can be taken."""
        return any(len(group) >= size for group in self._by_shapes.values())

    def take(self, size: int) -> list[_Drawn]:
        """At most `size` evaluations of the fullest group, in the order in which they came."""
        if not self._by_shapes:
            return []
        shapes = max(self._by_shapes, key=lambda s: len(self._by_shapes[s]))
        group = self._by_shapes[shapes]
        batch, rest = group[:size], group[size:]
        if rest:
            self._by_shapes[shapes] = rest
        else:
            del self._by_shapes[shapes]
        return batch


class Plan(Protocol):
    """Decides how many timesteps an item needs."""

    def next_block(self, job: Job) -> tuple[range, Cells] | None:
        """Timestep indices and pairs to evaluate next, None when the item is decided.

        The pairs index `job.images` x `job.texts`.
        """


class FullPlan:
    """Every pair at every timestep, after the first `known` ones."""

    def __init__(self, n_timesteps: int, known: int = 0) -> None:
        self.n_timesteps, self.known = n_timesteps, known

    def next_block(self, job: Job) -> tuple[range, Cells] | None:
        """See `Plan`."""
        if self.known >= self.n_timesteps or not np.isnan(job.errors[0, 0, self.known]):
            return None
        return range(self.known, self.n_timesteps), np.ones(job.errors.shape[:2], bool)


class Engine:
    """Runs jobs through a `Batcher`.

    `plan_for` chooses the plan of an item of which so many first timesteps are known,
    `needs_unconditional` whether its images are evaluated under the empty prompt too.
    """

    def __init__(
        self,
        encoders: Encoders,
        batcher: Batcher,
        plan_for: Callable[[Item, int], Plan],
        needs_unconditional: Callable[[Item], bool],
        *,
        shared_on_disk: ArrayFolder | None = None,
    ) -> None:
        self.encoders, self.batcher, self.plan_for = encoders, batcher, plan_for
        self.needs_unconditional = needs_unconditional
        self._admitted = 0
        self.in_flight = 1 if batcher.device.type == "cpu" else _IN_FLIGHT
        """How many batches the device has at most before one is waited for."""
        self.n_timesteps = len(batcher.timesteps)
        each = 5 * self.n_timesteps + _OVERHEAD_BYTES
        self._shared: LRU[SharedErrors] = LRU(CACHE_BYTES // each)
        self._disk = shared_on_disk

    @cached_property
    def _null_prompt(self) -> Prompt:
        return self.encoders.null_prompt()

    def run(self, items: Iterable[Known]) -> Iterator[Job]:
        """Finished jobs in the order of the items; each may come with earlier errors.

        Raises InputError for an empty text or an unreadable picture, ModelOutputError where an
        error is NaN or infinite.
        """
        source = iter(items)
        more = True
        flying: deque[Job] = deque()  # admitted and not yet given back
        ready: list[Job] = []  # heap, oldest first: jobs with evaluations to draw
        waiting = _Waiting()
        started: deque[tuple[list[_Drawn], Running]] = deque()
        try:
            while more or flying:
                more = self._fill(source, flying, ready, waiting)
                size = self._size(waiting)
                full = waiting.is_full(size)
                # what runs may bring more to do, and a batch that is not full waits for it
                if full or not started:
                    started += self._started(waiting.take(size))
                if started and (len(started) >= self.in_flight or not full):
                    self._finish(*started.popleft(), ready)
                while flying and flying[0].done:
                    self._save_shared(flying[0])
                    yield flying.popleft()
        finally:  # after a failure: what was drawn and never computed has to be drawn again
            for job in flying:
                for shared in job.shared:
                    shared.drawn[:] = ~np.isnan(shared.values)

    def _fill(
        self, source: Iterator[Known], flying: deque[Job], ready: list[Job], waiting: _Waiting
    ) -> bool:
        """Draw evaluations until they fill a batch; False where the items have ended."""
        while not waiting.is_full(self._size(waiting)):
            if ready:
                self._draw(ready, waiting)
                continue
            if len(flying) >= self._most_jobs():
                return True
            item = next(source, None)
            if item is None:
                return False
            if self.is_whole(item):
                self._remember(*item)
                continue
            flying.append(self._admit(*item))
            self._advance(flying[-1], ready)
        return True

    def _draw(self, ready: list[Job], waiting: _Waiting) -> None:
        job = ready[0]
        cell = next(job.work, None)
        if cell is not None:
            job.pending += 1
            drawn = _Drawn(job, *cell)
            waiting.add(self._prompt(drawn).shapes, drawn)
            return
        heapq.heappop(ready)
        job.exhausted = True
        if job.pending == 0:
            self._advance(job, ready)

    def _size(self, waiting: _Waiting) -> int:
        first = waiting.first()
        if self.batcher.size is None and first is not None:
            self.batcher.size_for(lambda: self._evaluation(first))
        return self.batcher.size or 1

    def _most_jobs(self) -> int:
        return 4 * (self.batcher.size or 1) + 16

    def _advance(self, job: Job, ready: list[Job]) -> None:
        block = job.plan.next_block(job)
        if block is None:
            job.done = True
            return
        job.work = self._evaluations(job, *block)
        job.exhausted = False
        heapq.heappush(ready, job)

    def _evaluations(
        self, job: Job, timesteps: range, cells: Cells
    ) -> Iterator[tuple[int, int, int]]:
        """(image, text, timestep index); text -1 is the empty prompt.

        Texts of one noised image follow each other, so that they share the network's stem.
        """
        for image in range(len(job.images)):
            texts = [int(t) for t in np.flatnonzero(cells[image])]
            if not texts:
                continue
            for k in timesteps:
                if job.shared:
                    job.needed[image, k] = True
                    if not job.shared[image].drawn[k]:
                        job.shared[image].drawn[k] = True
                        yield image, -1, k
                for text in texts:
                    yield image, text, k

    def _admit(self, item: Item, earlier: Scores | None) -> Job:
        for number, text in enumerate(item.texts):
            if not text.strip():
                raise InputError(f"item {item.id}: text {number} is empty; expected a caption")
        n_known = 0 if earlier is None or earlier.errors is None else earlier.errors.shape[-1]
        job = Job(item, self.n_timesteps, self.plan_for(item, n_known), self._admitted)
        self._admitted += 1
        references = dict(zip((job.images[i] for i in job.image_index), item.images, strict=True))
        try:
            job.latents = [self.encoders.latent(references[digest]) for digest in job.images]
            encoded = self.encoders.prompts(job.texts)
        except ModelOutputError as error:
            raise ModelOutputError(f"item {item.id}: {error}") from None
        job.prompts = encoded
        job.truncated = sum(encoded[index].unread for index in job.text_index)
        if self.needs_unconditional(item):
            job.shared = [self._shared_errors(digest) for digest in job.images]
        if earlier is not None:
            job.take_over(earlier)
        return job

    def is_whole(self, known: Known) -> bool:
        """Whether every timestep of an item is known already."""
        errors = None if known[1] is None else known[1].errors
        return errors is not None and errors.shape[-1] >= self.n_timesteps

    def _remember(self, item: Item, earlier: Scores | None) -> None:
        """Keep the unconditional errors of an item that is done."""
        base = None if earlier is None else earlier.unconditional_errors
        if base is None:
            return
        for image, errors in zip(item.images, base, strict=True):
            shared = self._shared_errors(image.sha256)
            known = ~np.isnan(errors)
            shared.values[known], shared.drawn[known] = errors[known], True

    def _shared_errors(self, digest: str) -> SharedErrors:
        known = self._shared.get(digest)
        if known is None:
            known = SharedErrors(self.n_timesteps)
            stored = self._disk.load(digest) if self._disk is not None else None
            if stored is not None:
                known.values[:] = stored
                known.drawn[:] = ~np.isnan(stored)
            self._shared.put(digest, known)
        return known

    def _save_shared(self, job: Job) -> None:
        if self._disk is None or not job.shared:
            return
        for digest, shared in zip(job.images, job.shared, strict=True):
            stored = self._disk.load(digest)
            if stored is None or np.isnan(stored).sum() > np.isnan(shared.values).sum():
                self._disk.save(digest, shared.values)

    def _prompt(self, drawn: _Drawn) -> Prompt:
        return self._null_prompt if drawn.text < 0 else drawn.job.prompts[drawn.text]

    def _evaluation(self, drawn: _Drawn) -> Evaluation:
        job, image, _, k = drawn
        return Evaluation(job.latents[image], self._prompt(drawn), k)

    def _started(self, batch: list[_Drawn]) -> Iterator[tuple[list[_Drawn], Running]]:
        while batch:
            running = self.batcher.start([self._evaluation(drawn) for drawn in batch])
            n = len(running.part)
            yield batch[:n], running
            batch = batch[n:]

    def _finish(self, batch: list[_Drawn], running: Running, ready: list[Job]) -> None:
        errors = self.batcher.finish(running)
        for drawn, error in zip(batch, errors, strict=True):
            if not np.isfinite(error):
                raise self._not_finite(drawn, float(error))
            job, image, text, k = drawn
            job.pending -= 1
            if text < 0:
                job.shared[image].values[k] = error
            else:
                job.errors[image, text, k] = error
        for job in dict.fromkeys(drawn.job for drawn in batch):
            if job.exhausted and job.pending == 0:
                self._advance(job, ready)

    def _not_finite(self, drawn: _Drawn, error: float) -> ModelOutputError:
        """Who made a number that is none: an accelerator's latents are not looked at before."""
        job, image, text, k = drawn
        step = self.batcher.timesteps[k]
        told = f"the network's error at timestep {step} is {error}{advice_for(self.batcher.dtype)}"
        try:
            self.encoders.check_latent(job.latents[image])
            self.encoders.check_prompt("" if text < 0 else job.texts[text], self._prompt(drawn))
        except ModelOutputError as fault:
            told = str(fault)
        return ModelOutputError(f"item {job.item.id}: {told}")
