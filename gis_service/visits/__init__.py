"""Visits: recording them, who has to be visited together, and what was counted at waste points."""
