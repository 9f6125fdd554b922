"""Erasing a person's data from everywhere it may be (个人信息保护法 art. 47)."""
