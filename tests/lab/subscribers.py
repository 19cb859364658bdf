"""Client of the subscribers' process: its port, and its file of arrivals."""

from __future__ import annotations

import json
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from typing import Final, Self

from lab.arrivals import ArrivalsFile
from lab.scenario import Behavior

TESTS: Final = Path(__file__).parents[1]
END_S: Final = 10.0


class Subscribers:
    """Serves every subscriber of a scenario.

    Args:
        folder: for the arrivals.

    Attributes:
        names: in the order of their numbers.
        file: what came in.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / "arrivals.bin"
        self._stack = ExitStack()
        self._secrets: dict[str, str] = {}
        self.names: list[str] = []

    def __enter__(self) -> Self:
        self._path.touch()
        self.file = ArrivalsFile(self._path, self.names)
        self._stack.callback(self.file.close)
        self._process = subprocess.Popen(
            [sys.executable, "-m", "lab.subscriber_process", str(self._path)],
            cwd=TESTS,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            # Ctrl-C is for the lab: it ends the others in order.
            start_new_session=True,
        )
        self.port = int(self._hear())
        return self

    def __exit__(self, *_: object) -> None:
        self.end()
        self._stack.close()

    def settle(self, name: str, behavior: Behavior, secret: str) -> None:
        """Set the behavior of a subscriber."""
        if name not in self._secrets:
            self.names.append(name)
            self._secrets[name] = secret
        line = {
            "path": f"/{name}",
            "number": self.names.index(name),
            "secret": self._secrets[name],
            "behavior": asdict(behavior),
        }
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(line) + "\n")
        self._process.stdin.flush()
        self._hear()

    def url(self, name: str, host: str = "127.0.0.1") -> str:
        """Return the URL of a subscriber."""
        return f"http://{host}:{self.port}/{name}"

    def end(self) -> None:
        """Stop accepting requests, and read all arrivals."""
        if self._process.poll() is None:
            assert self._process.stdin is not None
            self._process.stdin.close()
            try:
                self._process.wait(END_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait()
        if self._process.stdout is not None:
            self._process.stdout.close()
        self.file.read()

    def _hear(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        assert line, "the subscribers' process has ended"
        return line.strip()
