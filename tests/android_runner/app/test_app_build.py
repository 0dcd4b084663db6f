"""The APK: what Android's own tools and androguard say of it, and that it is the same each time."""

from __future__ import annotations

import hashlib
import logging
import re
import stat
import struct
import zipfile
from pathlib import Path

import pytest

from android_runner.app.build import (
    ACTIVITY,
    LIBRARY,
    PACKAGE,
    SOURCES,
    TARGET_SDK,
    AppOrder,
    BuiltApp,
    build_app,
)
from android_runner.app.dexer import MIN_SDK, extract_dx
from android_runner.app.executable import check_executable
from android_runner.app.signing import ensure_key
from android_runner.app.toolchain import find_toolchain, run_tool
from android_runner.errors import AppBuildError, WrongArchitectureError

PAGE = 16384
pytestmark = pytest.mark.timeout(900)  # the first one waits for compilers


@pytest.fixture
def badging(apk: Path) -> str:
    return run_tool(["aapt2", "dump", "badging", apk])


def test_two_builds_with_one_key_are_one_file(apk: Path, rebuilt: BuiltApp) -> None:
    assert rebuilt.sha256 == hashlib.sha256(apk.read_bytes()).hexdigest()
    assert rebuilt.bytes == apk.stat().st_size


def test_the_signature_is_of_schemes_2_and_3_and_the_key_for_its_user_alone(
    apk: Path, order: AppOrder
) -> None:
    said = run_tool(["apksigner", "verify", "--verbose", "--min-sdk-version", str(MIN_SDK), apk])
    schemes = dict(re.findall(r"Verified using (v\d) scheme .*: (true|false)", said))
    assert schemes == {"v1": "false", "v2": "true", "v3": "true", "v4": "false"}
    assert order.key is not None
    for path in (order.key, order.key.with_suffix(".password")):
        assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_what_is_stored_starts_pages_of_16_kb(apk: Path) -> None:
    assert "Verification successful" in run_tool(["zipalign", "-c", "-v", str(PAGE), apk])
    content = apk.read_bytes()
    with zipfile.ZipFile(apk) as archive:
        stored = [info for info in archive.infolist() if info.compress_type == zipfile.ZIP_STORED]
    assert {info.filename for info in stored} == {LIBRARY, "resources.arsc"}
    for info in stored:
        name_bytes, extra_bytes = struct.unpack_from("<HH", content, info.header_offset + 26)
        assert (info.header_offset + 30 + name_bytes + extra_bytes) % PAGE == 0


def test_the_manifest_asks_for_nothing(badging: str) -> None:
    assert f"package: name='{PACKAGE}'" in badging
    assert f"sdkVersion:'{MIN_SDK}'" in badging and f"targetSdkVersion:'{TARGET_SDK}'" in badging
    assert "native-code: 'arm64-v8a'" in badging
    assert "uses-permission" not in badging and "debuggable" not in badging


def test_androguard_and_aapt_read_the_same_manifest(apk: Path, badging: str) -> None:
    logging.getLogger("androguard").setLevel(logging.ERROR)
    from androguard.core.apk import APK
    from loguru import logger

    logger.disable("androguard")
    seen = APK(str(apk))
    assert seen.is_valid_APK() and seen.is_signed_v2() and seen.is_signed_v3() and not seen.is_signed_v1()
    assert seen.get_package() == PACKAGE
    assert f"{PACKAGE}/{seen.get_main_activity().removeprefix(PACKAGE)}" == ACTIVITY
    assert f"launchable-activity: name='{seen.get_main_activity()}'" in badging
    assert (seen.get_min_sdk_version(), seen.get_target_sdk_version()) == (str(MIN_SDK), str(TARGET_SDK))
    assert seen.get_permissions() == [] and seen.get_activities() == [f"{PACKAGE}.MainActivity"]
    assert f"application-label:'{seen.get_app_name()}'" in badging
    extracts = seen.get_attribute_value("application", "extractNativeLibs")
    assert extracts == "true"


def test_nothing_but_our_classes_is_inside(apk: Path) -> None:
    with zipfile.ZipFile(apk) as archive:
        dex = archive.read("classes.dex")
    defined = len(list((SOURCES / "java").rglob("*.java")))
    assert dex.startswith(b"dex\n") and defined < int.from_bytes(dex[96:100], "little") < 4 * defined
    assert b"Stub!" not in dex


def test_every_text_is_used_and_every_night_color_has_a_day() -> None:
    code = "".join(path.read_text(encoding="utf-8") for path in (SOURCES / "java").rglob("*.java"))
    code += (SOURCES / "AndroidManifest.xml").read_text(encoding="utf-8")
    strings = re.findall(
        r'<string name="(\w+)"', (SOURCES / "res/values/strings.xml").read_text(encoding="utf-8")
    )
    assert [
        name for name in strings if f"R.string.{name}" not in code and f"@string/{name}" not in code
    ] == []
    day, night = (
        set(
            re.findall(
                r'<color name="(\w+)"', (SOURCES / f"res/{folder}/colors.xml").read_text(encoding="utf-8")
            )
        )
        for folder in ("values", "values-night")
    )
    assert night < day


def colors_of(folder: str) -> dict[str, str]:
    text = (SOURCES / f"res/{folder}/colors.xml").read_text(encoding="utf-8")
    return dict(re.findall(r'<color name="(\w+)">#FF(\w+)<', text))


def luminance(color: str) -> float:
    """Relative luminance of RRGGBB, as WCAG 2 has it."""
    parts = [int(color[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("folder", ["values", "values-night"])
@pytest.mark.parametrize(
    ("text", "behind"),
    [
        ("text", "background card primary_soft bar"),
        ("text_secondary", "background card primary_soft bar"),
        ("primary", "card"),
        ("on_primary", "primary"),
        ("error", "card error_soft"),
        ("warning", "warning_soft"),
    ],
)
def test_texts_stand_out_by_day_and_by_night(folder: str, text: str, behind: str) -> None:
    colors = colors_of("values") | colors_of(folder)
    for name in behind.split():
        dark, light = sorted(luminance(colors[one]) for one in (text, name))
        assert (light + 0.05) / (dark + 0.05) >= 4.5, name


def test_names_stand_out_on_the_colors_of_masks() -> None:
    java = (SOURCES / "java/org/groupnet/bench/PictureView.java").read_text(encoding="utf-8")
    _, *colors = re.findall(r"0xFF(\w{6})", java.split("};")[0])
    assert len(colors) > 10
    for color in colors:
        assert (luminance(color) + 0.05) / 0.05 >= 4.5, color


def test_programs_that_could_not_run_in_an_app_are_refused(tmp_path: Path, order: AppOrder) -> None:
    missing = AppOrder(tmp_path / "missing", {}, order.key)
    with pytest.raises(WrongArchitectureError, match="missing"):
        build_app(missing, tmp_path / "app.apk")
    run_tool(["gcc", "-static", "-o", tmp_path / "host", order.executable.parent / "program.c"])
    with pytest.raises(AppBuildError, match="x86_64, statically linked"):
        check_executable(tmp_path / "host")
    source = order.executable.parent / "program.c"
    run_tool(["aarch64-linux-gnu-gcc", "-o", tmp_path / "dynamic", source])
    with pytest.raises(AppBuildError, match="aarch64, dynamically linked"):
        check_executable(tmp_path / "dynamic")
    run_tool(
        ["aarch64-linux-gnu-gcc", "-static", "-Wl,-z,max-page-size=4096", "-o", tmp_path / "small", source]
    )
    with pytest.raises(AppBuildError, match="segments on 4096"):
        check_executable(tmp_path / "small")
    assert not (tmp_path / "app.apk").exists()


def test_a_key_without_its_password_is_somebodys_own_and_stays(tmp_path: Path) -> None:
    key = tmp_path / "mine.p12"
    key.write_bytes(b"the only copy")
    with pytest.raises(AppBuildError, match=r"mine\.password; there is none"):
        ensure_key(key)
    assert key.read_bytes() == b"the only copy" and list(tmp_path.iterdir()) == [key]


def test_another_package_than_the_checked_one_is_refused(tmp_path: Path) -> None:
    (tmp_path / "package.tgz").write_bytes(b"something else")
    with pytest.raises(AppBuildError, match="Expected tns-android"):
        extract_dx(tmp_path / "package.tgz", tmp_path / "dx.jar", "0" * 64)
    assert not (tmp_path / "dx.jar").exists()


def test_an_sdk_that_lacks_something_is_told_of(tmp_path: Path) -> None:
    with pytest.raises(AppBuildError, match=r"build-tools;34\.0\.0"):
        find_toolchain({"ANDROID_HOME": str(tmp_path)})
    for name in ("build-tools/9.0.0", "build-tools/34.0.0", "platforms/android-34"):
        (tmp_path / name).mkdir(parents=True)
    with pytest.raises(AppBuildError, match=r"build-tools/34\.0\.0/aapt2"):
        find_toolchain({"ANDROID_HOME": str(tmp_path)})


def test_a_complete_sdk_is_taken(tmp_path: Path) -> None:
    build_tools, platform = tmp_path / "build-tools/34.0.0", tmp_path / "platforms/android-34"
    for folder, names in (
        (build_tools, ("aapt2", "apksigner", "zipalign", "d8")),
        (platform, ("android.jar",)),
    ):
        folder.mkdir(parents=True)
        for name in names:
            (folder / name).touch()
    tools = find_toolchain({"ANDROID_HOME": str(tmp_path)})
    assert (
        tools.d8 == str(build_tools / "d8")
        and tools.android_jar == tools.framework == platform / "android.jar"
    )
