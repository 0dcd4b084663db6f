"""The classes to compile against: every type of the API text becomes one file whose bodies only throw."""

from pathlib import Path

import pytest

from android_runner.app.android_stubs import write_stubs

API = """# a comment
package a.b;
public abstract class Base {
  public Base(int x);
  public abstract int size();
  protected void go(String... names) throws IOException;
  public static final int ONE = 1;
  public enum Kind { A, B }
  public interface Listener {
    void onGo(Base base);
  }
}

package a.c;
public class Derived extends Base {
  public int size();
}
"""


def test_bodies_and_constructors(tmp_path: Path) -> None:
    base, derived = write_stubs(tmp_path, API)
    assert (base, derived) == (tmp_path / "a/b/Base.java", tmp_path / "a/c/Derived.java")
    text = base.read_text()
    assert text.startswith("package a.b;\nimport a.b.*;\nimport a.c.*;\nimport java.io.*;\n")
    assert "public Base(int x) {  }" in text and "protected Base(Void stub) {  }" in text
    assert "public abstract int size();" in text and "void onGo(Base base);" in text
    assert (
        'protected void go(String... names) throws IOException { throw new RuntimeException("Stub!"); }'
        in text
    )
    assert "public static final int ONE = 1;" in text and "public enum Kind { A, B }" in text
    assert "protected Derived(Void stub) { super((Void) null); }" in derived.read_text()


def test_what_is_no_type_is_told_of(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="expected a type after `package a;`"):
        write_stubs(tmp_path, "package a;\nimport b;\n")
