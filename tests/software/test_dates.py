"""Dates of forums, in the words of each software's own language files."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from crawler.software.dates import date, zone

AT = datetime(2026, 11, 22, 15, 5, 30, tzinfo=UTC)  # a Sunday
PARIS = timedelta(hours=1)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # phpBB
        ("Sun Nov 22, 2026 4:05 pm", "2026-11-22T16:05:00"),
        ("» 12 mars 2021, 14:05", "2021-03-12T14:05:00"),
        ("Dim 22 Nov 2026 00:05", "2026-11-22T00:05:00"),
        ("dim. 1er févr. 2026 9:05", "2026-02-01T09:05:00"),
        ("Thu Jan 01, 2009 12:00 am", "2009-01-01T00:00:00"),
        ("Hier, 14:05", "2026-11-21T14:05:00"),
        ("Today, 4:05 pm", "2026-11-22T16:05:00"),
        ("2021-03-12T14:05:11+00:00", "2021-03-12T14:05:11+00:00"),
        ("Il y a 5 minutes", "2026-11-22T15:00:30+00:00"),
        ("Il y a moins d’une minute", "2026-11-22T15:05:30+00:00"),
        # SMF
        ("March 12, 2021, 02:05:11 PM", "2021-03-12T14:05:11"),
        ("12 Mars 2021 à 14:05:09", "2021-03-12T14:05:09"),
        ("« Réponse #5 le: Aujourd’hui à 14:05:09 »", "2026-11-22T14:05:09"),
        ("Aujourd'hui à 14h05", "2026-11-22T14:05:00"),
        ("Today at 12:05:11 AM", "2026-11-22T00:05:11"),
        ("août 05, 2019, 07:08:09", "2019-08-05T07:08:09"),
        # MyBB, FluxBB, XenForo, vBulletin
        ("2021-03-12 14:05:11", "2021-03-12T14:05:11"),
        ("11-22-2026, 04:05 PM", "2026-11-22T16:05:00"),
        ("22.11.2026 16:05", "2026-11-22T16:05:00"),
        ("Yesterday, 04:05 PM", "2026-11-21T16:05:00"),
        ("2 hours ago", "2026-11-22T13:05:30+00:00"),
        ("Monday at 4:05 PM", "2026-11-16T16:05:00"),
        ("dimanche à 16:05", "2026-11-15T16:05:00"),
        ("12th March 2021, 02:05 PM", "2021-03-12T14:05:00"),
        ("14:05, 12 décembre 2021", "2021-12-12T14:05:00"),
        ("2021-03-12T14:05:11+0100", "2021-03-12T14:05:11+01:00"),
        ("3 juil. 2020", "2020-07-03"),
        ("03/03/2021", "2021-03-03"),
        # no date
        ("", ""),
        ("03-04-2021, 14:05", ""),
        ("31 février 2021, 14:05", ""),
        ("il y a longtemps", ""),
        ("Message 12 sur 2021", ""),
    ],
)
def test_dates(text: str, expected: str) -> None:
    assert date(text, AT) == expected


def test_the_zone_of_the_board_counts_and_decides_what_today_is() -> None:
    late = datetime(2026, 11, 22, 23, 30, tzinfo=UTC)
    assert date("Aujourd'hui à 00:30", late, PARIS) == "2026-11-23T00:30:00+01:00"
    assert date("Yesterday, 4:05 pm", late, -PARIS) == "2026-11-21T16:05:00-01:00"
    assert date("12 mars 2021, 14:05", late, timedelta()) == "2021-03-12T14:05:00+00:00"
    assert date("2021-03-12T14:05:11Z", late, PARIS) == "2021-03-12T14:05:11+00:00"


def test_which_comes_first_day_or_month() -> None:
    assert date("03-04-2021, 14:05", AT, day_first=True) == "2021-04-03T14:05:00"
    assert date("03-04-2021, 14:05", AT, day_first=False) == "2021-03-04T14:05:00"
    assert date("25-04-2021", AT, day_first=False) == "2021-04-25"


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("All times are UTC+02:00", 2.0),
        ("Fuseau horaire sur UTC-03:30", -3.5),
        ("Heures au format UTC + 1 heure [ Heure d’été ]", 2.0),
        ("All times are UTC - 5 hours [ DST ]", -4.0),
        ("Le fuseau horaire est UTC", 0.0),
        ("All times are GMT +1. The time now is 04:05 PM.", 1.0),
        ("Nous sommes le 22 Nov 2026 16:05", None),
        ("UTC+99", None),
    ],
)
def test_zones(text: str, hours: float | None) -> None:
    assert zone(text) == (None if hours is None else timedelta(hours=hours))
