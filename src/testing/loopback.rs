//! A server on this machine, for the fakes of services: on a thread of its own, until it is dropped.

use std::net::TcpListener;
use std::sync::mpsc;
use std::thread::JoinHandle;

use actix_web::dev::ServerHandle;
use actix_web::web::ServiceConfig;
use actix_web::{App, HttpServer};

/// A server that runs until it is dropped.
pub(super) struct Loopback {
    /// Where it is: `http://127.0.0.1:PORT`, and the path under which its service is.
    pub(super) url: String,
    handle: ServerHandle,
    thread: Option<JoinHandle<()>>,
}

impl Loopback {
    /// Serves these routes on a free port. Those of the service begin with `path`.
    pub(super) fn serve(path: &str, routes: impl Fn(&mut ServiceConfig) + Clone + Send + 'static) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).unwrap_or_else(|error| panic!("no free port: {error}"));
        let address = listener.local_addr().unwrap_or_else(|error| panic!("a listener without address: {error}"));
        let (tell, told) = mpsc::channel();
        let thread = std::thread::spawn(move || {
            actix::System::new().block_on(async move {
                let app = move || App::new().configure(routes.clone());
                let server = HttpServer::new(app).workers(2).disable_signals().shutdown_timeout(0).listen(listener);
                let server = server.unwrap_or_else(|error| panic!("a listener that is none: {error}")).run();
                let _ = tell.send(server.handle()); // who waited may have given up
                let _ = server.await; // ends when it is stopped
            });
        });
        let Ok(handle) = told.recv() else { panic!("the fake service at {address} does not start") };
        Self { url: format!("http://{address}{path}"), handle, thread: Some(thread) }
    }
}

impl Drop for Loopback {
    fn drop(&mut self) {
        drop(self.handle.stop(false)); // the order is given when it is made, whether it is awaited or not
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
