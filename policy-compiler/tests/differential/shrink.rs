//! Makes a failing case small: leaves out whatever it fails without.

use crate::compare::{Case, disagreement};

/// The smallest case that leaving things out one by one (first in halves) arrives at.
pub(crate) fn shrink(mut case: Case) -> Case {
    loop {
        let before = size(&case);
        case = without(case, |case| &mut case.requests);
        case = without(case, |case| &mut case.policies);
        case = without(case, |case| &mut case.templates);
        for template in 0..case.templates.len() {
            case = without(case, |case| &mut case.templates[template].1);
        }
        case = without(case, |case| &mut case.entities);
        if size(&case) == before {
            return case;
        }
    }
}

fn size(case: &Case) -> usize {
    let links: usize = case.templates.iter().map(|(_, links)| links.len() + 1).sum();
    case.requests.len() + case.policies.len() + links + case.entities.len()
}

fn without<T>(mut case: Case, list: impl Fn(&mut Case) -> &mut Vec<T>) -> Case {
    let mut chunk = list(&mut case).len();
    while chunk > 0 {
        let mut at = 0;
        while at < list(&mut case).len() {
            let mut smaller = case.clone();
            let end = (at + chunk).min(list(&mut smaller).len());
            list(&mut smaller).drain(at..end);
            if disagreement(&smaller).is_err() { case = smaller } else { at += chunk }
        }
        chunk /= 2;
    }
    case
}
