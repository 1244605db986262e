//! Families of N similar policies: agents calling tools.

use super::{Ask, Entity, Field, Uid, Workload, uid};

/// How the policies of a family tell requests apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// By scope: a group and a tool for each policy, and a condition over both.
    Scoped,
    /// By the condition `context has task && context.task == …`, one resource for all.
    Context,
    /// By the condition `principal has department && principal.department == …`, one resource for all.
    Attribute,
    /// By the condition `principal.hasTag("username") && principal.getTag("username") == …`, one resource for all.
    Tag,
    /// Not at all: every policy is true for every request.
    AllHit,
}

impl Family {
    /// Every family.
    pub const ALL: [Self; 5] = [Self::Scoped, Self::Context, Self::Attribute, Self::Tag, Self::AllHit];

    /// The families whose guards are equalities in conditions.
    pub const GUARDED: [Self; 3] = [Self::Context, Self::Attribute, Self::Tag];

    /// The name in reports.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Scoped => "scoped",
            Self::Context => "context guard",
            Self::Attribute => "attribute guard",
            Self::Tag => "tag guard",
            Self::AllHit => "all match",
        }
    }

    fn policy(self, n: usize) -> String {
        match self {
            Self::Scoped => format!(
                "permit(principal in Group::\"g{n}\", action == Action::\"call\", resource == Tool::\"t{n}\")\n\
                 when {{ context.task == \"task-{n}\" && principal.team == resource.team }};\n"
            ),
            Self::Context => guarded(&format!("context has task && context.task == \"task-{n}\"")),
            Self::Attribute => guarded(&format!("principal has department && principal.department == \"dept-{n}\"")),
            Self::Tag => {
                guarded(&format!("principal.hasTag(\"username\") && principal.getTag(\"username\") == \"user-{n}\""))
            }
            Self::AllHit => format!(
                "permit(principal, action == Action::\"call\", resource)\n\
                 when {{ context.risk < {} && principal.team == resource.team }};\n",
                n + 1000
            ),
        }
    }
}

fn guarded(guard: &str) -> String {
    format!(
        "permit(principal, action == Action::\"call\", resource == Tool::\"gateway\")\n\
         when {{ {guard} && context.risk < 500 }};\n"
    )
}

/// The schema; policies that guard `task` by `has` need it optional, those that do not need it required.
macro_rules! schema {
    ($task:literal) => {
        concat!(
            "entity Group, Team;\n",
            "entity User in [Group] = { team: Team, suspended: Bool, department?: String } tags String;\n",
            "entity Tool = { team: Team };\n",
            "action \"call\", \"list\" appliesTo {\n    principal: User,\n    resource: Tool,\n    context: { ",
            $task,
            ": String, risk: Long, hour: Long },\n};\n",
        )
    };
}

/// Teams that users and tools belong to.
const TEAMS: usize = 20;

/// The family with `count` policies of its kind, users and tools for each, and up to `asks` requests, spread
/// over the policies, one of ten on a tool that a forbid names too; each makes one policy true, or in
/// [`Family::AllHit`] all.
#[must_use]
pub fn workload(family: Family, count: usize, asks: usize) -> Workload {
    let mut policies: String = (0..count).map(|n| family.policy(n)).collect();
    if family == Family::Scoped {
        for n in 0..(count / 20).max(1) {
            policies += &format!(
                "forbid(principal, action, resource == Tool::\"t{}\") when {{ context.risk > 90 }};\n",
                n * 20
            );
        }
        policies += "forbid(principal, action, resource) when { principal.suspended };\n";
        policies += "forbid(principal, action, resource) when { context.hour < 0 };\n";
    }
    let mut entities: Vec<_> = (0..count).map(user).collect();
    entities.extend((0..count).map(|n| tool(&format!("t{n}"), n)));
    if family != Family::Scoped {
        entities.push(tool("gateway", 0));
    }
    let asks = asks.min(count);
    let asks = (0..asks).map(|ask| request(family, ask * count / asks + ask % (count / asks))).collect();
    Workload {
        name: format!("{} {count}", family.label()),
        schema: if family == Family::Scoped { schema!("task") } else { schema!("task?") },
        policies,
        links: Vec::new(),
        entities,
        asks,
    }
}

fn team(n: usize) -> Uid {
    uid("Team", format!("team{}", n % TEAMS))
}

fn user(n: usize) -> Entity {
    Entity {
        uid: uid("User", format!("u{n}")),
        attributes: vec![
            ("team", Field::Entity(team(n))),
            ("suspended", Field::Bool(false)),
            ("department", Field::Text(format!("dept-{n}"))),
        ],
        tags: vec![("username", format!("user-{n}"))],
        parents: vec![uid("Group", format!("g{n}"))],
    }
}

fn tool(id: &str, n: usize) -> Entity {
    let attributes = vec![("team", Field::Entity(team(n)))];
    Entity { uid: uid("Tool", id), attributes, tags: Vec::new(), parents: Vec::new() }
}

fn request(family: Family, n: usize) -> Ask {
    let resource = match family {
        Family::Scoped | Family::AllHit => format!("t{n}"),
        Family::Context | Family::Attribute | Family::Tag => "gateway".to_owned(),
    };
    Ask {
        principal: uid("User", format!("u{n}")),
        action: uid("Action", "call"),
        resource: uid("Tool", resource),
        context: vec![("task", Field::Text(format!("task-{n}"))), ("risk", Field::Long(12)), ("hour", Field::Long(9))],
        input: None,
    }
}
