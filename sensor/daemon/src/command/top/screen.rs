//! How `top` is drawn.

use ratatui::Frame;
use ratatui::layout::{Constraint, Layout, Rect};
use ratatui::style::{Color, Modifier, Style, Stylize};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Paragraph, Row, Sparkline, Table, Tabs, Wrap};

use super::view::{Tab, View};
use crate::health::finding::Severity;
use crate::health::words::{Writer, time};

/// Rows of what the sensor is at the top, and of keys at the bottom.
const HEAD: u16 = 2;

pub fn draw(frame: &mut Frame<'_>, view: &View) {
    let [head, tabs, body, foot] = Layout::vertical([
        Constraint::Length(HEAD),
        Constraint::Length(1),
        Constraint::Min(0),
        Constraint::Length(1),
    ])
    .areas(frame.area());
    draw_head(frame, view, head);
    let count = |name: &str, count: usize| {
        if count == 0 {
            name.to_owned()
        } else {
            format!("{name} ({count})")
        }
    };
    let titles = [
        format!("1 {}", view.say("Tổng quan", "Overview")),
        format!("2 {}", view.say("Máy gửi nhiều", "Top talkers")),
        format!(
            "3 {}",
            count(view.say("Cảnh báo", "Alerts"), view.status.alerts.len())
        ),
        format!(
            "4 {}",
            count(
                view.say("Điều cần sửa", "What is wrong"),
                view.status.findings.len()
            )
        ),
    ];
    frame.render_widget(
        Tabs::new(titles)
            .select(view.tab.index())
            .highlight_style(Style::new().add_modifier(Modifier::REVERSED)),
        tabs,
    );
    match view.tab {
        Tab::Overview => draw_overview(frame, view, body),
        Tab::Talkers => draw_talkers(frame, view, body),
        Tab::Alerts => draw_alerts(frame, view, body),
        Tab::Findings => draw_findings(frame, view, body),
    }
    let keys = view.say(
        "q thoát  Tab/1-4 trang  ↑↓ cuộn  l English  p tạm dừng",
        "q quit  Tab/1-4 page  ↑↓ scroll  l Tiếng Việt  p pause",
    );
    frame.render_widget(Paragraph::new(keys).dim(), foot);
}

fn draw_head(frame: &mut Frame<'_>, view: &View, area: Rect) {
    let status = &view.status;
    let interface = status
        .interface
        .as_ref()
        .map_or("–", |one| one.name.as_str());
    let uptime = status.now_ms.saturating_sub(status.started_ms) / 1_000;
    let first = Line::from(vec![
        Span::from("Mắt Lưới ").bold(),
        Span::from(format!(
            "{} · {} · {interface} · {} {}",
            status.version,
            status.hostname,
            view.say("chạy được", "up"),
            duration(uptime)
        )),
    ]);
    let second = match (&view.trouble, view.paused) {
        (Some(trouble), _) => Line::from(trouble.as_str()).fg(Color::Red),
        (None, true) => Line::from(view.say("TẠM DỪNG", "PAUSED")).fg(Color::Yellow),
        (None, false) => Line::from(format!(
            "{} {} · {} MB · {} {}",
            number(view, status.rules.loaded),
            view.say("luật", "rules"),
            status.memory_bytes >> 20,
            time(status.now_ms),
            ""
        )),
    };
    frame.render_widget(Paragraph::new(vec![first, second]), area);
}

/// A row of a name and what it is.
fn fact<'a>(name: &'a str, value: String) -> Row<'a> {
    Row::new(vec![name.to_owned(), value])
}

fn facts<'a>(title: &'a str, rows: Vec<Row<'a>>) -> Table<'a> {
    Table::new(rows, [Constraint::Length(22), Constraint::Min(8)])
        .block(Block::bordered().title(title))
}

fn draw_overview(frame: &mut Frame<'_>, view: &View, area: Rect) {
    let [upper, lower] = Layout::vertical([Constraint::Length(8), Constraint::Min(0)]).areas(area);
    let [traffic, graph] =
        Layout::horizontal([Constraint::Percentage(50), Constraint::Percentage(50)]).areas(upper);
    let counts = &view.status.counts;
    let n = |value: u64| number(view, value);
    let rows = vec![
        fact(view.say("Gói tin/giây", "Packets/s"), n(view.rates.packets)),
        fact(view.say("Băng thông", "Bandwidth"), bits(view.rates.bits)),
        fact(
            view.say("Tổng gói tin", "Packets"),
            n(counts.traffic.packets),
        ),
        fact(view.say("Kết nối", "Connections"), n(counts.traffic.flows)),
        fact(view.say("Bản ghi/giây", "Records/s"), n(view.rates.records)),
    ];
    frame.render_widget(facts(view.say("Lưu lượng", "Traffic"), rows), traffic);
    let history: Vec<u64> = view.history.iter().copied().collect();
    let width = usize::from(graph.width.saturating_sub(2));
    let shown = &history[history.len().saturating_sub(width)..];
    let most = shown.iter().copied().max().unwrap_or(0);
    let title = format!(
        "{} ({} {})",
        view.say("Băng thông", "Bandwidth"),
        view.say("cao nhất", "at most"),
        bits(most)
    );
    frame.render_widget(
        Sparkline::default()
            .data(shown)
            .block(Block::bordered().title(title)),
        graph,
    );
    let [drops, protocols, delivery] = Layout::horizontal([
        Constraint::Percentage(34),
        Constraint::Percentage(26),
        Constraint::Percentage(40),
    ])
    .areas(lower);
    draw_drops(frame, view, drops);
    draw_protocols(frame, view, protocols);
    draw_delivery(frame, view, delivery);
}

fn draw_drops(frame: &mut Frame<'_>, view: &View, area: Rect) {
    let counts = &view.status.counts;
    let rows = [
        (view.say("vòng đệm nhân", "kernel ring"), counts.ring_drops),
        (view.say("card mạng", "card"), counts.card_drops),
        (
            view.say("bảng kết nối đầy", "flow table full"),
            counts.traffic.evicted,
        ),
        (
            view.say("hết bộ nhớ luồng", "stream memory"),
            counts.traffic.no_room,
        ),
        (
            view.say("checksum sai", "wrong checksums"),
            counts.traffic.checksums_wrong,
        ),
        (
            view.say("đĩa chậm", "disk too slow"),
            counts.records_queue_full,
        ),
        (
            view.say("hàng đợi đầy", "spool full"),
            counts.records_given_up,
        ),
    ];
    let rows = rows.map(|(name, count)| {
        let row = fact(name, number(view, count));
        if count > 0 {
            row.fg(Color::Yellow)
        } else {
            row
        }
    });
    let title = view.say("Mất mát theo nguyên nhân", "Lost, by reason");
    frame.render_widget(facts(title, rows.into()), area);
}

fn draw_protocols(frame: &mut Frame<'_>, view: &View, area: Rect) {
    let mut protocols: Vec<(&String, u64)> = view
        .status
        .window
        .iter()
        .flat_map(|window| window.protocols.iter())
        .map(|(name, share)| (name, share.bytes))
        .collect();
    protocols.sort_by_key(|(name, bytes)| (std::cmp::Reverse(*bytes), *name));
    let whole: u64 = protocols.iter().map(|(_, bytes)| bytes).sum();
    let rows: Vec<Row<'_>> = protocols
        .into_iter()
        .map(|(name, bytes)| {
            let percent = bytes.saturating_mul(100) / whole.max(1);
            Row::new(vec![name.clone(), format!("{percent} %")])
        })
        .collect();
    frame.render_widget(
        Table::new(rows, [Constraint::Min(8), Constraint::Length(6)])
            .block(Block::bordered().title(view.say("Giao thức", "Protocols"))),
        area,
    );
}

fn draw_delivery(frame: &mut Frame<'_>, view: &View, area: Rect) {
    let status = &view.status;
    let mut rows = Vec::new();
    match &status.link {
        Some(link) => {
            let state = if link.connected {
                view.say("đã kết nối", "connected")
            } else {
                view.say("mất kết nối", "no link")
            };
            let row = fact(view.say("Trung tâm", "Collector"), state.to_owned());
            rows.push(if link.connected {
                row.fg(Color::Green)
            } else {
                row.fg(Color::Red)
            });
            rows.push(fact(view.say("Địa chỉ", "Address"), link.address.clone()));
            rows.push(fact(
                view.say("Gửi được/giây", "Delivered/s"),
                number(view, view.rates.acked),
            ));
        }
        None => rows.push(fact(
            view.say("Trung tâm", "Collector"),
            view.say("không có", "none").to_owned(),
        )),
    }
    if let Some(spool) = &status.spool {
        rows.push(fact(
            view.say("Hàng đợi", "Spool"),
            format!("{} / {} MB", spool.bytes >> 20, spool.budget_bytes >> 20),
        ));
        for (class, records) in spool.waiting.iter().filter(|(_, records)| *records > 0) {
            rows.push(Row::new(vec![format!("  {class}"), number(view, *records)]));
        }
    }
    for output in &status.outputs {
        let lost = if output.lost > 0 {
            format!(" (−{})", number(view, output.lost))
        } else {
            String::new()
        };
        rows.push(Row::new(vec![
            output.name.clone(),
            format!("{}{lost}", number(view, output.written)),
        ]));
    }
    if let Some(disk) = &status.disk {
        rows.push(fact(
            view.say("Đĩa còn trống", "Disk free"),
            format!("{} MB", disk.free_bytes >> 20),
        ));
    }
    let title = view.say("Đường truyền và hàng đợi", "Link and spool");
    frame.render_widget(facts(title, rows), area);
}

fn draw_talkers(frame: &mut Frame<'_>, view: &View, area: Rect) {
    let window = view.status.window.as_ref();
    let seconds = window.map_or(1, |window| window.milliseconds.max(1_000) / 1_000);
    let rate = |bytes: u64| bits(bytes.saturating_mul(8) / seconds);
    let rows: Vec<Row<'_>> = window
        .into_iter()
        .flat_map(|window| &window.hosts)
        .skip(view.scroll)
        .map(|host| {
            Row::new(vec![
                host.address.to_string(),
                rate(host.sent.bytes),
                rate(host.received.bytes),
                number(view, host.sent.packets + host.received.packets),
            ])
        })
        .collect();
    let head = [
        view.say("Địa chỉ", "Address"),
        view.say("Gửi", "Sends"),
        view.say("Nhận", "Receives"),
        view.say("Gói tin", "Packets"),
    ];
    let widths = [
        Constraint::Length(40),
        Constraint::Length(14),
        Constraint::Length(14),
        Constraint::Min(8),
    ];
    frame.render_widget(
        Table::new(rows, widths)
            .header(Row::new(head).bold())
            .block(Block::bordered()),
        area,
    );
}

fn draw_alerts(frame: &mut Frame<'_>, view: &View, area: Rect) {
    let rows: Vec<Row<'_>> = view
        .status
        .alerts
        .iter()
        .filter(|record| !record["alert"].is_null())
        .skip(view.scroll)
        .map(|record| {
            let text = |value: &serde_json::Value| printable(value.as_str().unwrap_or("–"));
            let end = |address: &str, port: &str| match record[port].as_u64() {
                Some(port) => format!("{}:{port}", text(&record[address])),
                None => text(&record[address]),
            };
            let at = text(&record["timestamp"]);
            Row::new(vec![
                at.get(11..19).unwrap_or(&at).to_owned(),
                text(&record["alert"]["signature"]),
                format!(
                    "{} → {}",
                    end("src_ip", "src_port"),
                    end("dest_ip", "dest_port")
                ),
            ])
        })
        .collect();
    let head = [
        view.say("Giờ (UTC)", "Time (UTC)"),
        view.say("Cảnh báo", "Alert"),
        view.say("Từ → đến", "From → to"),
    ];
    let widths = [
        Constraint::Length(10),
        Constraint::Min(20),
        Constraint::Length(46),
    ];
    frame.render_widget(
        Table::new(rows, widths)
            .header(Row::new(head).bold())
            .block(Block::bordered()),
        area,
    );
}

fn draw_findings(frame: &mut Frame<'_>, view: &View, area: Rect) {
    let writer = Writer::new(view.language);
    let mut lines = Vec::new();
    for finding in view.status.findings.iter().skip(view.scroll) {
        let color = match finding.severity {
            Severity::Bad => Color::Red,
            Severity::Warning => Color::Yellow,
        };
        lines.push(Line::from(printable(&writer.what(finding))).fg(color));
        lines.push(Line::from(format!(
            "  → {}",
            printable(&writer.remedy(finding))
        )));
    }
    if lines.is_empty() {
        lines.push(Line::from(
            view.say("Cảm biến đang chạy tốt.", "The sensor runs well."),
        ));
    }
    frame.render_widget(
        Paragraph::new(lines)
            .wrap(Wrap { trim: false })
            .block(Block::bordered()),
        area,
    );
}

/// Text from the wire without what would command the terminal.
fn printable(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_control() { '·' } else { c })
        .collect()
}

fn number(view: &View, value: u64) -> String {
    Writer::new(view.language).number(value)
}

/// Bits a second with a unit.
fn bits(value: u64) -> String {
    const UNITS: [&str; 4] = ["bit/s", "kbit/s", "Mbit/s", "Gbit/s"];
    let mut unit = 0;
    let mut scale = 1_u64;
    while value / scale >= 1_000 && unit + 1 < UNITS.len() {
        unit += 1;
        scale *= 1_000;
    }
    let tenths = value / (scale / 10).max(1) % 10;
    if unit == 0 {
        format!("{value} {}", UNITS[0])
    } else {
        format!("{}.{tenths} {}", value / scale, UNITS[unit])
    }
}

fn duration(seconds: u64) -> String {
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60);
    if days > 0 {
        format!("{days} d {hours} h")
    } else if hours > 0 {
        format!("{hours} h {minutes} min")
    } else {
        format!("{minutes} min {} s", seconds % 60)
    }
}

#[cfg(test)]
mod tests {
    use ratatui::Terminal;
    use ratatui::backend::TestBackend;

    use super::*;
    use crate::health::finding::{Code, Finding};
    use crate::health::status::{Link, Status};
    use crate::health::words::Language;

    fn shown(view: &View, width: u16, height: u16) -> String {
        let mut terminal = Terminal::new(TestBackend::new(width, height)).expect("a terminal");
        terminal
            .draw(|frame| draw(frame, view))
            .expect("it is drawn");
        let buffer = terminal.backend().buffer();
        buffer
            .content()
            .chunks(usize::from(width))
            .map(|row| {
                row.iter()
                    .map(ratatui::buffer::Cell::symbol)
                    .collect::<String>()
                    + "\n"
            })
            .collect()
    }

    fn view(language: Language) -> View {
        let mut view = View::new(language);
        let mut status = Status {
            link: Some(Link::default()),
            findings: vec![
                Finding::new(Code::NoPackets, 0)
                    .with("interface", "eth1")
                    .with("seconds", 40),
            ],
            alerts: vec![serde_json::json!({
                "timestamp": "2026-11-26T14:05:12.000000+0000", "src_ip": "10.0.0.1", "src_port": 5, "dest_ip": "10.0.0.2",
                "alert": {"signature": "bad \u{1b}[2J words"},
            })],
            ..Status::default()
        };
        status.counts.ring_drops = 1_234;
        view.take(Ok(Some(status)));
        view
    }

    #[test]
    fn each_page_shows_its_facts_in_both_languages() {
        for (language, tab, words) in [
            (
                Language::Vi,
                Tab::Overview,
                vec!["vòng đệm nhân", "1.234", "mất kết nối"],
            ),
            (
                Language::En,
                Tab::Overview,
                vec!["kernel ring", "1,234", "no link"],
            ),
            (Language::En, Tab::Talkers, vec!["Address", "Sends"]),
            (
                Language::Vi,
                Tab::Alerts,
                vec!["14:05:12", "bad ·[2J words", "10.0.0.1:5 → 10.0.0.2"],
            ),
            (
                Language::Vi,
                Tab::Findings,
                vec!["Đã 40 giây không có gói tin nào đến giao diện eth1"],
            ),
        ] {
            let mut view = view(language);
            view.tab = tab;
            let text = shown(&view, 120, 30);
            for word in words {
                assert!(text.contains(word), "{word}: {text}");
            }
        }
    }

    #[test]
    fn no_size_is_too_small() {
        for tab in Tab::ALL {
            let mut view = view(Language::Vi);
            view.tab = tab;
            view.scroll = 99;
            for (width, height) in [(1, 1), (20, 4), (40, 12), (300, 100)] {
                shown(&view, width, height);
            }
        }
    }

    #[test]
    fn rates_have_units() {
        for (value, text) in [
            (0, "0 bit/s"),
            (999, "999 bit/s"),
            (1_500, "1.5 kbit/s"),
            (2_340_000_000, "2.3 Gbit/s"),
        ] {
            assert_eq!(bits(value), text);
        }
        assert_eq!(duration(90_061), "1 d 1 h");
    }
}
