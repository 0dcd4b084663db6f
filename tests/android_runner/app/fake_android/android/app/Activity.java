package android.app;

import android.content.Context;
import android.content.Intent;
import android.os.Bundle;
import android.view.ContextThemeWrapper;
import android.view.View;
import android.view.Window;
import java.util.ArrayList;
import java.util.List;

public class Activity extends ContextThemeWrapper {
  public static final List<Intent> started = new ArrayList<Intent>();
  public View content;
  public boolean turning;
  public boolean left;
  private final Window window = new Window(this) {};

  protected void onCreate(Bundle state) {}
  protected void onSaveInstanceState(Bundle state) {}
  protected void onStart() {}
  protected void onStop() {}
  protected void onDestroy() {}
  protected void onActivityResult(int request, int result, Intent data) {}
  public void onBackPressed() { left = true; }
  public void setContentView(View view) { content = view; }
  public Window getWindow() { return window; }
  public boolean isChangingConfigurations() { return turning; }
  public void startActivity(Intent intent) { started.add(intent); }
  public void startActivityForResult(Intent intent, int request) { started.add(intent); }
}
