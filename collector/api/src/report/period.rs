//! The report of a day, a week or a month, and the hand-over between shifts.

use collector_state::{
    CaseFilter, CaseStatus, Figures, Group, GroupFilter, GroupPage, GroupSort, Page, Status, Term,
    UnixMillis,
};

use super::document::{Block, Document};
use super::words::{self, Language};
use crate::ApiState;
use crate::caller::Caller;
use crate::cases::clocks;
use crate::error::Result;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Daily,
    Weekly,
    Monthly,
    HandOver,
}

impl Kind {
    pub fn from_name(name: &str) -> Option<Kind> {
        match name {
            "daily" => Some(Kind::Daily),
            "weekly" => Some(Kind::Weekly),
            "monthly" => Some(Kind::Monthly),
            "handover" => Some(Kind::HandOver),
            _ => None,
        }
    }

    fn title(self, language: Language) -> &'static str {
        match self {
            Kind::Daily => language.say(
                "Báo cáo giám sát an ninh mạng ngày",
                "Daily monitoring report",
            ),
            Kind::Weekly => language.say(
                "Báo cáo giám sát an ninh mạng tuần",
                "Weekly monitoring report",
            ),
            Kind::Monthly => language.say(
                "Báo cáo giám sát an ninh mạng tháng",
                "Monthly monitoring report",
            ),
            Kind::HandOver => language.say("Biên bản giao ca", "Shift hand-over"),
        }
    }
}

/// Groups of each list of the hand-over.
const LISTED: u32 = 15;

pub async fn make(
    state: &ApiState,
    caller: &Caller,
    kind: Kind,
    (from, to): (UnixMillis, UnixMillis),
    language: Language,
) -> Result<Document> {
    let say = |vi, en| language.say(vi, en);
    let figures = state.store.figures(&caller.scope, from, to).await?;
    let units = state.store.units(&caller.scope).await?;
    let unit = units.iter().find(|unit| unit.id == caller.user.unit_id);
    let mut document = Document {
        unit: unit.map_or_else(String::new, |unit| unit.name.clone()),
        date: words::date(state.now(), language),
        title: kind.title(language).to_owned(),
        subtitle: format!(
            "{} {} {} {}",
            say("Từ", "From"),
            words::time(from),
            say("đến", "to"),
            words::time(to)
        ),
        blocks: Vec::new(),
        language: language.name().to_owned(),
    };
    summary(&mut document, &figures, language);
    if kind == Kind::HandOver {
        open_groups(&mut document, state, caller, language).await?;
    } else {
        tables(&mut document, state, &figures, language);
    }
    cases(&mut document, state, caller, language).await?;
    if !figures.sensors.is_empty() {
        document.heading(say("Cảm biến và sổ đối soát", "Sensors and their ledger"));
        let rows = figures
            .sensors
            .iter()
            .map(|sensor| {
                let kept = sensor.stored + sensor.shed + sensor.rejected;
                [
                    sensor.name.clone(),
                    language.number(sensor.made),
                    language.number(sensor.stored),
                    language.number(sensor.shed),
                    language.number(sensor.rejected),
                    language.number(sensor.made.saturating_sub(kept)),
                ]
            })
            .collect();
        document.table(
            [
                say("Cảm biến", "Sensor"),
                say("Đã tạo", "Made"),
                say("Đã lưu", "Stored"),
                say("Chủ động bỏ", "Shed"),
                say("Bị từ chối", "Rejected"),
                say("Còn thiếu", "Missing"),
            ],
            [28, 15, 15, 15, 15, 14],
            rows,
        );
    }
    if !figures.analysts.is_empty() {
        document.heading(say("Công việc của phân tích viên", "Work of the analysts"));
        let rows = figures
            .analysts
            .iter()
            .map(|one| {
                [
                    one.user.clone(),
                    language.number(one.taken),
                    language.number(one.closed),
                    language.number(one.escalated),
                ]
            })
            .collect();
        document.table(
            [
                say("Người", "Analyst"),
                say("Tiếp nhận", "Taken"),
                say("Đóng", "Closed"),
                say("Báo cấp trên", "Escalated"),
            ],
            [5, 2, 2, 2],
            rows,
        );
    }
    let (left, right) = if kind == Kind::HandOver {
        (
            say("NGƯỜI GIAO CA", "Handed over by"),
            say("NGƯỜI NHẬN CA", "Taken over by"),
        )
    } else {
        (
            say("NGƯỜI LẬP BÁO CÁO", "Prepared by"),
            say("THỦ TRƯỞNG ĐƠN VỊ", "Head of unit"),
        )
    };
    document.blocks.push(Block::Signatures {
        left: left.to_owned(),
        right: right.to_owned(),
    });
    Ok(document)
}

fn summary(document: &mut Document, figures: &Figures, language: Language) {
    let say = |vi, en| language.say(vi, en);
    let began: u64 = figures.began.iter().sum();
    let closed = figures.true_positive + figures.false_positive + figures.benign;
    document.heading(say("Tóm tắt", "Summary"));
    let [high, medium, low, information] = figures.began.map(|count| language.number(count));
    document.paragraph(match language {
        Language::Vietnamese => format!(
            "Trong kỳ có {} nhóm cảnh báo mới ({high} mức cao, {medium} trung bình, {low} thấp, {information} thông tin); các nhóm có hoạt động trong kỳ gồm {} cảnh báo. Đã đóng {} nhóm: {} cảnh báo đúng, {} cảnh báo giả, {} hoạt động hợp lệ. Báo cấp trên {} nhóm.",
            language.number(began),
            language.number(figures.alerts),
            language.number(closed),
            language.number(figures.true_positive),
            language.number(figures.false_positive),
            language.number(figures.benign),
            language.number(figures.escalated),
        ),
        Language::English => format!(
            "{} alert groups began ({high} high, {medium} medium, {low} low, {information} information); the groups that were active hold {} alerts. {} groups were closed: {} true positives, {} false positives, {} benign. {} were escalated.",
            language.number(began),
            language.number(figures.alerts),
            language.number(closed),
            language.number(figures.true_positive),
            language.number(figures.false_positive),
            language.number(figures.benign),
            language.number(figures.escalated),
        ),
    });
    document.pairs([
        (
            say("Nhóm chờ tiếp nhận", "Groups waiting"),
            language.number(figures.waiting),
        ),
        (
            say("Nhóm đang xử lý", "Groups being worked on"),
            language.number(figures.open),
        ),
        (
            say("Nhóm tự động ẩn", "Groups hidden by rules"),
            language.number(figures.hidden),
        ),
        (
            say("Thời gian tới xử lý đầu tiên", "Time to the first response"),
            figures.response_minutes.map_or_else(
                || "–".to_owned(),
                |minutes| {
                    format!(
                        "{} {}",
                        language.number(minutes),
                        say("phút (trung bình)", "minutes (mean)")
                    )
                },
            ),
        ),
        (
            say("Hồ sơ sự việc", "Cases"),
            format!(
                "{} {}, {} {}",
                language.number(figures.cases_opened),
                say("mở mới", "opened"),
                language.number(figures.cases_closed),
                say("đã đóng", "closed"),
            ),
        ),
    ]);
}

fn tables(document: &mut Document, state: &ApiState, figures: &Figures, language: Language) {
    let say = |vi, en| language.say(vi, en);
    document.heading(say("Luật cảnh báo nhiều nhất", "Rules with most alerts"));
    let rows = figures
        .signatures
        .iter()
        .map(|one| {
            [
                one.sid.to_string(),
                title(state, one.sid, &one.signature, language),
                language.number(one.groups),
                language.number(one.alerts),
                language.percent(one.true_positive, one.closed),
            ]
        })
        .collect();
    document.table(
        [
            "sid",
            say("Cảnh báo", "Alert"),
            say("Nhóm", "Groups"),
            say("Cảnh báo", "Alerts"),
            say("Tỉ lệ đúng", "Precision"),
        ],
        [16, 48, 10, 13, 14],
        rows,
    );
    for (heading, list) in [
        (
            say("Nguồn có nhiều cảnh báo nhất", "Sources with most alerts"),
            &figures.sources,
        ),
        (
            say(
                "Đích có nhiều cảnh báo nhất",
                "Destinations with most alerts",
            ),
            &figures.destinations,
        ),
    ] {
        document.heading(heading);
        let rows = list
            .iter()
            .map(|one| {
                [
                    one.address.to_string(),
                    language.number(one.groups),
                    language.number(one.alerts),
                ]
            })
            .collect();
        document.table(
            [
                say("Địa chỉ", "Address"),
                say("Nhóm", "Groups"),
                say("Cảnh báo", "Alerts"),
            ],
            [6, 2, 2],
            rows,
        );
    }
}

fn title(state: &ApiState, sid: u32, signature: &str, language: Language) -> String {
    let known = state.guidance.title(sid);
    known.map_or_else(
        || signature.to_owned(),
        |title| {
            if language == Language::English {
                title.en.clone()
            } else {
                title.vi.clone()
            }
        },
    )
}

/// What the next shift has to go on with: escalated, taken, and the worst that waits.
async fn open_groups(
    document: &mut Document,
    state: &ApiState,
    caller: &Caller,
    language: Language,
) -> Result<()> {
    let say = |vi, en| language.say(vi, en);
    for (status, heading) in [
        (
            Status::Escalated,
            say("Đã báo cấp trên, chờ trả lời", "Escalated"),
        ),
        (
            Status::Open,
            say("Đang xử lý, cần làm tiếp", "Being worked on"),
        ),
        (
            Status::New,
            say("Chờ tiếp nhận, rủi ro cao nhất", "Waiting, riskiest first"),
        ),
    ] {
        let filter = GroupFilter {
            scope: caller.scope.clone(),
            status: Some(status),
            terms: Vec::<Term>::new(),
            severities: Vec::new(),
            from: None,
            to: None,
        };
        let page = GroupPage {
            sort: GroupSort::Risk,
            descending: true,
            limit: LISTED,
            after: None,
        };
        let groups: Vec<Group> = state.store.groups(&filter, page).await?;
        document.heading(heading);
        if groups.is_empty() {
            document.paragraph(say("Không có.", "None."));
            continue;
        }
        let rows = groups
            .iter()
            .map(|group| {
                [
                    language.severity(group.severity).to_owned(),
                    title(state, group.sid, &group.signature, language),
                    format!("{} → {}", group.source, group.destination),
                    words::time(group.last),
                    group.owner.clone().unwrap_or_else(|| "–".to_owned()),
                ]
            })
            .collect();
        document.table(
            [
                say("Mức", "Severity"),
                say("Cảnh báo", "Alert"),
                say("Nguồn → đích", "Source → destination"),
                say("Gần nhất", "Last"),
                say("Người xử lý", "Owner"),
            ],
            [10, 34, 33, 19, 14],
            rows,
        );
    }
    Ok(())
}

async fn cases(
    document: &mut Document,
    state: &ApiState,
    caller: &Caller,
    language: Language,
) -> Result<()> {
    let say = |vi, en| language.say(vi, en);
    let filter = CaseFilter {
        scope: caller.scope.clone(),
        statuses: vec![CaseStatus::Open, CaseStatus::Contained],
        owner: None,
    };
    let page = Page {
        limit: 50,
        before: None,
    };
    let open = state.store.cases(&filter, page).await?;
    document.heading(say("Hồ sơ sự việc đang mở", "Open cases"));
    if open.is_empty() {
        document.paragraph(say("Không có.", "None."));
        return Ok(());
    }
    let now = state.now();
    let rows = open
        .iter()
        .map(|case| {
            let due: Vec<String> = clocks(case, now)
                .into_iter()
                .filter(|clock| clock.sent.is_none())
                .map(|clock| {
                    let name = language.clock(&clock.name);
                    if clock.late {
                        format!("{name}: {}", say("QUÁ HẠN", "OVERDUE"))
                    } else {
                        name.to_owned()
                    }
                })
                .collect();
            [
                format!("#{} {}", case.id, case.title),
                language.severity(case.severity).to_owned(),
                words::time(case.detected),
                case.owner.clone().unwrap_or_else(|| "–".to_owned()),
                if due.is_empty() {
                    "–".to_owned()
                } else {
                    due.join("; ")
                },
            ]
        })
        .collect();
    document.table(
        [
            say("Sự việc", "Case"),
            say("Mức", "Severity"),
            say("Phát hiện", "Detected"),
            say("Người xử lý", "Owner"),
            say("Báo cáo chưa gửi", "Notices not sent"),
        ],
        [32, 13, 19, 13, 28],
        rows,
    );
    Ok(())
}
