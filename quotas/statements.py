"""Pieces of SQL that the ledger and the selectors share.

Parameters: `zone` (the instance's), `at` (a moment, or NULL for the database's own clock), `tier` (a slug) and `fallback`.
"""

from __future__ import annotations

# One row: the moment, and the keys of the day and month that it lies in.
CLOCK = """
clock AS (
    SELECT moment, to_char(local, 'YYYY-MM-DD') AS day_key, to_char(local, 'YYYY-MM') AS month_key
    FROM (SELECT COALESCE(%(at)s::timestamptz, now()) AS moment) given,
         LATERAL (SELECT given.moment AT TIME ZONE %(zone)s AS local) there
)"""

# One row: the limits. A slug that no tier has gets the standard ones; `ledger` says so in the log.
TIER = """
tier AS (
    SELECT slug, daily_requests, daily_tokens, monthly_requests, monthly_tokens FROM quotas_tier
    WHERE slug IN (%(tier)s, %(fallback)s) ORDER BY slug = %(tier)s DESC LIMIT 1
)"""
