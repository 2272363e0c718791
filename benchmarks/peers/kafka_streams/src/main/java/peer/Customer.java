package peer;

/** What is kept of a customer; its numbers change in place. */
final class Customer {

  static final double LEAST_GAP = 86_400.0;

  double last = Double.NaN; // purchase, seconds since the epoch
  double gaps;
  double mean; // of the gaps, seconds
  double squares; // sum of squared deviations from it (Welford)
  double amount; // sum of the purchases
  long visits;
  long latePayments;
  long contacts;
  boolean due; // an output is due at `deadline`
  double deadline; // when the silence is longer than it ever should be

  void purchased(double time, double value) {
    if (time > last) {
      double gap = time - last;
      gaps++;
      double before = gap - mean;
      mean += before / gaps;
      squares += before * (gap - mean);
    }
    last = Double.isNaN(last) ? time : Math.max(last, time);
    amount += value;
    due = gaps >= 3;
    if (due) {
      double deviation = Math.sqrt(squares / (gaps - 1));
      deadline = last + Math.max(mean + 3 * deviation, LEAST_GAP);
    }
  }
}
