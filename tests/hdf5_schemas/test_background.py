"""Calls in a thread of their own."""

import threading

import pytest

from engram_hdf5.background import Background


def test_calls_are_made_in_their_order_in_one_other_thread():
    made, threads = [], set()
    background = Background()

    def call(index):
        made.append(index)
        threads.add(threading.get_ident())

    for index in range(50):
        background.do(lambda index=index: call(index))
    background.wait()
    assert made == list(range(50))
    assert len(threads) == 1
    assert threading.get_ident() not in threads
    background.close()


def test_an_error_comes_back_and_no_later_call_is_made():
    made = []
    background = Background()
    background.do(lambda: made.append(1 // 0))
    with pytest.raises(ZeroDivisionError):
        background.wait()
    with pytest.raises(ZeroDivisionError):
        background.do(lambda: made.append(1))
    background.close()
    assert made == []


def test_a_full_queue_makes_the_caller_wait():
    go = threading.Event()
    background = Background(depth=1)
    background.do(go.wait)
    background.do(lambda: None)
    third = threading.Thread(target=background.do, args=(lambda: None,))
    third.start()
    third.join(0.1)
    assert third.is_alive()
    go.set()
    third.join(10)
    assert not third.is_alive()
    background.close()


def test_closing_makes_the_calls_that_wait_and_may_be_repeated():
    made = []
    background = Background()
    for index in range(4):
        background.do(lambda index=index: made.append(index))
    background.close()
    background.close()
    assert made == [0, 1, 2, 3]
