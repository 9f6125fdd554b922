"""A synthetic community that stands in for survey data: shown as 合成数据, and removable as a whole."""

from __future__ import annotations
