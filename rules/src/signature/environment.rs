//! What rules refer to and do not say: variables, classes.

use std::collections::{BTreeMap, HashMap};

/// Variables and classes.
#[derive(Debug, Clone)]
pub struct Environment {
    pub(crate) addresses: BTreeMap<String, String>,
    pub(crate) ports: BTreeMap<String, String>,
    pub(crate) classes: HashMap<String, Class>,
    /// Numbers of the categories of reputation lists, if there are such.
    pub reputation_categories: Option<HashMap<String, u8>>,
    /// There is a database of countries.
    pub has_countries: bool,
}

/// A row of `classification.config`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Class {
    pub text: String,
    pub priority: u32,
}

/// Variables of a stock configuration of the rule language's reference engine.
const ADDRESSES: &[(&str, &str)] = &[
    ("HOME_NET", "[192.168.0.0/16,10.0.0.0/8,172.16.0.0/12]"),
    ("EXTERNAL_NET", "!$HOME_NET"),
    ("HTTP_SERVERS", "$HOME_NET"),
    ("SMTP_SERVERS", "$HOME_NET"),
    ("SQL_SERVERS", "$HOME_NET"),
    ("DNS_SERVERS", "$HOME_NET"),
    ("TELNET_SERVERS", "$HOME_NET"),
    ("AIM_SERVERS", "$EXTERNAL_NET"),
    ("DC_SERVERS", "$HOME_NET"),
    ("DNP3_SERVER", "$HOME_NET"),
    ("DNP3_CLIENT", "$HOME_NET"),
    ("MODBUS_CLIENT", "$HOME_NET"),
    ("MODBUS_SERVER", "$HOME_NET"),
    ("ENIP_CLIENT", "$HOME_NET"),
    ("ENIP_SERVER", "$HOME_NET"),
];

const PORTS: &[(&str, &str)] = &[
    ("HTTP_PORTS", "80"),
    ("SHELLCODE_PORTS", "!80"),
    ("ORACLE_PORTS", "1521"),
    ("SSH_PORTS", "22"),
    ("DNP3_PORTS", "20000"),
    ("MODBUS_PORTS", "502"),
    ("FILE_DATA_PORTS", "[$HTTP_PORTS,110,143]"),
    ("FTP_PORTS", "21"),
    ("GENEVE_PORTS", "6081"),
    ("VXLAN_PORTS", "4789"),
    ("TEREDO_PORTS", "3544"),
    ("SIP_PORTS", "[5060,5061]"),
];

/// Short name, text, priority.
const CLASSES: &[(&str, &str, u32)] = &[
    ("not-suspicious", "Not Suspicious Traffic", 3),
    ("unknown", "Unknown Traffic", 3),
    ("bad-unknown", "Potentially Bad Traffic", 2),
    ("attempted-recon", "Attempted Information Leak", 2),
    ("successful-recon-limited", "Information Leak", 2),
    (
        "successful-recon-largescale",
        "Large Scale Information Leak",
        2,
    ),
    ("attempted-dos", "Attempted Denial of Service", 2),
    ("successful-dos", "Denial of Service", 2),
    ("attempted-user", "Attempted User Privilege Gain", 1),
    ("unsuccessful-user", "Unsuccessful User Privilege Gain", 1),
    ("successful-user", "Successful User Privilege Gain", 1),
    (
        "attempted-admin",
        "Attempted Administrator Privilege Gain",
        1,
    ),
    (
        "successful-admin",
        "Successful Administrator Privilege Gain",
        1,
    ),
    ("rpc-portmap-decode", "Decode of an RPC Query", 2),
    ("shellcode-detect", "Executable code was detected", 1),
    ("string-detect", "A suspicious string was detected", 3),
    (
        "suspicious-filename-detect",
        "A suspicious filename was detected",
        2,
    ),
    (
        "suspicious-login",
        "An attempted login using a suspicious username was detected",
        2,
    ),
    ("system-call-detect", "A system call was detected", 2),
    ("tcp-connection", "A TCP connection was detected", 4),
    ("trojan-activity", "A Network Trojan was detected", 1),
    (
        "unusual-client-port-connection",
        "A client was using an unusual port",
        2,
    ),
    ("network-scan", "Detection of a Network Scan", 3),
    (
        "denial-of-service",
        "Detection of a Denial of Service Attack",
        2,
    ),
    (
        "non-standard-protocol",
        "Detection of a non-standard protocol or event",
        2,
    ),
    (
        "protocol-command-decode",
        "Generic Protocol Command Decode",
        3,
    ),
    (
        "web-application-activity",
        "access to a potentially vulnerable web application",
        2,
    ),
    ("web-application-attack", "Web Application Attack", 1),
    ("misc-activity", "Misc activity", 3),
    ("misc-attack", "Misc Attack", 2),
    ("icmp-event", "Generic ICMP event", 3),
    (
        "inappropriate-content",
        "Inappropriate Content was Detected",
        1,
    ),
    (
        "policy-violation",
        "Potential Corporate Privacy Violation",
        1,
    ),
    (
        "default-login-attempt",
        "Attempt to login by a default username and password",
        2,
    ),
    (
        "targeted-activity",
        "Targeted Malicious Activity was Detected",
        1,
    ),
    ("exploit-kit", "Exploit Kit Activity Detected", 1),
    (
        "external-ip-check",
        "Device Retrieving External IP Address Detected",
        2,
    ),
    ("domain-c2", "Domain Observed Used for C2 Detected", 1),
    ("pup-activity", "Possibly Unwanted Program Detected", 2),
    (
        "credential-theft",
        "Successful Credential Theft Detected",
        1,
    ),
    (
        "social-engineering",
        "Possible Social Engineering Attempted",
        2,
    ),
    ("coin-mining", "Crypto Currency Mining Activity Detected", 2),
    (
        "command-and-control",
        "Malware Command and Control Activity Detected",
        1,
    ),
];

impl Default for Environment {
    fn default() -> Self {
        let owned = |rows: &[(&str, &str)]| {
            rows.iter()
                .map(|&(name, value)| (name.to_owned(), value.to_owned()))
                .collect()
        };
        Environment {
            addresses: owned(ADDRESSES),
            ports: owned(PORTS),
            reputation_categories: None,
            has_countries: false,
            classes: CLASSES
                .iter()
                .map(|&(name, text, priority)| {
                    (
                        name.to_owned(),
                        Class {
                            text: text.to_owned(),
                            priority,
                        },
                    )
                })
                .collect(),
        }
    }
}

impl Environment {
    /// Variables with what they stand for, of ports or of addresses.
    pub(crate) fn variables(&self, of_ports: bool) -> impl Iterator<Item = (&str, &str)> {
        let variables = if of_ports {
            &self.ports
        } else {
            &self.addresses
        };
        variables
            .iter()
            .map(|(name, value)| (name.as_str(), value.as_str()))
    }

    /// Short names of classes, with their text.
    pub(crate) fn classes(&self) -> impl Iterator<Item = (&str, &str)> {
        self.classes
            .iter()
            .map(|(name, class)| (name.as_str(), class.text.as_str()))
    }

    /// The addresses of an expression as headers of rules write it (`$HOME_NET`).
    ///
    /// # Errors
    /// When it is none, in words.
    pub fn address_set(&self, expression: &str) -> Result<super::AddressSet, String> {
        super::header::parse_addresses(expression, self)
    }

    /// Whether an expression says which ports, as a rule's header writes them.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check_ports(&self, expression: &str) -> Result<(), String> {
        super::header::parse_ports(expression, self).map(drop)
    }

    /// What an address variable stands for, as it was written.
    pub fn address_group(&self, name: &str) -> Option<&str> {
        self.addresses.get(name).map(String::as_str)
    }

    /// Sets a variable; its value is checked where it is used.
    pub fn set_address_group(&mut self, name: &str, value: &str) {
        self.addresses.insert(name.to_owned(), value.to_owned());
    }

    /// Sets a variable; its value is checked where it is used.
    pub fn set_port_group(&mut self, name: &str, value: &str) {
        self.ports.insert(name.to_owned(), value.to_owned());
    }

    /// Adds the rows of a `classification.config` (`config classification: name,text,priority`); tells the lines
    /// that are no such row.
    pub fn load_classification(&mut self, text: &str) -> Vec<usize> {
        let mut refused = Vec::new();
        for (number, line) in text.lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let row = line.strip_prefix("config classification:").and_then(|row| {
                let (name, rest) = row.split_once(',')?;
                let (text, priority) = rest.rsplit_once(',')?;
                Some((
                    name.trim().to_ascii_lowercase(),
                    Class {
                        text: text.trim().to_owned(),
                        priority: priority.trim().parse().ok()?,
                    },
                ))
            });
            match row {
                Some((name, class)) => {
                    self.classes.insert(name, class);
                }
                None => refused.push(number + 1),
            }
        }
        refused
    }
}
