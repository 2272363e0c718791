package peer;

import java.nio.ByteBuffer;
import org.apache.kafka.common.serialization.Deserializer;
import org.apache.kafka.common.serialization.Serde;
import org.apache.kafka.common.serialization.Serializer;

/** A customer as its numbers, one after the other. */
final class CustomerSerde implements Serde<Customer> {

  private static final int SIZE = 6 * Double.BYTES + 3 * Long.BYTES + 1;

  @Override
  public Serializer<Customer> serializer() {
    return (topic, customer) -> {
      if (customer == null) {
        return null;
      }
      return ByteBuffer.allocate(SIZE)
          .putDouble(customer.last)
          .putDouble(customer.gaps)
          .putDouble(customer.mean)
          .putDouble(customer.squares)
          .putDouble(customer.amount)
          .putLong(customer.visits)
          .putLong(customer.latePayments)
          .putLong(customer.contacts)
          .put((byte) (customer.due ? 1 : 0))
          .putDouble(customer.deadline)
          .array();
    };
  }

  @Override
  public Deserializer<Customer> deserializer() {
    return (topic, data) -> {
      if (data == null) {
        return null;
      }
      ByteBuffer buffer = ByteBuffer.wrap(data);
      Customer customer = new Customer();
      customer.last = buffer.getDouble();
      customer.gaps = buffer.getDouble();
      customer.mean = buffer.getDouble();
      customer.squares = buffer.getDouble();
      customer.amount = buffer.getDouble();
      customer.visits = buffer.getLong();
      customer.latePayments = buffer.getLong();
      customer.contacts = buffer.getLong();
      customer.due = buffer.get() == 1;
      customer.deadline = buffer.getDouble();
      return customer;
    };
  }
}
