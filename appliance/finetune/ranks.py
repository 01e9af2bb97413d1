"""The processes that share one logical batch: who takes which unit, and how sums meet.

One process is the usual case. Under `torchrun`, every process draws the same global batch from
the same key and takes its part; a process without a unit takes part in every reduction all the
same, so none waits for ever.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self, TypeVar

import torch
import torch.distributed as dist

T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Ranks:
    """This process among its peers.

    Attributes:
        rank: this process, from 0.
        world_size: how many there are.
    """

    rank: int = 0
    world_size: int = 1

    @classmethod
    def current(cls) -> Self:
        """Ask torch.distributed; one process where it is not initialised."""
        if dist.is_available() and dist.is_initialized():
            return cls(rank=dist.get_rank(), world_size=dist.get_world_size())
        return cls()

    def share(self, items: Sequence[T]) -> Sequence[T]:
        """Take this process's part of a logical batch; the parts of all processes cover it once.

        Args:
            items: the whole batch, the same on every process.
        """
        return items if self.world_size == 1 else items[self.rank :: self.world_size]

    def owns(self, index: int) -> bool:
        """Tell whether this process adds the noise of tensor `index`; exactly one does.

        Args:
            index: position of the tensor.
        """
        return index % self.world_size == self.rank

    def sum(self, tensor: torch.Tensor) -> torch.Tensor:
        """Add a tensor over all processes, in place.

        Args:
            tensor: the same shape everywhere.
        """
        if self.world_size > 1:
            dist.all_reduce(tensor)
        return tensor

    @property
    def first(self) -> bool:
        """Whether this process writes checkpoints and journals."""
        return self.rank == 0
