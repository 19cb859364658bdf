import io.confluent.parallelconsumer.ParallelConsumerOptions.ProcessingOrder;
import io.confluent.parallelconsumer.ParallelConsumerOptions;
import io.confluent.parallelconsumer.vertx.VertxParallelEoSStreamProcessor;
import io.vertx.core.Vertx;
import io.vertx.core.buffer.Buffer;
import io.vertx.core.http.HttpMethod;
import io.vertx.ext.web.client.WebClient;
import io.vertx.ext.web.client.WebClientOptions;
import java.util.List;
import java.util.Properties;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;

/** POSTs the raw records of some topics: URL, brokers, group, requests at once, topics. */
public final class ParallelPosts {
    public static void main(String[] given) {
        String url = given[0];
        int atOnce = Integer.parseInt(given[3]);
        List<String> topics = List.of(given).subList(4, given.length);
        Properties settings = new Properties();
        settings.put("bootstrap.servers", given[1]);
        settings.put("group.id", given[2]);
        settings.put("auto.offset.reset", "earliest");
        settings.put("enable.auto.commit", "false");
        var consumer =
                new KafkaConsumer<>(
                        settings, new ByteArrayDeserializer(), new ByteArrayDeserializer());
        var options =
                ParallelConsumerOptions.<byte[], byte[]>builder()
                        .consumer(consumer)
                        .ordering(ProcessingOrder.UNORDERED)
                        .maxConcurrency(atOnce)
                        .build();
        var vertx = Vertx.vertx();
        var client =
                WebClient.create(
                        vertx, new WebClientOptions().setMaxPoolSize(atOnce).setKeepAlive(true));
        var processor =
                new VertxParallelEoSStreamProcessor<byte[], byte[]>(vertx, client, options);
        // It leaves its group, which the benchmark then deletes.
        Runtime.getRuntime().addShutdownHook(new Thread(processor::closeDontDrainFirst));
        processor.subscribe(topics);
        processor.vertxFuture(
                record ->
                        client.requestAbs(HttpMethod.POST, url)
                                .sendBuffer(Buffer.buffer(record.value())));
    }
}
