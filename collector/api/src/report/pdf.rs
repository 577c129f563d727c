//! Pages → PDF, with the letters that are used embedded.

use krilla::Document as Pdf;
use krilla::color::rgb;
use krilla::geom::{PathBuilder, Point, Rect};
use krilla::metadata::Metadata;
use krilla::page::PageSettings;
use krilla::paint::{Fill, Stroke};
use krilla::text::{Font, TextDirection};

use super::document::Document;
use super::layout::{BOLD, HEIGHT, Mark, REGULAR, WIDTH, pages};

fn fill(grey: u8) -> Fill {
    Fill {
        paint: rgb::Color::new(grey, grey, grey).into(),
        ..Fill::default()
    }
}

/// `None` when the fonts or the writer fail, which no document does.
pub fn write(document: &Document) -> Option<Vec<u8>> {
    let regular = Font::new(REGULAR.to_vec().into(), 0)?;
    let bold = Font::new(BOLD.to_vec().into(), 0)?;
    let mut pdf = Pdf::new();
    pdf.set_metadata(
        Metadata::new()
            .title(document.title.clone())
            .language(document.language.clone())
            .creator("Mắt Lưới".to_owned()),
    );
    for marks in pages(document) {
        let mut page = pdf.start_page_with(PageSettings::from_wh(WIDTH, HEIGHT)?);
        let mut surface = page.surface();
        for mark in marks {
            match mark {
                Mark::Text {
                    x,
                    y,
                    size,
                    bold: heavy,
                    text,
                } => {
                    surface.set_stroke(None);
                    surface.set_fill(Some(fill(0)));
                    let font = if heavy { &bold } else { &regular };
                    let at = Point::from_xy(x, y);
                    surface.draw_text(
                        at,
                        font.clone(),
                        size,
                        &text,
                        false,
                        TextDirection::LeftToRight,
                    );
                }
                Mark::Line { from, to } => {
                    let mut path = PathBuilder::new();
                    path.move_to(from.0, from.1);
                    path.line_to(to.0, to.1);
                    surface.set_fill(None);
                    surface.set_stroke(Some(Stroke {
                        paint: rgb::Color::new(90, 90, 90).into(),
                        width: 0.6,
                        ..Stroke::default()
                    }));
                    if let Some(path) = path.finish() {
                        surface.draw_path(&path);
                    }
                }
                Mark::Shade {
                    x,
                    y,
                    width,
                    height,
                } => {
                    let mut path = PathBuilder::new();
                    path.push_rect(Rect::from_xywh(x, y, width, height)?);
                    surface.set_stroke(None);
                    surface.set_fill(Some(fill(232)));
                    if let Some(path) = path.finish() {
                        surface.draw_path(&path);
                    }
                }
            }
        }
        surface.finish();
        page.finish();
    }
    pdf.finish().ok()
}
