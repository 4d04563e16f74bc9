"""What can be wrong with a release, in words."""

from django.db import models
from django.utils.translation import gettext_lazy as _


class FaultKind(models.TextChoices):
    """What is wrong. The label is the sentence for people, and `{name}` in it is a detail of the fault."""

    SIGNATURE = (
        "signature",
        _("This is no signature of an update. Give the content of the .sig file that Tauri made beside the update, as it is."),
    )
    SIGNATURE_PAGE = "signature_page", _("This is a web page and no signature: the download of the .sig file failed.")
    SIGNATURE_SECRET_KEY = (
        "signature_secret_key",
        _(
            "This is a secret key and no signature. Whoever has it can sign updates: if others may have seen it, replace it. "
            "Give the content of the .sig file."
        ),
    )
    SIGNATURE_PUBLIC_KEY = (
        "signature_public_key",
        _("This is a public key and no signature. Give the content of the .sig file."),
    )
    SIGNATURE_RAW = (
        "signature_raw",
        _(
            "This is a signature as minisign writes it. The updater takes it as base64 on one line, such as from: "
            "base64 -w 0 FILE.minisig"
        ),
    )
    SIGNATURE_TWICE = (
        "signature_twice",
        _("This is base64 of base64. The content of Tauri's .sig file is base64 already: give it as it is."),
    )
    SIGNATURE_LINES = (
        "signature_lines",
        _("A signature is one line. Take the line breaks and spaces out of it, or make it by: base64 -w 0 FILE"),
    )
    SIGNATURE_URLSAFE = (
        "signature_urlsafe",
        _("This is base64 of the URL-safe kind. The updater takes the standard kind, with + and / instead of - and _."),
    )
    SIGNATURE_CUT = (
        "signature_cut",
        _("This is no whole base64, so a part of it is missing or too much. Give the whole content of the .sig file."),
    )
    SIGNATURE_LINE_ENDS = (
        "signature_line_ends",
        _("The lines inside this signature end in CR, as on Windows. Make it of the .minisig file as minisign wrote it."),
    )
    OTHER_KEY = (
        "other_key",
        _("This signature was made with the key {signed_by}. The updater takes the key {expected} alone (SAGE_UPDATER_PUBKEY)."),
    )
    TRUSTED_COMMENT = (
        "trusted_comment",
        _("The trusted comment of this signature is not the one that was signed. Sign the update again."),
    )
    OTHER_FILE = (
        "other_file",
        _("This signature is not of the file at the address of the update. Sign that file, or upload the one that was signed."),
    )
    OTHER_VERSION = (
        "other_version",
        _("This signature was made for another version, so that updaters refuse it. Sign the update for this version."),
    )
    LEGACY_TOO_LARGE = (
        "legacy_too_large",
        _("The legacy kind of signature (minisign -l) is taken for files of up to {most} MiB. Sign the file without -l."),
    )
    # A warning.
    OTHER_NAME = (
        "other_name",
        _("The file had another name when it was signed than at this address. Look whether it is the right one."),
    )
