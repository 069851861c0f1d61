"""archive.org gets a copy too: pages of a snapshot are handed to Save Page Now, and proved to be there.

    snapshot ─ pages ─┐
                      ├─ queue ─ submit ─ client ─▶ archive.org
    index of archive.org ─ cdx ─┘  │
                      ledger ◀─────┴──▶ receipts

`pages` says which pages may be asked for, `cdx` what archive.org has of them, `queue` (pure) what to ask in
which order. `submit` asks, and writes into the `ledger` before and after each request, so that a killed run
goes on where it was and nothing is asked twice. `receipts` is what a person or `jukni status` reads.
Nothing here knows the crawler. `item` is another road: whole WARC files as an item of archive.org.
"""
