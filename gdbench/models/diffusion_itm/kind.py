"""The kind of models that DiffusionITM scores; torch and diffusers are imported to load one."""

from __future__ import annotations

from pathlib import Path

from gdbench.errors import InputError
from gdbench.models.diffusion_itm.single_file import is_single_file
from gdbench.models.kinds import ModelEntry, clean_name
from gdbench.models.lora import find_lora
from gdbench.models.presence import cached_repos
from gdbench.protocol import ITMModel
from gdbench.records import OF_TRANSFORMERS, ModelSettings
from gdbench.run import ModelRequest, Where


class DiffusionKind:
    """Diffusers pipelines: `diffusion:OWNER/NAME`, a folder, or one .safetensors file."""

    name = "diffusion-itm"
    uses = frozenset({*ModelSettings.asked_names(), *Where.model_fields, "lora"}) - OF_TRANSFORMERS

    def claim(self, source: str) -> ModelEntry | None:
        """See `gdbench.models.kinds.Kind`."""
        if source.startswith("diffusion:"):
            rest = source.removeprefix("diffusion:")
            return ModelEntry(
                clean_name(rest.rpartition("/")[2]), self.name, rest, "diffusion-unet"
            )
        path = Path(source)
        if (path / "model_index.json").is_file():
            whole = path.resolve()
            return ModelEntry(clean_name(whole.name), self.name, str(whole), "diffusion-unet")
        if is_single_file(path):
            whole = path.resolve()
            return ModelEntry(clean_name(whole.stem), self.name, str(whole), "diffusion-unet")
        return None

    def is_here(self, entry: ModelEntry) -> bool:
        """See `gdbench.models.kinds.Kind`."""
        if entry.lora is not None:
            try:
                find_lora(entry.lora)
            except InputError:
                return False
        return Path(entry.source).exists() if entry.local else entry.source in cached_repos()

    def load(self, entry: ModelEntry, request: ModelRequest, where: Where) -> ITMModel:
        """See `gdbench.models.kinds.Kind`."""
        from gdbench.models.diffusion_itm.adapter import DiffusionITM

        return DiffusionITM.load(entry, request, where)


KIND = DiffusionKind()
