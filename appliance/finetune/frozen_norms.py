"""RMS norms of a frozen base, in fewer passes over memory.

A model of transformers writes an RMS norm as six operations, and autograd follows each. Where
nothing of the norm is trained, one operation with its own backward pass takes a quarter of the time
on a CPU. Trained norms go by `methods/row_layers.py` instead.
"""

from __future__ import annotations

import torch

#: What a family adds to the weight before it multiplies: Gemma's norms keep it around 0.
_OFFSETS = (0.0, 1.0)


class FrozenNorms:
    """Takes the place of the forward pass of a model's frozen RMS norms.

    Guarantees:
        Only norms that compute `x / sqrt(mean(x^2) + eps) * (weight + offset)` in float32 are
        replaced, tried on fixed numbers at the norm's first call. All others, and every call in
        another type, go to the norm itself. A row's output and gradient depend on no other row.

    Reference:
        Zhang and Sennrich 2019, arXiv:1910.07467, equation 4.
    """

    def __init__(self, model: torch.nn.Module) -> None:
        """Attach to every RMS norm that trains nothing."""
        self._norms = [_Norm(m) for m in model.modules() if is_rms_norm(m) and _is_frozen(m)]

    def close(self) -> None:
        """Give every norm its own forward back."""
        for norm in self._norms:
            norm.module.__dict__.pop("forward", None)


def is_rms_norm(layer: torch.nn.Module) -> bool:
    """Recognise an RMS norm with one vector: by name, as every family has a class of its own."""
    own = list(layer.parameters(recurse=False))
    named = type(layer).__name__.endswith(("RMSNorm", "T5LayerNorm"))
    return named and len(own) == 1 and own[0].dim() == 1


def _is_frozen(layer: torch.nn.Module) -> bool:
    return not any(p.requires_grad for p in layer.parameters())


class _Norm:
    """One norm, and what is known of it."""

    def __init__(self, module: torch.nn.Module) -> None:
        self.module = module
        self.eps = float(getattr(module, "variance_epsilon", getattr(module, "eps", 0.0)) or 0.0)
        #: None where the norm computes something else. Unknown until the first call: a sharded
        #: weight is whole only while its block runs.
        self.offset: float | None = None
        self.known = False
        module.forward = self._forward

    @property
    def weight(self) -> torch.Tensor:
        """The norm's vector, [width], as it is now."""
        (weight,) = self.module.parameters(recurse=False)
        return weight.detach()

    def scale(self) -> torch.Tensor:
        """Return what the normalised input is multiplied by, [width]."""
        return self.weight + self.offset if self.offset else self.weight

    def _forward(self, x: torch.Tensor) -> torch.Tensor:
        if not self.known:
            self.known, self.offset = True, self._find_offset()
        if self.offset is None or not x.dtype == self.weight.dtype == torch.float32:
            own: torch.Tensor = type(self.module).forward(self.module, x)
            return own
        found: torch.Tensor = _FrozenRmsNorm.apply(x, self)
        return found

    @torch.no_grad()  # type: ignore[untyped-decorator]  # torch is untyped here
    def _find_offset(self) -> float | None:
        """Try the norm on two fixed rows, one of ordinary size and one where eps counts."""
        weight = self.weight.float()
        row = torch.linspace(-1.0, 2.0, len(weight), device=weight.device)
        x = torch.stack([row, row * 1e-3])
        with torch.autocast(weight.device.type, enabled=False):
            expected = type(self.module).forward(self.module, x).float()
            normalised, _ = _normalised(x, self.eps)
            fits = [o for o in _OFFSETS if torch.allclose(normalised * (weight + o), expected)]
        return next(iter(fits), None)


class _FrozenRmsNorm(torch.autograd.Function):  # type: ignore[misc]  # torch is untyped here
    """y = x r s, with r = 1 / sqrt(mean(x^2) + eps), one number a position."""

    @staticmethod
    def forward(
        ctx: torch.autograd.function.FunctionCtx, x: torch.Tensor, norm: _Norm
    ) -> torch.Tensor:
        """Compute y [..., width]."""
        y, inverse = _normalised(x, norm.eps)
        ctx.save_for_backward(x, inverse)
        ctx.norm = norm
        return y.mul_(norm.scale())

    @staticmethod
    def backward(
        ctx: torch.autograd.function.FunctionCtx, *grads: torch.Tensor
    ) -> tuple[torch.Tensor, None]:
        """Return r (g s) - x r^3 mean(x (g s))."""
        x, inverse = ctx.saved_tensors
        scaled = grads[0] * ctx.norm.scale()
        along = (scaled * x).sum(dim=-1, keepdim=True)
        along.mul_(inverse.pow(3)).div_(-x.shape[-1])
        return scaled.mul_(inverse).addcmul_(x, along), None


def _normalised(x: torch.Tensor, eps: float) -> tuple[torch.Tensor, torch.Tensor]:
    """Return x r, to be changed in place, and r [..., 1]."""
    length = torch.linalg.vector_norm(x, dim=-1, keepdim=True)
    inverse = length.square_().div_(x.shape[-1]).add_(eps).rsqrt_()
    return x * inverse, inverse
