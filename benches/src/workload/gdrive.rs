//! A document store with sharing: users and groups, folders and documents, and views that grant access.

use super::random::Random;
use super::{Ask, Entity, Field, Link, Uid, Workload, uid};

const SCHEMA: &str = r#"
entity Group in [Group];
entity View;
entity User in [Group] = { documentsAndFoldersWithViewAccess: View, ownedDocuments: Set<Document>, ownedFolders: Set<Folder> };
entity Folder in [Folder, View];
entity Document in [Folder, View] = { isPublic: Bool };
action "readDocument", "writeDocument", "commentDocument" appliesTo { principal: User, resource: Document };
action "createDocument" appliesTo { principal: User, resource: Folder };
"#;

const STATIC: &str = r#"
permit(principal, action == Action::"readDocument", resource)
when { resource in principal.documentsAndFoldersWithViewAccess };
permit(principal, action == Action::"createDocument", resource)
when { principal.ownedFolders.contains(resource) };
permit(principal, action in [Action::"readDocument", Action::"writeDocument", Action::"commentDocument"], resource)
when { principal.ownedDocuments.contains(resource) };
permit(principal, action == Action::"readDocument", resource) when { resource.isPublic };
"#;

const TEMPLATED: &str = r#"
permit(principal in ?principal, action == Action::"readDocument", resource in ?resource);
permit(principal, action == Action::"createDocument", resource)
when { principal.ownedFolders.contains(resource) };
permit(principal, action in [Action::"readDocument", Action::"writeDocument", Action::"commentDocument"], resource)
when { principal.ownedDocuments.contains(resource) };
permit(principal, action == Action::"readDocument", resource) when { resource.isPublic };
"#;

/// The chance in a hundred that a user or group may view a document or folder.
const SHARED: usize = 5;

/// The application with `size` entities of each type; shares are views, or links of a template.
#[must_use]
pub fn workload(size: usize, templates: bool, asks: usize) -> Workload {
    let mut random = Random::new(0x0067_6472_6976_6500 + size as u64);
    let user = |n| uid("User", format!("user{n}"));
    let group = |n| uid("Group", format!("group{n}"));
    let folder = |n| uid("Folder", format!("folder{n}"));
    let document = |n| uid("Document", format!("document{n}"));
    let view = |n| uid("View", format!("view{n}"));
    let mut views: Vec<Vec<Uid>> = vec![Vec::new(); size * 2];
    let mut links = Vec::new();
    for who in 0..size * 2 {
        for (what, of) in (0..size).flat_map(|n| [(folder(n), n), (document(n), size + n)]) {
            if random.chance(SHARED) {
                let principal = if who < size { user(who) } else { group(who - size) };
                links.push(Link { template: "policy0", principal, resource: what });
                if who < size
                    && !templates
                    && let Some(parents) = views.get_mut(of)
                {
                    parents.push(view(who));
                }
            }
        }
    }
    let mut entities = Vec::new();
    for n in 0..size {
        let plain = |uid, parents| Entity { uid, attributes: Vec::new(), tags: Vec::new(), parents };
        let owned = |kind: &dyn Fn(usize) -> Uid| Field::Entities(vec![kind(n)]);
        entities.push(Entity {
            uid: user(n),
            attributes: vec![
                ("documentsAndFoldersWithViewAccess", Field::Entity(view(n))),
                ("ownedDocuments", owned(&document)),
                ("ownedFolders", owned(&folder)),
            ],
            tags: Vec::new(),
            parents: vec![group(random.below(size))],
        });
        entities.push(plain(group(n), if n == 0 { Vec::new() } else { vec![group(random.below(n))] }));
        entities.push(plain(view(n), Vec::new()));
        let mut above = views.get(n).cloned().unwrap_or_default();
        above.extend((n > 0).then(|| folder(random.below(n))));
        entities.push(plain(folder(n), above));
        let mut above = views.get(size + n).cloned().unwrap_or_default();
        above.push(folder(random.below(size)));
        entities.push(Entity {
            uid: document(n),
            attributes: vec![("isPublic", Field::Bool(random.chance(10)))],
            tags: Vec::new(),
            parents: above,
        });
    }
    let asks = (0..asks)
        .map(|_| {
            let action =
                *random.choose(&["readDocument", "writeDocument", "createDocument"]).unwrap_or(&"readDocument");
            let at = random.below(size);
            Ask {
                principal: user(random.below(size)),
                action: uid("Action", action),
                resource: if action == "createDocument" { folder(at) } else { document(at) },
                context: Vec::new(),
                input: None,
            }
        })
        .collect();
    let (policies, links) = if templates { (TEMPLATED, links) } else { (STATIC, Vec::new()) };
    let name = format!("gdrive{} {size}", if templates { " templates" } else { "" });
    Workload { name, schema: SCHEMA, policies: policies.to_owned(), links, entities, asks }
}
