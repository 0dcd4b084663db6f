package android.os;

import java.util.ArrayList;
import java.util.List;

/** Tasks of the main thread: the test's own thread, which runs them when it waits. */
public class Handler {
  private static final List<Object[]> TASKS = new ArrayList<Object[]>();

  public Handler(Looper looper) {}

  public final boolean postDelayed(Runnable task, long delayMs) {
    synchronized (TASKS) {
      TASKS.add(new Object[] {System.nanoTime() + delayMs * 1000000, task});
    }
    return true;
  }

  /** Run the tasks whose time has come. */
  public static void runDue() {
    List<Runnable> due = new ArrayList<Runnable>();
    synchronized (TASKS) {
      for (Object[] task : new ArrayList<Object[]>(TASKS)) {
        if ((Long) task[0] > System.nanoTime()) continue;
        TASKS.remove(task);
        due.add((Runnable) task[1]);
      }
    }
    for (Runnable task : due) task.run();
  }
}
