"""Frozen RMS norms in one operation: the same numbers and gradients, and only where they are."""

from __future__ import annotations

import pytest
import torch
from transformers.models.gemma.modeling_gemma import GemmaRMSNorm
from transformers.models.llama.modeling_llama import LlamaRMSNorm
from transformers.models.t5.modeling_t5 import T5LayerNorm

from appliance.finetune import frozen_norms
from appliance.finetune.frozen_norms import FrozenNorms

WIDTH = 24


def frozen(kind, *, dtype=torch.float32):
    torch.manual_seed(0)
    norm = kind(WIDTH, eps=1e-5)
    with torch.no_grad():
        norm.weight.normal_()
    return norm.requires_grad_(False).to(dtype)


def rows(*, scale=1.0, dtype=torch.float32):
    torch.manual_seed(1)
    return (scale * torch.randn(3, 5, WIDTH)).to(dtype).requires_grad_()


def output_and_gradient(norm, x):
    y = norm(x)
    (grad,) = torch.autograd.grad(y, x, torch.linspace(-1, 1, y.numel()).view_as(y).to(y.dtype))
    return y, grad


class ShiftedRMSNorm(LlamaRMSNorm):
    """A norm of a family to come, by the usual name: not what is computed here."""

    def forward(self, x):
        return super().forward(x) + 0.5


@pytest.mark.parametrize("kind", [LlamaRMSNorm, GemmaRMSNorm, T5LayerNorm])
@pytest.mark.parametrize("scale", [1.0, 1e-3, 0.0, 1e4])
def test_output_and_gradient_are_the_norms_own(kind, scale):
    norm, x = frozen(kind), rows(scale=scale)
    expected = output_and_gradient(norm, x)
    attached = FrozenNorms(torch.nn.Sequential(norm))
    found = output_and_gradient(norm, x)
    assert found[0].grad_fn.name() == "_FrozenRmsNormBackward"
    for ours, theirs in zip(found, expected, strict=True):
        assert torch.allclose(
            ours, theirs, rtol=1e-5, atol=1e-6 * float(theirs.detach().abs().max())
        )
    attached.close()
    assert "forward" not in norm.__dict__


def test_the_gradient_is_that_of_finite_differences():
    norm = frozen(LlamaRMSNorm)
    attached = FrozenNorms(torch.nn.Sequential(norm))
    norm(rows())  # Known from here on.
    (state,) = attached._norms
    norm.double()
    x = rows(dtype=torch.float64)
    assert torch.autograd.gradcheck(lambda x: frozen_norms._FrozenRmsNorm.apply(x, state), (x,))


def test_a_row_does_not_depend_on_its_neighbours():
    norm, x = frozen(LlamaRMSNorm), rows()
    FrozenNorms(torch.nn.Sequential(norm))
    among, alone = norm(x)[1], norm(x[1:2])[0]
    assert torch.equal(among, alone)


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float64])
def test_other_types_go_to_the_norm_itself(dtype):
    norm, x = frozen(LlamaRMSNorm, dtype=dtype), rows(dtype=dtype)
    expected = output_and_gradient(norm, x)
    FrozenNorms(torch.nn.Sequential(norm))
    for ours, own in zip(output_and_gradient(norm, x), expected, strict=True):
        assert torch.equal(ours, own)


def test_a_norm_that_computes_something_else_is_left_alone():
    norm, x = frozen(ShiftedRMSNorm), rows()
    assert frozen_norms.is_rms_norm(norm)
    expected = output_and_gradient(norm, x)
    FrozenNorms(torch.nn.Sequential(norm))
    for ours, own in zip(output_and_gradient(norm, x), expected, strict=True):
        assert torch.equal(ours, own)


def test_a_trained_norm_is_not_touched():
    norm = frozen(LlamaRMSNorm).requires_grad_(True)
    FrozenNorms(torch.nn.Sequential(norm))
    assert "forward" not in norm.__dict__
