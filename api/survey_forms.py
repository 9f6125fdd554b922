"""The blank forms of a layer that are given away: by name, with the title and the maker of each."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from gis_service.surveys.forms.table import blank_table
from gis_service.surveys.forms.xlsform import xlsform
from layers.layer import Layer


@dataclass(frozen=True)
class SurveyForm:
    """One kind of form; ``title`` is its name for people, ``ending`` that of its file in ASCII."""

    title: str
    ending: str
    make: Callable[[Layer], bytes]

    def file_names(self, layer: Layer) -> tuple[str, str]:
        """Return what a layer's form is saved as: in ASCII and in Chinese."""
        return f"{layer.name}_{self.ending}.xlsx", f"{layer.title}_{self.title}.xlsx"


SURVEY_FORMS: dict[str, SurveyForm] = {
    "xlsx": SurveyForm("空白表格", "blank", blank_table),
    "xlsform": SurveyForm("手机表单", "xlsform", xlsform),
}
"""By what ``f=`` says, the usual one first."""
