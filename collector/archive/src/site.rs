//! Where an archive lies.

use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use object_store::aws::AmazonS3Builder;
use object_store::client::{HttpClient, HttpConnector};
use object_store::local::LocalFileSystem;
use object_store::{BackoffConfig, ClientOptions, ObjectStore, RetryConfig};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::error::{ArchiveError, Result};

/// A place as people set it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
#[schema(as = ArchiveSite)]
pub enum Site {
    /// A folder of this machine: another disk, or a share that is mounted.
    Folder { path: String },
    /// Storage that speaks S3.
    S3 {
        /// As in `https://storage.example.vn:9000`.
        endpoint: String,
        bucket: String,
        /// What names begin with; empty: nothing.
        #[serde(default)]
        prefix: String,
        #[serde(default = "usual_region")]
        region: String,
        key_id: String,
        /// Empty keeps the one that is there; never told.
        #[serde(default)]
        secret: String,
    },
}

fn usual_region() -> String {
    "us-east-1".to_owned()
}

/// What this machine gives an archive.
#[derive(Debug, Clone)]
pub struct Means {
    /// Folders below which an archive may lie.
    pub folders: Vec<PathBuf>,
    /// Speaks to S3; it trusts whom it should.
    pub client: reqwest::Client,
}

/// One request is tried so often, within this time; the archive as a whole is tried again later.
const RETRIES: usize = 3;
const RETRY_TIME: Duration = Duration::from_secs(60);

impl Site {
    /// Without what is secret.
    pub fn masked(mut self) -> Site {
        if let Site::S3 { secret, .. } = &mut self {
            secret.clear();
        }
        self
    }

    /// With the secret of the one before where it has none of its own. It stays with the endpoint and the key that it was
    /// given for.
    pub fn with_secret_of(mut self, before: &Site) -> Site {
        if let (
            Site::S3 {
                endpoint,
                key_id,
                secret,
                ..
            },
            Site::S3 {
                endpoint: old_endpoint,
                key_id: old_key,
                secret: old,
                ..
            },
        ) = (&mut self, before)
            && secret.is_empty()
            && endpoint == old_endpoint
            && key_id == old_key
        {
            secret.clone_from(old);
        }
        self
    }

    /// For people, and to know which packs lie there.
    pub fn name(&self) -> String {
        match self {
            Site::Folder { path } => path.clone(),
            Site::S3 {
                endpoint,
                bucket,
                prefix,
                ..
            } => {
                let prefix = prefix.trim_matches('/');
                let endpoint = endpoint.trim_end_matches('/');
                format!("{endpoint}/{bucket}/{prefix}")
                    .trim_end_matches('/')
                    .to_owned()
            }
        }
    }

    /// The store, what names in it begin with, and its folder if it is one.
    pub(crate) fn open(
        &self,
        means: &Means,
    ) -> Result<(Arc<dyn ObjectStore>, String, Option<PathBuf>)> {
        match self {
            Site::Folder { path } => {
                let path = allowed(Path::new(path), &means.folders)?;
                let store = LocalFileSystem::new_with_prefix(&path)?.with_fsync(true);
                Ok((Arc::new(store), String::new(), Some(path)))
            }
            Site::S3 {
                endpoint,
                bucket,
                prefix,
                region,
                key_id,
                secret,
            } => {
                let is_plain = endpoint.starts_with("http://");
                if !is_plain && !endpoint.starts_with("https://") {
                    let reason =
                        "the endpoint is an address, as in https://storage.example.vn:9000";
                    return Err(ArchiveError::Site(reason.to_owned()));
                }
                for (name, value) in [("bucket", bucket), ("key", key_id), ("secret", secret)] {
                    if value.is_empty() {
                        return Err(ArchiveError::Site(format!("the {name} is missing")));
                    }
                }
                let retry = RetryConfig {
                    backoff: BackoffConfig::default(),
                    max_retries: RETRIES,
                    retry_timeout: RETRY_TIME,
                };
                let store = AmazonS3Builder::new()
                    .with_endpoint(endpoint.trim_end_matches('/'))
                    .with_bucket_name(bucket)
                    .with_region(region)
                    .with_access_key_id(key_id)
                    .with_secret_access_key(secret)
                    .with_allow_http(is_plain)
                    .with_virtual_hosted_style_request(false)
                    .with_retry(retry)
                    .with_http_connector(Connector(means.client.clone()))
                    .build()?;
                Ok((Arc::new(store), prefix.trim_matches('/').to_owned(), None))
            }
        }
    }
}

/// Hands out the client that is there already.
#[derive(Debug)]
struct Connector(reqwest::Client);

impl HttpConnector for Connector {
    fn connect(&self, _: &ClientOptions) -> object_store::Result<HttpClient> {
        Ok(HttpClient::new(self.0.clone()))
    }
}

/// The folder, if it lies below one that is allowed, links followed.
fn allowed(path: &Path, folders: &[PathBuf]) -> Result<PathBuf> {
    let refused = || ArchiveError::NotAllowed(path.display().to_string());
    let is_plain = |part: Component<'_>| !matches!(part, Component::ParentDir);
    if !path.is_absolute() || !path.components().all(is_plain) {
        return Err(refused());
    }
    let real = std::fs::canonicalize(path).map_err(ArchiveError::file(path.display()))?;
    let below = |folder: &PathBuf| {
        std::fs::canonicalize(folder).is_ok_and(|folder| real.starts_with(folder))
    };
    if folders.iter().any(below) {
        Ok(real)
    } else {
        Err(refused())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn s3(endpoint: &str, secret: &str) -> Site {
        Site::S3 {
            endpoint: endpoint.to_owned(),
            bucket: "b".to_owned(),
            prefix: "/matluoi/".to_owned(),
            region: usual_region(),
            key_id: "k".to_owned(),
            secret: secret.to_owned(),
        }
    }

    #[test]
    fn a_secret_stays_where_it_was_given_for() {
        let before = s3("https://a", "s");
        assert_eq!(before.clone().masked(), s3("https://a", ""));
        let kept = before.clone().masked().with_secret_of(&before);
        assert_eq!(kept, before);
        assert_eq!(
            s3("https://b", "").with_secret_of(&before),
            s3("https://b", "")
        );
        assert_eq!(before.name(), "https://a/b/matluoi");
    }

    #[test]
    fn an_archive_lies_below_an_allowed_folder() {
        let folder = tempfile::tempdir().expect("a folder");
        let (inside, other) = (folder.path().join("a"), folder.path().join("b"));
        for path in [&inside, &other] {
            std::fs::create_dir(path).expect("it is made");
        }
        let link = inside.join("link");
        std::os::unix::fs::symlink(&other, &link).expect("it is linked");
        let folders = [inside.clone()];
        assert!(allowed(&inside, &folders).is_ok());
        for refused in [other, link, inside.join("../b"), PathBuf::from("a")] {
            assert!(
                allowed(&refused, &folders).is_err(),
                "{}",
                refused.display()
            );
        }
    }
}
