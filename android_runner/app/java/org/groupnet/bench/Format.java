package org.groupnet.bench;

import java.text.DateFormat;
import java.text.ParseException;
import java.text.SimpleDateFormat;
import java.util.Date;
import java.util.Locale;
import java.util.TimeZone;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Numbers and times as people read them. */
final class Format {
  private static final int LONGEST_NAME = 40;
  private static final Pattern CONVOLUTION =
      Pattern.compile("([a-z]+)_conv2d_[a-z0-9]+_nhwc_n\\d+h(\\d+)w(\\d+)c(\\d+)o(\\d+)k(\\d+)x(\\d+).*");
  private static final Pattern OTHER = Pattern.compile("([a-z]+)_[a-z0-9]+_nhwc_n\\d+h(\\d+)w(\\d+)c(\\d+).*");

  private Format() {}

  /** What a kernel does, of its name, which tells all that it was made for: binary 3×3, 14×14×256 → 256. */
  static String kernel(String name) {
    Matcher found = CONVOLUTION.matcher(name);
    if (found.matches()) return found.replaceFirst("$1 $6×$7, $2×$3×$4 → $5");
    found = OTHER.matcher(name);
    if (found.matches()) return found.replaceFirst("$1, $2×$3×$4");
    return name.length() > LONGEST_NAME ? name.substring(0, LONGEST_NAME) + "…" : name;
  }

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
    return ofUtc(pattern).format(time);
  }

  static Date parseUtc(String text, String pattern) throws ParseException {
    return ofUtc(pattern).parse(text);
  }

  /** For people: their time zone, their order of day and month. */
  static String local(Date time) {
    return DateFormat.getDateTimeInstance(DateFormat.MEDIUM, DateFormat.SHORT).format(time);
  }

  private static SimpleDateFormat ofUtc(String pattern) {
    SimpleDateFormat format = new SimpleDateFormat(pattern, Locale.ROOT);
    format.setTimeZone(TimeZone.getTimeZone("UTC"));
    return format;
  }
}
