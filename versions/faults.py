"""What can be wrong with a release, in words."""

from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as attribute
from typing import Any

from django.db import models
from django.utils.translation import gettext_lazy as _


class FaultKind(models.TextChoices):
    """What is wrong. The label is the sentence for people, and `{name}` in it is a detail of the fault."""

    VERSION = "version", _("Give a version by Semantic Versioning, such as 1.4.0 or 2.0.0-rc.1.")
    TAKEN = "taken", _("This version exists already.")
    NOTES_TOO_LONG = "notes_too_long", _("The release notes are too long: {most} characters at most.")
    NOTES_CHARACTERS = (
        "notes_characters",
        _("There is a character in the release notes that updaters cannot read: NUL, or half of a surrogate pair. Take it out."),
    )
    TOO_MANY_ARTIFACTS = "too_many_artifacts", _("There are too many artifacts: {most} at most.")
    PLATFORM = "platform", _("Give a platform such as darwin-aarch64, windows-x86_64 or linux-x86_64-deb.")
    PLATFORM_TWICE = "platform_twice", _("The platform {platform} is there twice.")
    NO_ADDRESS = "no_address", _("Give the address of the installer, that of the update, or both.")
    NO_SIGNATURE = "no_signature", _("An update needs its signature: the content of the .sig file.")
    NO_UPDATE = "no_update", _("There is a signature, and no update that it belongs to.")
    ADDRESS = "address", _("Give a whole address that begins with https:// or http://.")
    TOO_LONG = "too_long", _("This is too long: {most} characters at most.")
    FILE_GONE = "file_gone", _("There is no file at this address of ours. Upload it again.")
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
        _("This signature was made for another version, and updaters refuse it for this one. Sign the update for this version."),
    )
    LEGACY_TOO_LARGE = (
        "legacy_too_large",
        _("The legacy kind of signature (minisign -l) is taken for files of up to {most} MiB. Sign the file without -l."),
    )
    # Of an import from GitHub.
    GITHUB_NO_REPOSITORY = (
        "github_no_repository",
        _("No repository is set. Set SAGE_GITHUB_REPO to its owner and name, such as acme/desktop."),
    )
    GITHUB_NOT_REACHED = (
        "github_not_reached",
        _("GitHub's API could not be asked at {host}: {reason} Try again, or look at SAGE_GITHUB_API_BASE."),
    )
    GITHUB_TOO_SLOW = "github_too_slow", _("GitHub did not answer in full within {seconds} seconds. Import again.")
    GITHUB_TOO_LARGE = (
        "github_too_large",
        _("GitHub's list of releases is larger than {most} MiB. Import one by its tag: manage.py import_release --tag TAG."),
    )
    GITHUB_NOT_FOUND = (
        "github_not_found",
        _("GitHub shows no repository {repository}. Look at SAGE_GITHUB_REPO; the repository has to be public."),
    )
    GITHUB_NO_TAG = "github_no_tag", _("GitHub has no published release with the tag {tag}. Look at the tag again.")
    GITHUB_BAD_TOKEN = (
        "github_bad_token",
        _("GitHub does not take the token in SAGE_GITHUB_TOKEN. Set a new one that may read the repository, or none."),
    )
    GITHUB_FORBIDDEN = (
        "github_forbidden",
        _("GitHub refused to show the releases of {repository}. Let the token in SAGE_GITHUB_TOKEN read the repository."),
    )
    GITHUB_RATE_LIMIT = (
        "github_rate_limit",
        _(
            "GitHub answers no more questions from here until {time} UTC. Import again then. With a token in SAGE_GITHUB_TOKEN "
            "it answers more."
        ),
    )
    GITHUB_STATUS = "github_status", _("GitHub answered with status {status}. Import again in some minutes.")
    GITHUB_UNREADABLE = (
        "github_unreadable",
        _("What answered at {host} is not GitHub's API, or another version of it. Look at SAGE_GITHUB_API_BASE."),
    )
    GITHUB_NO_RELEASE = (
        "github_no_release",
        _(
            "Of the {most} newest releases of {repository} none is published, stable and has a tag such as {example}. "
            "Publish one on GitHub, or look at SAGE_GITHUB_TAG_PREFIX."
        ),
    )
    GITHUB_FILE = (
        "github_file",
        _(
            "{name} could not be downloaded: status {status}. The files of the release have to be public, since updaters "
            "download them without signing in."
        ),
    )
    GITHUB_FILE_NOT_REACHED = "github_file_not_reached", _("{name} could not be downloaded: {reason} Import again.")
    GITHUB_FILE_TOO_LARGE = (
        "github_file_too_large",
        _("{name} is larger than {most} KiB, and so no signature. Upload the .sig file that Tauri made."),
    )
    GITHUB_WITHDRAWN = (
        "github_withdrawn",
        _(
            "Version {version} was withdrawn here. If it is good, publish it again in the administration; else publish a newer "
            "one on GitHub."
        ),
    )
    GITHUB_MISSING_PLATFORM = (
        "github_missing_platform",
        _(
            "Release {version} has an update for {platform} and this one has none. Wait for its files. Where the platform was "
            "dropped: manage.py import_release --allow-missing {platform}"
        ),
    )
    GITHUB_UPLOADING = (
        "github_uploading",
        _("{name} is not uploaded in full. Wait for it, or delete it on GitHub and upload it again."),
    )
    GITHUB_NOT_SIGNED = (
        "github_not_signed",
        _("{name} has no signature. Wait for {name}.sig, or upload it to the release on GitHub."),
    )
    GITHUB_ONLY_SIGNATURE = (
        "github_only_signature",
        _("{name}.sig is there without {name}. Wait for that file, or upload it to the release on GitHub."),
    )
    GITHUB_NO_ARCHITECTURE = (
        "github_no_architecture",
        _("For which platform {name} is cannot be told. Have exactly one architecture in its name, such as aarch64 or x64."),
    )
    GITHUB_NO_FILE = (
        "github_no_file",
        _("The release on GitHub has no file that is known as one for a platform. Wait for the build, or upload them there."),
    )
    GITHUB_AMBIGUOUS = (
        "github_ambiguous",
        _("Each of these could be for {platform}: {names}. Leave one of them in the release on GitHub."),
    )
    GITHUB_NO_UPDATE = (
        "github_no_update",
        _("There is a file for {platform}, and no signed update. Wait for it, or upload it to the release on GitHub."),
    )
    # Warnings: what may be meant, and what an administrator should know.
    UNKNOWN_PLATFORM = (
        "unknown_platform",
        _("No updater asks for {platform}, unless the application sets it as its own target."),
    )
    MISSING_PLATFORM = (
        "missing_platform",
        _("Release {version} has an update for {platform} and this one has none: the updater fails there."),
    )
    NO_UPDATES = "no_updates", _("No artifact has an update, so that updaters go on offering the release before.")
    OTHER_NAME = (
        "other_name",
        _("The file had another name when it was signed than at this address. Look whether it is the right one."),
    )
    KEY_CHANGED = (
        "key_changed",
        _(
            "Release {version} was signed with the key {expected} and this update with {signed_by}: "
            "an updater that knows the former alone refuses it."
        ),
    )
    VERSION_NOT_SIGNED = (
        "version_not_signed",
        _(
            "The signature of release {version} names its version and this one names none: an updater with requireSignedVersion "
            "refuses it. Sign with --app-version."
        ),
    )
    PAST_US = (
        "past_us",
        _(
            "This address leads past the platform, which then does not keep the file from being replaced or deleted. Give the "
            "one below /files/ that the upload answered."
        ),
    )
    PLAIN_HTTP = (
        "plain_http",
        _("This address begins with http://, so that on the way others can see and change what is downloaded."),
    )
    PRE_RELEASE = (
        "pre_release",
        _("This is a pre-release: it is on the list of versions, and neither updaters nor the download page offer it."),
    )


@dataclass(frozen=True)
class Fault:
    """`field` as in answers of the API: `version`, `artifacts.2.updater_signature`. `details` never hold what was sent, but for
    a platform of the right form, and a key's id."""

    kind: FaultKind
    field: str
    details: Mapping[str, str] = attribute(default_factory=dict)

    @property
    def message(self) -> str:
        return str(self.kind.label).format(**self.details)

    def as_row(self) -> dict[str, Any]:
        return {"kind": self.kind.value, "field": self.field, "details": dict(self.details)}

    @classmethod
    def from_row(cls, row: Mapping[str, Any]) -> "Fault":
        return cls(FaultKind(row["kind"]), row["field"], row["details"])

    @classmethod
    def told_of_row(cls, row: Mapping[str, Any]) -> tuple[str, str]:
        """The field and the sentence, or the name of a kind that another version of the platform has written."""
        try:
            return row["field"], cls.from_row(row).message
        except (ValueError, KeyError):
            return row["field"], row["kind"]
