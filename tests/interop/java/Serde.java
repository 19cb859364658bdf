// Publishes one event through Apicurio's serializer; each argument is a setting, NAME=VALUE.
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import org.apache.avro.Schema;
import org.apache.avro.generic.GenericRecord;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;

public class Serde {
    public static void main(String[] args) throws Exception {
        Schema schema = new Schema.Parser().parse(Path.of("testimonial.deleted.avsc").toFile());
        String testimonial = "7d9f5c1e-52a4-4b0e-9a53-0c6d1f1f2a04";
        GenericRecord event = Producer.deleted(schema, testimonial);
        Map<String, Object> settings = new HashMap<>(Map.of(
            "bootstrap.servers", System.getenv("KAFKA_BOOTSTRAP_SERVERS"),
            "acks", "all",
            "key.serializer", "org.apache.kafka.common.serialization.StringSerializer",
            "value.serializer", "io.apicurio.registry.serde.avro.AvroKafkaSerializer"));
        for (String each : args) {
            settings.put(each.substring(0, each.indexOf('=')), each.substring(each.indexOf('=') + 1));
        }
        try (var producer = new KafkaProducer<String, GenericRecord>(settings)) {
            producer.send(new ProducerRecord<>(System.getenv("TOPIC"), testimonial, event)).get();
        }
        System.out.println(((GenericRecord) event.get("meta")).get("event_id"));
    }
}
