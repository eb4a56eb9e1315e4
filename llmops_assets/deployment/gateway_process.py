"""Runs a gateway in the foreground: SIGTERM closes the door, what is inside is answered, then the process ends."""

import contextlib
import socket
from collections.abc import Callable

from llmops_assets.deployment.gateway import Gateway
from llmops_assets.errors import DeploymentError

BACKLOG = 128


def run_gateway(gateway: Gateway, host: str, port: int, report: Callable[[str], None]) -> None:
    """Serves until SIGTERM or Ctrl-C.

    Args:
        gateway: what is served.
        host: the address to listen on.
        port: 0 takes a free one.
        report: called with one line when it listens.

    Raises:
        DeploymentError: the port is taken.
    """
    import uvicorn

    listener = _listen(host, port)
    taken = listener.getsockname()[1]
    paths = ", ".join(door.path for door in gateway.doors)
    report(f"gateway http://{host}:{taken} serves {paths}")
    drain_s = max(door.limits.timeout_s for door in gateway.doors)
    config = uvicorn.Config(
        gateway.app(), log_level="warning", access_log=False, timeout_graceful_shutdown=int(drain_s) + 1, lifespan="on"
    )
    with contextlib.closing(listener), contextlib.suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=[listener])


def _listen(host: str, port: int) -> socket.socket:
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise DeploymentError(
            f"expected to serve the gateway on {host}:{port}, got: {error.strerror}; set deployment.gateway_port"
        ) from error
    return listener
