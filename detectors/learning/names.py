"""The features of a customer, in their order: names that the model's weights are stored under."""

FEATURES: tuple[str, ...] = (
    "risk_logit",  # log-odds of the static P(no purchase in the horizon)
    "prior_logit",  # log-odds of having left right after the last purchase, ln a / (b + x)
    "silence_logit",  # -ln S(silence)
    "visit_logit",  # -ln S of the visits' silence
    "payment_trouble",  # drifts
    "complaints",
    "cancellation",  # evidence of a cancellation request
    "log_tenure",  # ln(1 + days since the first event)
    "log_frequency",  # ln(1 + repeat purchases)
    "spend_trend",  # moving mean of ln amount - mean of ln amount
    "purchase_trend",  # ln ratio of weekly counts: last 4 weeks against the 8 before
    "visit_trend",
    "missed_ratio",  # visits called off or missed
)
