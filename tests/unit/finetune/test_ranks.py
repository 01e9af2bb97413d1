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

from appliance.errors import MachineError
from appliance.finetune.ranks import Ranks, packed, unpacked
from appliance.finetune.settings import TrainOutcome
from tests.unit.finetune.test_trainer import mechanism, run, settings, weights
from tests.unit.finetune.toys import lora_llama, make_units

WORKER = textwrap.dedent(
    """
    import sys
    import torch
    from safetensors.torch import save_file
    torch.set_num_threads(1)
    from appliance.errors import MachineError
    from appliance.finetune.noise import fresh_key
    from appliance.finetune.ranks import Ranks
    from tests.unit.finetune.test_trainer import KEY, mechanism, run, settings, weights
    from tests.unit.finetune.toys import awake, lora_llama, make_units
    try:
        ranks = Ranks.join()
    except MachineError:
        sys.exit(77)  # No loopback interface here.
    for how in ("whole", "sharded"):
        # The second process comes with other factors and another key: the first one's must win.
        model = lora_llama() if ranks.first else awake(lora_llama(), seed=5)
        mech = mechanism(sample_rate=0.15, clipping="abadi")
        key = KEY if ranks.first else fresh_key()
        shard = settings(shard_base=how == "sharded")
        outcome = run(model, mech, shard, units=make_units(10), ranks=ranks, noise_key=key)
        whole = sum(p.numel() for p in model.parameters() if hasattr(p, "placements"))
        mine = sum(p.to_local().numel() for p in model.parameters() if hasattr(p, "placements"))
        figures = torch.tensor([whole, mine, *outcome.batch_sizes], dtype=torch.int64)
        losses = torch.tensor(outcome.losses, dtype=torch.float64)
        save_file(
            {"weights": weights(model), "figures": figures, "losses": losses},
            f"{sys.argv[1]}/{how}-{ranks.rank}.safetensors",
        )
    ranks.leave()
    """
)


@pytest.fixture(scope="module")
def two_processes(tmp_path_factory) -> Path:
    """Run the worker twice under torchrun's environment; return where each of them saved."""
    tmp_path = tmp_path_factory.mktemp("ranks")
    script = tmp_path / "worker.py"
    script.write_text(WORKER)
    port = 20_000 + os.getpid() % 20_000  # Tests open no socket, not even to look for a port.
    workers = [
        subprocess.Popen(
            [sys.executable, script, tmp_path],
            env={
                **os.environ,
                "PYTHONPATH": str(Path.cwd()),
                "OMP_NUM_THREADS": "1",
                "MASTER_ADDR": "127.0.0.1",
                "MASTER_PORT": str(port),
                "WORLD_SIZE": "2",
                "RANK": str(rank),
            },
        )
        for rank in range(2)
    ]
    codes = [worker.wait(timeout=300) for worker in workers]
    if 77 in codes:
        pytest.skip("no loopback interface: two processes cannot meet")
    assert codes == [0, 0]
    return tmp_path


@pytest.fixture(scope="module")
def alone() -> tuple[torch.Tensor, TrainOutcome]:
    """What one process makes of the same key and data."""
    model = lora_llama()
    outcome = run(model, mechanism(sample_rate=0.15), settings(), units=make_units(10))
    # The rate makes some batches smaller than two: one process then has nothing to do.
    assert min(outcome.batch_sizes) < 2
    return weights(model), outcome


@pytest.mark.parametrize("how", ["whole", "sharded"])
def test_two_processes_train_as_one(two_processes, alone, how):
    expected, outcome = alone
    pair = [load_file(two_processes / f"{how}-{rank}.safetensors") for rank in range(2)]
    assert torch.equal(pair[0]["weights"], pair[1]["weights"])
    assert torch.allclose(pair[0]["weights"], expected, atol=2e-5)
    for saved in pair:
        assert saved["figures"][2:].tolist() == outcome.batch_sizes
        losses = torch.tensor(outcome.losses, dtype=torch.float64)
        assert torch.allclose(saved["losses"], losses, atol=1e-5)
        split, mine = saved["figures"][:2].tolist()
        # Each process holds half of the frozen blocks, or none of them is split.
        assert mine * 2 == split
        assert (split > 0) == (how == "sharded")


def test_shares_cover_a_batch_once():
    items = list(range(11))
    parts = [Ranks(rank=rank, world_size=3).share(items) for rank in range(3)]
    assert sorted(functools.reduce(operator.iadd, map(list, parts), [])) == items


def test_every_tensors_noise_has_one_owner():
    for index in range(7):
        assert sum(Ranks(rank=rank, world_size=3).owns(index) for rank in range(3)) == 1


def test_parts_survive_their_packing():
    parts = {"a": b"", "b": b"\0\1", "c": bytes(300)}
    assert unpacked(packed(parts)) == parts


LOCKED = textwrap.dedent(
    """
    import sys
    from pathlib import Path
    import torch
    from appliance.finetune.ranks import Ranks
    from appliance.locks import lockdown, netns
    folder = Path(sys.argv[1])
    report = lockdown("shared-loopback", readable=[folder], writable=[folder])
    if "landlock" in report.missing():
        sys.exit(77)
    ranks = Ranks.join()
    total = ranks.sum(torch.ones(1))
    (folder / str(ranks.rank)).write_text(str(total.item()))
    ranks.leave()
    """
)


def test_processes_of_torchrun_meet_behind_the_locks(tmp_path):
    """Torchrun says `localhost`: a name, which a locked process can ask nobody about."""
    script = tmp_path / "locked.py"
    script.write_text(LOCKED)
    inside = textwrap.dedent(
        f"""
        import os, sys
        from appliance.locks import netns
        try:
            netns.enter_loopback()
        except OSError:
            sys.exit(77)
        words = ["-m", "torch.distributed.run", "--nproc-per-node", "2", {str(script)!r}, {str(tmp_path)!r}]
        os.execv(sys.executable, [sys.executable, *words])
        """
    )
    here = Path(__file__).parents[3]
    done = subprocess.run(
        [sys.executable, "-c", inside],
        env={**os.environ, "PYTHONPATH": str(here), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        timeout=120,
        check=False,
    )
    if done.returncode == 77:
        pytest.skip("the kernel gives no network namespace")
    assert {(tmp_path / rank).read_text() for rank in "01"} == {"2.0"}, done.stderr.decode()[-2000:]


@pytest.mark.parametrize("address", ["", "10.0.0.7", "another.example"])
def test_processes_meet_on_loopback_alone(monkeypatch, address):
    monkeypatch.setenv("WORLD_SIZE", "2")
    monkeypatch.setenv("MASTER_ADDR", address)
    with pytest.raises(MachineError, match="loopback"):
        Ranks.join()
