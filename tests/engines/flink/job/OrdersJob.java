package rehearsal;

import java.io.FileOutputStream;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.Paths;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.apache.flink.api.common.eventtime.WatermarkStrategy;
import org.apache.flink.api.common.functions.OpenContext;
import org.apache.flink.api.common.functions.RichMapFunction;
import org.apache.flink.api.common.state.ListState;
import org.apache.flink.api.common.state.ListStateDescriptor;
import org.apache.flink.api.common.state.ValueState;
import org.apache.flink.api.common.state.ValueStateDescriptor;
import org.apache.flink.api.common.typeinfo.Types;
import org.apache.flink.api.connector.source.util.ratelimit.RateLimiterStrategy;
import org.apache.flink.api.java.functions.KeySelector;
import org.apache.flink.connector.datagen.source.DataGeneratorSource;
import org.apache.flink.connector.datagen.source.GeneratorFunction;
import org.apache.flink.runtime.state.FunctionInitializationContext;
import org.apache.flink.runtime.state.FunctionSnapshotContext;
import org.apache.flink.streaming.api.checkpoint.CheckpointedFunction;
import org.apache.flink.streaming.api.environment.StreamExecutionEnvironment;
import org.apache.flink.streaming.api.functions.KeyedProcessFunction;
import org.apache.flink.streaming.api.functions.sink.v2.DiscardingSink;
import org.apache.flink.util.Collector;

/**
 * A small stateful job: reads a log of numbered records, counts them by key, and writes each into a ledger.
 *
 * <p>The log is durable as long as one knows the time: record n is written n / rate after its start, so whoever starts late or from a snapshot reads the same records, and
 * catches up. Every record leaves a line "record key count" in the ledger at once: what is lost, what is read again and what is counted wrongly can be read from it.
 *
 * <p>What a version of the job does wrong is said by its arguments, {@code --name value}.
 */
public final class OrdersJob {
  // A multiple of the parallelism: a key's records all take the same way through "enrich", dealt out in turn, and so stay in order.
  private static final long KEYS = 8;

  private OrdersJob() {}

  public static void main(String[] arguments) throws Exception {
    Map<String, String> given = new HashMap<>();
    for (int i = 0; i + 1 < arguments.length; i += 2) given.put(arguments[i].substring(2), arguments[i + 1]);
    if (given.getOrDefault("behaviour", "healthy").equals("bad-main")) throw failure(given);

    StreamExecutionEnvironment environment = StreamExecutionEnvironment.getExecutionEnvironment();
    // One vertex an operator: what a look shows is then the same as the simulation's.
    environment.disableOperatorChaining();
    double atMost = Double.parseDouble(given.get("at-most-per-sec"));
    DataGeneratorSource<Long> source =
        new DataGeneratorSource<>(new Log(given), Long.parseLong(given.get("records")), RateLimiterStrategy.perSecond(atMost), Types.LONG);
    environment.fromSource(source, WatermarkStrategy.noWatermarks(), "orders").uid("orders").setParallelism(1)
        .map(new Enrich(given)).returns(Types.LONG).uid("enrich").name("enrich").setParallelism(2)
        .keyBy((KeySelector<Long, Long>) record -> record % KEYS, Types.LONG)
        .process(new Count(given)).returns(Types.LONG).uid(given.getOrDefault("count-uid", "count")).name("count").setParallelism(2)
        .sinkTo(new DiscardingSink<Long>()).uid("sink").name("sink").setParallelism(1);
    environment.execute(given.getOrDefault("name", "orders"));
  }

  /** The exception that the arguments name. */
  private static Exception failure(Map<String, String> given) {
    String type = given.get("exception"), message = given.get("message");
    try {
      return (Exception) Class.forName(type).getConstructor(String.class).newInstance(message);
    } catch (ReflectiveOperationException | ClassCastException notHere) {
      return new RuntimeException(type + ": " + message);
    }
  }

  /** As if the state were large. */
  private static void loadState(FunctionInitializationContext context, long restoreMillis) throws InterruptedException {
    if (context.isRestored() && restoreMillis > 0) Thread.sleep(restoreMillis);
  }

  /** Gives record n once it has been written to the log. */
  private static final class Log implements GeneratorFunction<Long, Long> {
    private final long start;
    private final double perSec;

    Log(Map<String, String> given) {
      start = Long.parseLong(given.get("log-start"));
      perSec = Double.parseDouble(given.get("log-per-sec"));
    }

    @Override
    public Long map(Long record) throws InterruptedException {
      long wait = start + (long) (record * 1000 / perSec) - System.currentTimeMillis();
      if (wait > 0) Thread.sleep(wait);
      return record;
    }
  }

  /** Where user code fails. Has state too, so that it comes up when "count" does. */
  private static final class Enrich extends RichMapFunction<Long, Long> implements CheckpointedFunction {
    private final HashMap<String, String> given;
    private final String behaviour;
    private final long afterMillis;
    private final long restoreMillis;
    private transient ListState<Long> passed;
    private transient long opened;

    Enrich(Map<String, String> given) {
      this.given = new HashMap<>(given);
      behaviour = given.getOrDefault("behaviour", "healthy");
      afterMillis = Long.parseLong(given.getOrDefault("after-millis", "0"));
      restoreMillis = Long.parseLong(given.getOrDefault("restore-millis", "0"));
    }

    @Override
    public void initializeState(FunctionInitializationContext context) throws Exception {
      passed = context.getOperatorStateStore().getListState(new ListStateDescriptor<>("passed", Types.LONG));
      loadState(context, restoreMillis);
    }

    @Override
    public void snapshotState(FunctionSnapshotContext context) throws Exception {
      passed.update(List.of(context.getCheckpointId()));
    }

    @Override
    public void open(OpenContext context) throws Exception {
      if (behaviour.equals("throws-in-open")) throw failure(given);
      opened = System.currentTimeMillis();
    }

    @Override
    public Long map(Long record) throws Exception {
      if (behaviour.equals("throws") && System.currentTimeMillis() - opened >= afterMillis) throw failure(given);
      return record;
    }
  }

  /** Counts by key, in state of the type that the version knows, and writes the ledger. */
  private static final class Count extends KeyedProcessFunction<Long, Long, Long> implements CheckpointedFunction {
    private final String ledger;
    private final boolean asText;
    private final long restoreMillis;
    private transient ValueState<Long> number;
    private transient ValueState<String> text;
    private transient OutputStream lines;

    Count(Map<String, String> given) {
      ledger = given.get("ledger");
      asText = given.getOrDefault("state-type", "long").equals("text");
      restoreMillis = Long.parseLong(given.getOrDefault("restore-millis", "0"));
    }

    @Override
    public void initializeState(FunctionInitializationContext context) throws Exception {
      loadState(context, restoreMillis);
    }

    @Override
    public void snapshotState(FunctionSnapshotContext context) {}

    @Override
    public void open(OpenContext context) throws Exception {
      if (asText) text = getRuntimeContext().getState(new ValueStateDescriptor<>("count", Types.STRING));
      else number = getRuntimeContext().getState(new ValueStateDescriptor<>("count", Types.LONG));
      Path file = Paths.get(ledger + "-" + getRuntimeContext().getTaskInfo().getIndexOfThisSubtask() + ".txt");
      Files.createDirectories(file.getParent());
      lines = new FileOutputStream(file.toFile(), true);
    }

    @Override
    public void close() throws Exception {
      if (lines != null) lines.close();
    }

    @Override
    public void processElement(Long record, Context context, Collector<Long> out) throws Exception {
      long count = 1;
      if (asText) {
        if (text.value() != null) count += Long.parseLong(text.value());
        text.update(Long.toString(count));
      } else {
        if (number.value() != null) count += number.value();
        number.update(count);
      }
      // One write, unbuffered: a process that is killed has written what it has counted.
      lines.write((record + " " + context.getCurrentKey() + " " + count + "\n").getBytes(StandardCharsets.US_ASCII));
      out.collect(count);
    }
  }
}
