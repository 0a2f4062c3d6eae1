"""The most bytes of tensors that are alive at once, counted without the device."""

from __future__ import annotations

import weakref
from collections.abc import Iterable
from typing import Any

from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class PeakBytes(TorchDispatchMode):  # type: ignore[no-untyped-call] # torch's own
    """Counts what operations allocate while it is entered, as CUDA's allocator would.

    Views and what is written in place allocate nothing. Workspaces that a library takes inside an
    operation are in no tensor, and so not counted; nor is anything of `before`, such as weights.
    """

    def __init__(self, before: Iterable[Tensor] = ()) -> None:
        super().__init__()  # type: ignore[no-untyped-call] # torch's own
        self.now = self.peak = 0
        # a storage lives as long as any tensor of its bytes
        self._alive: dict[int, weakref.ref[Any]] = {}
        for tensor in before:
            self._watch(tensor, 0)

    def __torch_dispatch__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Run one operation and count what it made."""
        out = func(*args, **(kwargs or {}))
        for made in tree_leaves(out):
            if isinstance(made, Tensor):
                self._watch(made, made.untyped_storage().nbytes())
        self.peak = max(self.peak, self.now)
        return out

    def _watch(self, tensor: Tensor, size: int) -> None:
        storage = tensor.untyped_storage()
        key = id(storage)
        if key in self._alive:
            return

        def gone(_: object) -> None:
            self.now -= size
            del self._alive[key]

        self._alive[key] = weakref.ref(storage, gone)
        self.now += size
