"""The parts of ``spatial_api.py``: places, SQL, servers, what they used, whether they agree, and the report."""
