//! A fence in front of the API server: no write passes while this process does not lead for certain. It knows no kind and no Lease.
//!
//! A leader that is frozen for a minute, by a busy machine or a debugger, does not know that it has been replaced when it wakes up in
//! the middle of a write. (A clock that stands still with the machine, as while it is suspended, shows nothing of that.) So the clock is asked right before a write leaves, and again each time that one which waits for its
//! turn (behind others, or to be tried again) goes on.

use std::{
    pin::Pin,
    sync::{Arc, Mutex, PoisonError},
    task::{Context, Poll},
    time::Instant,
};

use futures::future::{BoxFuture, FutureExt as _};
use http::{Method, Request};
use tower::{BoxError, Layer, Service};

/// Until when writes may pass. Cloning shares.
#[derive(Clone, Debug)]
pub struct Fence(Arc<Mutex<Open>>);

#[derive(Clone, Copy, Debug)]
enum Open {
    Always,
    Until(Instant),
    Never,
}

/// A write did not leave.
#[derive(Clone, Copy, Debug, thiserror::Error)]
#[error("another replica leads, or may lead by now: nothing is written")]
pub struct NotLeading;

impl Fence {
    /// One that lets everything pass: there is no other replica.
    pub fn open() -> Self {
        Self(Arc::new(Mutex::new(Open::Always)))
    }

    /// One that lets no write pass until [`Self::open_until`].
    pub fn closed() -> Self {
        Self(Arc::new(Mutex::new(Open::Never)))
    }

    /// Lets writes pass until then.
    pub fn open_until(&self, until: Instant) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Open::Until(until);
    }

    /// Lets no further write pass.
    pub fn close(&self) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Open::Never;
    }

    /// Whether a write may pass now.
    pub fn is_open(&self) -> bool {
        match *self.0.lock().unwrap_or_else(PoisonError::into_inner) {
            Open::Always => true,
            Open::Until(until) => Instant::now() < until,
            Open::Never => false,
        }
    }
}

impl<S> Layer<S> for Fence {
    type Service = Fenced<S>;

    fn layer(&self, inner: S) -> Self::Service {
        Fenced {
            inner,
            fence: self.clone(),
        }
    }
}

/// A client behind a [`Fence`].
#[derive(Clone, Debug)]
pub struct Fenced<S> {
    inner: S,
    fence: Fence,
}

impl<S, B> Service<Request<B>> for Fenced<S>
where
    S: Service<Request<B>, Error = BoxError>,
    S::Future: Send + 'static,
    S::Response: Send + 'static,
{
    type Response = S::Response;
    type Error = BoxError;
    type Future = BoxFuture<'static, Result<S::Response, BoxError>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.inner.poll_ready(context)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        // What only reads changes nothing, however late it comes.
        if matches!(*request.method(), Method::GET | Method::HEAD) {
            return self.inner.call(request).boxed();
        }
        if !self.fence.is_open() {
            return std::future::ready(Err(NotLeading.into())).boxed();
        }
        let write = Write {
            answer: self.inner.call(request).boxed(),
            fence: self.fence.clone(),
        };
        write.boxed()
    }
}

/// A write under way. It goes on only while the fence is open.
struct Write<R> {
    answer: BoxFuture<'static, Result<R, BoxError>>,
    fence: Fence,
}

impl<R> Future for Write<R> {
    type Output = Result<R, BoxError>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        if !self.fence.is_open() {
            return Poll::Ready(Err(NotLeading.into()));
        }
        self.answer.poll_unpin(context)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tower::service_fn;

    use super::*;

    fn request(method: Method) -> Request<()> {
        Request::builder().method(method).body(()).unwrap()
    }

    fn behind(
        fence: &Fence,
        takes: Duration,
    ) -> impl Service<Request<()>, Response = (), Error = BoxError, Future = BoxFuture<'static, Result<(), BoxError>>>
    {
        fence.layer(service_fn(move |_| async move {
            tokio::time::sleep(takes).await;
            Ok::<_, BoxError>(())
        }))
    }

    fn soon() -> Instant {
        Instant::now() + Duration::from_mins(1)
    }

    #[tokio::test]
    async fn reads_always_pass_and_writes_only_while_it_is_open() {
        let fence = Fence::closed();
        let mut service = behind(&fence, Duration::ZERO);
        assert!(service.call(request(Method::GET)).await.is_ok());
        for method in [Method::POST, Method::PUT, Method::PATCH, Method::DELETE] {
            assert!(
                service
                    .call(request(method.clone()))
                    .await
                    .unwrap_err()
                    .is::<NotLeading>()
            );
            fence.open_until(soon());
            assert!(service.call(request(method)).await.is_ok());
            fence.open_until(Instant::now());
        }
        assert!(
            behind(&Fence::open(), Duration::ZERO)
                .call(request(Method::PUT))
                .await
                .is_ok()
        );
    }

    /// As one that sleeps before it is tried again.
    #[tokio::test]
    async fn a_write_that_waits_does_not_go_on_once_it_is_closed() {
        let fence = Fence::closed();
        fence.open_until(soon());
        let mut service = behind(&fence, Duration::from_millis(20));
        let write = service.call(request(Method::PATCH));
        fence.close();
        assert!(write.await.unwrap_err().is::<NotLeading>());
    }
}
