package peer;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonToken;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.time.Instant;

/** The fields of an event that the job needs; read with Jackson's streaming parser, its fastest. */
record Event(double time, double amount, boolean late) {

  private static final JsonFactory JSON = new JsonFactory();

  static Event read(byte[] value) {
    double time = Double.NaN;
    double amount = 0;
    boolean late = false;
    try (JsonParser parser = JSON.createParser(value)) {
      parser.nextToken();
      while (parser.nextToken() == JsonToken.FIELD_NAME) {
        String name = parser.currentName();
        parser.nextToken();
        switch (name) {
          case "event_time" -> time = seconds(parser);
          case "amount" -> amount = parser.getDoubleValue();
          case "status" -> late = !parser.getText().equals("paid");
          default -> parser.skipChildren();
        }
      }
    } catch (IOException error) {
      throw new UncheckedIOException(error);
    }
    return new Event(time, amount, late);
  }

  private static double seconds(JsonParser parser) throws IOException {
    if (parser.currentToken() == JsonToken.VALUE_NUMBER_INT) {
      return parser.getLongValue() / 1000.0;
    }
    return Instant.parse(parser.getText()).toEpochMilli() / 1000.0;
  }
}
