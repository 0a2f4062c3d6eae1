"""What the hub's client raises where a request fails, whichever HTTP library it stands on.

huggingface_hub 2 speaks through httpx2, older ones through httpx; both have the same names.
"""

from __future__ import annotations

from importlib import import_module
from typing import Any

from huggingface_hub.errors import HfHubHTTPError

# an error of the client is one of its library, too
_LIBRARY: Any = import_module(HfHubHTTPError.__bases__[0].__module__.partition(".")[0])

HTTP_FAULTS: tuple[type[Exception], type[Exception]] = (_LIBRARY.HTTPError, _LIBRARY.InvalidURL)
"""A request that failed, or could not be made of an address."""
NO_ANSWER_IN_TIME: type[Exception] = _LIBRARY.TimeoutException


def patience(seconds: float) -> Any:  # a Timeout of the library
    """That many seconds for each step of a request."""
    return _LIBRARY.Timeout(seconds)
