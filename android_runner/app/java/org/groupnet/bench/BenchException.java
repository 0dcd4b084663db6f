package org.groupnet.bench;

/** Something that the user is told in one sentence. */
final class BenchException extends Exception {
  private static final long serialVersionUID = 1;

  BenchException(String sentence) {
    super(sentence);
  }
}
