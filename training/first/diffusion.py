"""Train the U-Net and its text encoder together on cached latents."""

from __future__ import annotations

import copy
import time
from pathlib import Path

import torch
from diffusers import AutoencoderKL, EulerDiscreteScheduler, UNet2DConditionModel
from transformers import CLIPTextConfig, CLIPTextModel

from training.first.attention import full_precision_attention
from training.first.data import latents
from training.first.layout import Layout, layout_loss
from training.first.parallel import agree, average_gradients, start
from training.first.pipeline import export
from training.first.positions import mark_borders
from training.first.probe import Matcher, accuracies
from training.first.schedule import Average, cosine
from training.first.tokenizer import MAX_LENGTH
from training.first.tokenizer import build as build_tokenizer
from training.first.vae import LATENT_CHANNELS

WIDTH = 128
BATCH = 32  # per process
RATE = 1.6e-3
MAX_WEIGHT = 5.0
LAYOUT_SHARE = 0.3
DROPPED = 0.1
EARLY_MINUTES = 12.0
CHECKPOINT_SECONDS = 150
PROBE_SECONDS = 480


def build() -> tuple[UNet2DConditionModel, CLIPTextModel]:
    """Return the untrained U-Net and text encoder."""
    tokenizer = build_tokenizer()
    text = CLIPTextModel(
        CLIPTextConfig(
            vocab_size=len(tokenizer),
            hidden_size=WIDTH,
            intermediate_size=384,
            projection_dim=WIDTH,
            num_hidden_layers=3,
            num_attention_heads=4,
            max_position_embeddings=MAX_LENGTH,
            bos_token_id=tokenizer.bos_token_id,
            eos_token_id=tokenizer.eos_token_id,
            pad_token_id=tokenizer.pad_token_id,
        )
    )
    unet = UNet2DConditionModel(
        sample_size=8,
        in_channels=LATENT_CHANNELS,
        out_channels=LATENT_CHANNELS,
        block_out_channels=(64, 128),
        layers_per_block=1,
        down_block_types=("CrossAttnDownBlock2D",) * 2,
        up_block_types=("CrossAttnUpBlock2D",) * 2,
        cross_attention_dim=WIDTH,
        attention_head_dim=(2, 4),  # the number of heads, by diffusers' old name; 32 wide each
        norm_num_groups=16,
        time_embedding_dim=128,
    )
    mark_borders(unet)
    return unet, text


def start_from(base: Path | None) -> tuple[UNet2DConditionModel, CLIPTextModel]:
    """Return U-Net and text encoder of the pipeline in the folder `base`, or untrained ones."""
    if base is None:
        return build()
    unet = UNet2DConditionModel.from_pretrained(base / "unet", torch_dtype=torch.float32)
    text = CLIPTextModel.from_pretrained(base / "text_encoder", dtype=torch.float32)
    return unet.train(), text.train()


def scheduler() -> EulerDiscreteScheduler:
    """Return the schedule of Stable Diffusion 2.1-base."""
    return EulerDiscreteScheduler(
        num_train_timesteps=1000,
        beta_start=0.00085,
        beta_end=0.012,
        beta_schedule="scaled_linear",
        prediction_type="epsilon",
        timestep_spacing="leading",
        steps_offset=1,
    )


def timesteps(count: int) -> torch.Tensor:
    """Return `count` timesteps: a third uniform, the others where the text decides most."""
    uniform = torch.rand(count)
    middle = torch.sigmoid(0.9 + 0.8 * torch.randn(count))
    chosen = torch.where(torch.rand(count) < 1 / 3, uniform, middle)
    return (chosen * 1000).long().clamp(0, 999)


def train(
    folder: Path,
    *,
    minutes: float,
    scenes: int = 100_000,
    resume: bool = False,
    peak: float = RATE,
    base: Path | None = None,
) -> None:
    """Train until `minutes` of wall clock are spent, all resumed runs together.

    Starts from the pipeline in the folder `base`, if given, and from what the layout stage left
    in `folder`/layout.pt.

    Writes checkpoints to `folder`/sd.pt, the pipeline to `folder`/mini-sd and, once, the early
    one to `folder`/mini-sd-early.
    """
    rank, world = start()
    vae = AutoencoderKL.from_pretrained(folder / "vae")
    means, ids, rows, draws = latents(folder, vae, scenes)
    torch.manual_seed(0)
    full_precision_attention()
    unet, text, head = _parts(folder, base)
    modules: list[torch.nn.Module] = [unet, text, head]
    parameters = [p for m in modules for p in m.parameters()]
    optimizer = torch.optim.AdamW(parameters, RATE, betas=(0.9, 0.99), weight_decay=0.01)
    averages = [Average(m, 0.999) for m in (unet, text)]
    state_file, step, before = folder / "sd.pt", 0, 0.0
    if resume and state_file.exists():
        step, before = _resume(state_file, modules, averages, optimizer)
    torch.manual_seed(1 + step * world + rank)
    signal = scheduler().alphas_cumprod
    empty = build_tokenizer()([""], padding="max_length", max_length=MAX_LENGTH).input_ids
    started = saved_at = probed_at = time.monotonic()
    spent, running = before, 1.0
    while spent < minutes * 60:
        for group in optimizer.param_groups:
            group["lr"] = cosine(step, spent / (minutes * 60), peak, warm_up=300)
        chosen = draws[torch.randint(0, len(draws), (BATCH,))]
        captions = ids[rows[chosen, torch.randint(0, rows.shape[1], (BATCH,))]]
        captions = torch.where(torch.rand(BATCH, 1) < DROPPED, torch.tensor(empty), captions)
        loss = _loss(unet, text, head, means[chosen].float(), captions, signal)
        torch.autograd.backward(loss)
        average_gradients(modules, world)
        torch.nn.utils.clip_grad_norm_(parameters, 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        step += 1
        for average, module in zip(averages, (unet, text), strict=True):
            average.update(module, step)
        running += (float(loss.detach()) - running) * 0.01
        now = time.monotonic()
        spent = agree(before + now - started, world)
        if rank > 0:
            continue
        if step % 100 == 0:
            print(f"sd step {step} {spent:.0f}s loss {running:.4f}", flush=True)
        done = spent >= minutes * 60
        if done or now - saved_at > CHECKPOINT_SECONDS:
            saved_at = now
            _checkpoint(state_file, modules, averages, optimizer, step, spent)
            _export(folder, vae, _averaged(modules, averages), early=spent > EARLY_MINUTES * 60)
        if done or now - probed_at > PROBE_SECONDS:
            probed_at = now
            matcher = Matcher(vae, *_averaged(modules, averages), signal, timesteps=10)
            figures = {k: accuracies(matcher, k, 64) for k in ("colour", "binding", "relation")}
            print(
                f"sd step {step} {spent:.0f}s held out, n=64, 10 timesteps: {figures}", flush=True
            )


def _parts(folder: Path, base: Path | None) -> tuple[UNet2DConditionModel, CLIPTextModel, Layout]:
    """Return the U-Net, and the text encoder and the decoder that the layout stage trained."""
    unet, text = start_from(base)
    head = Layout(WIDTH, LATENT_CHANNELS)
    trained = torch.load(folder / "layout.pt", weights_only=True)
    text.load_state_dict(trained["text"])
    head.load_state_dict(trained["head"])
    return unet.to(memory_format=torch.channels_last), text, head


def _loss(
    unet: UNet2DConditionModel,
    text: CLIPTextModel,
    head: Layout,
    clean: torch.Tensor,
    captions: torch.Tensor,
    signal: torch.Tensor,
) -> torch.Tensor:
    """Return the error of the predicted noise, for latents (n, c, h, w) and token ids (n, m).

    A share of the layout's error is added, so that the text encoder does not forget it.
    """
    noise, t = torch.randn_like(clean), timesteps(len(clean))
    alpha = signal[t].view(-1, 1, 1, 1)
    noisy = alpha.sqrt() * clean + (1 - alpha).sqrt() * noise
    with torch.autocast("cpu", torch.bfloat16):
        prompt = text(captions).last_hidden_state
        predicted = unet(noisy, t, prompt).sample
    # Where things are is decided while the noise is strong; there errors of the noise are small.
    weight = ((1 - alpha) / alpha).sqrt().clamp(1.0, MAX_WEIGHT)
    error: torch.Tensor = (weight * (predicted.float() - noise).square()).mean()
    return error + LAYOUT_SHARE * layout_loss(prompt.float(), head, clean)


def _export(
    folder: Path,
    vae: AutoencoderKL,
    parts: tuple[UNet2DConditionModel, CLIPTextModel],
    *,
    early: bool,
) -> None:
    export(folder / "mini-sd", vae, *parts, scheduler())
    if early and not (folder / "mini-sd-early").exists():
        export(folder / "mini-sd-early", vae, *parts, scheduler())


def _resume(
    path: Path,
    modules: list[torch.nn.Module],
    averages: list[Average],
    optimizer: torch.optim.Optimizer,
) -> tuple[int, float]:
    """Load a checkpoint; return its step and the seconds spent."""
    state = torch.load(path, weights_only=True)
    for module, saved in zip(modules, state["modules"], strict=True):
        module.load_state_dict(saved)
    for average, saved in zip(averages, state["averages"], strict=True):
        average.restore(saved)
    optimizer.load_state_dict(state["optimizer"])
    return state["step"], state["spent"]


def _averaged(
    modules: list[torch.nn.Module], averages: list[Average]
) -> tuple[UNet2DConditionModel, CLIPTextModel]:
    unet, text = (copy.deepcopy(module).eval() for module in modules[:2])
    for module, average in zip((unet, text), averages, strict=True):
        module.load_state_dict(average.weights, strict=False)
    return unet, text


def _checkpoint(
    path: Path,
    modules: list[torch.nn.Module],
    averages: list[Average],
    optimizer: torch.optim.Optimizer,
    step: int,
    spent: float,
) -> None:
    state = {
        "modules": [m.state_dict() for m in modules],
        "averages": [a.weights for a in averages],
        "optimizer": optimizer.state_dict(),
        "step": step,
        "spent": spent,
    }
    torch.save(state, path.with_suffix(".new"))
    path.with_suffix(".new").replace(path)
