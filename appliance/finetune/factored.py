"""Per-unit gradients of large weights, kept as the factors they are made of.

A unit's gradient of a linear layer's weight is the sum over its tokens of an outer product: what
came back out of the layer, times what went in. Of an embedding: a one-hot row times what came back.
Norm and clipped sum follow from the factors; the gradient itself, as large as the weight, is never
formed for a batch of units. What is tied (an embedding that is also the output layer, layers used
twice) has several pieces, and their cross terms count.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """One use of a weight in one physical batch: row b's gradient is left[b]' right[b].

    Attributes:
        left: [rows, tokens, out]; or int64 [rows, tokens], where each token names one row of the
            weight.
        right: [rows, tokens, in].
        unit: int64 [rows].
    """

    left: torch.Tensor = field(repr=False)
    right: torch.Tensor = field(repr=False)
    unit: torch.Tensor = field(repr=False)

    @property
    def sparse(self) -> bool:
        """Whether `left` holds indices."""
        return not self.left.is_floating_point()

    def of(self, unit: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Return a unit's tokens, [tokens, out] (or [tokens]) and [tokens, in], float32."""
        mine = self.unit == unit
        left, right = self.left[mine].flatten(0, 1), self.right[mine].flatten(0, 1)
        return (left if self.sparse else left.float()), right.float()


class Factored:
    """The per-unit gradients of one parameter, as factors.

    Guarantees:
        `squares` and `add_weighted` give what the materialised gradients would, up to rounding
        (relative 1e-5 in float32, tested and self-tested).

    Reference:
        Li et al. 2022, arXiv:2110.05679, section 4 (ghost clipping: a norm from the Gram matrices
        of the factors); Bu et al. 2023, arXiv:2210.00038 (book-keeping: the clipped sum from the
        same factors, without a second backward pass). Where a unit has so many tokens that Gram
        matrices cost more than its gradient, that unit's gradient is formed, for this parameter
        alone, and dropped: Bu et al. 2022, arXiv:2205.10683, section 4. Cross terms of tied
        weights are ours.
    """

    def __init__(self, p: torch.Tensor, units: int) -> None:
        """Start without a piece.

        Args:
            p: the parameter, [out, in].
            units: of the group.
        """
        self.shape, self.device, self.units = p.shape, p.device, units
        self.pieces: list[Piece] = []

    def squares(self) -> torch.Tensor:
        """Measure each unit's gradient: float64 [units], the squared norm."""
        return torch.stack([self._square(unit) for unit in range(self.units)])

    def add_weighted(self, total: torch.Tensor, factors: torch.Tensor) -> None:
        """Add the weighted sum of the units' gradients to `total`.

        Args:
            total: float32 [out, in]; changed.
            factors: float32 [units]; a unit of factor 0 adds nothing, whatever its gradient.
        """
        for piece in self.pieces:
            weight = factors[piece.unit]
            live = weight != 0.0
            left, right = piece.left[live], piece.right[live].float()
            _add_product(
                total,
                left.flatten(0, 1),
                (right * weight[live].view(-1, 1, 1)).flatten(0, 1),
            )

    def _cheaper_whole(self, tokens: int) -> bool:
        """Tell whether a unit's gradient costs less than the Gram matrices of its factors."""
        rows, columns = self.shape
        return bool(tokens * (rows + columns) > rows * columns)

    def _square(self, unit: int) -> torch.Tensor:
        own = [piece.of(unit) for piece in self.pieces]
        tokens = sum(len(right) for _, right in own)
        if self._cheaper_whole(tokens):
            whole = torch.zeros(self.shape, device=self.device)
            for left, right in own:
                _add_product(whole, left, right)
            return row_squares(whole).sum()
        total = torch.zeros((), dtype=torch.float64, device=self.device)
        for number, first in enumerate(own):
            total = total + _inner(first, first)
            for second in own[:number]:
                total = total + 2.0 * _inner(first, second)
        return total.clamp(min=0.0)


def row_squares(x: torch.Tensor) -> torch.Tensor:
    """Return the squared norms of a tensor's rows, its last dimension: float64 [first, rows]."""
    if x.dim() == 3 and not x.is_contiguous() and x.mT.is_contiguous():
        x = x.mT  # Columns serve as well, and lie side by side.
    rows = x.reshape(len(x), -1, x.shape[-1]) if x.dim() > 1 else x.reshape(-1, 1, 1)
    return torch.linalg.vector_norm(rows, dim=-1, dtype=torch.float32).double().square()


def _add_product(total: torch.Tensor, left: torch.Tensor, right: torch.Tensor) -> None:
    """Add left' right to `total`; [tokens, out] or indices [tokens], and [tokens, in]."""
    if left.is_floating_point():
        total.addmm_(left.float().t(), right)
    else:
        total.index_add_(0, left, right)


def _inner(
    first: tuple[torch.Tensor, torch.Tensor], second: tuple[torch.Tensor, torch.Tensor]
) -> torch.Tensor:
    """Return the inner product of two gradients given as factors, float64."""
    right = first[1] @ second[1].t()
    return torch.sum(_lefts(first[0], second[0]) * right, dtype=torch.float64)


def _lefts(first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
    """Return the inner products of two lists of rows, [first, second]; indices are one-hot rows."""
    if first.is_floating_point() and second.is_floating_point():
        return first @ second.t()
    if first.is_floating_point():
        return first[:, second]
    if second.is_floating_point():
        return second[:, first].t()
    return (first[:, None] == second[None, :]).float()
