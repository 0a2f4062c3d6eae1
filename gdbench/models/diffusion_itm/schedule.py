"""Which timesteps are evaluated, in which order, and with which noise.

Both depend on (seed, timestep) alone, so every budget, order, shard and batch size agrees with
every other. The numbers of the 2023 release are reproduced by `grid_timesteps` and `NoiseBank2023`.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from typing import Protocol

import torch

from gdbench.errors import InputError
from gdbench.records import Noise, Schedule

FIRST, LAST = 10, 989  # the release never looks below t = 10 or above t = 989
TRAINED = 1000  # timesteps of the diffusion process
_BITS = 10  # 2**10 >= number of timesteps between FIRST and LAST
NOISE_CACHE_BYTES = 64 * 2**20
APART = 128  # timesteps between the two of an antithetic pair


def grid_timesteps(samples: int) -> tuple[int, ...]:
    """The 2023 release's timesteps for a budget: `range(10, 990, int(1000 / samples))`.

    250 samples give 245 timesteps, 10 give 10. Raises InputError outside 1..1000.
    """
    if not 1 <= samples <= TRAINED:
        raise InputError(f"--samples {samples}: the release's grid takes 1 to {TRAINED} samples")
    return tuple(range(FIRST, LAST + 1, int(TRAINED / samples)))


def nested_timesteps(samples: int) -> tuple[int, ...]:
    """The first `samples` timesteps of a fixed low-discrepancy order of 10..989.

    The order is the van der Corput sequence in base 2 (bit reversal; van der Corput 1935) over
    1024 points without those above 989. So a small budget is a prefix of every larger one,
    no stratum of 1024 / 2**k timesteps gets a second point before each has one, and the first 245
    points are the grid which the 2023 release uses for 250 samples.

    Raises InputError outside 1..980.
    """
    count = LAST - FIRST + 1
    if not 1 <= samples <= count:
        raise InputError(f"--samples {samples}: there are 1 to {count} timesteps to choose from")
    order: list[int] = []
    for k in range(2**_BITS):
        point = int(f"{k:0{_BITS}b}"[::-1], 2)
        if point < count:
            order.append(FIRST + point)
        if len(order) == samples:
            break
    return tuple(order)


def uniform_timesteps(samples: int, seed: int = 0) -> tuple[int, ...]:
    """The first `samples` of all timesteps 0..999 in a random order that `seed` alone decides.

    The paper's text has timesteps drawn uniformly from [0, 1000); here none is drawn twice, and a
    small budget is a prefix of every larger one with the same seed. Raises InputError outside
    1..1000.
    """
    if not 1 <= samples <= TRAINED:
        raise InputError(f"--samples {samples}: there are 1 to {TRAINED} timesteps to draw")

    def place(timestep: int) -> bytes:
        return hashlib.sha256(f"uniform/{seed}/{timestep}".encode()).digest()

    return tuple(sorted(range(TRAINED), key=place)[:samples])


def scheduled(schedule: Schedule, samples: int, seed: int = 0) -> tuple[int, ...]:
    """The timesteps of a schedule, in the order of evaluation; `seed` decides the uniform one.

    Raises InputError for a number of samples that the schedule does not have.
    """
    if schedule == "uniform":
        return uniform_timesteps(samples, seed)
    return {"nested": nested_timesteps, "grid": grid_timesteps}[schedule](samples)


class NoiseSource(Protocol):
    """Standard normal noise of a latent's shape for the k-th timestep of a run."""

    name: str

    def noise(self, k: int, timestep: int) -> torch.Tensor:
        """Noise of shape (channels, height, width), float32, on the CPU."""

    def sha256(self, timesteps: tuple[int, ...]) -> str:
        """Hash over the float32 bytes of the noise of all timesteps, in order."""


def _hash(source: NoiseSource, timesteps: tuple[int, ...]) -> str:
    digest = hashlib.sha256()
    for k, timestep in enumerate(timesteps):
        digest.update(source.noise(k, timestep).numpy().tobytes())
    return digest.hexdigest()


class IndependentNoise:
    """Noise made on demand by a CPU generator that is seeded from (seed, timestep)."""

    name = "independent"

    def __init__(self, shape: tuple[int, int, int], seed: int) -> None:
        self.shape, self.seed = shape, seed
        self._made: OrderedDict[int, torch.Tensor] = OrderedDict()
        self._limit = max(1, NOISE_CACHE_BYTES // (4 * shape[0] * shape[1] * shape[2]))

    def noise(self, k: int, timestep: int) -> torch.Tensor:
        """Noise of a timestep, whatever its place `k` in the order; see `NoiseSource`."""
        del k
        if timestep not in self._made:
            # a hash, because generators seeded with neighbouring integers may be correlated
            key = hashlib.sha256(f"{self.seed}/{timestep}".encode()).digest()
            generator = torch.Generator().manual_seed(int.from_bytes(key[:7], "big"))
            self._made[timestep] = torch.randn(self.shape, generator=generator)
            if len(self._made) > self._limit:
                self._made.popitem(last=False)
        self._made.move_to_end(timestep)
        return self._made[timestep]

    def sha256(self, timesteps: tuple[int, ...]) -> str:
        """See `NoiseSource`."""
        return _hash(self, timesteps)


class AntitheticNoise(IndependentNoise):
    """Independent noise for pairs of timesteps that are 128 apart, the later one with its negative.

    What is linear in the noise cancels within a pair (Hammersley and Morton 1956), which lowers
    the variance of comparisons (docs/stopping.md). The partner depends on the timestep alone, so
    noise does not depend on the budget; in the nested order the first 8 timesteps are four pairs.
    """

    name = "antithetic"

    def __init__(self, shape: tuple[int, int, int], seed: int, apart: int = APART) -> None:
        super().__init__(shape, seed)
        self.apart = apart  # a power of two

    def noise(self, k: int, timestep: int) -> torch.Tensor:
        """Noise of a timestep, whatever its place `k` in the order; see `NoiseSource`."""
        place = timestep - FIRST
        second = place & self.apart
        made = super().noise(k, FIRST + (place ^ second))
        return -made if second else made


SOURCES: dict[Noise, type[IndependentNoise]] = {
    "antithetic": AntitheticNoise,
    "independent": IndependentNoise,
}


class NoiseBank2023:
    """Row k of `torch.randn(1000, channels, height, width)` from one generator seeded with `seed`.

    Only the rows that are needed are drawn: the generator fills the tensor in order.
    """

    name = "bank-2023"

    def __init__(self, shape: tuple[int, int, int], seed: int, rows: int) -> None:
        generator = torch.Generator().manual_seed(seed)
        # sizes that are not a multiple of 16 end in a differently drawn tail: take all rows then
        whole = shape[0] * shape[1] * shape[2] % 16 != 0
        self._bank = torch.randn((1000 if whole else rows, *shape), generator=generator)[:rows]

    def noise(self, k: int, timestep: int) -> torch.Tensor:
        """Noise of the k-th timestep, whatever its value; see `NoiseSource`."""
        del timestep
        return self._bank[k]

    def sha256(self, timesteps: tuple[int, ...]) -> str:
        """See `NoiseSource`."""
        return _hash(self, timesteps)


def noise_source(name: str, shape: tuple[int, int, int], seed: int, rows: int) -> NoiseSource:
    """The noise of that name for a run of `rows` timesteps. Raises InputError for another name."""
    if name == NoiseBank2023.name:
        return NoiseBank2023(shape, seed, rows)
    for known, source in SOURCES.items():
        if name == known:
            return source(shape, seed)
    raise InputError(f"--noise {name}: expected {', '.join(SOURCES)} or {NoiseBank2023.name}")
