//! Judgements joined with an index: which passages does each one mean?

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::ops::RangeInclusive;

use reread_engine::{
    By, DocumentKey, Error, LocalFirstPass, Passage, PassageKey, Result, composed, span,
};

use crate::qrels::{Grades, Judgement, Qrels};
use crate::word::of_word;

/// What judgements mean in one state of an index.
///
/// If every judgement names a document, documents are ranked, each by its best passage. If one
/// names lines or holds a quote, passages are ranked. A passage then stands for the best graded of
/// the judged places that it holds and that no better placed passage has stood for: neighbours
/// overlap, and finding the same words twice is no second find. Places that stand in the very same
/// passages can only be found together, and count as one, with the higher grade.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Targets {
    /// What is ranked.
    pub by: By,
    /// The judged places of each query.
    pub queries: BTreeMap<String, Vec<Target>>,
}

/// One judged place.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Target {
    /// Its name in rankings: a document's id; for lines and quotes the judgement's own name.
    pub name: String,
    /// Above 0 is relevant.
    pub grade: i32,
    /// The line of the judgement in its file, from 1.
    pub line: u64,
    /// Whether the index has it.
    pub presence: Presence,
    document: String,
    place: Place,
    documents: Vec<DocumentKey>,
    /// The passages that hold it.
    held_by: Vec<PassageKey>,
    /// Whether another place, of a grade at least as high, is held by the same passages.
    is_shared: bool,
}

/// Whether the index has a judged place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Presence {
    /// A passage of it is in the index.
    Indexed,
    /// Its document is in the index, and no passage holds the place: it was cut in two, or the
    /// document has changed since it was judged.
    CutApart,
    /// Its document was read, and is in no passage: there is not a word in it.
    Empty,
    /// There is no such document in the index.
    UnknownDocument,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Place {
    Document,
    Lines(RangeInclusive<u32>),
    Quote(String),
}

impl Targets {
    /// Finds every judged place in an index. Reads the judged documents' passages.
    ///
    /// # Errors
    /// `Index` and `FirstPass` when the index cannot be read.
    pub fn find(qrels: &Qrels, local: &dyn LocalFirstPass) -> Result<Self> {
        let known = Known::of(local);
        let mut queries = BTreeMap::new();
        let mut by = By::Document;
        for (query, judgements) in &qrels.queries {
            let mut targets = Vec::with_capacity(judgements.len());
            for judgement in judgements {
                let target = known.target(judgement, local)?;
                if target.place != Place::Document {
                    by = By::Passage;
                }
                targets.push(target);
            }
            queries.insert(query.clone(), targets);
        }
        if by == By::Passage {
            for targets in queries.values_mut() {
                share(targets);
            }
        }
        Ok(Self { by, queries })
    }

    /// The grades by name, for `evaluate`.
    pub fn grades(&self) -> Grades {
        let of_query = |targets: &Vec<Target>| {
            let found_apart = targets.iter().filter(|target| !target.is_shared);
            found_apart
                .map(|target| (target.name.clone(), target.grade))
                .collect()
        };
        self.queries
            .iter()
            .map(|(query, targets)| (query.clone(), of_query(targets)))
            .collect()
    }

    /// The judged places of a query; none for one without judgements.
    pub fn of(&self, query: &str) -> &[Target] {
        self.queries.get(query).map_or(&[], Vec::as_slice)
    }

    /// What a list of passages finds, best first: the position in `passages` and the name. Documents
    /// are named once.
    pub fn names(&self, query: &str, passages: &[&Passage]) -> Vec<(usize, String)> {
        match self.by {
            By::Document => {
                let mut seen = HashSet::new();
                let first = passages
                    .iter()
                    .enumerate()
                    .filter(|(_, passage)| seen.insert(&passage.doc_id));
                first
                    .map(|(pos, passage)| (pos, passage.doc_id.clone()))
                    .collect()
            }
            By::Passage => self.passage_names(query, passages),
        }
    }

    fn passage_names(&self, query: &str, passages: &[&Passage]) -> Vec<(usize, String)> {
        let targets = self.of(query);
        let mut credited = vec![false; targets.len()];
        let mut name = |passage: &Passage| {
            let mut best: Option<&Target> = None;
            for (target, credited) in targets.iter().zip(&mut credited) {
                if !*credited && target.is_in(passage) {
                    *credited = true;
                    best = Some(best.map_or(target, |best| {
                        if target.grade > best.grade {
                            target
                        } else {
                            best
                        }
                    }));
                }
            }
            best.map_or_else(
                || format!("{}#{}", passage.doc_id, passage.bytes.start),
                |target| target.name.clone(),
            )
        };
        passages
            .iter()
            .enumerate()
            .map(|(pos, passage)| (pos, name(passage)))
            .collect()
    }

    /// For each judged place of a query the position of the first passage that holds it.
    pub fn first_positions(&self, query: &str, passages: &[&Passage]) -> Vec<Option<usize>> {
        self.of(query)
            .iter()
            .map(|target| passages.iter().position(|passage| target.is_in(passage)))
            .collect()
    }
}

impl Target {
    /// Whether a passage holds the place; for a whole document, whether it is of it.
    pub fn is_in(&self, passage: &Passage) -> bool {
        if passage.doc_id != self.document && passage.path != self.document {
            return false;
        }
        match &self.place {
            Place::Document => true,
            // The first line stands for the place, which may reach over several passages.
            Place::Lines(lines) => passage.lines().contains(lines.start()),
            Place::Quote(quote) => span::of_quote(&passage.text, quote).is_some(),
        }
    }

    /// Where the place ends in the text of a passage that holds it, in bytes; for a whole document
    /// at the beginning, as any part of it will do.
    pub(super) fn end_in(&self, passage: &Passage) -> usize {
        let span = match &self.place {
            Place::Document => None,
            Place::Lines(lines) => span::of_lines(passage, &(*lines.start()..=*lines.start())),
            Place::Quote(quote) => span::of_quote(&passage.text, quote),
        };
        span.map_or(0, |span| span.end)
    }

    /// The passages that hold the place.
    ///
    /// # Errors
    /// `Index` and `FirstPass` when the index cannot be read.
    pub(super) fn passages(&self, local: &dyn LocalFirstPass) -> Result<Vec<Passage>> {
        let mut holding = Vec::new();
        for &document in &self.documents {
            let passages = local.passages_of(document);
            let passages = passages.map_err(Error::of_first_pass)?.into_iter();
            holding.extend(passages.filter(|passage| self.is_in(passage)));
        }
        Ok(holding)
    }

    /// Whether the index has any passage of its document.
    fn has_passages(&self, local: &dyn LocalFirstPass) -> Result<bool> {
        for &document in &self.documents {
            let passages = local.passages_of(document);
            if !passages.map_err(Error::of_first_pass)?.is_empty() {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// The documents of an index by what judgements may call them.
struct Known {
    documents: HashMap<String, Vec<DocumentKey>>,
    /// The names that are not composed, by their composed form: another system may have typed them.
    composed: HashMap<String, String>,
}

impl Known {
    fn of(local: &dyn LocalFirstPass) -> Self {
        let mut documents: HashMap<String, Vec<DocumentKey>> = HashMap::new();
        for document in local.documents() {
            if document.path != document.id {
                documents
                    .entry(document.path)
                    .or_default()
                    .push(document.key);
            }
            documents.entry(document.id).or_default().push(document.key);
        }
        let decomposed = documents.keys().filter_map(|name| match composed(name) {
            Cow::Owned(composed) => Some((composed, name.clone())),
            Cow::Borrowed(_) => None,
        });
        Self {
            composed: decomposed.collect(),
            documents,
        }
    }

    /// The name as the index has it, however its accents are composed.
    fn find(&self, name: &str) -> Option<&str> {
        let known = |name: &str| {
            self.documents
                .get_key_value(name)
                .map(|(name, _)| name.as_str())
        };
        known(name).or_else(|| {
            let composed = composed(name);
            known(&composed).or_else(|| self.composed.get(composed.as_ref()).map(String::as_str))
        })
    }

    /// The document and the place in it that a name means, if the index has it.
    fn meaning(&self, name: &str, quote: Option<&String>) -> Option<(String, Place)> {
        if let Some(document) = self.find(name) {
            // An id may end like a place in a file.
            let place = quote.map_or(Place::Document, |quote| Place::Quote(quote.clone()));
            return Some((document.to_owned(), place));
        }
        let (path, lines) = path_and_lines(name).filter(|_| quote.is_none())?;
        Some((self.find(path)?.to_owned(), Place::Lines(lines)))
    }

    fn target(&self, judgement: &Judgement, local: &dyn LocalFirstPass) -> Result<Target> {
        let (name, quote) = (judgement.document.as_str(), judgement.quote.as_ref());
        // As runs are written; where the index has no such name, the word is one as it stands.
        let word = || {
            self.meaning(&of_word(name), quote)
                .filter(|_| judgement.is_word)
        };
        let meaning = word().or_else(|| self.meaning(name, quote));
        let (document, place) = meaning.unwrap_or_else(|| {
            let place = quote.map_or(Place::Document, |quote| Place::Quote(quote.clone()));
            (name.to_owned(), place)
        });
        let name = match place {
            // Two quotes of one page need names of their own.
            Place::Quote(_) => format!("{document}@{}", judgement.line),
            Place::Lines(_) => judgement.document.clone(),
            Place::Document => document.clone(),
        };
        let mut target = Target {
            name,
            grade: judgement.grade,
            line: judgement.line,
            presence: Presence::UnknownDocument,
            documents: self.documents.get(&document).cloned().unwrap_or_default(),
            document,
            place,
            held_by: Vec::new(),
            is_shared: false,
        };
        if !target.documents.is_empty() {
            let held_by = target.passages(local)?;
            target.held_by = held_by.into_iter().map(|passage| passage.key).collect();
            target.presence = if !target.held_by.is_empty() {
                Presence::Indexed
            } else if target.has_passages(local)? {
                Presence::CutApart
            } else {
                Presence::Empty
            };
        }
        Ok(target)
    }
}

/// Marks places that are only found together with another one of a grade at least as high, of equals all
/// but the first.
fn share(targets: &mut [Target]) {
    for at in 0..targets.len() {
        let target = &targets[at];
        let covers = |(other, of): (usize, &Target)| {
            let is_better = of.grade > target.grade || of.grade == target.grade && other < at;
            is_better && of.held_by == target.held_by
        };
        let is_shared = !target.held_by.is_empty() && targets.iter().enumerate().any(covers);
        targets[at].is_shared = is_shared;
    }
}

/// `notes/a.md:10-20` or `notes/a.md:10`.
fn path_and_lines(name: &str) -> Option<(&str, RangeInclusive<u32>)> {
    let (path, lines) = name.rsplit_once(':')?;
    let (first, last) = lines.split_once('-').unwrap_or((lines, lines));
    let (first, last): (u32, u32) = (first.parse().ok()?, last.parse().ok()?);
    (first >= 1 && first <= last).then_some((path, first..=last))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(name: &str, grade: i32, held_by: &[u64]) -> Target {
        Target {
            name: name.to_owned(),
            grade,
            line: 1,
            presence: Presence::Indexed,
            document: "a.md".to_owned(),
            place: Place::Quote(name.to_owned()),
            documents: Vec::new(),
            held_by: held_by.iter().copied().map(PassageKey).collect(),
            is_shared: false,
        }
    }

    #[test]
    fn places_that_are_only_found_together_count_once() {
        let mut targets = [
            target("low", 1, &[3]),
            target("high", 2, &[3]),
            target("twin", 2, &[3]),
            target("wider", 1, &[3, 4]),
            target("lost", 1, &[]),
            target("lost too", 2, &[]),
        ];
        share(&mut targets);
        assert_eq!(
            targets.map(|target| target.is_shared),
            [true, false, true, false, false, false]
        );
    }

    #[test]
    fn places_are_a_path_and_lines() {
        assert_eq!(path_and_lines("a.md:3-9"), Some(("a.md", 3..=9)));
        assert_eq!(path_and_lines("a:b.md:3"), Some(("a:b.md", 3..=3)));
        for name in ["a.md", "a.md:", "a.md:0", "a.md:9-3", "a.md:x"] {
            assert_eq!(path_and_lines(name), None, "{name}");
        }
    }
}
