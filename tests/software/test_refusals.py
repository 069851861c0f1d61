"""What a forum says instead of a page, told apart by its words alone."""

from __future__ import annotations

import pytest

from crawler.software.refusals import refused


@pytest.mark.parametrize(
    ("words", "verdict"),
    [
        ("You do not have permission to access this forum.", "denied"),
        ("You must be logged in to view this page.", "denied"),
        ("Vous devez vous connecter pour lire ce forum.", "denied"),
        ("Sie haben keine Berechtigung, dieses Forum zu betreten.", "denied"),
        ("No tiene permiso para ver este foro.", "denied"),
        ("The administrator has required that you enter a password to view this forum.", "denied"),
        ("The requested topic does not exist.", "missing"),
        ("Invalid Thread specified.", "missing"),
        ("Le sujet demandé n’existe pas ou a été supprimé.", "missing"),
        ("Das Thema existiert nicht.", "missing"),
        ("You have been banned from this board. You do not have permission.", "challenge"),
        ("Votre adresse IP est bannie.", "challenge"),
        ("The forum is currently closed for maintenance.", "challenge"),
        ("Le forum est actuellement fermé, veuillez réessayer.", "challenge"),
        ("Das Forum ist wegen Wartung geschlossen.", "challenge"),
        ("Please prove that you are not a robot.", "challenge"),
        ("Flood control: wait 20 seconds.", "challenge"),
        ("Bonjour à tous", "challenge"),
        ("", "challenge"),
    ],
)
def test_words(words: str, verdict: str) -> None:
    said = refused(words)
    assert said.verdict == verdict
    assert said.why


def test_a_long_speech_is_cut_short() -> None:
    assert len(refused("permission " * 100).why) < 200
