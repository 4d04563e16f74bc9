"""The form of a page of the administration, as a browser reads it and sends it back."""

from html.parser import HTMLParser

from tests.people import Caller, Response


class Reader(HTMLParser):
    """The fields of one form, by its id, with what a browser would send of them untouched."""

    def __init__(self, form: str) -> None:
        super().__init__()
        self.form, self.inside = form, False
        self.fields: dict[str, list[str]] = {}
        self.named = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.inside = given.get("id") == self.form
        name, kind = given.get("name", ""), given.get("type", "")
        if not self.inside or kind == "submit":
            return
        if tag in {"select", "textarea"}:
            self.named = name
        if tag == "textarea":
            self.fields[name] = [""]
        elif (tag == "option" and "selected" in given) or (tag == "input" and name):
            ticked = kind in {"checkbox", "radio"}
            if not ticked or "checked" in given:
                self.fields.setdefault(name or self.named, []).append(given.get("value", "on" if ticked else ""))

    def handle_data(self, data: str) -> None:
        if self.inside and self.named in self.fields and self.lasttag == "textarea":
            self.fields[self.named][0] += data.removeprefix("\n")

    def handle_endtag(self, tag: str) -> None:
        if tag in {"select", "textarea"}:
            self.named, self.lasttag = "", ""
        self.inside = self.inside and tag != "form"


def shown(caller: Caller, path: str, form: str) -> dict[str, list[str]]:
    reader = Reader(form)
    reader.feed(caller.get(path).content.decode())
    assert reader.fields, f"no form {form} at {path}"
    return {name: values for name, values in reader.fields.items() if name != "csrfmiddlewaretoken"}


def save(caller: Caller, path: str, fields: dict[str, list[str]], **typed: str) -> Response:
    """Send the form as it was shown, but for what somebody has typed."""
    return caller.form(path, fields | {name: [value] for name, value in typed.items()})
