"""Thin Scrapy spiders, one for each kind of site; what they know stands in `crawler.software`."""
