import gc

from gdbench.collector import left_alone, no_collection


def test_the_collector_is_as_it_was_after_the_block():
    with no_collection():
        assert not gc.isenabled()
        with no_collection():
            pass
        assert not gc.isenabled()
    assert gc.isenabled()


def test_what_was_there_is_left_alone_and_what_is_new_is_not():
    class Node:
        alive = 0

        def __init__(self):
            self.me = self
            Node.alive += 1

        def __del__(self):
            Node.alive -= 1

    Node()
    with left_alone():
        Node()
        gc.collect()
        assert Node.alive == 1
        with left_alone():
            pass
        assert gc.get_freeze_count() > 0
    assert gc.get_freeze_count() == 0
    gc.collect()
    assert Node.alive == 0
