"""The processes that share one logical batch: who takes which unit, and how sums meet.

One process is the usual case. Under `torchrun`, every process draws the same global batch from
the same key and takes its part; a process without a unit takes part in every reduction all the
same, so none waits for ever. Sums, keys and messages pass between the processes in clear: they
meet inside one machine, in a network of loopback alone.
"""

from __future__ import annotations

import ipaddress
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Self, TypeVar

import torch
import torch.distributed as dist

from appliance.errors import MachineError

T = TypeVar("T")

#: A helper waits while the first process reads and de-identifies: no limit of the library's fits.
_PATIENCE = timedelta(days=30)


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

    @classmethod
    def join(cls) -> Self:
        """Meet the other processes that `torchrun`'s environment names; alone without one.

        Raises:
            MachineError: they cannot be reached.
        """
        if int(os.environ.get("WORLD_SIZE", "1")) < 2:
            return cls()
        os.environ["MASTER_ADDR"] = _loopback(os.environ.get("MASTER_ADDR", ""))
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
        on_gpu = torch.cuda.is_available()
        if on_gpu:
            torch.cuda.set_device(int(os.environ.get("LOCAL_RANK", "0")))
        try:
            dist.init_process_group("cpu:gloo,cuda:nccl" if on_gpu else "gloo", timeout=_PATIENCE)
        except (RuntimeError, ValueError):
            raise _apart() from None
        return cls.current()

    def leave(self) -> None:
        """Part from the others; from here on this process is alone."""
        if self.world_size > 1 and dist.is_initialized():
            dist.destroy_process_group()

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

        Raises:
            MachineError: another process is gone.
        """
        if self.world_size > 1:
            with _Together():
                dist.all_reduce(tensor)
        return tensor

    def most(self, count: int) -> int:
        """Return the largest of the processes' counts.

        Args:
            count: this process's.
        """
        if self.world_size == 1:
            return count
        held = torch.tensor(count)
        with _Together():
            dist.all_reduce(held, op=dist.ReduceOp.MAX)
        return int(held)

    def tell(self, data: bytes) -> None:
        """Send bytes from the first process to all others, who `hear` them.

        Args:
            data: what they are to know.
        """
        if self.world_size > 1:
            with _Together():
                dist.broadcast(torch.tensor([len(data)]), src=0)
                dist.broadcast(torch.frombuffer(bytearray(data or b"\0"), dtype=torch.uint8), src=0)

    def hear(self) -> bytes:
        """Wait for the bytes that the first process tells."""
        size = torch.zeros(1, dtype=torch.int64)
        with _Together():
            dist.broadcast(size, src=0)
            data = torch.zeros(max(1, int(size)), dtype=torch.uint8)
            dist.broadcast(data, src=0)
        return bytes(data.numpy().tobytes())[: int(size)]

    @property
    def first(self) -> bool:
        """Whether this process writes checkpoints and journals."""
        return self.rank == 0


def packed(parts: Mapping[str, bytes]) -> bytes:
    """Join named bytes into one string.

    Args:
        parts: name -> bytes.
    """
    head = json.dumps({name: len(data) for name, data in parts.items()}).encode()
    return b"".join([len(head).to_bytes(8, "big"), head, *parts.values()])


def unpacked(data: bytes) -> dict[str, bytes]:
    """Part what `packed` joined.

    Args:
        data: the joined string.
    """
    start = 8 + int.from_bytes(data[:8], "big")
    lengths: dict[str, int] = json.loads(data[8:start])
    parts = {}
    for name, length in lengths.items():
        parts[name] = data[start : start + length]
        start += length
    return parts


def _loopback(address: str) -> str:
    """Return where the processes meet as a number: behind the locks no name is resolved."""
    if address == "localhost":  # what `torchrun` says
        return "127.0.0.1"
    try:
        inside = ipaddress.ip_address(address).is_loopback
    except ValueError:
        inside = False
    if not inside:
        raise _apart()
    return address


def _apart() -> MachineError:
    return MachineError(
        "processes",
        "cannot meet: the processes of a run need a network of loopback alone",
        hint="appliance train --processes 2 --policy P --data D",
    )


class _Together:
    """A moment at which all processes must be there."""

    def __enter__(self) -> None:
        """Go ahead."""

    def __exit__(self, kind: Any, value: object, traceback: object) -> None:  # noqa: ANN401
        """Say in an operator's words that a peer is gone."""
        if isinstance(value, RuntimeError):
            raise MachineError(
                "processes",
                "another process of this run is gone",
                hint="appliance train --resume RUN",
            ) from None
