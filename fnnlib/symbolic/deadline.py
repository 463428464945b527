"""A time limit for pure Python work, on every system and in every thread."""

import ctypes
import threading
import time
from contextlib import contextmanager


class _Expired(BaseException):
    """Raised inside the limited thread; a plain ``except Exception`` must not swallow it."""


@contextmanager
def deadline(seconds):
    """Raise ``TimeoutError`` in the body of the ``with`` after ``seconds`` of computing.

    What counts is the processor time of the program, so that a busy machine changes no result.

    >>> with deadline(5):
    ...     sum(range(10))
    45
    """
    thread, lock, state = threading.get_ident(), threading.Lock(), {"open": True}
    end = time.process_time() + seconds

    def wait():
        state["timer"] = threading.Timer(max(end - time.process_time(), 0.01), expire)
        state["timer"].daemon = True
        state["timer"].start()

    def expire():
        with lock:
            if not state["open"]:
                return
            if time.process_time() < end:
                wait()
                return
            state["open"] = False
            _raise_in(thread, ctypes.py_object(_Expired))

    wait()
    try:
        yield
        with lock:
            expired = not state["open"]
            state["open"] = False
        if expired:  # the exception is on its way; let it arrive here
            while True:
                pass
    except _Expired:
        raise TimeoutError(f"not finished within {seconds} s") from None
    finally:
        with lock:
            state["open"] = False
            state["timer"].cancel()


def _raise_in(thread, exception):
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), exception)
