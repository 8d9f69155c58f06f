//! Guards against panics in code of the host, for example in a waker of its executor: they end
//! nothing of the engine.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Waker;

/// Calls a waker. A panic in it is logged and goes no further, so that the wakers after it are
/// called too.
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
