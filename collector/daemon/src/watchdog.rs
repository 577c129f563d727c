//! Tells systemd that the collector is up, and that it lives (sd_notify(3), `WatchdogSec=` in systemd.service(5)).

use sd_notify::NotifyState;

/// Looks within the time that systemd gives.
const LOOKS: u32 = 4;

fn tell(state: NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(&[state]) {
        tracing::warn!(%error, "the service manager does not take what it is told");
    }
}

/// Says that the collector is up, and gives signs of life from then on; where no service manager waits for them, it
/// waits for ever.
pub async fn keep_telling() {
    tell(NotifyState::Ready);
    let Some(limit) = sd_notify::watchdog_enabled() else {
        return std::future::pending().await;
    };
    loop {
        tell(NotifyState::Watchdog);
        tokio::time::sleep(limit / LOOKS).await;
    }
}

pub fn stopping() {
    tell(NotifyState::Stopping);
}
