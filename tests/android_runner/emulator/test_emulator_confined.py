"""Paths of the phone: neither .. nor links lead out of its root."""

import os
from pathlib import Path

import pytest

from android_runner.emulator.confined import ConfinedRoot


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    (tmp_path / "secret").write_text("secret")
    return tmp_path


@pytest.fixture
def root(outside: Path) -> Path:
    root = outside / "root"
    (root / "data/local").mkdir(parents=True)
    (root / "data/local/file").write_text("inside")
    (root / "secret").write_text("the phone's own")
    return root


def read(root: Path, path: str) -> str:
    with ConfinedRoot(root).locate(path) as place:
        descriptor = place.open(os.O_RDONLY)
    with open(descriptor, encoding="ascii") as file:
        return file.read()


@pytest.mark.parametrize(
    "path",
    [
        "/data/local/file",
        "data/local/file",
        "//data/./local//file",
        "/data/local/../local/file",
        "/../../../data/local/file",
    ],
)
def test_spellings_of_one_file(root: Path, path: str) -> None:
    assert read(root, path) == "inside"


@pytest.mark.parametrize(
    ("link", "target", "path"),
    [
        ("up", "../../..", "/up/secret"),
        ("up", "../secret", "/up"),
        ("data/up", "../../secret", "/data/up"),
        ("absolute", "/secret", "/absolute"),
        ("slash", "/", "/slash/../secret"),
        ("first", "data/../second", "/first"),
    ],
)
def test_links_stay_inside(root: Path, link: str, target: str, path: str) -> None:
    (root / "second").symlink_to("../../secret")
    (root / link).symlink_to(target)
    assert read(root, path) == "the phone's own"


def test_a_link_to_the_hosts_own_absolute_path_is_not_found(root: Path, outside: Path) -> None:
    (root / "link").symlink_to(outside / "secret")
    with pytest.raises(FileNotFoundError):
        read(root, "/link")


def test_the_last_link_is_followed_only_on_request(root: Path) -> None:
    (root / "link").symlink_to("data")
    confined = ConfinedRoot(root)
    with confined.locate("/link", follow=False) as place:
        assert place.name == "link"
        with pytest.raises(OSError, match="symbolic links"):
            place.open(os.O_RDONLY)
    for path, follow in (("/link", True), ("/link/", False)):
        with confined.locate(path, follow=follow) as place:
            assert place.name == "data"


def test_a_circle_of_links_ends(root: Path) -> None:
    (root / "a").symlink_to("b")
    (root / "b").symlink_to("a")
    with pytest.raises(OSError, match="symbolic links"):
        read(root, "/a")


def test_a_folder_that_becomes_a_link_after_the_look_up_leads_nowhere_else(root: Path, outside: Path) -> None:
    with ConfinedRoot(root).locate("/data/local/new") as place:
        (root / "data/local").rename(root / "data/moved")
        (root / "data/local").symlink_to(outside)
        os.close(place.open(os.O_WRONLY | os.O_CREAT))
    assert (root / "data/moved/new").exists()
    assert not (outside / "new").exists()


def test_missing_folders(root: Path) -> None:
    confined = ConfinedRoot(root)
    with pytest.raises(FileNotFoundError), confined.locate("/new/folder/file"):
        pass
    with confined.locate("/new/folder/file", make_folders=True) as place:
        assert place.name == "file"
    assert (root / "new/folder").is_dir()
    with pytest.raises(NotADirectoryError), confined.locate("/secret/file", make_folders=True):
        pass


@pytest.mark.parametrize("path", ["", "/", "..", "/data/..", "/data/../.."])
def test_the_root_is_its_own_parent(root: Path, path: str) -> None:
    with ConfinedRoot(root).locate(path) as place:
        assert os.path.samestat(place.status(), root.stat())


def test_no_descriptor_is_left_open(root: Path) -> None:
    (root / "loop").symlink_to("loop")
    before = len(os.listdir("/proc/self/fd"))
    for path in ("/data/local/file", "/loop/x", "/nothing/there", "/data/../data/local/../.."):
        try:
            with ConfinedRoot(root).locate(path):
                pass
        except OSError:
            continue
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_zero_byte_is_refused(root: Path) -> None:
    with pytest.raises(OSError, match="zero byte"), ConfinedRoot(root).locate("/data\0/x"):
        pass
