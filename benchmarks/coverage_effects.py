"""Simulations of effect sizes, their means, and Monte-Carlo errors: cases of `coverage.py`."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from types import SimpleNamespace

import numpy as np

from benchmarks.simulation import Array, Case, Draw
from gdbench.metrics.jackknife import Pair, effect_interval, jackknife
from gdbench.metrics.mean_effects import mean_effect
from gdbench.metrics.measures import Recall
from gdbench.metrics.montecarlo import noise_errors
from gdbench.protocol import Label, Query

PAIR = Pair("x", "y", ("x", "y"))
NOISES: dict[str, Callable[[np.random.Generator, int], Array]] = {
    "normal": lambda rng, n: rng.normal(size=n),
    "heavy-tailed": lambda rng, n: rng.standard_t(5, n) / np.sqrt(5 / 3),
    "exponential": lambda rng, n: rng.exponential(size=n) - 1,
}


def effect_of(gap: float, n: tuple[int, int], scale: float = 1.0) -> float:
    """The true effect size of groups `gap` apart, with deviations `scale` and 1."""
    p, q = n[0] / sum(n), n[1] / sum(n)
    return gap / float(np.sqrt(p * scale**2 + q + p * q * gap**2))


def covers_effect(n: tuple[int, int], gap: float, scale: float = 1, noise: str = "normal") -> Draw:
    """Whether the interval of an effect size holds the truth."""
    truth = effect_of(gap, n, scale)

    def draw(rng: np.random.Generator) -> float:
        phi = {"x": gap + scale * NOISES[noise](rng, n[0]), "y": NOISES[noise](rng, n[1])}
        found = effect_interval(PAIR, phi)
        return float(found is not None and found[0] <= truth <= found[1])

    return draw


def rejects_effect(n: int, gap: float, alike: float) -> Draw:
    """Whether two models with the same effect are told apart; `alike`: correlation of their phi."""

    def draw(rng: np.random.Generator) -> float:
        models: list[dict[str, Array]] = [{}, {}]
        for group, centre in (("x", gap), ("y", 0.0)):
            common = rng.normal(size=n)
            for phi in models:
                own = rng.normal(size=n)
                phi[group] = centre + np.sqrt(alike) * common + np.sqrt(1 - alike) * own
        first, second = (jackknife(PAIR, phi) for phi in models)
        if first is None or second is None:
            return 1.0
        return float((first - second).p_value <= 0.05)

    return draw


def covers_mean(n: int, effect: float, pairs: int = 4, *, half: bool = False) -> Draw:
    """Whether the interval of a mean absolute effect holds the truth.

    All pairs have `effect`, in alternating directions; `half`: every other pair has none.
    """

    def draw(rng: np.random.Generator) -> float:
        phi: dict[str, Array] = {}
        chosen, seen, truth = [], [], []
        for k in range(pairs):
            d = 0.0 if half and k % 2 else effect
            gap = (-1) ** k * d / np.sqrt(1 - d * d / 4)
            x, y = rng.normal(gap, 1, n), rng.normal(size=n)
            phi |= {f"x{k}": x, f"y{k}": y}
            chosen.append(Pair(f"x{k}", f"y{k}", (f"x{k}", f"y{k}")))
            seen.append((x.mean() - y.mean()) / np.concatenate([x, y]).std())
            truth.append(d)
        # the permutations are for the p-value alone
        found = mean_effect(chosen, seen, phi, ["t"] * pairs, permutations=1)
        if found.low is None or found.high is None:
            return 0.0
        return float(found.low <= np.mean(truth) <= found.high)

    return draw


def noise_ratio(centre: float, width: float, timesteps: int, own: float, shared: float) -> Draw:
    """Stated over true error of an accuracy of 100 two-way items, over 30 runs stated, 1000 true.

    The wrong caption's error is larger by a gap of N(centre, width); noise is each item's `own`
    or `shared` by all.
    """
    labels = [
        Label(f"i{i}", Query.TEXT_RETRIEVAL, (0,), 1, 2, "s", f"i{i}", ()) for i in range(100)
    ]

    def draw(rng: np.random.Generator) -> float:
        gaps = rng.normal(centre, width, 100)

        def errors() -> Array:
            noise = own * rng.normal(size=(100, 2, timesteps))
            noise = 20 + noise + shared * rng.normal(size=(1, 2, timesteps))
            noise[:, 1] += gaps[:, None]
            return noise.astype(np.float32)

        # means over timesteps, drawn as such
        means = rng.normal(scale=own / np.sqrt(timesteps), size=(1000, 100, 2))
        means += rng.normal(scale=shared / np.sqrt(timesteps), size=(1000, 1, 2))
        true = np.std((means[..., 0] < means[..., 1] + gaps).mean(axis=1))
        stated: list[float] = []
        for _ in range(30):
            items = [SimpleNamespace(errors=e[None], unconditional_errors=None) for e in errors()]
            found = noise_errors([Recall("acc", ("s",))], labels, items)
            stated += [noise.se**2 for _, noise in found]
        measured = len(stated) == 30
        return float(np.sqrt(np.mean(stated)) / true) if measured else float("nan")

    return draw


def effect_cases() -> Iterator[Case]:
    """Effect sizes of one model, and of two that are alike."""
    for n_, gap, scale, noise in (
        ((5, 5), 0, 1, "normal"), ((5, 5), 1, 1, "normal"), ((5, 5), 3, 1, "normal"),
        ((5, 200), 0, 1, "normal"), ((5, 200), 1, 1, "normal"), ((5, 200), 1, 0.5, "normal"),
        ((5, 200), 2, 2, "normal"), ((6, 30), 1, 2, "normal"), ((10, 10), 2, 1, "normal"),
        ((10, 10), 4, 1, "normal"), ((40, 40), 1, 1, "normal"), ((250, 250), 0.3, 1, "normal"),
        ((40, 40), 1, 1, "heavy-tailed"), ((20, 20), 2, 1, "heavy-tailed"),
        ((10, 10), 2, 1, "exponential"), ((20, 20), 1, 1, "exponential"),
        ((20, 20), 2, 1, "exponential"), ((20, 20), -2, 1, "exponential"),
        ((10, 40), 2, 1, "exponential"), ((10, 40), -2, 1, "exponential"),
        ((20, 20), 4, 1, "exponential"), ((200, 200), 2, 1, "exponential"),
    ):  # fmt: skip
        title = f"{n_[0]} + {n_[1]}, d = {effect_of(gap, n_, scale):.2f}, {noise}"
        title += f", deviation x {scale}" if scale != 1 else ""
        yield Case("effects", title, covers_effect(n_, gap, scale, noise), 0.93, 1)
    for m, gap, alike in ((5, 2, 0.5), (10, 0, 0.5), (10, 3, 0.5), (40, 3, 0.8), (100, 3, 0)):
        title = f"{m} + {m}, d = {effect_of(gap, (m, m)):.2f}, correlation {alike}"
        yield Case("effect tests", title, rejects_effect(m, gap, alike), 0.02, 0.065)


def mean_cases() -> Iterator[Case]:
    """Means of absolute effects."""
    for m in (30, 250):
        for effect in (0.0, 0.05, 0.15, 0.3, 1.0):
            yield Case("means", f"4 x {m} + {m}, all {effect}", covers_mean(m, effect), 0.93, 1)
    for pairs, m in ((4, 30), (4, 250), (12, 50), (12, 250)):
        title = f"{pairs} x {m} + {m}, half .3"
        yield Case("means", title, covers_mean(m, 0.3, pairs, half=True), 0.93, 1)


def noise_cases() -> Iterator[Case]:
    """Monte-Carlo errors."""
    for name, (centre, width, own, shared) in {
        "at chance": (0, 0, 1, 0), "near chance": (0.02, 0.05, 1, 0), "p = .6": (0.1, 0.3, 1, 0),
        "p = .6, noise shared": (0.1, 0.3, 0.5, 1), "p = .9": (0.6, 0.3, 1, 0),
    }.items():  # fmt: skip
        for timesteps in (10, 20, 50):
            ratio = noise_ratio(centre, width, timesteps, own, shared)
            yield Case("noise", f"{name}, T = {timesteps}", ratio, 0.9, 1.15, boards=100)
