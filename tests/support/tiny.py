"""A tiny base model built on the spot: two layers, its own tokenizer, random weights.

Trained nowhere and good for nothing but speed: the pipeline's real code runs on it in seconds.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tokenizers import Tokenizer

CHAT_TEMPLATE = (
    "{% for message in messages %}<|im_start|>{{ message['role'] }}\n"
    "{{ message['content'] }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)


def _byte_level(texts: list[str], size: int, special: list[str]) -> Tokenizer:
    """Learn a byte-level BPE tokenizer."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=special,
        initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return tokenizer


def _save(tokenizer: Tokenizer, out: Path, *, vocabulary: int, **settings: Any) -> None:
    """Fill the vocabulary with tokens that occur nowhere, as a real one has many, and write it.

    Canaries need such tokens.
    """
    missing = vocabulary - tokenizer.get_vocab_size()
    tokenizer.add_tokens([f"zq{i}xv" for i in range(missing)])
    out.mkdir(parents=True, exist_ok=True)
    tokenizer.save(str(out / "tokenizer.json"))
    fields = {"tokenizer_class": "PreTrainedTokenizerFast", **settings}
    (out / "tokenizer_config.json").write_text(json.dumps(fields))


def build_tiny_model(out: Path, texts: list[str], *, vocabulary: int = 2000, seed: int = 7) -> Path:
    """Write a random two-layer Llama with a byte-level BPE tokenizer learned from `texts`."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    _save(
        _byte_level(texts, vocabulary // 2, ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]),
        out,
        vocabulary=vocabulary,
        bos_token="<|im_start|>",
        eos_token="<|im_end|>",
        pad_token="<|im_end|>",
        unk_token="<|endoftext|>",
        model_max_length=1024,
        chat_template=CHAT_TEMPLATE,
    )
    torch.manual_seed(seed)
    config = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=1024,
        bos_token_id=1,
        eos_token_id=2,
        pad_token_id=2,
        tie_word_embeddings=True,
    )
    LlamaForCausalLM(config).save_pretrained(str(out), safe_serialization=True)
    return out


def build_tiny_encoder(out: Path, texts: list[str], *, vocabulary: int = 2000) -> Path:
    """Write a random two-layer BERT with a word-piece tokenizer learned from `texts`."""
    import torch
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors, trainers
    from transformers import BertConfig, BertModel

    tokenizer = Tokenizer(models.WordPiece(unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer(lowercase=True)
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
    trainer = trainers.WordPieceTrainer(
        vocab_size=vocabulary // 2, special_tokens=special, show_progress=False
    )
    tokenizer.train_from_iterator(texts, trainer)
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    masks = {"pad_token": "[PAD]", "unk_token": "[UNK]", "cls_token": "[CLS]", "sep_token": "[SEP]"}
    _save(
        tokenizer,
        out,
        vocabulary=vocabulary,
        model_max_length=256,
        mask_token="[MASK]",
        **masks,
    )
    torch.manual_seed(7)
    config = BertConfig(
        vocab_size=vocabulary,
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        max_position_embeddings=256,
        pad_token_id=0,
    )
    BertModel(config).save_pretrained(str(out), safe_serialization=True)
    return out


def build_tiny_t5(out: Path, texts: list[str], *, vocabulary: int = 2000) -> Path:
    """Write a random two-layer T5 with a byte-level BPE tokenizer learned from `texts`."""
    import torch
    from tokenizers import processors
    from transformers import T5Config, T5ForConditionalGeneration

    tokenizer = _byte_level(texts, vocabulary // 2, ["<pad>", "</s>", "<unk>"])
    tokenizer.post_processor = processors.TemplateProcessing(
        single="$A </s>", special_tokens=[("</s>", 1)]
    )
    _save(
        tokenizer,
        out,
        vocabulary=vocabulary,
        pad_token="<pad>",
        eos_token="</s>",
        unk_token="<unk>",
        model_max_length=512,
    )
    torch.manual_seed(7)
    config = T5Config(
        vocab_size=vocabulary,
        d_model=64,
        d_kv=16,
        d_ff=128,
        num_layers=2,
        num_heads=4,
        pad_token_id=0,
        eos_token_id=1,
        decoder_start_token_id=0,
    )
    T5ForConditionalGeneration(config).save_pretrained(str(out), safe_serialization=True)
    return out
