"""The audit log: each kind of damage has its own name."""

from __future__ import annotations

import functools
import hashlib
import json
import multiprocessing
import os
import re
from pathlib import Path

import pytest

from appliance.crypto.canonical import canonical_json, digest_bytes
from appliance.crypto.signing import SigningKey
from appliance.errors import IntegrityError
from appliance.log import AuditLog, export_lines
from appliance.log.merkle import leaf_hash, tree_root, tree_roots

KEY = SigningKey.generate()


@pytest.fixture
def log(tmp_path: Path) -> AuditLog:
    log = AuditLog(tmp_path, key=KEY.public, unlocked_by="slot1")
    for i in range(7):
        log.append("test.event", number=i)
    log.checkpoint(KEY)
    for i in range(3):
        log.append("test.event", number=7 + i)
    log.checkpoint(KEY)
    return log


def lines(log: AuditLog) -> list[bytes]:
    return log._events.read_bytes().splitlines(keepends=True)


def rewrite(log: AuditLog, new: list[bytes]) -> None:
    log._events.write_bytes(b"".join(new))


def rechain(events: list[bytes]) -> list[bytes]:
    """What somebody without the key can do: a consistent chain of other events."""
    out, prev = [], digest_bytes(b"")
    for seq, line in enumerate(events):
        line = canonical_json({**json.loads(line), "seq": seq, "prev": prev})
        prev = digest_bytes(line)
        out.append(line + b"\n")
    return out


def fault(log: AuditLog, **options) -> str:
    with pytest.raises(IntegrityError) as caught:
        log.verify(**options)
    return caught.value.what.partition(":")[0]


def test_a_sound_log_verifies(log):
    report = log.verify()
    assert (report.events, report.checkpoints) == (10, 2)
    assert report.root == tree_root(line[:-1] for line in lines(log)).hex()


def test_an_event_says_who_when_what_and_outcome(log):
    event = list(log.events())[3]
    assert event["event"] == "test.event"
    assert event["fields"] == {"number": 3}
    assert event["outcome"] == "done"
    assert event["who"]["uid"] == os.getuid()
    assert event["who"]["slot"] == "slot1"
    assert re.match(r"\d{4}-\d\d-\d\dT", event["when"])


def test_an_altered_event_is_a_bad_hash(log):
    changed = lines(log)
    changed[4] = changed[4].replace(b'"number":4', b'"number":5')
    rewrite(log, changed)
    assert fault(log) == "bad hash"


def test_every_flipped_byte_is_found(log):
    data = log._events.read_bytes()
    log._parse = functools.cache(log._parse)  # the checkpoints stay: their signatures hold once
    for at in range(0, len(data), 3):
        changed = bytearray(data)
        changed[at] ^= 1 << (at % 8)
        log._events.write_bytes(bytes(changed))
        assert fault(log) in {"bad hash", "gap", "fork", "truncation"}


def test_a_removed_event_is_a_gap(log):
    changed = lines(log)
    del changed[5]
    rewrite(log, changed)
    assert fault(log) == "gap"


def test_a_repeated_event_is_a_fork(log):
    changed = lines(log)
    rewrite(log, [*changed[:5], changed[4], *changed[5:]])
    assert fault(log) == "fork"


def test_a_rewritten_history_is_a_fork(log):
    changed = lines(log)
    changed[2] = changed[2].replace(b'"number":2', b'"number":9')
    rewrite(log, rechain(changed))
    assert fault(log) == "fork"


def test_a_cut_log_is_truncated(log):
    rewrite(log, lines(log)[:-1])
    assert fault(log) == "truncation"
    with pytest.raises(IntegrityError, match="truncation"):
        log.append("test.event")


def test_a_log_cut_together_with_its_checkpoints_is_seen_with_one_kept_elsewhere(log):
    kept = log.last_checkpoint()
    rewrite(log, lines(log)[:7])
    notes = log._checkpoints.read_bytes().splitlines(keepends=True)
    log._checkpoints.write_bytes(notes[0])
    log.verify()
    assert fault(log, since=kept.note) == "truncation"


def test_a_fork_after_a_kept_checkpoint_is_seen(log, tmp_path):
    kept = log.last_checkpoint()
    (tmp_path / "other").mkdir()
    other = AuditLog(tmp_path / "other", key=KEY.public)
    for i in range(12):
        other.append("test.event", number=i)
    other.checkpoint(KEY)
    other.verify()
    assert fault(other, since=kept.note) == "fork"


def test_a_checkpoint_kept_elsewhere_proves_that_the_log_went_on(log):
    kept = log.last_checkpoint()
    log.append("test.event")
    log.checkpoint(KEY)
    assert log.verify(since=kept.note).events == 11


def test_a_checkpoint_by_another_key_proves_nothing(log):
    note = log.last_checkpoint().note
    stranger = AuditLog(log._folder, key=SigningKey.generate().public)
    with pytest.raises(IntegrityError):
        stranger.verify()
    with pytest.raises(IntegrityError):
        log.verify(since=note.replace("\n10\n", "\n11\n"))


def test_checkpoints_in_another_order_are_a_fork(log):
    log.append("test.event")
    log.checkpoint(KEY)
    notes = log._checkpoints.read_bytes().splitlines(keepends=True)
    log._checkpoints.write_bytes(b"".join([notes[1], notes[0], *notes[2:]]))
    assert fault(log) == "fork"


def test_a_checkpoint_taken_out_of_the_middle_is_missed_by_who_knew_it(log):
    log.append("test.event")
    log.checkpoint(KEY)
    (size, root), known = log.head(), log.notes_head()
    log.check_continues(size, root, signed=size, notes=known)
    notes = log._checkpoints.read_bytes().splitlines(keepends=True)
    log._checkpoints.write_bytes(b"".join([notes[0], *notes[2:]]))
    with pytest.raises(IntegrityError, match="not the checkpoints known"):
        log.check_continues(size, root, signed=size, notes=known)


def test_an_altered_checkpoint_is_found(log):
    data = log._checkpoints.read_bytes()
    for at in range(0, len(data), 7):
        changed = bytearray(data)
        changed[at] ^= 1 << (at % 8)
        log._checkpoints.write_bytes(bytes(changed))
        with pytest.raises(IntegrityError):
            log.verify()


def test_events_after_the_last_checkpoint_are_an_unsigned_tail(log):
    log.append("test.event")
    assert fault(log) == "unsigned tail"
    assert log.verify(tail=True).events == 11
    log.checkpoint(KEY)
    assert log.verify().events == 11


def test_an_event_cut_off_by_a_crash_is_dropped_and_recorded(log):
    log.append("test.event")
    data = log._events.read_bytes()
    log._events.write_bytes(data[:-20])
    assert fault(log) == "unsigned tail"
    again = AuditLog(log._folder, key=KEY.public)
    again.append("test.after")
    names = [event["event"] for event in again.events()]
    assert names[-2:] == ["log.recovered", "test.after"]
    again.checkpoint(KEY)
    assert again.verify().events == 12


def test_a_signed_event_cut_short_is_not_dropped_but_refused(log):
    log._events.write_bytes(log._events.read_bytes()[:-20])
    with pytest.raises(IntegrityError, match="truncation"):
        AuditLog(log._folder, key=KEY.public).append("test.event")


def test_checkpoint_is_signed_once_for_the_same_events(log):
    one, other = log.checkpoint(KEY), log.checkpoint(KEY)
    assert one.note == other.note
    assert log.verify().checkpoints == 2


@pytest.mark.parametrize(
    "value", ["two\nlines", "x" * 2000, b"bytes", {"k": object()}, ["ok", "\x1b[31m"], float("nan")]
)
def test_a_field_that_is_not_a_short_plain_fact_is_refused(log, value):
    with pytest.raises(ValueError):  # noqa: PT011
        log.append("test.event", value=value)
    assert log.verify().events == 10


def append_many(folder: Path, count: int) -> None:
    log = AuditLog(folder, key=KEY.public)
    for i in range(count):
        log.append("test.parallel", number=i)


def test_processes_appending_at_once_make_one_chain(log):
    context = multiprocessing.get_context("fork")
    processes = [context.Process(target=append_many, args=(log._folder, 25)) for _ in range(6)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    log.checkpoint(KEY)
    assert log.verify().events == 10 + 6 * 25


# RFC 9162.


def slow_root(entries: list[bytes]) -> bytes:
    """Section 2.1.1, read aloud."""
    if not entries:
        return hashlib.sha256(b"").digest()
    if len(entries) == 1:
        return hashlib.sha256(b"\x00" + entries[0]).digest()
    k = 1
    while k * 2 < len(entries):
        k *= 2
    return hashlib.sha256(b"\x01" + slow_root(entries[:k]) + slow_root(entries[k:])).digest()


def test_root_agrees_with_the_slow_twin_for_every_small_size():
    entries = [bytes([i]) * i for i in range(70)]
    roots = dict(tree_roots(entries, range(71)))
    for size in range(71):
        assert tree_root(entries[:size]) == roots[size] == slow_root(entries[:size])


def test_root_agrees_with_the_certificate_transparency_vector():
    # RFC 6962 reference tree (certificate-transparency: MerkleTreeTest), eight leaves.
    leaves = [
        "",
        "00",
        "10",
        "2021",
        "3031",
        "40414243",
        "5051525354555657",
        "606162636465666768696a6b6c6d6e6f",
    ]
    entries = [bytes.fromhex(leaf) for leaf in leaves]
    assert leaf_hash(b"").hex().startswith("6e340b9cffb37a98")
    assert (
        tree_root(entries).hex()
        == "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328"
    )


# Exports.


def test_exports_hold_one_line_per_event(log):
    for form in ("jsonl", "syslog", "cef"):
        out = list(export_lines(log.events(), form))
        assert len(out) == 10
        assert all("\n" not in line for line in out)
    assert [json.loads(line)["seq"] for line in export_lines(log.events(), "jsonl")] == list(
        range(10)
    )


def test_export_escapes_what_could_forge_another_field(log):
    log.append("test.event", outcome="failed", path='a"b]c\\d=e|f')
    event = list(log.events())[-1]
    syslog = next(iter(export_lines([event], "syslog")))
    cef = next(iter(export_lines([event], "cef")))
    assert r'field_path="a\"b\]c\\d=e|f"' in syslog
    assert r'field_path=a"b]c\\d\=e|f' in cef
    assert re.match(r"<108>1 \S+ - appliance - test\.event \[appliance@32473 ", syslog)
    assert re.match(r"CEF:0\|appliance\|appliance\|[^|]+\|test\.event\|test\.event\|7\|", cef)
