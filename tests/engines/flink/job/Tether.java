package rehearsal;

import java.util.Arrays;

/**
 * Runs another class for as long as standard input is open: a JobManager or TaskManager never outlives the process that started it, however that one ends.
 *
 * <p>Closed input is an orderly exit, in which a TaskManager says good-bye to its JobManager.
 */
public final class Tether {
  private static final long GOOD_BYE_MILLIS = 10_000;

  private Tether() {}

  public static void main(String[] arguments) throws Exception {
    Thread tether = new Thread(() -> {
      try {
        while (System.in.read() >= 0) {}
      } catch (java.io.IOException broken) {
        // As good as closed.
      }
      Thread last = new Thread(() -> {
        try {
          Thread.sleep(GOOD_BYE_MILLIS);
        } catch (InterruptedException hurried) {
          // Then at once.
        }
        Runtime.getRuntime().halt(143);
      });
      last.setDaemon(true);
      last.start();
      System.exit(0);
    });
    tether.setDaemon(true);
    tether.start();
    String[] rest = Arrays.copyOfRange(arguments, 1, arguments.length);
    Class.forName(arguments[0]).getMethod("main", String[].class).invoke(null, (Object) rest);
  }
}
