package peer;

import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Map;
import java.util.Properties;
import java.util.concurrent.CountDownLatch;
import org.apache.kafka.clients.consumer.ConsumerConfig;
import org.apache.kafka.clients.producer.ProducerConfig;
import org.apache.kafka.common.serialization.Serdes;
import org.apache.kafka.streams.KafkaStreams;
import org.apache.kafka.streams.StreamsConfig;
import org.apache.kafka.streams.Topology;
import org.apache.kafka.streams.errors.StreamsUncaughtExceptionHandler;
import org.apache.kafka.streams.state.Stores;

/**
 * The job of benchmarks/peers on Kafka Streams: one thread, a RocksDB store with cache and
 * changelog, the Processor API, so that an event costs one look-up and one write.
 *
 * <p>Arguments: broker, application id, guarantee (at_least_once or exactly_once_v2), state folder,
 * output topic, input topics.
 */
public final class Main {

  static final String STORE = "customers";

  public static void main(String[] arguments) throws InterruptedException {
    String[] inputs = Arrays.copyOfRange(arguments, 5, arguments.length);
    Properties settings = settings(arguments[0], arguments[1], arguments[2], Path.of(arguments[3]));
    try (KafkaStreams streams = new KafkaStreams(topology(inputs, arguments[4]), settings)) {
      CountDownLatch ended = new CountDownLatch(1);
      streams.setUncaughtExceptionHandler(
          error -> {
            error.printStackTrace();
            ended.countDown();
            return StreamsUncaughtExceptionHandler.StreamThreadExceptionResponse.SHUTDOWN_CLIENT;
          });
      Runtime.getRuntime().addShutdownHook(new Thread(() -> streams.close(Duration.ofSeconds(10))));
      streams.start();
      ended.await();
    }
    System.exit(1);
  }

  private static Topology topology(String[] inputs, String output) {
    Serdes.ByteArraySerde bytes = new Serdes.ByteArraySerde();
    Serdes.StringSerde text = new Serdes.StringSerde();
    return new Topology()
        .addSource("events", text.deserializer(), bytes.deserializer(), inputs)
        .addProcessor("cadence", () -> new CadenceProcessor(), "events")
        .addStateStore(
            Stores.keyValueStoreBuilder(
                    Stores.persistentKeyValueStore(STORE), text, new CustomerSerde())
                .withCachingEnabled()
                .withLoggingEnabled(Map.of()),
            "cadence")
        .addSink("quiet", output, text.serializer(), bytes.serializer(), "cadence");
  }

  private static Properties settings(String broker, String id, String guarantee, Path folder) {
    Properties found = new Properties();
    found.put(StreamsConfig.BOOTSTRAP_SERVERS_CONFIG, broker);
    found.put(StreamsConfig.APPLICATION_ID_CONFIG, id);
    found.put(StreamsConfig.STATE_DIR_CONFIG, folder.toString());
    found.put(StreamsConfig.PROCESSING_GUARANTEE_CONFIG, guarantee);
    found.put(StreamsConfig.NUM_STREAM_THREADS_CONFIG, 1);
    found.put(StreamsConfig.COMMIT_INTERVAL_MS_CONFIG, 500); // as offbeat's checkpoints
    found.put(StreamsConfig.STATESTORE_CACHE_MAX_BYTES_CONFIG, 100L << 20);
    found.put(StreamsConfig.consumerPrefix(ConsumerConfig.AUTO_OFFSET_RESET_CONFIG), "earliest");
    found.put(StreamsConfig.consumerPrefix(ConsumerConfig.MAX_POLL_RECORDS_CONFIG), 5000);
    found.put(StreamsConfig.consumerPrefix(ConsumerConfig.FETCH_MIN_BYTES_CONFIG), 64 << 10);
    found.put(StreamsConfig.producerPrefix(ProducerConfig.LINGER_MS_CONFIG), 100);
    found.put(StreamsConfig.producerPrefix(ProducerConfig.BATCH_SIZE_CONFIG), 256 << 10);
    return found;
  }

  private Main() {}
}
