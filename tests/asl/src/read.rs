//! From the document to [`Definition`]: each object's fields are taken by name, and what is left over is refused.

use std::collections::BTreeMap;

use serde_json::Value;

use super::{
    definition::{
        Catcher, Definition, Flow, Handlers, Kind, Leave, MapState, Next, Parallel, Resource, Rule,
        State, Task, Until,
    },
    errors,
    fields::Fields,
    retry::Retrier,
    template::Template,
};

type Read<T> = Result<T, String>;

/// AWS's bound on a state's name.
const NAME_MAX_CHARS: usize = 80;
/// The suffix of a task that ends by its token.
const TOKEN_SUFFIX: &str = ".waitForTaskToken";

/// Reads a whole document.
pub(super) fn definition(document: Value) -> Read<Definition> {
    let mut fields = Fields::of(document, "the state machine")?;
    if fields.string("QueryLanguage")?.as_deref() != Some("JSONata") {
        return Err("the state machine's QueryLanguage is not JSONata (AWS's default is JSONPath, which is not spoken here)".to_owned());
    }
    if let Some(version) = fields.string("Version")?.filter(|version| version != "1.0") {
        return Err(format!("the state machine's Version is {version}, not 1.0"));
    }
    let comment = fields.string("Comment")?;
    let timeout_seconds = fields.integer("TimeoutSeconds", 1)?;
    let flow = flow(&mut fields)?;
    fields.close()?;
    Ok(Definition {
        comment,
        timeout_seconds,
        flow,
    })
}

fn flow(fields: &mut Fields) -> Read<Flow> {
    let start_at = fields.required_string("StartAt")?;
    let Value::Object(documents) = fields.required("States")? else {
        return Err(format!("{}: States is not an object", fields.at()));
    };
    let mut states = BTreeMap::new();
    for (name, document) in documents {
        if name.is_empty() || name.chars().count() > NAME_MAX_CHARS {
            return Err(format!(
                "{}: the state name {name:?} is empty or longer than {NAME_MAX_CHARS} characters",
                fields.at()
            ));
        }
        let state = state(&name, document)?;
        states.insert(name, state);
    }
    Ok(Flow { start_at, states })
}

/// A branch or a processor: a flow in an object of its own.
fn inner_flow(document: Value, at: String, mode: bool) -> Read<Flow> {
    let mut fields = Fields::of(document, at)?;
    if mode && let Some(config) = fields.take("ProcessorConfig") {
        let mut config = Fields::of(config, format!("{}: ProcessorConfig", fields.at()))?;
        if let Some(mode) = config.string("Mode")?.filter(|mode| mode != "INLINE") {
            return Err(format!(
                "{}: Mode {mode} is not known here, only INLINE",
                config.at()
            ));
        }
        config.close()?;
    }
    let flow = flow(&mut fields)?;
    fields.close()?;
    Ok(flow)
}

fn state(name: &str, document: Value) -> Read<State> {
    let mut fields = Fields::of(document, format!("state {name:?}"))?;
    if let Some(other) = fields
        .string("QueryLanguage")?
        .filter(|language| language != "JSONata")
    {
        return Err(format!(
            "{}: QueryLanguage {other} is not spoken here, only JSONata",
            fields.at()
        ));
    }
    let kind = match fields.required_string("Type")?.as_str() {
        "Pass" => Kind::Pass {
            next: next(&mut fields)?,
        },
        "Task" => Kind::Task(Box::new(task(&mut fields)?)),
        "Choice" => choice(&mut fields)?,
        "Wait" => Kind::Wait {
            until: until(&mut fields)?,
            next: next(&mut fields)?,
        },
        "Succeed" => Kind::Succeed,
        "Fail" => Kind::Fail {
            error: text(&mut fields, "Error")?,
            cause: text(&mut fields, "Cause")?,
        },
        "Parallel" => Kind::Parallel(Box::new(parallel(&mut fields)?)),
        "Map" => Kind::Map(Box::new(map(&mut fields)?)),
        other => {
            return Err(format!(
                "{}: the Type {other} is not known here",
                fields.at()
            ));
        }
    };
    let leave = match &kind {
        Kind::Fail { .. } => Leave::default(),
        Kind::Choice { .. } => choice_leave(&mut fields)?,
        Kind::Succeed => Leave {
            assign: None,
            output: fields.template("Output")?,
        },
        _ => leave(&mut fields)?,
    };
    fields.close()?;
    Ok(State {
        name: name.to_owned(),
        kind,
        leave,
    })
}

fn next(fields: &mut Fields) -> Read<Next> {
    match (fields.string("Next")?, fields.take("End")) {
        (Some(next), None | Some(Value::Bool(false))) => Ok(Next::State(next)),
        (None, Some(Value::Bool(true))) => Ok(Next::End),
        _ => Err(format!(
            "{} needs either Next or \"End\": true",
            fields.at()
        )),
    }
}

fn leave(fields: &mut Fields) -> Read<Leave> {
    let assign = match fields.take("Assign") {
        Some(document @ Value::Object(_)) => {
            for name in document
                .as_object()
                .into_iter()
                .flat_map(|assigned| assigned.keys())
            {
                check_variable(name).map_err(|why| format!("{}: Assign: {why}", fields.at()))?;
            }
            Some(Template::parse(
                document,
                &format!("{}: Assign", fields.at()),
            )?)
        }
        Some(_) => return Err(format!("{}: Assign is not an object", fields.at())),
        None => None,
    };
    Ok(Leave {
        assign,
        output: fields.template("Output")?,
    })
}

fn check_variable(name: &str) -> Read<()> {
    let mut chars = name.chars();
    let fits = chars.next().is_some_and(char::is_alphabetic)
        && chars.all(|char| char.is_alphanumeric() || char == '_');
    match fits && name != "states" && name.chars().count() <= NAME_MAX_CHARS {
        true => Ok(()),
        false => Err(format!("{name:?} cannot be a variable's name")),
    }
}

/// A string or an expression.
fn text(fields: &mut Fields, name: &str) -> Read<Option<Template>> {
    let template = fields.template(name)?;
    match &template {
        Some(Template::Literal(Value::String(_)) | Template::Expression(_)) | None => Ok(template),
        Some(_) => Err(format!("{}: {name} is not a string", fields.at())),
    }
}

fn task(fields: &mut Fields) -> Read<Task> {
    let resource = resource(fields)?;
    let heartbeat_seconds = fields.seconds("HeartbeatSeconds")?;
    let timeout_seconds = fields.seconds("TimeoutSeconds")?;
    if heartbeat_seconds.is_some() && !resource.waits_for_token {
        return Err(format!(
            "{}: HeartbeatSeconds without {TOKEN_SUFFIX}: nothing could send the heartbeat",
            fields.at()
        ));
    }
    let literal = |template: &Option<Template>| {
        template
            .as_ref()
            .and_then(Template::as_literal)
            .and_then(Value::as_u64)
    };
    if let (Some(heartbeat), Some(timeout)) =
        (literal(&heartbeat_seconds), literal(&timeout_seconds))
        && heartbeat >= timeout
    {
        return Err(format!(
            "{}: HeartbeatSeconds is not below TimeoutSeconds",
            fields.at()
        ));
    }
    Ok(Task {
        resource,
        arguments: fields.template("Arguments")?,
        timeout_seconds,
        heartbeat_seconds,
        handlers: handlers(fields)?,
    })
}

fn resource(fields: &mut Fields) -> Read<Resource> {
    let arn = fields.required_string("Resource")?;
    let refused = || {
        format!(
            "{}: the Resource {arn} is neither arn:<partition>:states:::<service>:<action> nor a Lambda function's",
            fields.at()
        )
    };
    let parts: Vec<&str> = arn.splitn(6, ':').collect();
    let integration = match parts[..] {
        ["arn", _, "states", "", "", integration] => integration,
        // A function named directly, without the invoke integration's envelope.
        ["arn", _, "lambda", _, _, function] if function.starts_with("function:") => {
            "lambda:function"
        }
        _ => return Err(refused()),
    };
    let (service, action) = integration.rsplit_once(':').ok_or_else(refused)?;
    if let Some(pattern @ ("sync" | "sync:2")) = action.split_once('.').map(|(_, pattern)| pattern)
    {
        return Err(format!(
            "{}: the pattern .{pattern} is not known here",
            fields.at()
        ));
    }
    let (service, action, waits_for_token) = (
        service.to_owned(),
        action.to_owned(),
        action.ends_with(TOKEN_SUFFIX),
    );
    Ok(Resource {
        arn,
        service,
        action,
        waits_for_token,
    })
}

fn handlers(fields: &mut Fields) -> Read<Handlers> {
    let retry = fields.array("Retry")?;
    let catch = fields.array("Catch")?;
    let (at, retriers, catchers) = (fields.at().to_owned(), retry.len(), catch.len());
    let retry = retry.into_iter().enumerate().map(|(index, entry)| {
        let mut fields = Fields::of(entry, format!("{at}: Retry/{index}"))?;
        let retrier = Retrier::read(
            error_equals(&mut fields, index + 1 == retriers)?,
            &mut fields,
        )?;
        fields.close().map(|()| retrier)
    });
    let retry = retry.collect::<Read<Vec<_>>>()?;
    let catch = catch.into_iter().enumerate().map(|(index, entry)| {
        let mut fields = Fields::of(entry, format!("{at}: Catch/{index}"))?;
        let error_equals = error_equals(&mut fields, index + 1 == catchers)?;
        let catcher = Catcher {
            error_equals,
            next: fields.required_string("Next")?,
            leave: leave(&mut fields)?,
        };
        fields.close().map(|()| catcher)
    });
    Ok(Handlers {
        retry,
        catch: catch.collect::<Read<Vec<_>>>()?,
        next: next(fields)?,
    })
}

fn error_equals(fields: &mut Fields, last: bool) -> Read<Vec<String>> {
    let names = fields.strings("ErrorEquals")?;
    if let Some(unknown) = names
        .iter()
        .find(|name| name.starts_with("States.") && !errors::KNOWN.contains(&name.as_str()))
    {
        return Err(format!(
            "{}: {unknown} is no error that this interpreter raises",
            fields.at()
        ));
    }
    if names.iter().any(|name| name == errors::ALL) && (names.len() > 1 || !last) {
        return Err(format!(
            "{}: {} must stand alone and last",
            fields.at(),
            errors::ALL
        ));
    }
    Ok(names)
}

fn choice(fields: &mut Fields) -> Read<Kind> {
    let documents = fields.array("Choices")?;
    if documents.is_empty() {
        return Err(format!("{} has no Choices", fields.at()));
    }
    let rules = documents.into_iter().enumerate().map(|(index, document)| {
        let mut rule = Fields::of(document, format!("{}: Choices/{index}", fields.at()))?;
        let condition = rule
            .template("Condition")?
            .ok_or_else(|| format!("{} has no Condition", rule.at()))?;
        if !matches!(
            condition,
            Template::Expression(_) | Template::Literal(Value::Bool(_))
        ) {
            return Err(format!(
                "{}: Condition is neither an expression nor a boolean",
                rule.at()
            ));
        }
        let read = Rule {
            condition,
            next: rule.required_string("Next")?,
            leave: leave(&mut rule)?,
        };
        rule.close().map(|()| read)
    });
    Ok(Kind::Choice {
        rules: rules.collect::<Read<Vec<_>>>()?,
        default: fields.string("Default")?,
    })
}

/// A Choice's own Assign and Output. AWS's guide applies them whichever rule matches, another engine only with Default: nobody should build on either.
fn choice_leave(fields: &mut Fields) -> Read<Leave> {
    match ["Assign", "Output"]
        .into_iter()
        .find(|name| fields.take(name).is_some())
    {
        Some(name) => Err(format!(
            "{}: {name} beside Choices has no agreed meaning; put it into the rules, or into a state after Default",
            fields.at()
        )),
        None => Ok(Leave::default()),
    }
}

fn until(fields: &mut Fields) -> Read<Until> {
    match (fields.template("Seconds")?, text(fields, "Timestamp")?) {
        (Some(Template::Literal(literal)), None) if literal.as_u64().is_none() => {
            Err(format!("{}: Seconds is not a whole number", fields.at()))
        }
        (Some(seconds @ (Template::Literal(_) | Template::Expression(_))), None) => {
            Ok(Until::Seconds(seconds))
        }
        (None, Some(Template::Literal(Value::String(text))))
            if text.parse::<jiff::Timestamp>().is_err() =>
        {
            Err(format!("{}: Timestamp {text} is no time", fields.at()))
        }
        (None, Some(timestamp)) => Ok(Until::Timestamp(timestamp)),
        _ => Err(format!("{} needs either Seconds or Timestamp", fields.at())),
    }
}

fn parallel(fields: &mut Fields) -> Read<Parallel> {
    let at = format!("{}: Branches", fields.at());
    let branches = fields.array("Branches")?;
    let branches = branches
        .into_iter()
        .enumerate()
        .map(|(index, branch)| inner_flow(branch, format!("{at}/{index}"), false))
        .collect::<Read<Vec<_>>>()?;
    if branches.is_empty() {
        return Err(format!("{at} has none"));
    }
    Ok(Parallel {
        arguments: fields.template("Arguments")?,
        branches,
        handlers: handlers(fields)?,
    })
}

fn map(fields: &mut Fields) -> Read<MapState> {
    let at = format!("{}: ItemProcessor", fields.at());
    let max_concurrency = fields.template("MaxConcurrency")?;
    if let Some(Template::Literal(literal)) = &max_concurrency
        && literal.as_u64().is_none()
    {
        return Err(format!(
            "{}: MaxConcurrency is not a whole number",
            fields.at()
        ));
    }
    Ok(MapState {
        items: fields.template("Items")?,
        item_selector: fields.template("ItemSelector")?,
        max_concurrency,
        processor: inner_flow(fields.required("ItemProcessor")?, at, true)?,
        handlers: handlers(fields)?,
    })
}
