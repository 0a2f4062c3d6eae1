from __future__ import annotations

import io
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest

from gdbench.data.unpack import unpack
from gdbench.errors import InputError


def zipped(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as packed:
        for name, data in members.items():
            packed.writestr(name, data)
    return path


def tarred(path: Path, members: dict[str, bytes], *special: tarfile.TarInfo) -> Path:
    with tarfile.open(path, "w:gz") as packed:
        for name, data in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            packed.addfile(info, io.BytesIO(data))
        for info in special:
            packed.addfile(info)
    return path


def contents(folder: Path) -> dict[str, bytes]:
    return {
        p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()
    }


@pytest.mark.parametrize("pack", [zipped, tarred])
def test_unpacks_next_to_what_is_there(tmp_path, pack):
    members = {"images/a.jpg": b"A", "images/deep/b.jpg": b"B"}
    clutter = {"__MACOSX/images/._a.jpg": b"x", "images/.DS_Store": b"x"}
    archive = pack(tmp_path / "images.archive", members | clutter)
    target = tmp_path / "clevr"
    (target / "images").mkdir(parents=True)
    (target / "images/old.jpg").write_bytes(b"O")
    assert unpack(archive, target) == 2
    assert contents(target) == members | {"images/old.jpg": b"O"}


@pytest.mark.parametrize("name", ["../evil", "images/../../evil", "/evil", "C:/evil", "a\\..\\b"])
@pytest.mark.parametrize("pack", [zipped, tarred])
def test_names_that_lead_out(tmp_path, pack, name):
    archive = pack(tmp_path / "a", {"good.jpg": b"G", name: b"E"})
    target = tmp_path / "in/target"
    with pytest.raises(InputError, match="leads out of the folder"):
        unpack(archive, target)
    assert contents(tmp_path / "in") == {}
    assert not Path("/evil").exists()


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE]
)
def test_links_and_devices_in_tar(tmp_path, kind):
    info = tarfile.TarInfo("images/link.jpg")
    info.type, info.linkname = kind, "/etc/passwd"
    with pytest.raises(InputError, match="link or device"):
        unpack(tarred(tmp_path / "a.tar.gz", {}, info), tmp_path / "out")
    assert contents(tmp_path / "out") == {}


def test_links_in_zip(tmp_path):
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as packed:
        info = zipfile.ZipInfo("link.jpg")
        info.external_attr = (stat.S_IFLNK | 0o777) << 16
        packed.writestr(info, "/etc/passwd")
    with pytest.raises(InputError, match="link or device"):
        unpack(tmp_path / "a.zip", tmp_path / "out")


@pytest.mark.parametrize("pack", [zipped, tarred])
def test_bombs(tmp_path, pack):
    archive = pack(tmp_path / "bomb", {"images/a.png": bytes(60_000_000)})
    assert archive.stat().st_size < 100_000
    with pytest.raises(InputError, match="unfolds to more than"):
        unpack(archive, tmp_path / "out")
    assert contents(tmp_path / "out") == {}


def test_a_bomb_that_lies_about_its_size(tmp_path):
    archive = zipped(tmp_path / "a.zip", {"a.png": bytes(60_000_000)})
    data = bytearray(archive.read_bytes())
    size = (60_000_000).to_bytes(4, "little")
    data = data.replace(size, (10).to_bytes(4, "little"))
    archive.write_bytes(data)
    with pytest.raises(InputError):
        unpack(archive, tmp_path / "out")
    assert contents(tmp_path / "out") == {}


def test_too_many_files(tmp_path):
    archive = zipped(tmp_path / "a.zip", {f"{i}.jpg": b"" for i in range(20)})
    with pytest.raises(InputError, match="more than 10 files"):
        unpack(archive, tmp_path / "out", max_files=10)


@pytest.mark.parametrize("pack", [zipped, tarred])
def test_damaged_archives(tmp_path, pack):
    archive = pack(tmp_path / "a", {"a.jpg": bytes(range(256)) * 400})
    data = archive.read_bytes()
    for cut in (0, 10, len(data) // 2, len(data) - 30):
        archive.write_bytes(data[:cut])
        with pytest.raises(InputError, match="fetch it again"):
            unpack(archive, tmp_path / "out")
    assert contents(tmp_path / "out") == {}


def test_a_link_in_the_way(tmp_path):
    outside = tmp_path / "outside"
    outside.mkdir()
    target = tmp_path / "target"
    target.mkdir()
    (target / "images").symlink_to(outside)
    with pytest.raises(InputError, match="is a link out of"):
        unpack(zipped(tmp_path / "a.zip", {"images/a.jpg": b"A"}), target)
    assert contents(outside) == {}
