"""Turn records into examples for each task; `encode` does it for causal models' usual case.

    causal-lm        text, prompt and response, chat: what `encode` renders
    self-supervised  the record's raw texts, cut into windows; each window belongs to the record's
                     privacy unit, and at most `privacy.max_records_per_unit` of a unit are drawn
                     at a time
    classification   text, then the class number; with several labels a 0 or 1 for each class
    seq2seq          prompt, then response, for an encoder and a decoder
    multi-task       each record by its shape: chat and prompt to causal-lm or seq2seq, text to
                     self-supervised where that is a part, text and label to classification, which
                     a language model learns as "text, class: label"

Nothing is packed: a sequence holds text of one record, so of one privacy unit.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from appliance.model.encode import Encoder
from appliance.model.examples import Example
from appliance.model.tasks import Shape
from appliance.policy.model import Training
from appliance.policy.tasks import OneTask
from appliance.records import Kind, Record

#: Between a text and its class, where a language model writes the class.
CLASS_CUE = "\nClass:"
#: Says that none of several labels holds.
NO_LABEL = "-"

Encode = Callable[[Record], list[Example]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Prompt:
    """What a model continues, and what the record says.

    Attributes:
        ids: its token ids; private.
        answer: private.
        part: which of the run's tasks it belongs to.
    """

    ids: Sequence[int] = field(repr=False)
    answer: str = field(repr=False)
    part: int


class TaskEncoder:
    """Renders and tokenises records for one task on one tokenizer."""

    def __init__(self, tokenizer: Any, *, training: Training, shape: Shape) -> None:  # noqa: ANN401
        """Settle how each kind of record is learned.

        Args:
            tokenizer: the base model's.
            training: task, classes, parts and the longest sequence are read.
            shape: what the model computes.
        """
        self._tokenizer = tokenizer
        self._shape = shape
        self._classes = training.classes
        self._most = training.max_length
        self._plain = Encoder(tokenizer, max_length=training.max_length)
        names: tuple[OneTask, ...] = tuple(part.task for part in training.parts)
        if training.task != "multi-task":
            names = (training.task,)
        self.parts = names
        self._encoders: dict[OneTask, Encode] = {
            "causal-lm": self._causal,
            "self-supervised": self._windows,
            "classification": self._classified,
            "seq2seq": self._answered,
        }

    def encode(self, record: Record) -> list[Example]:
        """Return the record's examples; none when nothing in it can be learned for the task.

        Guarantees:
            Every example holds text of this record alone. No token that only the tokenizer or a
            template may write comes from the record's own words.
        """
        part = self._part(record.kind)
        if part is None:
            return []
        return [replace(e, part=part) for e in self._encoders[self.parts[part]](record)]

    def prompt(self, record: Record) -> Prompt | None:
        """Return what a model is given to write an answer; None where nothing is to be written."""
        part = self._part(record.kind)
        if part is None or self._shape == "classifier":
            return None
        name = self.parts[part]
        if name == "classification":
            labels = self._labels(record)
            ids = self._cue(record) if labels is not None else []
            answer = str(record.fields.get("label", ""))
            return Prompt(ids=ids, answer=answer.strip(), part=part) if ids else None
        if record.kind != "prompt_response" or name == "self-supervised":
            return None
        answer = str(record.fields["response"])
        if name == "seq2seq":
            ids = self._cut(self._ids(str(record.fields["prompt"])), self._most)
            return Prompt(ids=ids, answer=answer, part=part) if ids else None
        found = self._plain.prompt(record)
        return None if found is None else Prompt(ids=found, answer=answer, part=part)

    def _part(self, kind: Kind) -> int | None:
        """Say which task learns a kind of record."""
        if len(self.parts) == 1:
            return 0
        wanted: tuple[OneTask, ...] = ("causal-lm", "seq2seq")
        if kind == "classification":
            wanted = ("classification",)
        elif kind == "text":
            wanted = ("self-supervised", "causal-lm")
        return next((self.parts.index(name) for name in wanted if name in self.parts), None)

    def _causal(self, record: Record) -> list[Example]:
        example = self._plain.encode(record)
        return [] if example is None else [example]

    def _windows(self, record: Record) -> list[Example]:
        """Cut raw text into windows that follow each other; the first token of each is given."""
        text = "\n\n".join(text for text in record.texts() if text.strip())
        ids = self._tokenizer(text, add_special_tokens=False, split_special_tokens=True)
        end = self._tokenizer.eos_token_id
        tokens = [*ids["input_ids"], *([end] if end is not None else [])] if text else []
        # A window begins with the last token of the one before: every token is learned once.
        step = max(1, self._most - 1)
        cuts = [tokens[start : start + self._most] for start in range(0, len(tokens) - 1, step)]
        return [_example(cut[:1], cut[1:], record.record_id) for cut in cuts if len(cut) > 1]

    def _classified(self, record: Record) -> list[Example]:
        labels = self._labels(record)
        if labels is None:
            return []
        if self._shape != "classifier":
            cue = self._cue(record)
            answer = str(record.fields["label"]).strip()
            if self._shape == "seq2seq":
                learned = self._ids(answer)
            else:
                words = self._tokenizer(
                    f" {answer}", add_special_tokens=False, split_special_tokens=True
                )["input_ids"]
                learned = [*words, self._tokenizer.eos_token_id]
            return [_example(cue, learned, record.record_id)] if cue and len(learned) else []
        if self._classes.multi_label:
            learned = [int(label in labels) for label in self._classes.labels]
        else:
            learned = [self._classes.labels.index(label) for label in labels]
        given = self._cut(self._ids(str(record.fields["text"])), self._most - len(learned))
        return [_example(given, learned, record.record_id)]

    def _answered(self, record: Record) -> list[Example]:
        fields = record.fields
        response = fields.get("response", fields.get("chosen"))
        if not isinstance(response, str) or not isinstance(fields.get("prompt"), str):
            return []
        if not response.strip():
            return []
        learned = self._cut(self._ids(response), max(1, self._most // 2))
        given = self._cut(self._ids(str(fields["prompt"])), self._most - len(learned))
        return [_example(given, learned, record.record_id)] if given else []

    def _labels(self, record: Record) -> set[str] | None:
        """Read a record's labels; None where one is not among the policy's classes."""
        value = record.fields.get("label")
        text = record.fields.get("text")
        if not isinstance(value, str) or not isinstance(text, str) or not text.strip():
            return None
        words = {value.strip()}
        if self._classes.multi_label:
            words = {w for part in value.split(self._classes.separator) if (w := part.strip())}
            words -= {NO_LABEL}
        return words if words <= set(self._classes.labels) else None

    def _cue(self, record: Record) -> list[int]:
        """Tokenise a text and the cue for its class."""
        text = str(record.fields["text"])
        room = self._most - 2 * len(CLASS_CUE)
        if self._shape == "seq2seq":
            return self._cut(self._ids(text), room)
        ids = self._tokenizer(text, add_special_tokens=False, split_special_tokens=True)
        cue = self._tokenizer(CLASS_CUE, add_special_tokens=False)["input_ids"]
        return [*ids["input_ids"][:room], *cue]

    def _ids(self, text: str) -> list[int]:
        """Tokenise a record's own words between the tokenizer's own first and last token."""
        found = self._tokenizer(text, add_special_tokens=True, split_special_tokens=True)
        return [int(i) for i in found["input_ids"]]

    @staticmethod
    def _cut(ids: list[int], most: int) -> list[int]:
        """Cut to a length; the last token, which says where the text ends, stays."""
        return ids if len(ids) <= most else [*ids[: most - 1], ids[-1]]


def _example(given: Sequence[int], learned: Sequence[int], record_id: int) -> Example:
    ids = np.asarray([*given, *learned], np.int32)
    return Example(input_ids=ids, loss_mask=np.arange(len(ids)) >= len(given), record_id=record_id)
