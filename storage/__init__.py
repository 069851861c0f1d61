"""How archives are kept, proved and given back.

Knows nothing of Scrapy and never imports `crawler`: a bare machine with this package alone can restore.
"""
