"""One logical step of private training, on one page.

    1. Draw the units of the step, each independently (Poisson), and their records.
    2. Form each unit's gradient; no two units mix.
    3. Clip each unit's gradient to the bound, over all parameters together; add up.
    4. Journal the step: from here on it counts as spent.
    5. Add noise to the sum, once, also to an empty one.
    6. Divide by the expected batch, a public number.
    7. Update; the update sees the noisy mean only.

The self-test runs this very code on a toy model before every run.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch

from appliance.finetune import batching
from appliance.finetune.admission import Admission
from appliance.finetune.mechanism import Mechanism
from appliance.finetune.methods.choose import Holding, engine_for
from appliance.finetune.noise import NoiseSource, Purpose
from appliance.finetune.optimizer import DpOptimizer
from appliance.finetune.per_sample import GradientEngine, LossFn
from appliance.finetune.ranks import Ranks
from appliance.finetune.sampling import PoissonSampler, UnitDraw
from appliance.model.examples import Example


@dataclass(frozen=True, slots=True, kw_only=True)
class StepFacts:
    """What one step did; all but `step` depends on the private batch.

    Attributes:
        step: which, from 0.
        units: units drawn, over all processes.
        tokens: tokens that went through the model, over all processes.
        mean_loss: mean unit loss of the drawn units; None when there were none.
    """

    step: int
    units: int = field(repr=False)
    tokens: int = field(repr=False)
    mean_loss: float | None = field(repr=False)


class PrivateStep:
    """Sampler, engine, clipping, noise and update of one mechanism, wired once.

    Guarantees:
        `run(k)` releases, through the parameters, one Poisson-sampled Gaussian mechanism of the
        given `Mechanism`, and nothing else that depends on the data. Running step k again draws
        the same batch and the same noise.
    """

    def __init__(
        self,
        model: torch.nn.Module,
        optimizer: torch.optim.Optimizer,
        *,
        mechanism: Mechanism,
        noise: NoiseSource,
        loss_fn: LossFn,
        physical_batch_tokens: int,
        held: Holding,
        ranks: Ranks | None = None,
        engine: GradientEngine | None = None,
        in_step: bool = False,
        admission: Admission | None = None,
    ) -> None:
        """Wire the parts.

        Args:
            model: what is trained, on its device.
            optimizer: over the model's trainable parameters.
            mechanism: what runs and what is accounted.
            noise: the keyed source of masks and noise.
            loss_fn: the loss of a physical batch.
            physical_batch_tokens: most tokens of one pass.
            held: how per-unit gradients are held.
            ranks: the processes that take part; this one alone by default.
            engine: forms per-unit gradients; chosen by the model by default.
            in_step: every process makes as many passes as the busiest; a sharded base needs it.
            admission: which records of a drawn unit take part; all by default.
        """
        self.model = model
        self.ranks = ranks or Ranks()
        self.sampler = PoissonSampler(mechanism=mechanism, noise=noise, admission=admission)
        self._keeps_pace, self._called = in_step, False
        self.engine = engine or engine_for(
            model, self._in_step(loss_fn) if in_step else loss_fn, large=held.large
        )
        self.optimizer = DpOptimizer(optimizer, mechanism=mechanism, noise=noise, ranks=self.ranks)
        self._noise = noise
        self._tokens = physical_batch_tokens
        self._held = held
        self._device = self.optimizer.params[0].device

    def run(
        self, step: int, units: Sequence[Sequence[Example]], journal: Callable[[int], None]
    ) -> StepFacts:
        """Run one step; the numbers are those of the module's list.

        Args:
            step: noisy update, from 0.
            units: the records of every unit.
            journal: called once the gradient is known and before noise and update.
        """
        self.model.train()  # A caller may have measured something since the last step.
        self._seed_dropout(step)
        self.optimizer.clear()
        draws = self.sampler.draw(step, units)  # 1
        mine = [draw for draw in self.ranks.share(draws) if draw.records]
        tokens, loss, count = 0, 0.0, 0
        for group in batching.group_units(
            mine,
            units,
            physical_batch_tokens=self._tokens,
            units_in_memory=self._held.units,
            one_pass=bool(self._held.large),
            device=self._device,
        ):
            losses = self.engine.unit_gradients(group)  # 2
            self.optimizer.clip_and_accumulate()  # 3
            tokens += sum(batch.tokens for batch in group.batches)
            loss, count = loss + float(losses.sum()), count + group.units
        if self._keeps_pace:
            self._keep_pace(units)
        if self.ranks.world_size > 1:
            figures = self.ranks.sum(torch.tensor([tokens, loss, count], dtype=torch.float64))
            tokens, loss, count = int(figures[0]), float(figures[1]), int(figures[2])
        journal(step)  # 4
        self.optimizer.add_step_noise(step)  # 5
        self.optimizer.scale_grad()  # 6
        self.optimizer.original_optimizer.step()  # 7
        self.optimizer.adapt_bound(step)
        return StepFacts(
            step=step, units=len(draws), tokens=tokens, mean_loss=loss / count if count else None
        )

    def close(self) -> None:
        """Give the model back, its layers uncovered and its gradients dropped."""
        self.engine.close()
        self.optimizer.clear()
        for p in self.optimizer.params:
            p.summed_grad = None

    def _in_step(self, loss_fn: LossFn) -> LossFn:
        """Announce each pass, so that processes without one make it too; see `_keep_pace`."""

        def announced(
            model: torch.nn.Module, batch: batching.PhysicalBatch
        ) -> tuple[torch.Tensor, torch.Tensor]:
            if not self._called:
                self.ranks.most(1)
            self._called = False
            return loss_fn(model, batch)

        return announced

    def _keep_pace(self, units: Sequence[Sequence[Example]]) -> None:
        """Pass when another process passes, on one record whose gradient is dropped.

        A sharded base is gathered by all processes in every pass: one that rested would leave the
        others waiting for ever. Before a pass each says whether it has one (`Ranks.most`); who has
        none is called to an idle one, until nobody has any.
        """
        idle = next(
            UnitDraw(unit=number, records=(i,))
            for number, records in enumerate(units)
            for i, record in enumerate(records)
            if record.targets
        )
        (group,) = batching.group_units(
            [idle], units, physical_batch_tokens=1, units_in_memory=1, device=self._device
        )
        while self.ranks.most(0):
            self._called = True
            self.engine.unit_gradients(group)
            for p in self.optimizer.params:
                p.grad_sample = None

    def _seed_dropout(self, step: int) -> None:
        """Make dropout a function of the key and the step, so that a redone step is the same."""
        words = self._noise.words(Purpose.DROPOUT_SEED, step=step, index=self.ranks.rank, n=1)
        torch.manual_seed(int(words[0] >> 1))
