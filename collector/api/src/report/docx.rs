//! Blocks → a Word document, for those who have to write on in it.

use std::io::Cursor;

use docx_rs::{
    AlignmentType, Docx, Footer, LineSpacing, PageMargin, PageNum, Paragraph, Run, RunFonts,
    Shading, Table, TableCell, TableLayoutType, TableRow, WidthType,
};

use super::document::{Block, Document, is_number};

/// Twentieths of a point between the margins of an A4 page.
const INNER: u32 = 9_600;

fn run(text: &str, half_points: usize, bold: bool) -> Run {
    let mut run = Run::new().size(half_points);
    for (at, line) in text.split('\n').enumerate() {
        if at > 0 {
            run = run.add_break(docx_rs::BreakType::TextWrapping);
        }
        let line: String = line.chars().filter(|c| !c.is_control()).collect();
        run = run.add_text(line);
    }
    if bold { run.bold() } else { run }
}

fn paragraph(text: &str, half_points: usize, bold: bool, align: AlignmentType) -> Paragraph {
    spaced(text, half_points, bold, align, (40, 40))
}

/// With so many twentieths of a point above and below.
fn spaced(
    text: &str,
    half_points: usize,
    bold: bool,
    align: AlignmentType,
    (above, below): (u32, u32),
) -> Paragraph {
    Paragraph::new()
        .align(align)
        .line_spacing(LineSpacing::new().before(above).after(below))
        .add_run(run(text, half_points, bold))
}

/// Nothing in a cell is kept with what follows: LibreOffice then takes the whole table for kept, and drops the rows that a page has no room for.
fn cell(text: &str, bold: bool, align: AlignmentType, width: u32) -> TableCell {
    TableCell::new()
        .width(width as usize, WidthType::Dxa)
        .add_paragraph(paragraph(text, 21, bold, align))
}

/// Two columns without lines.
fn beside(rows: Vec<(Vec<Paragraph>, Vec<Paragraph>)>, shares: (u32, u32)) -> Table {
    let widths = [shares.0, shares.1].map(|share| (INNER * share / 100) as usize);
    let column = |paragraphs: Vec<Paragraph>, width: usize| {
        let cell = TableCell::new().width(width, WidthType::Dxa);
        paragraphs.into_iter().fold(cell, TableCell::add_paragraph)
    };
    let rows = rows.into_iter().map(|(left, right)| {
        TableRow::new(vec![column(left, widths[0]), column(right, widths[1])])
    });
    Table::without_borders(rows.collect())
        .layout(TableLayoutType::Fixed)
        .set_grid(widths.to_vec())
}

/// Names and values beside one another.
fn pairs(rows: &[Vec<String>]) -> Table {
    let left = AlignmentType::Left;
    let rows = rows.iter().filter_map(|row| {
        let [name, value] = row.as_slice() else {
            return None;
        };
        Some((
            vec![paragraph(name, 24, true, left)],
            vec![paragraph(value, 24, false, left)],
        ))
    });
    beside(rows.collect(), (35, 65))
}

fn table(head: &[String], widths: &[u16], rows: &[Vec<String>]) -> Table {
    let all: u32 = widths.iter().map(|width| u32::from(*width)).sum();
    let columns: Vec<u32> = widths
        .iter()
        .map(|width| INNER * u32::from(*width) / all.max(1))
        .collect();
    let row = |cells: &[String], heading: bool| {
        let cells = cells
            .iter()
            .zip(&columns)
            .enumerate()
            .map(|(column, (text, width))| {
                let align = if column > 0 && !heading && is_number(text) {
                    AlignmentType::Right
                } else {
                    AlignmentType::Left
                };
                let made = cell(text, heading, align, *width);
                if heading {
                    made.shading(Shading::new().fill("E8E8E8"))
                } else {
                    made
                }
            });
        TableRow::new(cells.collect()).cant_split()
    };
    let mut all_rows = vec![row(head, true)];
    all_rows.extend(rows.iter().map(|cells| row(cells, false)));
    Table::new(all_rows)
        .layout(TableLayoutType::Fixed)
        .set_grid(columns.iter().map(|width| *width as usize).collect())
}

/// `None` when packing fails, which no document does.
pub fn write(document: &Document) -> Option<Vec<u8>> {
    let [country, motto] = document.country();
    let centre = AlignmentType::Center;
    let margin = PageMargin::new()
        .top(1_134)
        .bottom(1_134)
        .left(1_418)
        .right(850);
    let word = if document.language == "en" {
        "Page "
    } else {
        "Trang "
    };
    let footer = Footer::new().add_paragraph(
        Paragraph::new()
            .align(AlignmentType::Right)
            .add_run(run(word, 24, false))
            .add_page_num(PageNum::new()),
    );
    let mut docx = Docx::new()
        .default_fonts(
            RunFonts::new()
                .ascii("Times New Roman")
                .hi_ansi("Times New Roman")
                .cs("Times New Roman"),
        )
        .default_size(24)
        .page_size(11_906, 16_838)
        .page_margin(margin)
        .footer(footer)
        .add_table(beside(
            vec![(
                vec![paragraph(&document.unit.to_uppercase(), 23, true, centre)],
                vec![
                    paragraph(country, 23, true, centre),
                    Paragraph::new()
                        .align(centre)
                        .add_run(run(motto, 24, true).underline("single")),
                    paragraph(&document.date, 24, false, centre),
                ],
            )],
            (42, 58),
        ))
        .add_paragraph(spaced(
            &document.title.to_uppercase(),
            30,
            true,
            centre,
            (360, 60),
        ))
        .add_paragraph(spaced(&document.subtitle, 24, false, centre, (40, 240)));
    for block in &document.blocks {
        docx = match block {
            Block::Heading { text } => {
                let heading = spaced(text, 26, true, AlignmentType::Left, (200, 100));
                docx.add_paragraph(heading.keep_next(true))
            }
            Block::Paragraph { text } => {
                docx.add_paragraph(paragraph(text, 24, false, AlignmentType::Both))
            }
            Block::Pairs { rows } => docx.add_table(pairs(rows)),
            Block::Table { head, widths, rows } => docx
                .add_table(table(head, widths, rows))
                .add_paragraph(Paragraph::new()),
            Block::Signatures { left, right } => docx.add_table(beside(
                vec![(
                    vec![spaced(left, 24, true, centre, (360, 900))],
                    vec![spaced(right, 24, true, centre, (360, 900))],
                )],
                (50, 50),
            )),
        };
    }
    // A document ends with a paragraph; behind a table at the foot of a page a full line of it would begin another page.
    let docx = docx.add_paragraph(Paragraph::new().size(2));
    let mut packed = Cursor::new(Vec::new());
    docx.build().pack(&mut packed).ok()?;
    Some(packed.into_inner())
}
