"""The rules by which the console shows customers to nobody else."""

from benchmarks.rules.rule import Cut, Rule

ACCESS = "streams/console/access.py"

RULES = (
    Rule(
        "S1",
        "Bound wider than loopback the console wants a token, and without one the worker does not "
        "start.",
        (
            Cut(
                ACCESS,
                "if token is None and not is_loopback(settings.web.host):",
                "if False:",
                (
                    "access: test_whatever_is_wider_does_not_start_without_one",
                    "console: test_a_console_bound_wider_without_a_token_does_not_start",
                ),
            ),
            Cut(
                "streams/console/server.py",
                "if not request.path.startswith(_OPEN) and not access.allows(request):",
                "if False:",
                ("console: test_with_a_token_nothing_is_shown_before_it_is_given",),
            ),
        ),
    ),
    Rule(
        "S2",
        "Without a token only requests that name this machine are answered.",
        (
            Cut(
                ACCESS,
                'return self.wants_token or is_loopback(_host_name(request.headers.get("Host", "")))',
                "return True",
                ("console: test_a_page_elsewhere_whose_name_points_here_is_refused",),
            ),
        ),
    ),
    Rule(
        "S3",
        "What changes something comes from our own page.",
        (
            Cut(
                ACCESS,
                'return ours and same and site in ("same-origin", "none")',
                "return same",
                ("console: test_feedback_that_another_page_sends_is_refused",),
            ),
            Cut(
                ACCESS,
                'return ours and same and site in ("same-origin", "none")',
                "return ours",
                ("console: test_feedback_that_another_page_sends_is_refused",),
            ),
            Cut(
                "streams/console/pages.py",
                "if alert != found.standing.alert_id:",
                "if False:",
                ("console: test_feedback_about_an_alert_that_is_no_more_is_not_recorded",),
            ),
        ),
    ),
    Rule(
        "S4",
        "Whatever an id holds is shown as text.",
        (
            Cut(
                "streams/console/rendering.py",
                "autoescape=True,",
                "autoescape=False,",
                ("console: test_an_id_that_is_a_script_is_text_wherever_it_is_shown",),
            ),
        ),
    ),
)
