"""Scrapy's settings for `scrapy list` and `scrapy crawl` from a checkout; `jukni` uses the same."""

BOT_NAME = "jukni"
SPIDER_MODULES = ["crawler.spiders"]
ADDONS = {"crawler.engine.addon.Addon": 100}
LOG_LEVEL = "INFO"
