//! The fact sheet of an incident: what is told to those who have to know, within the time that the law gives.

use collector_state::CaseContent;

use super::document::{Block, Document};
use super::words::{self, Language};
use crate::ApiState;
use crate::cases::clocks;

pub fn make(state: &ApiState, content: &CaseContent, unit: &str, language: Language) -> Document {
    let case = &content.case;
    let say = |vi, en| language.say(vi, en);
    let or_dash = |text: &str| {
        if text.trim().is_empty() {
            say("(chưa xác định)", "(not known yet)").to_owned()
        } else {
            text.trim().to_owned()
        }
    };
    let mut document = Document {
        unit: unit.to_owned(),
        date: words::date(state.now(), language),
        title: say(
            "Phiếu thông tin sự cố an ninh mạng",
            "Cyber-security incident fact sheet",
        )
        .to_owned(),
        subtitle: format!(
            "{} {}: {}",
            say("Hồ sơ số", "Case no."),
            case.id,
            case.title
        ),
        blocks: Vec::new(),
        language: language.name().to_owned(),
    };
    document.section(say("Thông tin chung", "General"));
    document.pairs([
        (say("Đơn vị", "Unit"), unit.to_owned()),
        (
            say("Thời điểm phát hiện (T0)", "Detected (T0)"),
            words::time(case.detected),
        ),
        (
            say("Mức nghiêm trọng", "Severity"),
            language.severity(case.severity).to_owned(),
        ),
        (
            say("Sự cố nghiêm trọng", "Serious incident"),
            language.yes(case.serious),
        ),
        (
            say("Có dữ liệu cá nhân", "Personal data concerned"),
            language.yes(case.personal_data),
        ),
        (
            say("Trạng thái", "Status"),
            language.case_status(case.status.name()).to_owned(),
        ),
        (
            say("Người xử lý", "Handled by"),
            or_dash(case.owner.as_deref().unwrap_or_default()),
        ),
    ]);
    let now = state.now();
    let due = clocks(case, now);
    if !due.is_empty() {
        document.section(say("Thời hạn báo cáo", "Notices due"));
        let sent = |name: &str| match name {
            "notice" => case.notice_sent,
            "report" => case.report_sent,
            _ => case.personal_sent,
        };
        let within = |name: &str| match name {
            "notice" => collector_state::NOTICE_WITHIN,
            "report" => collector_state::REPORT_WITHIN,
            _ => collector_state::PERSONAL_WITHIN,
        };
        let rows = due
            .iter()
            .map(|clock| {
                let told = match (sent(&clock.name), clock.late) {
                    (Some(at), false) => format!("{} {}", say("Đã gửi", "Sent"), words::time(at)),
                    (Some(at), true) => {
                        format!("{} {}", say("Gửi muộn", "Sent late"), words::time(at))
                    }
                    (None, false) => say("Chưa gửi", "Not sent yet").to_owned(),
                    (None, true) => say("Quá hạn", "Overdue").to_owned(),
                };
                [
                    language.clock(&clock.name).to_owned(),
                    words::time(case.detected.plus(within(&clock.name))),
                    told,
                ]
            })
            .collect();
        document.table(
            [
                say("Báo cáo", "Notice"),
                say("Hạn", "Due"),
                say("Tình trạng", "State"),
            ],
            [5, 3, 4],
            rows,
        );
    }
    document.section(say("Sự việc", "What happened"));
    document.paragraph(or_dash(&case.summary));
    document.pairs([
        (say("Nguyên nhân", "Cause"), or_dash(&case.cause)),
        (say("Phạm vi ảnh hưởng", "Extent"), or_dash(&case.impact)),
        (say("Biện pháp khắc phục", "Remedy"), or_dash(&case.remedy)),
    ]);
    if !content.hosts.is_empty() {
        document.section(say("Các máy liên quan", "Hosts concerned"));
        let rows = content
            .hosts
            .iter()
            .map(|host| {
                let part = match host.part.as_str() {
                    "victim" => say("Bị hại", "Victim"),
                    "attacker" => say("Tấn công", "Attacker"),
                    _ => say("Liên quan", "Other"),
                };
                [host.address.clone(), part.to_owned(), host.note.clone()]
            })
            .collect();
        document.table(
            [
                say("Địa chỉ", "Address"),
                say("Vai", "Part"),
                say("Ghi chú", "Note"),
            ],
            [4, 2, 6],
            rows,
        );
    }
    if !content.groups.is_empty() {
        document.section(say("Cảnh báo", "Alerts"));
        let rows = content
            .groups
            .iter()
            .map(|group| {
                let title = state.guidance.title(group.sid);
                let title = title.map_or(group.signature.as_str(), |title| {
                    if language == Language::English {
                        &title.en
                    } else {
                        &title.vi
                    }
                });
                [
                    words::time(group.first),
                    format!("{title} (sid {})", group.sid),
                    format!("{} → {}", group.source, group.destination),
                    language.number(group.count),
                    group
                        .verdict
                        .map_or_else(
                            || language.group_status(group.status.name()),
                            |verdict| language.verdict(verdict),
                        )
                        .to_owned(),
                ]
            })
            .collect();
        document.table(
            [
                say("Lần đầu", "First"),
                say("Cảnh báo", "Alert"),
                say("Nguồn → đích", "Source → destination"),
                say("Số lần", "Count"),
                say("Kết luận", "Verdict"),
            ],
            [19, 32, 34, 9, 14],
            rows,
        );
    }
    document.section(say("Diễn biến và xử lý", "Timeline"));
    let rows = content
        .events
        .iter()
        .filter(|event| event.kind != "changed")
        .map(|event| {
            let text = match event.kind.as_str() {
                "status" => language.case_status(&event.text).to_owned(),
                "clock" => language.clock(&event.text).to_owned(),
                "created" => say("Lập hồ sơ", "Case made").to_owned(),
                "task_done" => format!("{} {}", say("Xong:", "Done:"), event.text),
                "task" => format!("{} {}", say("Việc:", "Task:"), event.text),
                "merged" => format!(
                    "{} {}",
                    say("Gộp hồ sơ số", "Merged in: case no."),
                    event.text
                ),
                "file" => format!("{} {}", say("Tệp:", "File:"), event.text),
                _ => event.text.clone(),
            };
            [words::time(event.at), text, event.user.clone()]
        })
        .collect();
    document.table(
        [
            say("Thời gian", "Time"),
            say("Nội dung", "What"),
            say("Người ghi", "Written by"),
        ],
        [20, 62, 16],
        rows,
    );
    if !content.files.is_empty() {
        document.section(say("Chứng cứ kèm theo", "Evidence"));
        let rows = content
            .files
            .iter()
            .map(|file| {
                [
                    file.name.clone(),
                    language.number(file.size),
                    file.sha256.clone(),
                ]
            })
            .collect();
        document.table(
            [say("Tệp", "File"), say("Byte", "Bytes"), "SHA-256"],
            [30, 14, 60],
            rows,
        );
    }
    document.blocks.push(Block::Signatures {
        left: say("NGƯỜI LẬP PHIẾU", "Prepared by").to_owned(),
        right: say("THỦ TRƯỞNG ĐƠN VỊ", "Head of unit").to_owned(),
    });
    document
}
