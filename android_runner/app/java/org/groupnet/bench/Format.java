package org.groupnet.bench;

import java.text.SimpleDateFormat;
import java.util.Date;
import java.util.Locale;
import java.util.TimeZone;

/** Numbers and times as people read them. */
final class Format {
  private Format() {}

  /** Three digits that count: 0.304, 12.6, 187. */
  static String ms(double value) {
    int decimals = value >= 100 ? 0 : value >= 10 ? 1 : value >= 1 ? 2 : 3;
    return String.format(Locale.getDefault(), "%." + decimals + "f", value);
  }

  static String bytes(long bytes) {
    if (bytes >= 1000000) return String.format(Locale.getDefault(), "%.1f MB", bytes / 1e6);
    return String.format(Locale.getDefault(), "%.0f kB", bytes / 1e3);
  }

  /** For names and JSON: the same for everyone, and sorted as time is. */
  static String utc(Date time, String pattern) {
    SimpleDateFormat format = new SimpleDateFormat(pattern, Locale.ROOT);
    format.setTimeZone(TimeZone.getTimeZone("UTC"));
    return format.format(time);
  }
}
