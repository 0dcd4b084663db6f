package org.groupnet.bench;

import android.view.View;
import android.widget.LinearLayout;
import android.widget.TextView;
import java.util.List;

/** Which models are measured, and on which cores. */
final class ModelsScreen extends Screen {
  private static final String[] CORES = {"", "big", "little", "prime"};
  private static final int[] CORE_NAMES = {R.string.cores_any, R.string.cores_big, R.string.cores_little, R.string.cores_prime};
  private static final int[] THREADS = {1, 2, 4};

  private final Choice choice;

  ModelsScreen(MainActivity activity, Choice choice) {
    super(activity);
    this.choice = choice;
  }

  @Override
  void fill(LinearLayout column) {
    ui.title(column, R.string.models_title);
    final List<Model> models = bench().models();
    if (bench().listError() != null) {
      ui.notice(column, bench().listError(), true);
      ui.button(column, string(R.string.retry), true, new View.OnClickListener() {
        @Override
        public void onClick(View view) {
          bench().look();
        }
      });
      return;
    }
    if (models == null) {
      ui.caption(column, string(R.string.reading));
      return;
    }
    ui.body(column, string(R.string.models_hint)).setPadding(ui.px(4), 0, 0, ui.px(12));
    LinearLayout both = ui.row(column);
    ui.below(both, 8);
    ui.chip(both, string(R.string.models_all), string(R.string.models_all), false, chooseAll(models, true));
    ui.chip(both, string(R.string.models_none), string(R.string.models_none), false, chooseAll(models, false));
    for (Model model : models) card(column, model);
    options(column);
    final List<String> names = choice.names(models);
    View start = ui.button(footer(), string(R.string.models_start, names.size(), models.size()), true, new View.OnClickListener() {
      @Override
      public void onClick(View view) {
        bench().start(choice.names(models), choice.cores, choice.threads);
        activity.open(MainActivity.RUN);
      }
    });
    if (names.isEmpty() || bench().progress().active) ui.disable(start);
  }

  private void card(LinearLayout column, final Model model) {
    final boolean chosen = model.refused == null && !choice.excluded.contains(model.name);
    LinearLayout card = ui.card(column);
    card.setBackground(ui.touchable(ui.shape(chosen ? R.color.primary_soft : R.color.card, 20, true)));
    LinearLayout row = ui.row(card);
    CheckMark mark = new CheckMark(activity, chosen);
    row.addView(mark);
    LinearLayout words = ui.column();
    words.setPadding(ui.px(16), 0, 0, 0);
    row.addView(words);
    ui.weighted(words, 1);
    TextView name = ui.heading(words, model.name);
    name.setPadding(0, 0, 0, 0);
    String line = string(R.string.models_line, model.task, model.size(), Format.bytes(model.weightsBytes));
    if (model.refused != null) line = string(R.string.models_refused, model.refused);
    ui.caption(words, line);
    String state = string(chosen ? R.string.models_chosen : R.string.models_not_chosen);
    card.setContentDescription(model.name + ", " + line + ", " + state);
    card.setSelected(chosen);
    if (model.refused != null) {
      // The reason stays easy to read.
      ui.disable(mark);
      ui.disable(name);
      card.setEnabled(false);
      return;
    }
    card.setOnClickListener(new View.OnClickListener() {
      @Override
      public void onClick(View view) {
        if (chosen) choice.excluded.add(model.name);
        else choice.excluded.remove(model.name);
        refresh();
      }
    });
  }

  private void options(LinearLayout column) {
    LinearLayout card = ui.card(column);
    ui.heading(card, string(R.string.models_cores));
    LinearLayout row = ui.row(card);
    for (int i = 0; i < CORES.length; i++) {
      final String cores = CORES[i];
      String label = string(CORE_NAMES[i]);
      String description = string(R.string.models_cores) + ": " + label;
      ui.chip(row, label, description, choice.cores.equals(cores), new View.OnClickListener() {
        @Override
        public void onClick(View view) {
          choice.cores = cores;
          refresh();
        }
      });
    }
    ui.heading(card, string(R.string.models_threads)).setPadding(0, ui.px(12), 0, ui.px(8));
    row = ui.row(card);
    for (final int threads : THREADS) {
      String label = String.valueOf(threads);
      String description = string(R.string.models_threads) + ": " + label;
      ui.chip(row, label, description, choice.threads == threads, new View.OnClickListener() {
        @Override
        public void onClick(View view) {
          choice.threads = threads;
          refresh();
        }
      });
    }
  }

  private View.OnClickListener chooseAll(final List<Model> models, final boolean all) {
    return new View.OnClickListener() {
      @Override
      public void onClick(View view) {
        choice.excluded.clear();
        for (Model model : models) if (!all) choice.excluded.add(model.name);
        refresh();
      }
    };
  }
}
