"""What does not fit together is one line before any weights, in every family."""

import json
import re
import shutil

import pytest

from gdbench.errors import InputError
from gdbench.models.diffusion_itm.families import FAMILIES, components, family_of
from gdbench.models.diffusion_itm.families.sketch import sketch
from tests.models.diffusion_itm.families import checks
from tests.models.diffusion_itm.families.every import MAKERS, make_sd, save_configs
from tests.models.diffusion_itm.families.test_flux import make as make_flux
from tests.models.diffusion_itm.families.test_sd3 import make as make_sd3
from tests.models.diffusion_itm.families.test_sdxl import make as make_sdxl


@pytest.fixture(scope="module", params=MAKERS)
def family(request, tmp_path_factory):
    """A family and the JSON files of a pipeline."""
    folder = tmp_path_factory.mktemp(request.param)
    save_configs(MAKERS[request.param](), folder)
    return family_of(folder), folder


NOT_COUNTED = {
    "ernie-image", "hidream-image", "hunyuan-image", "lumina-2", "qwen-image", "qwen-image-2.1",
    "z-image",
}  # fmt: skip
"""Families that read masks to know shapes: what a pass costs is not told from shapes alone."""


def test_what_it_is_without_its_weights(family):
    kind, folder = family
    found = sketch(folder)
    assert found.resolution % 8 == 0
    assert found.parameters > 0
    assert (found.pass_flops is None) == (kind.name in NOT_COUNTED)


def edited(folder, name, change):
    """The text of a part's configuration with one number changed."""
    part, *keys = name.split(".")
    path = folder / part / "config.json"
    config = json.loads(path.read_text())
    inner = config
    for key in keys[:-1]:
        inner = inner[key]
    last = int(keys[-1]) if isinstance(inner, list) else keys[-1]
    inner[last] = change(inner[last])
    path.write_text(json.dumps(config))


def widened(width):
    return width + 3


def narrowed(width):
    return 1


def refused(kind, folder):
    with pytest.raises(InputError) as caught:
        kind.check_json(folder)
    message = str(caught.value)
    assert "\n" not in message
    return message


def test_no_family_is_left_out():
    same = {"StableDiffusionImg2ImgPipeline"}
    assert set(MAKERS) == set(FAMILIES) - same


def test_parts_that_fit_pass(family):
    kind, folder = family
    present = kind.check_json(folder)
    assert {c.name for c in present} >= {"vae", "scheduler", kind.network_part}


def test_a_width_that_does_not_agree_is_named(family, tmp_path):
    kind, folder = family
    assert any("channels" in fit.what for fit in kind.fits)
    assert any("token" in fit.what for fit in kind.fits)
    for number, fit in enumerate(kind.fits):
        copy = shutil.copytree(folder, tmp_path / f"{number}")
        part, _, key = fit.takes.partition(".")
        try:
            edited(copy, fit.takes, narrowed if fit.at_least else widened)
        except (KeyError, TypeError):
            # left out or null in the public class: as many as the network takes
            assert key == "out_channels"
            continue
        message = refused(kind, copy)
        assert f"and {part} takes " in message
        if "channels" in fit.what:
            assert "inpainting" in message


def test_another_vae_is_named(family, tmp_path):
    kind, folder = family
    copy = shutil.copytree(folder, tmp_path / "copy")
    (name,) = {fit.gives[0] for fit in kind.fits if "channels" in fit.what}
    edited(copy, name, widened)
    assert re.search(rf"vae gives \d+ channels and {kind.network_part} takes", refused(kind, copy))


def test_parts_that_are_missing_foreign_or_unknown_are_named(family, tmp_path):
    kind, folder = family
    for component in kind.components:
        copy = shutil.copytree(folder, tmp_path / component.name)
        shutil.rmtree(copy / component.name)
        if component.optional:
            kind.check_json(copy)
            continue
        message = refused(kind, copy)
        assert component.name in message
        assert "missing" in message
    copy = shutil.copytree(folder, tmp_path / "more")
    index = json.loads((copy / "model_index.json").read_text())
    (copy / "model_index.json").write_text(
        json.dumps(index | {"controlnet": ["diffusers", "ControlNetModel"]})
    )
    assert "names the part controlnet (ControlNetModel)" in refused(kind, copy)


def test_a_prediction_that_the_family_does_not_have(family, tmp_path):
    kind, folder = family
    copy = shutil.copytree(folder, tmp_path / "copy")
    path = copy / "scheduler" / "scheduler_config.json"
    for named in ("sample", "x0", None, 7):
        path.write_text(json.dumps({"_class_name": "DDPMScheduler", "prediction_type": named}))
        assert "has prediction_type" in refused(kind, copy)


@pytest.mark.parametrize("wide", [8, 9])
def test_networks_for_editing_and_inpainting(tmp_path, wide):
    """Of Stable Diffusion: 8 channels in instruct-pix2pix, 9 in inpainting."""
    save_configs(make_sd(), tmp_path)
    edited(tmp_path, "unet.in_channels", lambda _: wide)
    message = refused(family_of(tmp_path), tmp_path)
    assert f"vae gives 4 channels and unet takes {wide} (in_channels)" in message
    assert "inpainting, editing or control" in message


@pytest.mark.parametrize(
    ("told", "line"),
    [
        ({"quant_method": "no-such-method"}, "quantised by 'no-such-method', which is not read"),
        ({"quant_method": "quanto"}, "pip install optimum-quanto"),
        ({"quant_method": "bitsandbytes", "load_in_4bit": True}, "pip install bitsandbytes"),
        ("nothing", r"quantised by '\?'"),
    ],
)
def test_weights_quantised_by_a_package_that_is_not_here(tmp_path, monkeypatch, told, line):
    monkeypatch.setattr(components, "find_spec", lambda _: None)
    save_configs(make_sd(), tmp_path)
    path = tmp_path / "unet" / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"quantization_config": told}))
    assert re.search(line, refused(family_of(tmp_path), tmp_path))


def test_a_size_that_cannot_be_scored_is_named(tmp_path):
    sd3, sdxl = tmp_path / "sd3", tmp_path / "sdxl"
    save_configs(make_sd3(t5=False), sd3)
    save_configs(make_sdxl(), sdxl)
    edited(sd3, "transformer.sample_size", lambda _: 9)
    with pytest.raises(InputError, match="sample_size 9 is no multiple of its patches of 2"):
        sketch(sd3)
    edited(sd3, "transformer.sample_size", lambda _: [8, 8])
    # the public class makes no network of it
    with pytest.raises(InputError, match=r"transformer/config\.json"):
        sketch(sd3)
    edited(sdxl, "unet.sample_size", lambda _: [8, 12])
    with pytest.raises(InputError, match=r"\[8, 12\]; pictures are scored as squares"):
        sketch(sdxl)
    edited(sdxl, "unet.sample_size", lambda _: [8, 8])
    assert sketch(sdxl).resolution == 32


def test_a_network_of_another_variant_of_a_family_is_named(tmp_path):
    """Sana-Sprint's is told a guidance value, under the class of Sana's."""
    save_configs(MAKERS["SanaPipeline"](), tmp_path)
    edited(tmp_path, "transformer.guidance_embeds", lambda _: True)
    assert "and not Sana-Sprint" in refused(family_of(tmp_path), tmp_path)


def test_a_pipeline_that_cannot_be_put_around_its_parts_is_one_line(tmp_path):
    save_configs(MAKERS["Lumina2Pipeline"](), tmp_path)
    edited(tmp_path, "transformer.sample_size", lambda _: None)
    with pytest.raises(InputError, match="Lumina2Pipeline fails at its first use") as caught:
        sketch(tmp_path)
    assert "\n" not in str(caught.value)


def test_what_no_configuration_shows_is_told_of_the_first_pass(tmp_path):
    pipe = make_flux(guided=False)
    pipe.save_pretrained(tmp_path)
    path = tmp_path / "transformer" / "config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"axes_dims_rope": [4, 4, 4]}))
    with pytest.raises(InputError, match="the network fails at its first use") as caught:
        checks.scores_of(tmp_path, resolution=32, max_length=16)
    assert "\n" not in str(caught.value)
