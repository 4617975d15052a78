//! The Flink REST API's answers, and the job they show. Pure: captured files do as well as a live cluster.

mod answers;
mod picture;

pub use picture::{
    Captured, Picture, Unread, job, newest_job, newest_job_now, picture, vertex_ids,
};
