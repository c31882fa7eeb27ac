//! Secrets at rest: ChaCha20-Poly1305, with a key that is never in the database.
//!
//! The key comes from the environment (`STASHHOG_SECRET_KEY`, 32 bytes in base64: the same on all nodes that share a database), or
//! from a file in the data directory that only its owner may read, made when it is first needed. The name of a setting is
//! authenticated with its secret, so that a row can't be moved to where its value would be sent elsewhere.

use std::fs::{self, OpenOptions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow, ensure};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use ring::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom, SystemRandom};
use uuid::Uuid;

/// In the data directory.
const KEY_FILE: &str = "secret.key";
const KEY_BYTES: usize = 32;
/// The variable with the key.
pub const KEY_VARIABLE: &str = "STASHHOG_SECRET_KEY";

/// Why a secret can't be read.
const OTHER_KEY: &str =
    "it was encrypted with another key; set it again, or start the server with the key it was set with";

/// Encrypts and decrypts.
pub struct Vault {
    key: LessSafeKey,
    random: SystemRandom,
}

impl Vault {
    /// With the key of the environment, else with that of the data directory.
    pub fn open(given: Option<&str>, data_dir: &Path) -> anyhow::Result<Self> {
        let random = SystemRandom::new();
        let bytes = match given {
            Some(text) => decode(text).with_context(|| format!("{KEY_VARIABLE} is no key"))?,
            None => of_file(&data_dir.join(KEY_FILE), &random)?,
        };
        let key =
            UnboundKey::new(&CHACHA20_POLY1305, &bytes).map_err(|_| anyhow!("the secret key has a wrong length"))?;
        Ok(Self { key: LessSafeKey::new(key), random })
    }

    /// Encrypts the value of the setting `name`.
    pub fn seal(&self, name: &str, value: &str) -> anyhow::Result<Vec<u8>> {
        let mut nonce = [0; NONCE_LEN];
        self.random.fill(&mut nonce).map_err(|_| anyhow!("no random bytes are to be had"))?;
        let mut sealed = value.as_bytes().to_vec();
        let encrypted =
            self.key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(name), &mut sealed);
        encrypted.map_err(|_| anyhow!("the secret could not be encrypted"))?;
        Ok([&nonce[..], &sealed].concat())
    }

    /// Decrypts the value of the setting `name`. `Err` says why that can't be.
    pub fn unseal(&self, name: &str, stored: &[u8]) -> Result<String, String> {
        let (nonce, sealed) = stored.split_at_checked(NONCE_LEN).ok_or(OTHER_KEY)?;
        let nonce = Nonce::try_assume_unique_for_key(nonce).map_err(|_| OTHER_KEY)?;
        let mut sealed = sealed.to_vec();
        let value = self.key.open_in_place(nonce, Aad::from(name), &mut sealed).map_err(|_| OTHER_KEY)?;
        String::from_utf8(value.to_vec()).map_err(|_| OTHER_KEY.to_owned())
    }
}

fn decode(text: &str) -> anyhow::Result<Vec<u8>> {
    let bytes = BASE64_STANDARD.decode(text.trim()).context("it must be base64")?;
    ensure!(
        bytes.len() == KEY_BYTES,
        "it must be {KEY_BYTES} bytes in base64, as `openssl rand -base64 32` gives; it has {}",
        bytes.len()
    );
    Ok(bytes)
}

fn of_file(path: &Path, random: &SystemRandom) -> anyhow::Result<Vec<u8>> {
    match fs::read_to_string(path) {
        Ok(text) => {
            let mode = fs::metadata(path)?.permissions().mode();
            ensure!(mode & 0o077 == 0, "others may read {}; take that from them: chmod 600", path.display());
            decode(&text).with_context(|| format!("{} holds no key", path.display()))
        }
        Err(error) if error.kind() == ErrorKind::NotFound => make(path, random),
        Err(error) => Err(error).with_context(|| format!("{} can't be read", path.display())),
    }
}

/// Whole or not at all: a key that is half written would lose every secret.
fn make(path: &Path, random: &SystemRandom) -> anyhow::Result<Vec<u8>> {
    let mut bytes = vec![0; KEY_BYTES];
    random.fill(&mut bytes).map_err(|_| anyhow!("no random bytes are to be had"))?;
    let fresh = PathBuf::from(format!("{}.{}", path.display(), Uuid::new_v4()));
    let mut file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(&fresh)?;
    file.write_all(BASE64_STANDARD.encode(&bytes).as_bytes())?;
    file.sync_all()?;
    let linked = fs::hard_link(&fresh, path);
    fs::remove_file(&fresh)?;
    match linked {
        Ok(()) => Ok(bytes),
        // Another process was faster: its key holds.
        Err(error) if error.kind() == ErrorKind::AlreadyExists => of_file(path, random),
        Err(error) => Err(error).with_context(|| format!("{} can't be made", path.display())),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt;

    use super::{KEY_FILE, Vault};

    #[test]
    fn a_secret_comes_back_with_the_same_key_and_name_only() {
        let dir = tempfile::tempdir().unwrap();
        let vault = Vault::open(None, dir.path()).unwrap();
        let sealed = vault.seal("stash.api_key", "s3cret").unwrap();
        assert!(!sealed.windows(6).any(|part| part == b"s3cret"));
        let again = Vault::open(None, dir.path()).unwrap();
        assert_eq!(again.unseal("stash.api_key", &sealed).as_deref(), Ok("s3cret"));
        assert!(again.unseal("ai.api_key", &sealed).is_err());
        let other = Vault::open(Some("AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="), dir.path()).unwrap();
        assert!(other.unseal("stash.api_key", &sealed).unwrap_err().contains("another key"));
        assert!(other.unseal("stash.api_key", &[]).is_err());
    }

    #[test]
    fn the_key_is_its_owners_alone_and_a_wrong_one_is_named() {
        let dir = tempfile::tempdir().unwrap();
        Vault::open(None, dir.path()).unwrap();
        let file = dir.path().join(KEY_FILE);
        assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(Vault::open(None, dir.path()).err().unwrap().to_string().contains("chmod 600"));
        assert!(Vault::open(Some("c2hvcnQ="), dir.path()).is_err());
    }
}
