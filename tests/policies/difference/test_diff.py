"""What changes for whom between two packs: a sentence for each figure, and whether it asks more."""

import json
from collections.abc import Callable
from functools import cache
from itertools import combinations
from typing import Any

import pytest

from policies import loading
from policies.arithmetic.durations import Duration
from policies.difference.differences import Change, differences
from policies.difference.stricter import Effect, opposite, shorter_is_stricter
from policies.loading import PACKS, packs_available
from policies.pack import Pack

load_pack = cache(loading.load_pack)
RETAIL = load_pack(PACKS / "retail-2025.yaml")
Said = dict[str, Any]


def altered(change: Callable[[Said], object], pack: Pack = RETAIL) -> Pack:
    """The pack with its written form changed."""
    said = json.loads(pack.canonical())
    change(said)
    return Pack.from_canonical(json.dumps(said))


def clock(said: Said, id_: str) -> Said:
    found: Said = next(rule for rule in said["clocks"] if rule["id"] == id_)
    return found


def put(id_: str, **fields: Any) -> Callable[[Said], object]:
    return lambda said: clock(said, id_).update(fields)


def drop(id_: str) -> Callable[[Said], object]:
    return lambda said: said["clocks"].remove(clock(said, id_))


def copy(id_: str, **fields: Any) -> Callable[[Said], object]:
    return lambda said: said["clocks"].append(clock(said, id_) | fields)


def within(part: str, **fields: Any) -> Callable[[Said], object]:
    return lambda said: said[part].update(fields)


SHOP = {"kinds": ["complaint"], "channels": ["store"]}
WHAT_CHANGES: list[tuple[str, Callable[[Said], object], Callable[[Said], object], str, Effect | None]] = [
    (
        "a store that has less time",
        put("response", applies_if=SHOP),
        put("response", applies_if=SHOP, duration="3 min"),
        "Complaints over the store channel: Response is due after 3 min instead of 15 min",
        Effect.STRICTER,
    ),
    (
        "days are not compared with hours",
        put("response", calendar="cn"),
        put("response", duration="1 working days", calendar="cn"),
        "Response is due after 1 working day instead of 15 min",
        None,
    ),
    (
        "weeks are compared with days",
        put("response", duration="2 weeks"),
        put("response", duration="15 calendar days"),
        "Response is due after 15 calendar days instead of 2 weeks",
        Effect.LOOSER,
    ),
    (
        "a promise is dropped",
        lambda said: None,
        drop("complaint_outcome"),
        "Complaint outcome told is no longer promised; it was due 48 h after received",
        Effect.LOOSER,
    ),
    (
        "a promise is made",
        lambda said: None,
        copy("complaint_response", id="second", title={"en": "Second answer"}, duration="72 h"),
        "Complaints, but for anonymous ones: Second answer is new: due 72 h after received",
        Effect.STRICTER,
    ),
    (
        "more of them are promised",
        lambda said: None,
        put("complaint_response", applies_if={"kinds": ["complaint", "enquiry"], "anonymous": False}),
        "promised to complaints or enquiries, but for anonymous ones instead of complaints, but for",
        Effect.STRICTER,
    ),
    (
        "one more way to meet it",
        lambda said: None,
        put("complaint_outcome", met_by=["outcome_told", "response_delivered", "answered"]),
        "is met by outcome told, response delivered or answered instead of outcome told or response delivered",
        Effect.LOOSER,
    ),
    (
        "it may be paused for more",
        lambda said: None,
        put("complaint_outcome", pauses_on=["waiting_for_customer", "waiting_for_outside"]),
        "pauses for waiting for customer and waiting for outside instead of waiting for customer",
        Effect.LOOSER,
    ),
    (
        "it may be extended",
        lambda said: None,
        put(
            "complaint_outcome",
            extension={
                "by": "24 h",
                "approved_by": ["supervisor"],
                "letter": "extension",
                "basis": "requirement",
                "source": {"document": "D", "section": "1"},
                "since": "2025-01-01",
            },
        ),
        "may be extended by 24 h, once, approved by supervisors; the customer gets the letter “extension”",
        Effect.LOOSER,
    ),
    (
        "an alarm climbs sooner",
        lambda said: None,
        lambda said: said["ladders"]["at_once"]["rungs"][1].update(at="+30 min"),
        "Step 2 of the ladder at once is now: 30 min after it was due: department heads",
        Effect.STRICTER,
    ),
    (
        "a step is taken out",
        lambda said: None,
        lambda said: said["ladders"]["at_once"]["rungs"].pop(),
        "Step 2 of the ladder at once is there no more; it was: 1 h after it was due: department heads",
        Effect.LOOSER,
    ),
    (
        "a pause that ends sooner",
        lambda said: None,
        lambda said: said["pause_reasons"]["waiting_for_customer"].update(limit="1 weeks"),
        "A pause for “Waiting for the customer” lasts 1 week at most instead of 14 calendar days",
        Effect.STRICTER,
    ),
    (
        "less may be approved",
        lambda said: None,
        lambda said: said["authority"][0].update(up_to_minor=10_050),
        "Handlers may approve remedies up to CNY 100.50 instead of CNY 500.00",
        Effect.STRICTER,
    ),
    (
        "a final response needs less",
        lambda said: None,
        lambda said: said["response_gate"]["requires"].remove("next_step"),
        "A final response contains stage",
        Effect.LOOSER,
    ),
    (
        "a door stays open longer",
        lambda said: None,
        within("windows", dispute="60 calendar days"),
        "Customers may dispute an outcome for 60 calendar days instead of 30 calendar days",
        Effect.STRICTER,
    ),
    (
        "a letter is worded otherwise",
        lambda said: None,
        lambda said: said["letters"]["acknowledgement"]["zh"].update(subject="{reference}"),
        "The letter “acknowledgement” in zh: subject is {reference} instead of",
        None,
    ),
    (
        "a target is raised",
        lambda said: None,
        lambda said: next(t for t in said["targets"] if t["id"] == "satisfaction").update(at_least=90),
        "is at least 90 percent instead of 85",
        Effect.STRICTER,
    ),
    (
        "a choice is made",
        lambda said: None,
        within("windows", chosen_by="the board"),
        "Windows: the board has made this choice its own",
        None,
    ),
    (
        "a day off is announced",
        lambda said: None,
        lambda said: said["calendars"]["cn"]["holidays"].update({"2027-01-01": "New Year"}),
        "The calendar cn: holidays: 1 set (from 2027-01-01)",
        None,
    ),
    (
        "another letter has arrived when it is sent",
        lambda said: None,
        within("delivered_by", web="sent"),
        "A letter over web has arrived once it is sent, not delivered",
        Effect.LOOSER,
    ),
]


@pytest.mark.parametrize(("what", "before", "after", "sentence", "effect"), WHAT_CHANGES, ids=lambda v: v if isinstance(v, str) and " " in v else "")  # fmt: skip  # noqa: E501 - one line of a table
def test_each_change_is_a_sentence_that_says_for_whom(
    what: str,
    before: Callable[[Said], object],
    after: Callable[[Said], object],
    sentence: str,
    effect: Effect | None,
) -> None:
    (change,) = differences(altered(before), altered(after))
    assert sentence in change.sentence, what
    assert change.effect is effect
    back = differences(altered(after), altered(before))
    assert [change.effect for change in back] == [opposite(effect)]


def test_a_pack_does_not_differ_from_itself() -> None:
    assert differences(RETAIL, altered(lambda said: None)) == ()


def test_what_is_said_in_another_order_is_not_a_change() -> None:
    turned = altered(lambda said: said["clocks"].reverse())
    assert [change.field for change in differences(RETAIL, turned)] == []


PAIRS = list(combinations(packs_available(), 2))


@pytest.mark.parametrize(("one", "other"), PAIRS, ids=lambda path: path.stem)
def test_any_two_packs_can_be_compared_and_the_other_way_round_is_the_opposite(one: Any, other: Any) -> None:
    there, back = (
        differences(old, new)
        for old, new in ((load_pack(one), load_pack(other)), (load_pack(other), load_pack(one)))
    )
    assert there

    def key(change: Change) -> tuple[str, str]:
        return change.rule, change.field or ""

    assert sorted(map(key, there)) == sorted(map(key, back))
    effects = {key(change): change.effect for change in back}
    assert all(effects[key(change)] is opposite(change.effect) for change in there)


def test_durations_of_different_measures_are_not_compared() -> None:
    months, days = Duration.parse("1 month"), Duration.parse("30 calendar days")
    assert shorter_is_stricter(months, days) is None
    assert shorter_is_stricter(Duration.parse("90 min"), Duration.parse("1 h")) is Effect.STRICTER
    assert shorter_is_stricter(Duration.parse("1 h"), Duration.parse("1 working h")) is None
    assert shorter_is_stricter(None, months) is Effect.STRICTER
