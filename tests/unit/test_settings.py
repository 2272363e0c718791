"""Where settings come from, which wins, and what is said about a wrong one.

One file: sources, refusals and hash are about the same flat list of settings.
"""

import os
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from detectors.clock.guard import Guard
from detectors.profile import Profile
from streams.errors import ConfigurationError
from streams.settings import Settings, config_hash, detector_profile, load
from streams.settings_sources import fields, variable


@pytest.fixture(autouse=True)
def empty_world(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No variable of this machine, and an empty folder to be in."""
    for name in os.environ:
        if name.startswith("OFFBEAT_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def toml(text: str, name: str = "offbeat.toml") -> Path:
    path = Path(name)
    path.write_text(text)
    return path


def refusal(config: Path | None = None, **flags: Any) -> str:
    with pytest.raises(ConfigurationError) as caught:
        load(config, **flags)
    return str(caught.value)


def test_everything_has_a_default() -> None:
    assert load() == Settings()


def test_a_file_beats_a_default_the_environment_a_file_and_a_flag_everything(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    toml("""tenant = "from-file"\n[web]\nhost = "::1"\nport = 1""")
    assert load().web.port == 1
    monkeypatch.setenv("OFFBEAT_WEB_PORT", "2")
    assert load().web.port == 2
    settings = load(web_port=3)
    assert (settings.web.port, settings.web.host, settings.tenant) == (3, "::1", "from-file")


def test_a_flag_that_is_none_was_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OFFBEAT_BROKER", "kafka:9092")
    assert load(broker=None).broker == "kafka:9092"


def test_an_empty_variable_was_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OFFBEAT_WEB_PORT", "")
    assert load() == Settings()


def test_every_setting_can_be_given_as_a_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    for key, _ in fields(Settings):
        assert variable(key).startswith("OFFBEAT_")
    monkeypatch.setenv(variable("checkpoint_seconds"), "2.5")
    monkeypatch.setenv(variable("kafka.session_timeout_seconds"), "20")
    monkeypatch.setenv(variable("profile.alert_cost_days"), "30")
    settings = load()
    assert settings.checkpoint_seconds == 2.5
    assert settings.kafka.session_timeout_seconds == 20
    assert detector_profile(settings).alert_cost_days == 30


def test_settings_made_in_a_test_do_not_depend_on_the_machine(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    toml("tenant = 'other'")
    monkeypatch.setenv("OFFBEAT_GROUP", "other")
    assert (Settings().tenant, Settings().group) == ("default", "offbeat")


def test_a_named_file_takes_the_place_of_the_one_in_the_folder(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    toml("tenant = 'here'")
    there = toml("tenant = 'there'", "there.toml")
    assert load(there).tenant == "there"
    monkeypatch.setenv("OFFBEAT_CONFIG", str(there))
    assert load().tenant == "there"


def test_a_named_file_that_is_not_there_is_an_error() -> None:
    assert "there.toml: there is no such file" in refusal(Path("there.toml"))


def test_a_file_that_is_not_toml_is_an_error_that_names_the_line() -> None:
    toml("[web\n")
    assert "offbeat.toml: not TOML" in refusal()
    assert "line 1" in refusal()


def test_an_unknown_key_of_a_file_is_an_error_that_says_what_is_near() -> None:
    toml("[web]\nprot = 1")
    assert "web.prot (offbeat.toml): no such setting. Did you mean web.port" in refusal()


def test_an_unknown_group_is_an_error_that_says_what_there_is() -> None:
    toml("[wbe]\nport = 1")
    assert "wbe (offbeat.toml): no such setting. Accepted: broker, group" in refusal()


def test_an_unknown_variable_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OFFBEAT_WEB_PROT", "1")
    assert "OFFBEAT_WEB_PROT: no such setting. Did you mean OFFBEAT_WEB_PORT" in refusal()


def test_an_unknown_flag_is_an_error() -> None:
    assert "web_prot: no such setting. Did you mean web_port" in refusal(web_prot=1)


def test_the_folder_for_downloads_is_no_setting(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OFFBEAT_CACHE", "/tmp")
    assert load() == Settings()


def test_what_kubernetes_says_about_a_service_is_not_a_setting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OFFBEAT_SERVICE_HOST", "10.0.0.1")
    monkeypatch.setenv("OFFBEAT_SERVICE_PORT_HTTP", "6066")
    monkeypatch.setenv("OFFBEAT_PORT", "tcp://10.0.0.1:6066")
    monkeypatch.setenv("OFFBEAT_PORT_6066_TCP_ADDR", "10.0.0.1")
    assert load() == Settings()


def test_a_service_whose_variable_is_a_setting_is_explained(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OFFBEAT_WEB_PORT", "tcp://10.0.0.1:6066")
    assert "enableServiceLinks: false" in refusal()


@pytest.mark.parametrize(
    ("key", "value", "accepted"),
    [
        ("web_port", "70000", "less than or equal to 65535"),
        ("clock", "sundial", "'wall' or 'event'"),
        ("broker", "kafka://x", "host:port"),
        ("topics_visits", "a b", "1 to 249 letters"),
        ("group", "", "1 to 64 letters"),
        ("checkpoint_seconds", "nan", "finite"),
        ("allowed_lateness_seconds", "-1", "greater than or equal to 0"),
        ("topics_visits", "purchases", "four different names"),
        ("kafka_heartbeat_seconds", "6", "at most half of session_timeout_seconds (10)"),
        ("kafka_tls_ca_file", "nowhere.pem", "path of a readable file"),
        ("kafka_security_protocol", "SASL_SSL", "needs sasl_mechanism, sasl_username"),
        ("kafka_sasl_username", "me", "accepted with it: SASL_SSL, SASL_PLAINTEXT"),
    ],
)
def test_a_refusal_says_what_would_be_accepted(key: str, value: str, accepted: str) -> None:
    given: dict[str, Any] = {key: value}
    message = refusal(**given)
    assert accepted in message
    assert "offbeat config check" in message


@pytest.mark.parametrize(
    "addresses", ["kafka:9092", "10.0.0.1:9092,10.0.0.2:9092", "[::1]:9092", "a-b.c.svc:1"]
)
def test_one_or_several_addresses_of_a_broker_are_accepted(addresses: str) -> None:
    assert load(broker=addresses).broker == addresses


def test_all_mistakes_are_told_at_once_with_their_places(monkeypatch: pytest.MonkeyPatch) -> None:
    toml("[log]\nlevel = 'loud'")
    monkeypatch.setenv("OFFBEAT_CLOCK", "sundial")
    message = refusal(web_port=-1)
    assert "3 mistakes" in message
    assert "log.level (offbeat.toml)" in message
    assert "clock (OFFBEAT_CLOCK)" in message
    assert "web.port (--web-port)" in message


SASL: dict[str, Any] = {
    "kafka_security_protocol": "SASL_SSL",
    "kafka_sasl_mechanism": "SCRAM-SHA-512",
    "kafka_sasl_username": "offbeat",
}


def test_a_password_comes_from_the_environment_and_is_never_shown(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OFFBEAT_KAFKA_SASL_PASSWORD", "hunter2")
    settings = load(**SASL)
    assert settings.kafka.sasl_password is not None
    assert settings.kafka.sasl_password.get_secret_value() == "hunter2"
    assert "hunter2" not in repr(settings)
    assert "hunter2" not in refusal(**SASL, kafka_heartbeat_seconds=9)
    assert "hunter2" not in refusal(kafka_sasl_username="offbeat")


def test_a_password_comes_from_a_file() -> None:
    Path("password").write_text("hunter2\n")
    assert load(**SASL, kafka_sasl_password_file="password").kafka.sasl_password is None


def test_a_password_in_a_settings_file_or_flag_is_refused() -> None:
    assert "flags: kafka.sasl_password is a secret" in refusal(kafka_sasl_password="hunter2")
    toml("[kafka]\nsasl_password = 'hunter2'")
    message = refusal()
    assert "offbeat.toml: kafka.sasl_password is a secret" in message
    assert "OFFBEAT_KAFKA_SASL_PASSWORD" in message
    assert "hunter2" not in message


def test_a_parameter_of_the_detectors_is_checked_by_them() -> None:
    assert "alert_cost_days must be above 0" in refusal(profile={"alert_cost_days": 0})


def test_an_unknown_parameter_of_the_detectors_is_an_error() -> None:
    message = refusal(profile={"alert_cost_day": 1})
    assert "profile.alert_cost_day: no such parameter. Did you mean alert_cost_days" in message


def test_lateness_is_told_to_the_detectors_once() -> None:
    assert detector_profile(load(allowed_lateness_seconds=5)).allowed_lateness_seconds == 5
    assert "no such parameter" in refusal(profile={"allowed_lateness_seconds": 5})


def test_without_overrides_the_profile_is_the_detectors_own() -> None:
    assert detector_profile(Settings()) == Profile(guard=Guard(enabled=True))


def test_a_budget_is_divided_over_the_partitions() -> None:
    profile = detector_profile(load(policy_alerts_per_day=20, topics_partitions=8))
    assert profile.alert_budget == 2.5
    assert "no such parameter" in refusal(profile={"alert_budget": 5})


def test_maintenance_is_read_with_its_offset_and_joined() -> None:
    windows = [
        "2026-11-22T03:00+01:00/2026-11-22T05:00+01:00",
        "2026-11-22T01:00Z/2026-11-22T03:00Z",
        "2026-12-01T00:00Z/2026-12-02T00:00Z",
    ]
    guard = detector_profile(load(guard_maintenance=windows)).guard
    begin = datetime(2026, 11, 22, 1, tzinfo=UTC).timestamp()
    later = datetime(2026, 12, 1, tzinfo=UTC).timestamp()
    assert guard.maintenance == ((begin, begin + 3 * 3600), (later, later + 86_400))
    assert guard.enabled


@pytest.mark.parametrize(
    ("window", "why"),
    [
        ("2026-11-22", "is no period"),
        ("2026-11-22T01:00/2026-11-22T03:00", "names no offset"),
        ("2026-11-22T03:00Z/2026-11-22T01:00Z", "ends before it begins"),
    ],
)
def test_maintenance_that_is_none_is_refused(window: str, why: str) -> None:
    said = refusal(guard_maintenance=[window])
    assert why in said
    assert "2026-11-22T01:00Z/2026-11-22T03:00Z" in said


def test_a_price_needs_a_currency() -> None:
    profile = detector_profile(load(policy_win_back_price=9, policy_win_back_currency="EUR"))
    assert (profile.win_back_price, profile.win_back_currency) == (9.0, 0x455552)
    assert "win_back_price needs win_back_currency" in refusal(policy_win_back_price=9)
    assert "three capital letters" in refusal(policy_win_back_currency="euro")


@pytest.mark.parametrize(
    "change",
    [
        {"profile": {"alert_cost_days": 30}},
        {"policy_cooldown_days": 3},
        {"guard_enabled": False},
        {"guard_maintenance": ["2026-11-22T01:00Z/2026-11-22T03:00Z"]},
        {"policy_win_back_medians": 0.5},
        {"clock": "event"},
        {"topics_partitioner": "any"},
        {"allowed_lateness_seconds": 5},
        {"max_clock_skew_seconds": 5},
        {"model_min_labels": 10},
    ],
)
def test_what_may_change_a_decision_changes_the_hash(change: dict[str, Any]) -> None:
    assert config_hash(load(**change)) != config_hash(Settings())


@pytest.mark.parametrize(
    "change",
    [
        {"broker": "kafka:9092"},
        {"checkpoint_seconds": 5},
        {"kafka_fetch_partition_bytes": 1024},
        {"alignment_ahead_bytes": 1024},
        {"web_port": 0},
        {"topics_partitions": 3},
        {"model_refit_days": 0},
        {"log_level": "debug"},
        {"dlq_limit": 0},
        {"profile": {"alert_cost_days": Profile().alert_cost_days}},
    ],
)
def test_what_cannot_change_a_decision_leaves_the_hash(change: dict[str, Any]) -> None:
    assert config_hash(load(**change)) == config_hash(Settings())


def test_a_file_of_parameters_beats_a_file_of_settings_and_the_environment_both(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    toml("[profile]\nalert_cost_days = 1\ngap_scale = 1\nhorizon_days = 1")
    path = toml("alert_cost_days = 2\nhorizon_days = 2", "profile.toml")
    monkeypatch.setenv("OFFBEAT_PROFILE_HORIZON_DAYS", "3")
    assert load().profile == {"alert_cost_days": 1, "gap_scale": 1, "horizon_days": 3}
    for settings in (load(profile_file=path), _with_variable(monkeypatch, path)):
        assert settings.profile == {"alert_cost_days": 2, "gap_scale": 1, "horizon_days": 3}
        profile = detector_profile(settings)
        assert (profile.alert_cost_days, profile.gap_scale, profile.horizon_days) == (2, 1, 3)


def _with_variable(monkeypatch: pytest.MonkeyPatch, path: Path) -> Settings:
    monkeypatch.setenv("OFFBEAT_PROFILE_FILE", str(path))
    return load()


def test_a_named_file_of_parameters_takes_the_place_of_the_variables(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("OFFBEAT_PROFILE_FILE", "nowhere.toml")
    path = toml("alert_cost_days = 2", "profile.toml")
    assert load(profile_file=path).profile == {"alert_cost_days": 2}
    assert "nowhere.toml: cannot be read" in refusal()
    monkeypatch.setenv("OFFBEAT_PROFILE_FILE", "")
    assert load() == Settings()


def test_a_file_of_parameters_changes_the_hash() -> None:
    path = toml("alert_cost_days = 30", "profile.toml")
    assert config_hash(load(profile_file=path)) != config_hash(Settings())
