//! Words of reports in both languages; dates and numbers as Vietnamese offices write them.

use collector_state::{UnixMillis, Verdict};

/// Vietnam has one zone, and does not change its clocks.
const ZONE_HOURS: i64 = 7;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Language {
    Vietnamese,
    English,
}

impl Language {
    pub fn name(self) -> &'static str {
        self.say("vi", "en")
    }

    pub fn say(self, vietnamese: &'static str, english: &'static str) -> &'static str {
        match self {
            Language::Vietnamese => vietnamese,
            Language::English => english,
        }
    }

    pub fn severity(self, severity: u8) -> &'static str {
        match severity {
            0 | 1 => self.say("Cao", "High"),
            2 => self.say("Trung bình", "Medium"),
            3 => self.say("Thấp", "Low"),
            _ => self.say("Thông tin", "Information"),
        }
    }

    pub fn verdict(self, verdict: Verdict) -> &'static str {
        match verdict {
            Verdict::TruePositive => self.say("Cảnh báo đúng", "True positive"),
            Verdict::FalsePositive => self.say("Cảnh báo giả", "False positive"),
            Verdict::Benign => self.say("Hoạt động hợp lệ", "Benign"),
        }
    }

    pub fn group_status(self, status: &str) -> &'static str {
        match status {
            "new" => self.say("Mới", "New"),
            "open" => self.say("Đang xử lý", "Open"),
            "escalated" => self.say("Đã báo cấp trên", "Escalated"),
            "closed" => self.say("Đã đóng", "Closed"),
            _ => self.say("Tự động ẩn", "Hidden"),
        }
    }

    pub fn case_status(self, status: &str) -> &'static str {
        match status {
            "open" => self.say("Đang xử lý", "Open"),
            "contained" => self.say("Đã khoanh vùng", "Contained"),
            "closed" => self.say("Đã đóng", "Closed"),
            _ => self.say("Đã gộp", "Merged"),
        }
    }

    pub fn clock(self, name: &str) -> &'static str {
        match name {
            "notice" => self.say("Báo ban đầu (24 giờ)", "First notice (24 h)"),
            "report" => self.say("Báo cáo đầy đủ (72 giờ)", "Full report (72 h)"),
            _ => self.say("Dữ liệu cá nhân (72 giờ)", "Personal data (72 h)"),
        }
    }

    pub fn yes(self, yes: bool) -> String {
        if yes {
            self.say("Có", "Yes")
        } else {
            self.say("Không", "No")
        }
        .to_owned()
    }

    /// `12.345`, in English `12,345`.
    pub fn number(self, number: u64) -> String {
        let digits = number.to_string();
        let mut told = String::with_capacity(digits.len() + digits.len() / 3);
        for (at, digit) in digits.chars().enumerate() {
            if at > 0 && (digits.len() - at).is_multiple_of(3) {
                told.push_str(self.say(".", ","));
            }
            told.push(digit);
        }
        told
    }

    pub fn percent(self, part: u64, of: u64) -> String {
        if of == 0 {
            return "–".to_owned();
        }
        format!("{} %", part * 100 / of)
    }
}

/// `25/11/2026 17:30`, by the clocks of Vietnam.
pub fn time(at: UnixMillis) -> String {
    let (year, month, day, hour, minute) = parts(at);
    format!("{day:02}/{month:02}/{year} {hour:02}:{minute:02}")
}

/// `ngày 25 tháng 11 năm 2026`
pub fn date(at: UnixMillis, language: Language) -> String {
    let (year, month, day, ..) = parts(at);
    match language {
        Language::Vietnamese => format!("ngày {day:02} tháng {month:02} năm {year}"),
        Language::English => format!("{day:02}/{month:02}/{year}"),
    }
}

fn parts(at: UnixMillis) -> (i32, u8, u8, u8, u8) {
    let local = at.plus(ZONE_HOURS * UnixMillis::HOUR);
    let read = time::OffsetDateTime::from_unix_timestamp(local.0.div_euclid(1_000));
    let read = read.unwrap_or(time::OffsetDateTime::UNIX_EPOCH);
    (
        read.year(),
        u8::from(read.month()),
        read.day(),
        read.hour(),
        read.minute(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_times_are_written_as_offices_do() {
        let vi = Language::Vietnamese;
        assert_eq!(vi.number(1_234_567), "1.234.567");
        assert_eq!(Language::English.number(12_345), "12,345");
        assert_eq!(vi.number(999), "999");
        assert_eq!(vi.percent(1, 8), "12 %");
        assert_eq!(time(UnixMillis(1_764_000_000_000)), "24/11/2025 23:00");
        assert_eq!(date(UnixMillis(0), vi), "ngày 01 tháng 01 năm 1970");
    }
}
