//! Which torrents a run is about, and what they are called in item errors.

use std::collections::HashMap;
use std::fmt;

use crate::job::{JobContext, cut};
use crate::services::qbittorrent::Torrent;

/// The tag of what is done.
pub const SYNCED: &str = "synced";

/// Long names are cut: an item's name is for people.
const NAME_BYTES: usize = 200;

/// A torrent to be dealt with, shown as its name and its hash: `Harbour at Dawn [0123…]`.
pub struct Item {
    /// What it is.
    pub torrent: Torrent,
    label: String,
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.label)
    }
}

/// Those without the tag; in a retry of failed items, of those only the ones that failed.
///
/// A torrent is found again by its hash alone, and keeps the label that it failed under: whoever was told to rename it has done
/// so by now.
pub fn choose(ctx: &JobContext, torrents: Vec<Torrent>) -> Vec<Item> {
    let failed: Option<HashMap<&str, &str>> =
        ctx.only_items().map(|items| items.iter().filter_map(|label| Some((hash(label)?, label.as_str()))).collect());
    let open = torrents.into_iter().filter(|torrent| !torrent.has_tag(SYNCED));
    let item = |torrent: Torrent| {
        let label = match &failed {
            Some(failed) => (*failed.get(torrent.hash.as_str())?).to_owned(),
            None => label(&torrent),
        };
        Some(Item { torrent, label })
    };
    open.filter_map(item).collect()
}

fn label(torrent: &Torrent) -> String {
    let name: String =
        torrent.name.chars().map(|c| if c.is_control() { char::REPLACEMENT_CHARACTER } else { c }).collect();
    format!("{} [{}]", cut(name, NAME_BYTES), torrent.hash)
}

/// The hash in a label.
fn hash(label: &str) -> Option<&str> {
    Some(label.strip_suffix(']')?.rsplit_once('[')?.1)
}

#[cfg(test)]
mod tests {
    use super::{Torrent, hash, label};

    #[test]
    fn a_label_has_one_line_and_tells_the_hash_whatever_the_name() {
        for name in ["Harbour at Dawn", "[ab] x [cd]", "", "a\0b\nc", &"é".repeat(500)] {
            let torrent = Torrent {
                hash: "0123456789abcdef".to_owned(),
                name: name.to_owned(),
                save_path: "/d".to_owned(),
                tags: Vec::new(),
            };
            let label = label(&torrent);
            assert_eq!(hash(&label), Some("0123456789abcdef"));
            assert!(label.len() < 300 && !label.chars().any(char::is_control), "{label}");
        }
        assert_eq!(hash("something else"), None);
    }
}
