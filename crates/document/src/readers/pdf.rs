//! PDF: the text of each page. The only file that names `pdf_oxide`.
//!
//! The parser panics, hangs and recurses on some damaged files, so it is never run without its guard.

mod seams;

use encoding_rs::{Encoding, WINDOWS_1252};
use pdf_oxide::PdfDocument;
use pdf_oxide::object::Object;

use self::seams::{Piece, Seams};
use super::{Input, Output};
use crate::kind::DocumentKind;
use crate::problem::Reason;

/// Reads a PDF, and says which pages could not be read if some could.
pub(crate) fn read(mut input: Input) -> Output {
    let text = match PagesText::of(std::mem::take(&mut input.bytes)) {
        Ok(text) => text,
        Err(reason) => return Output::failed(&input.path, reason),
    };
    let mut document = input.document(DocumentKind::Pdf, text.text);
    document.pages = text.pages;
    if let Some(title) = text.title {
        document = document.with_title(title);
    }
    Output::from(document).with_problem(&input.path, text.problem)
}

/// What is taken from a file.
struct PagesText {
    title: Option<String>,
    text: String,
    pages: Vec<usize>,
    problem: Option<Reason>,
}

impl PagesText {
    fn of(bytes: Vec<u8>) -> Result<Self, Reason> {
        let pdf = PdfDocument::from_bytes(bytes).map_err(broken)?;
        if pdf.is_encrypted() && !pdf.is_authenticated() {
            return Err(Reason::EncryptedPdf);
        }
        let n_pages = pdf.page_count().map_err(broken)?;
        let (mut text, mut pages) = (String::new(), Vec::new());
        let (mut n_broken, mut first_error) = (0, None);
        for page in 0..n_pages {
            pages.push(text.len());
            match pdf.extract_text(page) {
                Ok(words) => push_page(&mut text, &with_seams(&pdf, page, words)),
                Err(error) => {
                    n_broken += 1;
                    first_error = first_error.or(Some(error));
                }
            }
        }
        let (title, no_text) = (title_of(&pdf), text.trim().is_empty());
        let problem = match first_error {
            Some(error) if no_text => return Err(broken(error)),
            Some(error) => Some(Reason::BrokenPages {
                n_pages: n_broken,
                problem: error.to_string(),
            }),
            None if no_text && title.is_none() => return Err(Reason::NoText),
            // Scanned pages are found by the title, and it is said that there is no more.
            None if no_text => Some(Reason::NoText),
            None => None,
        };
        Ok(Self {
            title,
            text,
            pages,
            problem,
        })
    }
}

fn broken(error: pdf_oxide::Error) -> Reason {
    match error {
        pdf_oxide::Error::EncryptedPdf => Reason::EncryptedPdf,
        error => Reason::BrokenPdf(error.to_string()),
    }
}

/// Undoes what the library does where two pieces of text meet: it joins words across line ends and
/// drops their hyphens, and puts raised figures behind a word as if they were part of it. The rest of the
/// document says more about a hyphen than a page can.
fn with_seams(pdf: &PdfDocument, page: usize, words: String) -> String {
    // Kept by the library since it put the page together.
    let Ok(mut spans) = pdf.extract_spans(page) else {
        return words;
    };
    spans.sort_by_key(|span| span.sequence);
    let pieces = spans.iter().map(|span| Piece {
        text: &span.text,
        x: span.bbox.x..span.bbox.x + span.bbox.width,
        // The box does not tell of the operator for raised text.
        y: span.bbox.y + span.text_rise * span.font_size,
        size: span.font_size,
    });
    Seams::of(pieces).apply(words)
}

/// Appends a page. Each begins on a new line, so that no word runs into the next page's.
fn push_page(text: &mut String, words: &str) {
    let mut rest = words.trim_end();
    while !rest.is_empty() {
        // Dots that lead from a title to its page number would fill whole passages.
        let n_dots = rest
            .bytes()
            .take_while(|&byte| matches!(byte, b'.' | b' '))
            .count();
        if rest[..n_dots].matches('.').count() > 3 {
            text.truncate(text.trim_end_matches(' ').len());
            text.push(' ');
            rest = &rest[n_dots..];
            continue;
        }
        let len = n_dots
            + rest[n_dots..]
                .find(['.', ' '])
                .unwrap_or(rest.len() - n_dots);
        // A NUL stands for a glyph that has no letter.
        text.extend(rest[..len].chars().filter(|&c| c != '\0' && c != '\r'));
        rest = &rest[len..];
    }
    if !text.is_empty() && !text.ends_with('\n') {
        text.push('\n');
    }
}

/// The title of the document's own metadata.
fn title_of(pdf: &PdfDocument) -> Option<String> {
    let resolved = |object: &Object| pdf.resolve_object(object).ok();
    let info = resolved(pdf.trailer().as_dict()?.get("Info")?)?;
    let title = resolved(info.as_dict()?.get("Title")?)?;
    let bytes = title.as_string()?;
    // Without a byte order mark it is PDFDocEncoding, which is close to Windows-1252.
    let (encoding, skip) = Encoding::for_bom(bytes).unwrap_or((WINDOWS_1252, 0));
    let words = encoding.decode_without_bom_handling(bytes.get(skip..)?).0;
    let words: Vec<_> = words
        .split(|c: char| c.is_whitespace() || c.is_control())
        .filter(|w| !w.is_empty())
        .collect();
    (!words.is_empty()).then(|| words.join(" "))
}

#[cfg(test)]
mod tests {
    use std::fmt::Write;

    use super::*;
    use crate::document::Document;
    use crate::problem::Problem;

    fn read(path: &str, bytes: Vec<u8>) -> Result<(Document, Vec<Problem>), Reason> {
        let mut output = super::read(Input::new(path, bytes));
        match output.documents.pop() {
            Some(document) => Ok((document, output.problems)),
            None => Err(output.problems.remove(0).reason),
        }
    }

    /// A PDF with one line of text on each page, or with what operators draw there. Extra entries go into
    /// the trailer.
    fn pdf(title: &str, pages: &[&str], trailer: &str) -> Vec<u8> {
        let kids: String = (0..pages.len()).fold(String::new(), |mut kids, page| {
            let _ = write!(kids, "{} 0 R ", 5 + 2 * page);
            kids
        });
        let mut objects = vec![
            "<< /Type /Catalog /Pages 2 0 R >>".to_owned(),
            format!("<< /Type /Pages /Kids [{kids}] /Count {} >>", pages.len()),
            "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>".to_owned(),
            format!("<< /Title ({title}) >>"),
        ];
        for (page, words) in pages.iter().enumerate() {
            let content = if words.starts_with("BT ") {
                (*words).to_owned()
            } else {
                format!("BT /F1 12 Tf 72 700 Td ({words}) Tj ET")
            };
            objects.push(format!(
                "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 612 792] /Contents {} 0 R \
                 /Resources << /Font << /F1 3 0 R >> >> >>",
                6 + 2 * page
            ));
            objects.push(format!(
                "<< /Length {} >>\nstream\n{content}\nendstream",
                content.len()
            ));
        }
        let mut out = "%PDF-1.4\n".to_owned();
        let mut xref = "0000000000 65535 f \n".to_owned();
        for (at, object) in objects.iter().enumerate() {
            let _ = writeln!(xref, "{:010} 00000 n ", out.len());
            let _ = write!(out, "{} 0 obj\n{object}\nendobj\n", at + 1);
        }
        let (start, size) = (out.len(), objects.len() + 1);
        let _ = write!(
            out,
            "xref\n0 {size}\n{xref}trailer\n<< /Size {size} /Root 1 0 R /Info 4 0 R {trailer} >>\nstartxref\n{start}\n%%EOF\n"
        );
        out.into_bytes()
    }

    #[test]
    fn pages_title_and_text_are_read() {
        let bytes = pdf(
            "A  manual",
            &["First page here", "", "Third page there"],
            "",
        );
        let (document, problems) = read("a/b.pdf", bytes).unwrap();
        assert_eq!(problems, []);
        assert_eq!(document.title, "A manual");
        assert_eq!(document.text, "First page here\nThird page there\n");
        assert_eq!(document.pages, [0, 16, 16]);
    }

    #[test]
    fn hyphens_at_line_ends_are_kept_for_the_rest_of_the_document_to_judge() {
        let page = "BT /F1 12 Tf 14 TL 72 700 Td (The price-) Tj T* (determining factor is well-) Tj T* \
            (known, as the magne-) Tj T* (tosphere of Soekarno-) Tj T* (Hatta is.) Tj ET";
        let (document, _) = read("a.pdf", pdf("T", &[page], "")).unwrap();
        assert_eq!(
            document.text,
            "The price-\ndetermining factor is well-\nknown, as the magne-\ntosphere of Soekarno-\nHatta is.\n"
        );
    }

    #[test]
    fn raised_figures_are_no_part_of_the_word_before() {
        let page = "BT /F1 12 Tf 72 700 Td (The ship sank) Tj /F1 7 Tf 5 Ts (1) Tj 0 Ts /F1 12 Tf \
            ( in 10) Tj /F1 7 Tf 5 Ts (6) Tj 0 Ts /F1 12 Tf ( hours, 5 km) Tj /F1 7 Tf 5 Ts (2) Tj 0 Ts \
            /F1 12 Tf ( of ice.) Tj ET";
        let (document, _) = read("a.pdf", pdf("T", &[page], "")).unwrap();
        assert_eq!(
            document.text,
            "The ship sank 1 in 10^6 hours, 5 km2 of ice.\n"
        );
        // Raised by where the figure is put, as typesetting programs do.
        let page = "BT /F1 12 Tf 72 700 Td (The ship sank) Tj /F1 7 Tf 74.7 5 Td (1) Tj /F1 12 Tf \
            7 -5 Td (in 10) Tj /F1 7 Tf 26.02 5 Td (6) Tj /F1 12 Tf 8 -5 Td (hours, CO) Tj /F1 7 Tf \
            54.7 -2 Td (2) Tj ET";
        let (document, _) = read("a.pdf", pdf("T", &[page], "")).unwrap();
        assert_eq!(document.text, "The ship sank 1 in 10^6 hours, CO2\n");
    }

    #[test]
    fn dots_that_lead_to_a_page_number_are_dropped() {
        let mut text = String::new();
        push_page(
            &mut text,
            "1 Start . . . . . . 7\n2 End.......9\nAnd so on... e.g. v1.2 \n.....\n",
        );
        assert_eq!(text, "1 Start 7\n2 End 9\nAnd so on... e.g. v1.2 \n \n");
    }

    #[test]
    fn the_name_is_the_title_where_metadata_has_none() {
        let (document, _) = read("a/b.pdf", pdf(" ", &["Words"], "")).unwrap();
        assert_eq!(document.title, "b");
    }

    #[test]
    fn pages_without_letters_are_reported() {
        assert_eq!(read("s.pdf", pdf("", &["", ""], "")), Err(Reason::NoText));
        // With a title there is something to find.
        let (document, problems) = read("s.pdf", pdf("A map", &["", ""], "")).unwrap();
        assert_eq!(document.title, "A map");
        assert_eq!(problems, [Problem::of_file("s.pdf", Reason::NoText)]);
    }

    #[test]
    fn damage_at_any_length_is_an_answer_and_no_panic() {
        let bytes = pdf("T", &["Some words"], "");
        for len in (0..bytes.len()).step_by(7) {
            let _ = read("d.pdf", bytes[..len].to_vec());
        }
        assert!(matches!(
            read("d.pdf", b"%PDF-1.4 no".to_vec()),
            Err(Reason::BrokenPdf(_))
        ));
    }

    #[test]
    fn a_password_is_reported() {
        let encrypt = format!(
            "/Encrypt << /Filter /Standard /V 1 /R 2 /P -4 /O <{0}> /U <{0}> >> /ID [<00> <00>]",
            "41".repeat(32)
        );
        let outcome = read("e.pdf", pdf("T", &["Some words"], &encrypt));
        assert_eq!(outcome, Err(Reason::EncryptedPdf));
    }
}
