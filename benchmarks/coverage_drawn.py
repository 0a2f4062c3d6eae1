"""Intervals of shares and scores on shapes that nobody chose: sizes, rates, clusters are drawn.

    python -m benchmarks.coverage_drawn [--shapes 40] [--boards 1000] [--seed 2026]

The methods were chosen with the shapes of `benchmarks.coverage` in view. Here the number of parts
or clusters, their sizes, their accuracies and how strongly clusters hang together come from a
generator, and every shape that is drawn is told, whatever comes out.
"""

from __future__ import annotations

import argparse

import numpy as np

from benchmarks.coverage import Design, covers, covers_difference, covers_score
from benchmarks.simulation import Case, measure

_LARGEST = 400


def drawn_design(rng: np.random.Generator) -> Design:
    """Clusters of one part, or a macro average of parts."""
    macro = bool(rng.random() < 0.5)
    count = int(np.exp(rng.uniform(np.log(2 if macro else 10), np.log(60))))
    largest = np.exp(rng.uniform(0, np.log(_LARGEST if macro else 20)))
    sizes = tuple(np.exp(rng.uniform(0, np.log(largest + 1), count)).astype(int).tolist())
    typical = float(rng.choice([0.5, 0.7, 0.85, 0.95, 0.98, 0.995]))
    if not macro:
        return Design(sizes, typical, float(rng.choice([0.0, 0.7, 2.0, 6.0])))
    # parts differ in how hard they are
    rates = rng.beta(20 * typical, 20 * (1 - typical), count) if rng.random() < 0.5 else typical
    return Design(sizes, tuple(np.atleast_1d(rates).tolist() * (1 if np.ndim(rates) else count)),
                  macro=True)  # fmt: skip


def described(design: Design) -> str:
    """What was drawn, in a line."""
    rates = np.atleast_1d(np.asarray(design.rates, dtype=float))
    size = f"{len(design.sizes)} of {min(design.sizes)} to {max(design.sizes)}"
    rate = f"{rates.min():.3g}" + (f" to {rates.max():.3g}" if np.ptp(rates) else "")
    kind = (
        "macro" if design.macro else f"clusters ({design.spread:g})" if design.spread else "items"
    )
    return f"{kind} {size}, p = {rate}"


def cases(shapes: int, seed: int) -> list[Case]:
    """So many shapes of each kind."""
    rng = np.random.default_rng(seed)
    found = []
    for _ in range(shapes):
        design = drawn_design(rng)
        found.append(Case("shares", described(design), covers(design), 0.93, 1))
    for _ in range(shapes // 2):
        parts = {str(i): drawn_design(rng) for i in range(int(rng.integers(2, 7)))}
        name = f"{len(parts)} metrics, {sum(sum(d.sizes) for d in parts.values())} items"
        found.append(Case("scores", name, covers_score(parts), 0.93, 1))
    for _ in range(shapes // 2):
        first = drawn_design(rng)
        worse = tuple(np.broadcast_to(np.asarray(first.rates) * 0.95, len(first.sizes)).tolist())
        second = Design(first.sizes, worse, first.spread, first.macro)
        found.append(
            Case("differences", described(first), covers_difference(first, second), 0.93, 1)
        )
    return found


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shapes", type=int, default=40)
    parser.add_argument("--boards", type=int, default=1000)
    parser.add_argument("--seed", type=int, default=2026)
    options = parser.parse_args()
    by_section: dict[str, list[float]] = {}
    for case in cases(options.shapes, options.seed):
        value, n = measure(case, options.boards)
        by_section.setdefault(case.section, []).append(value)
        mark = "" if value >= case.low else "  <- below 93 %"
        print(f"{case.section:<13}{case.name:<45}{100 * value:5.1f}%  ({n}){mark}", flush=True)
    for section, values in by_section.items():
        low, median, high = 100 * np.quantile(values, [0, 0.5, 1])
        short = sum(v < 0.93 for v in values)
        print(
            f"{section}: {len(values)} shapes, least {low:.1f}, median {median:.1f}, "
            f"most {high:.1f} %; below 93 %: {short}"
        )


if __name__ == "__main__":
    main()
