//! What a progress call costs a handler: it is made in tight loops.

use std::sync::Arc;

use divan::Bencher;
use stashhog::job::{Attempt, Environment, Fence, JobContext, ProgressParser};
use uuid::Uuid;

fn main() {
    divan::main();
}

fn context() -> JobContext {
    let parser = Arc::new(ProgressParser::new(&[]).expect("the old pattern"));
    let attempt = Attempt::new(Fence::new(Uuid::now_v7(), 1), "bench", parser, None, Box::new(|_| {}));
    JobContext::new(attempt, Environment::default(), Arc::new(()))
}

#[divan::bench]
fn items(bencher: Bencher) {
    let (ctx, mut done) = (context(), 0);
    bencher.bench_local(|| {
        done += 1;
        ctx.items(done, u64::MAX);
    });
}

#[divan::bench]
fn percent_and_message(bencher: Bencher) {
    let ctx = context();
    bencher.bench_local(|| ctx.progress(50, "copying"));
}

#[divan::bench]
fn message_with_counts(bencher: Bencher) {
    let ctx = context();
    bencher.bench_local(|| ctx.progress(50, "Processed 50/100 scenes"));
}

#[divan::bench]
fn is_cancelled(bencher: Bencher) {
    let ctx = context();
    bencher.bench_local(|| ctx.is_cancelled());
}
