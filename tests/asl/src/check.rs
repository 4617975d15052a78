//! What the fields of a definition must be to each other: every name resolves, every state can be reached, every variable is set somewhere, and an expression
//! reads of `$states` only what is there at its place.

use std::collections::{BTreeMap, BTreeSet};

use super::{
    definition::{Definition, Flow, Kind, Leave, Next, State, Until},
    expression::Expression,
    template::Template,
};

/// Checks a whole definition; the first fault is the answer.
pub(super) fn check(definition: &Definition) -> Result<(), String> {
    let mut names = BTreeMap::new();
    unique_names(&definition.flow, &mut names)?;
    check_flow(&definition.flow, "the state machine", &BTreeSet::new())
}

/// AWS wants state names unique over the whole machine, branches included.
fn unique_names<'a>(flow: &'a Flow, seen: &mut BTreeMap<&'a str, ()>) -> Result<(), String> {
    for (name, state) in &flow.states {
        if seen.insert(name, ()).is_some() {
            return Err(format!("two states are named {name:?}"));
        }
        inner_flows(state)
            .into_iter()
            .try_for_each(|inner| unique_names(inner, seen))?;
    }
    Ok(())
}

fn inner_flows(state: &State) -> Vec<&Flow> {
    match &state.kind {
        Kind::Parallel(parallel) => parallel.branches.iter().collect(),
        Kind::Map(map) => vec![&map.processor],
        _ => Vec::new(),
    }
}

fn check_flow(flow: &Flow, at: &str, outer: &BTreeSet<String>) -> Result<(), String> {
    if !flow.states.contains_key(&flow.start_at) {
        return Err(format!("{at}: StartAt names no state: {:?}", flow.start_at));
    }
    let mut reached = BTreeSet::from([flow.start_at.as_str()]);
    let mut open = vec![flow.start_at.as_str()];
    while let Some(name) = open.pop() {
        for target in targets(&flow.states[name]) {
            if !flow.states.contains_key(target) {
                return Err(format!(
                    "state {name:?} leads to {target:?}, which is no state beside it"
                ));
            }
            if reached.insert(target) {
                open.push(target);
            }
        }
    }
    if let Some(lost) = flow
        .states
        .keys()
        .find(|name| !reached.contains(name.as_str()))
    {
        return Err(format!("nothing leads to state {lost:?}"));
    }
    let own: BTreeSet<String> = flow
        .states
        .values()
        .flat_map(ways_out)
        .filter_map(|(leave, _)| leave.assign.as_ref())
        .flat_map(assigned)
        .collect();
    if let Some(shadow) = own.intersection(outer).next() {
        return Err(format!(
            "{at} assigns ${shadow}, which belongs to the flow around it"
        ));
    }
    let visible = own.union(outer).cloned().collect();
    for state in flow.states.values() {
        check_expressions(state, &visible)?;
        inner_flows(state).into_iter().try_for_each(|inner| {
            check_flow(inner, &format!("state {:?}", state.name), &visible)
        })?;
    }
    Ok(())
}

fn targets(state: &State) -> Vec<&str> {
    let mut targets = Vec::new();
    match &state.kind {
        Kind::Pass { next } | Kind::Wait { next, .. } => targets.push(next),
        Kind::Choice { rules, default } => {
            return rules
                .iter()
                .map(|rule| rule.next.as_str())
                .chain(default.as_deref())
                .collect();
        }
        kind => targets.extend(kind.handlers().map(|handlers| &handlers.next)),
    }
    let next = targets.into_iter().filter_map(Next::target);
    let caught = state
        .kind
        .handlers()
        .into_iter()
        .flat_map(|handlers| &handlers.catch)
        .map(|catcher| catcher.next.as_str());
    next.chain(caught).collect()
}

/// Every Assign and Output of a state, with what of `$states` is there beside input and context.
fn ways_out(state: &State) -> Vec<(&Leave, &'static [&'static str])> {
    let mut ways: Vec<(&Leave, &'static [&'static str])> = Vec::new();
    match &state.kind {
        Kind::Choice { rules, .. } => ways.extend(rules.iter().map(|rule| (&rule.leave, &[][..]))),
        kind => {
            let catchers = kind
                .handlers()
                .into_iter()
                .flat_map(|handlers| &handlers.catch);
            ways.extend(catchers.map(|catcher| (&catcher.leave, &["errorOutput"][..])));
        }
    }
    ways.push((
        &state.leave,
        if state.kind.handlers().is_some() {
            &["result"]
        } else {
            &[]
        },
    ));
    ways
}

fn assigned(assign: &Template) -> Vec<String> {
    match assign {
        Template::Literal(value) => value
            .as_object()
            .into_iter()
            .flat_map(|fields| fields.keys().cloned())
            .collect(),
        Template::Object(fields) => fields.iter().map(|(name, _)| name.clone()).collect(),
        _ => Vec::new(),
    }
}

fn check_expressions(state: &State, visible: &BTreeSet<String>) -> Result<(), String> {
    let mut fault = None;
    let mut look = |place: &str, beside: &[&str], expression: &Expression| {
        let nowhere = expression
            .variables
            .iter()
            .find(|name| !visible.contains(*name))
            .map(|name| format!("nothing assigns ${name}"));
        let absent = expression.states_fields.iter().find(|field| {
            !["input", "context"].contains(&field.as_str()) && !beside.contains(&field.as_str())
        });
        let absent = absent.map(|field| format!("$states.{field} is not there"));
        if let Some(why) = nowhere.or(absent) {
            fault.get_or_insert(format!(
                "state {:?}: {place}: '{}': {why}",
                state.name,
                expression.source()
            ));
        }
    };
    for (place, template) in before(state) {
        template.each_expression(place, &mut |place, expression| look(place, &[], expression));
    }
    for (leave, beside) in ways_out(state) {
        for (place, template) in [("Assign", &leave.assign), ("Output", &leave.output)] {
            if let Some(template) = template {
                template.each_expression(place, &mut |place, expression| {
                    look(place, beside, expression)
                });
            }
        }
    }
    fault.map_or(Ok(()), Err)
}

/// The fields that are evaluated before there is a result or an error.
fn before(state: &State) -> Vec<(&'static str, &Template)> {
    let fields = match &state.kind {
        Kind::Task(task) => {
            vec![
                ("Arguments", &task.arguments),
                ("TimeoutSeconds", &task.timeout_seconds),
                ("HeartbeatSeconds", &task.heartbeat_seconds),
            ]
        }
        Kind::Choice { rules, .. } => {
            return rules
                .iter()
                .map(|rule| ("Condition", &rule.condition))
                .collect();
        }
        Kind::Wait {
            until: Until::Seconds(seconds),
            ..
        } => return vec![("Seconds", seconds)],
        Kind::Wait {
            until: Until::Timestamp(timestamp),
            ..
        } => return vec![("Timestamp", timestamp)],
        Kind::Fail { error, cause } => vec![("Error", error), ("Cause", cause)],
        Kind::Parallel(parallel) => vec![("Arguments", &parallel.arguments)],
        Kind::Map(map) => vec![
            ("Items", &map.items),
            ("ItemSelector", &map.item_selector),
            ("MaxConcurrency", &map.max_concurrency),
        ],
        Kind::Pass { .. } | Kind::Succeed => Vec::new(),
    };
    fields
        .into_iter()
        .filter_map(|(place, template)| Some((place, template.as_ref()?)))
        .collect()
}
