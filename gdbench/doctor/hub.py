"""The Hugging Face hub: whether it answers, who is logged in, and what is gated."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from huggingface_hub import HfApi, constants, errors, get_session, get_token

from gdbench.doctor.findings import Finding
from gdbench.hub_http import HTTP_FAULTS, patience
from gdbench.models.hub import reason

_SECONDS = 5.0
_FAULTS = (*HTTP_FAULTS, errors.HfHubHTTPError, OSError, ValueError)
_NOT_VALID, _REFUSED, _BROKEN = 401, 403, 500
_LOG_IN = "Run `hf auth login`, or set HF_TOKEN."


def findings(*, offline: bool) -> Iterator[Finding]:
    """Whether the hub can be reached, the login, and access to each gated repository."""
    endpoint, token = constants.ENDPOINT, get_token()
    if constants.HF_HUB_OFFLINE or offline:
        why = "HF_HUB_OFFLINE is set" if constants.HF_HUB_OFFLINE else "--offline was given"
        yield Finding("note", f"The hub was not asked: {why}. Only what is cached can be used.")
        yield _login_unasked(token)
        return
    try:
        with _in_time():
            status = get_session().head(endpoint).status_code
    except _FAULTS as error:
        yield Finding(
            "note",
            f"{endpoint} does not answer ({_reason(error)}). Only what is cached can be used.",
            "Fetch models and data where there is a network, and copy the hub's cache here; "
            "the bundled models and `--suite mini` need no network.",
        )
        yield _login_unasked(token)
        return
    if status >= _BROKEN:
        yield Finding("note", f"{endpoint} is in trouble (HTTP {status}).", "Try again later.")
        return
    yield Finding("ok", f"{endpoint} answers.")
    if token is None:
        yield Finding("note", "Nobody is logged in.", f"Only gated repositories need it. {_LOG_IN}")
        names = ", ".join(_gated())
        yield Finding("note", f"Gated, and closed without a login: {names}.")
        return
    yield from _access(token)


@contextmanager
def _in_time() -> Iterator[None]:
    """Let the hub's client wait for a few seconds; by itself it waits for ever."""
    client = get_session()
    before, client.timeout = client.timeout, patience(_SECONDS)
    try:
        yield
    finally:
        client.timeout = before


def _login_unasked(token: str | None) -> Finding:
    if token is None:
        return Finding("ok", "Nobody is logged in; only gated repositories need it.")
    return Finding("ok", "There is a token for the hub; whether it is valid was not asked.")


def _access(token: str) -> Iterator[Finding]:
    """Who the token belongs to, and which gated repositories it opens."""
    api = HfApi(token=token)
    try:
        with _in_time():
            name = str(api.whoami().get("name", "an unknown user"))
    except _FAULTS as error:
        if getattr(error, "response", None) is None:
            yield Finding("note", f"The hub did not say who is logged in ({_reason(error)}).")
        else:
            yield Finding("fail", f"The hub does not take the token ({_reason(error)}).", _LOG_IN)
        return
    yield Finding("ok", f"Logged in as {name}.")
    open_: list[str] = []
    closed: list[Finding] = []
    for label, (repo, kind) in _gated().items():
        try:
            with _in_time():
                api.auth_check(repo, repo_type=kind)
        except _FAULTS as error:
            closed.append(_closed(label, repo, kind, error))
        else:
            open_.append(label)
    if open_:
        yield Finding("ok", f"Gated, with access: {', '.join(open_)}.")
    yield from closed


def _closed(label: str, repo: str, kind: str, error: Exception) -> Finding:
    folder = "datasets/" if kind == "dataset" else ""
    address = f"{constants.ENDPOINT}/{folder}{repo}"
    if isinstance(error, errors.GatedRepoError):
        return Finding(
            "note", f"{label}: gated, and you have no access.", f"Accept its terms at {address}."
        )
    return Finding("note", f"{label}: {address} could not be asked ({_reason(error)}).")


def _gated() -> Mapping[str, tuple[str, str]]:
    """Repository and its kind of everything gated that gdbench knows, by name."""
    from gdbench.models import MODELS, ModelEntry
    from gdbench.tasks import published

    models = {
        name: (entry.source, "model")
        for name, entry in MODELS.items()
        if isinstance(entry, ModelEntry) and entry.gated
    }
    data = {
        f"data of {task}": (hub.id, "dataset")
        for task, entry in published().items()
        for hub in entry.hub
        if hub.gated
    }
    return models | data


def _reason(error: Exception) -> str:
    """Why the hub said no, in a few words and without the request's address or number."""
    response = getattr(error, "response", None)
    status = getattr(response, "status_code", None)
    if status is not None:
        known = {_NOT_VALID: "it is not valid, or has expired", _REFUSED: "access is refused"}
        return known.get(status, f"HTTP {status}")
    return reason(error)
