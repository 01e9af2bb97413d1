"""Tokenised examples: what a trainer and an attacker both see of a record."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True, kw_only=True)
class Example:
    """One sequence of tokens: first what is given, then what is learned.

    In a classification the learned entries are class numbers instead of tokens; see `tasks`.

    Attributes:
        input_ids: int32 [length]; private.
        loss_mask: bool [length]; True where the token at that position is a target (position 0
            never is: nothing predicts it). The loss of an example is the mean negative
            log-likelihood of its own target tokens, never of a batch's.
        record_id: the record it came from; negative for canaries.
        part: which of the run's tasks it is learned for, where there are several.
    """

    input_ids: NDArray[np.int32] = field(repr=False)
    loss_mask: NDArray[np.bool_] = field(repr=False)
    record_id: int
    part: int = 0

    def __post_init__(self) -> None:
        if self.input_ids.shape != self.loss_mask.shape or self.input_ids.ndim != 1:
            msg = "expected input_ids and loss_mask of one shape [length]"
            raise ValueError(msg)
        if len(self.loss_mask) and self.loss_mask[0]:
            msg = "expected loss_mask[0] False: nothing predicts the first token"
            raise ValueError(msg)

    def __len__(self) -> int:
        """Count the tokens."""
        return len(self.input_ids)

    @property
    def targets(self) -> int:
        """Count the target tokens."""
        return int(self.loss_mask.sum())
