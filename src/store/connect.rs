//! stub
use diesel::ConnectionResult;
use diesel_async::{AsyncConnection, AsyncPgConnection};
pub async fn connect(url: &str) -> ConnectionResult<AsyncPgConnection> {
    AsyncPgConnection::establish(url).await
}
pub fn redacted(url: &str) -> String {
    url.to_owned()
}
