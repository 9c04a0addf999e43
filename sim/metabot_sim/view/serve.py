"""`View`: a page served for one session."""

from __future__ import annotations

import atexit
import errno
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from metabot_sim.view.player import Player
from metabot_sim.view.session import Session
from metabot_sim.view.wishes import Wishes

if TYPE_CHECKING:
    import viser

DEFAULT_PORT = 8080
_TRIES = 100
_GOODBYE_S = 0.4
"""How long browsers have to say goodbye."""


class MissingExtra(ImportError):
    """A package is missing; the message is one line that says how to install it."""


class View:
    """A session on a web page. Use it in a ``with`` block; `run` plays it.

    Attributes:
        player: what is played, and how.
        port: of the page.
        url: address of the page.
    """

    def __init__(
        self,
        session: Session,
        *,
        host: str = "127.0.0.1",
        port: int | None = None,
        speed: float = 1.0,
        paused: bool = False,
    ) -> None:
        """Serve the page.

        Args:
            session: what is shown.
            host: address to listen on; ``0.0.0.0`` for all.
            port: port to listen on; by default the first free one from `DEFAULT_PORT` on.
            speed: simulated seconds per second.
            paused: whether to stand still at first.

        Raises:
            MissingExtra: if viser or mjviser are not installed; one line.
            ValueError: if the port is taken or may not be used; one line.
        """
        check_installed()
        import viser

        from metabot_sim.view.panel import Panel
        from metabot_sim.view.stage import Stage

        wanted = free_port(host, port)
        with _quiet():
            self._server = viser.ViserServer(host=host, port=wanted, verbose=False)
        self.port = self._server.get_port()
        try:
            if port and self.port != port:
                raise ValueError(_taken(host, port))
            self.url = f"http://{'localhost' if host in ('127.0.0.1', '0.0.0.0') else host}:{self.port}"
            wishes = Wishes()
            self.player = Player(session, wishes, speed=speed, paused=paused)
            self._panel = Panel(self._server, self.player, wishes)
            self._stage = Stage(self._server, session.env.world, session.names)
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> View:
        """Nothing more to do: the page is there."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the page."""
        self.close()

    def run(self, going: Callable[[], bool] = lambda: True) -> None:
        """Play until an exception, such as an interrupt, or until `going` says no."""
        self.player.run(self, going)

    def show(self, player: Player) -> None:
        """See `metabot_sim.view.player.Page`."""
        self._stage.show(player.session.env.world, player.selected["robot"])
        self._panel.show(player)

    def close(self) -> None:
        """End the page within a second, also if a browser does not answer."""
        server: viser.ViserServer = self._server
        atexit.unregister(server.stop)
        with _quiet():
            goodbye = threading.Thread(target=server.stop, daemon=True)
            goodbye.start()
            goodbye.join(_GOODBYE_S)


def check_installed() -> None:
    """Find out early whether the libraries of the page are there.

    Raises:
        MissingExtra: if one is not; one line.
    """
    try:
        import mjviser  # noqa: F401
        import viser  # noqa: F401
    except ImportError as problem:
        raise MissingExtra(
            f"the view needs {problem.name}, which is not installed; pip install 'metabot[view]'"
        ) from None


def free_port(host: str, port: int | None) -> int:
    """A port that can be listened on.

    Args:
        host: address to listen on.
        port: the only one that will do; None for the first free one from `DEFAULT_PORT` on.

    Raises:
        ValueError: if there is none; one line.
    """
    for candidate in range(DEFAULT_PORT, DEFAULT_PORT + _TRIES) if port is None else (port,):
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((host, candidate))
                return candidate
            except OSError as problem:
                if problem.errno != errno.EADDRINUSE:
                    raise ValueError(f"port: cannot listen on {host}:{candidate}: {problem.strerror}") from None
    if port is None:
        raise ValueError(f"port: {DEFAULT_PORT} to {DEFAULT_PORT + _TRIES - 1} are all taken; name another with --port")
    raise ValueError(_taken(host, port))


def _taken(host: str, port: int) -> str:
    return f"port: {port} of {host} is taken; name another, or none to take the first free one from {DEFAULT_PORT} on"


@contextmanager
def _quiet() -> Iterator[None]:
    """Viser announces its start and end by itself; the command line says what matters."""
    import rich

    console = rich.get_console()
    before, console.quiet = console.quiet, True
    try:
        yield
    finally:
        console.quiet = before
