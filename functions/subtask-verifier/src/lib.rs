//! subtask-verifier
