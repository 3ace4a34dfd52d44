//! Drawing pages onto a device that notes where glyphs stand.

use hayro_interpret::font::{Glyph, GlyphRun};
use hayro_interpret::hayro_cmap::BfString;
use hayro_interpret::hayro_syntax::Pdf;
use hayro_interpret::kurbo::{Affine, BezPath, Point, Rect};
use hayro_interpret::{
    BlendMode, ClipPath, Context, Device, DrawMode, DrawProps, Image, ImageDrawProps,
    InterpreterCache, InterpreterSettings, SoftMask, interpret_page,
};

/// The most glyphs of a page that are noted.
const MAX_GLYPHS: usize = 100_000;
/// The units of a font in which an advance is given.
const UNITS_PER_EM: f64 = 1_000.0;

/// A glyph on a page; lengths are in points, y grows downwards.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Placed {
    pub(crate) text: String,
    /// Where its base line begins.
    pub(crate) x: f64,
    pub(crate) y: f64,
    /// Where the next glyph of the word would begin.
    pub(crate) end: f64,
    /// The size of its font.
    pub(crate) size: f64,
}

/// The glyphs of each page, in the order in which they are drawn. Text that runs other than from
/// left to right in level lines is left out.
pub(crate) fn glyphs(pdf: &Pdf, max_pages: usize) -> Vec<Vec<Placed>> {
    let cache = InterpreterCache::new();
    pdf.pages()
        .iter()
        .take(max_pages)
        .map(|page| {
            let (width, height) = page.render_dimensions();
            let area = Rect::new(0.0, 0.0, f64::from(width), f64::from(height));
            let [a, b, c, d, e, f] = page.initial_transform(true).as_coeffs().map(f64::from);
            let transform = Affine::new([a, b, c, d, e, f]);
            let settings = InterpreterSettings::default();
            let mut context = Context::new(transform, area, &cache, page.xref(), settings);
            let mut notes = Notes(Vec::new());
            interpret_page(page, &mut context, &mut notes);
            notes.0
        })
        .collect()
}

struct Notes(Vec<Placed>);

impl<'a> Device<'a> for Notes {
    fn draw_glyph_run(&mut self, run: &GlyphRun<'_, 'a>, props: DrawProps<'a>, _: &DrawMode) {
        for glyph in run.glyphs() {
            if self.0.len() >= MAX_GLYPHS {
                return;
            }
            let place = props.transform * glyph.transform();
            let text = match glyph.as_unicode() {
                Some(BfString::Char(char)) => char.to_string(),
                Some(BfString::String(text)) => text,
                None => "\u{fffd}".to_owned(),
            };
            let advance = match &**glyph {
                Glyph::Outline(glyph) => glyph.advance_width(),
                Glyph::Type3(glyph) => glyph.advance_width(),
            };
            let advance = advance.map_or(UNITS_PER_EM / 2.0, f64::from);
            let begin = place * Point::ORIGIN;
            let end = place * Point::new(advance, 0.0);
            let up = place * Point::new(0.0, UNITS_PER_EM) - begin;
            let is_level = (end.y - begin.y).abs() <= 0.2 * (end.x - begin.x).abs();
            if is_level && end.x >= begin.x && begin.is_finite() && up.is_finite() {
                self.0.push(Placed {
                    text,
                    x: begin.x,
                    y: begin.y,
                    end: end.x,
                    size: up.hypot(),
                });
            }
        }
    }

    fn draw_path(&mut self, _: &BezPath, _: DrawProps<'a>, _: &DrawMode) {}
    fn push_clip_path(&mut self, _: &ClipPath) {}
    fn push_transparency_group(&mut self, _: f32, _: Option<SoftMask<'a>>, _: BlendMode) {}
    fn draw_image(&mut self, _: Image<'a, '_>, _: ImageDrawProps<'a>) {}
    fn pop_clip(&mut self) {}
    fn pop_transparency_group(&mut self) {}
}
