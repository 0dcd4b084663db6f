"""Names, strings and comments of the generated C cannot be broken by what a model is called."""

import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from frontend.c_export.driver import Identity, memory_bytes, write_header, write_tables
from frontend.c_export.export import RUNTIME
from frontend.c_export.plan import Plan, Slot, Step
from tvm_schedules.targets import InstructionSet

WILD = Identity(
    name='*/ "net"\\ \n3?',
    task="naïve */",
    target='{"kind": "llvm"}',
    labels=('a"b', "\\", "größer", "??/", "*/", "\n", "1\x001"),
    preparation="*/ int x;",
)


def small_plan() -> Plan:
    slots = [Slot(True, 0, (2, 3), "float32"), Slot(False, 0, (), "uint8"), Slot(True, 64, (1,), "bool")]
    return Plan(
        slots=slots,
        steps=[Step("k", "__tvm_ffi_k", (0, 1, 2))],
        inputs=[("x", 0)],
        outputs=[("output_0", 2)],
        constants=bytearray(1),
        arena_bytes=128,
        workspace_bytes=100,
    )


@pytest.mark.parametrize(
    ("name", "symbol"),
    [
        ("digits-k3", "digits_k3"),
        ("3d net", "model_3d_net"),
        ("größe", "gr__e"),
        ("_x", "model__x"),
        ("", "model_"),
        ("main", "model_main"),
        ("input-slots", "model_input_slots"),
    ],
)
def test_a_models_name_becomes_a_name_in_c(name: str, symbol: str) -> None:
    assert Identity(name, "", "").symbol == symbol


def test_memory_is_a_fixed_part_and_one_for_each_thread() -> None:
    assert memory_bytes(small_plan()) == (1024 + 192 + 64 + 64 + 128, 256 + 128)


@pytest.mark.parametrize("compiler", [("gcc", "-xc", "-std=c11"), ("g++", "-xc++", "-std=c++17")])
def test_the_header_compiles_as_c_and_as_cpp(tmp_path: Path, compiler: tuple[str, ...]) -> None:
    (tmp_path / "model.h").write_text(write_header(small_plan(), WILD))
    warnings = ("-Wall", "-Wextra", "-Wpedantic", "-Werror", "-fsyntax-only")
    command = [*compiler, *warnings, f"-I{tmp_path}", f"-I{RUNTIME}", "-include", "model.h", "/dev/null"]
    subprocess.run(command, check=True, timeout=60)


@pytest.mark.parametrize(
    "identity", [WILD, *(Identity(name, "t", "host") for name in ("n", "int", "labels", "input-slots"))]
)
def test_what_a_model_says_of_itself_arrives_in_c(tmp_path: Path, identity: Identity) -> None:
    check_what_c_says(identity, tmp_path)


TEXTS = st.text(st.characters(exclude_characters="\x01", exclude_categories=["Cs"]), max_size=12)


@settings(max_examples=15, deadline=None)
@given(name=TEXTS, task=TEXTS, target=TEXTS, labels=st.lists(TEXTS, max_size=4), preparation=TEXTS)
def test_any_text_arrives_in_c(
    tmp_path_factory: pytest.TempPathFactory,
    name: str,
    task: str,
    target: str,
    labels: list[str],
    preparation: str,
) -> None:
    identity = Identity(name, task, target, tuple(labels), preparation)
    check_what_c_says(identity, tmp_path_factory.mktemp("text"))


def check_what_c_says(identity: Identity, tmp_path: Path) -> None:
    (tmp_path / "model.h").write_text(write_header(small_plan(), identity))
    (tmp_path / "model.c").write_text(write_tables(small_plan(), identity, InstructionSet.PORTABLE))
    (tmp_path / "main.c").write_text(
        f"""
#include <stdio.h>
#include "groupnet_model.h"
#include "model.h"
const unsigned char groupnet_constants[1];
int __tvm_ffi_k(void *s, const groupnet_value *v, int32_t n, groupnet_value *r) {{
  return s != v->pointer || n < 0 || r == 0;
}}
int main(void) {{
  const groupnet_info *info = groupnet_describe(&{identity.symbol});
  fputs(info->name, stdout), putchar(1), fputs(info->task, stdout), putchar(1), fputs(info->target, stdout);
  for (size_t i = 0; i < info->label_count; ++i) putchar(1), fputs(info->labels[i], stdout);
  return !({identity.symbol.upper()}_INPUT_0_BYTES == info->inputs[0].bytes && info->inputs[0].rank == 2 &&
           info->inputs[0].shape[1] == 3 && info->outputs[0].bytes == 1);
}}
"""
    )
    sources = [tmp_path / "main.c", tmp_path / "model.c", RUNTIME / "groupnet.c", RUNTIME / "groupnet_pool.c"]
    flags = ("-std=c11", "-Wall", "-Wextra", "-Wpedantic", "-Werror", f"-I{RUNTIME}", "-pthread")
    subprocess.run(["gcc", *flags, *sources, "-o", tmp_path / "main"], check=True, timeout=60)
    said = subprocess.run([tmp_path / "main"], capture_output=True, check=True, timeout=60).stdout.decode()
    # A C string ends at its first zero.
    texts = (identity.name, identity.task, identity.target, *identity.labels)
    assert said.split("\x01") == [text.split("\0")[0] for text in texts]
