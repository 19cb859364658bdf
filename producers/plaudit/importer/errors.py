"""What keeps an import from going on; a bad row is none of these.

ImportRefused     the file, the mapping or an option can't be used
ImportStopped     it came to a stop; the same command goes on where it was
├── NotAcknowledged   the brokers did not take some
├── Interrupted       it was asked to stop
└── FileChanged       the file is another than it was
"""

from __future__ import annotations


class ImportRefused(ValueError):
    """The file, the mapping or an option can't be used; nothing was published."""


class ImportStopped(Exception):
    """It came to a stop; what is acknowledged is in the journal."""


class NotAcknowledged(ImportStopped):
    """The brokers did not take some events."""


class Interrupted(ImportStopped):
    """It was asked to stop."""


class FileChanged(ImportStopped):
    """The file was changed while it was read."""
