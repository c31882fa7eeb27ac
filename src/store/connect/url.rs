//! The text of a database URL: takes out what is about TLS, and hides what is secret.
//!
//! Reads the text as loosely as `tokio-postgres` and libpq do, not as a URL proper: hosts may be many, or paths in percent
//! signs. A strict parser would refuse what the database accepts.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

/// Options that libpq knows and this server does not, so that their names may appear in an error. Any other unknown name may
/// be a piece of a password.
const FOREIGN_OPTIONS: [&str; 15] = [
    "sslcert",
    "sslkey",
    "sslpassword",
    "sslcrl",
    "sslcompression",
    "sslsni",
    "sslcertmode",
    "requiressl",
    "gssencmode",
    "krbsrvname",
    "passfile",
    "service",
    "fallback_application_name",
    "replication",
    "require_auth",
];

/// Options whose values may be shown. Everything else is hidden: a password that was not quoted falls apart into words that
/// look like options.
const SHOWN_OPTIONS: [&str; 13] = [
    "user",
    "dbname",
    "host",
    "hostaddr",
    "port",
    "sslmode",
    "sslrootcert",
    "sslnegotiation",
    "application_name",
    "connect_timeout",
    "target_session_attrs",
    "load_balance_hosts",
    "channel_binding",
];

/// What a URL says about TLS.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct SaidOfTls {
    /// `sslmode`.
    pub mode: Option<String>,
    /// `sslrootcert`.
    pub root_cert: Option<String>,
}

impl SaidOfTls {
    /// Keeps an option that is about TLS; `false` when it is about something else. As everywhere, the last one counts.
    fn take(&mut self, key: &str, value: Cow<'_, str>) -> bool {
        match key {
            "sslmode" => self.mode = Some(value.into_owned()),
            "sslrootcert" => self.root_cert = Some(value.into_owned()),
            _ => return false,
        }
        true
    }
}

/// Takes `sslmode` and `sslrootcert` out of a URL of either form.
pub(super) fn take_tls(database_url: &str) -> Result<(String, SaidOfTls), String> {
    if scheme(database_url).is_some() { Ok(take_from_query(database_url)) } else { take_from_words(database_url) }
}

/// A message for what the parser could not read, without any of the text.
pub(super) fn safe_parse_error(error: &tokio_postgres::Error) -> String {
    let cause = std::error::Error::source(error).map(ToString::to_string).unwrap_or_default();
    if let Some(option) = cause.strip_prefix("unknown option `").and_then(|rest| rest.strip_suffix('`')) {
        return match FOREIGN_OPTIONS.iter().find(|known| **known == option) {
            Some(known) => format!("the database URL has the option {known}, which is not supported"),
            None => format!("the database URL has an option that is not known; {HINT}"),
        };
    }
    if cause.starts_with("invalid value for option") {
        return format!("the database URL has an {cause}; {HINT}");
    }
    format!("the database URL cannot be read; {HINT}")
}

/// The usual mistake.
const HINT: &str = "special characters of a password are written as %40 for @, %2F for / and so on in postgres://…, \
                    and the password is put in '…' in host=… password=…";

/// A URL as it may be logged: with `***` in place of the password.
#[must_use]
pub fn redacted(database_url: &str) -> String {
    match scheme(database_url) {
        Some(scheme) => redact_query(&redact_credentials(scheme, &database_url[scheme.len()..])),
        None => redact_words(database_url),
    }
}

fn scheme(database_url: &str) -> Option<&'static str> {
    ["postgres://", "postgresql://"].into_iter().find(|scheme| database_url.starts_with(scheme))
}

fn take_from_query(database_url: &str) -> (String, SaidOfTls) {
    let mut said = SaidOfTls::default();
    // A `?` before the `@` belongs to the password.
    let after_credentials = database_url.find('@').unwrap_or(0);
    let Some(query_at) = database_url[after_credentials..].find('?').map(|at| at + after_credentials) else {
        return (database_url.to_owned(), said);
    };
    let kept: Vec<&str> = database_url[query_at + 1..]
        .split('&')
        .filter(|pair| match pair.split_once('=') {
            Some((key, value)) => !said.take(key, percent_decode_str(value).decode_utf8_lossy()),
            None => true,
        })
        .collect();
    let question = if kept.is_empty() { "" } else { "?" };
    (format!("{}{question}{}", &database_url[..query_at], kept.join("&")), said)
}

fn take_from_words(database_url: &str) -> Result<(String, SaidOfTls), String> {
    let mut said = SaidOfTls::default();
    let mut kept = Vec::new();
    for word in words(database_url).ok_or_else(|| format!("the database URL cannot be read; {HINT}"))? {
        if !said.take(word.key, Cow::Borrowed(&word.value)) {
            kept.push(word.text);
        }
    }
    Ok((kept.join(" "), said))
}

/// One `key=value` of the keyword form.
struct Word<'a> {
    key: &'a str,
    /// The value without quotes and backslashes.
    value: String,
    /// All of it, as it was written.
    text: &'a str,
}

/// Splits the keyword form; `None` when it is not well-formed.
fn words(text: &str) -> Option<Vec<Word<'_>>> {
    let mut words = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let (key, after) = rest.split_once('=')?;
        let after = after.trim_start();
        let (value, length) = value(after)?;
        let end = rest.len() - after.len() + length;
        words.push(Word { key: key.trim_end(), value, text: &rest[..end] });
        rest = rest[end..].trim_start();
    }
    Some(words)
}

/// The value at the start of `text`, and how many bytes it takes up.
fn value(text: &str) -> Option<(String, usize)> {
    let quoted = text.starts_with('\'');
    let mut value = String::new();
    let mut chars = text.char_indices().skip(usize::from(quoted));
    while let Some((at, c)) = chars.next() {
        match c {
            '\'' if quoted => return Some((value, at + 1)),
            c if c.is_whitespace() && !quoted => return Some((value, at)),
            '\\' => value.extend(chars.next().map(|(_, escaped)| escaped)),
            c => value.push(c),
        }
    }
    if quoted { None } else { Some((value, text.len())) }
}

/// Hides everything from the first `:` to the last `@`: a password with an `@` in it that should have been encoded is hidden
/// whole, at the price of hiding too much of an odd URL.
fn redact_credentials(scheme: &str, rest: &str) -> String {
    match (rest.find(':'), rest.rfind('@')) {
        (Some(colon), Some(at)) if colon < at => format!("{scheme}{}:***{}", &rest[..colon], &rest[at..]),
        _ => format!("{scheme}{rest}"),
    }
}

fn redact_query(url: &str) -> String {
    let Some((head, query)) = url.split_once('?') else {
        return url.to_owned();
    };
    let shown = query.split('&').map(|pair| shown(pair.split_once('=').map_or(pair, |(key, _)| key), pair));
    format!("{head}?{}", shown.collect::<Vec<_>>().join("&"))
}

fn redact_words(text: &str) -> String {
    let Some(words) = words(text) else {
        return "(a database URL that cannot be read)".to_owned();
    };
    words.iter().map(|word| shown(word.key, word.text)).collect::<Vec<_>>().join(" ")
}

/// One option as it may be shown.
fn shown(key: &str, text: &str) -> String {
    if SHOWN_OPTIONS.contains(&key) {
        text.to_owned()
    } else if key == "password" {
        "password=***".to_owned()
    } else {
        "***".to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(mode: Option<&str>, root_cert: Option<&str>) -> SaidOfTls {
        SaidOfTls { mode: mode.map(str::to_owned), root_cert: root_cert.map(str::to_owned) }
    }

    #[test]
    fn tls_is_taken_out_of_a_url() {
        let (rest, tls) =
            take_tls("postgres://u:p@h/d?sslmode=verify-ca&connect_timeout=3&sslrootcert=/a%20b.pem").unwrap();
        assert_eq!(rest, "postgres://u:p@h/d?connect_timeout=3");
        assert_eq!(tls, said(Some("verify-ca"), Some("/a b.pem")));
        let (rest, tls) = take_tls("postgresql://u@h/d?sslmode=require").unwrap();
        assert_eq!((rest.as_str(), tls), ("postgresql://u@h/d", said(Some("require"), None)));
        let (rest, tls) = take_tls("postgres://u:a?sslmode=x@h/d").unwrap();
        assert_eq!((rest.as_str(), tls), ("postgres://u:a?sslmode=x@h/d", said(None, None)));
    }

    #[test]
    fn tls_is_taken_out_of_words() {
        let (rest, tls) =
            take_tls(r"host=h sslmode = require password='it\'s a' sslrootcert='/a b.pem' user=u").unwrap();
        assert_eq!(rest, r"host=h password='it\'s a' user=u");
        assert_eq!(tls, said(Some("require"), Some("/a b.pem")));
    }

    #[test]
    fn passwords_are_not_shown() {
        let shown = [
            ("postgres://u:p@h:5/d?sslmode=require", "postgres://u:***@h:5/d?sslmode=require"),
            ("postgres://u@h/d", "postgres://u@h/d"),
            ("postgres://u:p@ss@h/d", "postgres://u:***@h/d"),
            ("postgres://u:p/s?s@h/d", "postgres://u:***@h/d"),
            ("postgres://h/d?user=u&password=p&port=1", "postgres://h/d?user=u&password=***&port=1"),
            ("postgres://h/d?p%61ssword=p", "postgres://h/d?***"),
            ("host=h password=a hunter=2 user=u", "host=h password=*** *** user=u"),
            ("host=h password='a b' user=u", "host=h password=*** user=u"),
            ("host=h password = p user=u", "host=h password=*** user=u"),
            ("host=h password='a", "(a database URL that cannot be read)"),
            ("secret", "(a database URL that cannot be read)"),
        ];
        for (url, expected) in shown {
            assert_eq!(redacted(url), expected, "{url}");
        }
    }
}
