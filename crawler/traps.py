"""Pages that are copies of others, or endless: sorts, single posts, print views, calendars, diffs.

Nothing of content is lost with them: each rule leaves another way to the same posts and pages. A rule holds
where its software was recognised, or anywhere if its shape cannot be mistaken.
"""

from __future__ import annotations

from collections.abc import Collection
from functools import partial

from crawler.rules import Address, Book, Rule, address_of

_BOARDS = "phpbb|smf|mybb|fluxbb|punbb|vbulletin"
_SPIRITS = "nodebb|discourse|flarum|flaskbb|spirit|xenforo"
_anywhere = partial(Rule, anywhere=True)
# Page ids under which DokuWiki's index, media manager and recent changes are walked once
_START = r"(?:start|home|index|main|accueil|hauptseite|inicio|welcome|wiki)?"
_NOT_START = rf"(?!{_START}$).+"
_DOKUWIKI_ID = rf"/(?!(?:doku\.php/)?{_START}$)(?!doku\.php$|lib/|feed\.php|index\.php$)[^/]+$"

BOOK = Book(
    (
        # --- whatever the software
        _anywhere(
            "sorted-listing",
            "",
            "a folder listing in another order",
            where={"c": "[nmsd]", "o": "[ad]"},
            lacks=("id",),
        ),
        _anywhere(
            "print",
            "",
            "the same page for a printer",
            where={"print|printable|printview|printer_friendly|print_view": "|1|yes|true|y"},
        ),
        _anywhere(
            "print-view",
            "",
            "the same page for a printer",
            where={
                "view|format|mode|tmpl|layout|action|output|style": "print\\w*|printer-friendly|printpage"
            },
        ),
        _anywhere("print-script", _BOARDS, "the same page for a printer", script="printthread|print"),
        _anywhere("reply-to", "", "a page with a form for one comment", where={"replytocom|replyto": r"\d+"}),
        _anywhere(
            "share",
            "",
            "hands the page to another site",
            where={
                "share": "twitter|x|facebook|linkedin|reddit|pinterest|tumblr|pocket|telegram|email|mastodon"
                "|(?:jetpack-)?whatsapp|skype|print|bluesky"
            },
        ),
        _anywhere("highlight", _BOARDS, "the same page with words marked", where={"highlight|hilit": ""}),
        _anywhere("fake-language", "", "the same page with other buttons", where={"useskin|uselang": ""}),
        _anywhere("calendar", _BOARDS, "a calendar never ends", script="calendar"),
        _anywhere("who-is-online", _BOARDS, "who is online, different each time", script="online|viewonline"),
        _anywhere("members", _BOARDS, "lists of members in every order", script="memberlist|userlist"),
        _anywhere(
            "board-sort",
            _BOARDS,
            "the same topics in another order",
            script="viewforum|forumdisplay|viewtopic|showthread",
            where={"sort|sortby|sortfield|order|datecut|daysprune|st|sk|sd|pp|sort_by|sort_dir|prefixid": ""},
        ),
        # --- phpBB
        _anywhere(
            "phpbb-post",
            "phpbb",
            "the page a post is on, once for each post",
            script="viewtopic",
            where={"p": r"\d+"},
            lacks=("id",),
        ),
        _anywhere(
            "phpbb-view",
            "phpbb",
            "the next, previous or first unread topic under another address",
            script="viewtopic|viewforum",
            where={"view": "next|previous|unread|viewpoll"},
        ),
        Rule("phpbb-style", "phpbb", "the same page in other clothes", where={"style|language": ""}),
        Rule(
            "phpbb-feed",
            "phpbb",
            "a feed for each forum and topic; the board's is kept",
            path=r"/(?:app\.php/)?feed/(?:forum|topic)/",
        ),
        Rule("phpbb-feed-old", "phpbb", "a feed for each forum and topic", script="feed", where={"f|t": ""}),
        # --- SMF
        _anywhere(
            "smf-anchor",
            "smf",
            "the page a post is on, once for each post",
            where={"topic": r"\d+\.(?:msg\d+|new|from\d+|last\w*)"},
        ),
        _anywhere("smf-neighbour", "smf", "the next topic under another address", where={"prev_next": ""}),
        _anywhere(
            "smf-all",
            "smf",
            "all pages of a topic in one",
            where={"topic": r"\d+\.\d+", "all|topicseen|nowap": ""},
        ),
        _anywhere(
            "smf-sort",
            "smf",
            "the same topics in another order",
            where={"board": r"\d+\.\d+", "sort|desc|asc": ""},
        ),
        _anywhere("smf-phone", "smf", "the same page for old telephones", where={"wap|wap2|imode": ""}),
        _anywhere(
            "smf-stats", "smf", "statistics month by month", where={"action": "stats", "expand|collapse": ""}
        ),
        _anywhere(
            "smf-feed",
            "smf",
            "a feed for each board; the forum's is kept",
            where={"action": r"\.xml", "board|c": ""},
        ),
        Rule(
            "smf-action",
            "smf",
            "members, help, or lists that change all the time",
            where={
                "action": "profile|mlist|who|recent|help|helpadmin|calendar|groups|tags|viewprofile|jsoption"
                "|keepalive|about:\\w+|collapse|clock|likes|moderate"
            },
        ),
        # --- MyBB
        _anywhere(
            "mybb-jump",
            "mybb",
            "the next, last or first new post under another address",
            script="showthread",
            where={"action": "lastpost|newpost|nextnewest|nextoldest|threaded"},
        ),
        _anywhere(
            "mybb-mode",
            "mybb|vbulletin",
            "one page a post",
            script="showthread",
            where={"mode": "threaded|linear|hybrid"},
        ),
        _anywhere(
            "mybb-post",
            "mybb",
            "the page a post is on, once for each post",
            script="showthread",
            where={"pid": r"\d+"},
        ),
        _anywhere(
            "mybb-post-path",
            "mybb",
            "the page a post is on, or a jump to it",
            path=r"/(?:post-\d+|thread-\d+-(?:post-\d+|lastpost|newpost|nextnewest|nextoldest))\.html$",
        ),
        Rule(
            "mybb-calendar-path",
            "mybb",
            "a calendar never ends",
            path=r"/(?:calendar-\d+|event-\d+)[^/]*\.html$",
        ),
        Rule(
            "mybb-sort-path",
            "mybb",
            "the same topics in another order",
            path=r"/forum-\d+-[^/]*sort[^/]*\.html$",
        ),
        Rule(
            "mybb-misc", "mybb", "small windows and copies", script="misc", where={"action": "(?!rules$).*"}
        ),
        Rule("mybb-members", "mybb", "about members", script="member|reputation|contact|showteam"),
        Rule("mybb-user-path", "mybb", "about members", path=r"/user-\d+\.html$"),
        Rule("mybb-feed", "mybb", "a feed for each forum", script="syndication", where={"fid|limit": ""}),
        # --- FluxBB, PunBB
        _anywhere(
            "fluxbb-post",
            "fluxbb|punbb",
            "the page a post is on, once for each post",
            script="viewtopic",
            where={"pid": r"\d+"},
        ),
        _anywhere(
            "fluxbb-jump",
            "fluxbb|punbb",
            "the first new or last post under another address",
            script="viewtopic",
            where={"action": "new|last|first"},
        ),
        Rule("fluxbb-members", "fluxbb|punbb", "about members, and help", script="profile|help"),
        _anywhere(
            "fluxbb-feed",
            "fluxbb|punbb",
            "a feed for each topic; the board's is kept",
            script="extern",
            where={"tid|fid|nfid": ""},
        ),
        _anywhere(
            "fluxbb-online",
            "fluxbb|punbb",
            "who is online",
            script="extern",
            where={"action": "online\\w*|new|active"},
        ),
        Rule(
            "punbb-post-path",
            "punbb",
            "the page a post is on, or a jump to it",
            path=r"/post/?\d+(?:\.html|/)?$"
            r"|/topic/?\d+(?:-(?:newposts|lastpost)\.html|(?:/[^/]+)?/(?:new/posts|last/post)/?)$",
        ),
        # --- vBulletin
        _anywhere(
            "vbulletin-jump",
            "vbulletin",
            "the next topic or first new post under another address",
            where={"goto": "next\\w*|newpost|lastpost|prev\\w*|postid"},
        ),
        _anywhere(
            "vbulletin-post",
            "vbulletin",
            "the page a post is on, once for each post",
            script="showthread",
            where={"p|postid": r"\d+"},
            lacks=("tid",),
        ),
        _anywhere("vbulletin-single", "vbulletin", "one post alone", script="showpost"),
        _anywhere("vbulletin-who", "vbulletin", "who posted", where={"do": "whoposted"}),
        _anywhere("vbulletin-feed", "vbulletin", "a feed for each forum", script="external"),
        Rule("vbulletin-members", "vbulletin", "about members", script="member|album|group|tags|faq|profile"),
        Rule("vbulletin-members-path", "vbulletin", "about members", path=r"/members?/\d+"),
        # --- DokuWiki
        _anywhere("dokuwiki-diff", "dokuwiki", "compares two revisions", where={"do": "diff"}),
        _anywhere("dokuwiki-difftype", "dokuwiki", "compares two revisions", where={"difftype|rev2": ""}),
        _anywhere(
            "dokuwiki-backlink", "dokuwiki", "what links here, once for each page", where={"do": "backlink"}
        ),
        Rule(
            "dokuwiki-other",
            "dokuwiki",
            "a view of the page that holds nothing new",
            where={"do": "(?!show$|revisions$|index$|recent$|media$|export_\\w+$|sitemap$|$).*"},
        ),
        _anywhere(
            "dokuwiki-index-id",
            "dokuwiki",
            "the index again under each page",
            where={"id": _NOT_START, "do": "index"},
        ),
        _anywhere(
            "dokuwiki-index-tree",
            "dokuwiki",
            "the index again under each page",
            script="doku",
            where={"id": _NOT_START, "idx": ""},
        ),
        Rule(
            "dokuwiki-index-path",
            "dokuwiki",
            "the index again under each page",
            path=_DOKUWIKI_ID,
            where={"do|idx": "(?!(?:show|revisions|export_\\w+)$).*"},
            lacks=("id", "rev", "first"),
        ),
        _anywhere(
            "dokuwiki-recent",
            "dokuwiki",
            "recent changes again under each page",
            where={"id": _NOT_START, "do": "recent"},
        ),
        _anywhere(
            "dokuwiki-media-id",
            "dokuwiki",
            "the media manager again under each page",
            where={"id": _NOT_START, "do": "media"},
        ),
        _anywhere(
            "dokuwiki-media-view",
            "dokuwiki",
            "the media manager in each order and with each file open",
            where={"image|tab_files|tab_details|list|sort|q|rev|mediado": "", "do": "media"},
        ),
        Rule("dokuwiki-date", "dokuwiki", "the wiki as of any second", where={"at": r"\d.*"}),
        Rule("dokuwiki-found", "dokuwiki", "the same page with words marked", where={"s": ""}),
        Rule(
            "dokuwiki-feed",
            "dokuwiki",
            "a feed for each namespace; the wiki's is kept",
            script="feed",
            where={"ns|mode|linkto|type|num|view|minor": ""},
        ),
        _anywhere(
            "dokuwiki-thumbnail",
            "dokuwiki",
            "another size of a picture, kept where a page shows it",
            where={"tok": "[0-9a-f]{6}"},
            path=r"/lib/exe/fetch\.php|/_media/",
        ),
        # --- MediaWiki
        _anywhere(
            "mediawiki-diff",
            "mediawiki",
            "compares two revisions",
            where={"diff": r"\d+|prev|next|cur|", "oldid|title": ""},
        ),
        _anywhere(
            "mediawiki-direction",
            "mediawiki",
            "a revision next to another",
            where={"direction": "prev|next", "oldid": ""},
        ),
        _anywhere(
            "mediawiki-about",
            "mediawiki",
            "about the page: its history and figures are asked for otherwise",
            where={
                "title": "",
                "action": "history|info|credits|dublincore|creativecommons|pagevalues|cachedump",
            },
        ),
        Rule(
            "mediawiki-about-path",
            "mediawiki",
            "about the page: its history and figures are asked for otherwise",
            where={"action": "history|info|credits|dublincore|creativecommons|pagevalues"},
        ),
        _anywhere("mediawiki-redlink", "mediawiki", "a page that does not exist", where={"redlink": "1"}),
        Rule(
            "mediawiki-variant",
            "mediawiki",
            "the same page in another form",
            where={
                "diff|section|curid|printable|mobileaction|limit|offset|dir|feed|returnto|variant|veswitched|"
                "wteswitched|pageuntil|subcatuntil|fileuntil|filtergroups|days|safemode|debug": ""
            },
        ),
        Rule(
            "mediawiki-hide",
            "mediawiki",
            "a list filtered otherwise",
            where={
                "hideminor|hidebots|hideanons|hideliu|hidemyself|hidetrans|hidelinks|hideredirs|"
                "hideredirects|hidecategorization|hidewikidata|hidepageedits|hidenewpages|hidelog|namespace|"
                "invert": ""
            },
        ),
        _anywhere(
            "mediawiki-made",
            "mediawiki",
            "a page made on request; those that list the wiki are kept",
            where={
                "special": "(?!(?:specialpages|allpages|listfiles|statistics|version|categories|export"
                "|pagesspéciales|touteslespages|listedesfichiers|statistiques|catégories"
                "|spezialseiten|alleseiten|dateien|dateiliste|statistik|kategorien"
                "|páginasespeciales|todas|todaslaspáginas|estadísticas|versión|categorías)$).*"
            },
        ),
        Rule(
            "mediawiki-program", "mediawiki", "an interface for programs", script="api|rest|opensearch_desc"
        ),
        Rule(
            "mediawiki-load", "mediawiki", "styles and scripts, kept where a page needs them", script="load"
        ),
        # --- XenForo
        Rule(
            "xenforo-post",
            "xenforo",
            "the page a post is on, or a jump to it",
            path=r"/threads/[^/]+/(?:post-\d+|latest|unread|first-unread|page-1)/?$|/posts/\d+(?:/|$)",
        ),
        Rule(
            "xenforo-sort",
            "xenforo",
            "the same topics in another order",
            where={"order|direction|last_days|prefix_id|starter_id": ""},
        ),
        Rule(
            "xenforo-lists",
            "xenforo",
            "members, tags and lists that change all the time",
            path=r"/(?:members|online|tags|latest-activity|recent-content|awards|trophies|reactions)(?:/|$)",
        ),
        Rule("xenforo-feed", "xenforo", "a feed for each forum", path=r"/forums/[^/]+/index\.rss$"),
        # --- Discourse
        Rule(
            "discourse-post",
            "discourse",
            "the page a post is on, once for each post",
            path=r"/t/(?:[^/]+/)?\d+/(?:\d+|last|print|summary)/?$|/p/\d+(?:/|$)",
        ),
        Rule(
            "discourse-lists",
            "discourse",
            "members, badges and lists that change all the time",
            path=r"^(?!.*/t/)(?!.*/c/[^/]+/\d+$).*/(?:u|users|g|groups|badges|top|unread|new|hot|posted|bookmarks|tags?|service-worker(?:\.js)?)(?:/|\.|$)"
            r"|/c/.*/l/",
        ),
        Rule(
            "discourse-sort",
            "discourse",
            "the same topics in another order",
            where={"u|order|ascending|status|period|match_all_tags": ""},
        ),
        Rule("discourse-feed", "discourse", "a feed for each topic", path=r"/(?:t|c)/.*\.rss$"),
        # --- Flarum
        Rule(
            "flarum-post",
            "flarum",
            "the page a post is on, once for each post",
            path=r"/d/[^/]+/\d+/?$",
        ),
        Rule("flarum-sort", "flarum", "the same topics in another order", where={"sort|q|filter": ""}),
        Rule("flarum-members", "flarum", "about members", path=r"(?<!/t)/u/"),
        # --- NodeBB
        Rule(
            "nodebb-post",
            "nodebb",
            "the page a post is on, once for each post",
            path=r"/topic/\d+/[^/]+/\d+/?$|/post/\d+(?:/|$)",
        ),
        Rule(
            "nodebb-lists",
            "nodebb",
            "members and lists that change all the time",
            path=r"^(?!.*/(?:topic|category)/).*/(?:recent|popular|top|unread|tags|users?|groups|world)(?:/|$)",
        ),
        Rule(
            "nodebb-sort",
            "nodebb",
            "the same topics in another order",
            where={"sort|lang|tag\\w*|filter|term": ""},
        ),
        Rule("nodebb-feed", "nodebb", "a feed for each topic", path=r"/(?:topic|category)/.*\.rss$|\.rss$"),
        # --- FlaskBB, Spirit
        Rule("flaskbb-post", "flaskbb", "the page a post is on", path=r"/post/\d+/?$"),
        Rule(
            "flaskbb-members", "flaskbb", "about members", path=r"/(?:memberlist|who-is-online|user)(?:/|$)"
        ),
        Rule(
            "spirit-jumps",
            "spirit",
            "the page a post is on, its history, or lists that change all the time",
            path=r"/comment/(?:\d+/find|\d+|history/\d+|poll/voters/\d+)/?$|/topic/(?:active|\d+/active)/?$",
        ),
        Rule("spirit-members", "spirit", "about members", path=r"(?<!\d)/user/"),
        Rule("forum-sort", _SPIRITS, "the same topics in another order", where={"sort_by|order_by": ""}),
        # --- pads and shares
        _anywhere(
            "etherpad-revision",
            "etherpad",
            "a pad as of each revision; the whole history is one file",
            path=r"/p/[^/]+/\d+/export/",
        ),
        _anywhere(
            "etherpad-slider", "etherpad", "shows nothing without a browser", path=r"/p/[^/]+/timeslider$"
        ),
        Rule(
            "nextcloud-view",
            "nextcloud",
            "the same files shown otherwise",
            where={"view|openfile|sort|sort_direction": ""},
        ),
    )
)


def trap(url: str, software: Collection[str] = (), address: Address | None = None) -> Rule | None:
    """The rule that calls this canonical URL a copy, None if none does. software: recognised on the site."""
    return BOOK.find(address or address_of(url), software)
