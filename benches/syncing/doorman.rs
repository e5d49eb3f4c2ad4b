//! Stands before the domain controller's port and counts who comes in: every connection, however short.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

/// Lets every connection through.
pub struct Doorman {
    port: u16,
    counts: Arc<Counts>,
    standing: JoinHandle<()>,
}

#[derive(Debug, Default)]
struct Counts {
    accepted: AtomicUsize,
    open: AtomicUsize,
    most: AtomicUsize,
}

/// Connections to the domain controller.
#[derive(Clone, Copy, Debug)]
pub struct Counted {
    accepted: usize,
    /// At the same time.
    pub most: usize,
    /// At the end.
    open: usize,
}

impl fmt::Display for Counted {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { accepted, most, open } = self;
        write!(
            formatter,
            "{accepted} accepted, at most {most} at a time, {open} open at the end"
        )
    }
}

impl Doorman {
    /// Before this port of this machine.
    pub async fn before(port: u16) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let counts = Arc::new(Counts::default());
        Self {
            port: listener.local_addr().expect("it listens").port(),
            counts: counts.clone(),
            standing: tokio::spawn(stand(listener, port, counts)),
        }
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    pub fn counted(&self) -> Counted {
        let Counts { accepted, open, most } = &*self.counts;
        let [accepted, open, most] = [accepted, open, most].map(|count| count.load(Ordering::Relaxed));
        Counted { accepted, most, open }
    }
}

impl Drop for Doorman {
    fn drop(&mut self) {
        self.standing.abort();
    }
}

async fn stand(listener: TcpListener, port: u16, counts: Arc<Counts>) {
    loop {
        let (mut client, _) = listener.accept().await.expect("a listener accepts");
        let counts = counts.clone();
        counts.accepted.fetch_add(1, Ordering::Relaxed);
        let open = counts.open.fetch_add(1, Ordering::Relaxed) + 1;
        counts.most.fetch_max(open, Ordering::Relaxed);
        tokio::spawn(async move {
            if let Ok(mut server) = TcpStream::connect(("127.0.0.1", port)).await {
                // How it ends is for the two to know.
                let _ = copy_bidirectional(&mut client, &mut server).await;
            }
            counts.open.fetch_sub(1, Ordering::Relaxed);
        });
    }
}
