"""The emulated phone's ADB daemon: listens on the loopback and serves each client that owns a known key."""

from __future__ import annotations

import argparse
import asyncio
import json
import logging
import signal
from collections.abc import Sequence
from pathlib import Path

from cryptography.hazmat.primitives.asymmetric import rsa

from android_runner.emulator.auth import load_authorised_keys
from android_runner.emulator.connection import Connection
from android_runner.emulator.machine import Machine
from android_runner.emulator.profile import PROFILES
from android_runner.emulator.services import FEATURES, PhoneServices

_LOOPBACK = "127.0.0.1"
_READ_LIMIT_BYTES = 1024 * 1024
MAX_CONNECTIONS = 64

logger = logging.getLogger(__name__)


class Daemon:
    """All clients of one phone."""

    def __init__(self, machine: Machine, banner: str, keys: Sequence[rsa.RSAPublicKey]) -> None:
        """Serve ``machine`` to the owners of ``keys``."""
        self._machine = machine
        self._banner = banner
        self._keys = keys
        self._clients: set[asyncio.Task[None]] = set()

    async def serve(self, port: int, ready: Path) -> None:
        """Listen until SIGTERM or SIGINT; the port (a free one for 0) is told in the file ``ready``."""
        loop = asyncio.get_running_loop()
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        try:
            server = await asyncio.start_server(self._accept, _LOOPBACK, port, limit=_READ_LIMIT_BYTES)
        except OSError as exc:
            raise SystemExit(
                f"expected to listen on port {port}; got {exc.strerror}; choose another"
            ) from exc
        bound = server.sockets[0].getsockname()[1]
        _write_whole(ready, json.dumps({"port": bound}))
        logger.info("listening on %s:%d", _LOOPBACK, bound)
        await stop.wait()
        logger.info("stopping")
        server.close()
        for client in self._clients:
            client.cancel()
        await asyncio.gather(*self._clients, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._clients) >= MAX_CONNECTIONS:
            logger.warning("refused a client: %d are connected", len(self._clients))
            writer.close()
            return
        connection = Connection(
            reader, writer, keys=self._keys, banner=self._banner, services=PhoneServices(self._machine)
        )
        client = asyncio.create_task(connection.run())
        self._clients.add(client)
        client.add_done_callback(self._forget)

    def _forget(self, client: asyncio.Task[None]) -> None:
        self._clients.discard(client)
        if not client.cancelled() and (error := client.exception()):
            logger.error("a client's connection failed", exc_info=error)


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of ``python -m android_runner.emulator.daemon``; phones are started by `emulator.phone`."""
    parser = argparse.ArgumentParser(prog="emulated phone", description=__doc__)
    parser.add_argument("--root", type=Path, required=True, help="the folder that is the phone's /")
    parser.add_argument("--cpu", choices=sorted(PROFILES), required=True)
    parser.add_argument(
        "--keys", type=Path, action="append", required=True, help="file of public keys that may connect"
    )
    parser.add_argument(
        "--ready", type=Path, required=True, help="written, as JSON, once the phone can be connected"
    )
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument(
        "--chroot", help="the chroot program, where the root is prepared as a view of its own"
    )
    parser.add_argument("--runner", help="qemu, where the kernel does not start arm64 programs")
    options = parser.parse_args(arguments)

    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    profile = PROFILES[options.cpu]
    machine = Machine(options.root, profile.qemu_cpu, options.chroot, options.runner)
    properties = "".join(f"{name}={value};" for name, value in profile.banner_properties().items())
    banner = f"device::{properties}features={','.join(FEATURES)}"
    daemon = Daemon(machine, banner, load_authorised_keys(options.keys))
    asyncio.run(daemon.serve(options.port, options.ready))


def _write_whole(path: Path, text: str) -> None:
    # Readers wait for the file to appear: it must never be seen half written.
    half = path.with_name(f"{path.name}.new")
    half.write_text(text, encoding="utf-8")
    half.replace(path)


if __name__ == "__main__":
    main()
