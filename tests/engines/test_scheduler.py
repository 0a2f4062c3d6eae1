import random

import pytest

from gdbench.engines.scheduler import OVERDUE, TRIES, Scheduler
from gdbench.engines.shards import cut


def scheduler(n_items=12, parts=4):
    return Scheduler(cut([str(k) for k in range(n_items)], [1] * n_items, parts))


def deliver(plan, work):
    return [p for p in work.positions if plan.deliver(work.number, p)]


def test_all_items_are_delivered_once():
    plan = scheduler()
    scored = []
    for turn in range(4):
        work = plan.take("a", turn)
        scored += deliver(plan, work)
        plan.finish("a", turn + 1)
    assert sorted(scored) == list(range(12))
    assert plan.done
    assert plan.take("a", 9) is None


def test_what_was_scored_before_a_failure_is_not_asked_again():
    plan = scheduler(parts=1)
    work = plan.take("a", 0)
    assert plan.deliver(work.number, work.positions[0])
    plan.fail("a", "boom")
    again = plan.take("b", 1)
    assert again.positions == work.positions[1:]


def test_a_shard_that_fails_too_often_is_set_aside_and_the_rest_ends():
    plan = scheduler()
    failures, scored = 0, []
    while not plan.done:
        work = plan.take("a", 0)
        if 0 in work.positions:
            failures += 1
            plan.fail("a", f"boom {failures}")
        else:
            scored += deliver(plan, work)
            plan.finish("a", 1)
    assert failures == TRIES
    assert plan.set_aside == dict.fromkeys(set(range(12)) - set(scored), f"boom {TRIES}")
    assert 0 in plan.set_aside


def test_a_shard_that_lags_is_copied_once_and_the_first_answer_counts():
    plan = scheduler(parts=2)
    slow, quick = plan.take("slow", 0), plan.take("quick", 0)
    deliver(plan, quick)
    plan.finish("quick", 10)
    assert plan.take("quick", 10 * OVERDUE) is None
    copy = plan.take("quick", 10 * OVERDUE + 1)
    assert copy == slow
    assert plan.take("third", 1000) is None
    assert deliver(plan, copy) == list(copy.positions)
    plan.finish("quick", 30)
    assert plan.done
    assert deliver(plan, slow) == []
    plan.finish("slow", 1000)


@pytest.mark.parametrize("lost", ["slow", "quick"])
def test_a_copy_outlives_the_loss_of_either_worker(lost):
    plan = scheduler(parts=2)
    plan.take("slow", 0)
    deliver(plan, plan.take("quick", 0))
    plan.finish("quick", 1)
    copy = plan.take("quick", 100)
    plan.fail(lost, "lost")
    assert not plan.done
    assert deliver(plan, copy) == list(copy.positions)
    plan.finish({"slow": "quick", "quick": "slow"}[lost], 101)
    assert plan.done
    assert plan.set_aside == {}


@pytest.mark.parametrize("seed", range(30))
def test_whatever_happens_each_item_is_scored_once_or_set_aside(seed):
    draw = random.Random(seed)
    plan = scheduler(n_items=50, parts=9)
    busy, scored, now = {}, [], 0.0
    while not plan.done:
        now += draw.random() * 3
        for worker in range(4):
            if worker not in busy and (work := plan.take(worker, now)) is not None:
                busy[worker] = work
        worker = draw.choice(sorted(busy))
        work = busy.pop(worker)
        whole = draw.random() < 0.7
        positions = work.positions if whole else work.positions[: draw.randrange(3)]
        scored += [p for p in positions if plan.deliver(work.number, p)]
        if whole:
            plan.finish(worker, now)
        else:
            plan.fail(worker, "boom")
    assert len(scored) == len(set(scored))
    assert sorted([*scored, *plan.set_aside]) == list(range(50))
