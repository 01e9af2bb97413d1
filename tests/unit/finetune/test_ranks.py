"""Two processes give what one gives: same batches, same noise, no hang on an empty part."""

from __future__ import annotations

import functools
import operator
import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from appliance.finetune.ranks import Ranks
from tests.unit.finetune.test_trainer import mechanism, run, settings, weights
from tests.unit.finetune.toys import lora_llama, make_units

WORKER = textwrap.dedent(
    """
    import sys
    import torch, torch.distributed as dist
    from safetensors.torch import save_file
    torch.set_num_threads(1)
    rank, rendezvous, out = int(sys.argv[1]), sys.argv[2], sys.argv[3]
    try:
        dist.init_process_group("gloo", init_method=rendezvous, rank=rank, world_size=2)
    except RuntimeError:
        sys.exit(77)  # No loopback interface here.
    from tests.unit.finetune.test_trainer import mechanism, run, settings, weights
    from tests.unit.finetune.toys import lora_llama, make_units
    model = lora_llama()
    run(model, mechanism(sample_rate=0.15), settings(), units=make_units(10))
    save_file({"weights": weights(model)}, f"{out}/{rank}.safetensors")
    """
)


def test_two_processes_train_as_one(tmp_path):
    alone = lora_llama()
    outcome = run(alone, mechanism(sample_rate=0.15), settings(), units=make_units(10))
    # The rate makes some batches smaller than two: one process then has nothing to do.
    assert min(outcome.batch_sizes) < 2
    script = tmp_path / "worker.py"
    script.write_text(WORKER)
    environment = {**os.environ, "GLOO_SOCKET_IFNAME": "lo", "PYTHONPATH": str(Path.cwd())}
    workers = [
        subprocess.Popen(
            [sys.executable, script, str(rank), f"file://{tmp_path}/meet", tmp_path],
            env=environment,
        )
        for rank in range(2)
    ]
    codes = [worker.wait(timeout=300) for worker in workers]
    if 77 in codes:
        pytest.skip("no loopback interface: two processes cannot meet")
    assert codes == [0, 0]
    pair = [load_file(tmp_path / f"{rank}.safetensors")["weights"] for rank in range(2)]
    assert torch.equal(pair[0], pair[1])
    assert torch.allclose(pair[0], weights(alone), atol=2e-5)


def test_shares_cover_a_batch_once():
    items = list(range(11))
    parts = [Ranks(rank=rank, world_size=3).share(items) for rank in range(3)]
    assert sorted(functools.reduce(operator.iadd, map(list, parts), [])) == items


def test_every_tensors_noise_has_one_owner():
    for index in range(7):
        assert sum(Ranks(rank=rank, world_size=3).owns(index) for rank in range(3)) == 1
