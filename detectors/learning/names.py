"""The features of a customer, in their order: names that the model's weights are stored under."""

FEATURES: tuple[str, ...] = (
    "risk_logit",  # log-odds of the static P(no purchase in the horizon)
    "visit_logit",  # -ln S of the visits' silence
    "payment_trouble",  # drifts
    "complaints",
    "cancellation",  # evidence of a cancellation request
    "log_tenure",  # ln(1 + days since the first event)
    "log_frequency",  # ln(1 + repeat purchases)
    "log_last_gap",  # ln days between the last two purchases
    "log_old_purchases",  # ln(½ + purchases 8 to 16 weeks ago)
    "log_amount",  # mean of ln amount
    "spend_trend",  # moving mean of ln amount - mean of ln amount
    "purchase_trend",  # ln ratio of weekly counts: last 4 weeks against the 8 before
    "visit_trend",
    "missed_ratio",  # visits called off or missed
)
