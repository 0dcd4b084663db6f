package org.groupnet.bench;

import android.content.Context;
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.FileOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.List;
import org.json.JSONArray;
import org.json.JSONException;
import org.json.JSONObject;

/** A few pictures with their truths for one model, out of the APK's assets. */
final class TestSet {
  private static final String FOLDER = "sets/";

  final String name;
  final String task;
  final int height;
  final int width;
  final int channels;
  /** What classes are called; segmentation's 255 means that nobody knows. */
  final List<String> labels = new ArrayList<String>();
  /** Whom the pictures are by. */
  final List<String> credits = new ArrayList<String>();
  final List<JSONObject> truths = new ArrayList<JSONObject>();
  private final Context context;

  private TestSet(Context context, String name) throws IOException, JSONException {
    this.context = context;
    this.name = name;
    JSONObject json = new JSONObject(new String(read(FOLDER + name + "/set.json"), "UTF-8"));
    task = json.getString("task");
    JSONArray shape = json.getJSONArray("shape");
    height = shape.getInt(0);
    width = shape.getInt(1);
    channels = shape.getInt(2);
    JSONArray names = json.getJSONArray("labels");
    for (int i = 0; i < names.length(); i++) labels.add(names.getString(i));
    JSONArray authors = json.getJSONArray("credits");
    for (int i = 0; i < authors.length(); i++) credits.add(authors.getString(i));
    JSONArray images = json.getJSONArray("images");
    for (int i = 0; i < images.length(); i++) truths.add(images.getJSONObject(i));
  }

  /** The set of a model's name; null where the APK has none. */
  static TestSet of(Context context, String model) throws BenchException {
    try {
      for (String name : context.getAssets().list("sets")) {
        if (name.equals(model)) return new TestSet(context, name);
      }
      return null;
    } catch (IOException unreadable) {
      throw new BenchException(String.valueOf(unreadable.getMessage()));
    } catch (JSONException wrong) {
      throw Program.unexpected(context, wrong);
    }
  }

  String file(int index) throws JSONException {
    return truths.get(index).getString("file");
  }

  /** Pixels, row by row, `channels` bytes each. */
  byte[] pixels(int index) throws BenchException {
    try {
      byte[] bytes = read(FOLDER + name + "/" + file(index));
      if (bytes.length != height * width * channels) throw new IOException("a picture of another size");
      return bytes;
    } catch (IOException unreadable) {
      throw new BenchException(String.valueOf(unreadable.getMessage()));
    } catch (JSONException wrong) {
      throw Program.unexpected(context, wrong);
    }
  }

  /** Copy the pictures to where the benchmark program can read them: it cannot look into the APK. */
  File unpack() throws BenchException {
    File folder = new File(context.getFilesDir(), "sets/" + name);
    if (!folder.isDirectory() && !folder.mkdirs()) throw new BenchException("Cannot make the folder " + folder);
    try {
      for (int i = 0; i < truths.size(); i++) {
        FileOutputStream out = new FileOutputStream(new File(folder, file(i)));
        try {
          out.write(pixels(i));
        } finally {
          out.close();
        }
      }
      return folder;
    } catch (IOException full) {
      throw new BenchException(String.valueOf(full.getMessage()));
    } catch (JSONException wrong) {
      throw Program.unexpected(context, wrong);
    }
  }

  private byte[] read(String path) throws IOException {
    InputStream in = context.getAssets().open(path);
    try {
      ByteArrayOutputStream out = new ByteArrayOutputStream();
      byte[] buffer = new byte[1 << 14];
      for (int n = in.read(buffer); n != -1; n = in.read(buffer)) out.write(buffer, 0, n);
      return out.toByteArray();
    } finally {
      in.close();
    }
  }
}
