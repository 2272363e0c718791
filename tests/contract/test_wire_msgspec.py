"""What we take from msgspec beyond its promises: its words, and what it does with odd JSON.

Reject reasons are told apart by the texts of its errors. A version with other words fails here.
"""

from typing import Annotated, Literal

import msgspec
import pytest
from msgspec import Meta, Struct


class _Probe(Struct, kw_only=True):
    text: Annotated[str, Meta(min_length=1, max_length=3)] = "a"
    number: Annotated[float, Meta(ge=0)] = 0.0
    above: Annotated[float, Meta(gt=0)] | None = None
    whole: str | int = 0
    word: Literal["a", "b"] = "a"
    needed: int


class _Inside(Struct):
    probe: _Probe


@pytest.mark.parametrize(
    ("json", "words"),
    [
        (b"{}", "Object missing required field `needed`"),
        (b"[]", "Expected `object`, got `array`"),
        (b'{"needed":"1"}', "Expected `int`, got `str` - at `$.needed`"),
        (b'{"whole":1.5}', "Expected `int | str`, got `float` - at `$.whole`"),
        (b'{"whole":null}', "Expected `int | str`, got `null` - at `$.whole`"),
        (b'{"above":""}', "Expected `float | null`, got `str` - at `$.above`"),
        (b'{"text":""}', "Expected `str` of length >= 1 - at `$.text`"),
        (b'{"text":"long"}', "Expected `str` of length <= 3 - at `$.text`"),
        (b'{"number":-1}', "Expected `float` >= 0.0 - at `$.number`"),
        (b'{"above":0}', "Expected `float` > 0.0 - at `$.above`"),
        (b'{"number":1e999}', "Number out of range - at `$.number`"),
        (b'{"number":1' + b"0" * 400 + b"}", "Number out of range - at `$.number`"),
        (b'{"whole":1' + b"0" * 5000 + b"}", "Integer value out of range - at `$.whole`"),
        (b'{"word":"c"}', "Invalid enum value 'c' - at `$.word`"),
    ],
)
def test_these_are_its_words(json: bytes, words: str) -> None:
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.json.decode(json, type=_Probe)
    assert str(caught.value) == words


def test_a_missing_field_further_in_comes_with_its_path() -> None:
    with pytest.raises(msgspec.ValidationError) as caught:
        msgspec.json.decode(b'{"probe":{}}', type=_Inside)
    assert str(caught.value) == "Object missing required field `needed` - at `$.probe`"


@pytest.mark.parametrize("number", [b"NaN", b"Infinity", b"-Infinity", b"01", b"+1", b".5", b"1."])
def test_only_json_numbers_are_numbers(number: bytes) -> None:
    with pytest.raises(msgspec.DecodeError, match=r"malformed|truncated"):
        msgspec.json.decode(b'{"needed":1,"number":' + number + b"}", type=_Probe)


def test_of_a_field_given_twice_the_last_counts() -> None:
    assert msgspec.json.decode(b'{"needed":1,"needed":2}', type=_Probe).needed == 2


def test_text_is_decoded_strictly() -> None:
    for text in (rb'"\ud800"', rb'"\udc00\ud800"', b'"\xed\xa0\x80"', b'"\xff"'):
        with pytest.raises(ValueError, match=r"malformed|truncated|codec"):
            msgspec.json.decode(b'{"needed":1,"text":' + text + b"}", type=_Probe)


def test_depth_ends_in_a_recursion_error_and_not_in_a_crash() -> None:
    with pytest.raises(RecursionError):
        msgspec.json.decode(b'{"other":' * 7_000 + b"1" + b"}" * 7_000, type=_Probe)
