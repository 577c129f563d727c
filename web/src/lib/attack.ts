/** The ATT&CK matrix as far as network rules reach it: tactics in their order, techniques by id. Facts, kept here so that
 *  nothing has to be fetched. */

export interface Tactic {
  id: string;
  en: string;
  vi: string;
}

export interface Technique {
  id: string;
  tactic: string;
  en: string;
  vi: string;
}

export const TACTICS: readonly Tactic[] = [
  { id: "TA0043", en: "Reconnaissance", vi: "Trinh sát" },
  { id: "TA0042", en: "Resource development", vi: "Chuẩn bị nguồn lực" },
  { id: "TA0001", en: "Initial access", vi: "Xâm nhập ban đầu" },
  { id: "TA0002", en: "Execution", vi: "Thực thi" },
  { id: "TA0003", en: "Persistence", vi: "Bám trụ" },
  { id: "TA0004", en: "Privilege escalation", vi: "Leo thang đặc quyền" },
  { id: "TA0005", en: "Defense evasion", vi: "Né tránh phòng thủ" },
  { id: "TA0006", en: "Credential access", vi: "Lấy thông tin xác thực" },
  { id: "TA0007", en: "Discovery", vi: "Thăm dò bên trong" },
  { id: "TA0008", en: "Lateral movement", vi: "Lây lan ngang" },
  { id: "TA0009", en: "Collection", vi: "Thu thập dữ liệu" },
  { id: "TA0011", en: "Command and control", vi: "Điều khiển từ xa (C2)" },
  { id: "TA0010", en: "Exfiltration", vi: "Lấy dữ liệu ra" },
  { id: "TA0040", en: "Impact", vi: "Gây hại" },
];

const rows: readonly (readonly [string, string, string, string])[] = [
  ["T1595", "TA0043", "Active scanning", "Dò quét chủ động"],
  ["T1590", "TA0043", "Gather victim network information", "Thu thập thông tin mạng mục tiêu"],
  ["T1592", "TA0043", "Gather victim host information", "Thu thập thông tin máy mục tiêu"],
  ["T1593", "TA0043", "Search open websites", "Tìm trên trang web công khai"],
  ["T1583", "TA0042", "Acquire infrastructure", "Thuê, mua hạ tầng"],
  ["T1584", "TA0042", "Compromise infrastructure", "Chiếm hạ tầng của người khác"],
  ["T1587", "TA0042", "Develop capabilities", "Tự tạo công cụ"],
  ["T1588", "TA0042", "Obtain capabilities", "Kiếm công cụ"],
  ["T1566", "TA0001", "Phishing", "Lừa đảo qua thư"],
  ["T1189", "TA0001", "Drive-by compromise", "Tấn công qua trang web"],
  ["T1190", "TA0001", "Exploit public-facing application", "Khai thác ứng dụng công khai"],
  ["T1133", "TA0001", "External remote services", "Dịch vụ truy cập từ xa"],
  ["T1078", "TA0001", "Valid accounts", "Dùng tài khoản hợp lệ"],
  ["T1195", "TA0001", "Supply chain compromise", "Tấn công chuỗi cung ứng"],
  ["T1059", "TA0002", "Command and scripting interpreter", "Chạy lệnh, kịch bản"],
  ["T1047", "TA0002", "Windows Management Instrumentation", "Chạy lệnh qua WMI"],
  ["T1053", "TA0002", "Scheduled task", "Tác vụ hẹn giờ"],
  ["T1569", "TA0002", "System services", "Chạy qua dịch vụ hệ thống"],
  ["T1203", "TA0002", "Exploitation for client execution", "Khai thác phần mềm máy khách"],
  ["T1204", "TA0002", "User execution", "Người dùng tự chạy"],
  ["T1505", "TA0003", "Server software component", "Webshell, thành phần máy chủ"],
  ["T1136", "TA0003", "Create account", "Tạo tài khoản"],
  ["T1547", "TA0003", "Boot or logon autostart", "Tự chạy khi khởi động"],
  ["T1068", "TA0004", "Exploitation for privilege escalation", "Khai thác để leo thang"],
  ["T1027", "TA0005", "Obfuscated files or information", "Che giấu tệp, thông tin"],
  ["T1036", "TA0005", "Masquerading", "Giả dạng"],
  ["T1140", "TA0005", "Deobfuscate or decode", "Giải mã nội dung che giấu"],
  ["T1218", "TA0005", "System binary proxy execution", "Mượn chương trình hệ thống"],
  ["T1110", "TA0006", "Brute force", "Dò mật khẩu"],
  ["T1003", "TA0006", "OS credential dumping", "Trích mật khẩu hệ thống"],
  ["T1040", "TA0006", "Network sniffing", "Nghe lén mạng"],
  ["T1187", "TA0006", "Forced authentication", "Ép xác thực"],
  ["T1552", "TA0006", "Unsecured credentials", "Mật khẩu để lộ"],
  ["T1557", "TA0006", "Adversary-in-the-middle", "Đứng giữa đường truyền"],
  ["T1558", "TA0006", "Steal or forge Kerberos tickets", "Lấy, giả vé Kerberos"],
  ["T1046", "TA0007", "Network service discovery", "Dò dịch vụ mạng"],
  ["T1018", "TA0007", "Remote system discovery", "Dò máy khác"],
  ["T1012", "TA0007", "Query registry", "Đọc Windows registry"],
  ["T1082", "TA0007", "System information discovery", "Đọc thông tin hệ thống"],
  ["T1083", "TA0007", "File and directory discovery", "Dò tệp, thư mục"],
  ["T1087", "TA0007", "Account discovery", "Dò tài khoản"],
  ["T1135", "TA0007", "Network share discovery", "Dò thư mục chia sẻ"],
  ["T1021", "TA0008", "Remote services", "Dịch vụ từ xa"],
  ["T1210", "TA0008", "Exploitation of remote services", "Khai thác dịch vụ từ xa"],
  ["T1570", "TA0008", "Lateral tool transfer", "Chuyển công cụ giữa các máy"],
  ["T1550", "TA0008", "Use alternate authentication material", "Dùng lại mã xác thực"],
  ["T1005", "TA0009", "Data from local system", "Dữ liệu trên máy"],
  ["T1039", "TA0009", "Data from network shared drive", "Dữ liệu trên ổ chia sẻ"],
  ["T1114", "TA0009", "Email collection", "Thu thập thư điện tử"],
  ["T1071", "TA0011", "Application layer protocol", "Qua giao thức ứng dụng"],
  ["T1001", "TA0011", "Data obfuscation", "Che giấu dữ liệu"],
  ["T1090", "TA0011", "Proxy", "Qua máy trung gian, Tor"],
  ["T1095", "TA0011", "Non-application layer protocol", "Ngoài tầng ứng dụng"],
  ["T1102", "TA0011", "Web service", "Qua dịch vụ web"],
  ["T1105", "TA0011", "Ingress tool transfer", "Tải công cụ về máy"],
  ["T1132", "TA0011", "Data encoding", "Mã hoá dạng dữ liệu"],
  ["T1219", "TA0011", "Remote access software", "Phần mềm điều khiển từ xa"],
  ["T1568", "TA0011", "Dynamic resolution", "Tên miền thay đổi linh hoạt"],
  ["T1571", "TA0011", "Non-standard port", "Cổng bất thường"],
  ["T1572", "TA0011", "Protocol tunneling", "Đường hầm giao thức"],
  ["T1573", "TA0011", "Encrypted channel", "Kênh mã hoá"],
  ["T1041", "TA0010", "Exfiltration over C2 channel", "Qua kênh điều khiển"],
  ["T1048", "TA0010", "Exfiltration over alternative protocol", "Qua giao thức khác"],
  ["T1567", "TA0010", "Exfiltration over web service", "Qua dịch vụ web"],
  ["T1486", "TA0040", "Data encrypted for impact", "Mã hoá tống tiền"],
  ["T1489", "TA0040", "Service stop", "Làm dừng dịch vụ"],
  ["T1491", "TA0040", "Defacement", "Thay đổi giao diện"],
  ["T1496", "TA0040", "Resource hijacking", "Đào tiền ảo"],
  ["T1498", "TA0040", "Network denial of service", "Từ chối dịch vụ qua mạng"],
  ["T1499", "TA0040", "Endpoint denial of service", "Từ chối dịch vụ máy chủ"],
];

export const TECHNIQUES: readonly Technique[] = rows.map(([id, tactic, en, vi]) => ({ id, tactic, en, vi }));

/** `T1110` of `T1110.001`. */
export function parentOf(id: string): string {
  return id.split(".")[0] ?? id;
}

export function techniqueName(id: string, language: string): string | undefined {
  const found = TECHNIQUES.find((one) => one.id === parentOf(id));
  return found && (language === "en" ? found.en : found.vi);
}

/** Counts by technique, those of sub-techniques under their parents. */
export function rolledUp(counts: readonly (readonly [string, number])[]): Map<string, { count: number; parts: [string, number][] }> {
  const rolled = new Map<string, { count: number; parts: [string, number][] }>();
  for (const [id, count] of counts) {
    const one = rolled.get(parentOf(id)) ?? { count: 0, parts: [] };
    one.count += count;
    if (id !== parentOf(id)) one.parts.push([id, count]);
    rolled.set(parentOf(id), one);
  }
  return rolled;
}
