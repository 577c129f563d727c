//! A document as its makers see it: blocks in an order, no fonts and no pages.

use serde::Serialize;
use utoipa::ToSchema;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(tag = "block", rename_all = "snake_case")]
pub enum Block {
    Heading {
        text: String,
    },
    Paragraph {
        text: String,
    },
    /// Names and values.
    Pairs {
        rows: Vec<Vec<String>>,
    },
    /// Widths are shares of the page's.
    Table {
        head: Vec<String>,
        widths: Vec<u16>,
        rows: Vec<Vec<String>>,
    },
    /// Places for two signatures.
    Signatures {
        left: String,
        right: String,
    },
}

/// A document with the head that Vietnamese offices give theirs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub struct Document {
    /// The unit that it comes from.
    pub unit: String,
    /// Place and date.
    pub date: String,
    pub title: String,
    pub subtitle: String,
    pub blocks: Vec<Block>,
    /// `vi` or `en`.
    pub language: String,
}

/// A cell that holds a number alone: it stands at the right.
pub fn is_number(cell: &str) -> bool {
    !cell.is_empty()
        && cell
            .chars()
            .all(|c| c.is_ascii_digit() || ".,%".contains(c))
        && !is_address(cell)
}

fn is_address(cell: &str) -> bool {
    cell.parse::<std::net::IpAddr>().is_ok()
}

impl Document {
    pub fn heading(&mut self, text: &str) {
        self.blocks.push(Block::Heading {
            text: text.to_owned(),
        });
    }

    /// A heading with the number that it has among the headings.
    pub fn section(&mut self, text: &str) {
        let before = self.blocks.iter();
        let before = before.filter(|block| matches!(block, Block::Heading { .. }));
        let number = before.count() + 1;
        self.heading(&format!("{number}. {text}"));
    }

    pub fn paragraph(&mut self, text: impl Into<String>) {
        self.blocks.push(Block::Paragraph { text: text.into() });
    }

    pub fn pairs<const N: usize>(&mut self, rows: [(&str, String); N]) {
        let rows = rows
            .map(|(name, value)| vec![name.to_owned(), value])
            .to_vec();
        self.blocks.push(Block::Pairs { rows });
    }

    pub fn table<const N: usize>(
        &mut self,
        head: [&str; N],
        widths: [u16; N],
        rows: Vec<[String; N]>,
    ) {
        self.blocks.push(Block::Table {
            head: head.map(str::to_owned).to_vec(),
            widths: widths.to_vec(),
            rows: rows.into_iter().map(|row| row.to_vec()).collect(),
        });
    }

    /// The words above the title, which the law prescribes.
    pub fn country(&self) -> [&'static str; 2] {
        if self.language == "en" {
            [
                "SOCIALIST REPUBLIC OF VIET NAM",
                "Independence – Freedom – Happiness",
            ]
        } else {
            [
                "CỘNG HÒA XÃ HỘI CHỦ NGHĨA VIỆT NAM",
                "Độc lập – Tự do – Hạnh phúc",
            ]
        }
    }
}

#[cfg(test)]
mod tests {
    use super::is_number;

    #[test]
    fn numbers_are_told_from_addresses_and_times() {
        for cell in ["7", "1.234", "98,5%"] {
            assert!(is_number(cell), "{cell}");
        }
        for cell in [
            "",
            "–",
            "203.0.113.80",
            "192.168.10.50 → 203.0.113.80",
            "01:45",
        ] {
            assert!(!is_number(cell), "{cell}");
        }
    }
}
