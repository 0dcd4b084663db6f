package android.content;

import android.net.Uri;
import java.io.FileNotFoundException;
import java.io.FileOutputStream;
import java.io.OutputStream;

/** Documents are files of the computer. */
public abstract class ContentResolver {
  public ContentResolver(Context context) {}
  public final OutputStream openOutputStream(Uri uri, String mode) throws FileNotFoundException {
    return new FileOutputStream(uri.toString());
  }
}
