"""Measures queries with trec_eval itself, through pytrec_eval-terrier.

Reads {"qrels": {query: {document: grade}}, "run": {query: {document: score}}} and writes
{measure: {query: value}}, with the names of ir_measures.
"""

import json
import sys

import pytrec_eval_ext

CUTS = [1, 3, 5, 10, 20, 100]
NAMES = {"ndcg": "nDCG", "map": "AP", "recip_rank": "RR"}
NAMES |= {f"ndcg_cut_{k}": f"nDCG@{k}" for k in CUTS}
NAMES |= {f"map_cut_{k}": f"AP@{k}" for k in CUTS}
NAMES |= {f"recall_{k}": f"R@{k}" for k in CUTS}
NAMES |= {f"P_{k}": f"P@{k}" for k in CUTS}
NAMES |= {f"success_{k}": f"Success@{k}" for k in CUTS}

cuts = ",".join(map(str, CUTS))
wanted = {"ndcg", "map", "recip_rank"}
wanted |= {f"{name}.{cuts}" for name in ["ndcg_cut", "map_cut", "recall", "P", "success"]}

given = json.load(sys.stdin)
found = pytrec_eval_ext.RelevanceEvaluator(given["qrels"], wanted, 1).evaluate(given["run"])
values = {}
for query, measures in found.items():
    for name, value in measures.items():
        values.setdefault(NAMES[name], {})[query] = value
json.dump(values, sys.stdout, indent=0, sort_keys=True)
