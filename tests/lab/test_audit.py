# SPDX-License-Identifier: BSD-2-Clause
"""The audit's judgement and the lab's own knowledge of addresses; no host is started."""

import pytest

from lab import audit, people
from lab.traffic import Sent


def sent(number: int, *recipients: str) -> Sent:
    """A line of the record."""
    return Sent(f"t1.one.{number}", "s1@one.example.com", recipients, 1000, 0.0)


def copy(number: int, place: str, name: str = "f", what: str = "copy") -> dict:
    """A line of a sweep."""
    return {"token": f"t1.one.{number}", "place": place, "folder": "", "name": name, "what": what}


BOB, CAROL = "bob@example.org", "carol@example.org"
PIPE = f"pipe:{people.INTAKE}"


def test_one_copy_in_each_place_is_good():
    verdict = audit.judge([sent(1, BOB), sent(2, "sales@example.net")],
                          [copy(1, BOB), copy(2, "alice@example.org"), copy(2, BOB)])
    assert verdict.good
    assert verdict.line() == "sent 2, arrived once 2, lost 0, doubled 0, bounced 0"


def test_an_audit_of_nothing_proves_nothing():
    assert not audit.judge([], []).good


def test_a_missing_copy_is_named_with_its_place():
    verdict = audit.judge([sent(1, BOB), sent(2, "sales@example.org")], [copy(2, BOB)])
    assert verdict.lost == {"t1.one.1": [BOB], "t1.one.2": ["alice@example.org"]}
    assert not verdict.good


def test_a_second_copy_is_named_with_its_place():
    verdict = audit.judge([sent(1, BOB, CAROL)], [copy(1, BOB), copy(1, CAROL), copy(1, CAROL)])
    assert verdict.doubled == {"t1.one.1": {CAROL: 2}}
    assert not verdict.good


def test_a_failure_notice_is_a_bounce_also_when_a_copy_arrived():
    verdict = audit.judge([sent(1, BOB)], [copy(1, BOB), copy(1, "outside:s1@one.example.com",
                                                             what="failed")])
    assert verdict.bounced == ["t1.one.1"] and verdict.arrived_once == 0


def test_a_notice_about_a_message_nobody_knows_is_a_bounce():
    verdict = audit.judge([sent(1, BOB)], [copy(1, BOB), copy(7, "outside:x", what="failed")])
    assert verdict.bounced == ["t1.one.7"] and not verdict.good


def test_a_delay_notice_is_no_bounce():
    verdict = audit.judge([sent(1, BOB)], [copy(1, BOB), copy(1, "outside:x", what="delayed")])
    assert verdict.good and verdict.delayed == ["t1.one.1"]


def test_a_copy_in_the_wrong_mailbox_is_astray():
    verdict = audit.judge([sent(1, BOB)], [copy(1, BOB), copy(1, CAROL)])
    assert verdict.astray == {"t1.one.1": [CAROL]} and not verdict.good


def test_an_arrival_without_a_record_is_named():
    verdict = audit.judge([sent(1, BOB)], [copy(1, BOB), copy(2, BOB)])
    assert verdict.unrecorded == ["t1.one.2"] and not verdict.good


def test_a_pipe_delivery_that_was_carried_along_counts_once():
    verdict = audit.judge([sent(1, "tickets@example.org")],
                          [copy(1, PIPE, "a"), copy(1, PIPE, "a")])
    assert verdict.good


def test_two_pipe_deliveries_count_twice():
    verdict = audit.judge([sent(1, "tickets@example.org")],
                          [copy(1, PIPE, "a"), copy(1, PIPE, "b")])
    assert verdict.doubled == {"t1.one.1": {PIPE: 2}}


@pytest.mark.parametrize("address,places", [
    ("bob@example.org", {BOB}),
    ("bob+lists@example.org", {BOB}),
    ("frank@example.org", {"frank@example.org", "outside:frank.away@two.example.com"}),
    ("staff@example.org", {CAROL, "dave@example.org", "erin@example.org", "grace@example.org",
                           "frank@example.org", "outside:frank.away@two.example.com"}),
    ("tickets@example.org", {PIPE}),
    ("announce@example.org", {BOB, "ivan@example.org", "ute@example.net"}),
    ("postmaster@example.org", {"alice@example.org"}),
    ("sales@example.net", {"alice@example.org", BOB}),
    ("partners@example.net", {"peggy@example.net", "outside:friend@one.example.com"}),
])
def test_an_address_ends_where_its_aliases_say(address, places):
    assert people.expand(address) == places


def test_an_address_that_nobody_has_is_refused():
    with pytest.raises(KeyError):
        people.expand("nobody@example.org")


def test_every_address_that_traffic_goes_to_can_be_expanded():
    for address in people.ALIAS_ADDRESSES + tuple(people.BY_ADDRESS):
        assert people.expand(address)
