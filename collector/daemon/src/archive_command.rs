//! `matluoi-collector admin archive`: what is in the archive, whether it is still whole, and how a collector that has lost
//! its state learns of it again.

use std::collections::HashSet;
use std::path::PathBuf;

use anyhow::{Context, Result, bail};
use clap::Subcommand;
use collector_archive::{Archive, Means, Settings, Site};
use collector_state::{Pack, Page, Store};

use crate::admin::note;
use crate::archive::{label, row};
use crate::collector::now;

const PAGE: u32 = 500;

#[derive(Subcommand)]
pub enum ArchiveCommand {
    /// What is in the archive, and what could not go there.
    List,
    /// Read every pack, and compare its hash.
    Verify {
        /// Certificates (PEM) that are trusted beside those of public authorities.
        #[arg(long)]
        authorities: Option<PathBuf>,
    },
    /// Take up what lies in the archive and is not known here: after the state was lost, or was restored from before.
    Adopt {
        /// Certificates (PEM) that are trusted beside those of public authorities.
        #[arg(long)]
        authorities: Option<PathBuf>,
    },
}

pub async fn command(state: &Store, command: ArchiveCommand) -> Result<()> {
    match command {
        ArchiveCommand::List => list(state).await,
        ArchiveCommand::Verify { authorities } => {
            let (site, archive) = open(state, authorities).await?;
            verify(state, &site, &archive).await
        }
        ArchiveCommand::Adopt { authorities } => {
            let (site, archive) = open(state, authorities).await?;
            adopt(state, &site, &archive).await
        }
    }
}

/// The archive that is set. Whoever works on the machine itself may use any of its folders.
async fn open(state: &Store, authorities: Option<PathBuf>) -> Result<(Site, Archive)> {
    let json = state.setting(Settings::NAME).await?;
    let site = Settings::read(json.as_deref()).site;
    let site = site.context("no archive is set: Settings, Retention in the console")?;
    let authorities = match authorities {
        Some(path) => std::fs::read(&path).with_context(|| path.display().to_string())?,
        None => Vec::new(),
    };
    let means = Means {
        folders: vec![PathBuf::from("/")],
        client: collector_feeds::client(&authorities)?,
    };
    let archive = Archive::open(&site, &means).map_err(|error| anyhow::anyhow!(error.told()))?;
    Ok((site, archive))
}

async fn packs(state: &Store) -> Result<Vec<Pack>> {
    let mut packs = Vec::new();
    let mut before = None;
    loop {
        let limit = PAGE;
        let page = state.archive_packs(Page { limit, before }).await?;
        packs.extend(page.items);
        before = page.next;
        if before.is_none() {
            return Ok(packs);
        }
    }
}

async fn list(state: &Store) -> Result<()> {
    for pack in packs(state).await? {
        let Pack {
            site,
            object,
            events,
            packed_bytes,
            recall,
            ..
        } = pack;
        println!(
            "{site}/{object}\t{events} events\t{packed_bytes} bytes\t{}",
            recall.name()
        );
    }
    for fault in state.archive_faults().await? {
        let (day, shelf, code, reason) = (fault.day, fault.shelf, fault.code, fault.reason);
        println!(
            "waits: {day} {shelf}, {} attempts: {code}: {reason}",
            fault.attempts
        );
    }
    let totals = state.archive_totals().await?;
    println!(
        "{} packs, {} events, {} bytes",
        totals.packs, totals.events, totals.packed_bytes
    );
    if totals.lost_partitions > 0 {
        let (partitions, events) = (totals.lost_partitions, totals.lost_events);
        println!(
            "dropped for want of room before the archive had them: {partitions} partitions, {events} events"
        );
    }
    Ok(())
}

async fn verify(state: &Store, site: &Site, archive: &Archive) -> Result<()> {
    let (mut whole, mut faulty) = (0, 0);
    for pack in packs(state).await? {
        if pack.site != site.name() {
            println!("elsewhere: {}/{}", pack.site, pack.object);
            continue;
        }
        match archive.check(&label(&pack)).await {
            Ok(()) => whole += 1,
            Err(error) => {
                println!("{}: {}", pack.object, error.told());
                faulty += 1;
            }
        }
    }
    println!("archive: {whole} packs whole");
    if faulty > 0 {
        bail!("{faulty} packs of the archive cannot be read as they were written");
    }
    Ok(())
}

async fn adopt(state: &Store, site: &Site, archive: &Archive) -> Result<()> {
    let known = packs(state).await?;
    let known: HashSet<(String, String)> = known
        .into_iter()
        .map(|pack| (pack.site, pack.object))
        .collect();
    let name = site.name();
    let found = archive
        .list()
        .await
        .map_err(|error| anyhow::anyhow!(error.told()))?;
    let mut adopted = 0;
    for label in found {
        if known.contains(&(name.clone(), label.object.clone())) {
            continue;
        }
        if let Err(error) = archive.check(&label).await {
            println!("{}: {}", label.object, error.told());
            continue;
        }
        state.archived(row(&name, &label), now()).await?;
        println!("{}", label.object);
        adopted += 1;
    }
    note(state, "admin.archive_adopt", &name).await?;
    println!("{adopted} packs taken up");
    Ok(())
}
