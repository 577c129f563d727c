//! Wildcards.

/// Whether a value matches a pattern in which `*` stands for anything. Each `*` is settled by the first
/// place that fits, so the work is at most the product of the lengths.
pub fn matches(pattern: &[u8], value: &[u8]) -> bool {
    let (mut p, mut v) = (0, 0);
    let mut retry: Option<(usize, usize)> = None;
    while v < value.len() {
        match pattern.get(p) {
            Some(b'*') => {
                retry = Some((p + 1, v));
                p += 1;
            }
            Some(byte) if *byte == value[v] => {
                p += 1;
                v += 1;
            }
            _ => match retry {
                Some((after_star, from)) => {
                    retry = Some((after_star, from + 1));
                    p = after_star;
                    v = from + 1;
                }
                None => return false,
            },
        }
    }
    pattern[p..].iter().all(|byte| *byte == b'*')
}

#[cfg(test)]
mod tests {
    use super::matches;

    #[test]
    fn patterns_match() {
        for (pattern, value, expected) in [
            ("*.example.com", "a.example.com", true),
            ("*.example.com", "example.com", false),
            ("/admin*", "/admin/x", true),
            ("/admin*", "/x/admin", false),
            ("*a*b*", "xxaxxbxx", true),
            ("*a*b*", "xxbxxaxx", false),
            ("a*", "a", true),
            ("*", "", true),
            ("a*a", "a", false),
        ] {
            assert_eq!(
                matches(pattern.as_bytes(), value.as_bytes()),
                expected,
                "{pattern} {value}"
            );
        }
    }
}
