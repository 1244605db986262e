//! The templates of one method on one host, as a tree of segments: a lookup follows the path, however many there are.

use super::path::RequestPath;
use super::template::{Relation, Segment, relation};

/// Finds the most specific template for a path.
#[derive(Debug)]
pub(super) struct Trie {
    nodes: Vec<Node>,
}

/// A position in the templates. Children are found by number; the root is number 0.
#[derive(Debug, Default)]
struct Node {
    /// In ascending order of the literal.
    literals: Vec<(String, usize)>,
    one: Option<usize>,
    /// The route of a template that takes the rest from here.
    rest: Option<usize>,
    /// The route of a template that ends here.
    end: Option<usize>,
}

impl Default for Trie {
    fn default() -> Self {
        Self { nodes: vec![Node::default()] }
    }
}

impl Trie {
    /// Adds a template for a route. `Err` has the route that has the same template already.
    pub(super) fn insert(&mut self, segments: &[Segment], route: usize) -> Result<(), usize> {
        let mut at = 0;
        for segment in segments {
            let fresh = self.nodes.len();
            let Some(node) = self.nodes.get_mut(at) else {
                return Err(route);
            };
            at = match segment {
                Segment::Literal(text) => match node.literals.binary_search_by(|(known, _)| known.cmp(text)) {
                    Ok(found) => node.literals.get(found).map_or(fresh, |(_, child)| *child),
                    Err(place) => {
                        node.literals.insert(place, (text.clone(), fresh));
                        fresh
                    }
                },
                Segment::One => *node.one.get_or_insert(fresh),
                Segment::Rest => return occupy(&mut node.rest, route),
            };
            if at == fresh {
                self.nodes.push(Node::default());
            }
        }
        match self.nodes.get_mut(at) {
            Some(node) => occupy(&mut node.end, route),
            None => Err(route),
        }
    }

    /// The route of the most specific template that matches.
    ///
    /// At each segment a literal is tried before a value, and a value before the rest. Opening has refused templates
    /// that cross, so the first match is the most specific one.
    pub(super) fn find(&self, path: &RequestPath) -> Option<usize> {
        self.find_from(0, path, 0)
    }

    /// Recursion is bounded by the depth of the tree, which is the longest template's.
    fn find_from(&self, node: usize, path: &RequestPath, at: usize) -> Option<usize> {
        let node = self.nodes.get(node)?;
        let Some(segment) = path.segment(at) else {
            return node.end;
        };
        let literal = node.literals.binary_search_by(|(known, _)| known.as_str().cmp(segment)).ok();
        if let Some((_, child)) = literal.and_then(|found| node.literals.get(found)) {
            let route = self.find_from(*child, path, at + 1);
            if route.is_some() {
                return route;
            }
        }
        if segment.is_empty() {
            return None;
        }
        node.one.and_then(|child| self.find_from(child, path, at + 1)).or(node.rest)
    }

    /// A route whose template crosses `segments`, if there is one. `templates` gives the segments of a route.
    pub(super) fn crossing<'t>(
        &self,
        segments: &[Segment],
        templates: &impl Fn(usize) -> Option<&'t [Segment]>,
    ) -> Option<usize> {
        self.crossing_from(0, segments, 0, templates)
    }

    /// Walks only where both can still match, so templates that share nothing cost nothing.
    fn crossing_from<'t>(
        &self,
        node: usize,
        segments: &[Segment],
        at: usize,
        templates: &impl Fn(usize) -> Option<&'t [Segment]>,
    ) -> Option<usize> {
        let node = self.nodes.get(node)?;
        let crosses = |route: Option<usize>| {
            route.filter(|route| templates(*route).is_some_and(|other| relation(segments, other) == Relation::Crossing))
        };
        let below = |child: usize| self.crossing_from(child, segments, at + 1, templates);
        // A rest has no more segments of its own, and meets everything below.
        let segment = segments.get(at).or_else(|| segments.last().filter(|last| **last == Segment::Rest));
        match segment {
            None => crosses(node.end),
            Some(Segment::Literal(text)) => {
                let literal = node.literals.binary_search_by(|(known, _)| known.cmp(text)).ok();
                let literal = literal.and_then(|found| node.literals.get(found));
                literal
                    .and_then(|(_, child)| below(*child))
                    .or_else(|| node.one.and_then(below))
                    .or_else(|| crosses(node.rest))
            }
            Some(Segment::One | Segment::Rest) => crosses(node.end)
                .or_else(|| crosses(node.rest))
                .or_else(|| node.one.and_then(below))
                .or_else(|| node.literals.iter().find_map(|(_, child)| below(*child))),
        }
    }
}

fn occupy(place: &mut Option<usize>, route: usize) -> Result<(), usize> {
    match place {
        Some(known) => Err(*known),
        None => {
            *place = Some(route);
            Ok(())
        }
    }
}
