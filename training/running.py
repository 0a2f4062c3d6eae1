"""What every training of version 2 shares: the clock, checkpoints, the rate, the log."""

from __future__ import annotations

import copy
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import torch

from training.first.schedule import Average, cosine

CHECKPOINT_SECONDS = 120
PROBE_SECONDS = 420
WARM_UP = 200


class Running:
    """A run that can be stopped and goes on from its checkpoint, with the time spent so far."""

    def __init__(
        self, work: Path, name: str, modules: Sequence[torch.nn.Module], peak: float, seed: int
    ) -> None:
        """Go on from `work`/`name`.pt where it is there."""
        self.name, self.peak, self.modules = name, peak, list(modules)
        self.file = work / f"{name}.pt"
        self.parameters = [p for m in self.modules for p in m.parameters() if p.requires_grad]
        self.optimizer = torch.optim.AdamW(
            self.parameters, peak, betas=(0.9, 0.98), weight_decay=0.02
        )
        self.averages = [Average(m, 0.998) for m in self.modules]
        self.step, self.spent, self.error = 0, 0.0, 1.0
        if self.file.exists():
            state = torch.load(self.file, weights_only=True)
            for module, saved in zip(self.modules, state["modules"], strict=True):
                module.load_state_dict(saved)
            for average, saved in zip(self.averages, state["averages"], strict=True):
                average.restore(saved)
            self.optimizer.load_state_dict(state["optimizer"])
            self.step, self.spent = state["step"], state["spent"]
        torch.manual_seed(seed * 1000 + 1 + self.step)

    def averaged(self) -> list[torch.nn.Module]:
        """Return copies of the modules with averaged weights, for measuring."""
        copies = [copy.deepcopy(module).eval() for module in self.modules]
        for module, average in zip(copies, self.averages, strict=True):
            module.load_state_dict(average.weights, strict=False)
        return copies

    def _save(self) -> None:
        state = {
            "modules": [m.state_dict() for m in self.modules],
            "averages": [a.weights for a in self.averages],
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "spent": self.spent,
        }
        torch.save(state, self.file.with_suffix(".new"))
        self.file.with_suffix(".new").replace(self.file)

    def train(
        self,
        minutes: float,
        loss: Callable[[], torch.Tensor],
        write: Callable[[list[torch.nn.Module]], None],
        probe: Callable[[list[torch.nn.Module]], object],
    ) -> None:
        """Step until `minutes` of wall clock are spent; `write` exports, `probe` is printed."""
        total = minutes * 60
        last = saved = probed = time.monotonic()
        while self.spent < total:
            for group in self.optimizer.param_groups:
                group["lr"] = cosine(self.step, self.spent / total, self.peak, warm_up=WARM_UP)
            error = loss()
            torch.autograd.backward(error)
            torch.nn.utils.clip_grad_norm_(self.parameters, 1.0)
            self.optimizer.step()
            self.optimizer.zero_grad(set_to_none=True)
            self.step += 1
            for average, module in zip(self.averages, self.modules, strict=True):
                average.update(module, self.step)
            self.error += (float(error.detach()) - self.error) * 0.01
            now = time.monotonic()
            self.spent, last = self.spent + now - last, now
            if self.step % 100 == 0:
                print(
                    f"{self.name} step {self.step} {self.spent:.0f}s loss {self.error:.4f}",
                    flush=True,
                )
            done = self.spent >= total
            if done or now - saved > CHECKPOINT_SECONDS:
                saved = now
                self._save()
                write(self.averaged())
            if done or now - probed > PROBE_SECONDS:
                print(f"{self.name} step {self.step} {probe(self.averaged())}", flush=True)
                probed = last = time.monotonic()
