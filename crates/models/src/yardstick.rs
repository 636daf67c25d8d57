//! The same dozen questions and answers, by which the scores of any model are put on one scale.

use reread_encoder::Scale;

use crate::cross_encoder::CrossEncoder;
use crate::embedder::{BoxError, Embedder};

/// Questions of different fields, each with a passage that answers it and none of the others.
const PAIRS: [(&str, &str); 12] = [
    (
        "how do plants make sugar from sunlight",
        "Photosynthesis turns carbon dioxide and water into glucose. The energy comes from light, which chlorophyll in the leaves absorbs.",
    ),
    (
        "why does bread dough rise",
        "Yeast feeds on the sugars of the flour and gives off carbon dioxide. The gas is caught in the gluten, so the loaf swells before it is baked.",
    ),
    (
        "restore a database from a backup file",
        "Stop the server, copy the dump to the machine and run the restore command with the name of the file. All tables are created again and filled.",
    ),
    (
        "who invented the printing press with movable type in Europe",
        "Johannes Gutenberg, a goldsmith of Mainz, began to print with movable metal letters around 1440.",
    ),
    (
        "symptoms of iron deficiency",
        "People who lack iron are tired and pale, get out of breath easily and may have brittle nails. A blood test shows a low ferritin level.",
    ),
    (
        "what is the boiling point of water at high altitude",
        "As the air pressure falls with height, water boils at a lower temperature: at 3,000 metres it is about 90 degrees Celsius.",
    ),
    (
        "how long can I return a product",
        "You may send goods back within thirty days of delivery. We refund the price to the card that you paid with once the parcel has arrived.",
    ),
    (
        "read a file line by line",
        "Open the file with a buffered reader and call its lines method in a loop; each turn gives the next line without its line feed.",
    ),
    (
        "why is the sky blue",
        "Molecules of the atmosphere scatter short waves of light more than long ones, so blue light reaches the eye from every direction.",
    ),
    (
        "lift of a wing at supersonic speed",
        "Beyond the speed of sound the lift coefficient of a thin airfoil is proportional to its angle of attack, as linear theory predicts, and falls with the Mach number.",
    ),
    (
        "tenant wants to end the rental contract early",
        "A lease may be terminated before its end if the renter gives three months' notice in writing or finds somebody who takes over the flat.",
    ),
    (
        "set the timeout of a network connection",
        "The option connect_timeout says how many seconds the client waits for the host to answer before it gives up. Zero waits without end.",
    ),
];

/// Each question is compared with its own answer and with those of this many questions after it.
const N_UNRELATED: usize = 2;

/// Measures the scale of a bi-encoder's cosines. Embeds 24 short texts.
///
/// `None` where it does not tell answers from other passages.
///
/// # Errors
/// Whatever the model fails with.
pub fn cosine_scale(embedder: &dyn Embedder) -> Result<Option<Scale>, BoxError> {
    let answers = PAIRS.map(|(_, answer)| answer);
    let passages = embedder.embed_passages(&answers)?;
    let rows: Vec<&[f32]> = passages.chunks_exact(embedder.dim().max(1)).collect();
    scale_of(|question, at| {
        let vector = embedder.embed_query(question)?;
        let cosine = |row: &&[f32]| vector.iter().zip(*row).map(|(a, b)| a * b).sum();
        Ok(at
            .iter()
            .filter_map(|&at| rows.get(at))
            .map(cosine)
            .collect())
    })
}

/// Measures the scale of a cross-encoder's logits. Scores 36 short pairs.
///
/// `None` where it does not tell answers from other passages.
///
/// # Errors
/// Whatever the model fails with.
pub fn logit_scale(cross_encoder: &dyn CrossEncoder) -> Result<Option<Scale>, BoxError> {
    scale_of(|question, at| {
        let answers: Vec<&str> = at.iter().map(|&at| PAIRS[at].1).collect();
        cross_encoder.score(question, &answers)
    })
}

/// The scale of a model that scores a question against the answers at some positions, the first of which
/// is its own.
fn scale_of(
    score: impl Fn(&str, &[usize]) -> Result<Vec<f32>, BoxError>,
) -> Result<Option<Scale>, BoxError> {
    let (mut related, mut unrelated) = (Vec::new(), Vec::new());
    for (own, (question, _)) in PAIRS.iter().enumerate() {
        let at: Vec<usize> = (own..=own + N_UNRELATED)
            .map(|at| at % PAIRS.len())
            .collect();
        let scores = score(question, &at)?;
        related.extend(scores.first());
        unrelated.extend(scores.iter().skip(1));
    }
    Ok(Scale::new(mean(&unrelated), mean(&related)))
}

/// The mean, NaN of nothing.
fn mean(scores: &[f32]) -> f32 {
    let sum: f64 = scores.iter().copied().map(f64::from).sum();
    (sum / scores.len() as f64) as f32
}
