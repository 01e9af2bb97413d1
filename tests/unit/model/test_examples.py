"""An example is one sequence with its targets; it hides its tokens."""

from __future__ import annotations

import numpy as np
import pytest

from appliance.model.examples import Example


def example(mask: list[bool]) -> Example:
    return Example(
        input_ids=np.full(len(mask), 12345, np.int32),
        loss_mask=np.array(mask, np.bool_),
        record_id=3,
    )


def test_length_counts_tokens_and_targets_count_what_is_learned() -> None:
    assert (len(example([False, True, False, True])), example([False, True, True]).targets) == (
        4,
        2,
    )


def test_the_first_token_is_never_a_target() -> None:
    with pytest.raises(ValueError, match="nothing predicts"):
        example([True, True])


@pytest.mark.parametrize(("ids", "mask"), [((3,), (2,)), ((2, 2), (2, 2)), ((), (1,))])
def test_shapes_must_agree(ids: tuple[int, ...], mask: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="one shape"):
        Example(input_ids=np.zeros(ids, np.int32), loss_mask=np.zeros(mask, np.bool_), record_id=0)


def test_tokens_are_not_shown() -> None:
    assert "12345" not in repr(example([False, True]))
