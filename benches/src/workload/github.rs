//! A code forge: users, teams, repositories and issues; a repository names the group of users of each role.

use super::random::Random;
use super::{Ask, Entity, Field, Link, Uid, Workload, uid};

const SCHEMA: &str = r#"
entity UserGroup in [UserGroup];
entity Team in [Team, UserGroup];
entity User in [UserGroup, Team];
entity Repository = { readers: UserGroup, triagers: UserGroup, writers: UserGroup, maintainers: UserGroup, admins: UserGroup };
entity Issue in [Repository] = { repo: Repository, reporter: User };
action "pull", "fork", "push", "add_reader", "add_writer", "add_admin" appliesTo { principal: User, resource: Repository };
action "delete_issue", "edit_issue", "assign_issue" appliesTo { principal: User, resource: Issue };
"#;

const STATIC: &str = r#"
permit(principal, action == Action::"pull", resource) when { principal in resource.readers };
permit(principal, action == Action::"fork", resource) when { principal in resource.readers };
permit(principal, action == Action::"push", resource) when { principal in resource.writers };
permit(principal, action in [Action::"add_reader", Action::"add_writer", Action::"add_admin"], resource)
when { principal in resource.admins };
permit(principal, action == Action::"delete_issue", resource)
when { principal in resource.repo.readers && principal == resource.reporter };
permit(principal, action == Action::"edit_issue", resource)
when { principal in resource.repo.readers && principal == resource.reporter };
permit(principal, action in [Action::"edit_issue", Action::"delete_issue"], resource)
when { principal in resource.repo.maintainers };
permit(principal, action == Action::"assign_issue", resource) when { principal in resource.repo.triagers };
"#;

const TEMPLATED: &str = r#"
permit(principal in ?principal, action in [Action::"pull", Action::"fork"], resource in ?resource);
permit(principal in ?principal, action == Action::"assign_issue", resource in ?resource);
permit(principal in ?principal, action == Action::"push", resource in ?resource);
permit(principal in ?principal, action in [Action::"edit_issue", Action::"delete_issue"], resource in ?resource);
permit(principal in ?principal, action in [Action::"add_reader", Action::"add_writer", Action::"add_admin"], resource in ?resource);
permit(principal, action in [Action::"edit_issue", Action::"delete_issue"], resource) when { principal == resource.reporter };
"#;

/// The roles, weakest first: each group of users lies in the one before it.
const ROLES: [&str; 5] = ["readers", "triagers", "writers", "maintainers", "admins"];
const TEMPLATES: [&str; 5] = ["policy0", "policy1", "policy2", "policy3", "policy4"];

/// The chance in a hundred that a user or team has some role in a repository.
const MEMBER: usize = 5;

/// The application with `size` entities of each type; roles are groups, or links of a template.
#[must_use]
pub fn workload(size: usize, templates: bool, asks: usize) -> Workload {
    let mut random = Random::new(0x0067_6974_6875_6200 + size as u64);
    let user = |n| uid("User", format!("user{n}"));
    let team = |n| uid("Team", format!("team{n}"));
    let repository = |n| uid("Repository", format!("repo{n}"));
    let issue = |n| uid("Issue", format!("issue{n}"));
    let group = |repository: usize, role: &str| uid("UserGroup", format!("repo{repository}-{role}"));
    let mut memberships: Vec<Vec<Uid>> = vec![Vec::new(); size * 2];
    let mut links = Vec::new();
    for (who, groups) in memberships.iter_mut().enumerate() {
        let principal = if who < size { user(who) } else { team(who - size) };
        for at in 0..size {
            if random.chance(MEMBER) {
                let role = random.below(ROLES.len());
                if !templates {
                    groups.extend(ROLES.get(role).map(|role| group(at, role)));
                }
                links.extend(TEMPLATES.iter().take(role + 1).map(|template| Link {
                    template,
                    principal: principal.clone(),
                    resource: repository(at),
                }));
            }
        }
    }
    let mut entities = Vec::new();
    for n in 0..size {
        let plain = |uid, parents| Entity { uid, attributes: Vec::new(), tags: Vec::new(), parents };
        let mut above = memberships.get(n).cloned().unwrap_or_default();
        above.push(team(random.below(size)));
        entities.push(plain(user(n), above));
        entities.push(plain(team(n), memberships.get(size + n).cloned().unwrap_or_default()));
        for (rank, role) in ROLES.iter().enumerate() {
            let weaker = rank.checked_sub(1).and_then(|weaker| ROLES.get(weaker));
            entities.push(plain(group(n, role), weaker.map(|weaker| group(n, weaker)).into_iter().collect()));
        }
        let attributes = ROLES.iter().map(|role| (*role, Field::Entity(group(n, role)))).collect();
        entities.push(Entity { uid: repository(n), attributes, tags: Vec::new(), parents: Vec::new() });
        let of = repository(random.below(size));
        entities.push(Entity {
            uid: issue(n),
            attributes: vec![
                ("repo", Field::Entity(of.clone())),
                ("reporter", Field::Entity(user(random.below(size)))),
            ],
            tags: Vec::new(),
            parents: vec![of],
        });
    }
    let actions = ["pull", "fork", "push", "add_reader", "edit_issue", "delete_issue", "assign_issue"];
    let asks = (0..asks)
        .map(|_| {
            let action = *random.choose(&actions).unwrap_or(&"pull");
            let at = random.below(size);
            let resource = if action.ends_with("issue") { issue(at) } else { repository(at) };
            Ask {
                principal: user(random.below(size)),
                action: uid("Action", action),
                resource,
                context: Vec::new(),
                input: None,
            }
        })
        .collect();
    let (policies, links) = if templates { (TEMPLATED, links) } else { (STATIC, Vec::new()) };
    let name = format!("github{} {size}", if templates { " templates" } else { "" });
    Workload { name, schema: SCHEMA, policies: policies.to_owned(), links, entities, asks }
}
