//! Buffers in plain words.

use super::Language;
use crate::{BufferSpec, Side, Vocabulary};

/// Name, Vietnamese, English.
const PLACES: &[(&str, &str, &str)] = &[
    (
        "http.uri",
        "đường dẫn đã chuẩn hoá của yêu cầu HTTP",
        "the normalised path of the HTTP request",
    ),
    (
        "http.uri.raw",
        "đường dẫn của yêu cầu HTTP như đã gửi",
        "the path of the HTTP request as sent",
    ),
    (
        "http.method",
        "phương thức của yêu cầu HTTP",
        "the method of the HTTP request",
    ),
    (
        "http.host",
        "tên máy chủ trong yêu cầu HTTP, chữ thường",
        "the host of the HTTP request, in lower case",
    ),
    (
        "http.host.raw",
        "tên máy chủ trong yêu cầu HTTP như đã gửi",
        "the host of the HTTP request as sent",
    ),
    (
        "http.user_agent",
        "tiêu đề User-Agent",
        "the header User-Agent",
    ),
    ("http.referer", "tiêu đề Referer", "the header Referer"),
    (
        "http.cookie",
        "cookie (Cookie hoặc Set-Cookie)",
        "the cookie (Cookie or Set-Cookie)",
    ),
    (
        "http.header",
        "các tiêu đề HTTP đã chuẩn hoá",
        "the normalised HTTP headers",
    ),
    (
        "http.header.raw",
        "các tiêu đề HTTP như đã gửi",
        "the HTTP headers as sent",
    ),
    (
        "http.header_names",
        "tên các tiêu đề HTTP theo thứ tự",
        "the names of the HTTP headers in their order",
    ),
    ("http.accept", "tiêu đề Accept", "the header Accept"),
    (
        "http.accept_enc",
        "tiêu đề Accept-Encoding",
        "the header Accept-Encoding",
    ),
    (
        "http.accept_lang",
        "tiêu đề Accept-Language",
        "the header Accept-Language",
    ),
    (
        "http.connection",
        "tiêu đề Connection",
        "the header Connection",
    ),
    (
        "http.content_len",
        "tiêu đề Content-Length",
        "the header Content-Length",
    ),
    (
        "http.content_type",
        "tiêu đề Content-Type",
        "the header Content-Type",
    ),
    ("http.protocol", "phiên bản HTTP", "the version of HTTP"),
    (
        "http.start",
        "dòng đầu và các tiêu đề HTTP",
        "the first line and the headers of HTTP",
    ),
    (
        "http.request_line",
        "dòng đầu của yêu cầu HTTP",
        "the first line of the HTTP request",
    ),
    (
        "http.request_body",
        "thân của yêu cầu HTTP",
        "the body of the HTTP request",
    ),
    (
        "http.response_line",
        "dòng đầu của trả lời HTTP",
        "the first line of the HTTP reply",
    ),
    (
        "http.response_body",
        "thân của trả lời HTTP",
        "the body of the HTTP reply",
    ),
    (
        "http.stat_code",
        "mã trạng thái của trả lời HTTP",
        "the status code of the HTTP reply",
    ),
    (
        "http.stat_msg",
        "câu trạng thái của trả lời HTTP",
        "the status text of the HTTP reply",
    ),
    ("http.server", "tiêu đề Server", "the header Server"),
    ("http.location", "tiêu đề Location", "the header Location"),
    (
        "file.data",
        "nội dung tệp được truyền",
        "the content of the file under transfer",
    ),
    (
        "file.name",
        "tên tệp được truyền",
        "the name of the file under transfer",
    ),
    (
        "file.magic",
        "loại tệp, theo nội dung",
        "the kind of the file, by its content",
    ),
    (
        "dns.query",
        "tên miền được hỏi",
        "the name that is asked for",
    ),
    (
        "dns.query.name",
        "tên miền được hỏi",
        "the name that is asked for",
    ),
    (
        "tls.sni",
        "tên máy chủ trong TLS (SNI)",
        "the server's name in TLS (SNI)",
    ),
    (
        "tls.cert_subject",
        "chủ thể của chứng thư số",
        "the subject of the certificate",
    ),
    (
        "tls.cert_issuer",
        "nơi cấp chứng thư số",
        "the issuer of the certificate",
    ),
    (
        "tls.cert_serial",
        "số sê-ri của chứng thư số",
        "the serial number of the certificate",
    ),
    (
        "tls.cert_fingerprint",
        "dấu vân tay của chứng thư số",
        "the fingerprint of the certificate",
    ),
    (
        "tls.certs",
        "chứng thư số ở dạng nhị phân",
        "the certificates in binary form",
    ),
    (
        "tls.subjectaltname",
        "các tên khác trong chứng thư số",
        "the alternative names in the certificate",
    ),
    (
        "ja3.hash",
        "dấu vân tay JA3 của máy khách TLS",
        "the JA3 fingerprint of the TLS client",
    ),
    (
        "ja3.string",
        "chuỗi JA3 của máy khách TLS",
        "the JA3 string of the TLS client",
    ),
    (
        "ja3s.hash",
        "dấu vân tay JA3S của máy chủ TLS",
        "the JA3S fingerprint of the TLS server",
    ),
    (
        "ja4.hash",
        "dấu vân tay JA4 của máy khách",
        "the JA4 fingerprint of the client",
    ),
    ("ssh.software", "phần mềm SSH", "the SSH software"),
    ("ssh.proto", "phiên bản SSH", "the version of SSH"),
    (
        "smb.named_pipe",
        "đường ống có tên của SMB",
        "the named pipe of SMB",
    ),
    ("smb.share", "thư mục chia sẻ của SMB", "the share of SMB"),
    (
        "dce_stub_data",
        "dữ liệu lời gọi DCE/RPC",
        "the data of the DCE/RPC call",
    ),
    ("ipv4.hdr", "phần đầu IPv4", "the IPv4 header"),
    ("ipv6.hdr", "phần đầu IPv6", "the IPv6 header"),
    ("tcp.hdr", "phần đầu TCP", "the TCP header"),
    ("udp.hdr", "phần đầu UDP", "the UDP header"),
    ("icmpv4.hdr", "phần đầu ICMPv4", "the ICMPv4 header"),
    ("icmpv6.hdr", "phần đầu ICMPv6", "the ICMPv6 header"),
    (
        "ip.src",
        "địa chỉ nguồn ở dạng nhị phân",
        "the source address in binary form",
    ),
    (
        "ip.dst",
        "địa chỉ đích ở dạng nhị phân",
        "the destination address in binary form",
    ),
];

/// A buffer: its name, and in words what it is or at least whose.
pub fn place(spec: &BufferSpec, vocabulary: &Vocabulary, language: Language) -> String {
    if let Some(&(_, vietnamese, english)) = PLACES.iter().find(|row| row.0 == spec.name) {
        return format!("{} ({})", spec.name, language.pick(vietnamese, english));
    }
    let mut protocols: Vec<String> = spec
        .protocols
        .iter()
        .map(|id| vocabulary.protocol_spec(*id).name.to_ascii_uppercase())
        .collect();
    protocols.dedup();
    let side = match spec.side {
        Side::ToServer => language.pick("trong yêu cầu", "in requests"),
        Side::ToClient => language.pick("trong trả lời", "in replies"),
        Side::Both => language.pick("trong yêu cầu hoặc trả lời", "in requests or replies"),
        Side::Packet => language.pick("trong gói tin", "in packets"),
        Side::Frame => language.pick("một phần của luồng", "a part of the stream"),
    };
    if protocols.is_empty() {
        format!("{} ({side})", spec.name)
    } else {
        format!("{} ({side}, {})", spec.name, protocols.join(", "))
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn names_are_known_once() {
        let mut names: Vec<&str> = super::PLACES.iter().map(|row| row.0).collect();
        let count = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), count);
    }
}
