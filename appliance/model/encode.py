"""Turn records into examples: one rendering for training, evaluation and attack alike.

- `text`: the whole text is learned, and where it ends.
- `prompt_response`: the model's chat template around both; only the response is learned.
- `messages`: the model's chat template; only the assistant's turns are learned.

Labels are masked by position, never by `== pad`: pad and end-of-text share an id in some models.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from appliance.errors import DataError
from appliance.model.examples import Example
from appliance.records import Record

#: A piece of a rendered record: its text, and whether the model learns to write it.
Piece = tuple[str, bool]


class Encoder:
    """Renders and tokenises records for one tokenizer."""

    def __init__(self, tokenizer: Any, *, max_length: int) -> None:  # noqa: ANN401
        """Bind a tokenizer and the longest sequence kept, in tokens."""
        self._tokenizer = tokenizer
        self._max_length = max_length
        self._has_template = bool(getattr(tokenizer, "chat_template", None))

    def encode(self, record: Record) -> Example | None:
        """Return the record's example; None when nothing in it can be learned.

        Sequences longer than `max_length` are cut at the end.
        """
        return self.encode_pieces(self.pieces(record), record_id=record.record_id)

    def encode_pieces(self, pieces: Sequence[Piece], *, record_id: int) -> Example | None:
        """Tokenise pieces one by one, so that the border between them is a token border."""
        ids: list[int] = []
        mask: list[bool] = []
        for index, (text, learned) in enumerate(pieces):
            tokens = self._tokenizer(
                text, add_special_tokens=index == 0 and not self._has_template
            )["input_ids"]
            ids.extend(tokens)
            mask.extend([learned] * len(tokens))
        ids, mask = ids[: self._max_length], mask[: self._max_length]
        if not ids:
            return None
        mask[0] = False
        if not any(mask):
            return None
        return Example(
            input_ids=np.asarray(ids, np.int32),
            loss_mask=np.asarray(mask, np.bool_),
            record_id=record_id,
        )

    def pieces(self, record: Record) -> list[Piece]:
        """Render a record as pieces of text."""
        fields = record.fields
        end = self._tokenizer.eos_token or ""
        if record.kind in ("text", "classification"):
            return [(str(fields["text"]), True), (end, True)]
        if record.kind == "messages":
            return self._chat(_messages(fields["messages"]))
        response = fields["response"] if record.kind == "prompt_response" else fields["chosen"]
        return self._chat(
            [
                {"role": "user", "content": str(fields["prompt"])},
                {"role": "assistant", "content": str(response)},
            ]
        )

    def prompt(self, record: Record) -> str:
        """Render what precedes the response, ready for generation."""
        return "".join(text for text, learned in self.pieces(record) if not learned)

    def _chat(self, messages: list[dict[str, str]]) -> list[Piece]:
        pieces: list[Piece] = []
        done = ""
        for index, message in enumerate(messages):
            if message["role"] != "assistant":
                continue
            before = self._render(messages[:index], generate=True)
            if not before.startswith(done):
                raise DataError(
                    "chat template",
                    "does not render a conversation as a prefix of its continuation",
                    hint="appliance models list",
                )
            pieces.append((before[len(done) :], False))
            after = self._render(messages[: index + 1], generate=False)
            pieces.append((after[len(before) :], True))
            done = after
        return pieces

    def _render(self, messages: list[dict[str, str]], *, generate: bool) -> str:
        if self._has_template:
            text = self._tokenizer.apply_chat_template(
                messages, tokenize=False, add_generation_prompt=generate
            )
            return str(text)
        turns = "".join(f"{m['role']}: {m['content']}\n" for m in messages)
        return turns + ("assistant: " if generate else "")


def _messages(value: object) -> list[dict[str, str]]:
    return [
        {"role": str(m["role"]), "content": str(m["content"])}
        for m in (value if isinstance(value, list) else [])
        if isinstance(m, dict)
    ]
