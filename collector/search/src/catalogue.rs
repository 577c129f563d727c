//! The fields that the query box offers: short names, kinds, labels.

/// What a field's values are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FieldKind {
    Ip,
    Number,
    Text,
    Keyword,
    Bool,
    Date,
}

impl FieldKind {
    pub fn name(self) -> &'static str {
        match self {
            FieldKind::Ip => "ip",
            FieldKind::Number => "number",
            FieldKind::Text => "text",
            FieldKind::Keyword => "keyword",
            FieldKind::Bool => "bool",
            FieldKind::Date => "date",
        }
    }
}

/// A row of the catalogue.
#[derive(Debug, Clone, Copy)]
pub struct FieldInfo {
    pub name: &'static str,
    /// The EVE path; `None` when it stands for two.
    pub path: Option<&'static str>,
    pub kind: FieldKind,
    pub label_vi: &'static str,
    pub label_en: &'static str,
}

const fn field(
    name: &'static str,
    kind: FieldKind,
    label_vi: &'static str,
    label_en: &'static str,
) -> FieldInfo {
    FieldInfo {
        name,
        path: Some(name),
        kind,
        label_vi,
        label_en,
    }
}

const fn alias(
    name: &'static str,
    path: &'static str,
    kind: FieldKind,
    label_vi: &'static str,
    label_en: &'static str,
) -> FieldInfo {
    FieldInfo {
        name,
        path: Some(path),
        kind,
        label_vi,
        label_en,
    }
}

const fn either(
    name: &'static str,
    kind: FieldKind,
    label_vi: &'static str,
    label_en: &'static str,
) -> FieldInfo {
    FieldInfo {
        name,
        path: None,
        kind,
        label_vi,
        label_en,
    }
}

use FieldKind::{Bool, Date, Ip, Keyword, Number};

/// Fields and aliases. Paths that are not here can be searched all the same.
pub const FIELDS: &[FieldInfo] = &[
    either(
        "ip",
        Ip,
        "Địa chỉ IP (hai phía)",
        "IP address (either side)",
    ),
    either("port", Number, "Cổng (hai phía)", "Port (either side)"),
    alias("sid", "alert.signature_id", Number, "Mã luật", "Rule id"),
    alias("sig", "alert.signature", Keyword, "Tên luật", "Rule name"),
    alias(
        "sev",
        "alert.severity",
        Number,
        "Mức nghiêm trọng",
        "Severity",
    ),
    alias("sensor", "matluoi.sensor", Keyword, "Cảm biến", "Sensor"),
    alias("type", "event_type", Keyword, "Loại sự kiện", "Event type"),
    alias("id", "matluoi.id", Keyword, "Mã bản ghi", "Record id"),
    alias(
        "host",
        "http.hostname",
        Keyword,
        "Tên máy chủ web",
        "Web host",
    ),
    alias(
        "domain",
        "dns.queries.rrname",
        Keyword,
        "Tên miền",
        "Domain",
    ),
    field("timestamp", Date, "Thời gian", "Time"),
    field("event_type", Keyword, "Loại sự kiện", "Event type"),
    field("src_ip", Ip, "IP nguồn", "Source IP"),
    field("src_port", Number, "Cổng nguồn", "Source port"),
    field("dest_ip", Ip, "IP đích", "Destination IP"),
    field("dest_port", Number, "Cổng đích", "Destination port"),
    field("proto", Keyword, "Giao thức tầng vận chuyển", "Transport"),
    field(
        "app_proto",
        Keyword,
        "Giao thức ứng dụng",
        "Application protocol",
    ),
    field("flow_id", Number, "Mã luồng", "Flow id"),
    field("community_id", Keyword, "Community ID", "Community ID"),
    field("in_iface", Keyword, "Giao diện mạng", "Interface"),
    field("matluoi.id", Keyword, "Mã bản ghi", "Record id"),
    field("matluoi.sensor", Keyword, "Cảm biến", "Sensor"),
    field("matluoi.class", Keyword, "Hạng ưu tiên", "Priority class"),
    field("alert.action", Keyword, "Hành động", "Action"),
    field("alert.signature_id", Number, "Mã luật", "Rule id"),
    field("alert.signature", Keyword, "Tên luật", "Rule name"),
    field("alert.category", Keyword, "Nhóm cảnh báo", "Alert category"),
    field("alert.severity", Number, "Mức nghiêm trọng", "Severity"),
    field(
        "alert.metadata.mitre_technique_id",
        Keyword,
        "Kỹ thuật ATT&CK",
        "ATT&CK technique",
    ),
    field("anomaly.event", Keyword, "Bất thường", "Anomaly"),
    field("dns.type", Keyword, "DNS: hỏi hay đáp", "DNS kind"),
    field(
        "dns.queries.rrname",
        Keyword,
        "DNS: tên được hỏi",
        "DNS query name",
    ),
    field(
        "dns.queries.rrtype",
        Keyword,
        "DNS: loại bản ghi",
        "DNS query type",
    ),
    field("dns.answers.rdata", Keyword, "DNS: kết quả", "DNS answer"),
    field("dns.rcode", Keyword, "DNS: mã trả lời", "DNS response code"),
    field("http.hostname", Keyword, "HTTP: tên máy chủ", "HTTP host"),
    field("http.url", Keyword, "HTTP: đường dẫn", "HTTP URL"),
    field(
        "http.http_method",
        Keyword,
        "HTTP: phương thức",
        "HTTP method",
    ),
    field(
        "http.http_user_agent",
        Keyword,
        "HTTP: trình duyệt",
        "HTTP user agent",
    ),
    field("http.status", Number, "HTTP: mã trạng thái", "HTTP status"),
    field(
        "http.http_content_type",
        Keyword,
        "HTTP: kiểu nội dung",
        "HTTP content type",
    ),
    field("tls.sni", Keyword, "TLS: tên máy chủ", "TLS server name"),
    field("tls.version", Keyword, "TLS: phiên bản", "TLS version"),
    field("tls.subject", Keyword, "TLS: chủ chứng thư", "TLS subject"),
    field(
        "tls.issuerdn",
        Keyword,
        "TLS: nơi cấp chứng thư",
        "TLS issuer",
    ),
    field(
        "tls.fingerprint",
        Keyword,
        "TLS: dấu vân tay",
        "TLS fingerprint",
    ),
    field("tls.ja3.hash", Keyword, "JA3", "JA3"),
    field("tls.ja4", Keyword, "JA4", "JA4"),
    field(
        "ssh.client.software_version",
        Keyword,
        "SSH: phần mềm máy khách",
        "SSH client",
    ),
    field(
        "ssh.server.software_version",
        Keyword,
        "SSH: phần mềm máy chủ",
        "SSH server",
    ),
    field("smb.command", Keyword, "SMB: lệnh", "SMB command"),
    field("smb.filename", Keyword, "SMB: tệp", "SMB file"),
    field("smb.share", Keyword, "SMB: thư mục chia sẻ", "SMB share"),
    field("smtp.mail_from", Keyword, "Thư: người gửi", "Mail sender"),
    field("smtp.rcpt_to", Keyword, "Thư: người nhận", "Mail recipient"),
    field("fileinfo.filename", Keyword, "Tệp: tên", "File name"),
    field("fileinfo.sha256", Keyword, "Tệp: SHA-256", "File SHA-256"),
    field("fileinfo.size", Number, "Tệp: kích thước", "File size"),
    field("fileinfo.stored", Bool, "Tệp: đã lưu", "File stored"),
    field(
        "flow.bytes_toserver",
        Number,
        "Luồng: byte tới máy chủ",
        "Flow: bytes to server",
    ),
    field(
        "flow.bytes_toclient",
        Number,
        "Luồng: byte tới máy khách",
        "Flow: bytes to client",
    ),
    field(
        "flow.pkts_toserver",
        Number,
        "Luồng: gói tới máy chủ",
        "Flow: packets to server",
    ),
    field(
        "flow.pkts_toclient",
        Number,
        "Luồng: gói tới máy khách",
        "Flow: packets to client",
    ),
    field(
        "flow.age",
        Number,
        "Luồng: thời lượng (giây)",
        "Flow: age (s)",
    ),
    field("flow.state", Keyword, "Luồng: trạng thái", "Flow: state"),
    field("flow.alerted", Bool, "Luồng: có cảnh báo", "Flow: alerted"),
    field("matluoi.fact.kind", Keyword, "Dữ kiện: loại", "Fact: kind"),
    field("matluoi.fact.ip", Ip, "Dữ kiện: địa chỉ", "Fact: address"),
    field("matluoi.fact.port", Number, "Dữ kiện: cổng", "Fact: port"),
    field("matluoi.fact.name", Keyword, "Dữ kiện: tên", "Fact: name"),
    field(
        "matluoi.fact.text",
        Keyword,
        "Dữ kiện: phần mềm",
        "Fact: software",
    ),
    field(
        "matluoi.fact.subject",
        Keyword,
        "Dữ kiện: chủ chứng thư",
        "Fact: certificate subject",
    ),
    field(
        "matluoi.fact.fingerprint",
        Keyword,
        "Dữ kiện: dấu vân tay chứng thư",
        "Fact: certificate fingerprint",
    ),
    field(
        "matluoi.fact.name_mismatch",
        Keyword,
        "Dữ kiện: tên không khớp chứng thư",
        "Fact: name that the certificate lacks",
    ),
    field(
        "matluoi.history",
        Keyword,
        "Luồng: diễn biến",
        "Flow: history",
    ),
    field(
        "matluoi.server_names",
        Keyword,
        "Luồng: tên của máy chủ",
        "Flow: names of the server",
    ),
];

/// The path that a name in a query stands for.
pub fn path_of(name: &str) -> &str {
    FIELDS
        .iter()
        .find(|field| field.name == name)
        .and_then(|field| field.path)
        .unwrap_or(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_aliases_lead_to_paths() {
        let mut names: Vec<&str> = FIELDS.iter().map(|field| field.name).collect();
        names.sort_unstable();
        let before = names.len();
        names.dedup();
        assert_eq!(names.len(), before);
        for (name, path) in [
            ("sid", "alert.signature_id"),
            ("ip", "ip"),
            ("krb5.cname", "krb5.cname"),
        ] {
            assert_eq!(path_of(name), path);
        }
    }
}
