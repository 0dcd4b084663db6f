package android.content;

import android.net.Uri;
import java.util.HashMap;
import java.util.Map;

public class Intent {
  public static final String ACTION_SEND = "android.intent.action.SEND";
  public static final String ACTION_CREATE_DOCUMENT = "android.intent.action.CREATE_DOCUMENT";
  public static final String ACTION_BATTERY_CHANGED = "android.intent.action.BATTERY_CHANGED";
  public static final String CATEGORY_OPENABLE = "android.intent.category.OPENABLE";
  public final String action;
  public final Map<String, String> texts = new HashMap<String, String>();
  public final Map<String, Integer> numbers = new HashMap<String, Integer>();
  public String type;
  public Uri data;

  public Intent(String action) { this.action = action; }
  public Intent setType(String type) { this.type = type; return this; }
  public Intent addCategory(String category) { return this; }
  public Intent putExtra(String name, String value) { texts.put(name, value); return this; }
  public int getIntExtra(String name, int otherwise) { return numbers.containsKey(name) ? numbers.get(name) : otherwise; }
  public Uri getData() { return data; }
  public static Intent createChooser(Intent target, CharSequence title) { return target; }
}
