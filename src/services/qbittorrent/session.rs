//! Logging in, and what a refusal means.

use std::sync::{Arc, Mutex, PoisonError};

use reqwest::header::{CONTENT_TYPE, COOKIE, HeaderMap, SET_COOKIE};
use reqwest::{Client, RequestBuilder};
use url::{Url, form_urlencoded};

use super::settings::{PASSWORD, USERNAME};
use crate::services::ServiceError;
use crate::services::remote::{Answer, Remote, Repeat};

const FORM: &str = "application/x-www-form-urlencoded";

/// A name and a password. Not shown by anything.
pub(super) struct Login {
    pub(super) username: String,
    pub(super) password: String,
}

/// Who we are to one qBittorrent. Clones are one session.
#[derive(Clone)]
pub(super) struct Session {
    pub(super) remote: Remote,
    /// None where nobody set a name.
    pub(super) login: Option<Arc<Login>>,
    /// What it gave us the last time that we logged in.
    cookie: Arc<Mutex<Option<String>>>,
}

impl Session {
    pub(super) fn new(remote: Remote, login: Option<Login>) -> Self {
        Self { remote: remote.tells_refusals(), login: login.map(Arc::new), cookie: Arc::default() }
    }

    /// Reads something.
    pub(super) async fn get(&self, path: &str, query: &[(&str, &str)]) -> Result<Answer, ServiceError> {
        self.call(path, |http, mut url| {
            if !query.is_empty() {
                url.query_pairs_mut().extend_pairs(query);
            }
            http.get(url)
        })
        .await
    }

    /// Changes something, in a way that may be repeated.
    pub(super) async fn post(&self, path: &str, form: &[(&str, &str)]) -> Result<Answer, ServiceError> {
        let body = encode(form);
        self.call(path, |http, url| http.post(url).header(CONTENT_TYPE, FORM).body(body.clone())).await
    }

    async fn call(&self, path: &str, request: impl Fn(&Client, Url) -> RequestBuilder) -> Result<Answer, ServiceError> {
        match self.once(path, &request).await {
            Err(ServiceError::Refused { status: 403, .. }) => {
                self.log_in().await?;
                self.once(path, &request).await
            }
            done => done,
        }
    }

    async fn once(&self, path: &str, request: impl Fn(&Client, Url) -> RequestBuilder) -> Result<Answer, ServiceError> {
        let cookie = self.cookie.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let with_cookie = |http: &Client, url: Url| match &cookie {
            Some(cookie) => request(http, url).header(COOKIE, cookie),
            None => request(http, url),
        };
        match self.remote.ask(path, Repeat::Safe, with_cookie).await {
            // Nobody has logged in wrongly: it is how it answers to a name that it does not know as its own.
            Err(ServiceError::Refused { status: 401, .. }) => Err(ServiceError::Settings(format!(
                "qBittorrent refuses to be reached as {}; add that host to the server domains in the options of its web \
                 interface, or set `{}` to the address that it listens at",
                self.remote.address(),
                super::URL.name()
            ))),
            answer => answer,
        }
    }

    /// Sends name and password, once: qBittorrent counts the wrong ones.
    async fn log_in(&self) -> Result<(), ServiceError> {
        let Some(login) = &self.login else {
            return Err(ServiceError::Settings(format!(
                "qBittorrent at {} asks for a name and a password; set `{}` and `{}`",
                self.remote.address(),
                USERNAME.name(),
                PASSWORD.name()
            )));
        };
        let body = encode(&[("username", &login.username), ("password", &login.password)]);
        let asked = self.remote.ask("api/v2/auth/login", Repeat::Never, |http, url| {
            http.post(url).header(CONTENT_TYPE, FORM).body(body.clone())
        });
        let wrong = ServiceError::WrongKey { service: "qBittorrent", setting: PASSWORD.name() };
        let answer = match asked.await {
            Ok(answer) => answer,
            Err(ServiceError::Refused { status: 401, .. }) => return Err(wrong), // since 5.2
            Err(ServiceError::Refused { status: 403, said, retry_after, .. }) => {
                let said = format!(
                    "{}; wait for an hour or restart qBittorrent, and check the settings `{}` and `{}`",
                    said.trim_end_matches('.'),
                    USERNAME.name(),
                    PASSWORD.name()
                );
                return Err(ServiceError::Refused { service: "qBittorrent", status: 403, said, retry_after });
            }
            Err(error) => return Err(error),
        };
        match answer.body.trim_ascii() {
            b"Fails." => Err(wrong), // with 200, until 5.2
            b"Ok." | b"" => {
                *self.cookie.lock().unwrap_or_else(PoisonError::into_inner) = cookie(&answer.headers);
                Ok(())
            }
            _ => Err(self
                .remote
                .wrong_answer("it answers a login with neither `Ok.` nor `Fails.`; is the address right?")),
        }
    }
}

/// Whatever it wants to see again: its cookie is called `SID` until 5.2, and after its port since.
fn cookie(headers: &HeaderMap) -> Option<String> {
    let pairs = headers.get_all(SET_COOKIE).iter().filter_map(|header| header.to_str().ok()?.split(';').next());
    let cookie = pairs.map(str::trim).collect::<Vec<_>>().join("; ");
    (!cookie.is_empty()).then_some(cookie)
}

fn encode(form: &[(&str, &str)]) -> String {
    form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish()
}

#[cfg(test)]
mod tests {
    use reqwest::header::{HeaderMap, HeaderValue, SET_COOKIE};

    use super::cookie;

    #[test]
    fn a_cookie_is_sent_back_without_its_attributes_whatever_its_name() {
        let mut headers = HeaderMap::new();
        assert_eq!(cookie(&headers), None);
        headers.append(SET_COOKIE, HeaderValue::from_static("SID=20+sV4/a; HttpOnly; path=/; SameSite=Strict"));
        assert_eq!(cookie(&headers).as_deref(), Some("SID=20+sV4/a"));
        headers.append(SET_COOKIE, HeaderValue::from_static("QBT_SID_8080=x"));
        assert_eq!(cookie(&headers).as_deref(), Some("SID=20+sV4/a; QBT_SID_8080=x"));
    }
}
