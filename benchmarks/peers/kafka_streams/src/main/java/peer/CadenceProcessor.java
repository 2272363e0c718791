package peer;

import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.Comparator;
import java.util.HashSet;
import java.util.PriorityQueue;
import java.util.Set;
import org.apache.kafka.streams.KeyValue;
import org.apache.kafka.streams.processor.PunctuationType;
import org.apache.kafka.streams.processor.api.Processor;
import org.apache.kafka.streams.processor.api.ProcessorContext;
import org.apache.kafka.streams.processor.api.Record;
import org.apache.kafka.streams.state.KeyValueIterator;
import org.apache.kafka.streams.state.KeyValueStore;

/**
 * Keeps every customer's statistics, and says who has been quiet for too long.
 *
 * <p>Deadlines wait in a queue, one entry a customer. It is made from the store at the start, and an
 * entry is only put right when its time has come: so an event costs it nothing.
 */
final class CadenceProcessor implements Processor<String, byte[], String, byte[]> {

  private record Deadline(double time, String customer) {}

  private final PriorityQueue<Deadline> queue =
      new PriorityQueue<>(Comparator.comparingDouble(Deadline::time));
  private final Set<String> waiting = new HashSet<>();
  private ProcessorContext<String, byte[]> context;
  private KeyValueStore<String, Customer> store;
  private double now = Double.NEGATIVE_INFINITY; // the newest event's time

  @Override
  public void init(ProcessorContext<String, byte[]> context) {
    this.context = context;
    store = context.getStateStore(Main.STORE);
    try (KeyValueIterator<String, Customer> all = store.all()) {
      while (all.hasNext()) {
        KeyValue<String, Customer> one = all.next();
        await(one.key, one.value);
      }
    }
    context.schedule(
        Duration.ofMillis(500), PunctuationType.WALL_CLOCK_TIME, timestamp -> announce());
  }

  @Override
  public void process(Record<String, byte[]> record) {
    String topic = context.recordMetadata().orElseThrow().topic();
    Event event = Event.read(record.value());
    Customer customer = store.get(record.key());
    if (customer == null) {
      customer = new Customer();
    }
    if (topic.endsWith("purchases")) {
      customer.purchased(event.time(), event.amount());
      await(record.key(), customer);
    } else if (topic.endsWith("visits")) {
      customer.visits++;
    } else if (topic.endsWith("payments")) {
      customer.latePayments += event.late() ? 1 : 0;
    } else {
      customer.contacts++;
    }
    store.put(record.key(), customer);
    now = Math.max(now, event.time());
  }

  private void await(String key, Customer customer) {
    if (customer.due && waiting.add(key)) {
      queue.add(new Deadline(customer.deadline, key));
    }
  }

  private void announce() {
    while (!queue.isEmpty() && queue.peek().time() < now) {
      String key = queue.poll().customer();
      waiting.remove(key);
      Customer customer = store.get(key);
      if (customer.deadline < now) {
        customer.due = false;
        store.put(key, customer);
        context.forward(new Record<>(key, alert(key, customer), context.currentSystemTimeMs()));
      } else {
        await(key, customer);
      }
    }
  }

  private static byte[] alert(String key, Customer customer) {
    return ("{\"customer_id\":\""
            + key
            + "\",\"deadline\":"
            + customer.deadline
            + ",\"usual_gap\":"
            + customer.mean
            + "}")
        .getBytes(StandardCharsets.UTF_8);
  }
}
