//! What comes first: severity × importance of the machine × rarity × precision of the rule.

/// What a risk is made of. Each factor but the severity is a hundred when nothing is known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RiskParts {
    /// 1 (worst) to 4.
    pub severity: u8,
    /// 1 to 5; 3 is usual.
    pub importance: u8,
    /// Alerts that the signature has ever made.
    pub signature_alerts: u64,
    /// Its groups that were closed, and as true.
    pub closed: u64,
    pub true_positive: u64,
    /// Alerts of the group.
    pub count: u64,
}

impl RiskParts {
    fn severity_weight(self) -> u64 {
        match self.severity {
            0 | 1 => 1_000,
            2 => 400,
            3 => 150,
            _ => 40,
        }
    }

    pub fn importance_percent(self) -> u64 {
        match self.importance {
            0 | 1 => 50,
            2 => 75,
            3 => 100,
            4 => 150,
            _ => 200,
        }
    }

    /// What is seldom seen is looked at first.
    pub fn rarity_percent(self) -> u64 {
        match self.signature_alerts {
            0..=2 => 140,
            3..=20 => 120,
            21..=1_000 => 100,
            1_001..=20_000 => 85,
            _ => 70,
        }
    }

    /// How often the signature was right, drawn towards one half while there are few verdicts.
    pub fn precision_percent(self) -> u64 {
        let right = self.true_positive.min(self.closed);
        ((right + 1) * 200 / (self.closed + 2)).clamp(20, 180)
    }

    pub fn risk(self) -> i64 {
        let frequent = 100 + u64::from(64 - self.count.max(1).leading_zeros()).min(20) * 2;
        let risk = self.severity_weight()
            * self.importance_percent()
            * self.rarity_percent()
            * self.precision_percent()
            / 1_000_000
            * frequent
            / 100;
        i64::try_from(risk).unwrap_or(i64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use super::RiskParts;

    const USUAL: RiskParts = RiskParts {
        severity: 2,
        importance: 3,
        signature_alerts: 100,
        closed: 0,
        true_positive: 0,
        count: 1,
    };

    #[test]
    fn each_part_moves_it_its_way() {
        let usual = USUAL.risk();
        for (what, parts, higher) in [
            (
                "worse",
                RiskParts {
                    severity: 1,
                    ..USUAL
                },
                true,
            ),
            (
                "important",
                RiskParts {
                    importance: 5,
                    ..USUAL
                },
                true,
            ),
            (
                "unimportant",
                RiskParts {
                    importance: 1,
                    ..USUAL
                },
                false,
            ),
            (
                "rare",
                RiskParts {
                    signature_alerts: 1,
                    ..USUAL
                },
                true,
            ),
            (
                "noisy",
                RiskParts {
                    signature_alerts: 1_000_000,
                    ..USUAL
                },
                false,
            ),
            (
                "right",
                RiskParts {
                    closed: 5,
                    true_positive: 5,
                    ..USUAL
                },
                true,
            ),
            (
                "wrong",
                RiskParts {
                    closed: 12,
                    true_positive: 1,
                    ..USUAL
                },
                false,
            ),
            (
                "more",
                RiskParts {
                    count: 1_000,
                    ..USUAL
                },
                true,
            ),
        ] {
            assert_eq!(parts.risk() > usual, higher, "{what}");
            assert_ne!(parts.risk(), usual, "{what}");
        }
    }

    #[test]
    fn more_of_the_same_does_not_outweigh_worse() {
        let worse = RiskParts {
            severity: 1,
            ..USUAL
        };
        let more = RiskParts {
            count: 10_000_000,
            ..USUAL
        };
        assert!(worse.risk() > more.risk());
    }
}
