package org.groupnet.bench;

import android.content.Context;
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.FileInputStream;
import java.io.FileOutputStream;
import java.io.IOException;
import java.util.Arrays;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import org.json.JSONException;

/** The records kept on this phone: a file each, in the app's own folder, which `adb` can read. */
final class History {
  private static final String ENDING = ".json";
  private static final String UNFINISHED = "unfinished.part";

  private final File folder;

  History(Context context) {
    File shared = context.getExternalFilesDir("results");
    // Null while the shared storage is not mounted.
    folder = shared != null ? shared : new File(context.getFilesDir(), "results");
  }

  /** Keep a record; it is there as a whole or not at all. */
  void keep(Record record) throws IOException {
    if (!folder.isDirectory() && !folder.mkdirs()) throw new IOException("cannot make the folder " + folder);
    File unfinished = new File(folder, UNFINISHED);
    try {
      FileOutputStream out = new FileOutputStream(unfinished);
      try {
        out.write(record.text().getBytes("UTF-8"));
        out.getFD().sync();
      } finally {
        out.close();
      }
      if (!unfinished.renameTo(new File(folder, record.fileName()))) throw new IOException("cannot name the file");
    } finally {
      unfinished.delete();
    }
  }

  /** Names of what is kept, the newest first. */
  List<String> names() {
    List<String> names = new ArrayList<String>();
    String[] found = folder.list();
    if (found == null) return names;
    for (String name : Arrays.asList(found)) if (name.endsWith(ENDING)) names.add(name);
    Collections.sort(names, Collections.reverseOrder());
    return names;
  }

  /** The newest one that can be read; null where there is none. */
  Record latest() {
    for (String name : names()) {
      try {
        return read(name);
      } catch (IOException unreadable) {
        continue; // the history's screen says why
      } catch (JSONException wrong) {
        continue;
      }
    }
    return null;
  }

  /** Read one of `names`. */
  Record read(String name) throws IOException, JSONException {
    FileInputStream in = new FileInputStream(new File(folder, name));
    try {
      ByteArrayOutputStream out = new ByteArrayOutputStream();
      byte[] buffer = new byte[1 << 14];
      for (int n = in.read(buffer); n != -1; n = in.read(buffer)) out.write(buffer, 0, n);
      return Record.parse(out.toString("UTF-8"));
    } finally {
      in.close();
    }
  }
}
