//! Shared to-do lists: an owner, a team of readers and a team of editors for each list.

use super::random::Random;
use super::{Ask, Entity, Field, Workload, uid};

const SCHEMA: &str = r#"
entity Application;
entity Team in [Team, Application];
entity User in [Team, Application];
entity List in [Application] = { owner: User, readers: Team, editors: Team };
action "CreateList", "GetLists" appliesTo { principal: User, resource: Application };
action "GetList", "UpdateList", "DeleteList", "CreateTask", "UpdateTask", "DeleteTask", "EditShare"
    appliesTo { principal: User, resource: List };
"#;

const POLICIES: &str = r#"
permit(principal, action in [Action::"CreateList", Action::"GetLists"], resource == Application::"TinyTodo");
permit(principal, action, resource) when { resource is List && resource.owner == principal };
permit(principal, action == Action::"GetList", resource)
when { principal in resource.readers || principal in resource.editors };
permit(
    principal,
    action in [Action::"UpdateList", Action::"CreateTask", Action::"UpdateTask", Action::"DeleteTask"],
    resource
) when { principal in resource.editors };
"#;

/// The application with `size` entities of each type.
#[must_use]
pub fn workload(size: usize, asks: usize) -> Workload {
    let mut random = Random::new(0x0074_6f64_6f00 + size as u64);
    let user = |n| uid("User", format!("user{n}"));
    let team = |n| uid("Team", format!("team{n}"));
    let list = |n| uid("List", format!("list{n}"));
    let application = uid("Application", "TinyTodo");
    let plain = |uid, parents| Entity { uid, attributes: Vec::new(), tags: Vec::new(), parents };
    let mut entities = vec![plain(application.clone(), Vec::new())];
    for n in 0..size {
        let mut teams: Vec<_> = (0..size).filter(|_| random.chance(10)).map(team).collect();
        teams.push(application.clone());
        entities.push(plain(user(n), teams));
        let above = if n == 0 { Vec::new() } else { vec![team(random.below(n))] };
        entities.push(plain(team(n), above));
        entities.push(Entity {
            uid: list(n),
            attributes: vec![
                ("owner", Field::Entity(user(random.below(size)))),
                ("readers", Field::Entity(team(random.below(size)))),
                ("editors", Field::Entity(team(random.below(size)))),
            ],
            tags: Vec::new(),
            parents: vec![application.clone()],
        });
    }
    let actions = ["CreateList", "GetList", "GetList", "UpdateList", "CreateTask", "DeleteList"];
    let asks = (0..asks)
        .map(|_| {
            let action = *random.choose(&actions).unwrap_or(&"GetList");
            let resource = if action == "CreateList" { application.clone() } else { list(random.below(size)) };
            Ask {
                principal: user(random.below(size)),
                action: uid("Action", action),
                resource,
                context: Vec::new(),
                input: None,
            }
        })
        .collect();
    let name = format!("tinytodo {size}");
    Workload { name, schema: SCHEMA, policies: POLICIES.to_owned(), links: Vec::new(), entities, asks }
}
