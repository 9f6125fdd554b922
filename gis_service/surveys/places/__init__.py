"""Rows without coordinates or codes: placed and recognised by address and by place."""
