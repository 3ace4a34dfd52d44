//! One list from several: reciprocal rank fusion.
//!
//! A page's score is the sum of `1 / (60 + rank)` over the lists that hold it (Cormack, Clarke and
//! Büttcher, "Reciprocal Rank Fusion outperforms Condorcet and individual Rank Learning Methods",
//! SIGIR 2009). It needs no scores of the engines, which could not be compared.

use crate::hit::Hit;

/// The constant of the paper.
const K: f64 = 60.0;

/// Fuses ranked lists. A page that several hold is named by the first of them, with all engines.
pub(crate) fn fuse(lists: Vec<Vec<Hit>>) -> Vec<Hit> {
    let mut fused: Vec<(String, f64, Hit)> = Vec::new();
    for list in lists {
        let mut seen = Vec::new();
        let mut rank = 0.0;
        for hit in list {
            let page = hit.page();
            // An engine that names a page twice does not vote twice.
            if seen.contains(&page) {
                continue;
            }
            rank += 1.0;
            let score = 1.0 / (K + rank);
            match fused.iter_mut().find(|(known, ..)| *known == page) {
                Some((_, sum, known)) => {
                    *sum += score;
                    known.also_found_by(hit.engines);
                    if known.date.is_empty() {
                        known.date = hit.date;
                    }
                    if known.snippet.is_empty() {
                        known.snippet = hit.snippet;
                    }
                }
                None => fused.push((page.clone(), score, hit)),
            }
            seen.push(page);
        }
    }
    // Stable: of equal scores the engine that was asked first wins.
    fused.sort_by(|(_, a, _), (_, b, _)| b.total_cmp(a));
    fused.into_iter().map(|(_, _, hit)| hit).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hit::Raw;

    fn list(engine: &str, urls: &[&str]) -> Vec<Hit> {
        urls.iter()
            .filter_map(|url| {
                Hit::clean(
                    Raw {
                        url,
                        ..Raw::default()
                    },
                    engine,
                )
            })
            .collect()
    }

    fn urls(hits: &[Hit]) -> Vec<&str> {
        hits.iter().map(|hit| hit.url.as_str()).collect()
    }

    #[test]
    fn what_two_engines_found_comes_before_what_one_found() {
        let fused = fuse(vec![
            list("one", &["https://a.example/", "https://b.example/"]),
            list(
                "two",
                &[
                    "https://c.example/",
                    "http://www.b.example/",
                    "https://a.example/x",
                ],
            ),
        ]);
        assert_eq!(
            urls(&fused),
            [
                "https://b.example/",
                "https://a.example/",
                "https://c.example/",
                "https://a.example/x"
            ]
        );
        assert_eq!(fused[0].engines, ["one", "two"]);
    }

    #[test]
    fn one_list_keeps_its_order_without_doubles() {
        let fused = fuse(vec![list(
            "one",
            &[
                "https://b.example/",
                "https://a.example/",
                "https://b.example/#x",
            ],
        )]);
        assert_eq!(urls(&fused), ["https://b.example/", "https://a.example/"]);
        assert_eq!(fused[0].engines, ["one"]);
        assert!(fuse(Vec::new()).is_empty());
    }
}
