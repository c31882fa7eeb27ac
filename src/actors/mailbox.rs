//! The mailbox of an actor, with a count of what waits in it: actix keeps one and does not tell.
//!
//! A message counts from when it is sent until it is handled or dropped with its actor, so that the count can't drift, however a
//! message comes to its end.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use actix::{Actor, Addr, Context, Handler, Message};

/// Where messages to an actor are put. Cheap to clone.
pub struct Mailbox<A: Actor> {
    addr: Addr<A>,
    waiting: Arc<AtomicU64>,
}

/// A message on its way.
pub struct Mail<M> {
    message: M,
    waits: Waits,
}

/// Counts while it lives.
struct Waits(Arc<AtomicU64>);

impl<A: Actor> Mailbox<A> {
    /// The mailbox of an actor; what waits in it is counted there.
    pub fn new(addr: Addr<A>, waiting: Arc<AtomicU64>) -> Self {
        Self { addr, waiting }
    }

    /// The actor.
    #[cfg(test)]
    pub fn addr(&self) -> Addr<A> {
        self.addr.clone()
    }

    /// Puts a message in. It is dropped when the actor is gone.
    pub fn send<M>(&self, message: M)
    where
        A: Actor<Context = Context<A>> + Handler<Mail<M>>,
        M: Message<Result = ()> + Send + 'static,
    {
        self.waiting.fetch_add(1, Ordering::Relaxed);
        self.addr.do_send(Mail { message, waits: Waits(Arc::clone(&self.waiting)) });
    }
}

impl<A: Actor> Clone for Mailbox<A> {
    fn clone(&self) -> Self {
        Self { addr: self.addr.clone(), waiting: Arc::clone(&self.waiting) }
    }
}

impl<M> Mail<M> {
    /// The message, which waits no longer.
    pub fn open(self) -> M {
        drop(self.waits);
        self.message
    }
}

impl<M: Message> Message for Mail<M> {
    type Result = M::Result;
}

impl Drop for Waits {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU64, Ordering};

    use actix::{Actor, ActorContext, Context, Handler, Message};

    use super::{Mail, Mailbox};

    /// Notes how many wait while it handles a letter.
    struct Reader {
        waiting: Arc<AtomicU64>,
        seen: Vec<u64>,
    }

    #[derive(Message)]
    #[rtype(result = "()")]
    struct Letter;

    #[derive(Message)]
    #[rtype(result = "Vec<u64>")]
    struct Seen;

    impl Actor for Reader {
        type Context = Context<Self>;
    }

    impl Handler<Mail<Letter>> for Reader {
        type Result = ();

        fn handle(&mut self, mail: Mail<Letter>, _: &mut Self::Context) {
            let Letter = mail.open();
            self.seen.push(self.waiting.load(Ordering::Relaxed));
        }
    }

    impl Handler<Seen> for Reader {
        type Result = Vec<u64>;

        fn handle(&mut self, _: Seen, ctx: &mut Self::Context) -> Vec<u64> {
            ctx.stop();
            self.seen.clone()
        }
    }

    #[actix::test]
    async fn what_waits_is_counted_until_it_is_handled_or_lost() {
        let waiting = Arc::new(AtomicU64::new(0));
        let reader = Reader { waiting: Arc::clone(&waiting), seen: Vec::new() }.start();
        let mailbox = Mailbox::new(reader.clone(), Arc::clone(&waiting));
        for _ in 0..3 {
            mailbox.send(Letter);
        }
        assert_eq!(waiting.load(Ordering::Relaxed), 3);
        assert_eq!(reader.send(Seen).await.unwrap(), [2, 1, 0]);
        while reader.connected() {
            tokio::task::yield_now().await;
        }
        mailbox.send(Letter);
        assert_eq!(waiting.load(Ordering::Relaxed), 0, "nobody will read it");
    }
}
