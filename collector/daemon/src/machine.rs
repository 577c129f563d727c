//! Joins the API to the rest: what it needs of ingest, index, disk and the rule engine.

use std::sync::Arc;

use async_trait::async_trait;
use collector_api::machine::{
    EngineFault, Line, Machine, Numbers, Question, SigmaFault, SigmaRunning, Storage, Taken, Tongue,
};
use collector_api::written;
use collector_index::{Index, Stream};
use collector_ingest::{Intake, Numbering, PublishedRules, Sealer, SyslogCounts};
use collector_sigma::{LiveRules, Running};
use rules::sigma::{Pipeline, Severity};
use sensor_event::Class;

use crate::engine::Engine;
use crate::settings::SigmaConfig;
use crate::sigma;
use crate::storage::Keeper;

pub struct Rest {
    pub intake: Intake,
    pub index: Arc<Index>,
    pub keeper: Arc<Keeper>,
    pub engine: Engine,
    pub sigma: Arc<LiveRules>,
    pub sigma_config: SigmaConfig,
    pub syslog: Arc<SyslogCounts>,
    pub sealer: Arc<Sealer>,
}

#[async_trait]
impl Machine for Rest {
    async fn take(
        &self,
        source: &str,
        numbers: Option<Numbers>,
        lines: Vec<Line>,
    ) -> Result<Taken, String> {
        let numbering = numbers.map(|numbers| Numbering {
            epoch: numbers.epoch,
            first: numbers.first,
        });
        let taken = self.intake.take(source, numbering, lines).await;
        let taken = taken.map_err(|error| error.to_string())?;
        Ok(Taken {
            accepted: taken.accepted,
            rejected: taken
                .rejected
                .into_iter()
                .map(|fault| (fault.line, fault.reason))
                .collect(),
        })
    }

    fn indexed(&self, sensor: &str, epoch: u64) -> u64 {
        indexed(&self.index, sensor, epoch)
    }

    async fn storage(&self) -> Result<Storage, String> {
        let storage = self.keeper.storage().await;
        storage.map_err(|error| format!("{error:#}"))
    }

    fn sigma(&self) -> Vec<(&'static str, u64)> {
        let counts = self.sigma.counts();
        vec![
            ("records", counts.records),
            ("matched", counts.matched),
            ("alerts", counts.alerts),
            ("left_to_sensors", counts.left_to_sensors),
            ("thinned", counts.thinned),
            ("groups_forgotten", counts.forgotten),
            ("late", counts.late),
        ]
    }

    fn syslog(&self) -> Vec<(&'static str, u64)> {
        self.syslog.rows()
    }

    fn sigma_running(&self) -> SigmaRunning {
        running(self.sigma.running())
    }

    async fn sigma_reload(&self) -> Result<SigmaRunning, String> {
        let running_now = sigma::reload(&self.sigma, &self.sigma_config).await;
        running_now
            .map(running)
            .map_err(|error| format!("{error:#}"))
    }

    fn sigma_pipeline(&self) -> Pipeline {
        self.sigma.pipeline()
    }

    async fn rules_bundle(&self, hash: String, text: String) -> Result<Vec<u8>, String> {
        let sealer = Arc::clone(&self.sealer);
        let rules = PublishedRules { hash, text };
        let bundle = tokio::task::spawn_blocking(move || sealer.bundle(rules)).await;
        bundle
            .map_err(|error| error.to_string())?
            .map_err(|error| error.to_string())
    }

    async fn ready(&self) -> Result<(), String> {
        let storage = self.storage().await?;
        if storage.paused.is_empty() {
            Ok(())
        } else {
            Err("the disk is at its reserve: only alerts are taken".to_owned())
        }
    }

    async fn ask_engine(
        &self,
        question: Question,
        text: &str,
        tongue: Tongue,
    ) -> Result<Vec<u8>, EngineFault> {
        self.engine.ask(question, text, tongue).await
    }
}

/// Through which number the alerts of a sensor's epoch are committed.
pub fn indexed(index: &Index, sensor: &str, epoch: u64) -> u64 {
    index.mark(&Stream {
        sensor: sensor.to_owned(),
        epoch,
        class: Class::Alert,
    })
}

fn running(running: Running) -> SigmaRunning {
    let fault = |own: rules::sigma::FileDiagnostic| SigmaFault {
        file: own.file,
        line: own.diagnostic.place.line as u64,
        column: own.diagnostic.place.column as u64,
        severity: match own.diagnostic.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        }
        .to_owned(),
        reason: own.diagnostic.reason,
    };
    SigmaRunning {
        hash: running.hash,
        loaded_at: written(running.loaded_at),
        rules: running.rules as u64,
        correlations: running.correlations as u64,
        waiting: running.waiting as u64,
        failed: running.failed as u64,
        faults: running.diagnostics.into_iter().map(fault).collect(),
    }
}
