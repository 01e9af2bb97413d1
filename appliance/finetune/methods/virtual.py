"""Prompt and prefix tuning: virtual tokens before the text, as PEFT keeps them.

PEFT's own forward puts a prompt's outputs before the text's, and hands back more positions than it
was given. Here the virtual tokens are put in at the decoder, and their outputs taken away again:
whoever calls the model, or its decoder and its head apart, sees the positions it asked for. What is
computed is PEFT's: an exported adapter loaded with plain PEFT gives the same logits.

The trained embedding is looked up once per row of the batch, never looked up once and repeated:
only so does a per-unit gradient engine see whose gradient it is. A gradient taken before the
repetition is that of the whole batch, and clipping it protects nobody.
"""

from __future__ import annotations

from types import MethodType
from typing import Any, Final

import torch
from peft import PrefixTuningConfig, PromptTuningConfig, get_peft_model

from appliance.finetune.methods.settings import MethodSettings
from appliance.model.tasks import Shape, peft_type

_PATCHED: Final = "_virtual_tokens"


def attach_virtual(
    model: Any,  # noqa: ANN401  transformers is untyped
    settings: MethodSettings,
    *,
    shape: Shape,
    fresh: tuple[str, ...],
    tokenizer: Any,  # noqa: ANN401  transformers is untyped
) -> torch.nn.Module:
    """Put a prompt or a prefix before a frozen base model.

    Args:
        model: a base model, on its device.
        settings: of method "prompt" or "prefix".
        shape: what the model computes.
        fresh: modules without weights of their own yet, trained whole.
        tokenizer: reads `prompt_text`; unused without one.

    Returns:
        A PEFT model. The virtual tokens start as real words: the policy's text, repeated or cut,
        or words drawn from the vocabulary. A prefix starts as the keys and values of those words.

    Reference:
        Lester et al. 2021, arXiv:2104.08691; Li and Liang 2021, arXiv:2101.00190, section 7.4
        (a prefix starts best from the activations of real words).
    """
    count = settings.virtual_tokens
    kinds: dict[str, Any] = {"num_virtual_tokens": count, "task_type": peft_type(shape)}
    if shape == "seq2seq":
        kinds["num_transformer_submodules"] = 1  # The encoder's input alone.
    if fresh:
        kinds["modules_to_save"] = list(fresh)
    if settings.method == "prompt":
        # PEFT does not find them in every family's configuration.
        kinds["token_dim"] = model.get_input_embeddings().weight.shape[1]
        kinds["num_attention_heads"] = model.config.get_text_config().num_attention_heads
    config = (
        PromptTuningConfig(prompt_tuning_init="RANDOM", **kinds)
        if settings.method == "prompt"
        else PrefixTuningConfig(prefix_projection=False, **kinds)
    )
    words = _words(model, settings, tokenizer)
    start = _embeddings(model, words) if settings.method == "prompt" else _keys(model, words)
    adapted = get_peft_model(model, config)
    weight = adapted.prompt_encoder[adapted.active_adapter].embedding.weight
    with torch.no_grad():
        weight.data = start.to(weight.device, torch.float32).clone()
    patch(adapted, shape=shape)
    return adapted


def patch(model: Any, *, shape: Shape) -> None:  # noqa: ANN401  peft is untyped
    """Make a PEFT model look its virtual tokens up row by row, at the decoder.

    Args:
        model: a PEFT model with a prompt or a prefix.
        shape: a decoder's tokens are put in at the decoder; others keep PEFT's own forward, whose
            outputs have no positions of the virtual tokens.
    """
    if getattr(model, _PATCHED, None) is not None:
        return
    state = _Virtual(model)
    object.__setattr__(model, _PATCHED, state)
    if model.active_peft_config.peft_type == "PROMPT_TUNING":
        model.get_prompt = state.rows
    if shape != "causal":
        return
    base = model.base_model
    decoder = base.get_decoder()
    decoder.register_forward_pre_hook(state.enter, with_kwargs=True)
    decoder.register_forward_hook(state.leave)
    model.forward = base.forward
    model.generate = MethodType(_generate, model)


class _Virtual:
    """The hooks around a decoder."""

    def __init__(self, model: Any) -> None:  # noqa: ANN401  peft is untyped
        self.model = model
        self.paused = False

    @property
    def off(self) -> bool:
        """Whether the base model is wanted, or PEFT itself is at work."""
        return self.paused or bool(self.model._adapters_disabled)

    @property
    def prompt(self) -> bool:
        """Whether it is a prompt; else a prefix."""
        return bool(self.model.active_peft_config.peft_type == "PROMPT_TUNING")

    def rows(self, batch_size: int, *_args: object, **_kwargs: object) -> torch.Tensor:
        """Return the prompt's embeddings, [rows, tokens, width], each row looked up by itself."""
        name = self.model.active_adapter
        tokens = self.model.prompt_tokens[name]
        embedding = self.model.prompt_encoder[name].embedding
        found: torch.Tensor = embedding(
            tokens.to(embedding.weight.device).unsqueeze(0).expand(batch_size, -1)
        )
        return found

    def enter(
        self,
        _decoder: torch.nn.Module,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> tuple[tuple[Any, ...], dict[str, Any]] | None:
        """Put the virtual tokens before what a decoder is given."""
        if self.off:
            return None
        kwargs = dict(kwargs)
        ids = args[0] if args else kwargs.pop("input_ids", None)
        embeds = kwargs.pop("inputs_embeds", None)
        rows = len(ids if embeds is None else embeds)
        mask = kwargs.get("attention_mask")
        if mask is not None:
            ones = mask.new_ones(rows, int(self.model.active_peft_config.num_virtual_tokens))
            kwargs["attention_mask"] = torch.cat((ones, mask), dim=1)
        kwargs["position_ids"] = None
        if self.prompt:
            embeds = self.model.word_embeddings(ids) if embeds is None else embeds
            kwargs["inputs_embeds"] = torch.cat((self.rows(rows).to(embeds.dtype), embeds), dim=1)
        else:
            kwargs["past_key_values"] = self.model.get_prompt(rows)
            kwargs |= {"input_ids": ids} if embeds is None else {"inputs_embeds": embeds}
        return (), kwargs

    def leave(self, _decoder: torch.nn.Module, _args: tuple[Any, ...], output: Any) -> Any:  # noqa: ANN401
        """Take a prompt's own outputs away."""
        if self.off or not self.prompt:
            return output
        skip = int(self.model.active_peft_config.num_virtual_tokens)
        output.last_hidden_state = output.last_hidden_state[:, skip:]
        return output


def _generate(model: Any, *args: Any, **kwargs: Any) -> Any:  # noqa: ANN401  peft is untyped
    """Let PEFT generate in its own way: it puts the virtual tokens in at the first step."""
    state: _Virtual = getattr(model, _PATCHED)
    state.paused = True
    own = model.__dict__.pop("forward")
    try:
        return type(model).generate(model, *args, **kwargs)
    finally:
        model.forward = own
        state.paused = False


def _words(model: Any, settings: MethodSettings, tokenizer: Any) -> torch.Tensor:  # noqa: ANN401
    """Choose the real words that virtual tokens start as, int64 [tokens]."""
    count = settings.virtual_tokens
    if settings.prompt_text is not None and tokenizer is not None:
        ids = tokenizer(settings.prompt_text, add_special_tokens=False)["input_ids"]
        if ids:
            return torch.tensor((ids * (count // len(ids) + 1))[:count])
    size = model.get_input_embeddings().weight.shape[0]
    generator = torch.Generator().manual_seed(settings.seed)
    return torch.randint(0, size, (count,), generator=generator)


def _embeddings(model: Any, words: torch.Tensor) -> torch.Tensor:  # noqa: ANN401
    """Look the words up, float32 [tokens, width]."""
    weight = model.get_input_embeddings().weight
    return weight.detach()[words.to(weight.device)].float()


def _keys(model: Any, words: torch.Tensor) -> torch.Tensor:  # noqa: ANN401
    """Run the words through the base; return their keys and values as PEFT lays them out.

    Returns:
        float32 [tokens, layers * 2 * heads * width of a head].
    """
    device = model.get_input_embeddings().weight.device
    with torch.no_grad():
        cache = model.get_decoder()(
            input_ids=words.to(device)[None], use_cache=True
        ).past_key_values
    flat = [
        part[0].transpose(0, 1).reshape(len(words), -1).float()
        for layer in cache.layers
        for part in (layer.keys, layer.values)
    ]
    return torch.cat(flat, dim=1)
