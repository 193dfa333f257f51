"""A line to a server that can be frozen: nothing comes through any more, and nobody hangs up."""

import contextlib
import select
import socket
import threading
from collections.abc import Iterator


class Line:
    """Passes on what both sides say, from a port of its own, until `freeze()`; `thaw()` lets all of it through."""

    def __init__(self, socket_path: str) -> None:
        self._server = socket_path
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        self._flows = threading.Event()
        self._flows.set()
        self._ended = False
        threading.Thread(target=self._accept, daemon=True).start()

    def freeze(self) -> None:
        self._flows.clear()

    def thaw(self) -> None:
        self._flows.set()

    def end(self) -> None:
        self._ended = True
        self.thaw()
        self._listener.close()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._pass_on, args=(client,), daemon=True).start()

    def _pass_on(self, client: socket.socket) -> None:
        with client, contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as server:
            server.connect(self._server)
            others = {client: server, server: client}
            while not self._ended:
                readable, _, _ = select.select(list(others), [], [], 0.1)
                self._flows.wait()
                for side in readable:
                    said = side.recv(65536)
                    if not said:
                        return
                    others[side].sendall(said)


@contextlib.contextmanager
def line_to(socket_path: str) -> Iterator[Line]:
    line = Line(socket_path)
    try:
        yield line
    finally:
        line.end()
