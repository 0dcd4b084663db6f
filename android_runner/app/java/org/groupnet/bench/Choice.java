package org.groupnet.bench;

import android.os.Bundle;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Set;

/** What the user chose to measure and on what; survives a turn of the phone in the activity's saved state. */
final class Choice {
  private static final String EXCLUDED = "excluded";
  private static final String CORES = "cores";
  private static final String THREADS = "threads";

  /** Models that are not measured: at first all are. */
  final Set<String> excluded = new LinkedHashSet<String>();
  /** As `--cores` takes it; empty leaves it to Android. */
  String cores = "";
  int threads = 1;

  void save(Bundle state) {
    StringBuilder names = new StringBuilder();
    for (String name : excluded) names.append(name).append('\n');
    state.putString(EXCLUDED, names.toString());
    state.putString(CORES, cores);
    state.putInt(THREADS, threads);
  }

  void restore(Bundle state) {
    String names = state.getString(EXCLUDED);
    if (names != null && !names.isEmpty()) excluded.addAll(Arrays.asList(names.split("\n")));
    if (state.getString(CORES) != null) cores = state.getString(CORES);
    threads = state.getInt(THREADS, 1);
  }

  /** Names of the models to measure, of those that run here. */
  List<String> names(List<Model> models) {
    List<String> names = new ArrayList<String>();
    for (Model model : models) if (model.refused == null && !excluded.contains(model.name)) names.add(model.name);
    return names;
  }
}
