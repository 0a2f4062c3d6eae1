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
    refuse_mixed(where, spread)
    if spread.devices is not None:
        from gdbench.engines.processes import ProcessEngine, device_list

        with ProcessEngine(request, where, device_list(spread.devices)) as engine:
            yield engine
        return
    if spread.engine == "ray":
        from gdbench.engines.ray_engine import RayEngine

        with RayEngine(request, where, spread) as engine:
            yield engine
        return
    from gdbench.engines.local import LocalEngine
    from gdbench.models import load_request
    from gdbench.models.own import own_model

    yield LocalEngine(own_model(load_request(request, where)), where.item_timeout)


def refuse_mixed(where: Where, spread: Spread) -> None:
    """Raise InputError where one way of spreading a run was given options of another."""
    if spread.devices is None:
        for name in ("workers", "address"):
            if spread.engine != "ray" and getattr(spread, name) is not None:
                raise InputError(f"--{name} is for --engine ray")
        return
    for name, value in (
        ("engine ray", spread.engine == "ray" or None),
        ("workers", spread.workers),
        ("address", spread.address),
        ("device", where.device),
    ):
        if value is not None:
            raise InputError(f"--devices {spread.devices}: leave --{name} out")


def processes_of(where: Where, spread: Spread) -> int | None:
    """How many processes share the work, all shards together; None: as many as Ray has workers.

    Raises InputError for a spread that cannot be had.
    """
    from gdbench.engines.processes import device_list
    from gdbench.engines.shards import ShardOf

    refuse_mixed(where, spread)
    shards = 1 if spread.shard is None else ShardOf.parse(spread.shard).count
    if spread.devices is not None:
        return shards * len(device_list(spread.devices))
    if spread.engine == "ray":
        return None if spread.workers is None else shards * spread.workers
    return shards
