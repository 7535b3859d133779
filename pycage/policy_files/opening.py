"""Opening a policy file: its text, and the document that it is."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pycage.errors import AccessDenied, PolicyError, PolicyFileError
from pycage.policy_files.notation import Refused
from pycage.policy_files.reader import LARGEST, read_or_raise

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pycage.policy_files.document import Document

__all__ = ["document_of", "text_of"]


def text_of(path: str) -> str:
    """Return the text of a policy file.

    Raises:
        PolicyError: It cannot be read.
    """
    try:
        with open(path, "rb") as file:  # noqa: PTH123  # as above
            data = file.read(4 * LARGEST + 1)
        return data.decode()
    except AccessDenied:
        raise
    except OSError as error:
        message = f"the policy file cannot be read: {error}"
        raise PolicyError(message) from error
    except UnicodeDecodeError as error:
        message = f"{path}: not UTF-8 ({error.reason} at byte {error.start}); TOML is always UTF-8"
        raise PolicyError(message) from error


def document_of(text: str, source: str, path: str, variables: Mapping[str, str]) -> Document:
    """Read the text of a file, and try every plugin of it.

    Raises:
        PolicyFileError: Something in it is wrong.
    """
    document = read_or_raise(text, source=source, directory=os.path.dirname(path), variables=variables)  # noqa: PTH120
    problems = []
    for name in document.plugins:
        try:
            document.effective(name)
        except Refused as refused:
            problems.append(f"{refused}; {refused.fix}")
    if problems:
        raise PolicyFileError(problems)
    return document
