use reread_encoder::*;
use std::path::Path;
use std::time::Instant;
fn main() {
    let args: Vec<String> = std::env::args().collect();
    let set: InstructionSet = args[1].parse().unwrap();
    let n: usize = args[2].parse().unwrap();
    let runs: usize = args[3].parse().unwrap();
    let dir =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../data/models/ms-marco-MiniLM-L-12-v2");
    let m = Model::open_with(&dir, &ModelOptions::default().with_instruction_set(set)).unwrap();
    let list = [
        "water", "house", "king", "music", "paper", "river", "stone", "light", "road",
    ];
    let w: Vec<_> = (0..n - 8)
        .map(|at| list[(at * at + at / 3) % list.len()])
        .collect();
    let w = w.join(" ");
    let k: usize = args.get(4).map_or(16, |a| a.parse().unwrap());
    let p = vec![w.as_str(); k];
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(1)
        .build()
        .unwrap();
    pool.install(|| {
        let mut best = f64::MAX;
        for _ in 0..runs {
            let t = Instant::now();
            m.score("of how many parts", &p, 512).unwrap();
            best = best.min(t.elapsed().as_secs_f64());
        }
        println!("{set} {n} tokens: {:.2} ms a pair", best * 1e3 / k as f64);
    });
}
