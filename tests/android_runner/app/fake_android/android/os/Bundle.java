package android.os;

import java.util.HashMap;
import java.util.Map;

public final class Bundle {
  private final Map<String, Object> values = new HashMap<String, Object>();
  public int getInt(String key, int otherwise) { return values.containsKey(key) ? (Integer) values.get(key) : otherwise; }
  public void putInt(String key, int value) { values.put(key, value); }
  public String getString(String key) { return (String) values.get(key); }
  public void putString(String key, String value) { values.put(key, value); }
}
