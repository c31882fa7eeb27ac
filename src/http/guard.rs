//! Keeps other web sites out.
//!
//! A server on 127.0.0.1 is reached by every page in the browser of its owner. Three ways in are closed here:
//! - DNS rebinding: a site makes its own name point to 127.0.0.1. Its requests carry that name in `Host`, which is not ours.
//! - Forged writes: a site posts to us. Its browser says so in `Origin` and `Sec-Fetch-Site`. (Most are stopped before: a body must be
//!   declared as JSON, which a browser sends to another site only after asking, and nothing here answers such a question.)
//! - Foreign sockets: browsers let any site open a WebSocket to anywhere, but say in `Origin` whose it is.
//!
//! Who is no browser sends what it likes: this is no login.

use std::net::{Ipv4Addr, Ipv6Addr};

use actix_web::body::{EitherBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HOST, HeaderMap, HeaderName, ORIGIN, UPGRADE};
use actix_web::http::{Method, Uri};
use actix_web::middleware::Next;
use actix_web::web::Data;
use actix_web::{Error, ResponseError};

use super::error::{ApiError, ErrorCode};
use super::limits::quoted;
use super::state::AppState;

/// Says where a browser's request comes from.
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Lets a request through or answers 403.
pub async fn check<B: MessageBody>(
    request: ServiceRequest,
    next: Next<B>,
) -> Result<ServiceResponse<EitherBody<B>>, Error> {
    let allowed = request.app_data::<Data<AppState>>().map(|state| state.allowed_hosts.clone()).unwrap_or_default();
    match verdict(request.method(), request.uri(), request.headers(), &allowed) {
        Ok(()) => next.call(request).await.map(ServiceResponse::map_into_left_body),
        Err(error) => Ok(request.into_response(error.error_response()).map_into_right_body()),
    }
}

fn verdict(method: &Method, uri: &Uri, headers: &HeaderMap, allowed: &[String]) -> Result<(), ApiError> {
    if uri.path().starts_with("/health/") {
        return Ok(());
    }
    let host = own_host(uri, headers, allowed)?;
    let reads = [Method::GET, Method::HEAD, Method::OPTIONS].contains(method) && !headers.contains_key(UPGRADE);
    if reads { Ok(()) } else { own_origin(headers, &host) }
}

/// The host that was asked, with its port, if it is one of ours.
fn own_host(uri: &Uri, headers: &HeaderMap, allowed: &[String]) -> Result<String, ApiError> {
    let foreign = |detail: String| ApiError::new(ErrorCode::ForeignHost, detail);
    let named = headers.get_all(HOST).map(|host| host.to_str().unwrap_or_default());
    // HTTP/2, and HTTP/1.1 to a proxy, name it in the request line.
    let hosts: Vec<_> = uri.authority().map(|authority| authority.as_str()).into_iter().chain(named).collect();
    let Some(host) = hosts.first() else {
        return Err(foreign("the request names no host".to_owned()));
    };
    if let Some(other) = hosts.iter().find(|host| !is_own(host, allowed)) {
        let detail = format!(
            "this server is not called {}; ask it as localhost, or allow the name where it is started",
            quoted(other)
        );
        return Err(foreign(detail));
    }
    Ok(host.to_ascii_lowercase())
}

/// Whether a host, with or without a port, is loopback or allowed.
fn is_own(host: &str, allowed: &[String]) -> bool {
    if allowed.iter().any(|entry| entry == "*") {
        return true;
    }
    let Some(name) = name(host) else { return false };
    let name = name.strip_suffix('.').unwrap_or(name).to_ascii_lowercase();
    let loopback = match name.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(v6) => v6.parse::<Ipv6Addr>().is_ok_and(|ip| ip.is_loopback()),
        None => name.parse::<Ipv4Addr>().is_ok_and(|ip| ip.is_loopback()),
    };
    let local = name == "localhost" || name.ends_with(".localhost");
    loopback
        || local
        || allowed.iter().any(|entry| entry.eq_ignore_ascii_case(&name) || entry.eq_ignore_ascii_case(host))
}

/// A host without its port; none when it is not written as one.
fn name(host: &str) -> Option<&str> {
    let (name, port) = match host.find(']') {
        Some(end) => host.split_at(end + 1),
        None => host.split_at(host.find(':').unwrap_or(host.len())),
    };
    let port_is_one =
        port.is_empty() || port.strip_prefix(':').is_some_and(|digits| digits.bytes().all(|b| b.is_ascii_digit()));
    (port_is_one && !name.is_empty() && !name.contains(['@', '/', ' '])).then_some(name)
}

/// Refuses what a browser sends on behalf of another site.
fn own_origin(headers: &HeaderMap, host: &str) -> Result<(), ApiError> {
    let foreign = |detail: String| Err(ApiError::new(ErrorCode::ForeignOrigin, detail));
    if headers.get(SEC_FETCH_SITE).is_some_and(|site| site == "cross-site") {
        return foreign("another site may not do this".to_owned());
    }
    for origin in headers.get_all(ORIGIN) {
        let origin = origin.to_str().unwrap_or_default();
        let own = origin.split_once("://").is_some_and(|(_, of)| of.eq_ignore_ascii_case(host));
        if !own {
            return foreign(format!("a page of {} may not do this", quoted(origin)));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::{HeaderMap, HeaderName, HeaderValue};
    use actix_web::http::{Method, Uri};

    use super::{is_own, verdict};

    fn allows(method: Method, path: &'static str, headers: &[(&'static str, &'static str)]) -> bool {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        verdict(&method, &Uri::from_static(path), &map, &["hog.example".into()]).is_ok()
    }

    #[test]
    fn loopback_names_and_addresses_are_own() {
        for host in [
            "localhost",
            "LOCALHOST:8080",
            "localhost.",
            "a.b.localhost:1",
            "127.0.0.1:8080",
            "127.9.9.9",
            "[::1]",
            "[::1]:8080",
        ] {
            assert!(is_own(host, &[]), "{host}");
        }
        for host in [
            "",
            "evil.example",
            "localhost.evil.example",
            "notlocalhost",
            "127.0.0.1.evil.example",
            "127.1",
            "128.0.0.1",
            "[::2]",
            "::1",
            "localhost:80@evil.example",
            "evil.example#localhost",
            "localhost:x",
            "0.0.0.0",
            "[::ffff:127.0.0.1]",
        ] {
            assert!(!is_own(host, &[]), "{host}");
        }
    }

    #[test]
    fn other_names_are_own_where_they_are_allowed() {
        assert!(is_own("Hog.Example:8080", &["hog.example".into()]));
        assert!(is_own("hog.example:8080", &["hog.example:8080".into()]));
        assert!(!is_own("hog.example:8081", &["hog.example:8080".into()]));
        assert!(is_own("anything", &["*".into()]));
    }

    #[test]
    fn every_request_names_one_of_our_hosts_but_for_probes() {
        assert!(allows(Method::GET, "/api/jobs", &[("host", "localhost:1")]));
        assert!(!allows(Method::GET, "/api/jobs", &[("host", "evil.example")]));
        assert!(!allows(Method::GET, "/api/jobs", &[]));
        assert!(!allows(Method::GET, "/", &[("host", "localhost"), ("host", "evil.example")]));
        assert!(!allows(Method::GET, "http://evil.example/", &[("host", "localhost")]));
        assert!(allows(Method::GET, "/health/live", &[("host", "10.0.0.7:8080")]));
    }

    #[test]
    fn writes_and_sockets_of_other_sites_are_refused() {
        let host = ("host", "localhost:8080");
        assert!(allows(Method::POST, "/api/jobs", &[host]));
        assert!(allows(Method::POST, "/api/jobs", &[host, ("origin", "http://localhost:8080")]));
        assert!(allows(Method::POST, "/", &[("host", "hog.example"), ("origin", "https://hog.example")]));
        for origin in ["http://evil.example", "http://localhost:3000", "http://localhost", "null", ""] {
            assert!(!allows(Method::POST, "/api/jobs", &[host, ("origin", origin)]), "{origin}");
            assert!(
                !allows(Method::GET, "/api/jobs/ws", &[host, ("upgrade", "websocket"), ("origin", origin)]),
                "{origin}"
            );
            assert!(allows(Method::GET, "/api/jobs", &[host, ("origin", origin)]), "{origin}");
        }
        assert!(!allows(Method::DELETE, "/", &[host, ("sec-fetch-site", "cross-site")]));
        assert!(allows(Method::DELETE, "/", &[host, ("sec-fetch-site", "same-origin")]));
    }
}
