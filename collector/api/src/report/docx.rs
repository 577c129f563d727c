//! Blocks → a Word document, for those who have to write on in it.

use std::io::Cursor;

use docx_rs::{
    AlignmentType, Docx, Footer, LineSpacing, PageMargin, PageNum, Paragraph, Run, RunFonts,
    Shading, Table, TableCell, TableLayoutType, TableRow, WidthType,
};

use super::document::{Block, Document};

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
    Paragraph::new()
        .align(align)
        .line_spacing(LineSpacing::new().before(40).after(40))
        .add_run(run(text, half_points, bold))
}

fn cell(text: &str, bold: bool, align: AlignmentType, width: u32) -> TableCell {
    TableCell::new()
        .width(width as usize, WidthType::Dxa)
        .add_paragraph(paragraph(text, 22, bold, align))
}

/// Two columns without lines.
fn beside(left: Vec<Paragraph>, right: Vec<Paragraph>, shares: (u32, u32)) -> Table {
    let column = |paragraphs: Vec<Paragraph>, share: u32| {
        let cell = TableCell::new().width((INNER * share / 100) as usize, WidthType::Dxa);
        paragraphs.into_iter().fold(cell, TableCell::add_paragraph)
    };
    let row = TableRow::new(vec![column(left, shares.0), column(right, shares.1)]);
    Table::without_borders(vec![row])
        .layout(TableLayoutType::Fixed)
        .set_grid(vec![
            (INNER * shares.0 / 100) as usize,
            (INNER * shares.1 / 100) as usize,
        ])
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
                let number = column > 0
                    && !heading
                    && !text.is_empty()
                    && text
                        .chars()
                        .all(|c| c.is_ascii_digit() || ".,%".contains(c));
                let align = if number {
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
            .add_run(run(word, 19, false))
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
            vec![paragraph(&document.unit.to_uppercase(), 23, true, centre)],
            vec![
                paragraph(country, 23, true, centre),
                paragraph(motto, 24, true, centre),
                paragraph(&document.date, 24, false, centre),
            ],
            (42, 58),
        ))
        .add_paragraph(paragraph(
            &document.title.to_uppercase(),
            30,
            true,
            AlignmentType::Center,
        ))
        .add_paragraph(paragraph(
            &document.subtitle,
            24,
            false,
            AlignmentType::Center,
        ));
    for block in &document.blocks {
        docx = match block {
            Block::Heading { text } => {
                docx.add_paragraph(paragraph(text, 26, true, AlignmentType::Left).keep_next(true))
            }
            Block::Paragraph { text } => {
                docx.add_paragraph(paragraph(text, 24, false, AlignmentType::Both))
            }
            Block::Pairs { rows } => rows.iter().fold(docx, |docx, row| {
                let [name, value] = row.as_slice() else {
                    return docx;
                };
                let line = Paragraph::new()
                    .add_run(run(&format!("{name}: "), 24, true))
                    .add_run(run(value, 24, false));
                docx.add_paragraph(line)
            }),
            Block::Table { head, widths, rows } => docx
                .add_table(table(head, widths, rows))
                .add_paragraph(Paragraph::new()),
            Block::Signatures { left, right } => docx.add_table(beside(
                vec![paragraph(left, 24, true, AlignmentType::Center)],
                vec![paragraph(right, 24, true, AlignmentType::Center)],
                (50, 50),
            )),
        };
    }
    let mut packed = Cursor::new(Vec::new());
    docx.build().pack(&mut packed).ok()?;
    Some(packed.into_inner())
}
