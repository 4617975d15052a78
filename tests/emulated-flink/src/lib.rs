//! Managed Service for Apache Flink, emulated: the service's API ([`managed_flink`]) over a data plane that is a simulated or a real Flink ([`flink`]).

pub mod flink;
pub mod managed_flink;
