"""A tiny token classification model built on the spot, whose weights know two words.

Random weights, then a classifier head solved for: "zorbalin" is a person, "mivk" a place.
"""

from __future__ import annotations

import json
from pathlib import Path

WORDS = ["then", "met", "zorb", "##alin", "mivk", "."]
_LABELS = {"zorb": 1, "##alin": 1, "mivk": 2}


def build_tiny_classifier(out: Path, *, seed: int = 3) -> Path:
    """Write a two-layer BERT for token classification with a WordPiece tokenizer."""
    import torch
    from tokenizers import Tokenizer, models, pre_tokenizers, processors
    from transformers import BertConfig, BertForTokenClassification

    out.mkdir(parents=True)
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", *WORDS]
    index = {word: i for i, word in enumerate(vocabulary)}
    tokenizer = Tokenizer(models.WordPiece(index, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
    )
    tokenizer.save(str(out / "tokenizer.json"))
    (out / "tokenizer_config.json").write_text(
        json.dumps(
            {
                "tokenizer_class": "PreTrainedTokenizerFast",
                "unk_token": "[UNK]",
                "pad_token": "[PAD]",
                "cls_token": "[CLS]",
                "sep_token": "[SEP]",
                "model_max_length": 64,
            }
        )
    )
    torch.manual_seed(seed)
    config = BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=32,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=32,
        max_position_embeddings=80,
        id2label={0: "O", 1: "B-PER", 2: "B-LOC"},
        label2id={"O": 0, "B-PER": 1, "B-LOC": 2},
    )
    model = BertForTokenClassification(config).eval()
    with torch.no_grad():
        # Only the words count: no place, no neighbours.
        model.bert.embeddings.position_embeddings.weight.zero_()
        for layer in model.bert.encoder.layer:
            layer.attention.output.dense.weight.zero_()
            layer.attention.output.dense.bias.zero_()
        hidden = model.bert(torch.arange(len(vocabulary))[None]).last_hidden_state[0]
        wanted = torch.full((len(vocabulary), 3), -4.0)
        for i, word in enumerate(vocabulary):
            wanted[i, _LABELS.get(word, 0)] = 4.0
        model.classifier.weight.copy_(torch.linalg.lstsq(hidden, wanted).solution.T)
        model.classifier.bias.zero_()
    model.save_pretrained(str(out), safe_serialization=True)
    return out
