"""What a crawler must never request: addresses that change something, or make the server work for nothing.

They hold whatever the software and for requisites too: DokuWiki's task runner and MyBB's are images.
Sources of the shapes: each software's own code, ArchiveTeam's and grab-site's ignore lists.
"""

from __future__ import annotations

import re
from collections.abc import Collection
from functools import partial

from crawler.rules import Address, Book, Rule, address_of

_WIKIS = "dokuwiki|mediawiki"
_VERB = "action|do|act|op|cmd|mode|task|sa"
_BOARDS = "phpbb|smf|mybb|fluxbb|punbb|vbulletin"
_everywhere = partial(Rule, anywhere=True)
# Their pages bear names that people chose: /wiki/Login, /topic/5/update/. Each has a rule for what it means.
_word = partial(Rule, software="", anywhere=True, not_in=f"{_WIKIS}|spirit|misago")


def _segment(words: str) -> str:
    """One of the words as a whole part of the path, a script's ending allowed; never a wiki page's name."""
    return rf"(?<!/wiki)(?<!/doku\.php)(?<!/index\.php)/(?:{words})(?:\.(?:php\d?|aspx?|cgi|pl|jsp))?(?:/|$)"


BOOK = Book(
    (
        # --- whatever the software: what a parameter asks for
        _everywhere(
            "edits",
            "",
            "opens a form for writing, which locks pages and starts drafts",
            where={
                _VERB: r"(?:form|quick|inline|mass|section)?edit|edit[-_]?(?:post|topic|page|form|poll)"
                r"|submit|save|preview|draft|draftdel|recover|revert|rollback|restore|undo|undelete|merge"
                r"|split(?:topics)?|move(?:topic2?|d)?|rename|upload|create|insert|update|attach"
                r"|new[-_]?(?:topic|thread|reply|post|poll)|reply|quote(?:fast)?|add[-_]?(?:comment|post|poll)?"
            },
            lacks=("special",),
        ),
        _everywhere(
            "deletes",
            "",
            "removes, hides or locks something",
            where={
                _VERB: r"del|delete\w*|remove\w*|trash|erase|destroy|purge\w*|clear\w*|reset|prune|(?:un)?ban"
                r"|(?:un)?block|kick|(?:un)?lock(?:voting)?|(?:un)?stick(?:y)?|(?:un)?pin|close|(?:un)?hide"
                r"|(?:un|dis)?approve|(?:un)?protect"
            },
        ),
        _everywhere(
            "accounts",
            "",
            "logs in or out, registers, or asks for a password",
            where={
                _VERB: r"login\w*|logout\w*|log[-_]?off|log[-_](?:in|out)|sign[-_]?(?:in|out|up|off)"
                r"|register\w*|resend\w*|lost[-_]?p(?:w|ass)\w*|sendpassword|forgot\w*|reminder|activate|activation|confirm"
                r"|coppa|profile_?(?:delete|edit)|admin|moderate|moderation|admincp|modcp"
            },
        ),
        _everywhere(
            "watches",
            "",
            "subscribes to something or ends a subscription",
            where={
                _VERB: r"(?:un)?(?:subscribe|watch|follow|bookmark|favou?rite|notify)"
                r"(?:[-_]?(?:topic|thread|forum|board|page))?"
                r"|(?:add|del|remove)[-_]?(?:subscription|bookmark|favou?rite)s?"
            },
        ),
        _everywhere(
            "marks-read",
            "",
            "marks topics as read",
            where={
                _VERB: r"mark[-_]?(?:all)?[-_]?(?:as)?[-_]?(?:un)?read\w*"
                r"|mark[-_]?(?:forums|topics|boards?)\w*"
            },
        ),
        _everywhere(
            "votes",
            "",
            "votes, rates, likes or reports",
            where={
                _VERB: r"vote\w*|rate|(?:un|dis)?like|thanks?|(?:modify)?karma|(?:un)?react"
                r"|report(?:tm|post|topic|message)?|flag|complain"
            },
        ),
        _everywhere(
            "sends",
            "",
            "writes a message or a mail",
            where={
                _VERB: r"e?mail(?:user|form)?|send[-_]?(?:mail|message|topic|thread|pm|to[-_]?friend)|pms?"
            },
        ),
        _everywhere(
            "runs",
            "",
            "runs jobs on the server",
            where={_VERB: r"cron|run[-_]?(?:tasks?|jobs?|cron)|autotask|rebuild\w*|reindex|backup|upgrade"},
        ),
        _everywhere(
            "searches",
            "",
            "searches: slow, limited by flood protection, and endless",
            where={_VERB: r"(?:adv|quick)?search\w*"},
        ),
        _everywhere(
            "verb-named",
            "",
            "a parameter that orders something",
            where={
                "delete|remove|logout|unsubscribe|purge|undo|undoafter|rollback|add-to-cart|add_to_cart|vote|"
                "remove_item|empty-cart|like_comment|unwatch": ""
            },
        ),
        _everywhere(
            "token",
            "",
            "carries a token that proves an order is meant",
            where={
                "sectok|csrf|csrf_token|csrftoken|csrfmiddlewaretoken|_csrf|_csrf_token|xsrf|_xsrf|xsrf_token|"
                "token|_token|form_token|auth_token|authenticity_token|securitytoken|my_post_key|postkey|post_key|"
                "logoutkey|logouthash|_wpnonce|wpnonce|nonce|_nonce|_xftoken|requesttoken|edittoken|sesskey|"
                "session_var|form_key|formkey": ""
            },
            assets=False,
        ),
        _everywhere(
            "hash",
            "phpbb",
            "carries a hash that proves an order is meant",
            path=r"^(?!.*/(?:fetch|detail|css|js|jquery|attachment|download|file|image|thumb|avatar)\.php)",
            where={"hash": r"[0-9a-f]{6,}"},
            assets=False,
        ),
        # --- whatever the software: what a path asks for
        _word("logout", reason="logs out", path=_segment("log[-_]?(?:out|off)|sign[-_]?(?:out|off)")),
        _word(
            "login",
            reason="logs in, registers, or asks for a password",
            path=_segment(
                "log[-_]?in|log[-_]?on|sign[-_]?in|sign[-_]?up|register|registration|wp-login"
                "|(?:lost|forgot(?:ten)?|reset)[-_]?password|password[-_]?(?:reset|change|lost)|email-change"
                "|resend-activation|activate"
            ),
        ),
        _word(
            "order",
            reason="removes something, marks it or ends a subscription",
            path=_segment(
                "(?:un)?delete|destroy|unsubscribe|un(?:follow|like|watch|pin|lock|hide|ban|flag)|(?:up|down)vote"
                "|mark[-_]?(?:all)?[-_]?(?:as)?[-_]?read|mark[-_]?all|trackback|add[-_]to[-_]cart"
            ),
        ),
        _word(
            "order-on-id",
            reason="acts on one thing",
            path=r"/(?!(?:19|20)\d\d/)\d[^/]*/(?:edit|update|reply|quote|like|vote|report|flag|react|watch|follow"
            r"|subscribe|bookmark|favou?rite|lock|pin|hide|move|merge|split|close|reopen|publish|create|restore"
            r"|approve|ban|invite|new-post|thank|rate|remove|convert)(?:/|$)",
        ),
        _word(
            "cart",
            reason="a shop's basket: every visit makes one",
            path=_segment("cart|basket|checkout|my-account|wishlist"),
        ),
        _word(
            "admin",
            reason="for the people who run the site",
            path=_segment("wp-admin|admincp|modcp|administrator|adm|phpmyadmin"),
        ),
        _everywhere(
            "jobs",
            "",
            "runs the server's jobs, often behind an invisible image",
            script="taskrunner|cron|wp-cron|deferred",
        ),
        _everywhere(
            "jobs-without-id", "mybb|xenforo", "runs the server's jobs", script="task|job", lacks=("id",)
        ),
        _everywhere(
            "jobs-path",
            "phpbb|nextcloud",
            "runs the server's jobs",
            path=r"/(?:app|index)\.php/cron(?:/|$)|/cron/cron\.task",
        ),
        _everywhere(
            "calls",
            "",
            "an interface for programs, made for orders",
            script="xmlrpc|xmlhttp|wp-comments-post|jsonrpc",
        ),
        # --- boards with a script for each act
        _everywhere(
            "board-writes",
            _BOARDS,
            "writes, edits or moderates",
            script="posting|mcp|newthread|newreply|newtopic|editpost|private|usercp|usercp2|modcp|moderation|"
            "moderate|inlinemod|sendmessage|subscription|threadrate|ratethread|sendthread|joinrequests|"
            "newattachment|infraction|admin_index|edit|delete|managegroup|wp-login|login|logout|register|signup",
        ),
        _everywhere(
            "phpbb-panel",
            "phpbb",
            "a member's own panel; logs in and out",
            script="ucp",
            where={"mode|i": "(?!terms$|privacy$).*"},
        ),
        _everywhere("phpbb-panel-bare", "phpbb", "logs in", script="ucp", lacks=("mode", "i")),
        _everywhere(
            "board-post",
            "fluxbb|punbb",
            "writes a post",
            script="post",
            where={"fid|tid|qid": ""},
        ),
        _everywhere(
            "board-report",
            "phpbb|vbulletin|mybb",
            "reports a post",
            script="report",
            where={"p|pid|type": ""},
        ),
        _everywhere(
            "board-search",
            _BOARDS,
            "searches: slow, limited by flood protection, and endless",
            script="search",
        ),
        _word("search", reason="searches: slow, endless, often limited", path=_segment("search")),
        _everywhere("captcha", _BOARDS, "draws a riddle and opens a session for it", script="captcha"),
        _everywhere(
            "captcha-image", "vbulletin", "draws a riddle", script="image", where={"type": "hv|regcheck"}
        ),
        _everywhere(
            "captcha-action",
            "smf",
            "draws a riddle and opens a session",
            where={"action": "verificationcode"},
        ),
        _everywhere("phpbb-mark", "phpbb", "marks topics as read", where={"mark": "topics|forums|all|read"}),
        _everywhere("phpbb-mark-note", "phpbb", "marks a notice as read", where={"mark_notification": ""}),
        _everywhere(
            "phpbb-watch",
            "phpbb",
            "watches a topic",
            script="viewtopic|viewforum",
            where={"watch|bookmark": ""},
        ),
        _everywhere(
            "phpbb-thanks", "phpbb", "thanks for a post", script="viewtopic", where={"thanks|rthanks": ""}
        ),
        _everywhere(
            "phpbb-app",
            "phpbb",
            "reports, deletes cookies or asks for a password",
            path=r"/app\.php/(?:report|post/\d+/report|pm/\d+/report|user/)",
        ),
        _everywhere("smf-task", "smf", "runs the server's jobs", where={"scheduled": ""}),
        _everywhere(
            "smf-acts",
            "smf",
            "writes, notifies or moderates",
            script="index",
            where={
                "action": "post2?|jsmodify|announce|mergetopics|splittopics|unread(?:replies)?|theme|suggest"
                "|spellcheck|editpoll2?|findmember|buddy|quickmod2?|restoretopic|bookmarks|requestmembers"
                "|loadeditorlocale|uploadattach|attachapprove|signup2?|reqwin|xmlhttp|viewsmfile|viewquery"
            },
        ),
        _everywhere(
            "mybb-cookies", "mybb", "changes cookies", script="misc", where={"action": "clearcookies"}
        ),
        _everywhere(
            "fluxbb-misc", "fluxbb|punbb", "sends mail or reports", script="misc", where={"email|report": ""}
        ),
        # --- DokuWiki: inc/Action/*, lib/exe/*
        _everywhere(
            "dokuwiki-do",
            "dokuwiki",
            "needs an account, checks the server, or locks the page",
            where={"do": "profile|check|debug|cancel|conflict|locked|denied"},
        ),
        _everywhere(
            "dokuwiki-export",
            "dokuwiki",
            "makes a document on the fly",
            where={"do": "export_(?!raw$|xhtml$|xhtmlbody$|code$).*|addtobook"},
        ),
        _everywhere(
            "dokuwiki-export-path",
            "dokuwiki",
            "makes a document on the fly",
            path=r"/_export/(?!raw/|xhtml/|xhtmlbody/|code/)",
        ),
        _everywhere(
            "dokuwiki-exe",
            "dokuwiki",
            "made for programs: runs jobs or takes orders",
            path=r"/lib/exe/(?:indexer|taskrunner|ajax|xmlrpc|jsonrpc|mediamanager|openid)\.php",
        ),
        _everywhere(
            "dokuwiki-media",
            "dokuwiki",
            "changes a media file",
            where={"mediado|tab_details|tab_files": "edit|delete|save|restore|update|upload", "do": "media"},
        ),
        _everywhere(
            "dokuwiki-comment",
            "dokuwiki",
            "writes a comment",
            where={"comment": "add|edit|reply|toggle|delete|save|unsubscribe|confirmsubscribe"},
        ),
        # --- MediaWiki: includes/actions, includes/specials
        _everywhere(
            "mediawiki-action",
            "mediawiki",
            "edits, watches or makes the server work",
            where={
                "action": "mcrundo|mcrrestore|markpatrolled|editchangetags|revisiondelete|formcreate"
                "|pdfexport|ajax|ajaxquery|pagevalues|threadpermalink|edithistory"
            },
        ),
        _everywhere("mediawiki-veaction", "mediawiki", "opens an editor", where={"veaction": ""}),
        _everywhere(
            "mediawiki-special",
            "mediawiki",
            "logs in or out, writes, searches, or picks a page by chance",
            where={
                "special": "(?:user)?log(?:in|out|on|off)|createaccount|upload|emailuser|(?:un)?block"
                "|movepage|preferences|watchlist|changepassword|resetpassword|passwordreset|userrights"
                "|random\\w*|runjobs|search|import|undelete|revisiondelete|mergehistory"
                "|confirmemail|purge\\w*"
                "|book|electronpdf"
                "|downloadaspdf|nuke|replacetext|oauth\\w*|diff|editwatchlist|thanks|mytalk|mypage"
                "|mycontributions|connexion|identification|déconnexion|deconnexion|créeruncompte|créercompte"
                "|recherche|téléverser|pageauhasard|anmelden|abmelden|benutzerkontoanlegen|suche|hochladen"
                "|zufälligeseite|entrar|salir|crearunacuenta|buscar|subir|aleatoria"
            },
        ),
        _everywhere(
            "mediawiki-api",
            "mediawiki",
            "an order through the interface for programs",
            script="api",
            where={
                "action": "(?!query$|parse$|opensearch$|rsd$|help$|paraminfo$|feed\\w+$|compare$).*",
            },
            path=r"/api\.php$",
        ),
        # --- forums with routes
        _everywhere("xenforo-token", "xenforo", "carries a token", where={"t": r"\d{9,10},[0-9a-f]{16,64}"}),
        _everywhere(
            "xenforo-acts",
            "xenforo",
            "writes, watches, marks or reports",
            path=r"/(?:threads|forums|posts|conversations|profile-posts|media|resources)/(?:[^/]+/)?"
            r"(?:reply|post-thread|create-thread|add-thread|add-reply|mark-read|watch(?:-confirm)?|poll|report"
            r"|react|like|likes|quote|edit|delete|warn|ip|bookmark|vote|show-posts|approve)(?:/|$)",
        ),
        Rule(
            "xenforo-member",
            "xenforo",
            "for members: every visit makes a search or a session",
            path=r"/(?:account|conversations|find-new|whats-new|misc|goto|direct-messages|login|lost-password)"
            r"(?:/|$)",
        ),
        Rule(
            "discourse-acts",
            "discourse",
            "writes, watches or opens a session",
            path=r"^(?!.*/[tc]/).*/(?:session|message-bus|new-topic|new-message|email|my|notifications|invites|user-api-key|logs"
            r"|post_actions|draft|review|admin)(?:/|$)",
        ),
        Rule(
            "flarum-acts",
            "flarum",
            "for members",
            path=r"^(?!.*/[td]/).*/(?:settings|notifications|reset|confirm|admin)(?:/|$)",
        ),
        Rule(
            "nodebb-acts",
            "nodebb",
            "for members: writes, watches or opens a chat",
            path=r"^(?!.*/(?:topic|category)/).*/(?:compose|chats?|flags|reset|email|me|notifications|admin|debug)"
            r"(?:/|$)|/api/v3/(?!posts/\d+/raw)",
        ),
        Rule(
            "flaskbb-acts",
            "flaskbb",
            "for members: writes, watches or marks",
            path=r"/(?:markread|topictracker|auth|management|admin|message|conversations|user/settings)(?:/|$)"
            r"|/(?:topic|post|forum|category)/\d[^/]*/(?:new|delete|edit|report|raw|hide|unhide|trivialize|highlight"
            r"|lock|unlock|like|topic/new|post/new|markread|manage|watch|topictracker)(?:/|$)",
        ),
        Rule(
            "spirit-acts",
            "spirit",
            "for members: writes, likes, marks or moderates",
            path=r"^(?!.*/(?:topic|category)/\d+/).*/(?:st/admin/|search/|user/(?!\d)"
            r"|topic/(?:publish|update|moderate|unread|notification|favorite|private)/"
            r"|comment/(?:bookmark/|flag/|like/|upload/|poll/(?:close|open|vote)/"
            r"|\d+/(?:publish|update|move|delete|undelete)/))",
        ),
        Rule(
            "misago-acts",
            "misago",
            "for members: logs in, writes, watches or searches",
            path=r"^(?!.*/[ct]/[^/]+/\d+/).*/(?:login|logout|activation|request-activation|forgotten-password"
            r"|options|notifications|private-threads|oauth2|social-auth|search|admincp)(?:/|$)",
        ),
        # --- pads and shares
        _everywhere(
            "etherpad-acts",
            "etherpad",
            "overwrites a pad, or converts it on the fly",
            path=r"/p/[^/]+/(?:import|export/(?:pdf|docx?|odt|rtf))(?:/|$)",
        ),
        Rule(
            "etherpad-server",
            "etherpad",
            "for the people who run it",
            path=r"(?<!/p)/(?:admin|newpad|socket\.io)(?:/|$)",
        ),
        _everywhere(
            "nextcloud-zip", "nextcloud", "packs a folder on the fly", where={"accept": "zip|application/zip"}
        ),
        _everywhere(
            "nextcloud-download",
            "nextcloud",
            "packs a folder on the fly",
            path=r"/s/[a-z0-9]{10,32}/download/?$",
            lacks=("files",),
        ),
        _everywhere(
            "nextcloud-download-many",
            "nextcloud",
            "packs files on the fly",
            path=r"/s/[a-z0-9]{10,32}/download/?$",
            where={"files": r"\[.*"},
        ),
        _everywhere(
            "nextcloud-acts",
            "nextcloud",
            "tries a password; too many tries lock us out",
            path=r"/s/[a-z0-9]{10,32}/authenticate|/csrftoken$|/login/(?:v2|flow)",
        ),
        Rule(
            "nextcloud-server",
            "nextcloud",
            "for members and programs",
            path=r"^(?!.*/public\.php/).*/(?:(?:remote\.php|settings|ocs|ocm)(?:/|$)|apps/(?!files_\w+/|theming/|files/))",
        ),
    )
)


def harm(url: str, software: Collection[str] = (), address: Address | None = None) -> Rule | None:
    """The rule that forbids this canonical URL, None if none does.

    software: what was recognised on the site; narrows a few rules and adds a few. address: if at hand.
    """
    if ("/public.php/" in url or "/export/" in url) and (named := _NAMED.search(url)):
        address = address_of(url[: named.start(1)] + url[named.end(1) :])
    for name in software:
        if name in _TITLED and (named := _TITLED[name].search(url)):
            address = address_of(f"{url[: named.start(1)]}x{url[named.end(1) :]}")
    return BOOK.find(address or address_of(url), software)


# Names that people gave to their files and pads: a folder called "admin" or "search" orders nothing.
_NAMED = re.compile(
    r"(?:/public\.php/(?:dav/files/[^/?]+|webdav)/|/p/(?=[^/?]+/export/(?:etherpad|txt|html)$))([^?]*)"
)
# Where titles of topics and names of boards stand: one called "Login" or "Update" orders nothing.
_TITLED = {
    "discourse": re.compile(r"/[tc]/([^?]+?)(?=/\d+(?:[/?.]|$))"),
    "flarum": re.compile(r"/t/([^/?]+)(?=\?|$)"),
    "nodebb": re.compile(r"/(?:topic|category)/\d+/([^/?]+)"),
}
