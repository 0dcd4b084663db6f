package android.content.res;

import java.io.File;
import java.io.FileInputStream;
import java.io.IOException;
import java.io.InputStream;

/** The APK's assets, unpacked. */
public final class AssetManager {
  private static File at(String name) { return new File(System.getProperty("phone.assets"), name); }
  public InputStream open(String name) throws IOException { return new FileInputStream(at(name)); }
  public String[] list(String path) throws IOException {
    String[] names = at(path).list();
    return names == null ? new String[0] : names;
  }
}
