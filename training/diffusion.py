"""Go on training a Stable Diffusion of version 1 on the scenes of version 2.

`python -m training.diffusion --work FOLDER --base PIPELINE --out NAME --minutes 45`; what is in
FOLDER/NAME.pt is resumed. The autoencoder stays as it is.
"""

from __future__ import annotations

import argparse
import copy
import time
from pathlib import Path

import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from transformers import CLIPTextModel

from gdbench.mini.scenes import COLUMNS, RELATIONS
from gdbench.mini.train.attention import full_precision_attention
from gdbench.mini.train.diffusion import DROPPED, LAYOUT_SHARE, MAX_WEIGHT, scheduler, timesteps
from gdbench.mini.train.layout import Layout, layout_loss
from gdbench.mini.train.pipeline import export
from gdbench.mini.train.probe import Matcher
from gdbench.mini.train.schedule import Average, cosine
from gdbench.mini.train.tokenizer import MAX_LENGTH
from gdbench.mini.train.tokenizer import build as build_tokenizer
from training import data
from training.probe import figures

BATCH = 32
PEAK = 7e-4
WARM_UP = 200
HEAD_ALONE = 200
"""First steps, in which only the layout's decoder learns: it begins with nothing."""
CHECKPOINT_SECONDS = 120
PROBE_SECONDS = 600


def draws(rows: torch.Tensor, ids: torch.Tensor) -> torch.Tensor:
    """Return scene numbers, those about places several times, being the hardest."""
    tokenizer = build_tokenizer()
    texts = tokenizer.batch_decode(ids, skip_special_tokens=True)
    times = torch.tensor([_times(text.strip()) for text in texts])
    return torch.arange(len(rows)).repeat_interleave(times[rows[:, 0]])


def _times(text: str) -> int:
    if text.rsplit(" ", 1)[-1] in COLUMNS:
        return 2
    return 2 if any(f" {relation} " in text for relation in RELATIONS) else 1


def loss(
    unet: UNet2DConditionModel,
    prompt: torch.Tensor,
    head: Layout,
    clean: torch.Tensor,
    signal: torch.Tensor,
) -> torch.Tensor:
    """Return the weighted error of the predicted noise, and a share of the layout's."""
    noise, t = torch.randn_like(clean), timesteps(len(clean))
    alpha = signal[t].view(-1, 1, 1, 1)
    noisy = alpha.sqrt() * clean + (1 - alpha).sqrt() * noise
    with torch.autocast("cpu", torch.bfloat16):
        predicted = unet(noisy, t, prompt).sample
    weight = ((1 - alpha) / alpha).sqrt().clamp(1.0, MAX_WEIGHT)
    error: torch.Tensor = (weight * (predicted.float() - noise).square()).mean()
    return error + LAYOUT_SHARE * layout_loss(prompt.float(), head, clean)


class Run:
    """A run that can be stopped: models, optimiser, averages and the time spent."""

    def __init__(self, work: Path, base: Path, name: str, seed: int) -> None:
        """Start from the pipeline `base`, or go on from `work`/`name`.pt."""
        self.state_file, self.out = work / f"{name}.pt", work / name
        self.vae = AutoencoderKL.from_pretrained(base / "vae", torch_dtype=torch.float32).eval()
        unet = UNet2DConditionModel.from_pretrained(base / "unet", torch_dtype=torch.float32)
        text = CLIPTextModel.from_pretrained(base / "text_encoder", dtype=torch.float32)
        torch.manual_seed(seed)
        head = Layout(text.config.hidden_size, self.vae.config.latent_channels)
        self.modules = [unet.train().to(memory_format=torch.channels_last), text.train(), head]
        self.averages = [Average(m, 0.999) for m in self.modules[:2]]
        parameters = [p for m in self.modules for p in m.parameters()]
        self.optimizer = torch.optim.AdamW(parameters, PEAK, betas=(0.9, 0.99), weight_decay=0.01)
        self.step, self.spent = 0, 0.0
        if self.state_file.exists():
            self._resume()
        torch.manual_seed(seed * 1000 + 1 + self.step)

    def _resume(self) -> None:
        state = torch.load(self.state_file, weights_only=True)
        for module, saved in zip(self.modules, state["modules"], strict=True):
            module.load_state_dict(saved)
        for average, saved in zip(self.averages, state["averages"], strict=True):
            average.restore(saved)
        self.optimizer.load_state_dict(state["optimizer"])
        self.step, self.spent = state["step"], state["spent"]

    def averaged(self) -> tuple[UNet2DConditionModel, CLIPTextModel]:
        """Return copies of U-Net and text encoder with averaged weights."""
        unet, text = (copy.deepcopy(module).eval() for module in self.modules[:2])
        for module, average in zip((unet, text), self.averages, strict=True):
            module.load_state_dict(average.weights, strict=False)
        return unet, text

    def save(self) -> None:
        """Write checkpoint and pipeline."""
        state = {
            "modules": [m.state_dict() for m in self.modules],
            "averages": [a.weights for a in self.averages],
            "optimizer": self.optimizer.state_dict(),
            "step": self.step,
            "spent": self.spent,
        }
        torch.save(state, self.state_file.with_suffix(".new"))
        self.state_file.with_suffix(".new").replace(self.state_file)
        export(self.out, self.vae, *self.averaged(), scheduler())


def train(work: Path, base: Path, name: str, *, minutes: float, peak: float, seed: int) -> None:
    """Train until `minutes` are spent, all resumed runs together."""
    full_precision_attention()
    run = Run(work, base, name, seed)
    means = data.latents(work / "data")
    ids, rows = data.captions(work / "data")
    chances = draws(rows, ids)
    print(f"{name}: {len(rows)} scenes, {len(ids)} captions, step {run.step}", flush=True)
    empty = torch.tensor(
        build_tokenizer()([""], padding="max_length", max_length=MAX_LENGTH).input_ids
    )
    signal, scale = scheduler().alphas_cumprod, float(run.vae.config.scaling_factor)
    unet, text, head = run.modules
    parameters = [p for m in run.modules for p in m.parameters()]
    running, total = 1.0, minutes * 60
    last = saved = probed = time.monotonic()
    while run.spent < total:
        for group in run.optimizer.param_groups:
            group["lr"] = cosine(run.step, run.spent / total, peak, warm_up=WARM_UP)
        chosen = chances[torch.randint(0, len(chances), (BATCH,))]
        captions = ids[rows[chosen, torch.randint(0, rows.shape[1], (BATCH,))]]
        clean = means[chosen].float() * scale
        if run.step < HEAD_ALONE:
            with torch.no_grad():
                prompt = text(captions).last_hidden_state
            error = layout_loss(prompt, head, clean)
        else:
            captions = torch.where(torch.rand(BATCH, 1) < DROPPED, empty, captions)
            with torch.autocast("cpu", torch.bfloat16):
                prompt = text(captions).last_hidden_state
            error = loss(unet, prompt, head, clean, signal)
        torch.autograd.backward(error)
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        run.optimizer.step()
        run.optimizer.zero_grad(set_to_none=True)
        run.step += 1
        for average, module in zip(run.averages, (unet, text), strict=True):
            average.update(module, max(0, run.step - HEAD_ALONE))
        running += (float(error.detach()) - running) * 0.01
        now = time.monotonic()
        run.spent, last = run.spent + now - last, now
        if run.step % 100 == 0:
            print(f"{name} step {run.step} {run.spent:.0f}s loss {running:.4f}", flush=True)
        done = run.spent >= total
        if done or now - saved > CHECKPOINT_SECONDS:
            saved = now
            run.save()
        if done or now - probed > PROBE_SECONDS:
            matcher = Matcher(run.vae, *run.averaged(), signal, timesteps=10)
            print(f"{name} step {run.step} validation: {figures(matcher.matrices, 24)}", flush=True)
            probed = last = time.monotonic()


def main() -> None:
    """Read the command line and train."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--work", type=Path, required=True)
    parser.add_argument("--base", type=Path, default=Path("gdbench/mini/weights/mini-sd"))
    parser.add_argument("--out", default="mini-sd", help="name of the model")
    parser.add_argument("--minutes", type=float, default=45)
    parser.add_argument("--peak", type=float, default=PEAK, help="peak learning rate")
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    torch.set_num_threads(1)
    train(
        given.work, given.base, given.out, minutes=given.minutes, peak=given.peak, seed=given.seed
    )


if __name__ == "__main__":
    main()
