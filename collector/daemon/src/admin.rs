//! `matluoi-collector admin`: what is done on the machine itself, without the API.

use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand, ValueEnum};
use collector_index::{Index, Options};
use collector_ingest::Authority;
use collector_state::{AuditEntry, NewUser, Role, Scope, Store, UnitId, UserChange};

use crate::archive_command::{self as archive, ArchiveCommand};
use crate::backup;
use crate::collector::{lock, now, open_state};

#[derive(Args)]
pub struct AdminArguments {
    /// The collector's data folder.
    #[arg(long, global = true, default_value = "/var/lib/matluoi")]
    data: PathBuf,
    #[command(subcommand)]
    command: AdminCommand,
}

#[derive(Subcommand)]
enum AdminCommand {
    /// Accounts.
    #[command(subcommand)]
    User(UserCommand),
    /// An enrolment string for one sensor; it works once, within a day.
    Token {
        /// The sensor's name.
        #[arg(long)]
        name: String,
        /// `host:port` of delivery, as sensors reach it.
        #[arg(long)]
        delivery: String,
        /// `host:port` of enrolment, as sensors reach it.
        #[arg(long)]
        enrolment: String,
    },
    /// A token with which something sends EVE over HTTP; it is printed once.
    Source {
        /// The source's name.
        #[arg(long)]
        name: String,
    },
    /// Copy state, authority and index into a folder: a new one, or one with an earlier backup, of which
    /// only what is new is copied. The collector may be running.
    Backup { folder: PathBuf },
    /// Put a backup into an empty data folder.
    Restore { folder: PathBuf },
    /// The archive of old partitions. The collector may be running.
    #[command(subcommand)]
    Archive(ArchiveCommand),
    /// Check the audit chain, the index, and a backup's list of files. No collector may be running on the
    /// folder.
    Verify,
}

#[derive(Subcommand)]
enum UserCommand {
    /// Make an account. The password is read from standard input; without one, it is made and printed.
    Add {
        name: String,
        #[arg(long, value_enum, default_value_t = RoleName::Analyst)]
        role: RoleName,
        #[arg(long)]
        display_name: Option<String>,
        /// Read the password from standard input.
        #[arg(long)]
        password_stdin: bool,
    },
    /// List the accounts.
    List,
    /// Set a new password, and end the user's sessions.
    Passwd {
        name: String,
        /// Read the password from standard input.
        #[arg(long)]
        password_stdin: bool,
    },
}

#[derive(Clone, Copy, ValueEnum)]
enum RoleName {
    Viewer,
    Analyst,
    RuleAuthor,
    Administrator,
}

impl From<RoleName> for Role {
    fn from(name: RoleName) -> Role {
        match name {
            RoleName::Viewer => Role::Viewer,
            RoleName::Analyst => Role::Analyst,
            RoleName::RuleAuthor => Role::RuleAuthor,
            RoleName::Administrator => Role::Administrator,
        }
    }
}

pub async fn run(arguments: AdminArguments) -> Result<()> {
    let data = arguments.data;
    match arguments.command {
        AdminCommand::User(command) => {
            let state = open_state(&data).await?;
            let done = user(&state, command).await;
            state.close().await;
            done
        }
        AdminCommand::Token {
            name,
            delivery,
            enrolment,
        } => {
            let state = open_state(&data).await?;
            let authority = Authority::open(&data.join("authority"))?;
            let token = state
                .create_enrolment(&name, UnitId::ROOT, "admin", now())
                .await?
                .token;
            let string =
                collector_ingest::enrolment_string(&authority, &delivery, &enrolment, &token);
            println!("{string}");
            note(&state, "admin.token", &name).await?;
            state.close().await;
            Ok(())
        }
        AdminCommand::Source { name } => {
            let state = open_state(&data).await?;
            let (source, token) = state
                .create_source(&name, UnitId::ROOT, "admin", now())
                .await?;
            note(&state, "admin.source", &source.id).await?;
            println!("{} {token}", source.id);
            state.close().await;
            Ok(())
        }
        AdminCommand::Backup { folder } => {
            backup::backup(&data, &folder).await?;
            note_in(&data, "admin.backup", &folder.display().to_string()).await
        }
        AdminCommand::Restore { folder } => {
            backup::restore(&folder, &data)?;
            note_in(&data, "admin.restore", &folder.display().to_string()).await
        }
        AdminCommand::Archive(command) => {
            let state = open_state(&data).await?;
            let done = archive::command(&state, command).await;
            state.close().await;
            done
        }
        AdminCommand::Verify => verify(&data).await,
    }
}

async fn user(state: &Store, command: UserCommand) -> Result<()> {
    match command {
        UserCommand::Add {
            name,
            role,
            display_name,
            password_stdin,
        } => {
            let (password, made) = password(password_stdin)?;
            let user = state
                .create_user(
                    NewUser {
                        display_name: display_name.unwrap_or_else(|| name.clone()),
                        name,
                        role: role.into(),
                        unit_id: UnitId::ROOT,
                        locale: "vi".to_owned(),
                        password: password.clone(),
                    },
                    now(),
                )
                .await?;
            println!("{} {}", user.name, user.role.name());
            note(state, "admin.user_add", &user.name).await?;
            if made {
                println!("password: {password}");
            }
        }
        UserCommand::List => {
            for user in state.users(&root_scope(state).await?).await? {
                let disabled = if user.disabled { " (disabled)" } else { "" };
                println!(
                    "{}\t{}\t{}{disabled}",
                    user.name,
                    user.role.name(),
                    user.display_name
                );
            }
        }
        UserCommand::Passwd {
            name,
            password_stdin,
        } => {
            let (password, made) = password(password_stdin)?;
            let users = state.users(&root_scope(state).await?).await?;
            let user = users
                .iter()
                .find(|user| user.name == name)
                .with_context(|| format!("no user {name}"))?;
            let change = UserChange {
                password: Some(password.clone()),
                ..UserChange::default()
            };
            state.update_user(user.id, change).await?;
            note(state, "admin.user_passwd", &user.name).await?;
            if made {
                println!("password: {password}");
            }
        }
    }
    Ok(())
}

/// What is done on the machine itself is noted as done by whoever may do it: the machine's own account.
pub async fn note(state: &Store, action: &str, target: &str) -> Result<()> {
    let user = std::env::var("SUDO_USER").or_else(|_| std::env::var("USER"));
    let entry = AuditEntry {
        at: now(),
        user: &format!("local:{}", user.as_deref().unwrap_or("unknown")),
        address: "local",
        action,
        target,
        detail: "{}",
    };
    Ok(state.audit(entry).await?)
}

async fn note_in(data: &Path, action: &str, target: &str) -> Result<()> {
    let state = open_state(data).await?;
    let noted = note(&state, action, target).await;
    state.close().await;
    noted
}

async fn root_scope(state: &Store) -> Result<Scope> {
    Ok(state.scope_of(UnitId::ROOT).await?)
}

/// A password from standard input, or a new one; and whether it is new.
fn password(from_stdin: bool) -> Result<(String, bool)> {
    if !from_stdin {
        return Ok((random_password()?, true));
    }
    let mut text = String::new();
    std::io::stdin()
        .take(4_096)
        .read_to_string(&mut text)
        .context("password")?;
    Ok((text.trim_end_matches(['\r', '\n']).to_owned(), false))
}

/// Eighteen letters and digits that are not mistaken for one another: over 90 bits.
pub fn random_password() -> Result<String> {
    const LETTERS: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz234567899";
    let mut bytes = [0_u8; 18];
    getrandom::fill(&mut bytes).map_err(|error| anyhow::anyhow!("no randomness: {error}"))?;
    Ok(bytes
        .iter()
        .map(|byte| char::from(LETTERS[usize::from(byte % 32)]))
        .collect())
}

async fn verify(data: &Path) -> Result<()> {
    let _lock = lock(data)?;
    backup::check(data)?;
    let state = open_state(data).await?;
    let rows = state.verify_audit().await?;
    println!("audit: {rows} rows, unbroken");
    state.close().await;
    let index = open_index(data)?;
    let mut damaged = 0;
    for partition in index.partitions(None, None, None) {
        let files = partition.index()?.validate_checksum()?;
        for file in &files {
            println!("damaged: {}", partition.folder().join(file).display());
        }
        damaged += files.len();
    }
    let stats = index.stats()?;
    println!(
        "index: {} events in {} partitions, {} bytes",
        stats.events,
        stats.partitions.len(),
        stats.bytes
    );
    if damaged > 0 {
        bail!("{damaged} files of the index are damaged");
    }
    Ok(())
}

fn open_index(data: &Path) -> Result<Index> {
    Index::open(&data.join("index"), Options::default()).context("index")
}
