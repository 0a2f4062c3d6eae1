"""The training loop: step after step until done, from wherever the last checkpoint is."""

from __future__ import annotations

import contextlib
import json
import logging
import shutil
import time
from dataclasses import asdict, dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import torch
from torch import nn

from gdbench.errors import GdbenchError, InputError, RunMismatchError
from gdbench.finetune.batches import Sampler, places
from gdbench.finetune.checkpoint import (
    Checkpoints,
    State,
    going_on,
    load,
    random_state,
    restore_random_state,
)
from gdbench.finetune.examples import TrainingData
from gdbench.finetune.journal import Journal
from gdbench.finetune.loss import hard_negative_loss
from gdbench.finetune.network import Trainee, add_lora, pairs_of, restore
from gdbench.finetune.settings import HardNegSettings, Precision
from gdbench.finetune.validation import Validation
from gdbench.models.device_clock import DeviceClock
from gdbench.models.diffusion_itm.encoders import Encoders
from gdbench.models.diffusion_itm.families.sd import StableDiffusion
from gdbench.models.lora_file import WEIGHTS, read_lora, write_lora
from gdbench.progress import EvaluationBars, bars
from gdbench.store import write_atomically

logger = logging.getLogger(__name__)
STATS = ("loss", "positive", "negative", "clipped")


@dataclass(frozen=True)
class Summary:
    """The end of a run, as in `result.json`."""

    weights: str
    steps: int
    best_step: int | None
    """Step of the weights, where validation chose them; None: the last step's."""
    best_score: float | None


def make_accelerator(precision: Precision, *, cpu: bool) -> Any:
    """The accelerator of this process. Raises InputError for a precision the device lacks."""
    from accelerate import Accelerator
    from accelerate.utils import InitProcessGroupKwargs

    patience = InitProcessGroupKwargs(timeout=timedelta(hours=6))  # others wait for validation
    if precision == "fp16" and (cpu or not torch.cuda.is_available()):
        raise InputError("--precision fp16 needs a GPU; use bf16, or no for float32")
    return Accelerator(mixed_precision=precision, cpu=cpu, kwargs_handlers=[patience])


def claim(out: Path, settings: HardNegSettings) -> None:
    """Write a run's settings, or see that the folder holds a run of the same settings.

    Raises RunMismatchError naming the first difference, InputError where it cannot be written.
    """
    path = out / "settings.json"
    if not path.exists():
        if out.is_dir() and any(out.iterdir()):
            raise RunMismatchError(f"{out} is not empty and has no settings.json: choose another")
        try:
            out.mkdir(parents=True, exist_ok=True)
            write_atomically(path, settings.model_dump_json(indent=2).encode() + b"\n")
        except OSError as error:
            raise InputError(f"--out {out}: cannot be written ({error.strerror})") from None
        return
    try:
        was = HardNegSettings.model_validate_json(path.read_bytes())
    except ValueError:
        raise RunMismatchError(f"{path} cannot be read; choose another --out") from None
    for name in HardNegSettings.model_fields:
        if getattr(was, name) != getattr(settings, name):
            raise RunMismatchError(
                f"{out} holds another run: {name} is {getattr(was, name)!r} there and "
                f"{getattr(settings, name)!r} now; choose another --out"
            )


class Trainer:
    """One run of HardNeg-DiffusionITM; `run` does all of it or the rest of it."""

    def __init__(
        self,
        accelerator: Any,
        pipeline: StableDiffusion,
        data: TrainingData,
        settings: HardNegSettings,
        out: Path,
        *,
        validation: Validation | None = None,
        wandb_project: str | None = None,
        cache_dir: Path | None = None,
    ) -> None:
        """Prepare a run; `pipeline` gets a LoRA, whose parameters are the only ones trained."""
        self.accelerator, self.pipeline = accelerator, pipeline
        self.settings, self.out = settings, out
        self.validation, self.wandb_project = validation, wandb_project
        s = settings
        self.parameters: list[nn.Parameter] = add_lora(
            pipeline.network,
            rank=s.rank,
            alpha=s.alpha,
            cross_only=s.attention == "cross",
            seed=s.seed,
        )
        if s.gradient_checkpointing:
            pipeline.network.enable_gradient_checkpointing()
        pipeline.network.train()
        self.optimiser = torch.optim.AdamW(
            self.parameters, lr=s.learning_rate, weight_decay=s.weight_decay
        )
        self.unet, self.prepared = accelerator.prepare(pipeline.network, self.optimiser)
        clock = DeviceClock(accelerator.device)
        self.trainee = Trainee(pipeline, self.unet, Encoders(pipeline, clock, cache_dir))
        self.sampler = Sampler(data, s.negatives, pipeline.latent_shape, s.seed)
        self.checkpoints = Checkpoints(out / "checkpoints")
        self.state = State()
        self.display = bars(disable=not self.main)

    @property
    def main(self) -> bool:
        """Whether this process writes files."""
        return bool(self.accelerator.is_main_process)

    def run(self) -> Summary:
        """Train to the last step.

        Raises:
            GdbenchError: the loss is not finite; the last good checkpoint is kept.
            InputError: a checkpoint is damaged, or a picture cannot be read.
        """
        done = self.out / "result.json"
        summary = self._finished(done)
        if summary is not None:
            return summary
        self._resume()
        journal = None
        if self.main:
            settings = self.settings.model_dump(mode="json")
            journal = Journal(self.out, self.state.step, settings, self.wandb_project)
        try:
            with self.display:
                bar = self.display.add_task(
                    "training", total=self.settings.steps, completed=self.state.step, note=""
                )
                if self.validation and self.settings.validate_every and self.state.step == 0:
                    self._validate(self.validation, journal)
                while self.state.step < self.settings.steps:
                    stats = self._step()
                    if journal is not None:
                        journal.write(self.state.step, stats)
                        self.display.update(bar, completed=self.state.step, note=_note(stats))
                    self._after_step(journal)
        finally:
            if journal is not None:
                journal.close()
        return self._finish(done)

    def _finished(self, done: Path) -> Summary | None:
        """The end of a run that is whole; None: there is something to do."""
        if not done.exists():
            return None
        try:
            summary = Summary(**json.loads(done.read_text(encoding="utf-8")))
            read_lora(self.out / WEIGHTS)
        except (OSError, ValueError, TypeError, InputError) as error:
            logger.warning("%s: its result is damaged (%s); it is made again", self.out, error)
            return None
        return summary

    def _resume(self) -> None:
        latest = self.checkpoints.latest
        if latest is not None:
            with going_on(latest):
                self.state, pairs = load(latest, self.optimiser, self.parameters)
                restore(self.pipeline.network, pairs)
                rank = self.accelerator.process_index
                if rank < len(self.state.random_states):
                    restore_random_state(self.state.random_states[rank])
                if self.state.scaler and self.accelerator.scaler is not None:
                    self.accelerator.scaler.load_state_dict(self.state.scaler)
        best = self.out / "best" / WEIGHTS
        if self.state.best_step is not None and not best.is_file():
            raise InputError(
                f"{best} is gone, the best weights so far, of step {self.state.best_step}; put it "
                "back, or choose another --out"
            )
        if self.main:  # validations of steps that will be done again
            for folder in self.out.glob("validation/step-*"):
                number = folder.name.removeprefix("step-")
                if number.isdigit() and int(number) > self.state.step:
                    shutil.rmtree(folder)
        self.accelerator.wait_for_everyone()

    def _step(self) -> dict[str, float]:
        """One optimiser step. Raises GdbenchError before it would spoil the weights."""
        s, started, step = self.settings, time.perf_counter(), self.state.step
        sums = torch.zeros(len(STATS), device=self.accelerator.device)
        for micro in range(s.accumulation):
            batch = [self.sampler.at(place) for place in self._places(step, micro)]
            # decoded while the network works on this batch
            coming = [self.sampler.example(place) for place in self._places(step, micro + 1)]
            self.trainee.read_ahead(coming, negatives=s.negatives != "none")
            last = micro == s.accumulation - 1
            with contextlib.nullcontext() if last else self.accelerator.no_sync(self.unet):
                with self.accelerator.autocast():
                    positive, negative = self.trainee.errors(batch, negatives=s.negatives != "none")
                loss = hard_negative_loss(positive, negative, bound=s.bound, clip=s.clip)
                self.accelerator.backward(loss.value / s.accumulation)
            other = positive.new_zeros(()) if negative is None else negative.detach().mean()
            sums += torch.stack(
                [loss.value.detach(), positive.detach().mean(), other, loss.clipped]
            )
        means = self.accelerator.reduce(sums / s.accumulation, reduction="mean")
        stats = dict(zip(STATS, means.tolist(), strict=True))
        norm = float(self.accelerator.clip_grad_norm_(self.parameters, s.max_grad_norm))
        scaled = self.accelerator.scaler is not None  # the scaler skips steps that overflow
        if not bool(torch.isfinite(means).all()) or not (scaled or norm < float("inf")):
            self._stop(step + 1, stats["loss"], norm)
        rate = s.learning_rate_at(step)
        for group in self.optimiser.param_groups:
            group["lr"] = rate
        self.prepared.step()
        self.prepared.zero_grad()
        self.state.step += 1
        seconds = time.perf_counter() - started
        return {**stats, "learning_rate": rate, "gradient_norm": norm, "seconds": seconds}

    def _places(self, step: int, micro: int) -> range:
        """Of this process's examples; the micro-batch after a step's last is the next step's."""
        s = self.settings
        return places(
            step, micro, self.accelerator.process_index, processes=s.processes,
            accumulation=s.accumulation, size=s.batch_size,
        )  # fmt: skip

    def _stop(self, step: int, loss: float, norm: float) -> None:
        latest = self.checkpoints.latest
        kept = f"the last good checkpoint is {latest}" if latest else "there is no checkpoint yet"
        raise GdbenchError(
            f"loss {loss} and gradient norm {norm} at step {step} are not finite: training "
            f"stopped, {kept}; try a lower --learning-rate, a --warmup, or another --precision, "
            "with another --out"
        )

    def _after_step(self, journal: Journal | None) -> None:
        s, step = self.settings, self.state.step
        last = step == s.steps
        if self.validation and s.validate_every and (last or step % s.validate_every == 0):
            self._validate(self.validation, journal)
        if last or step % s.checkpoint_every == 0:
            self._checkpoint()

    def _validate(self, validation: Validation, journal: Journal | None) -> None:
        step = self.state.step
        if self.main:
            folder = self.out / "validation" / f"step-{step:08d}"
            shown = EvaluationBars(self.display)
            record = validation.run(self.pipeline, step, folder, self.accelerator.device, shown)
            shown.close()
            score = float(record.score or 0.0)
            if journal is not None:
                found = {metric.name: metric.value for metric in record.metrics}
                journal.write_validation(step, {**found, "score": score})
            best = self.state.best_score
            if step > 0 and (best is None or score > best):  # step 0 is the base, to compare with
                self.state.best_step, self.state.best_score = step, score
                note = {"step": str(step), "base_sha256": self.settings.base_sha256}
                write_lora(self.out / "best" / WEIGHTS, pairs_of(self.pipeline.network), note)
        self.accelerator.wait_for_everyone()

    def _checkpoint(self) -> None:
        from accelerate.utils import gather_object

        pairs = pairs_of(self.pipeline.network)
        for name, pair in pairs.items():
            if not (torch.isfinite(pair.down).all() and torch.isfinite(pair.up).all()):
                self._stop(self.state.step, float("nan"), float("nan"))
                raise AssertionError(name)
        self.state.random_states = gather_object([random_state()])
        scaler = self.accelerator.scaler
        self.state.scaler = scaler.state_dict() if scaler is not None else {}
        if self.main:
            self.checkpoints.save(self.state, pairs, self.optimiser)
        self.accelerator.wait_for_everyone()

    def _finish(self, done: Path) -> Summary:
        weights = self.out / WEIGHTS
        best = self.out / "best" / WEIGHTS
        summary = Summary(
            weights.name, self.state.step, self.state.best_step, self.state.best_score
        )
        if self.main:
            if self.state.best_step is not None:
                shutil.copyfile(best, weights)
            else:
                note = {"step": str(self.state.step), "base_sha256": self.settings.base_sha256}
                write_lora(weights, pairs_of(self.pipeline.network), note)
            write_atomically(done, json.dumps(asdict(summary), indent=2).encode() + b"\n")
        self.accelerator.wait_for_everyone()
        return summary


def _note(stats: dict[str, float]) -> str:
    """What the bar says of a step: with the bound reached, the loss alone is zero."""
    return (
        f"L_pos {stats['positive']:.3g}, L_neg {stats['negative']:.3g}, "
        f"clipped {100 * stats['clipped']:.0f} %"
    )
