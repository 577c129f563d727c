//! One-time passwords by time (RFC 6238: HMAC-SHA-1, six digits, thirty seconds), and codes for the day when
//! the telephone is lost.

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use sqlx::Row;

use crate::error::{Result, StateError};
use crate::ids::{UnixMillis, UserId};
use crate::secret::{digest, same_secret};
use crate::store::Store;

const STEP_SECONDS: i64 = 30;
/// Steps before and after the present one that count, for clocks that differ.
const DRIFT: i64 = 1;
const SECRET_BYTES: usize = 20;
const RECOVERY_CODES: usize = 10;

/// What an authenticator is given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSecondFactor {
    /// Base 32, to be typed.
    pub secret: String,
    /// `otpauth://…`, to be scanned.
    pub uri: String,
}

/// The six digits of a step of time. RFC 4226 §5.3.
fn code(secret: &[u8], step: i64) -> Option<String> {
    let mut mac = Hmac::<Sha1>::new_from_slice(secret).ok()?;
    mac.update(&step.to_be_bytes());
    let hash = mac.finalize().into_bytes();
    let offset = usize::from(hash.last()? & 0xf);
    let four: [u8; 4] = hash.get(offset..offset + 4)?.try_into().ok()?;
    let number = u32::from_be_bytes(four) & 0x7fff_ffff;
    Some(format!("{:06}", number % 1_000_000))
}

/// RFC 4648 §6, without padding.
fn base32(bytes: &[u8]) -> String {
    const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let mut text = String::new();
    let (mut held, mut bits) = (0_u32, 0);
    for byte in bytes {
        held = held << 8 | u32::from(*byte);
        bits += 8;
        while bits >= 5 {
            bits -= 5;
            let at = (held >> bits) as usize & 31;
            text.push(char::from(LETTERS[at]));
        }
        held &= (1 << bits) - 1;
    }
    if bits > 0 {
        let at = (held << (5 - bits)) as usize & 31;
        text.push(char::from(LETTERS[at]));
    }
    text
}

fn random<const N: usize>() -> Result<[u8; N]> {
    let mut bytes = [0_u8; N];
    getrandom::fill(&mut bytes).map_err(|e| StateError::Randomness(e.to_string()))?;
    Ok(bytes)
}

impl Store {
    /// A fresh secret. It counts once a code of it was shown ([`Store::confirm_second_factor`]).
    pub async fn begin_second_factor(&self, user: UserId, name: &str) -> Result<NewSecondFactor> {
        let bytes = random::<SECRET_BYTES>()?;
        let changed = sqlx::query(
            "UPDATE users SET totp_secret = ?, totp_step = 0 WHERE id = ? AND totp_confirmed = 0",
        )
        .bind(bytes.as_slice())
        .bind(user.0)
        .execute(self.writer())
        .await?;
        if changed.rows_affected() == 0 {
            return Err(StateError::Exists {
                what: "second_factor",
                name: name.to_owned(),
            });
        }
        let secret = base32(&bytes);
        Ok(NewSecondFactor {
            uri: format!("otpauth://totp/Mat%20Luoi:{name}?secret={secret}&issuer=Mat%20Luoi"),
            secret,
        })
    }

    /// Turns the second factor on, and returns the recovery codes, which are shown once.
    pub async fn confirm_second_factor(
        &self,
        user: UserId,
        told: &str,
        now: UnixMillis,
    ) -> Result<Vec<String>> {
        if !self.check_second_factor(user, told, now).await? {
            return Err(StateError::Invalid {
                field: "code",
                reason: "wrong",
            });
        }
        let mut codes = Vec::with_capacity(RECOVERY_CODES);
        for _ in 0..RECOVERY_CODES {
            codes.push(base32(&random::<10>()?).to_lowercase());
        }
        let mut tx = self.write().await?;
        sqlx::query("UPDATE users SET totp_confirmed = 1 WHERE id = ?")
            .bind(user.0)
            .execute(&mut *tx)
            .await?;
        sqlx::query("DELETE FROM recovery_codes WHERE user_id = ?")
            .bind(user.0)
            .execute(&mut *tx)
            .await?;
        for code in &codes {
            sqlx::query("INSERT INTO recovery_codes (user_id, code_hash) VALUES (?, ?)")
                .bind(user.0)
                .bind(digest(code))
                .execute(&mut *tx)
                .await?;
        }
        tx.commit().await?;
        Ok(codes)
    }

    /// Turns the second factor off.
    pub async fn remove_second_factor(&self, user: UserId) -> Result<()> {
        let mut tx = self.write().await?;
        sqlx::query("UPDATE users SET totp_secret = NULL, totp_confirmed = 0 WHERE id = ?")
            .bind(user.0)
            .execute(&mut *tx)
            .await?;
        sqlx::query("DELETE FROM recovery_codes WHERE user_id = ?")
            .bind(user.0)
            .execute(&mut *tx)
            .await?;
        tx.commit().await?;
        Ok(())
    }

    pub async fn has_second_factor(&self, user: UserId) -> Result<bool> {
        let confirmed: Option<bool> =
            sqlx::query_scalar("SELECT totp_confirmed FROM users WHERE id = ?")
                .bind(user.0)
                .fetch_optional(self.reader())
                .await?;
        Ok(confirmed.unwrap_or(false))
    }

    /// Whether a code is the authenticator's of now, not used before, or a recovery code, which is used up.
    pub async fn check_second_factor(
        &self,
        user: UserId,
        told: &str,
        now: UnixMillis,
    ) -> Result<bool> {
        let told: String = told.chars().filter(|c| !c.is_whitespace()).collect();
        let mut tx = self.write().await?;
        let row = sqlx::query("SELECT totp_secret, totp_step FROM users WHERE id = ?")
            .bind(user.0)
            .fetch_optional(&mut *tx)
            .await?;
        let Some(row) = row else { return Ok(false) };
        let secret: Option<Vec<u8>> = row.get(0);
        let used: i64 = row.get(1);
        let present = now.0.div_euclid(1_000).div_euclid(STEP_SECONDS);
        let step = (present - DRIFT..=present + DRIFT)
            .filter(|step| *step > used)
            .find(|step| {
                let secret = secret.as_deref().unwrap_or_default();
                code(secret, *step).is_some_and(|code| same_secret(&code, &told))
            });
        if let Some(step) = step.filter(|_| secret.is_some()) {
            sqlx::query("UPDATE users SET totp_step = ? WHERE id = ?")
                .bind(step)
                .bind(user.0)
                .execute(&mut *tx)
                .await?;
            tx.commit().await?;
            return Ok(true);
        }
        let spent = sqlx::query("DELETE FROM recovery_codes WHERE user_id = ? AND code_hash = ?")
            .bind(user.0)
            .bind(digest(&told.to_lowercase()))
            .execute(&mut *tx)
            .await?
            .rows_affected();
        tx.commit().await?;
        Ok(spent > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_those_of_the_rfc() {
        // RFC 6238, appendix B, cut to six digits.
        for (seconds, expected) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (2_000_000_000, "279037"),
        ] {
            let found = code(b"12345678901234567890", seconds / STEP_SECONDS);
            assert_eq!(found.as_deref(), Some(expected), "{seconds}");
        }
    }

    #[test]
    fn secrets_are_base_32() {
        for (bytes, expected) in [
            ("", ""),
            ("f", "MY"),
            ("fooba", "MZXW6YTB"),
            ("foobar", "MZXW6YTBOI"),
        ] {
            assert_eq!(base32(bytes.as_bytes()), expected);
        }
    }
}
