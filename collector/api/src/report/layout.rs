//! Blocks → pages of lines of text, by the widths of the letters. Units are points; the origin is the upper left
//! corner of the page, and a text's `y` its baseline.

use ttf_parser::Face;
use unicode_normalization::UnicodeNormalization;

use super::document::{Block, Document, is_number};

pub const REGULAR: &[u8] = include_bytes!("../../fonts/Tinos-Regular.ttf");
pub const BOLD: &[u8] = include_bytes!("../../fonts/Tinos-Bold.ttf");

/// A4.
pub const WIDTH: f32 = 595.28;
pub const HEIGHT: f32 = 841.89;
const LEFT: f32 = 71.0;
const RIGHT: f32 = 43.0;
const TOP: f32 = 57.0;
const BOTTOM: f32 = 62.0;
const BODY: f32 = 12.0;
const SMALL: f32 = 10.5;
const CELL_PADDING: f32 = 3.5;
/// What a heading of one line takes, with what is above it.
const HEADING: f32 = 32.0;
/// Lines of one cell of a table; the rest is cut, and a sign says so.
const MAX_CELL_LINES: usize = 30;

/// Something on a page.
#[derive(Debug, Clone, PartialEq)]
pub enum Mark {
    Text {
        x: f32,
        y: f32,
        size: f32,
        bold: bool,
        text: String,
    },
    Line {
        from: (f32, f32),
        to: (f32, f32),
    },
    Shade {
        x: f32,
        y: f32,
        width: f32,
        height: f32,
    },
}

/// The two faces that documents are set in.
struct Fonts {
    regular: Option<Face<'static>>,
    bold: Option<Face<'static>>,
}

impl Fonts {
    fn width(&self, text: &str, size: f32, bold: bool) -> f32 {
        let Some(face) = (if bold { &self.bold } else { &self.regular }).as_ref() else {
            return text.chars().count() as f32 * size / 2.0;
        };
        let units: u32 = text
            .chars()
            .map(|letter| {
                let glyph = face.glyph_index(letter).unwrap_or_default();
                u32::from(face.glyph_hor_advance(glyph).unwrap_or_default())
            })
            .sum();
        units as f32 * size / f32::from(face.units_per_em())
    }

    /// Words → lines that fit; a word that is wider than a line is broken.
    fn lines(&self, text: &str, size: f32, bold: bool, width: f32) -> Vec<String> {
        let mut lines = Vec::new();
        for paragraph in text.split('\n') {
            let mut line = String::new();
            let mut used = 0.0;
            let space = self.width(" ", size, bold);
            for word in paragraph.split_whitespace() {
                let wide = self.width(word, size, bold);
                if !line.is_empty() && used + space + wide > width {
                    lines.push(std::mem::take(&mut line));
                    used = 0.0;
                }
                if wide <= width {
                    if !line.is_empty() {
                        line.push(' ');
                        used += space;
                    }
                    line.push_str(word);
                    used += wide;
                    continue;
                }
                for letter in word.chars() {
                    let mut one = [0; 4];
                    let wide = self.width(letter.encode_utf8(&mut one), size, bold);
                    if used + wide > width && !line.is_empty() {
                        lines.push(std::mem::take(&mut line));
                        used = 0.0;
                    }
                    line.push(letter);
                    used += wide;
                }
            }
            lines.push(line);
        }
        lines
    }
}

/// Letters as the font has them, without what cannot be printed.
fn clean(text: &str) -> String {
    text.nfc()
        .map(|c| if c.is_control() && c != '\n' { ' ' } else { c })
        .collect()
}

struct Setter {
    fonts: Fonts,
    pages: Vec<Vec<Mark>>,
    y: f32,
}

/// The pages of a document.
pub fn pages(document: &Document) -> Vec<Vec<Mark>> {
    let mut setter = Setter {
        fonts: Fonts {
            regular: Face::parse(REGULAR, 0).ok(),
            bold: Face::parse(BOLD, 0).ok(),
        },
        pages: vec![Vec::new()],
        y: TOP,
    };
    setter.head(document);
    for (at, block) in document.blocks.iter().enumerate() {
        let behind = |at: usize| match document.blocks.get(at + 1) {
            Some(Block::Signatures { .. }) => SIGNATURES + 6.0,
            _ => 0.0,
        };
        if matches!(block, Block::Heading { .. }) {
            let next = document.blocks.get(at + 1);
            let beginning = next.map_or(0.0, |next| setter.beginning(next, behind(at + 1)));
            setter.room(HEADING + beginning);
        }
        setter.block(block, behind(at));
    }
    setter.numbers(document);
    setter.pages
}

/// What two signatures take.
const SIGNATURES: f32 = 110.0;
const INNER: f32 = WIDTH - LEFT - RIGHT;

impl Setter {
    fn put(&mut self, mark: Mark) {
        if let Some(page) = self.pages.last_mut() {
            page.push(mark);
        }
    }

    fn text(&mut self, x: f32, y: f32, size: f32, bold: bool, text: &str) {
        let text = text.to_owned();
        self.put(Mark::Text {
            x,
            y,
            size,
            bold,
            text,
        });
    }

    fn centred(&mut self, middle: f32, y: f32, size: f32, bold: bool, text: &str) {
        let width = self.fonts.width(text, size, bold);
        self.text(middle - width / 2.0, y, size, bold, text);
    }

    fn line(&mut self, from: (f32, f32), to: (f32, f32)) {
        self.put(Mark::Line { from, to });
    }

    /// Begins a page when less than `height` is left.
    fn room(&mut self, height: f32) -> bool {
        if self.y + height <= HEIGHT - BOTTOM {
            return false;
        }
        self.pages.push(Vec::new());
        self.y = TOP;
        true
    }

    fn head(&mut self, document: &Document) {
        let [country, motto] = document.country();
        let (left, right) = (LEFT + INNER * 0.24, LEFT + INNER * 0.70);
        let unit = clean(&document.unit).to_uppercase();
        let units = self.fonts.lines(&unit, 11.5, true, INNER * 0.44);
        self.centred(right, self.y + 12.0, 11.5, true, country);
        self.centred(right, self.y + 27.0, 12.0, true, motto);
        let half = self.fonts.width(motto, 12.0, true) / 2.0;
        self.line((right - half, self.y + 31.0), (right + half, self.y + 31.0));
        let mut y = self.y + 12.0;
        for line in units.iter().take(3) {
            self.centred(left, y, 11.5, true, line);
            y += 14.0;
        }
        self.line((left - 30.0, y - 9.0), (left + 30.0, y - 9.0));
        self.y = (y + 8.0).max(self.y + 44.0);
        let date = clean(&document.date);
        self.centred(right, self.y, BODY, false, &date);
        self.y += 34.0;
        let title = clean(&document.title).to_uppercase();
        for line in self.fonts.lines(&title, 15.0, true, INNER) {
            self.centred(LEFT + INNER / 2.0, self.y, 15.0, true, &line);
            self.y += 19.0;
        }
        for line in self
            .fonts
            .lines(&clean(&document.subtitle), BODY, false, INNER)
        {
            self.centred(LEFT + INNER / 2.0, self.y, BODY, false, &line);
            self.y += 15.0;
        }
        self.y += 6.0;
    }

    /// What must stand on the same page as the heading above it; `behind` is what a table's last row keeps with it.
    fn beginning(&self, block: &Block, behind: f32) -> f32 {
        match block {
            Block::Heading { .. } => HEADING,
            Block::Paragraph { .. } | Block::Pairs { .. } => 32.0,
            Block::Table { head, widths, rows } => {
                let kept = if rows.len() > 1 { 0.0 } else { behind };
                5.0 + self.first_rows(head, &columns(widths), rows) + kept
            }
            Block::Signatures { .. } => SIGNATURES,
        }
    }

    /// The height of a table's head and its first row.
    fn first_rows(&self, head: &[String], columns: &[f32], rows: &[Vec<String>]) -> f32 {
        let first = rows.first().map_or(&[][..], Vec::as_slice);
        height(&self.cells(head, columns, true)) + height(&self.cells(first, columns, false))
    }

    fn block(&mut self, block: &Block, behind: f32) {
        match block {
            Block::Heading { text } => {
                self.y += 12.0;
                for line in self.fonts.lines(&clean(text), 13.0, true, INNER) {
                    self.y += 16.0;
                    self.text(LEFT, self.y, 13.0, true, &line);
                }
                self.y += 4.0;
            }
            Block::Paragraph { text } => {
                for line in self.fonts.lines(&clean(text), BODY, false, INNER) {
                    self.room(16.0);
                    self.y += 16.0;
                    self.text(LEFT, self.y, BODY, false, &line);
                }
                self.y += 4.0;
            }
            Block::Pairs { rows } => {
                for row in rows {
                    let [name, value] = row.as_slice() else {
                        continue;
                    };
                    let names = self.fonts.lines(&clean(name), BODY, true, INNER * 0.32);
                    let values = self.fonts.lines(&clean(value), BODY, false, INNER * 0.65);
                    for at in 0..names.len().max(values.len()) {
                        self.room(16.0);
                        self.y += 16.0;
                        if let Some(name) = names.get(at) {
                            self.text(LEFT, self.y, BODY, true, name);
                        }
                        if let Some(value) = values.get(at) {
                            self.text(LEFT + INNER * 0.35, self.y, BODY, false, value);
                        }
                    }
                }
                self.y += 4.0;
            }
            Block::Table { head, widths, rows } => self.table(head, widths, rows, behind),
            Block::Signatures { left, right } => {
                self.room(SIGNATURES);
                self.y += 34.0;
                self.centred(LEFT + INNER * 0.25, self.y, BODY, true, &clean(left));
                self.centred(LEFT + INNER * 0.75, self.y, BODY, true, &clean(right));
                self.y += 76.0;
            }
        }
    }

    /// The last row keeps `behind` with it: signatures do not stand on a page alone.
    fn table(&mut self, head: &[String], widths: &[u16], rows: &[Vec<String>], behind: f32) {
        let columns = columns(widths);
        self.y += 5.0;
        // A head does not stand alone at the foot of a page.
        let kept = if rows.len() > 1 { 0.0 } else { behind };
        self.room(self.first_rows(head, &columns, rows) + kept);
        self.row(head, &columns, true, true);
        for (at, row) in rows.iter().enumerate() {
            let lines = self.cells(row, &columns, false);
            let kept = if at > 0 && at + 1 == rows.len() {
                behind
            } else {
                0.0
            };
            if self.room(height(&lines) + kept) {
                self.row(head, &columns, true, true);
            }
            self.row(row, &columns, false, false);
        }
        self.y += 6.0;
    }

    fn cells(&self, row: &[String], columns: &[f32], bold: bool) -> Vec<Vec<String>> {
        row.iter()
            .zip(columns)
            .map(|(text, width)| {
                let width = width - 2.0 * CELL_PADDING;
                let mut lines = self.fonts.lines(&clean(text), SMALL, bold, width);
                if lines.len() > MAX_CELL_LINES {
                    lines.truncate(MAX_CELL_LINES);
                    lines.push("…".to_owned());
                }
                lines
            })
            .collect()
    }

    fn row(&mut self, row: &[String], columns: &[f32], bold: bool, shaded: bool) {
        let cells = self.cells(row, columns, bold);
        let height = height(&cells);
        self.room(height);
        let (top, bottom) = (self.y, self.y + height);
        if shaded {
            self.put(Mark::Shade {
                x: LEFT,
                y: top,
                width: INNER,
                height,
            });
        }
        let mut x = LEFT;
        for (column, (lines, width)) in cells.iter().zip(columns).enumerate() {
            // Numbers stand at the right; the first column names things.
            let number = column > 0 && !bold && row.get(column).is_some_and(|cell| is_number(cell));
            for (at, line) in lines.iter().enumerate() {
                let y = top + CELL_PADDING + 10.0 + at as f32 * 13.0;
                let wide = self.fonts.width(line, SMALL, bold);
                let place = if number {
                    x + width - CELL_PADDING - wide
                } else {
                    x + CELL_PADDING
                };
                self.text(place, y, SMALL, bold, line);
            }
            self.line((x, top), (x, bottom));
            x += width;
        }
        self.line((x, top), (x, bottom));
        self.line((LEFT, top), (x, top));
        self.line((LEFT, bottom), (x, bottom));
        self.y = bottom;
    }

    /// The number of each page, and of all.
    fn numbers(&mut self, document: &Document) {
        let all = self.pages.len();
        let word = if document.language == "en" {
            "Page"
        } else {
            "Trang"
        };
        for at in 0..all {
            let text = format!("{word} {} / {all}", at + 1);
            let x = WIDTH - RIGHT - self.fonts.width(&text, 9.5, false);
            if let Some(page) = self.pages.get_mut(at) {
                page.push(Mark::Text {
                    x,
                    y: HEIGHT - 34.0,
                    size: 9.5,
                    bold: false,
                    text,
                });
            }
        }
    }
}

/// Shares → widths.
fn columns(widths: &[u16]) -> Vec<f32> {
    let all: f32 = widths.iter().map(|width| f32::from(*width)).sum();
    widths
        .iter()
        .map(|width| f32::from(*width) / all.max(1.0) * INNER)
        .collect()
}

fn height(cells: &[Vec<String>]) -> f32 {
    let lines = cells.iter().map(Vec::len).max().unwrap_or(1);
    lines as f32 * 13.0 + 2.0 * CELL_PADDING
}

#[cfg(test)]
mod tests {
    use super::*;

    fn document(blocks: Vec<Block>) -> Document {
        Document {
            unit: "Trung tâm giám sát".to_owned(),
            date: "ngày 1".to_owned(),
            title: "Báo cáo".to_owned(),
            subtitle: String::new(),
            blocks,
            language: "vi".to_owned(),
        }
    }

    #[test]
    fn long_tables_go_on_and_repeat_their_head() {
        let rows = (0..200)
            .map(|n| vec![n.to_string(), "đ ".repeat(80)])
            .collect();
        let table = Block::Table {
            head: vec!["Số".to_owned(), "Nội dung".to_owned()],
            widths: vec![1, 9],
            rows,
        };
        let pages = pages(&document(vec![table]));
        assert!(pages.len() > 4);
        for page in &pages {
            let told = |wanted: &str| {
                page.iter()
                    .any(|mark| matches!(mark, Mark::Text { text, .. } if text == wanted))
            };
            assert!(told("Nội dung"));
            for mark in page {
                if let Mark::Text { x, y, .. } = mark {
                    assert!(*x >= LEFT && *x < WIDTH && *y > 0.0 && *y < HEIGHT);
                }
            }
        }
    }

    #[test]
    fn a_heading_stands_with_what_it_heads() {
        for lines in 30..45 {
            let table = Block::Table {
                head: vec!["Số".to_owned()],
                widths: vec![1],
                rows: vec![vec!["một".to_owned()]],
            };
            let heading = Block::Heading {
                text: "Đầu đề".to_owned(),
            };
            let mut blocks = vec![Block::Paragraph {
                text: "dòng\n".repeat(lines),
            }];
            blocks.extend([heading, table]);
            let pages = pages(&document(blocks));
            let page_of = |wanted: &str| {
                pages.iter().position(|page| {
                    page.iter()
                        .any(|mark| matches!(mark, Mark::Text { text, .. } if text == wanted))
                })
            };
            assert_eq!(page_of("Đầu đề"), page_of("một"), "{lines}");
        }
    }

    #[test]
    fn signatures_stand_with_the_last_row() {
        for count in 1..60 {
            let rows = (0..count).map(|at| vec![format!("hàng {at}")]).collect();
            let blocks = vec![
                Block::Heading {
                    text: "Đầu đề".to_owned(),
                },
                Block::Table {
                    head: vec!["Số".to_owned()],
                    widths: vec![1],
                    rows,
                },
                Block::Signatures {
                    left: "A".to_owned(),
                    right: "B".to_owned(),
                },
            ];
            let pages = pages(&document(blocks));
            let page_of = |wanted: &str| {
                pages.iter().position(|page| {
                    page.iter()
                        .any(|mark| matches!(mark, Mark::Text { text, .. } if text == wanted))
                })
            };
            let last = format!("hàng {}", count - 1);
            assert_eq!(page_of("A"), page_of(&last), "{count} rows");
            assert_eq!(page_of("Đầu đề"), page_of("hàng 0"), "{count} rows");
        }
    }

    #[test]
    fn nothing_is_wider_than_its_place() {
        let fonts = Fonts {
            regular: Face::parse(REGULAR, 0).ok(),
            bold: None,
        };
        let long = format!("{} {}", "a".repeat(500), "từ ngữ ".repeat(90));
        for line in fonts.lines(&long, BODY, false, 200.0) {
            assert!(fonts.width(&line, BODY, false) <= 200.1, "{line}");
        }
        assert_eq!(fonts.lines("a\n\nb", BODY, false, 200.0), ["a", "", "b"]);
    }
}
