//! Passwords: argon2id, computed off the async threads and few at a time.

use argon2::password_hash::{PasswordHasher, PasswordVerifier, phc::PasswordHash};
use argon2::{Algorithm, Argon2, Params, Version};

use crate::error::{Result, StateError};
use crate::limits::{MAX_PASSWORD_BYTES, MIN_PASSWORD_CHARS};
use crate::store::Store;

/// What one password hash costs. The default is OWASP's first choice for argon2id.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PasswordCost {
    pub memory_kib: u32,
    pub passes: u32,
}

impl Default for PasswordCost {
    fn default() -> Self {
        PasswordCost {
            memory_kib: 19 * 1_024,
            passes: 2,
        }
    }
}

impl PasswordCost {
    /// Cheap hashes for tests.
    pub const TEST: PasswordCost = PasswordCost {
        memory_kib: 16,
        passes: 1,
    };

    fn argon2(self) -> Result<Argon2<'static>> {
        let params = Params::new(self.memory_kib, self.passes, 1, None)
            .map_err(|e| StateError::PasswordHash(e.to_string()))?;
        Ok(Argon2::new(Algorithm::Argon2id, Version::V0x13, params))
    }
}

impl Store {
    /// The hash of a new password, which must be long enough.
    pub(crate) async fn hash_password(&self, password: &str) -> Result<String> {
        if password.chars().count() < MIN_PASSWORD_CHARS {
            return Err(StateError::Invalid {
                field: "password",
                reason: "too_short",
            });
        }
        if password.len() > MAX_PASSWORD_BYTES {
            return Err(StateError::Invalid {
                field: "password",
                reason: "too_long",
            });
        }
        let argon2 = self.password_cost.argon2()?;
        let password = password.to_owned();
        self.hashing(move || {
            argon2
                .hash_password(password.as_bytes())
                .map(|hash| hash.to_string())
                .map_err(|e| StateError::PasswordHash(e.to_string()))
        })
        .await?
    }

    /// Whether `password` is the one of `hash`. Without a hash the same work is done and the answer is
    /// no, so that time does not tell which accounts exist.
    pub(crate) async fn password_matches(
        &self,
        password: &str,
        hash: Option<String>,
    ) -> Result<bool> {
        if password.len() > MAX_PASSWORD_BYTES {
            return Ok(false);
        }
        let argon2 = self.password_cost.argon2()?;
        let password = password.to_owned();
        // An account that a provider signs in has none.
        let hash = hash.filter(|hash| !hash.is_empty());
        self.hashing(move || match hash {
            Some(hash) => {
                let parsed = PasswordHash::new(&hash)
                    .map_err(|e| StateError::PasswordHash(e.to_string()))?;
                Ok(argon2.verify_password(password.as_bytes(), &parsed).is_ok())
            }
            None => argon2
                .hash_password(password.as_bytes())
                .map(|_| false)
                .map_err(|e| StateError::PasswordHash(e.to_string())),
        })
        .await?
    }

    async fn hashing<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T> {
        let _permit = self
            .hashing
            .acquire()
            .await
            .expect("the semaphore is never closed");
        tokio::task::spawn_blocking(work)
            .await
            .map_err(|e| StateError::PasswordHash(e.to_string()))
    }
}
