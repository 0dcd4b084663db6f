package android.view;

import android.content.Context;

public abstract class Window {
  public int flags;
  public Window(Context context) {}
  public void addFlags(int flags) { this.flags |= flags; }
  public void clearFlags(int flags) { this.flags &= ~flags; }
}
