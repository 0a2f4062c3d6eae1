"""Small random parts of pipelines, in the public classes, from a seed."""

import torch
from diffusers import AutoencoderKL
from tokenizers.pre_tokenizers import ByteLevel
from transformers import (
    BertConfig,
    BertModel,
    BertTokenizer,
    CLIPTextConfig,
    CLIPTextModel,
    CLIPTextModelWithProjection,
    CLIPTokenizer,
    Gemma2Config,
    Gemma2Model,
    GemmaTokenizer,
    GlmConfig,
    GlmModel,
    T5Config,
    T5EncoderModel,
    T5Tokenizer,
    UMT5Config,
    UMT5EncoderModel,
)

WORDS = ("a", "red", "blue", "circle", "square", "dog", "left", "of", "the", "on", "grass", "two")


def shaken(module, std=0.15):
    """Weights that are no longer near zero, so that every input matters."""
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.normal_(std=std)
    return module.eval()


def vae(channels=4, blocks=3, **options):
    """A VAE with a factor of 4, or 8 with four blocks."""
    return AutoencoderKL(
        block_out_channels=(8,) * blocks,
        down_block_types=("DownEncoderBlock2D",) * blocks,
        up_block_types=("UpDecoderBlock2D",) * blocks,
        latent_channels=channels,
        norm_num_groups=4,
        layers_per_block=1,
        sample_size=32,
        **{"scaling_factor": 0.5} | options,
    ).eval()


def clip_tokenizer(length=16):
    """One token a byte."""
    alphabet = sorted(ByteLevel.alphabet())
    words = [*alphabet, *(c + "</w>" for c in alphabet), "<|startoftext|>", "<|endoftext|>"]
    return CLIPTokenizer(
        vocab={word: number for number, word in enumerate(words)},
        merges=[],
        pad_token="!",  # noqa: S106 # a token of text
        model_max_length=length,
    )


def clip_encoder(tokenizer, wide=24, *, projection=None):
    """CLIP's text encoder, with a projection of that size or without."""
    config = CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=wide,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=tokenizer.model_max_length,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
        projection_dim=projection or 16,
    )
    kind = CLIPTextModel if projection is None else CLIPTextModelWithProjection
    return shaken(kind(config), 0.3)


def t5_tokenizer(length=16):
    """One token a word, one a letter for other words."""
    letters = [chr(c) for c in range(33, 127)]
    special = ["<pad>", "</s>", "<unk>", "▁"]
    vocabulary = [(t, 0.0) for t in special] + [(f"▁{w}", -1.0) for w in WORDS]
    vocabulary += [(c, -3.0) for c in letters]
    return T5Tokenizer(vocab=vocabulary, extra_ids=0, model_max_length=length)


def t5_encoder(tokenizer, wide=32, **options):
    """T5's encoder."""
    config = T5Config(
        vocab_size=len(tokenizer),
        d_model=wide,
        d_kv=8,
        d_ff=48,
        num_layers=2,
        num_heads=4,
        **options,
    )
    return shaken(T5EncoderModel(config), 0.3)


def gemma_tokenizer(length=64):
    """One token a letter."""
    letters = ["<pad>", "<eos>", "<bos>", "<unk>", "<mask>", "▁", "\n", *map(chr, range(33, 127))]
    return GemmaTokenizer(
        vocab={letter: number for number, letter in enumerate(letters)},
        merges=[],
        add_bos_token=True,
        model_max_length=length,
    )


def gemma_encoder(tokenizer, wide=32):
    """Gemma-2."""
    config = Gemma2Config(
        vocab_size=len(tokenizer),
        hidden_size=wide,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=8,
        query_pre_attn_scalar=8,
        pad_token_id=tokenizer.pad_token_id,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    return shaken(Gemma2Model(config), 0.3)


def umt5_encoder(tokenizer, wide=32):
    """UMT5's encoder."""
    config = UMT5Config(
        vocab_size=len(tokenizer), d_model=wide, d_kv=8, d_ff=48, num_layers=2, num_heads=4
    )
    return shaken(UMT5EncoderModel(config), 0.3)


def bert_tokenizer(length=16):
    """One token a letter."""
    letters = [chr(c) for c in range(33, 127)]
    words = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *letters, *(f"##{c}" for c in letters)]
    return BertTokenizer(
        vocab={word: number for number, word in enumerate(words)}, model_max_length=length
    )


def bert_encoder(tokenizer, wide=32):
    """BERT."""
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=wide,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=48,
        max_position_embeddings=128,
    )
    return shaken(BertModel(config), 0.3)


def glm_encoder(tokenizer, wide=32):
    """GLM."""
    config = GlmConfig(
        vocab_size=len(tokenizer),
        hidden_size=wide,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        head_dim=8,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=tokenizer.eos_token_id,
    )
    return shaken(GlmModel(config), 0.3)
