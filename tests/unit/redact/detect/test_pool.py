"""Several processes find what one finds, and leave nothing behind."""

import os
import signal
import time

import pytest

from appliance.records import Span
from appliance.redact.detect import Detector, DetectorSettings, Hint
from appliance.redact.detect.pool import Pool, shares

FILL = "The wound was clean and dry. " * 120
TEXTS = [
    f"Mr. {name} was seen on 3/{day}/2020, MRN 88-{day}{day}17. {FILL} Later {name} left."
    for day, name in enumerate(["Osei", "Adeyemi", "Qwort", "Petrovsk", "Okafor", "Lindqvist"], 1)
]


class Odd:
    """A detector that says which process answered, and fails where it is told to."""

    def __init__(self, *, fails_in_workers: bool = False, fails: bool = False) -> None:
        self.home = os.getpid()
        self.fails_in_workers = fails_in_workers
        self.fails = fails

    def detect_batch(self, texts, *, hints=None, groups=None):
        if self.fails or (self.fails_in_workers and os.getpid() != self.home):
            raise ValueError("private text")
        return [[Span(start=0, end=1, entity_type=str(os.getpid()), score=1.0)] for _ in texts]

    def collect_seeds(self, texts):
        return [[Hint(value=text[:5], entity_type=str(os.getpid()))] for text in texts]


def processes_of(found):
    return {spans[0].entity_type for spans in found}


@pytest.mark.parametrize("processes", [1, 2, 3, 8])
def test_spans_do_not_depend_on_the_number_of_processes(rules, processes):
    groups = ["a", "a", "b", "c", "c", "d"]
    hints = [[Hint(value="dry", entity_type="ID_NUMBER")]] * len(TEXTS)
    alone = rules.detect_batch(TEXTS, hints=hints, groups=groups)
    with Pool(rules, processes) as pool:
        assert pool.detect_batch(TEXTS, hints=hints, groups=groups) == alone
        assert pool.detect_batch(TEXTS) == rules.detect_batch(TEXTS)
        assert pool.collect_seeds(TEXTS) == rules.collect_seeds(TEXTS)
    assert all(alone)


def test_models_find_the_same_in_a_worker():
    detector = Detector.build(DetectorSettings(cache_texts=1))
    with Pool(detector, 2) as pool:
        shared = pool.detect_batch(TEXTS[:2])
    assert shared == detector.detect_batch(TEXTS[:2])
    assert {s.source for s in shared[1]} - {"propagation"}


def test_workers_share_the_work():
    with Pool(Odd(), 3) as pool:
        assert len(processes_of(pool.detect_batch(TEXTS))) == 3


def test_a_unit_is_read_by_one_process():
    with Pool(Odd(), 3) as pool:
        found = pool.detect_batch(TEXTS, groups=["a", "b", "a", "b", "a", "b"])
    assert len(processes_of(found[::2])) == len(processes_of(found[1::2])) == 1
    assert len(processes_of(found)) == 2


def test_one_process_forks_nothing():
    with Pool(Odd(), 1) as pool:
        assert processes_of(pool.detect_batch(TEXTS)) == {str(os.getpid())}


def test_a_small_batch_is_not_sent_away():
    with Pool(Odd(), 4) as pool:
        assert processes_of(pool.detect_batch(["a", "b"])) == {str(os.getpid())}


def test_what_a_worker_fails_at_is_done_here():
    with Pool(Odd(fails_in_workers=True), 3) as pool:
        assert processes_of(pool.detect_batch(TEXTS)) == {str(os.getpid())}


def test_a_failure_of_the_detector_is_raised_here():
    with Pool(Odd(fails=True), 3) as pool:
        with pytest.raises(ValueError, match="private text"):
            pool.detect_batch(TEXTS)
        pool._detector.fails = False
        assert len(pool.detect_batch(TEXTS)) == len(TEXTS)


def test_a_killed_worker_is_done_without():
    with Pool(Odd(), 2) as pool:
        away = processes_of(pool.detect_batch(TEXTS)) - {str(os.getpid())}
        os.kill(int(away.pop()), signal.SIGKILL)
        assert processes_of(pool.detect_batch(TEXTS)) == {str(os.getpid())}
        assert processes_of(pool.detect_batch(TEXTS)) == {str(os.getpid())}


def test_no_worker_is_left():
    with Pool(Odd(), 3) as pool:
        workers = processes_of(pool.detect_batch(TEXTS)) - {str(os.getpid())}
    for pid in workers:
        with pytest.raises(ProcessLookupError):
            os.kill(int(pid), 0)


def test_a_worker_ends_with_its_parent():
    reading, writing = os.pipe()
    middle = os.fork()
    if not middle:
        pool = Pool(Odd(), 2)
        found = processes_of(pool.detect_batch(TEXTS)) - {str(os.getpid())}
        os.write(writing, found.pop().encode())
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(middle, 0)
    worker = int(os.read(reading, 20))
    for _ in range(100):
        try:
            os.kill(worker, 0)
        except ProcessLookupError:
            return
        if b" Z " in open(f"/proc/{worker}/stat", "rb").read():  # noqa: PTH123, SIM115
            return
        time.sleep(0.05)
    raise AssertionError("the worker is still there")


def test_shares_hold_every_text_once_and_are_even():
    texts = ["x" * size for size in (9_000, 8_000, 7_000, 6_000, 5_000, 5_000)]
    parts = shares(texts, None, 2)
    assert sorted(i for part in parts for i in part) == list(range(6))
    loads = [sum(len(texts[i]) for i in part) for part in parts]
    assert max(loads) - min(loads) <= 2_000
