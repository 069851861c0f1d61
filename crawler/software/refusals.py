"""What a forum says instead of the page, in the languages our communities speak.

Only for the words that stand where the page should be: heads and feet offer to log in on every page.
"""

from __future__ import annotations

import re

from crawler.software import Accepted

# Asked in this order: a ban speaks of permissions, too. English, French, German, Spanish.
_CLOSED = re.compile(
    r"\bbann(?:ed|is?|ie|i)\b|\bmaintenance\b|captcha|not a robot|pas un robot|too (?:many|busy)|\bflood"
    r"|try again|réessayer|\b(?:is|are|est|ist|está) (?:\w+ )?(?:closed|offline|down|unavailable|fermée?s?"
    r"|indisponible|hors ligne|geschlossen|cerrado)\b"
    r"|error (?:was|has been) encountered|(?:database|sql) error"
    r"|erreur (?:sql|de base)|wartung|gesperrt|mantenimiento|baneado",
    re.IGNORECASE,
)
_MISSING = re.compile(
    r"missing or off limits|soit manquante?"
    r"|(?:does|do)(?: not|n.t) (?:seem to )?exist|no longer exists?|could not be found|not found|invalid \w+"
    r"|no \w+ specified|bad request|mauvaise requête|n.existe (?:pas|plus)|introuvable|invalide|erronée?s?"
    r"|incorrecte?|existiert nicht|nicht gefunden|ungültig|no existe|no encontrad|\b(?:been|was) deleted"
    r"|supprimée?",
    re.IGNORECASE,
)
_DENIED = re.compile(
    r"permission|not (?:allowed|permitted|logged|authori[sz]ed)"
    r"|(?:must|need to|have to) (?:be )?(?:log|regist|sign)"
    r"|log(?:ged)? in|password|connecter|connectée?|autorisée?|autorisation|mot de passe|accès refusé"
    r"|anmelden|angemeldet|berechtigung|kennwort|passwort|iniciar sesión|permiso|contraseña",
    re.IGNORECASE,
)


def refused(words: str) -> Accepted:
    """What an answer is that says `words` where the page should be; what is not understood is no refusal."""
    short = words if len(words) < 160 else f"{words[:159]}…"
    if not words:
        return Accepted("challenge", "it is not the page that was asked for")
    if _CLOSED.search(words):
        return Accepted("challenge", f"the forum does not show it now: {short}")
    if _MISSING.search(words):
        return Accepted("missing", short)
    if _DENIED.search(words):
        return Accepted("denied", short)
    return Accepted("challenge", f"it is not the page that was asked for: {short}")
