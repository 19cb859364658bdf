import io.debezium.converters.BinaryDataConverter;
import io.debezium.transforms.outbox.EventRouter;
import java.io.StringReader;
import java.nio.ByteBuffer;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Map;
import java.util.Properties;
import java.util.TreeMap;
import org.apache.kafka.connect.data.Schema;
import org.apache.kafka.connect.data.SchemaBuilder;
import org.apache.kafka.connect.data.Struct;
import org.apache.kafka.connect.source.SourceRecord;
import org.apache.kafka.connect.storage.Converter;
import org.apache.kafka.connect.storage.HeaderConverter;
import org.apache.kafka.connect.storage.StringConverter;

/**
 * Debezium's outbox event router over one row, configured as the page says.
 *
 * <p>Arguments: the properties of the page, then a column as name=value for each; `value` is in hex.
 * Prints topic, key, value and headers, a line each, bytes in hex.
 */
public final class Router {
  private static final String TRANSFORM = "transforms.outbox.";

  public static void main(String[] arguments) throws Exception {
    Properties page = new Properties();
    page.load(new StringReader(arguments[0]));
    SourceRecord change = inserted(arguments);
    EventRouter<SourceRecord> router = new EventRouter<>();
    router.configure(below(page, TRANSFORM));
    SourceRecord routed = router.apply(change);
    System.out.println("topic " + routed.topic());
    print("key", converter(page, "key.converter", true)
        .fromConnectData(routed.topic(), routed.keySchema(), routed.key()));
    print("value", converter(page, "value.converter", false)
        .fromConnectData(routed.topic(), routed.valueSchema(), routed.value()));
    HeaderConverter headers = (HeaderConverter)
        Class.forName(page.getProperty("header.converter")).getDeclaredConstructor().newInstance();
    headers.configure(new HashMap<>());
    routed.headers().forEach(each -> print("header " + each.key(),
        headers.fromConnectHeader(routed.topic(), each.key(), each.schema(), each.value())));
  }

  private static SourceRecord inserted(String[] arguments) {
    Map<String, String> columns = new TreeMap<>();
    for (int index = 1; index < arguments.length; index++) {
      String[] parts = arguments[index].split("=", 2);
      columns.put(parts[0], parts[1]);
    }
    SchemaBuilder row = SchemaBuilder.struct().name("plaudit_outbox.Value");
    columns.keySet().forEach(name -> row.field(name, schema(name)));
    Schema shape = row.optional().build();
    Struct after = new Struct(shape);
    columns.forEach((name, text) -> after.put(name, value(name, text)));
    Schema envelope = SchemaBuilder.struct().name("plaudit_outbox.Envelope")
        .field("before", shape).field("after", shape)
        .field("op", Schema.STRING_SCHEMA).field("ts_ms", Schema.OPTIONAL_INT64_SCHEMA).build();
    Struct change = new Struct(envelope).put("after", after).put("op", "c").put("ts_ms", 1L);
    return new SourceRecord(Map.of(), Map.of(), "db.public.plaudit_outbox", envelope, change);
  }

  private static Schema schema(String name) {
    return switch (name) {
      case "number" -> Schema.INT64_SCHEMA;
      case "value" -> Schema.BYTES_SCHEMA;
      default -> Schema.STRING_SCHEMA;
    };
  }

  private static Object value(String name, String text) {
    return switch (name) {
      case "number" -> Long.valueOf(text);
      case "value" -> ByteBuffer.wrap(HexFormat.of().parseHex(text));
      default -> text;
    };
  }

  private static Converter converter(Properties page, String name, boolean isKey)
      throws Exception {
    Converter made = (Converter)
        Class.forName(page.getProperty(name)).getDeclaredConstructor().newInstance();
    made.configure(below(page, name + "."), isKey);
    return made;
  }

  private static Map<String, String> below(Properties page, String prefix) {
    Map<String, String> found = new HashMap<>();
    page.stringPropertyNames().stream().filter(name -> name.startsWith(prefix))
        .forEach(name -> found.put(name.substring(prefix.length()), page.getProperty(name)));
    return found;
  }

  private static void print(String what, byte[] bytes) {
    System.out.println(what + " " + HexFormat.of().formatHex(bytes));
  }
}
