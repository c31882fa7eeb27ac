//! How it is asked.
pub mod state;
pub mod ws;
pub fn configure(cfg: &mut actix_web::web::ServiceConfig) {
    use actix_web::web;
    cfg.route("/api/jobs/ws", web::get().to(ws::all)).route("/api/jobs/{id}/ws", web::get().to(ws::one));
}
