"""Web addresses that are shown beside numbers."""

from __future__ import annotations

from gdbench.errors import InputError


def check_address(flag: str, address: str) -> None:
    """Raise InputError for what is no address of the web."""
    if not address.startswith(("https://", "http://")):
        raise InputError(f"{flag} {address}: expected an address that begins with https://")
