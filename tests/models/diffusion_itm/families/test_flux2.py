import pytest
import torch
from diffusers import (
    AutoencoderKLFlux2,
    FlowMatchEulerDiscreteScheduler,
    Flux2KleinPipeline,
    Flux2Pipeline,
    Flux2Transformer2DModel,
)
from diffusers.pipelines.flux2.pipeline_flux2 import compute_empirical_mu
from tokenizers.processors import TemplateProcessing
from transformers import (
    Mistral3Config,
    Mistral3ForConditionalGeneration,
    PixtralImageProcessor,
    PixtralProcessor,
    PreTrainedTokenizerFast,
)

from gdbench.errors import InputError
from gdbench.models.diffusion_itm.preprocess import to_tensor
from tests.models.diffusion_itm.families import checks, parts, qwen_parts
from tests.models.diffusion_itm.tiny import picture

SIZE = {"resolution": 32, "max_length": 96}


def make_vae():
    vae = AutoencoderKLFlux2(
        block_out_channels=(8, 8, 8),
        down_block_types=("DownEncoderBlock2D",) * 3,
        up_block_types=("UpDecoderBlock2D",) * 3,
        latent_channels=4,
        norm_num_groups=4,
        layers_per_block=1,
        sample_size=32,
    ).eval()
    vae.bn.running_mean.normal_()
    vae.bn.running_var.uniform_(0.3, 3.0)
    return vae


def make_network(wide, *, guided):
    transformer = Flux2Transformer2DModel(
        in_channels=16,
        num_layers=1,
        num_single_layers=1,
        attention_head_dim=16,
        num_attention_heads=2,
        joint_attention_dim=wide,
        timestep_guidance_channels=16,
        axes_dims_rope=(4, 4, 4, 4),
        guidance_embeds=guided,
    )
    return parts.shaken(transformer, 0.1)


def make_klein():
    torch.manual_seed(0)
    tokenizer = qwen_parts.tokenizer()
    return Flux2KleinPipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True, shift=3.0),
        vae=make_vae(),
        text_encoder=qwen_parts.qwen3(tokenizer, layers=28),
        tokenizer=tokenizer,
        transformer=make_network(3 * 16, guided=False),
    )


def mistral_processor():
    """One token a byte, one before every text, and Mistral's own template."""
    backend = qwen_parts.tokenizer().backend_tokenizer
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=backend,
        pad_token="<pad>",  # noqa: S106 # a token of text
        bos_token="<s>",  # noqa: S106 # as above
        additional_special_tokens=["[IMG]", "[IMG_BREAK]", "[IMG_END]"],
    )
    backend.post_processor = TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", tokenizer.bos_token_id)]
    )
    return PixtralProcessor(
        image_processor=PixtralImageProcessor(),
        tokenizer=tokenizer,
        chat_template="<s>{% for m in messages %}[{{ m.role }}]"
        "{% for part in m.content %}{{ part.text }}{% endfor %}[/{{ m.role }}]{% endfor %}",
    )


def make_dev():
    torch.manual_seed(0)
    processor = mistral_processor()
    config = Mistral3Config(
        text_config=qwen_parts.sizes(len(processor.tokenizer), 16, 31)
        | {"model_type": "mistral", "head_dim": 8},
        vision_config={
            "model_type": "pixtral",
            "hidden_size": 16,
            "intermediate_size": 16,
            "num_hidden_layers": 1,
            "num_attention_heads": 2,
            "image_size": 32,
            "patch_size": 16,
        },
        image_token_index=processor.image_token_id,
    )
    return Flux2Pipeline(
        scheduler=FlowMatchEulerDiscreteScheduler(use_dynamic_shifting=True, shift=3.0),
        vae=make_vae(),
        text_encoder=parts.shaken(Mistral3ForConditionalGeneration(config), 0.2),
        tokenizer=processor,
        transformer=make_network(3 * 16, guided=True),
    )


@pytest.fixture(scope="module")
def dev(tmp_path_factory):
    folder = tmp_path_factory.mktemp("flux2-dev")
    make_dev().save_pretrained(folder)
    return folder


LONG_ENOUGH = {"resolution": 32, "max_length": 320}


@pytest.mark.parametrize("longest", [320, 200])
def test_parity_with_mistral(dev, longest):
    """Also where the text is cut."""
    mine = checks.check_parity(
        make_dev(), dev, network="transformer", latent_of=unpacked,
        time_of=lambda scheduler, step: scheduler.sigmas[step][None],
        height=32, width=32, max_sequence_length=longest, guidance_scale=2.5,
        settings=LONG_ENOUGH | {"max_length": longest, "guidance": 2.5},
    )  # fmt: skip
    (row,) = mine.condition([checks.TEXT])
    assert row.unread == (longest == 200)


def test_scores_with_mistral(dev):
    model = checks.check_scores(dev, **LONG_ENOUGH)
    assert model.settings.guidance == 4.0
    checks.check_batches(model.pipeline)


def test_a_text_that_just_fits_is_not_cut(dev):
    read = len(make_dev().tokenizer.tokenizer(checks.loaded(dev).template("a"))["input_ids"])
    exact = checks.loaded(dev, max_length=read)
    assert [exact.is_cut(text) for text in ("a", "aa")] == [False, True]


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    folder = tmp_path_factory.mktemp("flux2")
    make_klein().save_pretrained(folder)
    return folder


def unpacked(tokens):
    """As a picture of tokens, by the pipeline's own code."""
    pipe = Flux2KleinPipeline
    return pipe._unpack_latents_with_ids(tokens, pipe._prepare_latent_ids(torch.zeros(1, 1, 4, 4)))


@pytest.mark.parametrize("longest", [96, 40])
def test_parity(saved, longest):
    """Also where the text is cut."""
    mine = checks.check_parity(
        make_klein(), saved, network="transformer", latent_of=unpacked,
        time_of=lambda scheduler, step: scheduler.sigmas[step][None],
        height=32, width=32, max_sequence_length=longest, guidance_scale=1.0,
        settings=SIZE | {"max_length": longest},
    )  # fmt: skip
    assert mine.condition([checks.TEXT])[0].unread == (longest == 40)


def test_batches(saved):
    checks.check_batches(checks.loaded(saved, **SIZE))


def test_scores(saved):
    model = checks.check_scores(saved, **SIZE)
    assert model.settings.latent_shape == (16, 4, 4)
    assert model.settings.guidance is None


def test_levels_are_those_of_the_default_number_of_steps(saved):
    """The shift depends on the number of steps; ours is that of 50, on a grid of 1000."""
    mine, scheduler = checks.loaded(saved, **SIZE), make_klein().scheduler
    sigmas = [t / 1000 for t in (900, 500, 20)]
    scheduler.set_timesteps(sigmas=sigmas, mu=compute_empirical_mu(image_seq_len=16, num_steps=50))
    latent, noise = torch.randn(2, 1, 16, 4, 4, generator=torch.Generator().manual_seed(0))
    for step, t in enumerate((900, 500, 20)):
        torch.testing.assert_close(mine.noising.levels[t], scheduler.sigmas[step])
        expected = scheduler.scale_noise(latent, scheduler.timesteps[step][None], noise)
        noised = mine.denoiser.noised(latent, noise, torch.tensor([t]))
        torch.testing.assert_close(noised, expected, rtol=1e-5, atol=1e-6)
    pipe = make_klein()
    seen = {}

    def stop(pipe, *_):
        seen["sigmas"], pipe._interrupt = pipe.scheduler.sigmas, True
        return {}

    pipe.set_progress_bar_config(disable=True)
    pipe(prompt=checks.TEXT, height=32, width=32, max_sequence_length=96, output_type="latent",
         guidance_scale=1.0, callback_on_step_end=stop)  # fmt: skip
    # the pipeline's own 50 steps lie on the grid of 1000
    assert len(seen["sigmas"]) == 51
    for step in range(1, 50):
        torch.testing.assert_close(mine.noising.levels[1000 - 20 * step], seen["sigmas"][step])


def test_latents_are_those_of_the_pipelines_own_pictures(saved):
    pixels = to_tensor(picture(3), 32)[None]
    expected = make_klein()._encode_vae_image(pixels, None)
    torch.testing.assert_close(checks.loaded(saved, **SIZE).latents(pixels), expected)


def test_truth(saved, monkeypatch):
    checks.check_true_prediction(saved, monkeypatch, **SIZE)


def test_what_does_not_fit_is_refused(saved, tmp_path):
    checks.check_missing_part(saved, tmp_path, "vae", "the layout of FLUX.2 klein")
    message = checks.check_another_class(saved, tmp_path, "vae", _class_name="AutoencoderKL")
    assert "names AutoencoderKL; expected AutoencoderKLFlux2" in message
    with pytest.raises(InputError, match="--guidance: the family flux-2-klein does not use it"):
        checks.loaded(saved, guidance=2.0)
