"""A frozen base split over the processes of a run (FSDP2): each holds a part of every block.

What is trained stays whole on every process, so per-unit gradients, clipping, noise and
checkpoints are those of a whole base. Each pass gathers a block, uses it and lets it go.
"""

from __future__ import annotations

import torch

from appliance.errors import MachineError
from appliance.finetune.ranks import Ranks
from appliance.finetune.settings import TrainSettings


def sharded(settings: TrainSettings, ranks: Ranks) -> bool:
    """Tell whether the base is split in this run.

    Args:
        settings: which may ask for it.
        ranks: one process has nobody to share with.
    """
    return settings.shard_base and ranks.world_size > 1


def shard_base(model: torch.nn.Module) -> None:
    """Split the blocks' frozen parameters over all processes, for good.

    Args:
        model: a model with an adapter; whole, and the same on every process.

    Raises:
        MachineError: the model has no blocks to split.

    Guarantees:
        Trainable parameters are untouched. Embeddings and the output layer stay whole: the loss
        reads them outside any block.

    Reference:
        Zhao et al. 2023, arXiv:2304.11277 (FSDP), in torch's per-parameter form `fully_shard`.
    """
    from torch.distributed.device_mesh import init_device_mesh
    from torch.distributed.fsdp import fully_shard

    blocks = _blocks(model)
    if not blocks:
        raise MachineError(
            "training.shard_base",
            "expected a base model made of a list of blocks",
            hint="appliance policy explain training.shard_base",
        )
    kind = next(model.parameters()).device.type
    mesh = init_device_mesh(kind, (torch.distributed.get_world_size(),))
    for block in blocks:
        trained = {p for p in block.parameters() if p.requires_grad}
        fully_shard(block, mesh=mesh, reshard_after_forward=True, ignored_params=trained)


def trained_parameters(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    """Copy the trainable parameters, which are whole on every process.

    Args:
        model: sharded or not.
    """
    return {n: p.detach().clone() for n, p in model.named_parameters() if p.requires_grad}


def _blocks(model: torch.nn.Module) -> list[torch.nn.Module]:
    """Find the model's blocks: its longest list of modules."""
    lists = [m for m in model.modules() if isinstance(m, torch.nn.ModuleList)]
    return list(max(lists, key=len, default=[]))
