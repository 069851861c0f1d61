"""An exchange over the wire, byte for byte: no Scrapy in here, only asyncio and the standard library."""
