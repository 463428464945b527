"""A time limit for pure Python work, on every system and in every thread."""

import ctypes
import threading
from contextlib import contextmanager


class _Expired(BaseException):
    """Raised inside the limited thread; a plain ``except Exception`` must not swallow it."""


@contextmanager
def deadline(seconds):
    """Raise ``TimeoutError`` in the body of the ``with`` when it runs longer than ``seconds``.

    >>> with deadline(5):
    ...     sum(range(10))
    45
    """
    thread, lock, state = threading.get_ident(), threading.Lock(), {"open": True}

    def expire():
        with lock:
            if state["open"]:
                state["open"] = False
                _raise_in(thread, ctypes.py_object(_Expired))

    timer = threading.Timer(seconds, expire)
    timer.daemon = True
    timer.start()
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
        timer.cancel()


def _raise_in(thread, exception):
    ctypes.pythonapi.PyThreadState_SetAsyncExc(ctypes.c_ulong(thread), exception)
