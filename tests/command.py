"""The command line, called in this process: exit code and what it printed."""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

import pytest

from plaudit.cli.main import main
from plaudit.kafka.settings import KafkaSettings


@dataclass(frozen=True)
class Result:
    """The result of a command.

    Attributes:
        code: its exit code.
        out: standard output.
        err: standard error.
    """

    code: int
    out: str
    err: str

    @property
    def json(self) -> list[dict[str, Any]]:
        """The objects on standard output, one a line."""
        return [json.loads(line) for line in self.out.splitlines()]


@dataclass(frozen=True)
class CommandLine:
    """Runs commands for one installation.

    Attributes:
        settings: where its Kafka is.
        environment: other variables of its commands.
    """

    settings: KafkaSettings
    environment: Mapping[str, str] = field(default_factory=dict)

    def __call__(self, *arguments: str, stdin: bytes = b"") -> Result:
        """Run `plaudit <arguments>`."""
        out, err = io.StringIO(), io.StringIO()
        environment = {
            "KAFKA_BOOTSTRAP_SERVERS": self.settings.bootstrap_servers,
            "PLAUDIT_TOPIC_PREFIX": self.settings.topic_prefix,
            **self.environment,
        }
        with (
            patch.dict("os.environ", environment),
            patch.object(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin))),
            redirect_stdout(out),
            redirect_stderr(err),
            pytest.raises(SystemExit) as left,
        ):
            main(arguments)
        code = left.value.code
        return Result(code if isinstance(code, int) else 0, out.getvalue(), err.getvalue())
