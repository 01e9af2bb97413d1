"""Turn records into examples: one rendering for training, evaluation and attack alike.

- `text`: the whole text is learned, and where it ends.
- `prompt_response`: the model's chat template around both; only the response is learned.
- `messages`: the model's chat template; only the assistant's turns are learned.

Labels are masked by position, never by `== pad`: pad and end-of-text share an id in some models.
A record's own words never become control tokens: "<|im_end|>" typed in a note stays ten
characters, else whoever writes a record could end the turn and speak for the assistant.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from jinja2 import TemplateError

from appliance.errors import DataError
from appliance.model.examples import Example
from appliance.records import Record

#: Characters of private use; two that a record does not hold mark its control words in a template.
_PRIVATE = [chr(c) for c in range(0xE000, 0xE020)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """A piece of a rendered record.

    Attributes:
        text: private.
        learned: the model learns to write it.
        literal: the record's own words: nothing in them is a control token.
    """

    text: str = field(repr=False)
    learned: bool
    literal: bool


class Encoder:
    """Renders and tokenises records for one tokenizer."""

    def __init__(self, tokenizer: Any, *, max_length: int) -> None:  # noqa: ANN401
        """Bind a tokenizer and the longest sequence kept, in tokens."""
        self._tokenizer = tokenizer
        self._max_length = max_length
        self._has_template = bool(getattr(tokenizer, "chat_template", None))
        words = sorted(_control_words(tokenizer), key=len, reverse=True)
        self._control = re.compile("|".join(map(re.escape, words))) if words else None

    def encode(self, record: Record) -> Example | None:
        """Return the record's example; None when nothing in it can be learned.

        Sequences longer than `max_length` are cut at the end. A conversation whose roles the
        model's chat template refuses cannot be learned.

        Guarantees:
            No token that only the template may write comes from the record's own words.
            The tokens before and between the learned pieces are no targets.
        """
        ids, mask = self._tokens(self.pieces(record))
        ids, mask = ids[: self._max_length], mask[: self._max_length]
        if not ids:
            return None
        mask[0] = False
        if not any(mask):
            return None
        return Example(
            input_ids=np.asarray(ids, np.int32),
            loss_mask=np.asarray(mask, np.bool_),
            record_id=record.record_id,
        )

    def prompt(self, record: Record) -> list[int] | None:
        """Return the tokens before the first learned piece, as training saw them.

        None where there are none, or where they alone fill `max_length`.
        """
        pieces = self.pieces(record)
        first = next((i for i, piece in enumerate(pieces) if piece.learned), 0)
        ids, _ = self._tokens(pieces[:first])
        return ids if 0 < len(ids) < self._max_length else None

    def pieces(self, record: Record) -> list[Piece]:
        """Render a record as pieces of text; none where there is nothing to learn."""
        fields = record.fields
        if record.kind in ("text", "classification"):
            text = str(fields["text"])
            end = self._tokenizer.eos_token or ""
            return [
                Piece(text=text, learned=True, literal=True),
                Piece(text=end, learned=True, literal=False),
            ][: 2 if text.strip() else 0]
        if record.kind == "messages":
            return self._chat(_messages(fields["messages"]))
        response = fields["response"] if record.kind == "prompt_response" else fields["chosen"]
        return self._chat(
            [
                {"role": "user", "content": str(fields["prompt"])},
                {"role": "assistant", "content": str(response)},
            ]
        )

    def _tokens(self, pieces: Sequence[Piece]) -> tuple[list[int], list[bool]]:
        """Tokenise pieces one by one, so that the border between them is a token border."""
        ids: list[int] = []
        mask: list[bool] = []
        for index, piece in enumerate(pieces):
            tokens = self._tokenizer(
                piece.text,
                add_special_tokens=index == 0 and not self._has_template,
                split_special_tokens=piece.literal,
            )["input_ids"]
            ids.extend(tokens)
            mask.extend([piece.learned] * len(tokens))
        return ids, mask

    def _chat(self, messages: list[dict[str, str]]) -> list[Piece]:
        if not any(m["content"].strip() for m in messages if m["role"] == "assistant"):
            return []
        masked, guard = self._masked(messages)
        try:
            turns = self._turns(masked)
        except TemplateError:  # The template's own check, e.g. of the order of roles.
            return []
        return [piece for text, learned in turns for piece in guard.restored(text, learned)]

    def _turns(self, messages: list[dict[str, str]]) -> list[tuple[str, bool]]:
        """Render a conversation, cut before and after each of the assistant's turns."""
        turns: list[tuple[str, bool]] = []
        done = ""
        for index, message in enumerate(messages):
            if message["role"] != "assistant":
                continue
            before = self._render(messages[:index], generate=True)
            after = self._render(messages[: index + 1], generate=False)
            if not (before.startswith(done) and after.startswith(before)):
                raise DataError(
                    "chat template",
                    "does not render a conversation as a prefix of its continuation",
                    hint="appliance models list",
                )
            turns += [(before[len(done) :], False), (after[len(before) :], True)]
            done = after
        return turns

    def _render(self, messages: list[dict[str, str]], *, generate: bool) -> str:
        if self._has_template:
            text = self._tokenizer.apply_chat_template(
                messages, tokenize=False, add_generation_prompt=generate
            )
            return str(text)
        turns = "".join(f"{m['role']}: {m['content']}\n" for m in messages)
        return turns + ("assistant: " if generate else "")

    def _masked(self, messages: list[dict[str, str]]) -> tuple[list[dict[str, str]], _Guard]:
        """Replace control words in the record's own words until the template is filled in."""
        everything = "".join(m["role"] + m["content"] for m in messages)
        if self._control is None or not self._control.search(everything):
            return messages, _Guard(marks=("", ""), words=())
        free = [c for c in _PRIVATE if c not in everything]
        if len(free) < 2:
            raise DataError(
                "a conversation",
                "holds both control words and most characters of private use",
                hint="appliance policy explain data",
            )
        words = tuple(sorted(set(self._control.findall(everything))))
        guard = _Guard(marks=(free[0], free[1]), words=words)
        hide = self._control
        return [{k: guard.hidden(v, hide) for k, v in m.items()} for m in messages], guard


@dataclass(frozen=True, slots=True, kw_only=True)
class _Guard:
    """Stands between the words of a record and the template's control tokens.

    Attributes:
        marks: an opening and a ticking character that the record does not hold; empty: no word
            to hide.
        words: the hidden words, in order; the n-th is the opening mark and n ticks.
    """

    marks: tuple[str, str]
    words: tuple[str, ...] = field(repr=False)

    def hidden(self, text: str, control: re.Pattern[str]) -> str:
        opening, tick = self.marks
        return control.sub(lambda m: opening + tick * self.words.index(m[0]) + opening, text)

    def restored(self, text: str, learned: bool) -> list[Piece]:
        if not self.words:
            return [Piece(text=text, learned=learned, literal=False)]
        opening, tick = self.marks
        parts = re.split(f"{opening}({tick}*){opening}", text)
        return [
            Piece(
                text=self.words[len(part)] if index % 2 else part,
                learned=learned,
                literal=bool(index % 2),
            )
            for index, part in enumerate(parts)
            if part or index % 2
        ]


def _control_words(tokenizer: Any) -> set[str]:  # noqa: ANN401  transformers is untyped
    added = getattr(tokenizer, "added_tokens_decoder", {})
    words = {str(token) for token in added.values() if token.special}
    return {word for word in words | set(tokenizer.all_special_tokens) if word}


def _messages(value: object) -> list[dict[str, str]]:
    return [
        {"role": str(m["role"]), "content": str(m["content"])}
        for m in (value if isinstance(value, list) else [])
        if isinstance(m, dict)
    ]
