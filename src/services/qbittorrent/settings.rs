//! Where qBittorrent is, and who asks.

use crate::job::Setting;

/// Where its web interface is.
pub const URL: Setting<String> = Setting::url("qbittorrent.url", "Address")
    .group("qBittorrent")
    .describe("Where its web interface is, for example http://127.0.0.1:8080");
inventory::submit!(URL.spec);

/// The name to log in with.
pub const USERNAME: Setting<String> = Setting::text("qbittorrent.username", "User name")
    .group("qBittorrent")
    .describe("Leave it empty where qBittorrent lets this machine in without a password");
inventory::submit!(USERNAME.spec);

/// The password to log in with.
pub const PASSWORD: Setting<String> = Setting::text("qbittorrent.password", "Password")
    .group("qBittorrent")
    .describe("That of its web interface")
    .secret();
inventory::submit!(PASSWORD.spec);
