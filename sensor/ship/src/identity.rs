//! What enrolment left in the state folder: who this sensor is, and whom it trusts.

use std::io::Write;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::{Result, ShipError};

const SENSOR_FILE: &str = "sensor.json";
const KEY_FILE: &str = "key.pem";
const CERTIFICATE_FILE: &str = "certificate.pem";
const CA_FILE: &str = "ca.pem";
/// A new key with its certificate, until both are in their places: one without the other would lock the sensor out.
const RENEWED_FILE: &str = "renewed.json";
/// Connected sensors renew a certificate that ends within this time: of five years, once a year.
const RENEW_SECONDS: i64 = 4 * 365 * 86_400;

/// An enrolled sensor.
#[derive(Clone)]
pub struct Identity {
    pub sensor_id: String,
    /// `host:port` of delivery.
    pub address: String,
    pub(crate) key_pem: String,
    pub(crate) certificate_pem: String,
    pub(crate) ca_pem: String,
}

#[derive(Serialize, Deserialize)]
struct SensorFile {
    sensor_id: String,
    address: String,
}

#[derive(Serialize, Deserialize)]
struct Renewed {
    key_pem: String,
    certificate_pem: String,
}

/// Who may read a file.
#[derive(Clone, Copy)]
enum Readers {
    Owner,
    All,
}

impl std::fmt::Debug for Identity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Identity")
            .field("sensor_id", &self.sensor_id)
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl Identity {
    /// Whether a folder holds an enrolment.
    pub fn exists(folder: &Path) -> bool {
        folder.join(SENSOR_FILE).exists()
    }

    pub fn load(folder: &Path) -> Result<Identity> {
        finish_renewal(folder)?;
        let read = |name: &str| {
            std::fs::read_to_string(folder.join(name)).map_err(|error| ShipError::NotEnrolled {
                folder: folder.to_owned(),
                reason: format!("{name}: {error}"),
            })
        };
        let sensor: SensorFile =
            serde_json::from_str(&read(SENSOR_FILE)?).map_err(|error| ShipError::NotEnrolled {
                folder: folder.to_owned(),
                reason: format!("{SENSOR_FILE}: {error}"),
            })?;
        Ok(Identity {
            sensor_id: sensor.sensor_id,
            address: sensor.address,
            key_pem: read(KEY_FILE)?,
            certificate_pem: read(CERTIFICATE_FILE)?,
            ca_pem: read(CA_FILE)?,
        })
    }

    /// The authority of its collector, PEM.
    pub fn authority(&self) -> &str {
        &self.ca_pem
    }

    /// When the sensor's certificate ends, in Unix seconds.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn certificate_ends(&self) -> Result<i64> {
        let unreadable = |reason: String| ShipError::NotEnrolled {
            folder: CERTIFICATE_FILE.into(),
            reason,
        };
        let (_, pem) = x509_parser::pem::parse_x509_pem(self.certificate_pem.as_bytes())
            .map_err(|error| unreadable(error.to_string()))?;
        let certificate = pem
            .parse_x509()
            .map_err(|error| unreadable(error.to_string()))?;
        Ok(certificate.validity().not_after.timestamp())
    }

    /// Whether it is time for another certificate, at this Unix time in seconds.
    pub(crate) fn is_due(&self, now: i64) -> bool {
        self.certificate_ends()
            .is_ok_and(|ends| ends.saturating_sub(now) < RENEW_SECONDS)
    }

    /// Keeps a new key with its certificate, and gives the identity that has them.
    pub(crate) fn renew(
        &self,
        folder: &Path,
        key_pem: String,
        certificate_pem: String,
    ) -> Result<Identity> {
        let renewed = Renewed {
            key_pem,
            certificate_pem,
        };
        let json = serde_json::to_string(&renewed).map_err(|source| ShipError::Entry {
            key: RENEWED_FILE.to_owned(),
            source,
        })?;
        write(folder, RENEWED_FILE, &json, Readers::Owner)?;
        finish_renewal(folder)?;
        Ok(Identity {
            key_pem: renewed.key_pem,
            certificate_pem: renewed.certificate_pem,
            ..self.clone()
        })
    }

    /// Writes the files; the one that says that there is an enrolment comes last.
    pub(crate) fn save(&self, folder: &Path) -> Result<()> {
        std::fs::create_dir_all(folder).map_err(ShipError::file(folder))?;
        let sensor = SensorFile {
            sensor_id: self.sensor_id.clone(),
            address: self.address.clone(),
        };
        let sensor = serde_json::to_string_pretty(&sensor).map_err(|source| ShipError::Entry {
            key: SENSOR_FILE.to_owned(),
            source,
        })?;
        write(folder, KEY_FILE, &self.key_pem, Readers::Owner)?;
        write(
            folder,
            CERTIFICATE_FILE,
            &self.certificate_pem,
            Readers::All,
        )?;
        write(folder, CA_FILE, &self.ca_pem, Readers::All)?;
        write(folder, SENSOR_FILE, &sensor, Readers::All)
    }
}

/// Puts a new key and its certificate in their places, also when the sensor was stopped in between.
fn finish_renewal(folder: &Path) -> Result<()> {
    let path = folder.join(RENEWED_FILE);
    let json = match std::fs::read_to_string(&path) {
        Ok(json) => json,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(ShipError::file(&path)(error)),
    };
    let renewed: Renewed = serde_json::from_str(&json).map_err(|error| ShipError::NotEnrolled {
        folder: folder.to_owned(),
        reason: format!("{RENEWED_FILE}: {error}"),
    })?;
    write(folder, KEY_FILE, &renewed.key_pem, Readers::Owner)?;
    let certificate = &renewed.certificate_pem;
    write(folder, CERTIFICATE_FILE, certificate, Readers::All)?;
    std::fs::remove_file(&path).map_err(ShipError::file(&path))
}

/// Replaces a file as a whole. A private file is never readable by others, not even while it is empty.
fn write(folder: &Path, name: &str, content: &str, readers: Readers) -> Result<()> {
    let path = folder.join(name);
    let new = folder.join(format!("{name}.new"));
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create(true).truncate(true);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(match readers {
            Readers::Owner => 0o600,
            Readers::All => 0o644,
        });
    }
    // A leftover would keep its own mode.
    match std::fs::remove_file(&new) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(ShipError::file(&new)(error));
        }
        _ => {}
    }
    let mut file = options.open(&new).map_err(ShipError::file(&new))?;
    file.write_all(content.as_bytes())
        .and_then(|()| file.sync_all())
        .map_err(ShipError::file(&new))?;
    std::fs::rename(&new, &path).map_err(ShipError::file(&path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_certificate_is_read() {
        let mut parameters = rcgen::CertificateParams::default();
        parameters.not_after = rcgen::date_time_ymd(2031, 5, 6);
        let key = rcgen::KeyPair::generate().expect("a key");
        let mut identity = Identity {
            sensor_id: String::new(),
            address: String::new(),
            key_pem: String::new(),
            certificate_pem: parameters.self_signed(&key).expect("signed").pem(),
            ca_pem: String::new(),
        };
        assert_eq!(
            identity.certificate_ends().expect("it is read"),
            1_935_792_000
        );
        identity.certificate_pem.truncate(60);
        identity.certificate_ends().expect_err("it is cut");
    }

    #[test]
    fn an_identity_is_read_as_it_was_written() {
        let folder = tempfile::tempdir().expect("a folder");
        assert!(!Identity::exists(folder.path()));
        Identity::load(folder.path()).expect_err("nothing is there");
        let identity = Identity {
            sensor_id: "id".to_owned(),
            address: "collector:8443".to_owned(),
            key_pem: "key".to_owned(),
            certificate_pem: "certificate".to_owned(),
            ca_pem: "ca".to_owned(),
        };
        identity.save(folder.path()).expect("it is written");
        identity.save(folder.path()).expect("it is written again");
        let read = Identity::load(folder.path()).expect("it is read");
        assert_eq!(read.address, identity.address);
        assert_eq!(read.key_pem, identity.key_pem);
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let metadata = std::fs::metadata(folder.path().join(KEY_FILE)).expect("it is there");
            assert_eq!(metadata.permissions().mode() & 0o777, 0o600);
        }
        assert!(!format!("{identity:?}").contains("key"));
        // A renewal that was cut short is finished at the next start.
        let renewed = r#"{"key_pem":"key 2","certificate_pem":"certificate 2"}"#;
        std::fs::write(folder.path().join(RENEWED_FILE), renewed).expect("it is written");
        for _ in 0..2 {
            let read = Identity::load(folder.path()).expect("it is read");
            assert_eq!(read.key_pem, "key 2");
            assert_eq!(read.certificate_pem, "certificate 2");
        }
    }
}
