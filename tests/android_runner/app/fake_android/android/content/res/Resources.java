package android.content.res;

import android.util.DisplayMetrics;
import java.io.File;
import java.lang.reflect.Field;
import java.util.HashMap;
import java.util.Map;
import javax.xml.parsers.DocumentBuilderFactory;
import org.w3c.dom.Element;
import org.w3c.dom.NodeList;

/** Reads the app's resource files; which number means which name is what the app's R classes say. */
public class Resources {
  public static boolean night;
  private static final Map<String, String> READ = new HashMap<String, String>();

  public DisplayMetrics getDisplayMetrics() { return DisplayMetrics.ONE; }

  public static int color(int id) {
    String value = night ? value("values-night/colors.xml", "color", id) : null;
    if (value == null) value = value("values/colors.xml", "color", id);
    return (int) Long.parseLong(value.substring(1), 16);
  }

  public static String text(int id) { return value("values/strings.xml", "string", id); }

  private static String value(String file, String kind, int id) {
    try {
      String name = null;
      for (Field field : Class.forName("org.groupnet.bench.R$" + kind).getFields()) {
        if (field.getInt(null) == id) name = field.getName();
      }
      if (READ.put(file, "") == null) read(file, kind);
      return READ.get(file + " " + name);
    } catch (Exception broken) {
      throw new IllegalStateException(broken);
    }
  }

  private static void read(String file, String kind) throws Exception {
    File path = new File(System.getProperty("app.res"), file);
    NodeList found = DocumentBuilderFactory.newInstance().newDocumentBuilder().parse(path).getElementsByTagName(kind);
    for (int i = 0; i < found.getLength(); i++) {
      Element one = (Element) found.item(i);
      READ.put(file + " " + one.getAttribute("name"), one.getTextContent());
    }
  }
}
