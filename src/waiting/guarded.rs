//! What is a host's may panic, a waker of its own executor for example: that ends nothing of ours.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Waker;

/// Calls a waker; a panic in it is its owner's and stays here, so that those behind it are woken too.
pub(crate) fn wake(waker: Waker) {
    if let Err(panic) = catch_unwind(AssertUnwindSafe(|| waker.wake())) {
        tracing::error!(reason = panic_text(&*panic), "a waker panicked");
    }
}

/// The panic's message, for a log and a link's state.
pub(crate) fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no message".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::Future;
    use std::pin::Pin;
    use std::sync::Arc;
    use std::task::{Context, Poll};

    struct Panicking;

    impl std::task::Wake for Panicking {
        fn wake(self: Arc<Self>) {
            panic!("a host's own trouble");
        }
    }

    #[test]
    fn a_waker_that_panics_stops_nobody() {
        let (promise, mut pending) = crate::waiting::pending::<crate::error::Result<u8>>();
        let waker = Waker::from(Arc::new(Panicking));
        let mut cx = Context::from_waker(&waker);
        assert!(Pin::new(&mut pending).poll(&mut cx).is_pending());
        promise.fulfil(Ok(1));
        assert!(matches!(
            Pin::new(&mut pending).poll(&mut cx),
            Poll::Ready(Ok(1))
        ));
    }
}
