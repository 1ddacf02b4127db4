"""The exceptions that deixis raises on purpose.

    DeixisError
    |-- InputError          the user's mistake: exit code 2
    |   |-- ImageError      a picture cannot be read or used
    |   |-- PhraseError     a phrase is empty or has nothing to understand
    |   |-- DataError       a dataset file is missing, malformed or inconsistent
    |   |-- ConfigError     a configuration has an unknown or impossible value
    |   `-- CheckpointError a model or vector file is missing, malformed or of another kind
    `-- MissingExtra        an optional dependency is not installed: exit code 2

Every message says what was expected, what came, and what to do.
"""

from __future__ import annotations


class DeixisError(Exception):
    """Base of all errors that deixis raises on purpose."""


class InputError(DeixisError, ValueError):
    """The input is wrong, and whoever gave it can mend it."""


class ImageError(InputError):
    """A picture cannot be read or used."""


class PhraseError(InputError):
    """A phrase is empty or has no usable word."""


class DataError(InputError):
    """A dataset file is missing, malformed or inconsistent."""


class ConfigError(InputError):
    """A configuration has an unknown key or an impossible value."""


class CheckpointError(InputError):
    """A model or word-vector file is missing, malformed or of another kind."""


class MissingExtra(DeixisError, ImportError):  # noqa: N818 - says what is wrong without the suffix
    """An optional dependency is needed and not installed.

    Args:
        package: what could not be imported.
        extra: the extra of deixis that brings it.
    """

    def __init__(self, package: str, extra: str) -> None:
        super().__init__(f"{package} is needed for this and is not installed: pip install 'deixis[{extra}]'")
        self.package = package
        self.extra = extra

    def __reduce__(self) -> tuple[type[MissingExtra], tuple[str, str]]:
        """Two arguments made one message; without this a worker process could not hand the error back."""
        return type(self), (self.package, self.extra)
