"""Does a model keep the protocol? Run in seconds, on drawn pictures and odd inputs."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from PIL import Image

from gdbench.errors import GdbenchError
from gdbench.foreign import describe_fault
from gdbench.protocol import ITMModel, Matrix

TOLERANCE = 1e-4  # relative to the spread of the scores


class Check(NamedTuple):
    """One line of the report."""

    name: str
    passed: bool
    detail: str


def _pictures() -> list[Image.Image]:
    """Three plain drawings of different sizes: they need no data and no trained model."""
    colours = ((200, 30, 30), (30, 30, 200), (240, 240, 240))
    sizes = ((64, 64), (96, 64), (64, 128))
    pictures = []
    for colour, size in zip(colours, sizes, strict=True):
        picture = Image.new("RGB", size, colour)
        picture.paste((255, 220, 0), (0, 0, max(1, size[0] // 2), max(1, size[1] // 2)))
        pictures.append(picture)
    return pictures


# Four, so that a matrix of (texts, images) has another shape; one is too long for most tokenizers.
TEXTS = ("a red picture", "a blue picture", "a white picture", "a picture of a red square " * 20)


def check(model: ITMModel) -> list[Check]:
    """All checks; one that raises is a failed one with its fault in the detail."""
    images, texts = _pictures(), list(TEXTS)
    results: list[Check] = []
    reference: Matrix = np.empty((0, 0))

    def attempt(name: str, test: Callable[[], str]) -> None:
        try:
            results.append(Check(name, passed=True, detail=test()))
        except AssertionError as error:
            results.append(Check(name, passed=False, detail=str(error)))
        except GdbenchError as error:
            results.append(Check(name, passed=False, detail=str(error)))
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # noqa: BLE001 # a stranger's model can raise anything: that is the finding
            results.append(Check(name, passed=False, detail=describe_fault(error)))

    def shape() -> str:
        nonlocal reference
        start = time.perf_counter()
        reference = np.asarray(model.score(images, texts))
        seconds = time.perf_counter() - start
        _require(
            reference.shape == (len(images), len(texts)),
            f"shape {reference.shape}, expected {(len(images), len(texts))} (images, texts)",
        )
        return f"{reference.shape}, {seconds / reference.size * 1000:.1f} ms a pair"

    attempt("shape of the scores", shape)
    if not results[-1].passed:
        return results
    attempt("finite scores", lambda: _finite(reference))
    for name, test in _comparisons(model, images, texts, reference):
        attempt(name, test)
    return results


def _comparisons(
    model: ITMModel, images: list[Image.Image], texts: list[str], reference: Matrix
) -> Iterator[tuple[str, Callable[[], str]]]:
    yield "same input, same score", lambda: _close(model.score(images, texts), reference)
    yield (
        "order of images does not matter",
        lambda: _close(model.score(images[::-1], texts), reference[::-1]),
    )
    yield (
        "order of texts does not matter",
        lambda: _close(model.score(images, texts[::-1]), reference[:, ::-1]),
    )
    yield (
        "a pair scores alone as in a batch",
        lambda: _close(model.score(images[:1], texts[:1]), reference[:1, :1]),
    )


def _finite(scores: Matrix) -> str:
    _require(bool(np.isfinite(scores).all()), "NaN or infinity among the scores")
    return f"scores from {np.min(scores):.4g} to {np.max(scores):.4g}"


def _close(found: Matrix, reference: Matrix) -> str:
    found = np.asarray(found)
    _require(found.shape == reference.shape, f"shape {found.shape}, expected {reference.shape}")
    spread = float(np.abs(reference).max()) or 1.0
    worst = float(np.abs(found - reference).max()) / spread
    _require(worst <= TOLERANCE, f"relative difference {worst:.1e}, allowed {TOLERANCE:.0e}")
    return f"relative difference {worst:.0e}"


def _require(condition: bool, message: str) -> None:  # noqa: FBT001 # a condition, not an option
    if not condition:
        raise AssertionError(message)
