"""The files of releases on GitHub, named as real open-source projects that use Tauri name theirs."""


def signed(*names: str) -> list[str]:
    return [name for one in names for name in (one, f"{one}.sig")]


# tauri-action, Tauri 2: spaces of the product's name are dots; the .app.tar.gz has no version (as Clash Verge Rev has them).
TAURI_2 = [
    *signed(
        "Clash.Verge_2.4.7_x64-setup.exe",
        "Clash.Verge_2.4.7_arm64-setup.exe",
        "Clash.Verge_aarch64.app.tar.gz",
        "Clash.Verge_x64.app.tar.gz",
    ),
    "Clash.Verge_2.4.7_aarch64.dmg",
    "Clash.Verge_2.4.7_x64.dmg",
    "Clash.Verge_2.4.7_amd64.deb",
    "Clash.Verge_2.4.7_arm64.deb",
    "Clash.Verge_2.4.7_armhf.deb",
    "Clash.Verge-2.4.7-1.x86_64.rpm",
    "Clash.Verge-2.4.7-1.aarch64.rpm",
    "Clash.Verge-2.4.7-1.armhfp.rpm",
    "Clash.Verge_2.4.7_x64_portable.zip",
    "latest.json",
]
TAURI_2_PLATFORMS = {
    "darwin-aarch64": ("Clash.Verge_2.4.7_aarch64.dmg", "Clash.Verge_aarch64.app.tar.gz"),
    "darwin-aarch64-app": ("", "Clash.Verge_aarch64.app.tar.gz"),
    "darwin-x86_64": ("Clash.Verge_2.4.7_x64.dmg", "Clash.Verge_x64.app.tar.gz"),
    "darwin-x86_64-app": ("", "Clash.Verge_x64.app.tar.gz"),
    "linux-aarch64": ("Clash.Verge_2.4.7_arm64.deb", ""),
    "linux-aarch64-rpm": ("Clash.Verge-2.4.7-1.aarch64.rpm", ""),
    "linux-armv7": ("Clash.Verge_2.4.7_armhf.deb", ""),
    "linux-armv7-rpm": ("Clash.Verge-2.4.7-1.armhfp.rpm", ""),
    "linux-x86_64": ("Clash.Verge_2.4.7_amd64.deb", ""),
    "linux-x86_64-rpm": ("Clash.Verge-2.4.7-1.x86_64.rpm", ""),
    "windows-aarch64": ("Clash.Verge_2.4.7_arm64-setup.exe", "Clash.Verge_2.4.7_arm64-setup.exe"),
    "windows-aarch64-nsis": ("", "Clash.Verge_2.4.7_arm64-setup.exe"),
    "windows-x86_64": ("Clash.Verge_2.4.7_x64-setup.exe", "Clash.Verge_2.4.7_x64-setup.exe"),
    "windows-x86_64-nsis": ("", "Clash.Verge_2.4.7_x64-setup.exe"),
}

# Archives as updates, which clients of Tauri 1 need ("v1Compatible"), for four Windows and Linux platforms (as pot has them).
TAURI_1 = [
    *signed(
        "pot_aarch64.app.tar.gz",
        "pot_x64.app.tar.gz",
        "pot_3.0.7_amd64.AppImage.tar.gz",
        "pot_3.0.7_x64-setup.nsis.zip",
        "pot_3.0.7_x86-setup.nsis.zip",
        "pot_3.0.7_arm64-setup.nsis.zip",
    ),
    "pot_3.0.7_aarch64.dmg",
    "pot_3.0.7_x64.dmg",
    "pot_3.0.7_amd64.AppImage",
    "pot_3.0.7_amd64.deb",
    "pot-3.0.7-1.x86_64.rpm",
    "pot_3.0.7_x64-setup.exe",
    "pot_3.0.7_x86-setup.exe",
    "pot_3.0.7_arm64-setup.exe",
]
TAURI_1_PLATFORMS = {
    "darwin-aarch64": ("pot_3.0.7_aarch64.dmg", "pot_aarch64.app.tar.gz"),
    "darwin-aarch64-app": ("", "pot_aarch64.app.tar.gz"),
    "darwin-x86_64": ("pot_3.0.7_x64.dmg", "pot_x64.app.tar.gz"),
    "darwin-x86_64-app": ("", "pot_x64.app.tar.gz"),
    "linux-x86_64": ("pot_3.0.7_amd64.AppImage", "pot_3.0.7_amd64.AppImage.tar.gz"),
    "linux-x86_64-appimage": ("", "pot_3.0.7_amd64.AppImage.tar.gz"),
    "linux-x86_64-deb": ("pot_3.0.7_amd64.deb", ""),
    "linux-x86_64-rpm": ("pot-3.0.7-1.x86_64.rpm", ""),
    "windows-aarch64": ("pot_3.0.7_arm64-setup.exe", "pot_3.0.7_arm64-setup.nsis.zip"),
    "windows-aarch64-nsis": ("", "pot_3.0.7_arm64-setup.nsis.zip"),
    "windows-i686": ("pot_3.0.7_x86-setup.exe", "pot_3.0.7_x86-setup.nsis.zip"),
    "windows-i686-nsis": ("", "pot_3.0.7_x86-setup.nsis.zip"),
    "windows-x86_64": ("pot_3.0.7_x64-setup.exe", "pot_3.0.7_x64-setup.nsis.zip"),
    "windows-x86_64-nsis": ("", "pot_3.0.7_x64-setup.nsis.zip"),
}

# The system and the architecture in words, no version, and archives that do not say what is in them (as Spacedrive has them).
IN_WORDS = [
    *signed(
        "Spacedrive-Updater-darwin-aarch64.tar.gz",
        "Spacedrive-Updater-darwin-x86_64.tar.gz",
        "Spacedrive-Updater-linux-x86_64.tar.gz",
        "Spacedrive-Updater-windows-x86_64.zip",
    ),
    "Spacedrive-darwin-aarch64.dmg",
    "Spacedrive-darwin-x86_64.dmg",
    "Spacedrive-linux-x86_64.deb",
    "Spacedrive-windows-x86_64.msi",
    "Spacedrive-frontend-linux-x86_64.tar.xz",
    "sd-server-linux-x86_64.tar.gz",
]
IN_WORDS_PLATFORMS = {
    "darwin-aarch64": ("Spacedrive-darwin-aarch64.dmg", "Spacedrive-Updater-darwin-aarch64.tar.gz"),
    "darwin-aarch64-app": ("", "Spacedrive-Updater-darwin-aarch64.tar.gz"),
    "darwin-x86_64": ("Spacedrive-darwin-x86_64.dmg", "Spacedrive-Updater-darwin-x86_64.tar.gz"),
    "darwin-x86_64-app": ("", "Spacedrive-Updater-darwin-x86_64.tar.gz"),
    "linux-x86_64": ("Spacedrive-linux-x86_64.deb", "Spacedrive-Updater-linux-x86_64.tar.gz"),
    "windows-x86_64": ("Spacedrive-windows-x86_64.msi", "Spacedrive-Updater-windows-x86_64.zip"),
}

# Renamed by a script; both bundles of Windows signed, all three of Linux (as Hoppscotch names them).
RENAMED = [
    *signed(
        "Hoppscotch_mac_aarch64.tar.gz",
        "Hoppscotch_mac_x64.tar.gz",
        "Hoppscotch_win_x64.msi",
        "Hoppscotch_win_x64_setup.exe",
        "Hoppscotch_linux_x64.AppImage",
        "Hoppscotch_linux_x64.deb",
        "Hoppscotch_linux_x64.rpm",
    ),
    "Hoppscotch_mac_aarch64.dmg",
    "Hoppscotch_mac_x64.dmg",
    "Hoppscotch_win_x64_portable.exe",
    "SHA256SUMS",
]
RENAMED_PLATFORMS = {
    "darwin-aarch64": ("Hoppscotch_mac_aarch64.dmg", "Hoppscotch_mac_aarch64.tar.gz"),
    "darwin-aarch64-app": ("", "Hoppscotch_mac_aarch64.tar.gz"),
    "darwin-x86_64": ("Hoppscotch_mac_x64.dmg", "Hoppscotch_mac_x64.tar.gz"),
    "darwin-x86_64-app": ("", "Hoppscotch_mac_x64.tar.gz"),
    "linux-x86_64": ("Hoppscotch_linux_x64.AppImage", "Hoppscotch_linux_x64.AppImage"),
    "linux-x86_64-appimage": ("", "Hoppscotch_linux_x64.AppImage"),
    "linux-x86_64-deb": ("Hoppscotch_linux_x64.deb", "Hoppscotch_linux_x64.deb"),
    "linux-x86_64-rpm": ("Hoppscotch_linux_x64.rpm", "Hoppscotch_linux_x64.rpm"),
    "windows-x86_64": ("Hoppscotch_win_x64.msi", "Hoppscotch_win_x64.msi"),
    "windows-x86_64-msi": ("", "Hoppscotch_win_x64.msi"),
    "windows-x86_64-nsis": ("Hoppscotch_win_x64_setup.exe", "Hoppscotch_win_x64_setup.exe"),
}

# One build of macOS for both architectures, and a name of two words (as Quota Float has them).
UNIVERSAL = [
    *signed("Quota.Float_universal.app.tar.gz", "Quota.Float_0.3.19_x64_en-US.msi"),
    "Quota.Float_0.3.19_universal.dmg",
    "latest.json",
]
UNIVERSAL_PLATFORMS = {
    "darwin-aarch64": ("Quota.Float_0.3.19_universal.dmg", "Quota.Float_universal.app.tar.gz"),
    "darwin-aarch64-app": ("", "Quota.Float_universal.app.tar.gz"),
    "darwin-x86_64": ("Quota.Float_0.3.19_universal.dmg", "Quota.Float_universal.app.tar.gz"),
    "darwin-x86_64-app": ("", "Quota.Float_universal.app.tar.gz"),
    "windows-x86_64": ("Quota.Float_0.3.19_x64_en-US.msi", "Quota.Float_0.3.19_x64_en-US.msi"),
    "windows-x86_64-msi": ("", "Quota.Float_0.3.19_x64_en-US.msi"),
}

STYLES = {
    "Tauri 2": (TAURI_2, TAURI_2_PLATFORMS),
    "Tauri 1": (TAURI_1, TAURI_1_PLATFORMS),
    "in words": (IN_WORDS, IN_WORDS_PLATFORMS),
    "renamed": (RENAMED, RENAMED_PLATFORMS),
    "universal": (UNIVERSAL, UNIVERSAL_PLATFORMS),
}
