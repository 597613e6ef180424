"""Fork server: a process that has imported all that workers need, and is forked for each of them.

The imports are most of what a start costs (seconds of CPU, a hundred megabytes): so they are paid for once however many
workers there are, and the memory is shared. Nothing is open in it and no thread runs, so nothing can be torn by a fork.

Protocol, on a socket that keeps messages apart: the supervisor sends one byte and a socket, which becomes the standard
input and output of a new worker; the answer is ``forked PID``, or ``failed ERRNO``. ``ended PID CODE`` follows when it
has ended, with the code as ``subprocess`` gives it. The process ends when the supervisor closes the socket and the last
worker has ended.
"""

import ctypes
import errno
import gc
import os
import selectors
import signal
import socket
import sys

MESSAGE_BYTES_MAX = 64
_PR_SET_PDEATHSIG, _PR_SET_NAME = 1, 15
_SIGNALS = (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT)


def main(number: int) -> None:
    """Serve the socket that has this file number; in a worker, run it to its end."""
    supervisor = os.getppid()
    _die_with(supervisor)
    gc.disable()  # a tenth of the time that imports take is for garbage of which there is none
    # What a worker needs: not used here.
    import objstore.cli.background
    import objstore.cli.gateway  # noqa: F401
    from objstore.cli.worker import run_worker

    gc.collect()
    gc.freeze()  # what is here now is never looked at by a collector, and so stays shared
    gc.enable()
    with socket.socket(fileno=number) as control:
        parent = _ForkServer(control).serve()
    if parent is not None:
        _die_with(parent)
        run_worker()


class _ForkServer:
    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._woken, self._waker = socket.socketpair()
        for end in (self._woken, self._waker):
            end.setblocking(False)
        self._workers: set[int] = set()

    def serve(self) -> int | None:
        """None when there is nothing left to do; in a worker the id of the process that it was forked from."""
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # the supervisor ends its workers in its own order
        signal.set_wakeup_fd(self._waker.fileno(), warn_on_full_buffer=False)
        with selectors.DefaultSelector() as selector:
            selector.register(self._control, selectors.EVENT_READ)
            selector.register(self._woken, selectors.EVENT_READ)
            is_open = True
            while is_open or self._workers:
                ready = {key.fileobj for key, _ in selector.select()}
                if self._woken in ready:
                    self._woken.recv(4096)
                    self._report_ended()
                if self._control in ready:
                    message, files, *_ = socket.recv_fds(self._control, MESSAGE_BYTES_MAX, 1)
                    if not message:
                        selector.unregister(self._control)
                        is_open = False
                    elif not files:  # the socket did not come through: no more files may be open
                        self._tell(f"failed {errno.EMFILE}")
                    elif self._is_worker(files[0]):
                        return self._parent
        return None

    def _is_worker(self, channel: int) -> bool:
        """Fork; True in the new process, whose standard input and output is ``channel``."""
        self._parent = os.getpid()
        try:
            pid = os.fork()
        except OSError as error:  # no room for another process: those that are there stay
            os.close(channel)
            self._tell(f"failed {error.errno}")
            return False
        if pid:
            os.close(channel)
            self._workers.add(pid)
            self._tell(f"forked {pid}")
            return False
        os.setsid()  # Ctrl-C goes to the supervisor alone
        signal.set_wakeup_fd(-1)
        for number in _SIGNALS:
            signal.signal(number, signal.SIG_DFL)
        self._woken.close()
        self._waker.close()
        for standard in (0, 1):
            os.dup2(channel, standard)
        os.close(channel)
        return True

    def _report_ended(self) -> None:
        while self._workers:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if not pid:
                return
            self._workers.discard(pid)
            self._tell(f"ended {pid} {os.waitstatus_to_exitcode(status)}")

    def _tell(self, message: str) -> None:
        try:
            self._control.send(message.encode())
        except OSError:  # nobody is there any more: then all ends anyway
            return


def name_process(name: str) -> None:
    """What ``ps -o comm`` and ``top`` show of this process, up to 15 characters: all that are forked look alike."""
    _prctl(_PR_SET_NAME, name.encode())


def _die_with(parent: int) -> None:
    """A worker without its supervisor has no database soon, and would hold the port: it ends at once.

    Everything is built to be killed at any moment, so SIGKILL it is.
    """
    _prctl(_PR_SET_PDEATHSIG, int(signal.SIGKILL))
    if os.getppid() != parent:
        sys.exit("the supervisor is gone")


def _prctl(option: int, value: int | bytes) -> None:
    ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)
