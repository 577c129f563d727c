//! `top`: what the sensor that runs here sees and does, on a terminal.

mod screen;
mod view;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use ratatui::crossterm::event::{self, Event, KeyCode, KeyEventKind, KeyModifiers};

use super::run::Config;
use crate::health::socket;
use crate::health::words::Language;
use view::{Tab, View};

/// Between two questions to the sensor.
const REFRESH: Duration = Duration::from_secs(1);

#[derive(clap::Args)]
pub struct Args {
    /// Configuration of the sensor.
    #[arg(long, value_name = "FILE", default_value = super::doctor::DEFAULT_CONFIG)]
    config: PathBuf,
    /// Language of the screen; the key l changes it.
    #[arg(long, value_enum, default_value_t)]
    lang: Language,
}

pub fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let state_dir = Config::read(&args.config)?.state_dir;
    let Some(first) = socket::ask(&state_dir)? else {
        bail!(
            "no sensor runs with state_dir {}; see matluoi-sensor doctor",
            state_dir.display()
        );
    };
    let mut view = View::new(args.lang);
    view.take(Ok(Some(first)));
    let mut terminal = ratatui::try_init().context("top wants a terminal")?;
    let outcome = (|| -> anyhow::Result<()> {
        let mut asked = Instant::now();
        loop {
            terminal.draw(|frame| screen::draw(frame, &view))?;
            let wait = REFRESH.saturating_sub(asked.elapsed());
            if event::poll(wait)? {
                match event::read()? {
                    Event::Key(key) if key.kind != KeyEventKind::Release => {
                        let interrupt = key.modifiers.contains(KeyModifiers::CONTROL)
                            && key.code == KeyCode::Char('c');
                        if interrupt || !press(&mut view, key.code) {
                            return Ok(());
                        }
                    }
                    // A screen of another size is drawn anew.
                    _ => {}
                }
            }
            if asked.elapsed() >= REFRESH {
                asked = Instant::now();
                if !view.paused {
                    view.take(socket::ask(&state_dir));
                }
            }
        }
    })();
    ratatui::restore();
    outcome.map(|()| ExitCode::SUCCESS)
}

/// What a key does; false when it ends the program.
fn press(view: &mut View, key: KeyCode) -> bool {
    match key {
        KeyCode::Char('q') | KeyCode::Esc => return false,
        KeyCode::Char('l') => view.other_language(),
        KeyCode::Char('p') | KeyCode::Char(' ') => view.paused = !view.paused,
        KeyCode::Tab | KeyCode::Right => view.tab = view.tab.next(),
        KeyCode::BackTab | KeyCode::Left => view.tab = view.tab.before(),
        KeyCode::Char('1') => view.tab = Tab::Overview,
        KeyCode::Char('2') => view.tab = Tab::Talkers,
        KeyCode::Char('3') => view.tab = Tab::Alerts,
        KeyCode::Char('4') => view.tab = Tab::Findings,
        KeyCode::Down | KeyCode::Char('j') => view.scroll = view.scroll.saturating_add(1),
        KeyCode::Up | KeyCode::Char('k') => view.scroll = view.scroll.saturating_sub(1),
        KeyCode::Home => view.scroll = 0,
        _ => {}
    }
    true
}
