"""Who or what events are about."""

import pytest

from nbtrack.protocol import FIELDS
from nbtrack.template import col
from nbtrack.tracker import Subject, disable_contracts, enable_contracts

UUID = "5d79770b-015b-4af8-8c91-b2ed6faf4b1e"
SETTERS = {
    "set_platform": ("headset",), "set_user_id": ("alice",), "set_screen_resolution": (10, 20),
    "set_viewport": (10, 20), "set_document_size": (10, 20), "set_color_depth": (24,), "set_timezone": ("UTC",),
    "set_lang": ("en",), "set_domain_user_id": ("d",), "set_domain_session_id": (UUID,),
    "set_domain_session_index": (3,), "set_ip_address": ("127.0.0.1",), "set_useragent": ("ua",),
    "set_network_user_id": ("n",), "set_page_url": ("https://acme.com",), "set_page_title": ("t",),
    "set_referrer": ("https://other.com",), "set_charset": ("UTF-8",), "set_cookies_enabled": (True,),
}  # fmt: skip


def test_the_setters_listed_are_all():
    assert {name for name in dir(Subject()) if name.startswith("set_")} == SETTERS.keys()


@pytest.mark.parametrize("name", SETTERS)
def test_a_setter_sets_one_key_of_the_protocol_and_none_clears_it(name):
    subject = Subject()
    assert getattr(subject, name)(*SETTERS[name]) is subject
    changed = {k: v for k, v in subject.standard_nv_pairs.items() if (k, v) != ("p", "pc")}
    assert len(changed) == 1
    assert changed.keys() <= FIELDS.keys()
    getattr(subject, name)(None)
    assert subject.standard_nv_pairs == {"p": "pc"}


@pytest.mark.parametrize("name", SETTERS)
def test_a_setter_takes_a_placeholder(name):
    subject = getattr(Subject(), name)(col("x"))
    assert sum(hasattr(value, "same_as") for value in subject.standard_nv_pairs.values()) == 1


def test_a_size_has_two_numbers_or_one_column():
    with pytest.raises(TypeError, match="1920x1080"):
        Subject().set_viewport(col("w"), col("h"))
    with pytest.raises(ValueError, match="height"):
        Subject().set_viewport(10)


def test_combining_changes_neither_and_shares_nothing():
    base, own = Subject().set_user_id("a").set_lang("en"), Subject().set_user_id("b")
    combined = own.combine_subject(base)
    assert combined == {"p": "pc", "uid": "b", "lang": "en"}
    combined["uid"] = "c"
    assert own.combine_subject(None) is not own.standard_nv_pairs
    assert (base.standard_nv_pairs["uid"], own.standard_nv_pairs["uid"]) == ("a", "b")


def test_a_platform_that_was_set_overrides_and_a_cleared_one_does_not():
    base = Subject().set_platform("srv")
    assert Subject().set_platform("pc").combine_subject(base)["p"] == "pc"
    assert Subject().set_platform("web").set_platform(None).combine_subject(base)["p"] == "srv"
    assert Subject().combine_subject(None)["p"] == "pc"


def test_values_of_a_wrong_kind_are_refused_by_name_unless_contracts_are_off():
    wrong = [
        (lambda: Subject().set_cookies_enabled("yes"), "enabled must be True or False, got 'yes'"),
        (lambda: Subject().set_screen_resolution(-1, 5), "width must be greater than 0, got -1"),
    ]
    for call, message in wrong:
        with pytest.raises(ValueError, match=message):
            call()
    disable_contracts()
    try:
        for call, _ in wrong:
            call()
    finally:
        enable_contracts()
