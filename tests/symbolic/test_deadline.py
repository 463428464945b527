import threading
import time

import pytest

from fnnlib.symbolic.deadline import deadline


def spin():
    while True:
        pass


def test_long_work_is_stopped():
    with pytest.raises(TimeoutError, match=r"within 0\.05 s"), deadline(0.05):
        spin()


def test_a_general_except_does_not_swallow_the_limit():
    with pytest.raises(TimeoutError), deadline(0.05):
        while True:
            try:
                spin()
            except Exception:
                continue


def test_short_work_is_left_alone():
    for _ in range(50):
        with deadline(0.5):
            pass
    time.sleep(0.01)


def test_waiting_does_not_count():
    with deadline(0.2):
        time.sleep(0.4)


def test_other_errors_pass_through():
    with pytest.raises(ZeroDivisionError), deadline(5):
        1 / 0  # noqa: B018


def test_it_works_outside_the_main_thread():
    found = []

    def work():
        try:
            with deadline(0.05):
                spin()
        except TimeoutError:
            found.append(True)

    thread = threading.Thread(target=work)
    thread.start()
    thread.join(5)
    assert found == [True]
