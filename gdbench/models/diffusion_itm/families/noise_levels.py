"""The noise process of a pipeline, from its scheduler's configuration."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from gdbench.errors import InputError
from gdbench.models.diffusion_itm.denoiser import Flow, Prediction, VariancePreserving

CONFIG = "scheduler_config.json"
TRAINED = 1000  # timesteps of the process; the order of timesteps is made for it
_PROCESS = ("beta_start", "beta_end", "beta_schedule", "trained_betas", "rescale_betas_zero_snr")
_BETAS = {"linear", "scaled_linear", "squaredcos_cap_v2"}


def variance_preserving(config: Mapping[str, Any], where: str) -> VariancePreserving:
    """The process of a DDPM-like scheduler. Raises InputError for one that is not known."""
    named = config.get("prediction_type", "epsilon")
    if named not in ("epsilon", "v_prediction"):
        raise InputError(f"{where} has prediction_type {named!r}; expected epsilon or v_prediction")
    if config.get("num_train_timesteps", TRAINED) != TRAINED:
        raise InputError(f"{where}: the scheduler must have num_train_timesteps {TRAINED}")
    if config.get("trained_betas") is None and config.get("beta_schedule", "linear") not in _BETAS:
        raise InputError(f"{where}: unknown beta_schedule {config.get('beta_schedule')!r}")
    from diffusers import DDPMScheduler

    keys: tuple[str, ...] = (
        "beta_start",
        "beta_end",
        "beta_schedule",
        "trained_betas",
        "rescale_betas_zero_snr",
    )
    make: Any = DDPMScheduler  # no type information
    if str(config.get("_class_name", "")).startswith("CogVideoX"):
        # these move the ratio of signal and noise, too
        from diffusers import CogVideoXDDIMScheduler

        make = CogVideoXDDIMScheduler
        keys = (*keys, "snr_shift_scale")
    known = {key: config[key] for key in keys if config.get(key) is not None}
    alphas: torch.Tensor = make(num_train_timesteps=TRAINED, **known).alphas_cumprod
    prediction: Prediction = "epsilon" if named == "epsilon" else "v_prediction"
    return VariancePreserving(alphas, prediction)


def named_prediction(config: Mapping[str, Any]) -> str:
    """What a network predicts by its scheduler's configuration: `flow`, or as it is named there."""
    named = str(config.get("prediction_type", "epsilon"))
    matching = str(config.get("_class_name", "")).startswith("FlowMatch")
    return "flow" if matching or named == "flow_prediction" else named


def as_asked(config: Mapping[str, Any], asked: str | None, where: str) -> dict[str, Any]:
    """A scheduler's configuration with the prediction that a user says the network has.

    Raises InputError where a flow is asked for and the scheduler is of another process, or the
    other way round.
    """
    named = named_prediction(config)
    if asked in (None, named):
        return dict(config)
    if "flow" in (asked, named):
        raise InputError(
            f"--prediction {asked}: {where} names {config.get('_class_name')}, with which a "
            f"network predicts {named if named == 'flow' else 'epsilon or v_prediction'}"
        )
    return {**config, "prediction_type": asked}


def flow(config: Mapping[str, Any], where: str, mu: float) -> Flow:
    """The noise levels of a flow, moved as the scheduler moves them.

    The level w of timestep t is t / 1000, moved by a fixed `shift` (Esser et al. 2024, section
    5.3.2) or, with `use_dynamic_shifting`, by `mu` (see `dynamic_shift`), and stretched to
    `shift_terminal` where there is one: the levels of diffusers' FlowMatchEulerDiscreteScheduler
    on its whole grid of 1000 steps.

    Raises InputError for a scheduler of another kind.
    """
    if named_prediction(config) != "flow":
        raise InputError(f"{where} names {config.get('_class_name')}; expected one of a flow")
    if config.get("num_train_timesteps", TRAINED) != TRAINED:
        raise InputError(f"{where}: the scheduler must have num_train_timesteps {TRAINED}")
    plain = np.arange(1, TRAINED + 1, dtype=np.float64) / TRAINED
    if not str(config["_class_name"]).startswith("FlowMatch"):
        shift = float(config.get("flow_shift") or 1.0)
        return _table(shift * plain / (1.0 + (shift - 1.0) * plain))
    from diffusers import FlowMatchEulerDiscreteScheduler

    make: Any = FlowMatchEulerDiscreteScheduler  # no type information
    scheduler = make.from_config(dict(config))
    moves = scheduler.config.use_dynamic_shifting
    moved = {"mu": mu} if moves else {}
    scheduler.set_timesteps(sigmas=plain[::-1].astype(np.float32).copy(), **moved)
    return _table(scheduler.sigmas[:TRAINED].flip(0).double().numpy())


def dynamic_shift(config: Mapping[str, Any], tokens: int) -> float:
    """Mu of a scheduler for a sequence length, linear between two lengths, as in the pipelines."""
    low, high = config.get("base_image_seq_len", 256), config.get("max_image_seq_len", 4096)
    bottom, top = config.get("base_shift", 0.5), config.get("max_shift", 1.15)
    slope = (top - bottom) / (high - low)
    return float(tokens * slope + bottom - slope * low)


def _table(levels: np.ndarray) -> Flow:
    """From the levels of timesteps 1 to 1000 to those of 0 to 999."""
    return Flow(torch.from_numpy(np.concatenate([[0.0], levels[:-1]])).float())
