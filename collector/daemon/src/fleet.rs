//! Joins ingest to what the centre has its sensors run with and do.

use async_trait::async_trait;
use collector_ingest::{
    Configuration, ConfigurationState, FleetDesk, FleetOrder, Greeting, OrderTold, PortError,
};
use collector_state::{
    ConfigurationReport, OrderKind, OrderStep, Store, configuration_hash, configuration_text,
};
use tokio::sync::watch;

use crate::collector::now;

pub struct Fleet {
    pub state: Store,
}

#[async_trait]
impl FleetDesk for Fleet {
    fn changed(&self) -> watch::Receiver<u64> {
        self.state.fleet_changed()
    }

    async fn greeted(&self, greeting: Greeting) -> Result<(), PortError> {
        let greeting = collector_state::Greeting {
            sensor_id: &greeting.sensor,
            instance: greeting.instance,
            hostname: &greeting.hostname,
            remote_addr: &greeting.remote_addr,
        };
        Ok(self.state.greeted(&greeting, now()).await?)
    }

    async fn configuration_for(
        &self,
        sensor: &str,
        told: &ConfigurationState,
    ) -> Result<Option<Configuration>, PortError> {
        let report = ConfigurationReport {
            hash: told.hash.clone(),
            refused: told.refused.clone(),
            waiting: told.waiting.clone(),
            running_hash: told.running_hash.clone(),
            running: told.running.clone(),
        };
        self.state.record_configuration(sensor, &report).await?;
        let text = configuration_text(&self.state.wanted_settings(sensor).await?);
        let hash = configuration_hash(&text);
        let refused = told.refused.as_ref().map(|(hash, _)| hash);
        // One that waits for its next start would begin anew with every heartbeat.
        let is_told = match &told.waiting {
            Some(waiting) => *waiting == hash,
            None => told.hash == hash || refused == Some(&hash),
        };
        Ok((!is_told).then_some(Configuration { hash, text }))
    }

    async fn orders(&self, sensor: &str) -> Result<Vec<(i64, FleetOrder)>, PortError> {
        let orders = self.state.open_orders(sensor).await?.into_iter();
        let order = |kind| match kind {
            OrderKind::Restart => FleetOrder::Restart,
            OrderKind::Bundle => FleetOrder::Bundle,
        };
        Ok(orders.map(|one| (one.id, order(one.kind))).collect())
    }

    async fn order_told(&self, id: i64, told: OrderTold) -> Result<(), PortError> {
        let step = match told {
            OrderTold::Sent(instance) => OrderStep::Sent(instance),
            OrderTold::Working => OrderStep::Working,
            OrderTold::Failed(fault) => OrderStep::Failed(fault),
            OrderTold::Came(content) => OrderStep::Came(content),
        };
        self.state.step_order(id, &step, now()).await?;
        Ok(())
    }
}
