//! Parallel and Map: flows inside a state. They share the execution's one task; when one fails, the others are dropped where they stand.

use futures::{StreamExt as _, TryStreamExt as _, future::try_join_all, stream};
use serde_json::{Value, json};

use super::{
    definition::{MapState, Parallel},
    errors::Trouble,
    run::{Beside, Run, Thread, Visit},
};

/// How many iterations AWS runs side by side when MaxConcurrency is 0 or not given.
const INLINE_CONCURRENCY: usize = 40;

impl Run {
    /// Runs the branches side by side; the result is the array of their outputs.
    pub(super) async fn parallel(
        &self,
        parallel: &Parallel,
        thread: &mut Thread,
        visit: &Visit<'_>,
    ) -> Result<Value, Trouble> {
        let input = match &parallel.arguments {
            Some(arguments) => {
                self.evaluate(thread, visit, "Arguments", arguments, Beside::Nothing)?
            }
            None => visit.input.clone(),
        };
        self.push(thread, "ParallelStateStarted", None);
        let branches = parallel.branches.iter().map(|branch| {
            let (mut line, input) = (thread.clone(), input.clone());
            async move {
                self.flow(branch, input, &mut line)
                    .await
                    .map(|output| (output, line.last))
            }
        });
        match try_join_all(branches).await {
            Ok(ends) => {
                thread.last = ends
                    .iter()
                    .map(|(_, last)| *last)
                    .max()
                    .unwrap_or(thread.last);
                self.push(thread, "ParallelStateSucceeded", None);
                Ok(ends.into_iter().map(|(output, _)| output).collect())
            }
            Err(trouble) => {
                thread.last = self.execution.events();
                self.push(thread, "ParallelStateFailed", None);
                Err(trouble)
            }
        }
    }

    /// Runs the processor once for each item; the result is the array of the outputs, in the items' order.
    pub(super) async fn map(
        &self,
        map: &MapState,
        thread: &mut Thread,
        visit: &Visit<'_>,
    ) -> Result<Value, Trouble> {
        let items = match &map.items {
            Some(items) => self.evaluate(thread, visit, "Items", items, Beside::Nothing)?,
            None => visit.input.clone(),
        };
        let Value::Array(items) = items else {
            return Err(self.wrong_type(thread, visit, "Items", "an array"));
        };
        let concurrency = match &map.max_concurrency {
            Some(template) => {
                let number =
                    self.evaluate(thread, visit, "MaxConcurrency", template, Beside::Nothing)?;
                number
                    .as_u64()
                    .and_then(|number| usize::try_from(number).ok())
                    .ok_or_else(|| {
                        self.wrong_type(thread, visit, "MaxConcurrency", "a whole number")
                    })?
            }
            None => 0,
        };
        let concurrency = if concurrency == 0 {
            INLINE_CONCURRENCY
        } else {
            concurrency.min(INLINE_CONCURRENCY)
        };
        self.push(
            thread,
            "MapStateStarted",
            Some((
                "mapStateStartedEventDetails",
                json!({ "length": items.len() }),
            )),
        );
        let line = &*thread;
        let iterations = items
            .into_iter()
            .enumerate()
            .map(|(index, item)| self.iteration(map, line.clone(), visit, index, item));
        let ends: Result<Vec<_>, Trouble> = stream::iter(iterations)
            .buffer_unordered(concurrency)
            .try_collect()
            .await;
        match ends {
            Ok(mut ends) => {
                ends.sort_by_key(|(index, ..)| *index);
                thread.last = ends
                    .iter()
                    .map(|(.., last)| *last)
                    .max()
                    .unwrap_or(thread.last);
                self.push(thread, "MapStateSucceeded", None);
                Ok(ends.into_iter().map(|(_, output, _)| output).collect())
            }
            Err(trouble) => {
                thread.last = self.execution.events();
                self.push(thread, "MapStateFailed", None);
                Err(trouble)
            }
        }
    }

    async fn iteration(
        &self,
        map: &MapState,
        mut line: Thread,
        visit: &Visit<'_>,
        index: usize,
        item: Value,
    ) -> Result<(usize, Value, u64), Trouble> {
        let details = || json!({ "name": visit.state.name, "index": index });
        line.map = Some(json!({ "Item": { "Index": index, "Value": item } }));
        self.push(
            &mut line,
            "MapIterationStarted",
            Some(("mapIterationStartedEventDetails", details())),
        );
        let input = match &map.item_selector {
            Some(selector) => {
                self.evaluate(&mut line, visit, "ItemSelector", selector, Beside::Nothing)
            }
            None => Ok(item),
        };
        let output = match input {
            Ok(input) => self.flow(&map.processor, input, &mut line).await,
            Err(trouble) => Err(trouble),
        };
        match output {
            Ok(output) => {
                self.push(
                    &mut line,
                    "MapIterationSucceeded",
                    Some(("mapIterationSucceededEventDetails", details())),
                );
                Ok((index, output, line.last))
            }
            Err(trouble) => {
                self.push(
                    &mut line,
                    "MapIterationFailed",
                    Some(("mapIterationFailedEventDetails", details())),
                );
                Err(trouble)
            }
        }
    }
}
