"""What `gdbench doctor` finds at a hub: logins, and gated repositories that are open or closed."""

import pytest
from huggingface_hub import constants
from web_stand_in import TOKEN, Repository, Trouble

from gdbench.data.catalogue import CATALOGUE
from gdbench.doctor.hub import findings

WINOGROUND = CATALOGUE["winoground"].hub[0].id


@pytest.fixture
def hub(site, monkeypatch, tmp_path):
    monkeypatch.setattr(constants, "ENDPOINT", site.url)
    monkeypatch.setattr(constants, "HF_TOKEN_PATH", str(tmp_path / "none"))
    for name in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    site.add(Repository("datasets", WINOGROUND, {}, gated=True))
    return site


def told():
    return [f"{f.state}: {f.text} {f.advice}".strip() for f in findings(offline=False)]


def test_without_a_login(hub):
    answers, nobody, gated = told()
    assert answers == f"ok: {hub.url} answers."
    assert "hf auth login" in nobody
    assert "data of winoground" in gated
    assert "flux1-dev" in gated


def test_with_access(hub, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    hub.troubles["/api/models/black-forest-labs/FLUX.1-dev/auth-check"] = Trouble(status=418)
    texts = told()
    assert texts[1] == "ok: Logged in as somebody."
    assert texts[2] == "ok: Gated, with access: data of winoground."
    flux = next(t for t in texts if "flux1-dev" in t)
    assert flux.endswith("black-forest-labs/FLUX.1-dev could not be asked (HTTP 418).")


def test_gated_and_not_accepted(hub, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    hub.closed.add(WINOGROUND)
    closed = next(t for t in told() if "winoground" in t)
    address = f"{hub.url}/datasets/{WINOGROUND}"
    assert closed == (
        f"note: data of winoground: gated, and you have no access. Accept its terms at {address}."
    )


def test_a_hub_that_does_not_answer_in_time(hub, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    monkeypatch.setattr("gdbench.doctor.hub._SECONDS", 0.3)
    hub.troubles["/api/whoami-v2"] = Trouble(seconds=2.0)
    assert told()[1:] == ["note: The hub did not say who is logged in (no answer in time)."]


def test_a_token_that_is_not_valid(hub, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_" + "expired")
    assert told()[1] == (
        "fail: The hub does not take the token (it is not valid, or has expired). "
        "Run `hf auth login`, or set HF_TOKEN."
    )
