"""For each kind of layer that may be trained: its forward pass with per-row gradients.

A layer is covered when its trainable parameters are all known here. What each function computes is
what the layer itself computes; the tests and the self-test hold it to that.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Final

import torch

from appliance.finetune.frozen_norms import is_rms_norm
from appliance.finetune.methods import row_ops
from appliance.finetune.per_sample import RowMap

Forward = Callable[..., torch.Tensor]


def forward_of(layer: Any, rows: RowMap) -> Forward | None:  # noqa: ANN401  any module
    """Return a layer's forward pass with per-row gradients; None where it is not covered.

    Args:
        layer: a module; its own parameters are asked about, and those of the small modules that
            it runs itself (LoRA's factors).
        rows: the batch that runs.
    """
    for kind, make in _KINDS:
        if kind(layer):
            return make(layer, rows)
    return None


def owned(layer: Any) -> list[torch.nn.Parameter]:  # noqa: ANN401  any module
    """List the trainable parameters that `forward_of` covers."""
    if _is_low_rank(layer):
        name = layer.active_adapters[0]
        found = [layer.lora_A[name].weight, layer.lora_B[name].weight]
        found += [layer.lora_magnitude_vector[name].weight] if _is_dora(layer) else []
    elif _is_ia3(layer):
        found = [layer.ia3_l[layer.active_adapters[0]]]
    else:
        found = list(layer.parameters(recurse=False))
    return [p for p in found if p.requires_grad]


def is_plain(layer: Any) -> bool:  # noqa: ANN401
    """Tell whether a layer is a linear one or an embedding, with no adapter in or around it."""
    return _is_linear(layer) or _is_embedding(layer)


def _linear(layer: Any, rows: RowMap) -> Forward:  # noqa: ANN401
    transposed = type(layer).__name__ == "Conv1D"
    return lambda x: row_ops.linear(x, layer.weight, layer.bias, rows, transposed=transposed)


def _embedding(layer: Any, rows: RowMap) -> Forward:  # noqa: ANN401
    scale = getattr(layer, "embed_scale", None)  # Gemma's own embedding multiplies.

    def forward(ids: torch.Tensor) -> torch.Tensor:
        found = row_ops.embedding(ids, layer.weight, layer.padding_idx, rows)
        return found if scale is None else found * scale.to(found.dtype)

    return forward


def _layer_norm(layer: Any, rows: RowMap) -> Forward:  # noqa: ANN401
    def forward(x: torch.Tensor) -> torch.Tensor:
        row_ops.check_rows(x, rows)
        y = torch.nn.functional.layer_norm(x, layer.normalized_shape, None, None, layer.eps)
        y = y * _aligned(layer.weight, x, rows)
        return y if layer.bias is None else y + _aligned(layer.bias, x, rows)

    return forward


def _rms_norm(layer: Any, rows: RowMap) -> Forward:  # noqa: ANN401
    own = type(layer).forward
    name = next(iter(layer._parameters))

    def forward(x: torch.Tensor) -> torch.Tensor:
        row_ops.check_rows(x, rows)
        p = layer._parameters[name]
        # The layer's own code, on a weight with a copy per row: families write it differently.
        layer._parameters[name] = _aligned(p, x, rows)
        try:
            found: torch.Tensor = own(layer, x)
        finally:
            layer._parameters[name] = p
        return found

    return forward


def _low_rank(layer: Any, rows: RowMap) -> Forward:  # noqa: ANN401
    """PEFT's LoRA around a linear layer, with or without DoRA's magnitude."""
    name = layer.active_adapters[0]
    a, b = layer.lora_A[name], layer.lora_B[name]
    dropout, scaling = layer.lora_dropout[name], layer.scaling[name]

    def forward(x: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:  # noqa: ANN401
        result = layer.base_layer(x, *args, **kwargs)
        dropped = dropout(x.to(a.weight.dtype))
        low = row_ops.linear(dropped, a.weight, None, rows)
        added = row_ops.linear(low, b.weight, None, rows) * scaling
        if not _is_dora(layer):
            return result + added.to(result.dtype)
        return result + _dora_change(layer, dropped, result, added, rows).to(result.dtype)

    return forward


def _dora_change(
    layer: Any,  # noqa: ANN401
    dropped: torch.Tensor,
    result: torch.Tensor,
    added: torch.Tensor,
    rows: RowMap,
) -> torch.Tensor:
    """What DoRA adds to the base's output: (m / |W + sBA| - 1) W x + m / |W + sBA| s B A x."""
    from peft.utils.integrations import dequantize_module_weight

    name, base = layer.active_adapters[0], layer.base_layer
    magnitude = layer.lora_magnitude_vector[name].weight
    with torch.no_grad():
        weight = dequantize_module_weight(base).to(magnitude.dtype)
        if type(base).__name__ == "Conv1D":
            weight = weight.t()
        product = layer.lora_B[name].weight @ layer.lora_A[name].weight
        norm = torch.linalg.norm(weight + layer.scaling[name] * product, dim=1)
    share = _aligned(magnitude, added, rows) / norm
    if isinstance(layer.lora_dropout[name], torch.nn.Identity):
        plain = result if base.bias is None else result - base.bias
    else:
        plain = torch.nn.functional.linear(dropped, weight)
    return (share - 1.0) * plain + share * added


def _ia3(layer: Any, rows: RowMap) -> Forward:  # noqa: ANN401
    scale = layer.ia3_l[layer.active_adapters[0]]

    def forward(x: torch.Tensor, *args: Any, **kwargs: Any) -> torch.Tensor:  # noqa: ANN401
        # The vector is [1, in] or [out, 1]: laid flat by each row's own copy.
        copies = row_ops.per_row(scale, rows).flatten(1)

        def scaled(tensor: torch.Tensor) -> torch.Tensor:
            row_ops.check_rows(tensor, rows)
            shape = (len(copies), *([1] * (tensor.dim() - 2)), copies.shape[1])
            return (tensor.to(copies.dtype) * copies.view(shape)).to(tensor.dtype)

        if layer.is_feedforward:
            return torch.as_tensor(layer.base_layer(scaled(x), *args, **kwargs))
        return scaled(layer.base_layer(x, *args, **kwargs))

    return forward


def _aligned(p: torch.nn.Parameter, x: torch.Tensor, rows: RowMap) -> torch.Tensor:
    """Give each row its copy of a vector, shaped to multiply [rows, ..., width]."""
    if not p.requires_grad:
        return p
    copies = row_ops.per_row(p, rows)
    return copies.view(len(copies), *([1] * (x.dim() - 2)), math.prod(p.shape))


def _is_low_rank(layer: Any) -> bool:  # noqa: ANN401
    """Recognise PEFT's LoRA, or DoRA, around a linear layer, with one active adapter."""
    from peft.tuners.lora.layer import Linear

    if not isinstance(layer, Linear) or layer.merged or layer.disable_adapters:
        return False
    active = [name for name in layer.active_adapters if name in layer.lora_A]
    return (
        len(active) == 1
        and len(layer.active_adapters) == 1
        and set(layer.lora_variant) <= {active[0]}
        and (not layer.lora_variant or active[0] in layer.lora_magnitude_vector)
        and not layer.lora_bias.get(active[0], False)
    )


def _is_dora(layer: Any) -> bool:  # noqa: ANN401
    return layer.active_adapters[0] in layer.lora_magnitude_vector


def _is_ia3(layer: Any) -> bool:  # noqa: ANN401
    from peft.tuners.ia3.layer import Linear

    return (
        isinstance(layer, Linear)
        and not layer.merged
        and not layer.disable_adapters
        and len(layer.active_adapters) == 1
        and layer.active_adapters[0] in layer.ia3_l
    )


def _is_linear(layer: Any) -> bool:  # noqa: ANN401
    return type(layer) is torch.nn.Linear or (
        type(layer).__name__ == "Conv1D" and type(layer).__module__.startswith("transformers.")
    )


def _is_embedding(layer: Any) -> bool:  # noqa: ANN401
    plain = type(layer) is torch.nn.Embedding or hasattr(layer, "embed_scale")
    return (
        isinstance(layer, torch.nn.Embedding)
        and plain
        and layer.max_norm is None
        and not layer.scale_grad_by_freq
    )


def _is_layer_norm(layer: Any) -> bool:  # noqa: ANN401
    return type(layer) is torch.nn.LayerNorm and len(layer.normalized_shape) == 1


_KINDS: Final[tuple[tuple[Callable[[Any], bool], Callable[[Any, RowMap], Forward]], ...]] = (
    (_is_low_rank, _low_rank),
    (_is_ia3, _ia3),
    (_is_linear, _linear),
    (_is_embedding, _embedding),
    (_is_layer_norm, _layer_norm),
    (is_rms_norm, _rms_norm),
)
