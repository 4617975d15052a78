//! alarm-handler
