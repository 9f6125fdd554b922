"""Which of several layers, shapefiles or sheets of one file is meant."""

from __future__ import annotations

from gis_service.surveys.files.errors import SeveralLayersError, SurveyError


def choose_layer(names: tuple[str, ...], layer: str | None) -> str:
    """Take the layer that is asked for, or the only one.

    Raises
    ------
    SeveralLayersError
        There are several and none was asked for.
    SurveyError
        The layer doesn't exist.
    """
    if layer is not None:
        if layer not in names:
            listed = "、".join(name[:60] for name in names[:20])
            msg = f"文件里没有图层“{layer[:60]}”;有:{listed}"
            raise SurveyError(msg)
        return layer
    if len(names) > 1:
        raise SeveralLayersError(names)
    return names[0]
