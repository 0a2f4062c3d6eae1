"""Where a model runs: in this process, or in many workers; which items each of them scores.

No score depends on it: noise follows from seed and timestep, and the log is put in the order of
the items at its end.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from gdbench.engines.base import Engine
from gdbench.errors import InputError
from gdbench.run import ModelRequest, Spread, Where


@contextmanager
def opened(request: ModelRequest, where: Where, spread: Spread) -> Iterator[Engine]:
    """The engine that was asked for, with the model loaded; workers end with the block.

    Raises GdbenchError with one line where the model or the cluster cannot be had.
    """
    if spread.devices is not None:
        yield from _on_devices(request, where, spread, spread.devices)
        return
    if spread.engine == "ray":
        from gdbench.engines.ray_engine import RayEngine

        with RayEngine(request, where, spread) as engine:
            yield engine
        return
    for name in ("workers", "address"):
        if getattr(spread, name) is not None:
            raise InputError(f"--{name} is for --engine ray")
    from gdbench.engines.local import LocalEngine
    from gdbench.models import load_request
    from gdbench.models.own import own_model

    yield LocalEngine(own_model(load_request(request, where)), where.item_timeout)


def _on_devices(
    request: ModelRequest, where: Where, spread: Spread, devices: str
) -> Iterator[Engine]:
    for name, value in (
        ("engine ray", spread.engine == "ray" or None),
        ("workers", spread.workers),
        ("address", spread.address),
        ("device", where.device),
    ):
        if value is not None:
            raise InputError(f"--devices {devices}: leave --{name} out")
    from gdbench.engines.processes import ProcessEngine, device_list

    with ProcessEngine(request, where, device_list(devices)) as engine:
        yield engine
