//! remediation-planner
