//! managed-flink
