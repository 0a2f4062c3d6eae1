"""Reading a Stable-Diffusion-layout pipeline, part by part, from a folder or the hub."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from gdbench.errors import InputError
from gdbench.models.diffusion_itm.denoiser import Prediction
from gdbench.models.diffusion_itm.devices import default_memory_format

PARTS = ("unet", "vae", "text_encoder", "tokenizer", "scheduler")
_CLASSES = {
    "unet": "UNet2DConditionModel",
    "vae": "AutoencoderKL",
    "text_encoder": "CLIPTextModel",
}
_WEIGHTS = {
    "unet": "diffusion_pytorch_model",
    "vae": "diffusion_pytorch_model",
    "text_encoder": "model",
}
_BETAS = {"linear", "scaled_linear", "squaredcos_cap_v2"}
HOW_TO_GET_ACCESS = (
    "open https://huggingface.co/{repo} in a browser, accept its terms, then run `hf auth login` "
    "(or set HF_TOKEN)"
)


@dataclass(frozen=True)
class Parts:
    """The parts of a pipeline, on the device, in evaluation mode."""

    unet: Any
    vae: Any
    text_encoder: Any
    tokenizer: Any
    alphas_cumprod: torch.Tensor | None  # (1000,) float32; None for flow matching
    shift: float  # of the noise levels, flow matching only
    prediction: Prediction
    folder: Path
    weights_sha256: str
    parameters: int

    @property
    def resolution(self) -> int:
        """Side of the input picture in pixels."""
        return int(self.unet.config.sample_size) * self.vae_factor

    @property
    def vae_factor(self) -> int:
        """How many pixels of a side become one latent."""
        return int(2 ** (len(self.vae.config.block_out_channels) - 1))

    @property
    def latent_shape(self) -> tuple[int, int, int]:
        """(channels, height, width) of a latent."""
        side = int(self.unet.config.sample_size)
        return int(self.unet.config.in_channels), side, side


def find_folder(source: str, revision: str | None, cache_dir: str | Path | None) -> Path:
    """The local folder of a model: itself, or the hub's snapshot, fetched if it is not here.

    Raises InputError saying what is missing and how to get it.
    """
    path = Path(source).expanduser()
    if path.is_dir():
        return path
    if path.exists():
        raise InputError(f"{source} is a file; a model is a folder with {', '.join(PARTS)}")
    if source.startswith((".", "/", "~")) or source.count("/") != 1 or "\\" in source:
        raise InputError(
            f"{source}: no such folder; give a folder in Stable-Diffusion layout or a hub id "
            "such as owner/name"
        )
    return _from_hub(source, revision, cache_dir)


def _from_hub(repo: str, revision: str | None, cache_dir: str | Path | None) -> Path:
    import huggingface_hub as hub
    from huggingface_hub import errors

    def snapshot(variant: str, *, local: bool) -> Path:
        patterns = [f"{part}/*.json" for part in PARTS] + ["tokenizer/*.txt", "model_index.json"]
        for part, stem in _WEIGHTS.items():
            patterns += [f"{part}/{stem}{variant}.safetensors"]
            patterns += [f"{part}/{stem}{variant}-[0-9]*.safetensors"]
        folder = hub.snapshot_download(
            repo,
            revision=revision,
            cache_dir=cache_dir,
            allow_patterns=patterns,
            local_files_only=local,
        )
        return Path(folder)

    try:
        folder = snapshot("", local=False)
        if not any((folder / "unet").glob("*.safetensors")):  # published in half precision only
            folder = snapshot(".fp16", local=False)
    except errors.GatedRepoError:
        raise InputError(f"{repo} is gated: {HOW_TO_GET_ACCESS.format(repo=repo)}") from None
    except errors.RevisionNotFoundError:
        raise InputError(f"{repo} has no revision {revision!r} on the hub") from None
    except errors.RepositoryNotFoundError:
        raise InputError(
            f"{repo} is not on the hub, or private: check the id (several Stable Diffusion "
            "repositories were moved), or log in with `hf auth login`"
        ) from None
    except errors.HFValidationError:
        raise InputError(f"{repo!r} is neither a folder nor a valid hub id (owner/name)") from None
    except (errors.HfHubHTTPError, errors.LocalEntryNotFoundError, OSError) as error:
        reason = str(error).strip().splitlines()[0][:160] if str(error).strip() else "no answer"
        raise InputError(
            f"{repo} is not in the local cache and the hub cannot be reached ({reason}); "
            f"fetch it where there is a network: hf download {repo}"
        ) from None
    return folder


def _config(folder: Path, part: str, name: str) -> dict[str, Any]:
    path = folder / part / name
    if not path.is_file():
        raise InputError(
            f"{folder}: {part}/{name} is missing; expected a Stable-Diffusion layout with the "
            f"folders {', '.join(PARTS)}"
        )
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InputError(f"{path} cannot be read as JSON ({error})") from None
    if not isinstance(config, dict):
        raise InputError(f"{path}: expected a JSON object")
    return config


def _check_architecture(folder: Path) -> None:
    for part, wanted in _CLASSES.items():
        config = _config(folder, part, "config.json")
        found = config.get("_class_name") or (config.get("architectures") or ["?"])[0]
        if found not in (wanted, "CLIPTextModelWithProjection" if part == "text_encoder" else ""):
            raise InputError(
                f"{folder}: {part}/config.json names {found}; this engine reads {wanted} "
                "(Stable Diffusion 1.x and 2.x layout)"
            )
    unet, vae = (_config(folder, part, "config.json") for part in ("unet", "vae"))
    if unet.get("in_channels", 4) != vae.get("latent_channels", 4):
        raise InputError(
            f"{folder}: the U-Net takes {unet.get('in_channels')} channels and the VAE gives "
            f"{vae.get('latent_channels', 4)}; inpainting and similar models cannot be scored"
        )
    for key in ("class_embed_type", "addition_embed_type", "num_class_embeds", "encoder_hid_dim"):
        if unet.get(key) is not None:
            raise InputError(
                f"{folder}: unet/config.json sets {key}; only plain text-conditioned U-Nets "
                "(Stable Diffusion 1.x and 2.x) are read"
            )
    if not isinstance(unet.get("sample_size"), int):
        raise InputError(f"{folder}: unet/config.json needs sample_size as one whole number")


def weight_files(folder: Path) -> list[Path]:
    """All weight files of a model, sorted. Raises InputError where a part has none."""
    found: list[Path] = []
    for part in _WEIGHTS:
        files = sorted((folder / part).glob("*.safetensors"))
        if not files:
            pickled = any((folder / part).glob("*.bin"))
            hint = "only pickled weights are there, which are never loaded" if pickled else "none"
            raise InputError(f"{folder}: {part}/ has no .safetensors weights ({hint})")
        found += files
    return found


def hash_weights(folder: Path) -> str:
    """sha256 over the hashes and names of all weight files."""
    digest = hashlib.sha256()
    for path in weight_files(folder):
        with path.open("rb") as file:
            content = hashlib.file_digest(file, "sha256").hexdigest()
        digest.update(f"{content}  {path.relative_to(folder).as_posix()}\n".encode())
    return digest.hexdigest()


def _variant(folder: Path, part: str) -> str | None:
    plain = any((folder / part).glob(f"{_WEIGHTS[part]}.safetensors")) or any(
        (folder / part).glob(f"{_WEIGHTS[part]}-*.safetensors")
    )
    return None if plain else "fp16"


def _load(folder: Path, part: str, kind: Any, dtype: torch.dtype) -> Any:
    from safetensors import SafetensorError
    from transformers.utils import logging

    bar: Any = logging  # no type information

    # the library's own bar would be the only trace of a load that takes a moment
    shown = bar.is_progress_bar_enabled()
    bar.disable_progress_bar()
    keyword = "dtype" if part == "text_encoder" else "torch_dtype"
    try:
        loaded = kind.from_pretrained(
            folder / part,
            use_safetensors=True,
            variant=_variant(folder, part),
            local_files_only=True,
            **{keyword: dtype},
        )
    except (OSError, ValueError, RuntimeError, KeyError, TypeError, SafetensorError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{folder / part}: cannot be loaded ({reason})") from None
    finally:
        if shown:
            bar.enable_progress_bar()
    return loaded.eval().requires_grad_(requires_grad=False)


def _noising(folder: Path) -> tuple[Prediction, torch.Tensor | None, float]:
    """What the network predicts, the cumulated alphas, and the shift of a flow."""
    config = _config(folder, "scheduler", "scheduler_config.json")
    name = str(config.get("_class_name", ""))
    if name.startswith("FlowMatch"):
        return "flow", None, float(config.get("shift", 1.0))
    found = config.get("prediction_type", "epsilon")
    if found not in ("epsilon", "v_prediction"):
        raise InputError(
            f"{folder}: scheduler/scheduler_config.json has prediction_type {found!r}; expected "
            "epsilon or v_prediction"
        )
    if config.get("num_train_timesteps", 1000) != 1000:  # noqa: PLR2004 # the grid is made for it
        raise InputError(f"{folder}: the scheduler must have num_train_timesteps 1000")
    if config.get("trained_betas") is None and config.get("beta_schedule", "linear") not in _BETAS:
        raise InputError(f"{folder}: unknown beta_schedule {config.get('beta_schedule')!r}")
    from diffusers import DDPMScheduler

    keys = ("beta_start", "beta_end", "beta_schedule", "trained_betas", "rescale_betas_zero_snr")
    known = {key: config[key] for key in keys if config.get(key) is not None}
    make: Any = DDPMScheduler  # no type information
    alphas: torch.Tensor = make(num_train_timesteps=1000, **known).alphas_cumprod
    prediction: Prediction = "epsilon" if found == "epsilon" else "v_prediction"
    return prediction, alphas, 1.0


def load_parts(folder: Path, device: torch.device, dtype: torch.dtype) -> Parts:
    """All parts of a model; the U-Net in `dtype`, the VAE and the text encoder in float32.

    The two encoders run once per picture or text, so their precision costs nothing.
    Raises InputError naming the file that is missing, broken or of another architecture.
    """
    from diffusers import AutoencoderKL, UNet2DConditionModel
    from transformers import CLIPTextModel, CLIPTokenizer

    _check_architecture(folder)
    prediction, alphas, shift = _noising(folder)
    weights = hash_weights(folder)
    unet = _load(folder, "unet", UNet2DConditionModel, dtype)
    vae = _load(folder, "vae", AutoencoderKL, torch.float32)
    text_encoder = _load(folder, "text_encoder", CLIPTextModel, torch.float32)
    try:
        tokenizer = CLIPTokenizer.from_pretrained(folder / "tokenizer", local_files_only=True)
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{folder / 'tokenizer'}: cannot be loaded ({reason})") from None
    width = unet.config.cross_attention_dim
    if isinstance(width, int) and width != text_encoder.config.hidden_size:
        raise InputError(
            f"{folder}: the text encoder gives {text_encoder.config.hidden_size} numbers per "
            f"token and the U-Net expects {width}"
        )
    modules = (unet, vae, text_encoder)
    return Parts(
        unet=unet.to(device, memory_format=default_memory_format(device, dtype)),
        vae=vae.to(device),
        text_encoder=text_encoder.to(device),
        tokenizer=tokenizer,
        alphas_cumprod=None if alphas is None else alphas.to(device),
        shift=shift,
        prediction=prediction,
        folder=folder,
        weights_sha256=weights,
        parameters=sum(p.numel() for m in modules for p in m.parameters()),
    )
