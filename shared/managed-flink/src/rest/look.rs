//! One look at the job: few calls, one after the other.

use lifecycle::{Job, Part, Property, Unreadable};
use serde_json::Value;

use super::{FlinkRest, RestCall, RestError, RestProblem};
use crate::flink::{self, Captured};

/// Vertices whose subtasks are asked for one by one. Each costs the JobManager a call, and beyond a few they add nothing: an attempt above zero shows in the job's RESTARTING
/// time and the exceptions as well.
const VERTICES_ASKED: usize = 8;

/// Reads the job with at most 5 calls, and one more for each vertex where there are few. The calls go one after the other, over one kept connection. What cannot be read is
/// listed, and does not hinder the rest. `secrets` (see [`crate::properties`]) are taken out of every text.
pub async fn look(rest: &FlinkRest, secrets: &[Property]) -> (Option<Job>, Vec<Unreadable>) {
    let mut unreadable = Vec::new();
    let captured = match gather(rest, &mut unreadable).await {
        Ok(Some(captured)) => captured,
        Ok(None) => return (None, unreadable),
        Err(error) => {
            unreadable.push(Unreadable {
                what: Part::Job,
                why: error.to_string(),
                refusal: None,
            });
            return (None, unreadable);
        }
    };
    let picture = flink::picture(&captured, secrets);
    unreadable.extend(picture.unreadable);
    (picture.job, unreadable)
}

/// All answers. None when Flink knows no job.
async fn gather(
    rest: &FlinkRest,
    unreadable: &mut Vec<Unreadable>,
) -> Result<Option<Captured>, RestError> {
    let overview = rest.overview().await?;
    let Some(id) =
        flink::newest_job(&overview).map_err(|_| RestProblem::Unparsable.of(RestCall::Overview))?
    else {
        return Ok(None);
    };
    let job = rest.job(&id).await?;
    let mut captured = Captured {
        overview: Some(overview),
        ..Captured::default()
    };
    let mut note = |what: Part, answer: Result<Value, RestError>| match answer {
        Ok(answer) => Some(answer),
        Err(error) => {
            unreadable.push(Unreadable {
                what,
                why: error.to_string(),
                refusal: None,
            });
            None
        }
    };
    captured.exceptions = note(Part::Exceptions, rest.exceptions(&id).await);
    let checkpoints = rest.checkpoints(&id).await;
    // 404 of a job that has just answered: it has no checkpointing. Where the job is gone too, nothing is known.
    captured.is_without_checkpointing = captured.exceptions.is_some()
        && matches!(&checkpoints, Err(error) if error.problem == RestProblem::NotFound);
    if !captured.is_without_checkpointing {
        captured.checkpoints = note(Part::Checkpoints, checkpoints);
    }
    captured.metrics = note(Part::Metrics, rest.metrics(&id).await);
    let vertices = flink::vertex_ids(&job);
    if vertices.len() <= VERTICES_ASKED {
        for vertex in vertices {
            // A vertex that cannot be read takes nothing away: its attempts only add to what the sticky signals say. A JobManager that fails to answer is not asked on.
            match rest.vertex(&id, &vertex).await {
                Ok(answer) => captured.vertices.push(answer),
                Err(error) => {
                    tracing::warn!(%error, "a vertex could not be read");
                    break;
                }
            }
        }
    }
    captured.job = Some(job);
    Ok(Some(captured))
}
