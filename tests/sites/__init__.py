"""Sites to crawl: real wikis and forums on loopback, seeded with content that is known to the last marker.

Every module here is a context manager of plain Python, without pytest, so that it can also be run by hand;
`tests/conftest.py` turns them into fixtures.
"""
